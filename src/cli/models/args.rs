//! The words of `pilothouse models`, and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::domain::RepoId;

/// What the words mean, and what `--json` prints.
const SHAPE: &str = "\
A MODEL is the key of a recipe (`qwen3-coder`) or a repository (`Qwen/Qwen3-8B`).
A PLACE is a host, or a cluster of the configuration (`models: {clusters: …}`).

What changes something is confirmed with --yes and what it is about (the PLACE;
the REPO for download and rm; the HOST of the job for cancel), or looked at
first with --dry-run. A swap or a download is a job of the host: it goes on when
this program ends, Ctrl-C only stops looking at it, and `models status PLACE`
looks again, from any console.

Examples:
  pilothouse models list --all
  pilothouse models preflight qwen3-coder --on spark-1
  pilothouse models swap qwen3-coder --on spark-1 --yes spark-1
  pilothouse models download Qwen/Qwen3-8B --on pair --yes Qwen/Qwen3-8B
  pilothouse models cancel pair --yes spark-1

With --json, `list` prints one object:
  time (RFC 3339, UTC)
  hosts[]   name, state, why, hint, cache, free_bytes, troubles[], lock
  models[]  key, name, repo, local_path, engine, mode, recipe_bytes, note,
            weights[] (host, path, bytes, files, complete, missing, changed),
            served[] (host, port, state, words, model, tokens_per_second …)
A value that is missing is null. Fields are added to this shape, never renamed.";

const SWAP: &str = "\
The swap is a job of the head of the place: lock, stop, launch, load, ready. Its
phases are told on standard error. Ctrl-C stops looking; the swap goes on.

Exit codes: 0 it is served; 1 it failed or was cancelled; 2 wrong usage; 3 not
confirmed, read-only or reserved by somebody; 4 the place is unreachable; 5 it
goes on, or nobody knows how it ended.

  pilothouse models swap qwen3-coder --on spark-1 --dry-run
  pilothouse models swap qwen3-coder --on spark-1 --yes spark-1";

/// The models of the fleet.
#[derive(Debug, Args)]
#[command(after_help = SHAPE, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs", disable_help_subcommand = true)]
pub(in crate::cli) struct ModelsArgs {
    #[command(subcommand)]
    pub(super) verb: ModelsVerb,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(super) enum ModelsVerb {
    /// List what is on disk, with the recipe of each and where it is served
    List(ListArgs),
    /// Show a model: its recipe, its weights, and the exact command that would launch it
    Show(ShowArgs),
    /// Look at everything that a swap would meet; exit 1 when a check fails
    Preflight(PreflightArgs),
    /// Serve this model instead of the present one
    #[command(visible_alias = "launch", after_help = SWAP)]
    Swap(SwapArgs),
    /// Stop what is served, and serve nothing
    Stop {
        #[command(flatten)]
        at: At,
        /// Do not ask the engine first: end it now
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        going: Going,
    },
    /// Serve again what was served before the last swap
    Rollback {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        going: Going,
    },
    /// End a swap, a download or a copy that is at work
    Cancel {
        #[command(flatten)]
        at: At,
        /// Which, where more than one is at work there
        #[arg(long, value_name = "ID")]
        work: Option<String>,
    },
    /// Show the swap that is at work, or the last one; goes along until it has ended
    Status {
        /// A host or a cluster; every place otherwise
        #[arg(value_name = "PLACE")]
        place: Option<String>,
        /// Show how it stands now, and do not go along
        #[arg(long)]
        now: bool,
    },
    /// Reserve a place, so that nobody else swaps its model
    Lock(LockArgs),
    /// Give a reservation back; one of somebody else is refused (exit 3)
    Unlock {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        token: Token,
        /// Take it from whoever holds it
        #[arg(long = "break", conflicts_with = "token_file")]
        force: bool,
    },
    /// Fetch weights on a host, then copy them to the other nodes of a cluster
    Download {
        /// ORGANISATION/NAME on the hub
        #[arg(value_name = "REPO")]
        repo: RepoId,
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        going: Going,
    },
    /// Delete the weights of a repository; what is in use, and folders that are no repository, are refused (exit 3)
    Rm {
        /// ORGANISATION/NAME on the hub
        #[arg(value_name = "REPO")]
        repo: RepoId,
        /// From this host only; may be given more than once. Every host that has them otherwise
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
    },
    /// Infer a recipe for weights without one and show it; with --yes KEY it is kept in the configuration directory
    Keep(KeepArgs),
    /// Read recipe files of the launcher and show what is understood of them
    Import {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// Keep the recipes in the configuration directory
        #[arg(long)]
        keep: bool,
    },
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only this host; may be given more than once
    #[arg(long = "host", value_name = "HOST")]
    pub(super) hosts: Vec<String>,
    /// Also the recipes whose weights are nowhere
    #[arg(short, long)]
    pub(super) all: bool,
}

/// What to show.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The key of a recipe, or a repository
    #[arg(value_name = "MODEL")]
    pub(super) model: String,
    /// Launched there; the first place that can serve it otherwise
    #[arg(long, value_name = "PLACE")]
    pub(super) on: Option<String>,
}

