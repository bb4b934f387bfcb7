//! The words of `logs`.

use clap::Args;
use clap::builder::PossibleValuesParser;

/// What a source is, for the help.
const SOURCES: &str = "\
A SOURCE is [HOST/]container:NAME, [HOST/]unit:NAME, [HOST/]file:PATH, [HOST/]kernel
or actions (what was done from here). Without HOST it is on this machine. Without a
SOURCE the sources that the hosts offer are listed.

A WHEN is a length of time before now (10m, 2h30m, 3d), a time of day (14:05,
14:05:22), or a date and time (2026-11-21T14:05:22Z).

Examples:
  pilothouse logs spark-1/container:vllm -f
  pilothouse logs spark-1/kernel spark-2/kernel --since 1h --level warn
  pilothouse logs file:/var/log/syslog --grep 'oom|xid' --json
  pilothouse logs --list spark-1

With --json, one object per line: time (RFC 3339, UTC), host, source, stream, level, text.
Gaps and remarks go to standard error. Exit codes: 0 done, 1 a source can't be read,
2 wrong usage, 4 a host is unreachable, 130 ended by Ctrl-C.";

/// Names of levels, as they are typed.
const LEVELS: [&str; 7] = ["trace", "debug", "info", "notice", "warn", "error", "fatal"];

/// What is to be read.
#[derive(Debug, Args)]
#[command(after_help = SOURCES)]
pub(super) struct LogsArgs {
    /// What to read; several are merged in the order of time
    #[arg(value_name = "SOURCE")]
    pub(super) sources: Vec<String>,
    /// Go on with what is written later
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Begin at this moment
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// End before this moment
    #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
    pub(super) until: Option<String>,
    /// Begin with the last N lines of each source [default: logs.tail of the configuration]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "since")]
    pub(super) tail: Option<u32>,
    /// Only lines that match this regular expression; without capitals it ignores case
    #[arg(short, long, value_name = "RE")]
    pub(super) grep: Option<String>,
    /// Only lines of this level or worse: trace, debug, info, notice, warn, error, fatal
    #[arg(long, value_parser = PossibleValuesParser::new(LEVELS), hide_possible_values = true)]
    pub(super) level: Option<String>,
    /// Print the lines alone, without time, host and source
    #[arg(long)]
    pub(super) raw: bool,
    /// The same as --color never
    #[arg(long)]
    pub(super) no_color: bool,
    /// List the sources that these hosts offer
    #[arg(long, value_name = "HOST", num_args = 0.., conflicts_with = "sources")]
    pub(super) list: Option<Vec<String>>,
}
