//! A container as a row of a list, from what the engine's list says (pure).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::bounded::{Few, Pairs};
use crate::domain::{
    ComposePlace, Container, ContainerHealth, ContainerId, ContainerState, Metric, PortMap, Wall,
};
use crate::text::SafeText;

/// Most containers that are taken from one engine.
const CONTAINERS: usize = 20_000;
/// Most labels that are taken from one container.
pub(super) const LABELS: usize = 512;
/// Most ports that are taken from one container.
pub(super) const PORTS: usize = 1024;

/// The answer to `GET /containers/json`.
pub(super) type Listed = Few<Summary, CONTAINERS>;

/// Labels as the engine writes them.
pub(super) type Labels = Pairs<Option<String>, LABELS>;

/// One container of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Summary {
    id: String,
    names: Few<String, 16>,
    pub(super) image: String,
    #[serde(rename = "ImageID")]
    pub(super) image_id: String,
    created: i64,
    state: String,
    status: String,
    ports: Few<ListedPort, PORTS>,
    labels: Labels,
    /// Bytes that it has written; only where it was asked for.
    pub(super) size_rw: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedPort {
    #[serde(rename = "IP")]
    ip: Option<String>,
    private_port: u16,
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: String,
}

impl Summary {
    /// The row.
    pub(super) fn row(self) -> Container {
        let labels = labels(self.labels);
        Container {
            id: ContainerId::new(plain_id(&self.id)),
            name: name(&self.names),
            image: self.image.into(),
            state: state(&self.state, exit_code(&self.status)),
            health: health_in(&self.status),
            ports: ports(self.ports),
            created: Wall(self.created.saturating_mul(1000)),
            started: None,
            finished: None,
            restarts: Metric::default(),
            project: compose(&labels),
            owner: label(&labels, "pilothouse.owner"),
            labels,
        }
    }

    /// Its identity.
    pub(super) fn id(&self) -> ContainerId {
        ContainerId::new(plain_id(&self.id))
    }

    /// Its name.
    pub(super) fn name(&self) -> SafeText {
        name(&self.names)
    }

    /// Whether a prune would take it.
    pub(super) fn is_over(&self) -> bool {
        matches!(
            state(&self.state, None),
            ContainerState::Created | ContainerState::Exited(_) | ContainerState::Dead
        )
    }
}

/// An identity goes into paths and onto screens: it is hexadecimal, or it is made so.
pub(super) fn plain_id(id: &str) -> String {
    id.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .take(128)
        .collect()
}

/// A linked container is also known by names inside others (`/other/alias`); its own has one slash.
fn name(names: &Few<String, 16>) -> SafeText {
    let own = names.0.iter().find(|name| name.matches('/').count() <= 1);
    let name = own.or(names.0.first()).map_or("", String::as_str);
    plain_name(name)
}

/// A name without the slash that the API puts before it.
pub(super) fn plain_name(name: &str) -> SafeText {
    SafeText::new(name.strip_prefix('/').unwrap_or(name))
}

/// What it does, from the engine's word; Podman has words of its own.
pub(super) fn state(word: &str, exit: Option<i32>) -> ContainerState {
    match word {
        "running" | "stopping" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "created" | "configured" | "initialized" => ContainerState::Created,
        "removing" => ContainerState::Removing,
        "dead" => ContainerState::Dead,
        // `exited` and `stopped`; what is not known does not run, as far as we know.
        _ => ContainerState::Exited(exit.unwrap_or_default()),
    }
}

/// The number in `Exited (137) 2 hours ago`.
fn exit_code(status: &str) -> Option<i32> {
    let (_, rest) = status.split_once('(')?;
    rest.split_once(')')?.0.parse().ok()
}

/// The list tells health only inside its sentence: `Up 5 minutes (healthy)`.
fn health_in(status: &str) -> Option<ContainerHealth> {
    [
        ("(healthy)", ContainerHealth::Healthy),
        ("(unhealthy)", ContainerHealth::Unhealthy),
        ("(health: starting)", ContainerHealth::Starting),
        ("(starting)", ContainerHealth::Starting),
    ]
    .into_iter()
    .find_map(|(words, health)| status.ends_with(words).then_some(health))
}

/// Health from the engine's word; `none` means that there is no check.
pub(super) fn health(word: &str) -> Option<ContainerHealth> {
    match word {
        "healthy" => Some(ContainerHealth::Healthy),
        "unhealthy" => Some(ContainerHealth::Unhealthy),
        "starting" => Some(ContainerHealth::Starting),
        _ => None,
    }
}

