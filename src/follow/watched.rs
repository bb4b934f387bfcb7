//! A program on a host that writes when it likes, bound to the connection it writes to: it ends with it, at once.

use crate::shell::ShellCommand;

const WATCHED: &str = include_str!("watched.sh");

/// The same program, ended with its standard input. For what is held open only: a command that is run to its end has
/// no input.
pub(super) fn watched(program: ShellCommand) -> ShellCommand {
    ShellCommand::new("sh")
        .arg("-c")
        .arg(WATCHED)
        .arg("pilothouse-follow")
        .command(program)
}
