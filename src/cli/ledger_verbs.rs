//! `ledger`: what was done, by whom, with what outcome; whether it is whole; and a copy of it for elsewhere. Works without
//! any host, and without a configuration that can be read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use super::acts::{self, Act};
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::print;
use crate::domain::HostId;
use crate::store::{LedgerPaths, Report, read_ledger, verify_ledger};
use crate::text::escape_json;

/// What `verify` proves, and how.
const PROVES: &str = "\
Exit codes: 0 the ledger is whole, 1 it is not, or can't be read; the first
record that is broken is named. An act without an outcome is told, and breaks
nothing: its console ended before it was known.";

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub(super) enum LedgerVerb {
    /// Show what was done: who, where, what, how it went
    Show {
        /// At most so many acts, the newest
        #[arg(short = 'n', value_name = "N", default_value_t = 50)]
        most: usize,
        /// Only acts on this host
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
    },
    /// Prove that nothing was changed, cut off or put in; exit 1 and name the first record that is broken
    #[command(after_help = PROVES)]
    Verify {
        /// The first key, where it is kept elsewhere
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Write all acts as JSON (or CSV) to a new file, or to standard output
    Export {
        /// Rows for a spreadsheet instead of JSON
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// The file; it must not be there yet
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Does it.
pub(super) fn run(verb: &LedgerVerb, here: &Here) -> Result<Exit, CliError> {
    let paths = here.ledger_paths().ok_or(CliError::Homeless)?;
    match verb {
        LedgerVerb::Show { most, host } => show(&paths, here, *most, host.as_deref()),
        LedgerVerb::Verify { key } => {
            verify(&paths, here, key.as_deref().unwrap_or(paths.key.as_path()))
        }
        LedgerVerb::Export { csv, file } => export(&paths, *csv, file.as_deref()),
    }
}

fn read(paths: &LedgerPaths) -> Result<Vec<Act>, CliError> {
    let (entries, unreadable) = read_ledger(&paths.ledger, usize::MAX, |_| true)?;
    if unreadable > 0 {
        print::message(&format!(
            "{unreadable} lines are no records; `pilothouse ledger verify` says more"
        ));
    }
    Ok(acts::of(entries))
}

fn show(
    paths: &LedgerPaths,
    here: &Here,
    most: usize,
    host: Option<&str>,
) -> Result<Exit, CliError> {
    let host = host.map(HostId::new);
    let mut acts = read(paths)?;
    acts.retain(|act| host.is_none() || act.host == host);
    let acts = acts.split_off(acts.len().saturating_sub(most));
    if here.common.json {
        print::json(&acts)?;
    } else if acts.is_empty() {
        print::message("nothing has been done yet");
    } else {
        print::data(&acts::table(&acts))?;
    }
    Ok(Exit::Done)
}

/// What `verify --json` prints.
#[derive(Serialize)]
struct Verdict<'a> {
    sound: bool,
    records: u64,
    seal: Option<&'a str>,
    recovered: u64,
    open: Vec<serde_json::Value>,
    broken: Option<serde_json::Value>,
}

fn verify(paths: &LedgerPaths, here: &Here, key: &Path) -> Result<Exit, CliError> {
    let report = verify_ledger(paths, key)?;
    if here.common.json {
        print::json(&verdict(&report))?;
    } else {
        print::data(&words(&report, paths))?;
    }
    if key == paths.key && report.records > 0 {
        print::message(
            "the key lies on this machine: keep a copy elsewhere and verify with --key; then not even whoever owns this machine \
             can change the past unseen",
        );
    }
    Ok(match report.broken {
        None => Exit::Done,
        Some(_) => Exit::Failed,
    })
}

fn verdict(report: &Report) -> Verdict<'_> {
    Verdict {
        sound: report.broken.is_none(),
        records: report.records,
        seal: report.seal.as_deref(),
        recovered: report.recovered,
        open: report
            .open
            .iter()
            .map(|open| {
                serde_json::json!({
                    "number": open.number,
                    "time": acts::rfc3339(open.wall),
                    "host": open.host,
                    "what": open.what,
                })
            })
            .collect(),
        broken: report
            .broken
            .as_ref()
            .map(|broken| serde_json::json!({"record": broken.record, "why": broken.why})),
    }
}

fn words(report: &Report, paths: &LedgerPaths) -> String {
    let mut lines = Vec::new();
    match &report.broken {
        Some(broken) => {
            lines.push(format!(
                "BROKEN at record {}: {}",
                broken.record, broken.why
            ));
            lines.push(format!("{} records before it are sound", report.records));
            lines.push(format!("  {}", paths.ledger.display()));
        }
        None if report.records == 0 => lines.push("nothing has been written yet".into()),
        None => lines.push(format!("{} records, all sound", report.records)),
    }
    if report.recovered > 0 {
        lines.push(format!(
            "{} of them tell of something that was put right",
            report.recovered
        ));
    }
    for open in &report.open {
        lines.push(format!(
            "open: record {}, {}: {}; nobody wrote down how it went",
            open.number,
            acts::local(open.wall),
            open.what
        ));
    }
    if let Some(seal) = &report.seal {
        lines.push(format!("seal of record {}: {seal}", report.records));
    }
    lines.join("\n")
}

fn export(paths: &LedgerPaths, csv: bool, file: Option<&Path>) -> Result<Exit, CliError> {
    let acts = read(paths)?;
    let text = if csv {
        acts::csv(&acts)
    } else {
        let json = serde_json::to_string_pretty(&acts).map_err(std::io::Error::from)?;
        escape_json(&json).into_owned()
    };
    let Some(file) = file else {
        return print::data(&text).map(|()| Exit::Done);
    };
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|source| unwritten(file, source))?;
    made.write_all(text.trim_end().as_bytes())
        .and_then(|()| made.write_all(b"\n"))
        .map_err(|source| unwritten(file, source))?;
    print::message(&format!("wrote {} acts to {}", acts.len(), file.display()));
    Ok(Exit::Done)
}

fn unwritten(file: &Path, source: std::io::Error) -> CliError {
    let file = file.to_owned();
    match source.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Exists(file),
        _ => CliError::Write { file, source },
    }
}
