//! Alerts: raised when a trouble begins, ended when it passes, told and remembered once. An end counts after
//! [`SETTLE`]: what comes back within it was never gone, so that a flapping value or link does not storm.

use std::sync::Arc;
use std::time::Duration;

use super::host::CHANGES;
use super::judge::State;
use super::notes;
use crate::domain::{Age, At, HealthChange, HealthWord, HostId, Rung, Severity, Wall};
use crate::engine::{Alert, Effect, Fleet, Host, Notice};
use crate::reach::{Outcome, Verdict};
use crate::text::SafeText;

/// How long a trouble has to be gone before its end is told and remembered.
const SETTLE: Duration = Duration::from_secs(10);

/// Ended alerts kept.
const KEPT: usize = 256;

/// Brings the alerts of one host in line with the troubles that hold now.
pub(super) fn align(
    fleet: &mut Fleet,
    index: usize,
    troubles: &[State],
    effects: &mut Vec<Effect>,
) {
    let Some(host) = fleet.hosts.get(index).map(Arc::clone) else {
        return;
    };
    end_passed(fleet, &host.id, troubles);
    let mut raised = false;
    for trouble in troubles {
        if !carry_on(fleet, &host.id, trouble) {
            raise(fleet, &host, trouble, effects);
            raised = true;
        }
    }
    let unsettled = fleet
        .alerts
        .iter()
        .any(|alert| alert.host == host.id && is_settling(alert, fleet.at));
    if raised || !unsettled {
        drop(host);
        remember(fleet, index, fleet.wall, effects);
    }
}

/// Tells and remembers the ends that have come to count since `before`.
pub(super) fn settle(fleet: &mut Fleet, before: At, effects: &mut Vec<Effect>) {
    let now = fleet.at;
    let settled = |alert: &&Alert| is_settling(alert, before) && !is_settling(alert, now);
    let over: Vec<Alert> = fleet.alerts.iter().filter(settled).cloned().collect();
    for alert in over {
        let Some(index) = fleet.hosts.iter().position(|host| host.id == alert.host) else {
            continue;
        };
        tell_end(fleet, index, &alert, effects);
        let ago = now.since(alert.until.unwrap_or(now));
        let wall = Wall(fleet.wall.0 - i64::try_from(ago.0).unwrap_or_default());
        remember(fleet, index, wall, effects);
    }
}

fn is_settling(alert: &Alert, now: At) -> bool {
    alert.until.is_some_and(|until| now < until.plus(SETTLE))
}

fn is_outage(word: HealthWord) -> bool {
    matches!(word, HealthWord::Down | HealthWord::Wedged)
}

fn end_passed(fleet: &mut Fleet, id: &HostId, troubles: &[State]) {
    let at = fleet.at;
    let passed = |alert: &Alert| {
        alert.until.is_none()
            && alert.host == *id
            && troubles.iter().all(|trouble| trouble.word != alert.word)
    };
    if fleet.alerts.iter().any(passed) {
        for alert in Arc::make_mut(&mut fleet.alerts).iter_mut() {
            if passed(alert) {
                alert.until = Some(at);
            }
        }
    }
}

/// Keeps an alert that still holds, or holds again before its end has settled; false where there is none.
fn carry_on(fleet: &mut Fleet, id: &HostId, trouble: &State) -> bool {
    let now = fleet.at;
    let Some(place) = fleet.alerts.iter().rposition(|alert| {
        alert.host == *id
            && alert.word == trouble.word
            && (alert.until.is_none() || is_settling(alert, now))
    }) else {
        return false;
    };
    let same = |alert: &Alert| alert.until.is_none() && alert.detail == trouble.detail;
    if !fleet.alerts.get(place).is_some_and(same)
        && let Some(alert) = Arc::make_mut(&mut fleet.alerts).get_mut(place)
    {
        alert.until = None;
        alert.detail = trouble.detail.clone();
    }
    true
}

fn raise(fleet: &mut Fleet, host: &Host, trouble: &State, effects: &mut Vec<Effect>) {
    let at = fleet.at;
    let alerts = Arc::make_mut(&mut fleet.alerts);
    alerts.push_back(Alert {
        host: host.id.clone(),
        word: trouble.word,
        detail: trouble.detail.clone(),
        since: at,
        until: None,
    });
    if alerts.len() > KEPT
        && let Some(oldest) = alerts
            .iter()
            .position(|alert| alert.until.is_some() && !is_settling(alert, at))
    {
        alerts.remove(oldest);
    }
    let notice = beginning(at, host, trouble);
    effects.push(Effect::Webhook(notice.clone()));
    notes::tell(fleet, notice, effects);
}

