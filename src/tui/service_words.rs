//! Services in words (pure): the glyph and word of each, what a look found and how old it is, restarts, events.

use super::theme::Role;
use crate::domain::{Age, At, DeepProbe, Managed};
use crate::engine::{ProbeOutcome, Probed, Service, ServiceEvent, ServiceEventKind, ServiceWord};
use crate::text::SafeText;

/// The glyph, word and look of a service.
pub(super) fn state(service: &Service) -> (&'static str, &'static str, Role) {
    match service.word {
        ServiceWord::Unknown => ("?", "not looked at", Role::Dim),
        ServiceWord::Healthy => ("●", "healthy", Role::Ok),
        ServiceWord::Idle => ("○", "idle", Role::Text),
        ServiceWord::Starting => ("◌", "starting", Role::Busy),
        ServiceWord::Unhealthy => ("▲", "unhealthy", Role::Warn),
        ServiceWord::Wedged => ("✖", "WEDGED", Role::Bad),
        ServiceWord::Stopped => ("■", "stopped", Role::Bad),
        ServiceWord::Unreachable => ("…", "unreachable", Role::Stale),
    }
}

/// The words of what a look found, and whether it is well.
pub(super) fn found(probed: &Probed) -> (&SafeText, Role) {
    match &probed.outcome {
        ProbeOutcome::Good(words) => (words, Role::Text),
        ProbeOutcome::Idle(words) => (words, Role::Dim),
        ProbeOutcome::Starting(words) => (words, Role::Busy),
        ProbeOutcome::Bad(words) | ProbeOutcome::Absent(words) => (words, Role::Warn),
        ProbeOutcome::Wedged(words) => (words, Role::Bad),
    }
}

/// `12 ms · 4 s ago`.
pub(super) fn latency_and_age(probed: &Probed, now: At) -> String {
    let age = now.since(probed.at).words();
    format!("{} · {age} ago", latency(probed))
}

/// `12 ms`, `1.4 s`.
pub(super) fn latency(probed: &Probed) -> String {
    let millis = probed.took.as_millis();
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{:.1} s", probed.took.as_secs_f64())
    }
}

/// The last restarts, and why the next one is not done. What is well waits for none.
pub(super) fn restarts(service: &Service) -> (String, Role) {
    let count = service.restarts.recent;
    let well = matches!(service.word, ServiceWord::Healthy | ServiceWord::Idle);
    match (&service.restarts.held, count) {
        (Some(why), _) if !well => (format!("{count} held: {why}"), Role::Warn),
        (Some(_), _) if count > 0 => (count.to_string(), Role::Text),
        (_, 0) => ("0".into(), Role::Faint),
        (_, count) => (count.to_string(), Role::Warn),
    }
}

/// How a service is run: `container parakeet`.
pub(super) fn run_by(managed: &Managed) -> String {
    match managed {
        Managed::Container(name) => format!("container {name}"),
        Managed::Unit(name) => format!("unit {name}"),
        Managed::Git { folder, container } => format!("checkout {folder}, container {container}"),
        Managed::Watched => "watched only".into(),
    }
}

/// What the real request is.
pub(super) fn deep_words(probe: DeepProbe) -> &'static str {
    match probe {
        DeepProbe::Completion => "one token",
        DeepProbe::Embedding => "one embedding",
        DeepProbe::Transcription => "half a second of speech",
        DeepProbe::Speech => "two letters spoken",
        DeepProbe::Collections => "its collections",
    }
}

/// The glyph and look of an event.
pub(super) fn event(event: &ServiceEvent) -> (&'static str, Role) {
    match event.kind {
        ServiceEventKind::Transition { up: true, .. } => ("▲", Role::Ok),
        ServiceEventKind::Transition { up: false, .. } => ("▼", Role::Bad),
        ServiceEventKind::Report { ok: true } => ("·", Role::Dim),
        ServiceEventKind::Report { ok: false } => ("!", Role::Warn),
        ServiceEventKind::Healed => ("↻", Role::Busy),
    }
}

/// What happened, with how long it was down where it came back.
pub(super) fn event_words(event: &ServiceEvent) -> String {
    match event.kind {
        ServiceEventKind::Transition {
            up: true,
            down_for: Some(down),
        } => format!("{} after {}", event.words, Age::from(down).words()),
        _ => event.words.to_string(),
    }
}

/// `6 changes, 2 down · 3 reports, 1 of a failure · 1 restart`.
pub(super) fn counts<'a>(events: impl Iterator<Item = &'a ServiceEvent>) -> String {
    let (mut changes, mut downs, mut reports, mut bad, mut healed) = (0, 0, 0, 0, 0);
    for event in events {
        match event.kind {
            ServiceEventKind::Transition { up, .. } => {
                changes += 1;
                downs += usize::from(!up);
            }
            ServiceEventKind::Report { ok } => {
                reports += 1;
                bad += usize::from(!ok);
            }
            ServiceEventKind::Healed => healed += 1,
        }
    }
    format!(
        "{changes} changes, {downs} down · {reports} reports, {bad} of failures · {healed} restarts"
    )
}
