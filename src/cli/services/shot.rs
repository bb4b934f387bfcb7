//! The services of the fleet as JSON (pure). The shape is a promise to scripts: fields are added, never renamed; a value that is
//! missing is `null`.

use jiff::Timestamp;
use serde::Serialize;

use super::list::{managed, outcome};
use crate::cli::session::{is_away, why_away};
use crate::domain::{At, Wall};
use crate::engine::{Fleet, Host, Probed, Service, ServiceEvent, ServiceEventKind};

/// The services of a fleet.
#[derive(Debug, Serialize)]
pub(super) struct FleetShot {
    time: Option<String>,
    hosts: Vec<HostShot>,
}

#[derive(Debug, Serialize)]
struct HostShot {
    name: String,
    /// `asked` or `unreachable`.
    state: &'static str,
    why: Option<String>,
    hint: Option<String>,
    services: Vec<ServiceShot>,
}

/// One service.
#[derive(Debug, Serialize)]
pub(super) struct ServiceShot {
    host: String,
    name: String,
    state: crate::engine::ServiceWord,
    detail: String,
    for_seconds: u64,
    managed: String,
    port: Option<u16>,
    model: Option<String>,
    shallow: Option<ProbedShot>,
    deep: Option<ProbedShot>,
    restarts: RestartsShot,
}

/// One look.
#[derive(Debug, Serialize)]
pub(super) struct ProbedShot {
    seconds_ago: u64,
    took_ms: u64,
    /// `good`, `idle`, `starting`, `bad`, `wedged` or `absent`.
    outcome: &'static str,
    words: String,
}

#[derive(Debug, Serialize)]
struct RestartsShot {
    recent: u32,
    last: Option<String>,
    held: Option<String>,
}

/// Something that happened to a service.
#[derive(Debug, Serialize)]
pub(super) struct EventShot {
    time: Option<String>,
    /// `up`, `down`, `report` or `restart`.
    kind: &'static str,
    /// Of a report: whether it worked.
    ok: Option<bool>,
    /// On the way up: how long it had been down.
    down_for_seconds: Option<u64>,
    words: String,
}

impl FleetShot {
    /// Every service of every host.
    pub(super) fn of(fleet: &Fleet) -> Self {
        Self {
            time: moment(fleet.wall),
            hosts: fleet.hosts.iter().map(|one| host(fleet, one)).collect(),
        }
    }
}

fn host(fleet: &Fleet, host: &Host) -> HostShot {
    let away = is_away(fleet, host).then(|| why_away(fleet, host));
    HostShot {
        name: host.id.to_string(),
        state: if away.is_some() {
            "unreachable"
        } else {
            "asked"
        },
        why: away.as_ref().map(|away| away.why.clone()),
        hint: away.and_then(|away| away.hint),
        services: host
            .services
            .iter()
            .map(|service| ServiceShot::of(service, fleet.at))
            .collect(),
    }
}

impl ServiceShot {
    /// One service as it stands now.
    pub(super) fn of(service: &Service, now: At) -> Self {
        let probed =
            |probed: &Option<Probed>| probed.as_ref().map(|probed| ProbedShot::of(probed, now));
        Self {
            host: service.spec.host.to_string(),
            name: service.spec.name.to_string(),
            state: service.word,
            detail: service.detail.to_string(),
            for_seconds: now.since(service.since).0 / 1000,
            managed: managed(&service.spec.managed),
            port: service.spec.port.map(crate::domain::Port::get),
            model: service.model.as_ref().map(ToString::to_string),
            shallow: probed(&service.shallow),
            deep: probed(&service.deep),
            restarts: RestartsShot {
                recent: service.restarts.recent,
                last: service.restarts.last.and_then(moment),
                held: service.restarts.held.as_ref().map(ToString::to_string),
            },
        }
    }
}

impl ProbedShot {
    /// One look as of now.
    pub(super) fn of(probed: &Probed, now: At) -> Self {
        let (outcome, words) = outcome(&probed.outcome);
        Self {
            seconds_ago: now.since(probed.at).0 / 1000,
            took_ms: u64::try_from(probed.took.as_millis()).unwrap_or(u64::MAX),
            outcome,
            words: words.to_owned(),
        }
    }
}

impl EventShot {
    /// Something that happened.
    pub(super) fn of(event: &ServiceEvent) -> Self {
        let (kind, ok, down_for) = match &event.kind {
            ServiceEventKind::Transition { up: true, down_for } => ("up", None, *down_for),
            ServiceEventKind::Transition { up: false, .. } => ("down", None, None),
            ServiceEventKind::Report { ok } => ("report", Some(*ok), None),
            ServiceEventKind::Healed => ("restart", None, None),
        };
        Self {
            time: moment(event.wall),
            kind,
            ok,
            down_for_seconds: down_for.map(|length| length.as_secs()),
            words: event.words.to_string(),
        }
    }
}

/// RFC 3339, UTC.
fn moment(wall: Wall) -> Option<String> {
    let moment = Timestamp::from_millisecond(wall.0).ok()?;
    Some(moment.to_string())
}
