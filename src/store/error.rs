//! Why something could not be kept or read: never a reason to stop, always one to tell.

use std::path::Path;

use thiserror::Error;

/// Why the store could not do it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct StoreError {
    /// What sort of failure it is.
    pub kind: StoreErrorKind,
    /// One sentence, lowercase.
    pub what: String,
    /// What a person can do about it, where we know.
    pub hint: Option<String>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Another program holds the file and does not let go.
    Locked,
    /// The disk is full.
    Full,
    /// The file or its directory may not be written or made.
    Unwritable,
    /// The file is damaged.
    Corrupt,
    /// A newer version of this program has written it.
    Newer,
    /// More is asked than the disk keeps up with.
    Behind,
    /// The store has ended.
    Ended,
    /// SQLite says no for another reason.
    Other,
}

impl StoreError {
    pub(super) fn new(kind: StoreErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error of the file system.
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull => StoreErrorKind::Full,
            _ => StoreErrorKind::Unwritable,
        };
        Self::new(kind, format!("can't make {}: {error}", path.display()))
            .hint("the console goes on without a history")
    }

    /// An error of SQLite.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let file = path.display();
        let hint = "the console goes on without a history";
        match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::new(
                StoreErrorKind::Locked,
                format!("{file} is held by another program"),
            )
            .hint("end the other program"),
            Some(Code::DiskFull) => {
                Self::new(StoreErrorKind::Full, format!("the disk of {file} is full"))
                    .hint("make room there")
            }
            Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => Self::new(
                StoreErrorKind::Unwritable,
                format!("{file} can't be written"),
            )
            .hint(hint),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::new(StoreErrorKind::Corrupt, format!("{file} is damaged"))
                    .hint("it is set aside at the next start")
            }
            _ => Self::new(StoreErrorKind::Other, format!("{file}: {error}")).hint(hint),
        }
    }
}
