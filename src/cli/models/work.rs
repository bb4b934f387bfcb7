//! How far a download, a copy or an install is, as a line and for scripts (pure).

use serde::Serialize;

use super::words::{length, moment, rate, size};
use crate::domain::{Bytes, BytesPerSecond, HostId};
use crate::engine::{WorkKind, WorkReport, WorkState};

/// Cells of the bar.
const BAR: usize = 24;

/// What a work does, as a verb with its object.
pub(super) fn title(report: &WorkReport) -> String {
    match &report.kind {
        WorkKind::Download => format!("download of {}", report.subject),
        WorkKind::Copy { to } => format!("copy of {} to {to}", report.subject),
        WorkKind::Install => format!("install of {}", report.subject),
    }
}

/// How far it is, with a bar where its end is known.
pub(super) fn live(report: &WorkReport) -> Option<String> {
    let WorkState::Running {
        words,
        done,
        total,
        rate: speed,
    } = &report.state
    else {
        return None;
    };
    let mut parts = vec![words.to_string()];
    match total {
        Some(total) if total.0 > 0 => {
            parts.push(bar(*done, *total));
            parts.push(format!("{} of {}", size(*done), size(*total)));
            parts.push(format!("{} %", percent(*done, *total)));
        }
        _ if done.0 > 0 => parts.push(size(*done)),
        _ => {}
    }
    parts.extend(speed.map(rate));
    parts.extend(left(*done, *total, *speed));
    Some(parts.join("  "))
}

fn percent(done: Bytes, total: Bytes) -> u64 {
    let percent = u128::from(done.0) * 100 / u128::from(total.0.max(1));
    u64::try_from(percent.min(100)).unwrap_or(100)
}

fn bar(done: Bytes, total: Bytes) -> String {
    let filled = usize::try_from(percent(done, total)).unwrap_or_default() * BAR / 100;
    format!("[{:<BAR$}]", "#".repeat(filled))
}

/// How long the rest takes at this rate.
fn left(done: Bytes, total: Option<Bytes>, speed: Option<BytesPerSecond>) -> Option<String> {
    let speed = speed.filter(|speed| speed.0 > 0)?;
    let rest = total? - done;
    (rest.0 > 0).then(|| {
        let seconds = std::time::Duration::from_secs(rest.0 / speed.0);
        format!("{} left", length(seconds))
    })
}

/// How a work ended, in words: what, and the mend. `None`: it is at work.
pub(super) fn ending(report: &WorkReport, host: &HostId) -> Option<(String, Option<String>)> {
    let title = title(report);
    Some(match &report.state {
        WorkState::Running { .. } => return None,
        WorkState::Done => (format!("the {title} on {host} is done"), None),
        WorkState::Failed { why, hint } => (
            format!("the {title} on {host} failed: {why}"),
            hint.as_ref().map(ToString::to_string),
        ),
        WorkState::Cancelled => (
            format!("the {title} on {host} was cancelled"),
            Some("what is there stays, and is not fetched again the next time".into()),
        ),
        WorkState::Lost => (
            format!("nobody knows how the {title} on {host} ended: its job is gone"),
            Some("ask for it again: what is there is not fetched again".into()),
        ),
    })
}

/// A work for scripts.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct WorkShot {
    work: String,
    host: String,
    /// `download`, `copy` or `install`.
    kind: &'static str,
    to: Option<String>,
    subject: String,
    began: Option<String>,
    /// `running`, `done`, `failed`, `cancelled` or `lost`.
    state: &'static str,
    words: Option<String>,
    hint: Option<String>,
    done_bytes: Option<u64>,
    total_bytes: Option<u64>,
    bytes_per_second: Option<u64>,
}

impl WorkShot {
    /// The shot of a work.
    pub(in crate::cli) fn of(report: &WorkReport, host: &HostId) -> Self {
        let (kind, to) = match &report.kind {
            WorkKind::Download => ("download", None),
            WorkKind::Copy { to } => ("copy", Some(to.to_string())),
            WorkKind::Install => ("install", None),
        };
        let mut shot = Self {
            work: report.work.0.clone(),
            host: host.to_string(),
            kind,
            to,
            subject: report.subject.to_string(),
            began: moment(report.began),
            state: "done",
            words: None,
            hint: None,
            done_bytes: None,
            total_bytes: None,
            bytes_per_second: None,
        };
        match &report.state {
            WorkState::Running {
                words,
                done,
                total,
                rate,
            } => {
                shot.state = "running";
                shot.words = Some(words.to_string());
                shot.done_bytes = Some(done.0);
                shot.total_bytes = total.map(|bytes| bytes.0);
                shot.bytes_per_second = rate.map(|rate| rate.0);
            }
            WorkState::Done => {}
            WorkState::Failed { why, hint } => {
                shot.state = "failed";
                shot.words = Some(why.to_string());
                shot.hint = hint.as_ref().map(ToString::to_string);
            }
            WorkState::Cancelled => shot.state = "cancelled",
            WorkState::Lost => shot.state = "lost",
        }
        shot
    }
}
