//! Why weights could not be looked at, fetched, copied or deleted.

use thiserror::Error;

use crate::exec::ExecError;
use crate::jobs::JobError;

/// Why something about weights failed.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct WeightsError {
    /// What sort of failure it is.
    pub kind: WeightsErrorKind,
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
pub enum WeightsErrorKind {
    /// The host could not be asked.
    Host,
    /// The host's answer is not ours, or broke off.
    Protocol,
    /// The hub could not be asked, or said no.
    Hub,
    /// The disk has too little room.
    Space,
    /// It is not done: what it is about is in use, or not ours to touch.
    Refused,
    /// A job of the host failed, or is in the way.
    Job,
}

impl WeightsError {
    pub(super) fn new(kind: WeightsErrorKind, what: impl Into<String>) -> Self {
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

    pub(super) fn host(error: ExecError) -> Self {
        Self {
            kind: WeightsErrorKind::Host,
            what: "the host could not be asked about its weights".to_owned(),
            hint: error.hint.clone(),
            source: Some(Box::new(error)),
        }
    }

    pub(super) fn job(error: JobError) -> Self {
        Self {
            kind: WeightsErrorKind::Job,
            what: "the host did not take the work on".to_owned(),
            hint: error.hint.clone(),
            source: Some(Box::new(error)),
        }
    }
}
