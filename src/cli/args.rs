//! The words of the command line, and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::ask_verb::AskArgs;
use super::containers::ContainersArgs;
use super::demo_verb::DemoArgs;
use super::ledger_verbs::LedgerVerb;
use super::logs_args::LogsArgs;
use super::models::ModelsArgs;
use super::power::PowerArgs;
use super::runbook_verb::RunbookArgs;
use super::services::ServicesArgs;
use crate::config::{Flags, VARIABLES, parse_period};

/// What to try first.
pub(super) const EXAMPLES: &str =
    "  pilothouse                           the hosts of the configuration, else this machine
  pilothouse spark-1 ops@box:2222      these hosts; names of ~/.ssh/config work too
  pilothouse demo --drill wedge        see it without any machine
  pilothouse once --json spark-1       one look, for scripts
  pilothouse logs spark-1/kernel -f    log lines of any sources, as they come
  pilothouse config init               write a configuration to start from
  pilothouse doctor                    find out what is missing here, and the mend";

/// What the exit codes mean: a promise to scripts.
pub(super) const EXIT_STATUS: &str = "  0  done
  1  failed
  2  wrong usage, or input that was refused
  3  refused by policy: read-only, not armed, not confirmed
  4  a host is unreachable
  5  the outcome is not known";

const AFTER: &str = "Every verb explains itself: pilothouse config --help";

const PRECEDENCE: &str = "\
Precedence: flag, environment (PILOTHOUSE_…), configuration file, default.
Every variable is listed by `pilothouse config print --help`.";

/// What `once --json` prints, for those who read it with a script.
const SHAPE: &str = "\
With --json, one object:
  fleet, time (RFC 3339, UTC), read_only
  hosts[]    name, tags[], state, detail, round_trip_ms, and
    failure    rung, for_seconds, why, hint; null while the host answers
    machine    memory, load, cpu_percent …; null before it has answered
    driver     state, source, version, cuda; null before it has answered
    gpus[]     index, id, name, lost, utilisation_percent, memory_used_mib,
               temperature_celsius, power_watts …
    processes[], disks[]
State is ok, connecting, asking, stale, hot, tight, driver, down or wedged.
A value that is missing is null, and `missing` beside it says why. Fields are
added to this shape, never renamed.";

/// A control room for a small fleet of GPU machines, in one terminal, over plain SSH.
///
/// Nothing has to be installed on the machines: an SSH login is enough. Without a verb the console opens on the hosts
/// given, else on those of the configuration, else on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "pilothouse",
    version,
    after_help = format!("Examples:\n{EXAMPLES}\n\n{AFTER}"),
    after_long_help = format!(
        "Examples:\n{EXAMPLES}\n\n{AFTER}\n\nExit codes:\n{EXIT_STATUS}\n\n{PRECEDENCE}"
    ),
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
    max_term_width = 100
)]
pub(super) struct CommandLine {
    /// Hosts to show: names of the configuration, [USER@]HOST[:PORT], ssh aliases, or `local` for this machine
    #[arg(value_name = "HOST")]
    pub(super) hosts: Vec<String>,
    /// Record the session into a new file, for `pilothouse replay`
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// Flags that every verb understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// Read this configuration file; it has to be there
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Refuse every change on every host
    #[arg(long, global = true)]
    pub(super) read_only: bool,
    /// Confirm the one change that is asked for, by the name that its question wants
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) yes: Option<String>,
    /// Print what a change would do, exactly, and do nothing
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(super) color: Color,
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Theme: a name (dark, light, high-contrast, …) or a file
    #[arg(long, value_name = "THEME", global = true)]
    pub(super) theme: Option<String>,
    /// Time between two samples, such as 500ms, 1s or 2m
    #[arg(long, value_name = "TIME", global = true, value_parser = parse_period)]
    pub(super) period: Option<Duration>,
}

impl Common {
    /// What the configuration has to know of the flags.
    pub(super) fn flags(&self, hosts: Vec<String>) -> Flags {
        Flags {
            config: self.config.clone(),
            read_only: self.read_only,
            theme: self.theme.clone(),
            period: self.period,
            hosts,
        }
    }
}

