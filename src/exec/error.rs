//! Why a host did not do what it was asked: a kind for programs, a sentence and a mend for people.

use thiserror::Error;

/// Why something on a host failed.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct ExecError {
    /// What sort of failure it is.
    pub kind: ExecErrorKind,
    /// One sentence, lowercase, without the source's words.
    pub what: String,
    /// What a person can do about it, where we know.
    pub hint: Option<String>,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecErrorKind {
    /// The host can't be reached.
    Unreachable,
    /// The connection ended while it worked: whether the command took effect is not known.
    Lost,
    /// The host refused: login, channel, socket or file rights.
    Refused,
    /// The program, file or socket is not there.
    NotFound,
    /// It took longer than it may.
    Timeout,
    /// It answered in a way that breaks the protocol, or over a bound.
    Protocol,
}

impl ExecError {
    /// An error of this kind, in these words.
    pub fn new(kind: ExecErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what lies beneath.
    #[must_use]
    pub fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}
