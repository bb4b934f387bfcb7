//! What a person types at the terminal in answer to a verb's question. Nothing that was typed before it counts.

use std::io::{self, IsTerminal as _};

use rustix::termios::{QueueSelector, tcflush};

use super::error::CliError;

/// Whether somebody sits at a terminal who sees the question and can answer it.
pub(super) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Throws away what was typed before the question.
pub(super) fn forget() -> Result<(), CliError> {
    Ok(tcflush(io::stdin(), QueueSelector::IFlush).map_err(io::Error::from)?)
}

/// A line of standard input.
pub(super) async fn line() -> Result<String, CliError> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(io::Error::other)??;
    Ok(line.trim().to_owned())
}
