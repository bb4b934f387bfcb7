//! `pilothouse power install`: prints what belongs on a hypervisor, to be read before it is put there.

use super::args::InstallArgs;
use crate::cli::error::{CliError, chain};
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::print;
use crate::engine::{HostLayout, power_install};

/// Prints the script to standard output and the steps to standard error; with `--json` all of it as one value.
pub(super) fn run(args: &InstallArgs, here: &Here) -> Result<Exit, CliError> {
    let key = std::fs::read_to_string(&args.key).map_err(|error| CliError::Usage {
        what: format!("{} can't be read: {error}", args.key.display()),
        hint: "name the public half of a key made for nothing else: `ssh-keygen -t ed25519 -f pilothouse-power`".into(),
    })?;
    let made = power_install(&args.target, &args.from, key.trim(), &HostLayout::default());
    let made = made.map_err(|error| CliError::Usage {
        what: chain(&error),
        hint: error
            .hint
            .unwrap_or_else(|| "see `pilothouse power install --help`".into()),
    })?;
    if here.common.json {
        print::json(&serde_json::json!({
            "script": made.script,
            "script_path": made.script_path,
            "authorized_keys": made.authorized_keys_line,
            "sshd_config": made.sshd_config,
            "steps": made.steps,
        }))?;
        return Ok(Exit::Done);
    }
    print::data(&made.script)?;
    for (number, step) in (1..).zip(&made.steps) {
        print::message(&format!("{number}. {step}"));
    }
    print::message("\nsshd_config:");
    for line in &made.sshd_config {
        print::message(&format!("  {line}"));
    }
    Ok(Exit::Done)
}