/// When there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do instead of opening the console.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Look at the fleet once and print a table, or JSON; exit 4 when a host is unreachable
    #[command(after_help = SHAPE)]
    Once {
        /// Hosts to look at; those of the configuration otherwise
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
    },
    /// List the containers of the fleet, look into one, or change it
    Containers(ContainersArgs),
    /// List the models of the fleet, look what a swap would meet, swap, download, remove
    Models(ModelsArgs),
    /// List the services of the fleet with their health, look at one now, or change it
    Services(ServicesArgs),
    /// Print log lines of containers, units, files and kernels, merged in the order of time
    Logs(LogsArgs),
    /// Ask the assistant one question and print its answer as it comes; it looks, and only proposes changes
    Ask(AskArgs),
    /// List the runbooks, or run one: questions to a sick host, and what the answers add up to
    Runbook(RunbookArgs),
    /// Show a simulated fleet behind real SSH servers in this process: no GPU, no network
    Demo(DemoArgs),
    /// Play a recorded session in the same screen
    Replay {
        /// A file that --record wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print what this machine's NVIDIA driver says as JSON lines, one per period
    Probe {
        /// Print one line and end
        #[arg(long)]
        once: bool,
    },
    /// Check terminal, configuration, keys and hosts: PASS, WARN or FAIL, each with its mend; exit 1 where one fails
    Doctor {
        /// Hosts to check; those of the configuration otherwise
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
    },
    /// Use the power switch of a host: status, forensics, start, stop, reset, cycle; no assistant in its path
    Power(PowerArgs),
    /// Show, verify or export the ledger: what was done, by whom, with what outcome
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// Write, show or check the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the names that the last word may become; completions ask this
    #[command(hide = true)]
    Names {
        /// The words of a command line, without the program
        #[arg(value_name = "WORDS", last = true)]
        words: Vec<String>,
    },
    /// Print the manual page
    Man,
    /// Serve the assistant's tools on standard input and output; the console starts this, nobody else can
    ///
    /// A server of the Model Context Protocol (stdio). It hands each call to the console that started it, over the private
    /// socket named in PILOTHOUSE_MCP_SOCKET, and does nothing by itself.
    #[command(hide = true)]
    Mcp,
}

/// What to do with the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum ConfigVerb {
    /// Write a commented configuration to start from; never overwrites one
    Init,
    /// Show the configuration in force and where each value came from; secrets are masked
    #[command(after_help = format!("Variables:\n{}", variables()))]
    Print,
    /// Tell every problem of the configuration; exit 1 when there is one
    Validate,
    /// Print where the configuration file is
    Path,
}

/// The variables of ours and what each sets, a line each.
pub(super) fn variables() -> String {
    let widest = VARIABLES
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    VARIABLES
        .iter()
        .map(|(name, what)| format!("  {name:widest$}  {what}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_of_verbs_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn hosts_flags_and_verbs_find_their_places() {
        let parse = |words: &[&str]| {
            CommandLine::try_parse_from([&["pilothouse"], words].concat()).unwrap()
        };
        let console = parse(&["spark-1", "--read-only", "ops@box:2222", "--period", "2s"]);
        assert_eq!(console.hosts, ["spark-1", "ops@box:2222"]);
        assert!(console.common.read_only && console.verb.is_none());
        assert_eq!(console.common.period, Some(Duration::from_secs(2)));

        let before = parse(&["--config", "a.yaml", "config", "print", "--json"]);
        assert!(matches!(before.verb, Some(Verb::Config(ConfigVerb::Print))));
        assert!(before.common.json && before.hosts.is_empty());
        assert_eq!(before.common.config, Some("a.yaml".into()));

        assert_eq!(parse(&["--", "doctor"]).hosts, ["doctor"]);
        assert!(CommandLine::try_parse_from(["pilothouse", "--period", "1"]).is_err());
    }

    /// The command of a line of the README: what stands before the words about it, with everything that may be left out.
    fn command(line: &str) -> Option<Vec<String>> {
        let line = line.strip_prefix("pilothouse ")?;
        let line = line.split("  ").next()?.split(" also ").next()?;
        let words = line.replace(['[', ']', '…'], "");
        let mut quoted = words.split('"');
        let mut all = Vec::new();
        while let Some(plain) = quoted.next() {
            let of = |word: &str| word.split('|').next().unwrap_or_default().to_owned();
            all.extend(plain.split_whitespace().map(of));
            all.extend(quoted.next().map(str::to_owned));
        }
        Some(all)
    }

    #[test]
    fn every_command_of_the_readme_is_understood() {
        let readme = include_str!("../../README.md");
        let commands: Vec<_> = readme.lines().filter_map(command).collect();
        assert!(commands.len() > 25, "{}", commands.len());
        for words in commands {
            let all = std::iter::once("pilothouse").chain(words.iter().map(String::as_str));
            if let Err(error) = CommandLine::try_parse_from(all) {
                panic!("{words:?}: {error}");
            }
        }
    }
}
