//! Why a source of lines can't be read: a kind for programs, a sentence and a mend for people.

use thiserror::Error;

use crate::exec::{ExecError, ExecErrorKind};

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowErrorKind {
    /// There is no such file or unit.
    Absent,
    /// It is there, and this login may not read it.
    NoPermission,
    /// The host lacks what it takes to read such a source.
    Unsupported,
    /// The way to the host is gone; it may come back.
    Lost,
    /// The host tried and failed.
    Failed,
}

/// Why a source of lines can't be read.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct FollowError {
    /// The kind.
    pub kind: FollowErrorKind,
    /// One sentence.
    pub what: String,
    /// The mend, where we know one.
    pub hint: Option<String>,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl FollowError {
    /// An error of this kind, in these words.
    pub fn new(kind: FollowErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    /// Adds the mend.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether trying again by itself may help.
    pub fn may_pass(&self) -> bool {
        self.kind == FollowErrorKind::Lost
    }
}

impl From<ExecError> for FollowError {
    fn from(error: ExecError) -> Self {
        let kind = match error.kind {
            ExecErrorKind::Unreachable | ExecErrorKind::Lost | ExecErrorKind::Timeout => {
                FollowErrorKind::Lost
            }
            ExecErrorKind::Refused => FollowErrorKind::NoPermission,
            ExecErrorKind::NotFound => FollowErrorKind::Absent,
            ExecErrorKind::Protocol => FollowErrorKind::Failed,
        };
        Self {
            kind,
            what: error.to_string(),
            hint: error.hint.clone(),
            source: Some(Box::new(error)),
        }
    }
}
