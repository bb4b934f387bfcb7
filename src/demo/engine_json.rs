//! What the container engine of a simulated machine says, in the shapes of Docker's Engine API.

use serde_json::{Value, json};

use super::boxes::{Container, State};
use super::node::Node;
use super::world::TICKS;
use crate::domain::{Age, Wall};

/// The newest API version that it speaks.
pub(super) const API: &str = "1.51";

/// `GET /version`.
pub(super) fn version() -> Value {
    json!({
        "Platform": {"Name": "Docker Engine - Community"},
        "Components": [{"Name": "Engine", "Version": "28.3.3"}],
        "Version": "28.3.3", "ApiVersion": API, "MinAPIVersion": "1.24",
        "Os": "linux", "Arch": "arm64", "KernelVersion": "6.11.0-1016-nvidia",
    })
}

/// `GET /info`.
pub(super) fn info(node: &Node) -> Value {
    let (all, running) = {
        let boxes = node.boxes();
        let running = boxes.all().filter(|c| c.state == State::Running).count();
        (boxes.all().count(), running)
    };
    json!({
        "ID": node.name(), "Name": node.name(), "Containers": all, "ContainersRunning": running,
        "Driver": "overlay2", "LoggingDriver": "json-file", "CgroupVersion": "2",
        "ServerVersion": "28.3.3", "OSType": "linux", "SystemTime": rfc3339(node.wall().0 * 1_000_000),
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
    })
}

/// A row of `GET /containers/json`.
pub(super) fn row(container: &Container, now: Wall) -> Value {
    let kind = container.kind;
    let ports: Vec<Value> = kind
        .port
        .iter()
        .map(|(inside, outside)| match container.state {
            State::Exited(..) => json!({"PrivatePort": inside, "Type": "tcp"}),
            _ => json!({"IP": "127.0.0.1", "PrivatePort": inside, "PublicPort": outside, "Type": "tcp"}),
        })
        .collect();
    json!({
        "Id": container.id, "Names": [format!("/{}", kind.name)], "Image": kind.image,
        "ImageID": image(container), "Command": kind.command.join(" "),
        "Created": container.created.0 / 1000, "Ports": ports, "Labels": labels(container),
        "State": state(container), "Status": status(container, now),
        "HostConfig": {"NetworkMode": "bridge"}, "Mounts": [],
    })
}

/// `GET /containers/ID/json`.
pub(super) fn inspect(container: &Container, now: Wall) -> Value {
    let kind = container.kind;
    let (code, finished) = match container.state {
        State::Exited(code, at) => (code, rfc3339(at.0 * 1_000_000)),
        _ => (0, "0001-01-01T00:00:00Z".to_owned()),
    };
    let mut said = json!({
        "Id": container.id, "Name": format!("/{}", kind.name), "Image": image(container),
        "Created": rfc3339(container.created.0 * 1_000_000), "RestartCount": kind.restarts,
        "Path": kind.command.first().copied().unwrap_or("/entrypoint.sh"),
        "Args": kind.command.get(1..).unwrap_or_default(), "Driver": "overlay2", "Platform": "linux",
        "State": {
            "Status": state(container), "Running": !matches!(container.state, State::Exited(..)),
            "Paused": container.state == State::Paused, "Restarting": false, "OOMKilled": code == 137,
            "Dead": false, "Pid": 0, "ExitCode": code, "Error": "",
            "StartedAt": rfc3339(container.started.0 * 1_000_000), "FinishedAt": finished,
        },
        "HostConfig": {
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "50m"}}, "NetworkMode": "bridge",
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}, "IpcMode": "host",
            "Binds": ["/srv/models:/root/.cache/huggingface"], "ShmSize": 67_108_864,
        },
        "Config": {
            "Hostname": kind.name, "Image": kind.image, "Tty": false, "Env": kind.env, "Cmd": kind.command,
            "Labels": labels(container), "WorkingDir": "/app",
        },
        "Mounts": [{"Type": "bind", "Source": "/srv/models", "Destination": "/root/.cache/huggingface", "Mode": "", "RW": true, "Propagation": "rprivate"}],
        "NetworkSettings": {"Ports": published(container), "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
    });
    if let (Some(state), true) = (
        said.get_mut("State"),
        kind.checked && container.state == State::Running,
    ) && let Some(state) = state.as_object_mut()
    {
        let up = now.0 - container.started.0;
        let health = if up < 60_000 { "starting" } else { "healthy" };
        state.insert(
            "Health".into(),
            json!({"Status": health, "FailingStreak": 0, "Log": []}),
        );
    }
    said
}

/// `GET /containers/ID/top`.
pub(super) fn top(node: &Node, container: &Container) -> Value {
    let world = node.world();
    let rows: Vec<Value> = world
        .processes()
        .filter(|process| process.container == Some(container.kind.name))
        .map(|process| json!([process.user, process.pid.to_string(), process.command]))
        .collect();
    json!({"Titles": ["USER", "PID", "COMMAND"], "Processes": rows})
}

