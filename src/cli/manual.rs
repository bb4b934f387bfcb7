//! Completions and the manual page, made from the same table as the parser.

use clap::builder::StyledStr;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::args::{self, CommandLine};
use super::error::CliError;
use super::here::Here;
use super::{names, print};

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "pilothouse", &mut text);
    let named = match shell {
        Shell::Bash => names::BASH,
        Shell::Zsh => names::ZSH,
        Shell::Fish => names::FISH,
        _ => "",
    };
    print::data(&format!("{}{named}", String::from_utf8_lossy(&text)))
}

/// Prints the names that the last of these words may become.
pub(super) fn names(words: &[String], here: &Here) -> Result<(), CliError> {
    let config = here.load(Vec::new())?.config;
    let names = names::names(CommandLine::command(), words, &config);
    if names.is_empty() {
        return Ok(());
    }
    print::data(&names.join("\n"))
}

/// Prints the manual: one page with every verb, since there is no page of its own for any.
pub(super) fn man() -> Result<(), CliError> {
    let command = CommandLine::command();
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    verbs(&command).to_writer(&mut text)?;
    as_it_stands("EXAMPLES", args::EXAMPLES).to_writer(&mut text)?;
    as_it_stands("EXIT STATUS", args::EXIT_STATUS).to_writer(&mut text)?;
    as_it_stands("ENVIRONMENT", &args::variables()).to_writer(&mut text)?;
    man.render_version_section(&mut text)?;
    print::data(&String::from_utf8_lossy(&text))
}

/// Every verb with what it takes beside the options that all of them know.
fn verbs(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["VERBS"]);
    for verb in command.get_subcommands() {
        describe(verb, verb.get_name(), &mut roff);
        for below in verb.get_subcommands() {
            let name = format!("{} {}", verb.get_name(), below.get_name());
            describe(below, &name, &mut roff);
        }
    }
    roff
}

fn describe(verb: &Command, name: &str, roff: &mut Roff) {
    roff.control("TP", []);
    roff.text([bold(name)]);
    roff.text([roman(help(verb.get_about()))]);
    roff.control("RS", []);
    for argument in verb
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
    {
        let value = argument
            .get_value_names()
            .filter(|_| argument.get_action().takes_values())
            .map(|names| names.join(" "))
            .unwrap_or_default();
        let words = match argument.get_long() {
            Some(long) if value.is_empty() => vec![bold(format!("--{long}"))],
            Some(long) => vec![bold(format!("--{long}")), roman(" "), italic(value)],
            None => vec![italic(value)],
        };
        roff.control("TP", []);
        roff.text(words);
        roff.text([roman(help(argument.get_help()))]);
    }
    roff.control("RE", []);
}

fn help(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// A section whose lines are not filled.
fn as_it_stands(title: &str, lines: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line.trim_start())]);
    }
    roff.control("fi", []);
    roff
}
