//! Completions and the manual page, made from the same table as the parser.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::CommandLine;
use super::error::CliError;
use super::print;

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "pilothouse", &mut text);
    print::data(&String::from_utf8_lossy(&text))
}

/// Prints the manual: the program's page, and below it the page of each verb.
pub(super) fn man() -> Result<(), CliError> {
    let mut text = Vec::new();
    let mut command = CommandLine::command();
    command.build();
    Man::new(command).render(&mut text)?;
    print::data(&String::from_utf8_lossy(&text))
}
