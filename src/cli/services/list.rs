//! The services of the fleet as a table, and one of them in full (pure).

use std::time::Duration;

use crate::cli::print::table;
use crate::cli::session::{is_away, why_away};
use crate::domain::{Age, DeepProbe, Managed, ServiceSpec, ShallowProbe, Wall};
use crate::engine::{
    Fleet, Host, ProbeOutcome, Probed, Refusal, Service, ServiceEvent, ServiceEventKind,
    ServiceWord,
};
use crate::text::cut;

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// Widest cells of texts that may be long.
const DETAIL: usize = 48;
const MODEL: usize = 28;

/// The word of a state.
pub(super) fn word(word: ServiceWord) -> &'static str {
    match word {
        ServiceWord::Unknown => "unknown",
        ServiceWord::Healthy => "healthy",
        ServiceWord::Idle => "idle",
        ServiceWord::Starting => "starting",
        ServiceWord::Unhealthy => "unhealthy",
        ServiceWord::Wedged => "WEDGED",
        ServiceWord::Stopped => "stopped",
        ServiceWord::Unreachable => "unreachable",
    }
}

/// The table, and what has to be said of hosts beside it.
pub(super) fn list(fleet: &Fleet) -> String {
    let head = ["HOST", "SERVICE", "STATE", "FOR", "DEEP", "MODEL", "DETAIL"];
    let rows: Vec<Vec<String>> = fleet
        .hosts
        .iter()
        .flat_map(|host| rows(fleet, host))
        .collect();
    let notes: Vec<String> = fleet
        .hosts
        .iter()
        .filter(|host| is_away(fleet, host))
        .map(|host| {
            let Refusal { why, hint } = why_away(fleet, host);
            match hint {
                Some(hint) => format!("{why}\n    {hint}"),
                None => why,
            }
        })
        .collect();
    let mut parts = Vec::new();
    if rows.is_empty() {
        parts.push("no services: write some under `services:` in the configuration".to_owned());
    } else {
        parts.push(table(&head, &rows));
    }
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

fn rows(fleet: &Fleet, host: &Host) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = host
        .services
        .iter()
        .map(|service| row(fleet, service))
        .collect();
    // Only the first row of a host names it.
    for row in rows.iter_mut().skip(1) {
        if let Some(first) = row.first_mut() {
            first.clear();
        }
    }
    rows
}

fn row(fleet: &Fleet, service: &Service) -> Vec<String> {
    let deep = match (&service.spec.deep, &service.deep) {
        (None, _) => NOTHING.to_owned(),
        (Some(_), None) => "not yet".to_owned(),
        (Some(_), Some(probed)) => {
            let age = fleet.at.since(probed.at).words();
            format!("{} {age} ago", outcome(&probed.outcome).0)
        }
    };
    let model = service.model.as_ref();
    vec![
        service.spec.host.to_string(),
        service.spec.name.to_string(),
        word(service.word).to_owned(),
        fleet.at.since(service.since).words(),
        deep,
        model.map_or(NOTHING.to_owned(), |model| {
            cut(model.as_str(), MODEL).into_owned()
        }),
        cut(service.detail.as_str(), DETAIL).into_owned(),
    ]
}

/// The word of an outcome, and what was seen.
pub(super) fn outcome(outcome: &ProbeOutcome) -> (&'static str, &str) {
    match outcome {
        ProbeOutcome::Good(words) => ("good", words.as_str()),
        ProbeOutcome::Idle(words) => ("idle", words.as_str()),
        ProbeOutcome::Starting(words) => ("starting", words.as_str()),
        ProbeOutcome::Bad(words) => ("bad", words.as_str()),
        ProbeOutcome::Wedged(words) => ("wedged", words.as_str()),
        ProbeOutcome::Absent(words) => ("absent", words.as_str()),
    }
}

/// Whether an outcome is as it should be; nothing loaded, and coming up, are no failures.
pub(super) fn is_fine(outcome: &ProbeOutcome) -> bool {
    match outcome {
        ProbeOutcome::Good(_) | ProbeOutcome::Idle(_) | ProbeOutcome::Starting(_) => true,
        ProbeOutcome::Bad(_) | ProbeOutcome::Wedged(_) | ProbeOutcome::Absent(_) => false,
    }
}

/// Whether a word is one that somebody should look at.
pub(super) fn is_ill(word: ServiceWord) -> bool {
    match word {
        ServiceWord::Unhealthy | ServiceWord::Wedged | ServiceWord::Stopped => true,
        ServiceWord::Unknown
        | ServiceWord::Healthy
        | ServiceWord::Idle
        | ServiceWord::Starting
        | ServiceWord::Unreachable => false,
    }
}