fn beginning(at: At, host: &Host, trouble: &State) -> Notice {
    let (id, detail) = (&host.id, &trouble.detail);
    let (severity, sentence) = match trouble.word {
        HealthWord::Wedged => (
            Severity::Error,
            format!("{id} is wedged: tcp answers, {detail} is silent"),
        ),
        HealthWord::Down => (Severity::Error, format!("{id} is down: {detail}")),
        HealthWord::Driver => (Severity::Error, format!("{id}: gpu driver: {detail}")),
        word => (
            Severity::Warning,
            format!("{id} is {}: {detail}", word.word()),
        ),
    };
    Notice {
        at,
        severity,
        host: Some(id.clone()),
        sentence: sentence.into(),
        hint: mend(host, trouble.word),
    }
}

fn mend(host: &Host, word: HealthWord) -> Option<SafeText> {
    let rung = failing(host, word)?;
    match host.ladder.outcome(rung) {
        Outcome::Failed { hint, .. } => hint.clone(),
        _ => None,
    }
}

/// The rung that a trouble stands on, if it stands on one.
fn failing(host: &Host, word: HealthWord) -> Option<Rung> {
    match word {
        HealthWord::Down | HealthWord::Wedged => host.ladder.first_failure(),
        HealthWord::Driver => Some(Rung::Driver),
        _ => None,
    }
}

fn tell_end(fleet: &mut Fleet, index: usize, alert: &Alert, effects: &mut Vec<Effect>) {
    let Some(host) = fleet.hosts.get(index) else {
        return;
    };
    // An outage that turned into another is not over, and of a host that is gone nothing can be said.
    if host.ladder.verdict() != Verdict::Up {
        return;
    }
    let until = alert.until.unwrap_or(fleet.at);
    let id = &alert.host;
    let sentence = if is_outage(alert.word) {
        let age = until.since(outage_began(fleet, alert));
        format!("{id} is back after {}", age.words())
    } else {
        let Age(lasted) = until.since(alert.since);
        let word = alert.word.word();
        format!("{id}: {word} no more, after {}", Age(lasted).words())
    };
    let notice = Notice {
        at: fleet.at,
        severity: Severity::Info,
        host: Some(id.clone()),
        sentence: sentence.into(),
        hint: None,
    };
    effects.push(Effect::Webhook(notice.clone()));
    notes::tell(fleet, notice, effects);
}

/// When the outage began that this alert is the last part of: down may have turned into wedged and back.
fn outage_began(fleet: &Fleet, last: &Alert) -> At {
    fleet
        .alerts
        .iter()
        .rev()
        .filter(|alert| alert.host == last.host && is_outage(alert.word))
        .fold(last.since, |began, alert| {
            let joined = alert.until.is_none_or(|until| until >= began);
            if joined {
                began.min(alert.since)
            } else {
                began
            }
        })
}

/// Writes down how the host stands, unless that is what was written down last.
fn remember(fleet: &mut Fleet, index: usize, wall: Wall, effects: &mut Vec<Effect>) {
    let Some(host) = fleet.hosts.get(index) else {
        return;
    };
    let Some((word, detail)) = standing(fleet, host) else {
        return;
    };
    let rung = failing(host, word);
    if host.changes.back().is_some_and(|last| last.word == word) {
        return;
    }
    let change = HealthChange {
        wall,
        word,
        rung,
        detail,
    };
    effects.push(Effect::Remember {
        host: host.id.clone(),
        change: change.clone(),
    });
    if let Some(host) = fleet.hosts.get_mut(index) {
        let changes = Arc::make_mut(&mut Arc::make_mut(host).changes);
        while changes.len() >= CHANGES {
            changes.pop_front();
        }
        changes.push_back(change);
    }
}

/// The worst alert that holds, or ok; nothing as long as nobody knows.
fn standing(fleet: &Fleet, host: &Host) -> Option<(HealthWord, SafeText)> {
    let verdict = host.ladder.verdict();
    if verdict == Verdict::Unknown {
        return None;
    }
    let worst = fleet
        .alerts
        .iter()
        .filter(|alert| alert.until.is_none() && alert.host == host.id)
        .max_by_key(|alert| alert.word);
    match worst {
        Some(alert) => Some((alert.word, alert.detail.clone())),
        None => (verdict == Verdict::Up).then(|| (HealthWord::Ok, SafeText::default())),
    }
}