/// `GET /containers/ID/stats`, with what it was one second before.
pub(super) fn stats(node: &Node, container: &Container) -> Value {
    let runs = container.state == State::Running;
    let world = node.world();
    let processors = world.profile.processors;
    let mine = || {
        world
            .works
            .iter()
            .filter(|work| runs && work.kind.container == Some(container.kind.name))
    };
    let idle = if runs { 0.004 } else { 0.0 };
    let cores: f64 = mine().map(|work| f64::from(work.cores())).sum::<f64>() + idle;
    let memory: u64 = mine().map(super::work::Work::rss_mib).sum::<u64>() + 64;
    let up = world.uptime as f64;
    let second = 1_000_000_000_f64;
    let all = (world.cpu.busy + world.cpu.idle) / TICKS as f64 * second;
    let spent = (mine().map(|work| work.spent).sum::<f64>() + idle * up) * second;
    let received = mine().map(|work| work.moved.0).sum::<f64>() + 600.0 * up;
    let sent = mine().map(|work| work.moved.1).sum::<f64>() + 400.0 * up;
    let cpu = |total: f64, system: f64| {
        json!({
            "cpu_usage": {"total_usage": total as u64, "usage_in_usermode": (total * 0.9) as u64, "usage_in_kernelmode": (total * 0.1) as u64},
            "system_cpu_usage": system as u64, "online_cpus": processors,
        })
    };
    json!({
        "id": container.id, "name": format!("/{}", container.kind.name),
        "read": rfc3339(node.wall().0 * 1_000_000), "preread": rfc3339((node.wall().0 - 1000) * 1_000_000),
        "pids_stats": {"current": if runs { 12 + mine().count() * 40 } else { 0 }},
        "cpu_stats": cpu(spent, all),
        "precpu_stats": cpu(spent - second * cores, all - second * f64::from(processors)),
        "memory_stats": {"usage": (memory + 200) * 1_048_576, "limit": world.profile.memory_kb * 1024, "stats": {"inactive_file": 200 * 1_048_576_u64}},
        "networks": {"eth0": {"rx_bytes": received as u64, "tx_bytes": sent as u64}},
        "blkio_stats": {"io_service_bytes_recursive": [
            {"major": 259, "minor": 0, "op": "read", "value": (received / 8.0) as u64}, {"major": 259, "minor": 0, "op": "write", "value": (sent / 20.0) as u64},
        ]},
    })
}

/// One line of `GET /events`.
pub(super) fn event(container: &Container, action: &str, now: Wall) -> String {
    let mut attributes = labels(container);
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.insert("name".into(), container.kind.name.into());
        attributes.insert("image".into(), container.kind.image.into());
        if action == "die" {
            let code = match container.state {
                State::Exited(code, _) => code,
                State::Running | State::Paused => 0,
            };
            attributes.insert("exitCode".into(), code.to_string().into());
        }
    }
    json!({
        "status": action, "id": container.id, "from": container.kind.image, "Type": "container", "Action": action,
        "Actor": {"ID": container.id, "Attributes": attributes}, "scope": "local",
        "time": now.0 / 1000, "timeNano": now.0 * 1_000_000,
    })
    .to_string()
}

/// A moment as the engine writes it.
pub(super) fn rfc3339(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(
        |_| "0001-01-01T00:00:00Z".to_owned(),
        |stamp| stamp.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
    )
}

fn published(container: &Container) -> Value {
    let mut ports = serde_json::Map::new();
    if let (Some((inside, outside)), false) = (
        container.kind.port,
        matches!(container.state, State::Exited(..)),
    ) {
        let there = json!([{"HostIp": "127.0.0.1", "HostPort": outside.to_string()}]);
        ports.insert(format!("{inside}/tcp"), there);
    }
    Value::Object(ports)
}

fn image(container: &Container) -> String {
    format!(
        "sha256:{}",
        crate::machine::container_id(&container.kind.image.into())
    )
}

fn labels(container: &Container) -> Value {
    let mut labels = serde_json::Map::new();
    if let Some((project, service)) = container.kind.compose {
        labels.insert("com.docker.compose.project".into(), project.into());
        labels.insert("com.docker.compose.service".into(), service.into());
    }
    if let Some(owner) = container.kind.owner {
        labels.insert("pilothouse.owner".into(), owner.into());
    }
    for (name, value) in container.kind.labels {
        labels.insert((*name).into(), (*value).into());
    }
    Value::Object(labels)
}

fn state(container: &Container) -> &'static str {
    match container.state {
        State::Running => "running",
        State::Paused => "paused",
        State::Exited(..) => "exited",
    }
}

/// `Up 3 hours (healthy)`, as the engine words it.
pub(super) fn status(container: &Container, now: Wall) -> String {
    let ago = |then: Wall| Age(u64::try_from(now.0 - then.0).unwrap_or_default()).words();
    match container.state {
        State::Running if container.kind.checked => {
            let health = if now.0 - container.started.0 < 60_000 {
                "health: starting"
            } else {
                "healthy"
            };
            format!("Up {} ({health})", ago(container.started))
        }
        State::Running => format!("Up {}", ago(container.started)),
        State::Paused => format!("Up {} (Paused)", ago(container.started)),
        State::Exited(code, at) => format!("Exited ({code}) {} ago", ago(at)),
    }
}
