//! From the words of the command line to the verb, and from its outcome to the exit code.

use std::process::ExitCode;

use clap::Parser;

use super::args::{CommandLine, Common, Verb};
use super::error::CliError;
use super::exit::Exit;
use super::{config_verbs, demo_verb, doctor, manual, once, print, probe, runtime, verb_guess};
use crate::config::{Config, Environment, Paths, load, read_ssh_aliases};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(told) => return explain(&told),
    };
    let environment = Environment::of_process();
    let outcome = run(line, &environment, &Paths::of_process());
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

fn run(line: CommandLine, environment: &Environment, paths: &Paths) -> Result<Exit, CliError> {
    let CommandLine {
        hosts,
        common,
        verb,
    } = line;
    let Some(verb) = verb else {
        fleet(hosts, &common, environment, paths)?;
        return Err(CliError::Usage {
            what: "a verb is missing".into(),
            hint: "`pilothouse --help` lists them".into(),
        });
    };
    if let Some(host) = hosts.first() {
        return Err(CliError::Usage {
            what: format!("`{host}` stands before the verb"),
            hint: "hosts come after the verb".into(),
        });
    }
    match verb {
        Verb::Config(verb) => config_verbs::run(verb, &common, environment, paths),
        Verb::Once { hosts } => {
            let config = fleet(hosts, &common, environment, paths)?;
            once::run(config, common.json, environment, paths)
        }
        Verb::Demo(args) => demo_verb::run(&args),
        Verb::Probe { once } => probe::run(common.period, once),
        Verb::Doctor { hosts } => {
            doctor::run(&common.flags(hosts), common.json, environment, paths)
        }
        Verb::Completions { shell } => manual::completions(shell).map(|()| Exit::Done),
        Verb::Man => manual::man().map(|()| Exit::Done),
    }
}

/// The configuration with the hosts of the arguments; a mistyped verb among them is refused here.
fn fleet(
    hosts: Vec<String>,
    common: &Common,
    environment: &Environment,
    paths: &Paths,
) -> Result<Config, CliError> {
    let file = load(&common.flags(Vec::new()), environment, paths)?.config;
    if hosts.is_empty() {
        return Ok(file);
    }
    if let Some(suspect) = verb_guess::suspect(&hosts, &file, &read_ssh_aliases(paths)) {
        runtime::block_on(suspect.refuse_unless_it_resolves())??;
    }
    Ok(load(&common.flags(hosts), environment, paths)?.config)
}
