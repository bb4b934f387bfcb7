//! The containers of the fleet as JSON (pure). The shape is a promise to scripts: fields are added, never renamed; a value
//! that is missing is `null`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::list::{Columns, is_current};
use crate::domain::{Container, ContainerState, Metric, Wall};
use crate::engine::{DaemonState, Fleet, GapChange, Host, gpu_memory_of};

/// The fleet's containers.
#[derive(Debug, Serialize)]
pub(super) struct FleetShot {
    time: Option<String>,
    hosts: Vec<HostShot>,
}

#[derive(Debug, Serialize)]
struct HostShot {
    name: String,
    engine: EngineShot,
    after_gap: Vec<GapShot>,
    containers: Vec<ContainerShot>,
}

#[derive(Debug, Default, Serialize)]
struct EngineShot {
    state: &'static str,
    flavour: Option<crate::domain::DaemonFlavour>,
    version: Option<String>,
    api: Option<String>,
    socket: Option<String>,
    rootless: Option<bool>,
    why: Option<String>,
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct GapShot {
    id: String,
    name: String,
    was: Option<&'static str>,
    is: Option<&'static str>,
}

/// One container.
#[derive(Debug, Serialize)]
pub(super) struct ContainerShot {
    id: String,
    name: String,
    image: String,
    state: &'static str,
    exit_code: Option<i32>,
    health: Option<crate::domain::ContainerHealth>,
    ports: Vec<PortShot>,
    created: Option<String>,
    started: Option<String>,
    finished: Option<String>,
    restarts: Option<u32>,
    project: Option<String>,
    service: Option<String>,
    owner: Option<String>,
    labels: BTreeMap<String, String>,
    gpu_memory_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<StatsShot>,
}

#[derive(Debug, Serialize)]
struct PortShot {
    inside: u16,
    protocol: String,
    address: Option<String>,
    outside: Option<u16>,
}

#[derive(Debug, Serialize)]
struct StatsShot {
    cpu_percent: Option<f32>,
    memory_bytes: Option<u64>,
    memory_limit_bytes: Option<u64>,
    network_bytes_per_second: Option<[u64; 2]>,
    disk_bytes_per_second: Option<[u64; 2]>,
    pids: Option<u64>,
}

impl FleetShot {
    /// What is listed of the fleet.
    pub(super) fn of(fleet: &Fleet, columns: Columns) -> Self {
        let host = |host: &std::sync::Arc<Host>| HostShot {
            name: host.id.to_string(),
            engine: engine(&host.containers.daemon),
            after_gap: host.containers.after_gap.iter().map(gap).collect(),
            containers: host
                .containers
                .list
                .iter()
                .filter(|container| columns.all || is_current(container.state))
                .map(|container| ContainerShot::of(host, container, columns.stats))
                .collect(),
        };
        Self {
            time: moment(fleet.wall),
            hosts: fleet.hosts.iter().map(host).collect(),
        }
    }
}

impl ContainerShot {
    /// One container of a host.
    pub(super) fn of(host: &Host, container: &Container, with_stats: bool) -> Self {
        let place = container.project.as_ref();
        let text = |text: &crate::text::SafeText| text.to_string();
        Self {
            id: container.id.to_string(),
            name: container.name.to_string(),
            image: container.image.to_string(),
            state: container.state.word(),
            exit_code: match container.state {
                ContainerState::Exited(status) => Some(status),
                _ => None,
            },
            health: container.health,
            ports: container.ports.iter().map(port).collect(),
            created: moment(container.created),
            started: container.started.and_then(moment),
            finished: container.finished.and_then(moment),
            restarts: container.restarts.value().copied(),
            project: place.map(|place| text(&place.project)),
            service: place.and_then(|place| place.service.as_ref()).map(text),
            owner: container.owner.as_ref().map(text),
            labels: container
                .labels
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            gpu_memory_mib: known(&gpu_memory_of(host, container)).map(|memory| memory.0),
            stats: with_stats.then(|| stats(host, container)).flatten(),
        }
    }
}

fn engine(daemon: &DaemonState) -> EngineShot {
    let text = |text: &crate::text::SafeText| Some(text.to_string());
    match daemon {
        DaemonState::Unknown => EngineShot {
            state: "unknown",
            ..EngineShot::default()
        },
        DaemonState::Up { daemon, .. } => EngineShot {
            state: "up",
            flavour: Some(daemon.flavour),
            version: text(&daemon.version),
            api: text(&daemon.api),
            socket: text(&daemon.socket),
            rootless: Some(daemon.rootless),
            ..EngineShot::default()
        },
        DaemonState::Absent { why, hint } => EngineShot {
            state: "absent",
            why: text(why),
            hint: hint.as_ref().and_then(text),
            ..EngineShot::default()
        },
        DaemonState::Lost { why, hint, .. } => EngineShot {
            state: "lost",
            why: text(why),
            hint: hint.as_ref().and_then(text),
            ..EngineShot::default()
        },
    }
}

fn gap(change: &GapChange) -> GapShot {
    GapShot {
        id: change.id.to_string(),
        name: change.name.to_string(),
        was: change.was.map(ContainerState::word),
        is: change.is.map(ContainerState::word),
    }
}

fn port(port: &crate::domain::PortMap) -> PortShot {
    let published = port.published.as_ref();
    PortShot {
        inside: port.inside,
        protocol: port.protocol.to_string(),
        address: published.map(|(address, _)| address.to_string()),
        outside: published.map(|(_, outside)| *outside),
    }
}

fn stats(host: &Host, container: &Container) -> Option<StatsShot> {
    let stats = &host.containers.stats.get(&container.id)?.value;
    let rates = |rates: &Metric<[crate::domain::BytesPerSecond; 2]>| {
        known(rates).map(|both| both.map(|rate| rate.0))
    };
    Some(StatsShot {
        cpu_percent: known(&stats.cpu).map(|percent| percent.0),
        memory_bytes: known(&stats.memory).map(|bytes| bytes.0),
        memory_limit_bytes: known(&stats.limit).map(|bytes| bytes.0),
        network_bytes_per_second: rates(&stats.network),
        disk_bytes_per_second: rates(&stats.disk),
        pids: known(&stats.pids),
    })
}

fn known<T: Copy>(metric: &Metric<T>) -> Option<T> {
    metric.value().copied()
}

/// RFC 3339, UTC.
fn moment(wall: Wall) -> Option<String> {
    let moment = Timestamp::from_millisecond(wall.0).ok()?;
    Some(moment.to_string())
}
