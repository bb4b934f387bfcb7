//! The containers of the fleet as a table for people (pure), and below it the hosts that could not say.

use super::target::silence;
use crate::cli::print::table;
use crate::domain::Age;
use crate::domain::{
    Bytes, Container, ContainerHealth, ContainerState, HealthWord, Metric, Mib, PortMap, Wall,
};
use crate::engine::{DaemonState, Fleet, Host, gpu_memory_of};
use crate::text::cut;

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// Widest cells of names that may be long.
const NAME: usize = 32;
const IMAGE: usize = 36;
const PORTS: usize = 28;

/// What of the fleet is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// Those that have ended too.
    pub(super) all: bool,
    /// What each takes.
    pub(super) stats: bool,
}

/// The table, and what the hosts without one say.
pub(super) fn list(fleet: &Fleet, columns: Columns) -> String {
    let mut head = vec!["HOST", "NAME", "STATE", "SINCE", "IMAGE", "PORTS", "GPU"];
    if columns.stats {
        head.extend(["CPU", "MEMORY"]);
    }
    let rows: Vec<Vec<String>> = fleet
        .hosts
        .iter()
        .flat_map(|host| rows(fleet, host, columns))
        .collect();
    let mut parts = Vec::new();
    if !rows.is_empty() {
        parts.push(table(&head, &rows));
    }
    let notes: Vec<String> = fleet
        .hosts
        .iter()
        .filter_map(|h| note(h, columns))
        .collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

/// Whether a container is listed when only those that matter now are.
pub(super) fn is_current(state: ContainerState) -> bool {
    use ContainerState::{Paused, Removing, Restarting, Running};
    matches!(state, Running | Paused | Restarting | Removing)
}

fn rows(fleet: &Fleet, host: &Host, columns: Columns) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = host
        .containers
        .list
        .iter()
        .filter(|container| columns.all || is_current(container.state))
        .map(|container| row(fleet, host, container, columns))
        .collect();
    // Only the first row of a host names it.
    for row in rows.iter_mut().skip(1) {
        if let Some(first) = row.first_mut() {
            first.clear();
        }
    }
    rows
}

fn row(fleet: &Fleet, host: &Host, container: &Container, columns: Columns) -> Vec<String> {
    let mut row = vec![
        host.id.to_string(),
        cut(container.name.as_str(), NAME).into_owned(),
        state(container),
        since(container, fleet.wall),
        cut(container.image.as_str(), IMAGE).into_owned(),
        cut(&ports(&container.ports), PORTS).into_owned(),
        match gpu_memory_of(host, container) {
            Metric::Is(Mib(0)) | Metric::Missing(_) => NOTHING.into(),
            Metric::Is(memory) => memory.to_string(),
        },
    ];
    if columns.stats {
        let stats = host.containers.stats.get(&container.id);
        let cell = |text: Option<String>| text.unwrap_or_else(|| NOTHING.into());
        row.push(cell(stats.and_then(|stats| {
            let cpu = stats.value.cpu.value()?;
            Some(format!("{:.1} %", cpu.0))
        })));
        row.push(cell(stats.and_then(|stats| {
            let memory = stats.value.memory.value()?;
            Some(bytes(*memory))
        })));
    }
    row
}

/// `running`, `running, unhealthy`, `exited 137`.
pub(super) fn state(container: &Container) -> String {
    let health = match container.health {
        Some(ContainerHealth::Starting) => ", starting",
        Some(ContainerHealth::Unhealthy) => ", unhealthy",
        Some(ContainerHealth::Healthy) => ", healthy",
        None => "",
    };
    let word = container.state.word();
    match container.state {
        ContainerState::Exited(status) => format!("{word} {status}"),
        _ => format!("{word}{health}"),
    }
}

/// How long it has done what it does.
fn since(container: &Container, now: Wall) -> String {
    let moment = match container.state {
        ContainerState::Exited(_) | ContainerState::Dead => container.finished,
        ContainerState::Created => Some(container.created),
        _ => container.started,
    };
    moment.map_or(NOTHING.into(), |moment| ago(moment, now))
}

/// The time between two moments in words.
pub(super) fn ago(moment: Wall, now: Wall) -> String {
    Age(u64::try_from(now.0.saturating_sub(moment.0)).unwrap_or_default()).words()
}

/// `8080>80`, `127.0.0.1:8080>80`; ports that are not published by their number.
pub(super) fn ports(ports: &[PortMap]) -> String {
    let mut words: Vec<String> = ports.iter().map(port).collect();
    words.dedup();
    match words.as_slice() {
        [] => NOTHING.into(),
        words => words.join(" "),
    }
}

fn port(port: &PortMap) -> String {
    let protocol = match port.protocol.as_str() {
        "tcp" => String::new(),
        other => format!("/{other}"),
    };
    match &port.published {
        None => format!("{}{protocol}", port.inside),
        Some((address, outside)) => {
            let address = match address.as_str() {
                "" | "0.0.0.0" | "::" => String::new(),
                address if address.contains(':') => format!("[{address}]:"),
                address => format!("{address}:"),
            };
            format!("{address}{outside}>{}{protocol}", port.inside)
        }
    }
}

