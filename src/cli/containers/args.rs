//! The words of `containers`, and their help.

use clap::{Args, Subcommand};

use crate::domain::ContainerAct;

/// What `containers` prints with `--json`.
const SHAPE: &str = "\
A container is named HOST/NAME, or NAME alone where it is the only one of that
name, or runs on this machine. The first digits of its id do as well.

With --json, one object:
  time (RFC 3339, UTC)
  hosts[]    name, and
    engine      state (up, absent, lost, unknown), flavour, version, api,
                socket, rootless, why, hint
    after_gap[] what changed while the engine could not be heard
    containers[] id, name, image, state, exit_code, health, ports[], created,
                started, finished, restarts, project, service, owner, labels,
                gpu_memory_mib, stats (with --stats)
A value that is missing is null. Fields are added to this shape, never renamed.";

/// Which containers to list, or what to do with one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = SHAPE, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs", disable_help_subcommand = true)]
pub(in crate::cli) struct ContainersArgs {
    /// Hosts whose containers to list; those of the configuration otherwise
    #[arg(value_name = "HOST")]
    pub(super) hosts: Vec<String>,
    /// Those that have ended too
    #[arg(short, long)]
    pub(super) all: bool,
    /// Also what each takes: CPU and memory; takes two seconds more
    #[arg(long)]
    pub(super) stats: bool,
    #[command(subcommand)]
    pub(super) verb: Option<ContainersVerb>,
}

/// What to do with a container.
#[derive(Debug, Subcommand)]
pub(super) enum ContainersVerb {
    /// Show what a container is made of; values that look like secrets are masked
    Show {
        #[command(flatten)]
        of: One,
        /// Show the values of secrets too
        #[arg(long)]
        show_secrets: bool,
    },
    /// List the processes of a container
    Top(One),
    /// Start it
    Start(One),
    /// Ask it to end, and end it after its grace
    Stop(One),
    /// Stop and start it
    Restart(One),
    /// End it now
    Kill(One),
    /// Freeze its processes
    Pause(One),
    /// Let its processes go on
    Unpause(One),
    /// Remove it; one that runs is refused
    Remove(One),
    /// Remove what has ended and what nothing uses: containers, and images without a name
    Prune {
        /// The host
        #[arg(value_name = "HOST")]
        host: String,
    },
    /// Open a terminal in a container: a shell, or a command after --
    Exec {
        #[command(flatten)]
        of: One,
        /// The command and its arguments; the best shell that is there otherwise
        #[arg(last = true, value_name = "COMMAND")]
        argv: Vec<String>,
    },
}

/// One container.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The container
    #[arg(value_name = "[HOST/]NAME")]
    pub(super) container: String,
}

impl ContainersVerb {
    /// The change that a verb stands for, with its container.
    pub(super) fn act(&self) -> Option<(&One, ContainerAct)> {
        Some(match self {
            Self::Start(one) => (one, ContainerAct::Start),
            Self::Stop(one) => (one, ContainerAct::Stop),
            Self::Restart(one) => (one, ContainerAct::Restart),
            Self::Kill(one) => (one, ContainerAct::Kill),
            Self::Pause(one) => (one, ContainerAct::Pause),
            Self::Unpause(one) => (one, ContainerAct::Unpause),
            Self::Remove(one) => (one, ContainerAct::Remove),
            Self::Show { .. } | Self::Top(_) | Self::Prune { .. } | Self::Exec { .. } => {
                return None;
            }
        })
    }
}
