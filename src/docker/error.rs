//! Why the container engine did not do what it was asked.

use thiserror::Error;

/// What went wrong, for code to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerErrorKind {
    /// This host has no container engine.
    Absent,
    /// There is a socket, and we may not use it.
    NoPermission,
    /// There is a socket, and nobody answers.
    Silent,
    /// The server forbids forwarding to sockets, and nothing else leads there.
    Forbidden,
    /// It speaks an API that is too old.
    TooOld,
    /// There is no such container.
    NotFound,
    /// The engine refuses it in this state.
    Conflict,
    /// The engine tried and failed.
    Failed,
    /// The connection ended meanwhile: it may or may not have happened.
    Lost,
    /// It took too long.
    Timeout,
    /// The answer could not be read.
    Protocol,
}

/// Why the container engine did not do what it was asked.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct DockerError {
    /// The kind.
    pub kind: DockerErrorKind,
    /// One sentence.
    pub what: String,
    /// The mend, where we know one.
    pub hint: Option<String>,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl DockerError {
    /// An error without a mend.
    pub fn new(kind: DockerErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    /// The same with a mend.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with what lies beneath.
    pub(super) fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}