/// Memory in the unit that has few digits.
pub(super) fn bytes(bytes: Bytes) -> String {
    match bytes.0 {
        0..1_048_576 => format!("{} KiB", bytes.0 / 1024),
        _ => Mib::from_bytes(bytes.0).to_string(),
    }
}

/// What has to be said of a host beside its rows.
fn note(host: &Host, columns: Columns) -> Option<String> {
    let (why, hint) = match &host.containers.daemon {
        DaemonState::Up { .. } => return nothing_to_list(host, columns),
        DaemonState::Unknown if host.word == HealthWord::Ok => {
            let why = "its container engine has not answered in time".to_owned();
            (why, None)
        }
        _ => silence(host),
    };
    let line = format!("{}: {why}", host.id);
    Some(match hint {
        Some(hint) => format!("{line}\n    {hint}"),
        None => line,
    })
}

fn nothing_to_list(host: &Host, columns: Columns) -> Option<String> {
    let shown = |container: &Container| columns.all || is_current(container.state);
    let list = &host.containers.list;
    if list.iter().any(|container| shown(container)) {
        return None;
    }
    Some(match list.len() {
        0 => format!("{}: no containers", host.id),
        ended => format!("{}: none runs; {ended} have ended (--all)", host.id),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Settings;
    use crate::domain::{At, GpuSourceChoice, HostAddress, HostId, HostSpec, Rung, SshSpec};
    use crate::engine::{HostMsg, Msg, sim, update};

    #[test]
    fn a_clock_at_the_ends_of_time_is_borne() {
        for (moment, now) in [
            (i64::MIN, i64::MAX),
            (i64::MIN, 1),
            (i64::MAX, i64::MIN),
            (0, -1),
        ] {
            assert!(!ago(Wall(moment), Wall(now)).is_empty());
        }
    }

    const NOW: Wall = Wall(1_800_000_000_000);

    pub(in crate::cli::containers) fn fleet() -> Fleet {
        let mut fleet = Fleet::new("home", &Settings::default());
        let spec = |name: &str| {
            Arc::new(HostSpec {
                id: HostId::new(name),
                address: HostAddress::Ssh(SshSpec::new(name.parse().unwrap())),
                tags: Vec::new(),
                gpu: GpuSourceChoice::Auto,
                power: None,
            })
        };
        let mut put = |msg| drop(update(&mut fleet, msg));
        put(Msg::Tick {
            at: At(1),
            wall: NOW,
        });
        put(Msg::Hosts {
            at: At(1),
            specs: ["spark-1", "spark-2", "rtx-a"].map(spec).into(),
        });
        let mut did = |host: &str, msg| {
            put(Msg::Host {
                at: At(2),
                host: HostId::new(host),
                msg,
            });
        };
        let containers = sim::containers(1, 8, NOW);
        let mut machine = sim::SimMachine::new(1, sim::SimGpu::Gb10, 1);
        did("spark-1", HostMsg::Sample(machine.sample()));
        did("spark-1", HostMsg::Containers(sim::listed(1, 8, NOW)));
        did(
            "spark-1",
            HostMsg::Containers(sim::measured(1, &containers)),
        );
        did("spark-2", HostMsg::Containers(sim::listed(2, 0, NOW)));
        did(
            "rtx-a",
            HostMsg::Fails {
                rung: Rung::Tcp,
                silent: false,
                why: "connection refused".into(),
                hint: Some("is sshd running?".into()),
            },
        );
        fleet
    }

    #[test]
    fn the_fleet_as_a_person_reads_it() {
        let columns = Columns {
            all: true,
            stats: true,
        };
        insta::assert_snapshot!(list(&fleet(), columns));
    }

    #[test]
    fn those_that_have_ended_are_left_out() {
        let columns = Columns {
            all: false,
            stats: false,
        };
        let shown = list(&fleet(), columns);
        assert!(
            shown.contains("vllm_node") && !shown.contains("train-0412"),
            "{shown}"
        );
        assert!(!shown.contains("CPU"), "{shown}");
    }

    #[test]
    fn ports_by_rows() {
        let map = |published: Option<(&str, u16)>, inside, protocol: &str| PortMap {
            inside,
            protocol: protocol.into(),
            published: published.map(|(address, port)| (address.into(), port)),
        };
        let rows = [
            (vec![], "–"),
            (vec![map(None, 80, "tcp")], "80"),
            (
                vec![
                    map(Some(("0.0.0.0", 8080)), 80, "tcp"),
                    map(Some(("::", 8080)), 80, "tcp"),
                ],
                "8080>80",
            ),
            (
                vec![map(Some(("127.0.0.1", 53)), 53, "udp")],
                "127.0.0.1:53>53/udp",
            ),
            (vec![map(Some(("::1", 53)), 53, "udp")], "[::1]:53>53/udp"),
        ];
        for (maps, shown) in rows {
            assert_eq!(ports(&maps), shown);
        }
    }
}
