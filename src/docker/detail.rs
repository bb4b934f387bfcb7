//! What one container is made of, from what the engine's inspect says (pure).

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::bounded::{Few, Pairs};
use super::facts;
use super::row::{
    Labels, PORTS, compose, health, label, labels, plain_id, plain_name, sorted, state,
};
use crate::domain::{Container, ContainerDetail, ContainerId, Metric, PortMap, Wall};
use crate::text::SafeText;

/// Most variables, words or things of one kind that are taken.
const THINGS: usize = 4096;
/// Most bytes of the indented answer.
const RAW: usize = 1024 * 1024;

/// The answer to `GET /containers/ID/json`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Inspected {
    id: String,
    name: String,
    created: String,
    path: String,
    args: Few<String, THINGS>,
    state: State,
    restart_count: u32,
    config: Config,
    pub(super) host_config: HostConfig,
    pub(super) network_settings: NetworkSettings,
    pub(super) mounts: Few<Mount, THINGS>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    status: String,
    exit_code: i32,
    started_at: String,
    finished_at: String,
    /// Podman of old has its own name for it.
    #[serde(alias = "Healthcheck")]
    health: Option<Health>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Health {
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
    env: Few<String, THINGS>,
    labels: Labels,
    tty: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HostConfig {
    restart_policy: RestartPolicy,
    log_config: LogConfig,
    port_bindings: Pairs<Option<Few<Binding, PORTS>>, PORTS>,
    pub(super) memory: i64,
    pub(super) nano_cpus: i64,
    pub(super) cpu_quota: i64,
    pub(super) cpu_period: i64,
    pub(super) cpuset_cpus: String,
    pub(super) pids_limit: Option<i64>,
    pub(super) shm_size: i64,
    pub(super) privileged: bool,
    pub(super) network_mode: String,
    pub(super) runtime: String,
    pub(super) device_requests: Few<DeviceRequest, 64>,
    pub(super) devices: Few<Device, 256>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RestartPolicy {
    name: String,
    maximum_retry_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LogConfig {
    r#type: String,
}

/// What of the host's GPUs it was given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DeviceRequest {
    pub(super) driver: String,
    pub(super) count: i64,
    #[serde(rename = "DeviceIDs")]
    pub(super) ids: Few<String, 64>,
    pub(super) capabilities: Few<Few<String, 16>, 16>,
}

/// A device file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Device {
    pub(super) path_on_host: String,
    pub(super) path_in_container: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSettings {
    ports: Pairs<Option<Few<Binding, PORTS>>, PORTS>,
    pub(super) networks: Pairs<Option<Network>, 256>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

/// A network that it is in.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Network {
    #[serde(rename = "IPAddress")]
    pub(super) address: String,
    #[serde(rename = "GlobalIPv6Address")]
    pub(super) address6: String,
}

/// A folder or volume that it sees.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Mount {
    pub(super) r#type: String,
    pub(super) name: String,
    pub(super) source: String,
    pub(super) destination: String,
    #[serde(rename = "RW")]
    pub(super) writable: bool,
}

impl Inspected {
    /// The row, with what the list does not tell.
    pub(super) fn row(&self) -> Container {
        let labels = labels(self.config.labels.clone());
        // A container that ended keeps only what it would publish.
        let ports = match ports(&self.network_settings.ports) {
            none if none.is_empty() => ports(&self.host_config.port_bindings),
            some => some,
        };
        Container {
            id: ContainerId::new(plain_id(&self.id)),
            name: plain_name(&self.name),
            image: SafeText::new(&self.config.image),
            state: state(&self.state.status, Some(self.state.exit_code)),
            health: self.state.health.as_ref().and_then(|h| health(&h.status)),
            ports,
            created: moment(&self.created).unwrap_or_default(),
            started: moment(&self.state.started_at),
            finished: moment(&self.state.finished_at),
            restarts: Metric::Is(self.restart_count),
            project: compose(&labels),
            owner: label(&labels, "pilothouse.owner"),
            labels,
        }
    }

    /// The whole of it; `body` is the answer that it was read from.
    pub(super) fn detail(&self, body: &[u8]) -> ContainerDetail {
        let words = std::iter::once(&self.path).chain(&self.args.0);
        ContainerDetail {
            container: self.row(),
            env: self
                .config
                .env
                .0
                .iter()
                .map(|line| variable(line))
                .collect(),
            command: words.map(|word| SafeText::new(word)).collect(),
            log_driver: SafeText::new(&self.host_config.log_config.r#type),
            tty: self.config.tty,
            restart_policy: self.host_config.restart_policy.words(),
            facts: facts::of(self),
            raw: raw(body),
        }
    }
}

impl RestartPolicy {
    fn words(&self) -> SafeText {
        match (self.name.as_str(), self.maximum_retry_count) {
            ("", _) => "no".into(),
            (name, 0) => name.into(),
            (name, most) => format!("{name}, {most} times").into(),
        }
    }
}

fn variable(line: &str) -> (SafeText, SafeText) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    (name.into(), value.into())
}

/// A moment as the engine writes it; the year 1 means never.
pub(super) fn moment(written: &str) -> Option<Wall> {
    let moment: Timestamp = written.parse().ok()?;
    (moment.as_second() > 0).then(|| Wall(moment.as_millisecond()))
}

fn ports(bound: &Pairs<Option<Few<Binding, PORTS>>, PORTS>) -> Vec<PortMap> {
    let mut ports = Vec::new();
    for (port, bindings) in &bound.0 {
        let (inside, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let Ok(inside) = inside.parse() else { continue };
        let protocol = SafeText::new(protocol);
        let published: Vec<_> = bindings.iter().flat_map(|few| &few.0).collect();
        if published.is_empty() {
            let protocol = protocol.clone();
            ports.push(PortMap {
                inside,
                protocol,
                published: None,
            });
        }
        for binding in published.iter().take(PORTS.saturating_sub(ports.len())) {
            let number = binding.host_port.parse().ok();
            ports.push(PortMap {
                inside,
                protocol: protocol.clone(),
                published: number.map(|number| (SafeText::new(&binding.host_ip), number)),
            });
        }
    }
    sorted(ports)
}

/// The answer, indented, line by line. The environment's values may be secrets: they are shown on demand, not here.
fn raw(body: &[u8]) -> Vec<SafeText> {
    let Ok(mut whole) = serde_json::from_slice::<Value>(body) else {
        return Vec::new();
    };
    let env = whole
        .pointer_mut("/Config/Env")
        .and_then(Value::as_array_mut);
    for line in env.into_iter().flatten() {
        let masked = line.as_str().map(|line| match line.split_once('=') {
            Some((name, _)) => format!("{name}=•••"),
            None => line.to_owned(),
        });
        *line = masked.into();
    }
    let mut text = Room(Vec::new());
    let cut = serde_json::to_writer_pretty(&mut text, &whole).is_err();
    let text = String::from_utf8_lossy(&text.0);
    let mut lines: Vec<_> = text.lines().map(SafeText::new).collect();
    if cut {
        lines.push("… the rest is left out".into());
    }
    lines
}

/// Takes what there is room for: indentation can make much of little.
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > RAW {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContainerHealth, ContainerState};

    const VLLM: &str = r#"{"Id":"8dfafdbc3a40","Created":"2026-11-21T14:35:25.037005839Z","Path":"vllm","Args":["serve","--x"],
      "State":{"Status":"exited","ExitCode":137,"StartedAt":"2026-11-21T14:36:00Z","FinishedAt":"2026-11-21T15:00:00.5Z","Health":{"Status":"unhealthy","Log":[]}},
      "Name":"/vllm_node","RestartCount":4,"Image":"sha256:1",
      "HostConfig":{"LogConfig":{"Type":"json-file","Config":{}},"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3},
        "PortBindings":{"8000/tcp":[{"HostIp":"","HostPort":"8000"}]},"Memory":68719476736,"NanoCpus":1500000000,"ShmSize":17179869184,
        "DeviceRequests":[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]]}],"Runtime":"nvidia","NetworkMode":"models",
        "Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"}],"PidsLimit":null},
      "Config":{"Image":"vllm/vllm-openai:v0.11","Env":["HF_TOKEN=hf_secret","EMPTY=","ODD"],"Tty":false,"Labels":{"pilothouse.owner":"anna"}},
      "NetworkSettings":{"Ports":{},"Networks":{"models":{"IPAddress":"172.18.0.2","GlobalIPv6Address":""}}},
      "Mounts":[{"Type":"bind","Source":"/srv/models","Destination":"/models","RW":false},{"Type":"volume","Name":"cache","Source":"/x","Destination":"/cache","RW":true}]}"#;

    #[test]
    fn a_container_is_told_whole() {
        let inspected: Inspected = serde_json::from_str(VLLM).unwrap();
        let detail = inspected.detail(VLLM.as_bytes());
        let row = &detail.container;
        assert_eq!(row.state, ContainerState::Exited(137));
        assert_eq!(row.health, Some(ContainerHealth::Unhealthy));
        assert_eq!(row.restarts, Metric::Is(4));
        assert_eq!(row.created, Wall(1_795_271_725_037));
        assert_eq!(row.finished.unwrap().0 - row.started.unwrap().0, 1_440_500);
        let port = &row.ports[0];
        assert_eq!(
            (port.inside, port.published.as_ref().unwrap().1),
            (8000, 8000)
        );
        let env: Vec<_> = detail
            .env
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(env, [("HF_TOKEN", "hf_secret"), ("EMPTY", ""), ("ODD", "")]);
        let command: Vec<_> = detail.command.iter().map(SafeText::as_str).collect();
        assert_eq!(command, ["vllm", "serve", "--x"]);
        assert_eq!(detail.restart_policy.as_str(), "on-failure, 3 times");
        let facts: Vec<_> = detail
            .facts
            .iter()
            .map(|(n, v)| format!("{n}: {v}"))
            .collect();
        assert_eq!(
            facts,
            [
                "mount: /srv/models → /models, read-only",
                "mount: volume cache → /cache",
                "network: models 172.18.0.2",
                "memory limit: 64.0 GiB",
                "cpu limit: 1.5 cores",
                "shared memory: 16.0 GiB",
                "gpus: all",
                "device: /dev/fuse",
                "runtime: nvidia",
            ]
        );
        let raw: Vec<_> = detail.raw.iter().map(SafeText::as_str).collect();
        assert!(raw.contains(&"      \"HF_TOKEN=•••\","), "{raw:#?}");
        assert!(!raw.concat().contains("hf_secret"));
    }

    #[test]
    fn nothing_is_a_container_too_and_hostile_depth_stays_small() {
        let inspected: Inspected = serde_json::from_str("{}").unwrap();
        let detail = inspected.detail(b"{}");
        assert_eq!(detail.container.state, ContainerState::Exited(0));
        assert_eq!(moment("0001-01-01T00:00:00Z"), None);
        assert_eq!(moment("yesterday"), None);
        let deep = format!(
            "{}{}{}",
            "[".repeat(100),
            "[],".repeat(40_000) + "1",
            "]".repeat(100)
        );
        let lines = raw(format!("{{\"a\":{deep}}}").as_bytes());
        let bytes: usize = lines.iter().map(|line| line.as_str().len() + 1).sum();
        assert!(bytes <= RAW + 100, "{bytes}");
        assert!(raw(b"[[").is_empty());
    }
}