/// What to look at.
#[derive(Debug, Args)]
pub(super) struct PreflightArgs {
    /// The key of a recipe
    #[arg(value_name = "MODEL")]
    pub(super) model: String,
    /// There; the only place that can serve it otherwise
    #[arg(long, value_name = "PLACE")]
    pub(super) on: Option<String>,
    #[command(flatten)]
    pub(super) token: Token,
}

/// What to keep a recipe for.
#[derive(Debug, Args)]
pub(super) struct KeepArgs {
    /// The repository or folder, or the last part of its name
    #[arg(value_name = "MODEL")]
    pub(super) model: String,
    /// As it lies there; the first host that has it otherwise
    #[arg(long, value_name = "PLACE")]
    pub(super) on: Option<String>,
    /// The key of the recipe; its name in small letters otherwise
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
}

/// What to serve.
#[derive(Debug, Args)]
pub(super) struct SwapArgs {
    /// The key of a recipe
    #[arg(value_name = "MODEL")]
    pub(super) model: String,
    #[command(flatten)]
    pub(super) on: On,
    /// Although a check says that it will not work
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) token: Token,
    #[command(flatten)]
    pub(super) going: Going,
}

/// What is reserved.
#[derive(Debug, Args)]
pub(super) struct LockArgs {
    #[command(flatten)]
    pub(super) at: At,
    /// For how long: 1s to 24h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = ttl)]
    pub(super) ttl: Duration,
    /// Why
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) note: String,
    /// Who holds it; you, as your login otherwise
    #[arg(long, value_name = "NAME")]
    pub(super) holder: Option<String>,
    /// Write the token into this new file (mode 0600), for a swap by somebody else; this console keeps it anyway
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

/// Where, as the word behind the verb.
#[derive(Debug, Args)]
pub(super) struct At {
    /// A host or a cluster
    #[arg(value_name = "PLACE")]
    pub(super) place: String,
}

/// Where, as a flag.
#[derive(Debug, Args)]
pub(super) struct On {
    /// A host or a cluster
    #[arg(long = "on", value_name = "PLACE")]
    pub(super) place: String,
}

/// The token of a reservation.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The token of the reservation is in this file; `-` for standard input. The one that this console keeps otherwise
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

/// Whether somebody looks until it has ended.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Going {
    /// Begin it and do not wait for its end
    #[arg(long)]
    pub(super) detach: bool,
}

/// How long a reservation may hold.
fn ttl(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(24);
    match crate::config::duration(text) {
        Some(length) if (Duration::from_secs(1)..=LONGEST).contains(&length) => Ok(length),
        _ => Err("write 30m, 2h or 90s; from 1s to 24h".to_owned()),
    }
}
