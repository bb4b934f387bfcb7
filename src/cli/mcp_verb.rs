//! `pilothouse mcp`: the assistant's tools on standard input and output, started by the console.

use super::error::CliError;
use super::exit::Exit;
use super::runtime;
use crate::config::Environment;
use crate::mcp;

/// Serves until the program or the console ends.
pub(super) fn run() -> Result<Exit, CliError> {
    runtime::block_on(mcp::serve(&Environment::of_process()))??;
    Ok(Exit::Done)
}
