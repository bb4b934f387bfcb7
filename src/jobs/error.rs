//! Why a job could not be begun, seen or ended.

use thiserror::Error;

use crate::exec::ExecError;

use super::JobId;

/// Why something about a job failed.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct JobError {
    /// What sort of failure it is.
    pub kind: JobErrorKind,
    /// One sentence, lowercase, without the source's words.
    pub what: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobErrorKind {
    /// The host could not be asked. Whether a job was begun is told by asking again with the same name: it is begun once.
    Host,
    /// The lease is held by this job.
    Held(JobId),
    /// There is no such job on the host.
    Missing,
    /// The host says no.
    Refused,
    /// The answer is not ours.
    Protocol,
    /// A name that no job or lease can have.
    Name,
}

impl JobError {
    pub(super) fn new(kind: JobErrorKind, what: impl Into<String>) -> Self {
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
            kind: JobErrorKind::Host,
            what: "the host could not be asked about its jobs".to_owned(),
            hint: error.hint.clone(),
            source: Some(Box::new(error)),
        }
    }
}
