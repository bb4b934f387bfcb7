//! What follows when long work on a host ends: its disk and its ports are looked at anew, people are told, and one console writes it
//! down and calls the webhook. Which one, the host decides.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::places;
use super::secrets;
use super::watch::ModelWatch;
use crate::config::SwapWebhook;
use crate::domain::{ActId, ActOutcome, HostId, LedgerEntry, LedgerEvent, Severity, Wall};
use crate::engine::msg::Msg;
use crate::engine::notice::Notice;
use crate::engine::state::Fleet;
use crate::exec::{Exec, LocalExec};
use crate::jobs::Job;
use crate::models::{
    SwapEnd, SwapNote, SwapReport, TELL_AGAIN, Turn, WorkReport, WorkState, take_turn, tell,
    turn_done,
};
use crate::text::SafeText;

/// What ended longer ago is nobody's news: milliseconds.
const OLD: i64 = 24 * 60 * 60 * 1000;

/// How long the ledger may take with an end before it is shown all the same.
const WRITTEN: Duration = Duration::from_secs(2);

/// The end of a work that was seen, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Its host.
    pub(in crate::engine) host: HostId,
    /// One sentence.
    pub(in crate::engine) what: SafeText,
    /// The job.
    pub(in crate::engine) request: SafeText,
    /// How it ended.
    pub(in crate::engine) outcome: ActOutcome,
    /// What was seen.
    pub(in crate::engine) verification: Option<SafeText>,
}

/// Whether a work has no end yet.
pub(super) fn is_running(work: &WorkReport) -> bool {
    matches!(work.state, WorkState::Running { .. })
}

/// A swap has ended, or was found so.
pub(super) async fn swap(watch: &ModelWatch, report: &SwapReport, job: &Job, seen_at_work: bool) {
    watch.link.serving.now();
    if seen_at_work {
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
    let (read_only, wall) = {
        let fleet = watch.shared.handle.fleet();
        let fleet = fleet.borrow();
        (fleet.read_only, fleet.wall)
    };
    let tells = watch.shared.models.is_kept && !read_only;
    if tells && (seen_at_work || is_news(job, wall)) && is_our_turn(watch, report).await {
        // Before anybody sees the end: a session that waits for it leaves then.
        let at = watch.shared.lanes.now();
        let witness = witness(&watch.host, report);
        let request = witness.request.clone();
        let message = Msg::Witnessed { at, witness };
        watch.shared.lanes.fact(message).await;
        written(watch, &request).await;
        let (told, report) = (watch.clone(), report.clone());
        watch
            .shared
            .tasks
            .spawn(async move { pass_on(&told, &report).await });
    }
}

/// Waits until an end is in the ledger.
async fn written(watch: &ModelWatch, request: &SafeText) {
    let mut fleet = watch.shared.handle.fleet();
    let is_there = |fleet: &Arc<Fleet>| is_closed(&fleet.ledger, request);
    if timeout(WRITTEN, fleet.wait_for(is_there)).await.is_err() {
        tracing::warn!(host = %watch.host, %request, "its end takes long to be written down");
    }
}

/// Whether the act of this request has its outcome.
fn is_closed(ledger: &VecDeque<LedgerEntry>, request: &SafeText) -> bool {
    let act = ledger.iter().rev().find_map(|entry| match &entry.event {
        LedgerEvent::Intent(intent) if intent.request == *request => Some(ActId(entry.number)),
        _ => None,
    });
    let closes = |entry: &LedgerEntry| matches!(&entry.event, LedgerEvent::Outcome { act: closed, .. } if Some(*closed) == act);
    act.is_some() && ledger.iter().any(closes)
}

fn is_news(job: &Job, now: Wall) -> bool {
    let ended = job.marks.get("end").map_or(job.begun, |end| end.at);
    now.0.saturating_sub(ended.0) < OLD
}

/// Whether the end is ours to write down and to tell: the host decides.
async fn is_our_turn(watch: &ModelWatch, report: &SwapReport) -> bool {
    match take_turn(watch.link.exec.as_ref(), None, &report.work.0).await {
        Ok(turn) => turn == Turn::Ours,
        Err(why) => {
            tracing::warn!(host = %watch.host, %why, "nobody knows whose turn it is to tell a swap");
            false
        }
    }
}

/// Calls the webhook; then the host knows that the end was told.
async fn pass_on(watch: &ModelWatch, report: &SwapReport) {
    let exec = watch.link.exec.as_ref();
    if let Some(webhook) = &watch.shared.models.settings.webhook
        && let Err(why) = call(watch, webhook, report).await
    {
        let notice = Notice {
            at: watch.shared.lanes.now(),
            severity: Severity::Warning,
            host: Some(watch.host.clone()),
            sentence: format!("the webhook of swaps failed: {why}").into(),
            hint: Some("look at models.webhook in the config".into()),
        };
        watch.shared.lanes.fact(Msg::Noticed(notice)).await;
    }
    if let Err(why) = turn_done(exec, None, &report.work.0).await {
        tracing::warn!(host = %watch.host, %why, "that a swap was told is not written down there");
    }
}

async fn call(
    watch: &ModelWatch,
    webhook: &SwapWebhook,
    report: &SwapReport,
) -> Result<(), SafeText> {
    let Some(note) = SwapNote::of(report, places::name(&report.place)) else {
        return Ok(());
    };
    let here: Arc<dyn Exec> = Arc::new(LocalExec::new(watch.shared.tasks.clone()));
    let key = match &webhook.key {
        None => None,
        Some(source) => {
            let read = secrets::read(source, here.as_ref()).await;
            Some(read.map_err(|refusal| SafeText::from(refusal.why))?)
        }
    };
    let to = (&webhook.url, key.as_ref());
    tell(here.as_ref(), to, &note, &TELL_AGAIN).await
}

fn witness(host: &HostId, report: &SwapReport) -> Witness {
    let (_, sentence, _) = words(report);
    let outcome = match &report.end {
        Some(SwapEnd::Served | SwapEnd::Stopped) => ActOutcome::Done,
        Some(SwapEnd::Lost) | None => ActOutcome::Unknown(sentence.clone()),
        Some(SwapEnd::Failed { .. } | SwapEnd::Cancelled { .. }) => {
            ActOutcome::Failed(sentence.clone())
        }
    };
    Witness {
        host: host.clone(),
        what: format!("the end of {}, begun by {}", what(report), report.by).into(),
        request: format!("the job {}", report.work.0).into(),
        outcome,
        verification: Some(sentence),
    }
}

fn what(report: &SwapReport) -> String {
    let place = places::name(&report.place);
    match &report.model {
        Some(model) => format!("the swap of {place} to {model}"),
        None => format!("the stop of what {place} served"),
    }
}

/// The end of a swap in a sentence.
fn words(report: &SwapReport) -> (Severity, SafeText, Option<SafeText>) {
    let place = places::name(&report.place);
    let what = what(report);
    match &report.end {
        Some(SwapEnd::Served) => {
            let model = report.model.as_ref().map_or("a model", |key| key.as_str());
            (
                Severity::Info,
                format!("{place} serves {model}").into(),
                None,
            )
        }
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
        look_at_workers(watch);
    }
}

/// What the job of a head copies lies on the disks of its workers.
fn look_at_workers(watch: &ModelWatch) {
    let fleet = watch.shared.handle.fleet();
    let fleet = fleet.borrow();
    let cluster = places::headed(&fleet, &watch.host);
    for node in cluster.into_iter().flat_map(|cluster| &cluster.workers) {
        if let Some(link) = watch.shared.links.link(&node.host) {
            link.disk.now();
        }
    }
}
