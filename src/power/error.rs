//! Why a power switch did not do what it was asked.

use thiserror::Error;

use crate::exec::ExecError;

/// Why something at a power switch failed before anything was begun there.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct PowerError {
    /// What sort of failure it is.
    pub kind: PowerErrorKind,
    /// One sentence, lowercase, without the source's words.
    pub what: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerErrorKind {
    /// The switch can't be reached.
    Unreachable,
    /// It was reached, and says no.
    Refused,
    /// It answers in a way that is not ours.
    Protocol,
    /// The configuration or the arguments are wrong.
    Setup,
}

impl PowerError {
    pub(super) fn new(kind: PowerErrorKind, what: impl Into<String>) -> Self {
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

    pub(super) fn unreachable(what: &str, error: ExecError) -> Self {
        Self {
            kind: PowerErrorKind::Unreachable,
            what: what.to_owned(),
            hint: error.hint.clone(),
            source: Some(Box::new(error)),
        }
    }
}
