//! How the program ends. The numbers are a promise to scripts.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done,
    /// Tried and failed.
    Failed,
    /// Wrong usage, or input that was refused.
    Usage,
    /// Refused by policy: read-only, not confirmed, not to be written down.
    Refused,
    /// A host can't be reached.
    Unreachable,
    /// It may or may not have happened.
    Unknown,
    /// As a signal or the terminal ended it (128 and the signal's number), or as a program ended that had our terminal.
    Ended(u8),
}

impl Exit {
    /// As a program ended that had our terminal; a status that is none of a process's own is a failure.
    pub(super) fn of_program(status: i32) -> Self {
        match u8::try_from(status) {
            Ok(0) => Self::Done,
            Ok(status) => Self::Ended(status),
            Err(_) => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Unreachable => 4,
            Exit::Unknown => 5,
            Exit::Ended(code) => code,
        })
    }
}
