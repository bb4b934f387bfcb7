//! Why a service of a host could not be asked.

use thiserror::Error;

/// Why a service could not be asked.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct HttpError {
    /// What sort of failure it is.
    pub kind: HttpErrorKind,
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
pub enum HttpErrorKind {
    /// Nothing listens there.
    Refused,
    /// The host's own server forbids connections from the host.
    Forbidden,
    /// The host itself can't be reached.
    Host,
    /// No whole answer came in time.
    Timeout,
    /// The answer is larger than it may be.
    TooBig,
    /// What answers speaks something else.
    NotHttp,
    /// The connection ended in the middle.
    Lost,
    /// No request can be made of what was given; https for one.
    Request,
}

impl HttpError {
    pub(super) fn new(kind: HttpErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}
