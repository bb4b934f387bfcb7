//! What goes wrong on the command line: each with its exit code and its mend.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

use super::exit::Exit;
use crate::config::LoadError;
use crate::demo::DemoError;
use crate::engine::{RecordError, ReplayError};
use crate::mcp::McpError;
use crate::store::{LedgerReadError, VerifyError};
use crate::tui::TuiError;
use crate::tui::terminal::TerminalError;

/// Why a verb did not do what it was asked.
#[derive(Debug, ThisError)]
pub(super) enum CliError {
    /// There is no configuration.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Standard output can't be written.
    #[error("the output can't be written")]
    Output(#[from] io::Error),
    /// The words make no sense together.
    #[error("{what}")]
    Usage {
        /// One sentence.
        what: String,
        /// The mend.
        hint: String,
    },
    /// A file that would be overwritten.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// A file that can't be written.
    #[error("{} can't be written", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody knows where the person's files live.
    #[error("no home directory is known")]
    Homeless,
    /// The account has no name, and the environment none either.
    #[error("the login name of this account is not known")]
    Nameless,
    /// The demo did not start.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The screen ended other than by a person's wish.
    #[error(transparent)]
    Screen(#[from] TuiError),
    /// The terminal can't be lent.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// The session can't be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The recording can't be played.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The ledger can't be shown.
    #[error(transparent)]
    Ledger(#[from] LedgerReadError),
    /// The ledger can't be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The assistant's tools can't be served.
    #[error(transparent)]
    Mcp(#[from] McpError),
    /// The runtime did not start.
    #[error("the runtime can't be started")]
    Runtime(#[source] io::Error),
}

impl CliError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Load(_)
            | Self::Usage { .. }
            | Self::Exists(_)
            | Self::Verify(VerifyError::NoKey(_) | VerifyError::BadKey(_))
            | Self::Record(RecordError::Exists(_))
            | Self::Mcp(McpError::NotStarted(_))
            | Self::Replay(_) => Exit::Usage,
            Self::Screen(error) => Exit::Ended(u8::try_from(error.exit_code()).unwrap_or(1)),
            Self::Output(_)
            | Self::Write { .. }
            | Self::Homeless
            | Self::Nameless
            | Self::Terminal(_)
            | Self::Demo(_)
            | Self::Record(_)
            | Self::Ledger(_)
            | Self::Verify(_)
            | Self::Mcp(_)
            | Self::Runtime(_) => Exit::Failed,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Load(error) => error.hint(),
            Self::Usage { hint, .. } => hint,
            Self::Exists(_) => "edit it, or name another file with --config",
            Self::Write { .. } => "choose a folder that you may write with --config",
            Self::Homeless => "set HOME, or name the file with --config",
            Self::Nameless => "set USER",
            Self::Demo(error) => return Some(error.hint()),
            Self::Screen(error) => return error.hint().map(str::to_owned),
            Self::Terminal(error) => error.hint(),
            Self::Record(error) => error.hint(),
            Self::Replay(error) => return error.hint().map(str::to_owned),
            Self::Ledger(_) => "run this as the owner of the ledger",
            Self::Verify(error) => error.hint(),
            Self::Mcp(error) => error.hint(),
            Self::Output(_) | Self::Runtime(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// An error's sentence with everything that lies beneath it.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut beneath = error.source();
    while let Some(error) = beneath {
        words = format!("{words}: {error}");
        beneath = error.source();
    }
    words
}
