//! The words of `pilothouse power`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};

use crate::domain::PowerVerb;

/// What happens, in the order in which it does.
const STEPS: &str = "\
status and forensics only look. The others change something: confirm them with
--yes HOST, which arms and confirms this one act, or look first with --dry-run.

cycle goes through these steps, each told on standard error; Ctrl-C stops it as
long as the verb has not left:
  cancel window   nothing leaves yet; --now leaves it out
  evidence        who is served, what the far side can tell
  drain           `sync` on the host, if it answers
  graceful        the host is asked to restart by itself, if it answers
  hard            the verb goes to the switch: once
  verify          the host answers again, with a new boot
stop and reset leave out graceful; start has only hard and verify.

Exit 5 means that nobody knows whether it happened: look at status first.";

/// The power switch of one host.
#[derive(Debug, Args)]
#[command(
    after_help = STEPS,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "pilothouse power HOST VERB [OPTIONS]\n       pilothouse power install [OPTIONS]"
)]
pub(in crate::cli) struct PowerArgs {
    /// The host, as the configuration names it
    #[arg(value_name = "HOST", required = true)]
    pub(super) host: Option<String>,
    /// status, forensics, start, stop, reset or cycle
    #[arg(value_name = "VERB", required = true, value_parser = verbs())]
    pub(super) verb: Option<PowerVerb>,
    /// Leave out the time for a change of mind, and the minute between two hard verbs; the ledger says so
    #[arg(long)]
    pub(super) now: bool,
    /// Where the ledger can't be written: send it all the same; only the log of the far host tells of it then
    #[arg(long)]
    pub(super) no_ledger: bool,
    #[command(subcommand)]
    pub(super) install: Option<PowerSetup>,
}

/// What is not a verb of a host.
#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum PowerSetup {
    /// Print the script for a hypervisor and the exact line for its authorized_keys; installs nothing
    Install(InstallArgs),
}

/// What the line for `authorized_keys` is made of.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct InstallArgs {
    /// The number of the machine on its hypervisor, as `qm list` shows it
    #[arg(long, value_name = "ID")]
    pub(super) target: String,
    /// An address or network that the key is good from: this console; may be given more than once
    #[arg(long, value_name = "ADDR", required = true)]
    pub(super) from: Vec<String>,
    /// The public key (`.pub`) that may do nothing but this
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
}

/// The six words, letter by letter, with what each does.
fn verbs() -> impl clap::builder::TypedValueParser<Value = PowerVerb> {
    let known = PowerVerb::ALL.map(|verb| {
        PossibleValue::new(verb.word()).help(match verb {
            PowerVerb::Status => "whether it runs, and what became of the last operation",
            PowerVerb::Forensics => "what the far side can tell about a machine that hangs",
            PowerVerb::Start => "start it",
            PowerVerb::Stop => "cut its power",
            PowerVerb::Reset => "restart it warm, as its reset button does",
            PowerVerb::Cycle => "cut its power and start it afresh",
        })
    });
    PossibleValuesParser::new(known).try_map(|word| word.parse::<PowerVerb>())
}
