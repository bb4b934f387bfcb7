//! Containers and a ledger for the fleets, and how they are looked at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use pilothouse::domain::{
    ActId, ActOutcome, At, Bytes, BytesPerSecond, ComposePlace, Container, ContainerDetail,
    ContainerHealth, ContainerId, ContainerState, ContainerStats, ContainerTop, Daemon,
    DaemonFlavour, HostId, Intent, LedgerEntry, LedgerEvent, Metric, Missing, Percent, PortMap,
    PrunePreview, Wall,
};
use pilothouse::engine::{Containers, DaemonState, Fleet, GapChange, Point, Refusal, Timed};
use pilothouse::tui::{
    Awaited, Chosen, ContainerRef, ContainerTab, EnvShown, OpenContainer, StatsPast,
};

use super::fleets::{self, NOW, WALL};

const HOUR: i64 = 3_600_000;

fn id(seed: &str) -> ContainerId {
    let digits = seed
        .bytes()
        .fold(String::new(), |all, b| all + &format!("{b:02x}"));
    let long = digits.repeat(64 / digits.len() + 1);
    ContainerId::new(&long[..64])
}

fn container(name: &str, image: &str, state: ContainerState) -> Container {
    let running = matches!(state, ContainerState::Running | ContainerState::Paused);
    Container {
        id: id(name),
        name: name.into(),
        image: image.into(),
        state,
        health: None,
        ports: Vec::new(),
        created: Wall(WALL.0 - 50 * HOUR),
        started: running.then_some(Wall(WALL.0 - 3 * HOUR - 300_000)),
        finished: (!running).then_some(Wall(WALL.0 - 30 * HOUR)),
        restarts: Metric::Is(0),
        project: None,
        owner: None,
        labels: BTreeMap::new(),
    }
}

fn port(inside: u16, outside: u16, address: &str) -> PortMap {
    PortMap {
        inside,
        protocol: "tcp".into(),
        published: Some((address.into(), outside)),
    }
}

fn stats(cpu: f32, memory: u64) -> Timed<ContainerStats> {
    Timed {
        at: At(NOW.0 - 2_000),
        value: ContainerStats {
            cpu: Metric::Is(Percent(cpu)),
            memory: Metric::Is(Bytes(memory)),
            limit: Metric::Missing(Missing::NotReported),
            network: Metric::Is([BytesPerSecond(18_400), BytesPerSecond(2_120_000)]),
            disk: Metric::Is([BytesPerSecond(0), BytesPerSecond(4_096)]),
            pids: Metric::Is(61),
        },
    }
}

fn up() -> DaemonState {
    DaemonState::Up {
        daemon: Arc::new(Daemon {
            flavour: DaemonFlavour::Docker,
            version: "28.5.1".into(),
            api: "1.51".into(),
            socket: "/var/run/docker.sock".into(),
            rootless: false,
        }),
        since: At(0),
    }
}

fn of(daemon: DaemonState, list: Vec<Container>, stats: &[(&str, f32, u64)]) -> Containers {
    let read = stats
        .iter()
        .map(|(name, cpu, memory)| (id(name), self::stats(*cpu, *memory)));
    Containers {
        daemon,
        list: list.into_iter().map(Arc::new).collect(),
        stats: read.collect(),
        after_gap: Vec::new(),
    }
}

/// What a box that serves models runs.
fn served() -> Containers {
    let mut vllm = container(
        "vllm_qwen3_next",
        "vllm/vllm-openai:v0.11.0",
        ContainerState::Running,
    );
    vllm.health = Some(ContainerHealth::Healthy);
    vllm.ports = vec![port(8000, 8000, "0.0.0.0"), port(8000, 8000, "::")];
    vllm.owner = Some("anna".into());
    let mut litellm = container(
        "litellm",
        "ghcr.io/berriai/litellm:main",
        ContainerState::Running,
    );
    litellm.health = Some(ContainerHealth::Unhealthy);
    litellm.restarts = Metric::Is(7);
    litellm.ports = vec![port(4000, 80, "0.0.0.0")];
    let mut postgres = container("gateway-postgres-1", "postgres:17", ContainerState::Running);
    postgres.ports = vec![port(5432, 5432, "127.0.0.1")];
    for (container, service) in [(&mut litellm, "proxy"), (&mut postgres, "db")] {
        container.project = Some(ComposePlace {
            project: "gateway".into(),
            service: Some(service.into()),
        });
    }
    let mut paused = container("embedder", "ollama/ollama:0.12.6", ContainerState::Paused);
    paused.health = None;
    let loader = container("hf-download", "python:3.12-slim", ContainerState::Exited(0));
    let failed = container(
        "finetune-lora",
        "nvcr.io/nvidia/pytorch:25.09-py3",
        ContainerState::Exited(137),
    );
    let mut made = container("scratch", "busybox:latest", ContainerState::Created);
    made.restarts = Metric::Missing(Missing::NotReported);
    let mut all = of(
        up(),
        vec![vllm, litellm, postgres, paused, loader, failed, made],
        &[
            ("vllm_qwen3_next", 12.4, 9_663_676_416),
            ("litellm", 0.7, 412_000_000),
            ("gateway-postgres-1", 0.1, 61_000_000),
            ("embedder", 0.0, 2_147_483_648),
        ],
    );
    all.after_gap = vec![
        GapChange {
            at: At(NOW.0 - 60_000),
            id: id("finetune-lora"),
            name: "finetune-lora".into(),
            was: Some(ContainerState::Running),
            is: Some(ContainerState::Exited(137)),
        },
        GapChange {
            at: At(NOW.0 - 60_000),
            id: id("old-proxy"),
            name: "old-proxy".into(),
            was: Some(ContainerState::Running),
            is: None,
        },
    ];
    all
}