/// One look as a line: `good in 12 ms: 200 OK`.
pub(super) fn probed(probed: &Probed) -> String {
    let (word, seen) = outcome(&probed.outcome);
    let took = milliseconds(probed.took);
    if seen.is_empty() {
        format!("{word} in {took}")
    } else {
        format!("{word} in {took}: {seen}")
    }
}

fn milliseconds(took: Duration) -> String {
    match took.as_millis() {
        short @ 0..10_000 => format!("{short} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// How a service is run.
pub(super) fn managed(managed: &Managed) -> String {
    match managed {
        Managed::Container(name) => format!("container {name}"),
        Managed::Unit(name) => format!("unit {name}"),
        Managed::Git { folder, container } => {
            format!("checkout {} (container {container})", folder.as_str())
        }
        Managed::Watched => "only watched".to_owned(),
    }
}

/// Everything that a person may want to know of a service.
pub(super) fn show(fleet: &Fleet, service: &Service) -> String {
    let spec: &ServiceSpec = &service.spec;
    let mut facts: Vec<(&str, String)> = vec![
        ("service", super::target::title(spec)),
        ("state", word(service.word).to_owned()),
        ("for", fleet.at.since(service.since).words()),
    ];
    if !service.detail.is_empty() {
        facts.push(("detail", service.detail.to_string()));
    }
    facts.push(("run as", managed(&spec.managed)));
    facts.extend(spec.port.map(|port| ("port", port.to_string())));
    let model = service.model.as_ref();
    facts.extend(model.map(|model| ("model", model.to_string())));
    facts.push((
        "quick look",
        look(&shallow(&spec.shallow), service.shallow.as_ref(), fleet),
    ));
    facts.push((
        "deep look",
        match spec.deep {
            Some(probe) => look(deep(probe), service.deep.as_ref(), fleet),
            None => "none".to_owned(),
        },
    ));
    facts.push(("restarts", restarts(service)));
    for overlay in &spec.overlays {
        let from = overlay.from.display();
        facts.push(("overlay", format!("{from} → {}", overlay.to.as_str())));
    }
    let widest = facts.iter().map(|(name, _)| name.len()).max();
    let widest = widest.unwrap_or_default();
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{name:widest$}  {value}"))
        .collect();
    lines.join("\n")
}

fn look(what: &str, last: Option<&Probed>, fleet: &Fleet) -> String {
    match last {
        Some(last) => {
            let age = fleet.at.since(last.at).words();
            format!("{what}; {age} ago {}", probed(last))
        }
        None => format!("{what}; not yet"),
    }
}

fn shallow(probe: &ShallowProbe) -> String {
    match probe {
        ShallowProbe::Container => "its container runs".to_owned(),
        ShallowProbe::Unit => "its unit is active".to_owned(),
        ShallowProbe::Http { endpoint, path } => format!("GET http://{endpoint}{path}"),
        ShallowProbe::Tcp(endpoint) => format!("TCP to {endpoint}"),
        ShallowProbe::Command(words) => format!("command {}", words.join(" ")),
    }
}

fn deep(probe: DeepProbe) -> &'static str {
    match probe {
        DeepProbe::Completion => "one token",
        DeepProbe::Embedding => "one embedding",
        DeepProbe::Transcription => "half a second of speech",
        DeepProbe::Speech => "two letters spoken",
        DeepProbe::Collections => "its collections",
    }
}

fn restarts(service: &Service) -> String {
    if !service.spec.heals {
        return "never by itself".to_owned();
    }
    let recent = service.restarts.recent;
    match &service.restarts.held {
        Some(held) => format!("{recent} in the last half hour; no more now: {held}"),
        None => format!("{recent} in the last half hour"),
    }
}

/// What happened to a service, a line each, newest last.
pub(super) fn history(service: &Service, now: Wall) -> String {
    let rows: Vec<Vec<String>> = service
        .events
        .iter()
        .map(|event| vec![when(event, now), kind(&event.kind), event.words.to_string()])
        .collect();
    if rows.is_empty() {
        return "nothing is known to have happened to it".to_owned();
    }
    table(&["AGO", "WHAT", "WORDS"], &rows)
}

fn when(event: &ServiceEvent, now: Wall) -> String {
    let age = u64::try_from(now.0.saturating_sub(event.wall.0)).unwrap_or_default();
    Age(age).words()
}

fn kind(kind: &ServiceEventKind) -> String {
    match kind {
        ServiceEventKind::Transition { up: false, .. } => "down".to_owned(),
        ServiceEventKind::Transition {
            up: true,
            down_for: Some(length),
        } => format!("up after {}", Age::from(*length).words()),
        ServiceEventKind::Transition { up: true, .. } => "up".to_owned(),
        ServiceEventKind::Report { ok: true } => "reported ok".to_owned(),
        ServiceEventKind::Report { ok: false } => "reported failed".to_owned(),
        ServiceEventKind::Healed => "restarted".to_owned(),
    }
}
