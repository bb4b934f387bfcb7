//! What became of the power of each host: the picture of its last act, the questions of its switch, and what the ledger tells of
//! acts of other sessions whose end nobody wrote down.

use std::sync::Arc;

use super::notes;
use crate::domain::{ActOutcome, HostId, PowerVerb, Severity};
use crate::engine::power::{doubt, last_written};
use crate::engine::{Effect, Fleet, Notice, PendingQuestion, PowerMsg};
use crate::power::{PowerAct, was_done};
use crate::text::SafeText;

/// Folds what became of a host's power.
pub(super) fn update(fleet: &mut Fleet, host: &HostId, msg: PowerMsg, effects: &mut Vec<Effect>) {
    match msg {
        PowerMsg::Is(act) => is(fleet, *act, effects),
        PowerMsg::NotBegun => {
            Arc::make_mut(&mut fleet.power).retain(|act| act.host != *host || act.ended.is_some());
        }
        PowerMsg::Looked => {
            let looked = fleet.ledger.back().map_or(0, |entry| entry.number);
            if let Some(doubt) = doubt(Arc::make_mut(&mut fleet.doubts), host) {
                (doubt.verb, doubt.looked) = (None, looked);
            }
        }
        // The policy remembers it.
        PowerMsg::Unwritten(_) => {}
        PowerMsg::Question {
            id,
            switch,
            question,
        } => {
            let at = fleet.at;
            Arc::make_mut(&mut fleet.questions).push(PendingQuestion {
                id,
                host: switch,
                at,
                question,
            });
        }
        PowerMsg::QuestionGone(gone) => {
            Arc::make_mut(&mut fleet.questions).retain(|asked| asked.id != gone);
        }
    }
}

fn is(fleet: &mut Fleet, act: PowerAct, effects: &mut Vec<Effect>) {
    let ended = act.ended.as_ref().map(|(_, outcome)| outcome.clone());
    let (host, verb) = (act.host.clone(), act.verb);
    put(fleet, act);
    let Some(outcome) = ended else {
        return;
    };
    if let Some(doubt) = doubt(Arc::make_mut(&mut fleet.doubts), &host) {
        match &outcome {
            ActOutcome::Unknown(_) => doubt.verb = Some(verb),
            known if was_done(verb, known) => doubt.verb = None,
            _ => {}
        }
    }
    let (severity, words, hint) = match outcome {
        ActOutcome::Done => (Severity::Info, "is done".to_owned(), None),
        ActOutcome::Failed(why) => (Severity::Warning, format!("failed: {why}"), None),
        ActOutcome::Unknown(why) => (
            Severity::Error,
            format!("may or may not have happened: {why}"),
            Some(status_first(&host)),
        ),
    };
    let notice = Notice {
        at: fleet.at,
        severity,
        sentence: format!("the {verb} of {host} {words}").into(),
        host: Some(host),
        hint,
    };
    notes::tell(fleet, notice, effects);
}

fn put(fleet: &mut Fleet, act: PowerAct) {
    let all = Arc::make_mut(&mut fleet.power);
    match all.iter_mut().find(|old| old.host == act.host) {
        Some(old) => *old = act,
        None => all.push(act),
    }
}

fn status_first(host: &HostId) -> SafeText {
    format!("look first: `pilothouse power {host} status`").into()
}

/// Finds the acts of other sessions in the ledger that have no end there. What this session did itself counts for more.
pub(super) fn recall(fleet: &mut Fleet, effects: &mut Vec<Effect>) {
    for (host, verb, open) in last_acts(fleet) {
        let known = fleet.power.iter().find(|act| act.host == host);
        let from_ledger = known.is_none_or(|act| act.steps.is_empty());
        match open {
            Some(words) if known.is_none() => {
                let notice = Notice {
                    at: fleet.at,
                    severity: Severity::Error,
                    sentence: format!("nobody wrote down how the last {verb} of {host} went")
                        .into(),
                    hint: Some(status_first(&host)),
                    host: Some(host.clone()),
                };
                let ended = Some((fleet.at, ActOutcome::Unknown(words)));
                put(
                    fleet,
                    PowerAct {
                        host,
                        verb,
                        since: fleet.at,
                        steps: Vec::new(),
                        ended,
                    },
                );
                notes::tell_once(fleet, notice, effects);
            }
            None if from_ledger && known.is_some() => {
                Arc::make_mut(&mut fleet.power).retain(|act| act.host != host);
            }
            _ => {}
        }
    }
}

/// The last power act of each host in the ledger that may have happened; in words who began it, where its end is missing or
/// not known.
fn last_acts(fleet: &Fleet) -> Vec<(HostId, PowerVerb, Option<SafeText>)> {
    let hosts = fleet.hosts.iter();
    let acts = hosts.filter_map(|host| {
        let last = last_written(&fleet.ledger, &host.id, |_| true)?;
        Some((host.id.clone(), last.verb, last.open()))
    });
    acts.collect()
}
