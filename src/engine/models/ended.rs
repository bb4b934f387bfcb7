//! What follows when long work on a host ends: its disk and its ports are looked at anew, and people are told.

use super::places;
use super::watch::ModelWatch;
use crate::domain::Severity;
use crate::engine::msg::Msg;
use crate::engine::notice::Notice;
use crate::jobs::Job;
use crate::models::{SwapEnd, SwapReport, WorkReport, WorkState};
use crate::text::SafeText;

/// The long works among the jobs of a host.
pub(super) fn works(_jobs: &[Job]) -> Vec<WorkReport> {
    Vec::new()
}

/// Whether a work has no end yet.
pub(super) fn is_running(work: &WorkReport) -> bool {
    matches!(work.state, WorkState::Running { .. })
}

/// A swap has ended, or was found so.
pub(super) async fn swap(watch: &ModelWatch, report: &SwapReport, _job: &Job, seen_at_work: bool) {
    watch.link.serving.now();
    if !seen_at_work {
        return;
    }
    let (severity, sentence, hint) = words(report);
    let notice = Notice {
        at: watch.shared.lanes.now(),
        severity,
        host: Some(watch.host.clone()),
        sentence,
        hint,
    };
    watch.shared.lanes.fact(Msg::Noticed(notice)).await;
}

/// The end of a swap in a sentence.
pub(super) fn words(report: &SwapReport) -> (Severity, SafeText, Option<SafeText>) {
    let place = places::name(&report.place);
    let what = match &report.model {
        Some(model) => format!("the swap of {place} to {model}"),
        None => format!("the stop of what {place} served"),
    };
    match &report.end {
        Some(SwapEnd::Served) => (
            Severity::Info,
            match &report.model {
                Some(model) => format!("{place} serves {model}").into(),
                None => format!("{what} ended").into(),
            },
            None,
        ),
        Some(SwapEnd::Stopped) => (
            Severity::Info,
            format!("{place} serves nothing now").into(),
            None,
        ),
        Some(SwapEnd::Failed { phase, why, hint }) => (
            Severity::Error,
            format!("{what} failed in its phase {}: {why}", phase.word()).into(),
            hint.clone(),
        ),
        Some(SwapEnd::Cancelled { phase }) => (
            Severity::Warning,
            format!("{what} was cancelled in its phase {}", phase.word()).into(),
            Some("roll back, or swap again".into()),
        ),
        Some(SwapEnd::Lost) => (
            Severity::Error,
            format!("{what} was lost: its runner is gone without an outcome").into(),
            Some("look at what is served there, then swap again or roll back".into()),
        ),
        None => (Severity::Info, format!("{what} is at work").into(), None),
    }
}

/// Works have moved: those that ended changed the disk.
pub(super) fn work(watch: &ModelWatch, before: &[WorkReport], now: &[WorkReport]) {
    let ended = |work: &&WorkReport| {
        let known = before.iter().find(|known| known.work == work.work);
        known.is_some_and(is_running) && !is_running(work)
    };
    if now.iter().any(|work| ended(&work)) {
        watch.link.disk.now();
    }
}
