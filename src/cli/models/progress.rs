//! How far a swap is, as lines (pure): each phase once when it begins and once when it ends, and the one that is at work as it
//! moves; and the same for scripts.

use std::time::Duration;

use serde::Serialize;

use super::place;
use super::words::{between, length, moment};
use crate::domain::Wall;
use crate::engine::{PhaseState, SwapEnd, SwapPhase, SwapPhaseRow, SwapReport};

/// What was told of a swap so far.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<(SwapPhase, Stage)>);

/// How far a phase was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    Ended,
}

impl Told {
    /// The lines that are new and stay.
    pub(super) fn news(&mut self, report: &SwapReport) -> Vec<String> {
        let mut lines = Vec::new();
        for row in &report.phases {
            let stage = match row.state {
                PhaseState::Waiting => continue,
                PhaseState::Running { .. } => Stage::Begun,
                PhaseState::Done { .. }
                | PhaseState::Failed { .. }
                | PhaseState::Skipped { .. } => Stage::Ended,
            };
            if self.0.contains(&(row.phase, stage)) {
                continue;
            }
            self.0.push((row.phase, stage));
            lines.push(line(row));
        }
        lines
    }
}

fn line(row: &SwapPhaseRow) -> String {
    let words = match &row.state {
        PhaseState::Waiting => String::new(),
        PhaseState::Running { words, .. } => match row.expected {
            Some(expected) if words.is_empty() => format!("… ~{} last time", length(expected)),
            Some(expected) => format!("{words} … ~{} last time", length(expected)),
            None if words.is_empty() => "…".to_owned(),
            None => format!("{words} …"),
        },
        PhaseState::Done { took, words } if words.is_empty() => {
            format!("done in {}", length(*took))
        }
        PhaseState::Done { took, words } => format!("done in {}: {words}", length(*took)),
        PhaseState::Skipped { why } => format!("skipped: {why}"),
        PhaseState::Failed { why } => format!("FAILED: {why}"),
    };
    format!("{:<8}{words}", row.phase.word())
}

/// The phase that is at work, as it moves: what is seen of it, and how long it has taken so far.
pub(super) fn live(report: &SwapReport, now: Wall) -> Option<String> {
    let row = report
        .phases
        .iter()
        .find(|row| matches!(row.state, PhaseState::Running { .. }))?;
    let PhaseState::Running { since, words } = &row.state else {
        return None;
    };
    let taken = length(between(*since, now));
    let of = match row.expected {
        Some(expected) => format!("{taken} of ~{}", length(expected)),
        None => taken,
    };
    Some(format!("{:<8}{words}  {of}", row.phase.word()))
}

/// How a swap ended, in words: what, and the mend.
pub(super) fn ending(report: &SwapReport, end: &SwapEnd) -> (String, Option<String>) {
    let at = place::name(&report.place);
    let what = || match &report.model {
        Some(model) => model.to_string(),
        None => "nothing".to_owned(),
    };
    let rollback = || {
        let before = report.before.as_ref()?;
        Some(format!(
            "`pilothouse models rollback {at} --yes {at}` serves {before} again"
        ))
    };
    match end {
        SwapEnd::Served => (format!("{at} serves {}", what()), None),
        SwapEnd::Stopped => (format!("{at} serves nothing now"), None),
        SwapEnd::Failed { phase, why, hint } => {
            let hint = hint.as_ref().map(ToString::to_string);
            let mends: Vec<String> = hint.into_iter().chain(rollback()).collect();
            let mend = (!mends.is_empty()).then(|| mends.join("\n  "));
            let word = phase.word();
            (format!("the swap on {at} failed ({word}): {why}"), mend)
        }
        SwapEnd::Cancelled { phase } => (
            format!("the swap on {at} was cancelled ({})", phase.word()),
            rollback(),
        ),
        SwapEnd::Lost => (
            format!("nobody knows how the swap on {at} ended: its job is gone"),
            Some(format!(
                "look first: `pilothouse models list`, then swap again or roll back ({at})"
            )),
        ),
    }
}

/// A swap for scripts.
#[derive(Debug, Serialize)]
pub(super) struct SwapShot {
    work: String,
    place: String,
    head: String,
    model: Option<String>,
    before: Option<String>,
    by: String,
    began: Option<String>,
    /// `running`, `served`, `stopped`, `failed`, `cancelled` or `lost`.
    state: &'static str,
    why: Option<String>,
    hint: Option<String>,
    phases: Vec<PhaseShot>,
    log: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PhaseShot {
    phase: &'static str,
    /// `waiting`, `running`, `done`, `failed` or `skipped`.
    state: &'static str,
    words: String,
    seconds: Option<f64>,
    expected_seconds: Option<f64>,
}

impl SwapShot {
    /// The shot of a swap.
    pub(super) fn of(report: &SwapReport, now: Wall) -> Self {
        let (state, why, hint) = match &report.end {
            None => ("running", None, None),
            Some(SwapEnd::Served) => ("served", None, None),
            Some(SwapEnd::Stopped) => ("stopped", None, None),
            Some(SwapEnd::Failed { why, hint, .. }) => (
                "failed",
                Some(why.to_string()),
                hint.as_ref().map(ToString::to_string),
            ),
            Some(SwapEnd::Cancelled { .. }) => ("cancelled", None, None),
            Some(SwapEnd::Lost) => ("lost", None, None),
        };
        let key = |key: &Option<crate::domain::ModelKey>| key.as_ref().map(ToString::to_string);
        Self {
            work: report.work.0.clone(),
            place: place::name(&report.place).to_owned(),
            head: report.place.head().to_string(),
            model: key(&report.model),
            before: key(&report.before),
            by: report.by.to_string(),
            began: moment(report.began),
            state,
            why,
            hint,
            phases: report.phases.iter().map(|row| phase(row, now)).collect(),
            log: report.log.iter().map(ToString::to_string).collect(),
        }
    }
}

fn phase(row: &SwapPhaseRow, now: Wall) -> PhaseShot {
    let seconds = |length: &Duration| Some(length.as_secs_f64());
    let (state, words, took) = match &row.state {
        PhaseState::Waiting => ("waiting", String::new(), None),
        PhaseState::Running { since, words } => {
            ("running", words.to_string(), seconds(&between(*since, now)))
        }
        PhaseState::Done { took, words } => ("done", words.to_string(), seconds(took)),
        PhaseState::Failed { why } => ("failed", why.to_string(), None),
        PhaseState::Skipped { why } => ("skipped", why.to_string(), None),
    };
    PhaseShot {
        phase: row.phase.word(),
        state,
        words,
        seconds: took,
        expected_seconds: row.expected.as_ref().and_then(seconds),
    }
}
