//! A host's word: the ladder, the readings and their age, weighed against the thresholds. The worst that holds is shown.

use crate::domain::{
    At, Celsius, GpuCondition, GpuMemory, GpuReading, HealthWord, Memory, Mib, Rung, Thresholds,
};
use crate::engine::{Fleet, Host, Timed};
use crate::reach::{Outcome, Verdict};
use crate::text::SafeText;

/// A state that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// Its word.
    pub(super) word: HealthWord,
    /// What the word means here.
    pub(super) detail: SafeText,
}

/// What is to be said of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// What it shows.
    pub(super) state: State,
    /// Every state that holds and is worth an alert, worst first.
    pub(super) troubles: Vec<State>,
}

/// How far below the threshold a temperature has to fall before it is no longer hot.
const COOL: f32 = 3.0;

/// Periods after which the GPU readings are stale. One more than for the machine, because the vendor's stream and our
/// beat each have a clock of their own.
const GPU_PERIODS: u32 = 3;

/// Weighs one host.
pub(super) fn judge(fleet: &Fleet, host: &Host) -> Judgement {
    let verdict = host.ladder.verdict();
    let asking = fleet.questions.iter().any(|asked| asked.host == host.id);
    let troubles = match verdict {
        Verdict::Wedged { rung, .. } => vec![state(HealthWord::Wedged, rung.word())],
        Verdict::Down { rung, .. } => vec![state(HealthWord::Down, &down(host, rung))],
        // It was down and is being dialled: nothing has shown yet that it is back.
        Verdict::Unknown => outage(fleet, host).into_iter().collect(),
        Verdict::Up => shortages(fleet, host),
    };
    let shown = match verdict {
        Verdict::Up => troubles
            .first()
            .cloned()
            .or_else(|| stale(fleet, host))
            .unwrap_or_else(|| state(HealthWord::Ok, "")),
        _ if asking => state(HealthWord::Asking, "waits for an answer"),
        _ => troubles
            .first()
            .cloned()
            .unwrap_or_else(|| state(HealthWord::Connecting, "")),
    };
    Judgement {
        state: shown,
        troubles,
    }
}

/// The memory of the machine as it was last read.
pub(super) fn machine_memory(host: &Host) -> Option<Memory> {
    host.machine.as_ref()?.value.memory.value().copied()
}

fn state(word: HealthWord, detail: &str) -> State {
    State {
        word,
        detail: detail.into(),
    }
}

fn down(host: &Host, rung: Rung) -> String {
    match host.ladder.outcome(rung) {
        Outcome::Failed { why, .. } if !why.is_empty() => format!("{}: {why}", rung.word()),
        _ => rung.word().to_owned(),
    }
}

fn outage(fleet: &Fleet, host: &Host) -> Option<State> {
    let open = fleet.alerts.iter().rev().find(|alert| {
        alert.until.is_none()
            && alert.host == host.id
            && matches!(alert.word, HealthWord::Down | HealthWord::Wedged)
    })?;
    Some(State {
        word: open.word,
        detail: open.detail.clone(),
    })
}

/// What the readings of a host that is up say, worst first.
fn shortages(fleet: &Fleet, host: &Host) -> Vec<State> {
    let already = |word| {
        let open = |alert: &crate::engine::Alert| alert.until.is_none() && alert.word == word;
        fleet
            .alerts
            .iter()
            .any(|alert| open(alert) && alert.host == host.id)
    };
    let found = [
        driver(host),
        tight(host, &fleet.thresholds, already(HealthWord::Tight)),
        hot(host, &fleet.thresholds, already(HealthWord::Hot)),
    ];
    found.into_iter().flatten().collect()
}

fn driver(host: &Host) -> Option<State> {
    match host.ladder.outcome(Rung::Driver) {
        Outcome::Failed { why, .. } => Some(state(HealthWord::Driver, why.as_str())),
        _ => None,
    }
}

/// Memory left of the GPU (or of the machine that shares its memory) that has least to spare. Once tight, it takes
/// another hundredth of the whole to be no longer tight.
fn tight(host: &Host, thresholds: &Thresholds, already: bool) -> Option<State> {
    let gpus = &host.gpus.as_ref()?.value.gpus;
    let machine = machine_memory(host);
    let (place, left) = gpus
        .iter()
        .filter_map(|gpu| {
            let (left, total) = left_of(gpu, machine)?;
            let slack = if already { Mib(total.0 / 100) } else { Mib(0) };
            thresholds
                .is_tight(left - slack, total)
                .then_some((gpu.index, left))
        })
        .min_by_key(|(_, left)| *left)?;
    let words = format!("{left} left").replace(".0 ", " ");
    Some(match gpus.len() {
        1 => state(HealthWord::Tight, &words),
        _ => state(HealthWord::Tight, &format!("gpu {place}: {words}")),
    })
}

fn left_of(gpu: &GpuReading, machine: Option<Memory>) -> Option<(Mib, Mib)> {
    match &gpu.memory {
        GpuMemory::Dedicated { used, total } => Some((*total - *used, *total)),
        GpuMemory::Unified => machine.map(|memory| (memory.available, memory.total)),
        GpuMemory::Missing(_) => None,
    }
}

/// The hottest GPU at the threshold, or one whose clocks heat holds down. Once hot, it has to cool by [`COOL`].
fn hot(host: &Host, thresholds: &Thresholds, already: bool) -> Option<State> {
    let gpus = &host.gpus.as_ref()?.value.gpus;
    let limit = thresholds.hot.0 - if already { COOL } else { 0.0 };
    let hottest = gpus
        .iter()
        .filter_map(|gpu| {
            gpu.temperature
                .value()
                .map(|Celsius(now)| (gpu.index, *now))
        })
        .filter(|(_, now)| *now >= limit)
        .max_by(|(_, a), (_, b)| a.total_cmp(b));
    if let Some((place, now)) = hottest {
        return Some(state(
            HealthWord::Hot,
            &format!("gpu {place} at {now:.0} °C"),
        ));
    }
    let throttled = gpus
        .iter()
        .find(|gpu| gpu.throttle.value().is_some_and(|by| by.is_thermal()))?;
    Some(state(
        HealthWord::Hot,
        &format!("gpu {} held down by heat", throttled.index),
    ))
}

/// The age of what is shown, when it is over its bound.
fn stale(fleet: &Fleet, host: &Host) -> Option<State> {
    let machine = over(fleet, host.machine.as_ref().map(at), 2).map(|age| format!("{age} old"));
    // A driver that gave no readings is said once and does not age.
    let read = host
        .gpus
        .as_ref()
        .filter(|gpus| gpus.value.condition == GpuCondition::Working);
    let gpus = || over(fleet, read.map(at), GPU_PERIODS).map(|age| format!("gpu {age} old"));
    Some(state(HealthWord::Stale, &machine.or_else(gpus)?))
}

fn at<T>(timed: &Timed<T>) -> At {
    timed.at
}

fn over(fleet: &Fleet, read: Option<At>, periods: u32) -> Option<String> {
    let age = fleet.at.since(read?);
    (age.duration() > fleet.period * periods).then(|| age.words())
}