fn put(fleet: &mut Fleet, host: &str, containers: Containers) {
    let host = HostId::new(host);
    if let Some(found) = fleet.hosts.iter_mut().find(|found| found.id == host) {
        Arc::make_mut(found).containers = Arc::new(containers);
    }
}

/// Boxes at work, with what was done to them.
pub(crate) fn busy() -> Fleet {
    let mut fleet = fleets::busy();
    put(&mut fleet, "spark-2", served());
    let mut one = container(
        "vllm_small",
        "vllm/vllm-openai:v0.11.0",
        ContainerState::Running,
    );
    one.health = Some(ContainerHealth::Starting);
    put(
        &mut fleet,
        "spark-1",
        of(up(), vec![one], &[("vllm_small", 3.0, 4_294_967_296)]),
    );
    put(&mut fleet, "h200-a", of(up(), Vec::new(), &[]));
    let absent = DaemonState::Absent {
        why: "no container engine was found: no docker or podman socket, and none is installed"
            .into(),
        hint: Some("install docker.io, or name its socket in the host's DOCKER_HOST".into()),
    };
    put(&mut fleet, "plain-1", of(absent, Vec::new(), &[]));
    fleet.ledger = Arc::new(ledger());
    fleet
}

/// An engine that was lost, and hosts that can't be asked.
pub(crate) fn broken() -> Fleet {
    let mut fleet = fleets::broken();
    let mut lost = served();
    lost.daemon = DaemonState::Lost {
        why: "the socket refuses connections".into(),
        hint: Some("systemctl status docker".into()),
        since: At(NOW.0 - 190_000),
    };
    put(&mut fleet, "rtx-a", lost);
    fleet.ledger = Arc::new(ledger());
    fleet
}

/// A box with more that ended than anybody wants to see, and names that no column holds.
pub(crate) fn crowded() -> Fleet {
    let mut fleet = fleets::long();
    let long = "a-very-long-host-name-that-no-column-can-hold.rack-17.example";
    let ended = (0..500).map(|n| {
        let name = format!("batch-{n:03}-of-the-nightly-evaluation-run-on-every-model");
        container(
            &name,
            "registry.example:5000/team/evaluation-harness:2026-11-20-nightly",
            ContainerState::Exited(n % 3),
        )
    });
    let mut list = vec![container(
        "模型服务-qwen3",
        "vllm/vllm-openai:latest",
        ContainerState::Running,
    )];
    list.extend(ended);
    put(
        &mut fleet,
        long,
        of(up(), list, &[("模型服务-qwen3", 100.0, 99_000_000_000)]),
    );
    fleet
}

fn ledger() -> VecDeque<LedgerEntry> {
    let mut all = VecDeque::new();
    let mut number = 0;
    let mut write = |ago: i64, event: LedgerEvent| {
        number += 1;
        all.push_back(LedgerEntry {
            number,
            wall: Wall(WALL.0 - ago),
            event,
        });
        ActId(number)
    };
    let intent = |host: &str, what: &str, request: &str, confirmed: &str| {
        LedgerEvent::Intent(Intent {
            who: "anna".into(),
            from: "terminal, over ssh from 10.0.0.7".into(),
            host: Some(HostId::new(host)),
            what: what.into(),
            request: request.into(),
            confirmed: confirmed.into(),
            proposed: None,
            armed: None,
        })
    };
    let outcome = |act, outcome, verification: Option<&str>| LedgerEvent::Outcome {
        act,
        outcome,
        verification: verification.map(Into::into),
    };
    let restart = write(
        40 * HOUR,
        intent(
            "spark-2",
            "Restart container vllm_qwen3_next on spark-2.",
            "POST /containers/vllm_qwen3_next/restart",
            "yes",
        ),
    );
    write(
        40 * HOUR - 8_000,
        outcome(
            restart,
            ActOutcome::Done,
            Some("it runs, started 2 s before"),
        ),
    );
    let kill = write(
        2 * HOUR,
        intent(
            "rtx-a",
            "Kill container finetune-lora on rtx-a.",
            "POST /containers/finetune-lora/kill",
            "typed finetune-lora",
        ),
    );
    write(
        2 * HOUR - 1_000,
        outcome(kill, ActOutcome::Failed("no such container".into()), None),
    );
    let prune = write(
        HOUR,
        intent(
            "spark-2",
            "Remove 3 containers that have ended and 2 images that nothing uses on spark-2.",
            "POST /containers/prune, POST /images/prune",
            "typed spark-2",
        ),
    );
    write(
        HOUR - 9_000,
        outcome(
            prune,
            ActOutcome::Unknown("the connection was lost meanwhile".into()),
            None,
        ),
    );
    write(
        90_000,
        intent(
            "spark-2",
            "Open a terminal inside of litellm on spark-2.",
            "POST /containers/litellm/exec: sh",
            "yes",
        ),
    );
    all
}

