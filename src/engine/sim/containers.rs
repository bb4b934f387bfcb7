//! Simulated containers: what a machine of a small fleet runs, the same from the same seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{
    Bytes, BytesPerSecond, ComposePlace, Container, ContainerHealth, ContainerId, ContainerState,
    ContainerStats, Daemon, DaemonFlavour, Metric, Percent, PortMap, Wall,
};
use crate::engine::ContainersMsg;

/// A container as it is written down here.
type Seen = (
    &'static str,
    &'static str,
    ContainerState,
    Option<u16>,
    Option<&'static str>,
);

/// Name, image, state, published port, compose service. `vllm_node` is the one that holds the GPUs of [`super::SimMachine`].
const SEEN: [Seen; 8] = [
    (
        "vllm_node",
        "nvcr.io/nvidia/vllm:25.09-py3",
        ContainerState::Running,
        Some(8000),
        None,
    ),
    (
        "chat-web-1",
        "ghcr.io/example/chat-web:2.4.1",
        ContainerState::Running,
        Some(8080),
        Some("web"),
    ),
    (
        "chat-db-1",
        "postgres:17",
        ContainerState::Running,
        None,
        Some("db"),
    ),
    (
        "chat-worker-1",
        "ghcr.io/example/chat-worker:2.4.1",
        ContainerState::Restarting,
        None,
        Some("worker"),
    ),
    (
        "embeddings",
        "ghcr.io/huggingface/text-embeddings-inference:1.8",
        ContainerState::Running,
        Some(8081),
        None,
    ),
    (
        "notebook",
        "jupyter/base-notebook:latest",
        ContainerState::Paused,
        Some(8888),
        None,
    ),
    (
        "train-0412",
        "nvcr.io/nvidia/pytorch:25.09-py3",
        ContainerState::Exited(137),
        None,
        None,
    ),
    (
        "backup",
        "restic/restic:0.18.0",
        ContainerState::Exited(0),
        None,
        None,
    ),
];

/// The engine of a simulated machine.
pub fn daemon() -> Arc<Daemon> {
    Arc::new(Daemon {
        flavour: DaemonFlavour::Docker,
        version: "28.3.3".into(),
        api: "1.51".into(),
        socket: "/var/run/docker.sock".into(),
        rootless: false,
    })
}

/// So many containers, at this moment of the wall: those that every machine has first, then jobs that have ended.
pub fn containers(seed: u64, count: usize, now: Wall) -> Vec<Container> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let jobs = (0..).map(|number| {
        let name = format!("job-{number:05}");
        (name, "busybox:1.37", ContainerState::Exited(0), None, None)
    });
    SEEN.iter()
        .map(|(name, image, state, port, service)| {
            ((*name).to_owned(), *image, *state, *port, *service)
        })
        .chain(jobs)
        .take(count)
        .map(|seen| container(&mut rng, seen, now))
        .collect()
}

fn container(
    rng: &mut fastrand::Rng,
    (name, image, state, port, service): (String, &str, ContainerState, Option<u16>, Option<&str>),
    now: Wall,
) -> Container {
    let id: String = (0..64)
        .map(|_| char::from_digit(rng.u32(0..16), 16).unwrap_or('0'))
        .collect();
    let age = 1000 * rng.i64(600..400_000);
    let ended = matches!(state, ContainerState::Exited(_));
    let published = port.map(|port| PortMap {
        inside: port,
        protocol: "tcp".into(),
        published: Some(("127.0.0.1".into(), port)),
    });
    Container {
        id: ContainerId::new(id),
        image: image.into(),
        state,
        health: service
            .filter(|_| state == ContainerState::Running)
            .map(|_| ContainerHealth::Healthy),
        ports: published.into_iter().collect(),
        created: Wall(now.0 - age - 60_000),
        started: Some(Wall(now.0 - age)),
        finished: ended.then_some(Wall(now.0 - age / 3)),
        restarts: Metric::Is(if state == ContainerState::Restarting {
            14
        } else {
            0
        }),
        project: service.map(|service| ComposePlace {
            project: "chat".into(),
            service: Some(service.into()),
        }),
        owner: (name == "notebook").then(|| "mira".into()),
        labels: BTreeMap::default(),
        name: name.into(),
    }
}

/// All that the engine of a simulated machine has.
pub fn listed(seed: u64, count: usize, now: Wall) -> ContainersMsg {
    ContainersMsg::Listed {
        daemon: daemon(),
        list: containers(seed, count, now),
    }
}

/// What the containers that run take.
pub fn measured(seed: u64, of: &[Container]) -> ContainersMsg {
    let mut rng = fastrand::Rng::with_seed(seed);
    let runs = |container: &&Container| container.state == ContainerState::Running;
    let all = of.iter().filter(runs).map(|container| {
        let rate = |rng: &mut fastrand::Rng| BytesPerSecond(rng.u64(0..2_000_000));
        let stats = ContainerStats {
            cpu: Metric::Is(Percent(rng.f32() * 40.0)),
            memory: Metric::Is(Bytes(rng.u64(20_000_000..30_000_000_000))),
            limit: Metric::default(),
            network: Metric::Is([rate(&mut rng), rate(&mut rng)]),
            disk: Metric::Is([rate(&mut rng), rate(&mut rng)]),
            pids: Metric::Is(rng.u64(1..200)),
        };
        (container.id.clone(), stats)
    });
    ContainersMsg::Stats(all.collect())
}
