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
    /// A host can't be reached.
    Unreachable,
    /// As a signal or the terminal ended it: 128 and the signal's number.
    Ended(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 4,
            Exit::Ended(code) => code,
        })
    }
}