/// A container of spark-2 that is looked into.
pub(crate) fn open(tab: ContainerTab, env: EnvShown) -> OpenContainer {
    let name = "vllm_qwen3_next";
    let fleet = busy();
    let host = fleet.host(&HostId::new("spark-2")).unwrap();
    let row = host
        .containers
        .list
        .iter()
        .find(|c| c.name.as_str() == name)
        .unwrap();
    let mut past = StatsPast {
        last: Some(At(NOW.0 - 2_000)),
        ..StatsPast::default()
    };
    for n in (1..60_u64).rev() {
        let at = At(NOW.0 - n * 2_000);
        let wave = (n as f32 / 5.0).sin();
        let point = |value| Point { at, value };
        past.cpu.push(point(30.0 + 25.0 * wave));
        past.memory.push(point(60.0 - n as f32 / 3.0));
        past.network[0].push(point(20_000.0 + 15_000.0 * wave));
        past.network[1].push(point(2_000_000.0));
        past.disk[0].push(point(0.0));
        past.disk[1].push(point(4_096.0));
    }
    let text = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(a, b)| ((*a).into(), (*b).into()))
            .collect()
    };
    let detail = ContainerDetail {
        container: (**row).clone(),
        env: text(&[
            ("HF_HOME", "/models/hf"),
            ("HF_TOKEN", "hf_fixture"),
            ("VLLM_API_KEY", "fixture"),
            ("NVIDIA_VISIBLE_DEVICES", "all"),
            (
                "PATH",
                "/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
        ]),
        command: [
            "vllm",
            "serve",
            "Qwen/Qwen3-Next-80B-A3B-Instruct-FP8",
            "--max-model-len",
            "65536",
        ]
        .map(Into::into)
        .to_vec(),
        log_driver: "json-file".into(),
        tty: false,
        restart_policy: "unless-stopped".into(),
        facts: text(&[
            ("mount", "/srv/models → /models (read-only)"),
            ("network", "bridge 172.17.0.4"),
            ("devices", "nvidia: all GPUs"),
            ("shm", "16 GiB"),
        ]),
        raw: vec!["{".into(), "  \"Id\": \"…\"".into(), "}".into()],
    };
    let rows = ["4121", "4388"].map(|pid| {
        [
            "root",
            pid,
            "12.1",
            "vllm serve Qwen/Qwen3-Next-80B-A3B-Instruct-FP8",
        ]
        .map(Into::into)
        .to_vec()
    });
    OpenContainer {
        of: ContainerRef {
            host: HostId::new("spark-2"),
            id: id(name),
        },
        name: name.into(),
        tab,
        scroll: 0,
        detail: Awaited::Got(Arc::new(detail)),
        top: Awaited::Got(ContainerTop {
            titles: ["user", "pid", "cpu", "command"].map(Into::into).to_vec(),
            rows: rows.to_vec(),
        }),
        top_asked: Some(NOW),
        past,
        env,
    }
}

/// A refusal as hosts give it.
pub(crate) fn refusal() -> Refusal {
    Refusal {
        why: "rtx-a does not answer".into(),
        hint: Some("r dials it now".into()),
    }
}

/// The container of this name on spark-2, chosen.
pub(crate) fn chosen(name: &str) -> Chosen<ContainerRef> {
    Chosen::One(ContainerRef {
        host: HostId::new("spark-2"),
        id: id(name),
    })
}

/// Containers to act on.
pub(crate) fn targets(names: &[&str]) -> Vec<(ContainerRef, Arc<Container>)> {
    let all = served();
    names
        .iter()
        .map(|name| {
            let found = all.list.iter().find(|c| c.name.as_str() == *name).unwrap();
            let of = ContainerRef {
                host: HostId::new("spark-2"),
                id: found.id.clone(),
            };
            (of, Arc::clone(found))
        })
        .collect()
}

/// What a prune would take.
pub(crate) fn preview() -> PrunePreview {
    PrunePreview {
        containers: ["hf-download", "finetune-lora", "scratch"]
            .map(|name| (id(name), name.into()))
            .to_vec(),
        images: vec![
            ("sha256:5f0b1c2d3e4f".into(), Bytes(9_812_000_000)),
            ("sha256:0a1b2c3d4e5f".into(), Bytes(214_000_000)),
        ],
        bytes: Bytes(10_400_000_000),
    }
}
