//! The words of `pilothouse services`, and their help.

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::ServiceAct;

/// What the words mean, and what `--json` prints.
const SHAPE: &str = "\
A service is named HOST/NAME, or NAME alone where it is the only one of that name.
Services are those of the configuration (`services:`).

What changes something is confirmed with --yes and the name that its question
wants, or looked at first with --dry-run.

Examples:
  pilothouse services list
  pilothouse services probe spark-1/vllm --deep
  pilothouse services restart spark-1/qdrant --yes qdrant
  pilothouse services report stt failed \"empty transcripts since noon\"

With --json, `list` prints one object:
  time (RFC 3339, UTC)
  hosts[]   name, state, why, hint, and
    services[] name, state, detail, for_seconds, managed, port, model,
               shallow, deep (seconds_ago, took_ms, outcome, words),
               restarts (recent, last, held)
State is unknown, healthy, idle, starting, unhealthy, wedged, stopped or
unreachable. A value that is missing is null. Fields are added to this shape,
never renamed.";

/// The services of the fleet.
#[derive(Debug, Args)]
#[command(after_help = SHAPE, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs", disable_help_subcommand = true)]
pub(in crate::cli) struct ServicesArgs {
    #[command(subcommand)]
    pub(super) verb: ServicesVerb,
}

/// What to do with services.
#[derive(Debug, Subcommand)]
pub(super) enum ServicesVerb {
    /// List them with their health; exit 1 when one is not as it should be
    List {
        /// Hosts whose services to list; those of the configuration otherwise
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
    },
    /// Show one: how it is run, how it is looked at, what was found
    Show(One),
    /// Start it
    Start(Act),
    /// Stop it
    Stop(Act),
    /// Stop and start it
    Restart(Act),
    /// Fetch its sources and bring it up again
    Update(Act),
    /// Put its overlay files into its container again, and restart it
    Reapply(Act),
    /// Install its container, or build its image
    Install(Act),
    /// Look at it now; exit 1 when it is not as it should be
    Probe {
        #[command(flatten)]
        of: One,
        /// With a real request: one token, one embedding, half a second of speech
        #[arg(long)]
        deep: bool,
    },
    /// Show what happened to it, newest last
    History(One),
    /// Tell how it fared for you; goes into its history and changes nothing
    Report {
        #[command(flatten)]
        of: One,
        /// ok or failed
        #[arg(value_name = "HOW")]
        how: How,
        /// What you saw
        #[arg(value_name = "WORDS", required = true)]
        words: Vec<String>,
    },
}

/// One service.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The service
    #[arg(value_name = "[HOST/]NAME")]
    pub(super) service: String,
}

/// A change of one service.
#[derive(Debug, Args)]
pub(super) struct Act {
    #[command(flatten)]
    pub(super) of: One,
    /// Where it is a longer work (update, install): begin it and do not wait for its end
    #[arg(long)]
    pub(super) detach: bool,
}

/// How a service fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum How {
    /// It did what it should
    Ok,
    /// It did not
    Failed,
}

impl ServicesVerb {
    /// The service that a verb is about; `None`: all.
    pub(super) fn one(&self) -> Option<&One> {
        match self {
            Self::List { .. } => None,
            Self::Show(one) | Self::History(one) => Some(one),
            Self::Probe { of, .. } | Self::Report { of, .. } => Some(of),
            Self::Start(act)
            | Self::Stop(act)
            | Self::Restart(act)
            | Self::Update(act)
            | Self::Reapply(act)
            | Self::Install(act) => Some(&act.of),
        }
    }

    /// The change that a verb stands for.
    pub(super) fn act(&self) -> Option<(&Act, ServiceAct)> {
        Some(match self {
            Self::Start(act) => (act, ServiceAct::Start),
            Self::Stop(act) => (act, ServiceAct::Stop),
            Self::Restart(act) => (act, ServiceAct::Restart),
            Self::Update(act) => (act, ServiceAct::Update),
            Self::Reapply(act) => (act, ServiceAct::Reapply),
            Self::Install(act) => (act, ServiceAct::Install),
            Self::List { .. }
            | Self::Show(_)
            | Self::Probe { .. }
            | Self::History(_)
            | Self::Report { .. } => return None,
        })
    }
}