fn ports(listed: Few<ListedPort, PORTS>) -> Vec<PortMap> {
    let ports = listed.0.into_iter().map(|port| PortMap {
        inside: port.private_port,
        protocol: SafeText::from(port.protocol),
        published: port
            .public_port
            .map(|public| (SafeText::from(port.ip.unwrap_or_default()), public)),
    });
    sorted(ports.collect())
}

/// Published ones first, then by number.
pub(super) fn sorted(mut ports: Vec<PortMap>) -> Vec<PortMap> {
    ports.sort_by(|a, b| {
        let key = |port: &PortMap| (port.published.is_none(), port.inside);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.protocol.cmp(&b.protocol))
            .then_with(|| a.published.cmp(&b.published))
    });
    ports.dedup();
    ports
}

pub(super) fn labels(written: Labels) -> BTreeMap<SafeText, SafeText> {
    let safe = |(name, value): (String, Option<String>)| {
        (
            SafeText::from(name),
            SafeText::from(value.unwrap_or_default()),
        )
    };
    written.0.into_iter().map(safe).collect()
}

pub(super) fn label(labels: &BTreeMap<SafeText, SafeText>, name: &str) -> Option<SafeText> {
    let value = labels.get(&SafeText::new(name))?;
    (!value.is_empty()).then(|| value.clone())
}

pub(super) fn compose(labels: &BTreeMap<SafeText, SafeText>) -> Option<ComposePlace> {
    let project = label(labels, "com.docker.compose.project")
        .or_else(|| label(labels, "io.podman.compose.project"))?;
    let service = label(labels, "com.docker.compose.service");
    Some(ComposePlace { project, service })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> Container {
        serde_json::from_str::<Summary>(json).unwrap().row()
    }

    #[test]
    fn a_whole_row() {
        let row = row(
            r#"{"Id":"8dfafdbc3a40","Names":["/web/db","/shop-db-1"],"Image":"postgres:17","ImageID":"sha256:1",
            "Command":"x","Created":1753000000,"Ports":[
              {"PrivatePort":9187,"Type":"tcp"},
              {"IP":"0.0.0.0","PrivatePort":5432,"PublicPort":15432,"Type":"tcp"}],
            "Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"db","pilothouse.owner":"a\u001b[2Jnn"},
            "State":"running","Status":"Up 5 minutes (unhealthy)","HostConfig":{"NetworkMode":"x"},"Mounts":[]}"#,
        );
        assert_eq!(row.name.as_str(), "shop-db-1");
        assert_eq!(row.state, ContainerState::Running);
        assert_eq!(row.health, Some(ContainerHealth::Unhealthy));
        assert_eq!(row.created, Wall(1_753_000_000_000));
        assert_eq!(row.owner.unwrap().as_str(), "a␛nn");
        let place = row.project.unwrap();
        assert_eq!(
            (place.project.as_str(), place.service.unwrap().as_str()),
            ("shop", "db")
        );
        let ports: Vec<_> = row
            .ports
            .iter()
            .map(|p| (p.inside, p.published.is_some()))
            .collect();
        assert_eq!(ports, [(5432, true), (9187, false)]);
        assert_eq!(row.restarts, Metric::default());
    }

    #[test]
    fn states_by_rows() {
        use ContainerState as State;
        for (state, status, expected) in [
            ("exited", "Exited (137) 2 hours ago", State::Exited(137)),
            (
                "exited",
                "Exited (0) Less than a second ago",
                State::Exited(0),
            ),
            ("stopped", "Exited (1) 3 days ago", State::Exited(1)),
            ("created", "Created", State::Created),
            ("configured", "", State::Created),
            ("paused", "Up 2 hours (Paused)", State::Paused),
            (
                "restarting",
                "Restarting (1) 5 seconds ago",
                State::Restarting,
            ),
            ("removing", "Removal In Progress", State::Removing),
            ("dead", "Dead", State::Dead),
            ("running", "Up 3 seconds", State::Running),
            ("\u{1b}[31m", "Exited (99999999999) (x", State::Exited(0)),
        ] {
            let row = row(&serde_json::json!({"State": state, "Status": status}).to_string());
            assert_eq!(row.state, expected, "{state} {status}");
            assert_eq!(row.health, None);
        }
        let starting = row(r#"{"State":"running","Status":"Up 1 second (health: starting)"}"#);
        assert_eq!(starting.health, Some(ContainerHealth::Starting));
    }

    #[test]
    fn nothing_and_null_are_rows_too() {
        for json in [
            "{}",
            r#"{"Names":null,"Ports":null,"Labels":null,"SizeRw":null}"#,
        ] {
            let row = row(json);
            assert!(row.name.is_empty() && row.ports.is_empty() && row.labels.is_empty());
        }
        assert_eq!(plain_id("../a b\u{1b}c"), "abc");
    }
}
