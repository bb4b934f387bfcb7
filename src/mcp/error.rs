//! Why the tools can't be served.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the tools can't be served.
#[derive(Debug, Error)]
pub enum McpError {
    /// Somebody else than the console started it.
    #[error("this verb is started by the console, for the assistant; {0} is not set")]
    NotStarted(&'static str),
    /// The console is not there.
    #[error("the console does not answer on {path}")]
    Console {
        /// Its socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The console did not take the word.
    #[error(
        "the console refused this connection: another one is there already, or the word is an old one"
    )]
    Refused,
    /// Reading from or writing to the program or the console failed.
    #[error("the connection between the assistant and the console broke")]
    Broken(#[from] io::Error),
}

impl McpError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotStarted(_) => {
                "open the breakglass pane of the console, or run `pilothouse ask`"
            }
            Self::Console { .. } | Self::Refused => {
                "the console may have ended; begin a new conversation"
            }
            Self::Broken(_) => "begin a new conversation",
        }
    }
}
