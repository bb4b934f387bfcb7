//! From the words of the command line to the verb, and from its outcome to the exit code.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use super::args::{CommandLine, Verb};
use super::console::{self, Memory, Wishes};
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{
    ask_verb, config_verbs, containers, demo_verb, doctor, ledger_verbs, logs, manual, mcp_verb,
    models, once, power, print, probe, replay_verb, runbook_verb, runtime, services, verb_guess,
};
use crate::config::{Config, read_ssh_aliases};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(told) => return explain(&told),
    };
    let outcome = run(line);
    outcome
        .unwrap_or_else(|error| {
            let exit = error.exit();
            if exit != Exit::Done {
                print::error(&error);
            }
            exit
        })
        .into()
}

/// Help, version and wrong usage, as clap words them. A reader that went away is no error.
fn explain(told: &clap::Error) -> ExitCode {
    let exit = if told.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    };
    match told.print() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failed.into(),
        _ => exit.into(),
    }
}

fn run(line: CommandLine) -> Result<Exit, CliError> {
    let CommandLine {
        hosts,
        record,
        common,
        verb,
    } = line;
    let here = Arc::new(Here::new(common));
    let Some(verb) = verb else {
        let wishes = Wishes {
            record: record.as_deref(),
            memory: Memory::Lasting,
        };
        return console::run(fleet(hosts, &here)?, &here, &wishes);
    };
    let early = hosts.first().map(String::as_str);
    if let Some(word) = early.or(record.as_ref().map(|_| "--record")) {
        return Err(CliError::Usage {
            what: format!("`{word}` stands before the verb"),
            hint: "it comes after the verb, where the verb knows it; see `pilothouse --help`"
                .into(),
        });
    }
    match verb {
        Verb::Power(args) => power::run(&args, &here),
        Verb::Ledger(verb) => ledger_verbs::run(&verb, &here),
        Verb::Containers(args) => containers::run(&args, &here),
        Verb::Models(args) => models::run(&args, &here),
        Verb::Services(args) => services::run(&args, &here),
        Verb::Config(verb) => config_verbs::run(verb, &here),
        Verb::Once { hosts } => once::run(fleet(hosts, &here)?, &here),
        Verb::Logs(args) => logs::run(&args, &here),
        Verb::Ask(args) => ask_verb::run(&args, &here),
        Verb::Runbook(args) => runbook_verb::run(&args, &here),
        Verb::Demo(args) => demo_verb::run(&args, &here),
        Verb::Replay { file } => replay_verb::run(&file, &here),
        Verb::Probe { once } => probe::run(here.common.period, once),
        Verb::Doctor { hosts } => doctor::run(hosts, &here),
        Verb::Completions { shell } => manual::completions(shell).map(|()| Exit::Done),
        Verb::Names { words } => manual::names(&words, &here).map(|()| Exit::Done),
        Verb::Man => manual::man().map(|()| Exit::Done),
        Verb::Mcp => mcp_verb::run(),
    }
}

/// The configuration with the hosts of the arguments; a mistyped verb among them is refused here.
pub(super) fn fleet(hosts: Vec<String>, here: &Here) -> Result<Config, CliError> {
    let file = here.load(Vec::new())?.config;
    if hosts.is_empty() {
        return Ok(file);
    }
    if let Some(suspect) = verb_guess::suspect(&hosts, &file, &read_ssh_aliases(&here.paths)) {
        runtime::block_on(suspect.refuse_unless_it_resolves())??;
    }
    Ok(here.load(hosts)?.config)
}
