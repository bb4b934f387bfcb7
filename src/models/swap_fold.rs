//! A swap as it is read back from its job (pure): marks and log in, [`SwapReport`] out. Every console reads the same.

use std::time::Duration;

use super::failure::mend;
use super::swap_job::SWAP_LEASE;
use super::timeline::Expected;
use super::{Phase, PhaseState, SwapEnd, SwapPhase, SwapReport, WorkId};
use crate::domain::{ModelKey, Place, Wall};
use crate::jobs::{Job, JobState, Marks};
use crate::text::SafeText;

/// The lines of a log that are kept with a swap.
pub const LOG_LINES: usize = 200;

/// Whether a job is a swap.
pub fn is_swap(job: &Job) -> bool {
    job.lease
        .as_ref()
        .is_some_and(|(key, _)| key.as_str() == SWAP_LEASE)
}

/// The place as whoever began it named it; not there yet in the first moment.
pub fn swap_place(job: &Job) -> Option<&str> {
    job.marks.get("swap").map(|mark| mark.value.as_str())
}

/// How a swap stands. `place` is what [`swap_place`] names; `log` is the end of its log; `expected` what its phases took before.
pub fn fold(job: &Job, place: Place, log: &[SafeText], expected: &Expected) -> SwapReport {
    let end = end(job, log);
    let phases = SwapPhase::ALL
        .into_iter()
        .map(|phase| Phase {
            phase,
            state: state(job, phase, end.as_ref()),
            expected: expected.of(phase),
        })
        .collect();
    let key = |name: &str| said(&job.marks, name).map(ModelKey::new);
    SwapReport {
        work: WorkId(job.id.as_str().to_owned()),
        place,
        model: key("model"),
        before: key("before"),
        by: said(&job.marks, "by").unwrap_or_default().into(),
        began: job.begun,
        phases,
        log: log
            .iter()
            .skip(log.len().saturating_sub(LOG_LINES))
            .cloned()
            .collect(),
        end,
    }
}

fn said<'a>(marks: &'a Marks, key: &str) -> Option<&'a str> {
    let text = marks.get(key)?.value.as_str();
    (!text.is_empty()).then_some(text)
}

/// What a phase says of itself: `running SINCE WORDS`, `done SINCE TOOK WORDS`, `failed SINCE TOOK WHY`, `cancelled SINCE TOOK WHAT`.
enum Told<'a> {
    Running(Wall, &'a str),
    Done(Duration, &'a str),
    Failed(&'a str),
    Cancelled(&'a str),
}

fn told(marks: &Marks, phase: SwapPhase) -> Option<Told<'_>> {
    let text = said(marks, phase.word())?;
    let (how, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (since, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let since = Wall(since.parse::<i64>().ok()?.saturating_mul(1000));
    if how == "running" {
        return Some(Told::Running(since, rest));
    }
    let (took, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let took = Duration::from_millis(took.parse::<u64>().ok()?.saturating_mul(10));
    match how {
        "done" => Some(Told::Done(took, rest)),
        "failed" => Some(Told::Failed(rest)),
        "cancelled" => Some(Told::Cancelled(rest)),
        _ => None,
    }
}

fn state(job: &Job, phase: SwapPhase, end: Option<&SwapEnd>) -> PhaseState {
    match (told(&job.marks, phase), end) {
        (Some(Told::Done(took, words)), _) => PhaseState::Done {
            took,
            words: words.into(),
        },
        (Some(Told::Failed(why)), _) => PhaseState::Failed { why: why.into() },
        (Some(Told::Cancelled(what)), _) => PhaseState::Skipped { why: what.into() },
        (Some(Told::Running(since, words)), None) => PhaseState::Running {
            since,
            words: words.into(),
        },
        (Some(Told::Running(..)), Some(end)) => PhaseState::Failed { why: cut_off(end) },
        (None, None) => PhaseState::Waiting,
        (None, Some(SwapEnd::Stopped)) => PhaseState::Skipped {
            why: "nothing is to be launched".into(),
        },
        (None, Some(_)) => PhaseState::Skipped {
            why: "it did not come to that".into(),
        },
    }
}

fn cut_off(end: &SwapEnd) -> SafeText {
    match end {
        SwapEnd::Cancelled { .. } => "it was cancelled here".into(),
        SwapEnd::Lost => "its runner was gone here".into(),
        SwapEnd::Failed { why, .. } => why.clone(),
        SwapEnd::Served | SwapEnd::Stopped => "it never said how it ended".into(),
    }
}

/// The phase that was at work last.
fn reached(marks: &Marks) -> SwapPhase {
    SwapPhase::ALL
        .into_iter()
        .rev()
        .find(|phase| told(marks, *phase).is_some())
        .unwrap_or(SwapPhase::Lock)
}

fn phase_of(word: &str) -> Option<SwapPhase> {
    SwapPhase::ALL
        .into_iter()
        .find(|phase| phase.word() == word)
}

fn failed(phase: SwapPhase, why: &str, log: &[SafeText]) -> SwapEnd {
    SwapEnd::Failed {
        phase,
        why: why.into(),
        hint: mend(phase, why, log).map(SafeText::from),
    }
}

fn end(job: &Job, log: &[SafeText]) -> Option<SwapEnd> {
    let at = reached(&job.marks);
    if job.state == JobState::Expired {
        return Some(failed(at, "it took longer than all of its phases may", log));
    }
    if let Some(text) = said(&job.marks, "end") {
        let (how, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (word, why) = rest.split_once(' ').unwrap_or((rest, ""));
        let phase = phase_of(word).unwrap_or(at);
        match how {
            "served" => return Some(SwapEnd::Served),
            "stopped" => return Some(SwapEnd::Stopped),
            "failed" => return Some(failed(phase, why, log)),
            "cancelled" => return Some(SwapEnd::Cancelled { phase }),
            _ => {}
        }
    }
    match job.state {
        JobState::Running | JobState::Expired => None,
        JobState::Cancelled => Some(SwapEnd::Cancelled { phase: at }),
        JobState::Lost => Some(SwapEnd::Lost),
        JobState::Ended(status) => {
            let why = format!("its script ended with status {status} and did not say why");
            Some(failed(at, &why, log))
        }
    }
}
