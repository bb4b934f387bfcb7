//! Models and services of the fleets, in four moods: what is served, on disk, under way, wrong.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::config::ScheduleEntry;
use pilothouse::domain::{
    At, Bytes, BytesPerSecond, Cluster, ClusterNode, DeepProbe, HealthWord, HostId, Managed,
    Metric, Missing, ModelKey, Percent, Place, Port, ServiceName, ServiceSpec, ShallowProbe, Wall,
};
use pilothouse::engine::{
    Catalog, Check, Completeness, Finding, Fleet, Host, HostModels, Latency, LockState,
    ModelSource, PhaseState, Preflight, PreflightVerdict, ProbeOutcome, Probed, RestartCount,
    Served, ServedBy, ServedState, Service, ServiceEvent, ServiceEventKind, ServiceWord, Serving,
    SwapEnd, SwapPhase, SwapPhaseRow, SwapReport, Timed, Weights, WeightsReport, WorkId, WorkKind,
    WorkReport, WorkState,
};
use pilothouse::models::menu;
use pilothouse::shell::RemotePath;
use pilothouse::text::SafeText;

use super::fleets::{self, NOW, WALL};

const GIB: u64 = 1 << 30;
const MINUTE: i64 = 60_000;

fn port(number: u16) -> Port {
    Port::try_from(number).unwrap()
}

fn repo(name: &str) -> ModelSource {
    ModelSource::Repo(name.parse().unwrap())
}

fn weights(name: &str, gib: f64, missing: Option<&str>) -> Weights {
    let folder = format!("models--{}", name.replace('/', "--"));
    Weights {
        source: repo(name),
        path: RemotePath::new(format!(
            "/home/anna/.cache/huggingface/hub/{folder}/snapshots/5f0b1c2d3e4f"
        ))
        .unwrap(),
        size: Bytes((gib * GIB as f64) as u64),
        files: 24,
        changed: Wall(WALL.0 - 900 * MINUTE),
        completeness: missing.map_or(Completeness::Complete, |what| {
            Completeness::Partial(what.into())
        }),
        config: None,
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands where a host may have none"
)]
fn on_disk(weights: Vec<Weights>) -> Option<Timed<Arc<WeightsReport>>> {
    Some(Timed {
        at: At(NOW.0 - 190_000),
        value: Arc::new(WeightsReport {
            weights,
            cache: None,
            free: Some(Bytes(812 * GIB)),
            troubles: Vec::new(),
        }),
    })
}

fn served(name: &str, recipe: &str, state: ServedState) -> Served {
    let ready = state == ServedState::Ready;
    let number = |value: f64| {
        if ready {
            Metric::Is(value)
        } else {
            Metric::Missing(Missing::NotReported)
        }
    };
    Served {
        by: ServedBy::Vllm,
        name: name.into(),
        container: None,
        port: port(8888),
        watched_only: false,
        state,
        recipe: Some(ModelKey::new(recipe)),
        model: Some("qwen3.6-35b".into()),
        since: Some(Wall(WALL.0 - 185 * MINUTE)),
        restarts: 0,
        context: Metric::Is(262_144),
        running: Metric::Is(3),
        waiting: Metric::Is(1),
        tokens_in: number(812.4),
        tokens_out: number(41.23),
        kv_cache: Metric::Is(Percent(41.0)),
        first_token: Metric::Is(Latency {
            p50_ms: 212.0,
            p95_ms: 480.4,
        }),
        next_token: Metric::Missing(Missing::NotReported),
        memory: Metric::Is(Bytes(88 * GIB)),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands where a host may have none"
)]
fn serving(all: Vec<Served>, ago: u64) -> Option<Timed<Arc<Serving>>> {
    Some(Timed {
        at: At(NOW.0 - ago),
        value: Arc::new(Serving { served: all }),
    })
}

fn pair() -> Arc<Cluster> {
    let node = |host: &str, address: &str| ClusterNode {
        host: HostId::new(host),
        address: address.parse().unwrap(),
    };
    Arc::new(Cluster {
        name: "pair".into(),
        head: node("spark-1", "192.168.177.11"),
        workers: vec![node("spark-2", "192.168.177.12")],
        interface: Some("enp1s0f1np1".into()),
        devices: vec!["rocep1s0f1".into()],
    })
}

fn phase(phase: SwapPhase, state: PhaseState, expected: Option<u64>) -> SwapPhaseRow {
    SwapPhaseRow {
        phase,
        state,
        expected: expected.map(Duration::from_secs),
    }
}

fn done(millis: u64, words: &str) -> PhaseState {
    PhaseState::Done {
        took: Duration::from_millis(millis),
        words: words.into(),
    }
}

/// A swap of the pair that loads.
fn loading() -> SwapReport {
    SwapReport {
        work: WorkId("20261121-205803-swap".into()),
        place: Place::Cluster((*pair()).clone()),
        model: Some(ModelKey::new("minimax-m2.7")),
        before: Some(ModelKey::new("qwen3-coder-next")),
        by: "anna@desk".into(),
        began: Wall(WALL.0 - 3 * MINUTE),
        phases: vec![
            phase(SwapPhase::Lock, done(210, ""), None),
            phase(SwapPhase::Stop, done(14_200, "26 GiB came back"), Some(12)),
            phase(SwapPhase::Launch, done(9_400, "two nodes"), Some(10)),
            phase(
                SwapPhase::Load,
                PhaseState::Running {
                    since: Wall(WALL.0 - 2 * MINUTE),
                    words: "shard 12 of 16".into(),
                },
                Some(252),
            ),
            phase(SwapPhase::Ready, PhaseState::Waiting, Some(8)),
        ],
        log: vec![
            "INFO 11-21 20:59:12 Using FlashInfer backend".into(),
            "Loading safetensors checkpoint shards:  75% | 12/16".into(),
        ],
        end: None,
    }
}

/// The same, ended by a crash while it loaded.
fn failed() -> SwapReport {
    let mut swap = loading();
    for row in &mut swap.phases {
        match row.phase {
            SwapPhase::Load => {
                row.state = PhaseState::Failed {
                    why: "the container ended with 137".into(),
                }
            }
            SwapPhase::Ready => {
                row.state = PhaseState::Skipped {
                    why: "nothing to ask".into(),
                }
            }
            _ => {}
        }
    }
    swap.log.push(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25 GiB \u{1b}[31m!".into(),
    );
    swap.end = Some(SwapEnd::Failed {
        phase: SwapPhase::Load,
        why: "the container ended with 137: out of memory".into(),
        hint: Some("lower gpu_memory_utilization, or serve it on fewer hosts".into()),
    });
    swap
}

fn put(fleet: &mut Fleet, host: &str, models: HostModels) {
    let host = HostId::new(host);
    let found = fleet.hosts.iter_mut().find(|found| found.id == host);
    Arc::make_mut(found.unwrap()).models = Arc::new(models);
}

fn schedule() -> Vec<ScheduleEntry> {
    let entry = |holder: &str, when: &str, what: &str, place: Option<&str>| ScheduleEntry {
        holder: holder.into(),
        when: when.into(),
        what: what.into(),
        place: place.map(str::to_owned),
    };
    vec![
        entry(
            "openclaw",
            "02:00 daily",
            "minimax-m2.7 for the digest",
            Some("pair"),
        ),
        entry("recap", "Mo 06:30", "transcribes the week", None),
    ]
}

/// Models at work: one served, one loading over the pair, one fetched, the others on disk or nowhere.
pub(crate) fn busy() -> Fleet {
    let mut fleet = fleets::busy();
    fleet.catalog = Arc::new(Catalog::with_bundled(&[]));
    fleet.clusters = Arc::new(vec![pair()]);
    fleet.schedule = Arc::new(schedule());
    let minimax = "cyankiwi/MiniMax-M2.7-AWQ-4bit";
    let first = HostModels {
        weights: on_disk(vec![
            weights("Qwen/Qwen3.6-35B-A3B-FP8", 34.9, None),
            weights("Qwen/Qwen3-Coder-Next-FP8", 74.6, None),
            weights("openai/gpt-oss-120b", 18.2, Some("3 of 16 shards")),
            weights("mistralai/Devstral-Small-2", 44.0, None),
            weights(minimax, 120.0, None),
        ]),
        serving: serving(vec![], 2_000),
        swap: Some(Arc::new(loading())),
        lock: Some(Timed {
            at: At(NOW.0 - 20_000),
            value: Some(LockState {
                holder: "openclaw".into(),
                note: "nightly batch".into(),
                since: Wall(WALL.0 - 30 * MINUTE),
                until: Wall(WALL.0 + 23 * MINUTE),
                left: Duration::from_secs(23 * 60 + 20),
                ours: false,
            }),
        }),
        ..HostModels::default()
    };
    put(&mut fleet, "spark-1", first);
    let second = HostModels {
        weights: on_disk(vec![
            weights("Qwen/Qwen3-Coder-Next-FP8", 74.6, None),
            weights(minimax, 120.0, None),
        ]),
        work: Arc::new(vec![WorkReport {
            work: WorkId("20261121-205000-download".into()),
            kind: WorkKind::Download,
            subject: "nvidia/Qwen3.6-35B-A3B-NVFP4".into(),
            began: Wall(WALL.0 - 5 * MINUTE),
            state: WorkState::Running {
                words: "fetching model-00004-of-00009.safetensors".into(),
                done: Bytes(9 * GIB),
                total: Some(Bytes(22 * GIB)),
                rate: Some(BytesPerSecond(82_400_000)),
            },
        }]),
        ..HostModels::default()
    };
    put(&mut fleet, "spark-2", second);
    let mut one = served("vllm-35b", "qwen3.6-35b-fp8", ServedState::Ready);
    let mut other = served("vllm-own", "x", ServedState::Ready);
    other.recipe = None;
    other.model = Some("team/private-tune".into());
    other.watched_only = true;
    other.port = port(8001);
    other.tokens_out = Metric::Is(1_204.0);
    one.since = Some(Wall(WALL.0 - 3_000 * MINUTE));
    let third = HostModels {
        weights: on_disk(vec![weights("Qwen/Qwen3.6-35B-A3B-FP8", 34.9, None)]),
        serving: serving(vec![one, other], 2_000),
        ..HostModels::default()
    };
    put(&mut fleet, "h200-a", third);
    with_services(&mut fleet);
    joined(fleet)
}

/// With the menu as the engine makes it.
fn joined(mut fleet: Fleet) -> Fleet {
    let read = |host: &Arc<Host>| Some((host.id.clone(), host.models.weights.clone()?.value));
    let reports: Vec<_> = fleet.hosts.iter().filter_map(read).collect();
    let reports = reports.iter().map(|(host, report)| (host, &**report));
    fleet.menu = Arc::new(menu(&fleet.catalog, reports));
    fleet
}

/// A swap that failed, an engine that does not answer, old numbers, a catalogue with a bad entry.
pub(crate) fn broken() -> Fleet {
    let mut fleet = busy();
    let file = "models:\n  BAD KEY:\n    repo: a/b\n";
    let files = [("models/mine.yaml".to_owned(), file.to_owned())];
    fleet.catalog = Arc::new(Catalog::with_bundled(&files));
    fleet.schedule = Arc::default();
    let change = |fleet: &mut Fleet, host: &str, change: &dyn Fn(&mut HostModels)| {
        let id = HostId::new(host);
        let mut models = (*fleet.host(&id).unwrap().models).clone();
        change(&mut models);
        put(fleet, host, models);
    };
    change(&mut fleet, "spark-1", &|models| {
        models.swap = Some(Arc::new(failed()));
        models.lock = None;
    });
    change(&mut fleet, "spark-2", &|models| {
        let mut work = (*models.work).clone();
        for report in &mut work {
            report.state = WorkState::Failed {
                why: "the disk is full: 1.2 GB are left".into(),
                hint: Some("remove weights that nobody needs".into()),
            };
        }
        models.work = Arc::new(work);
    });
    change(&mut fleet, "h200-a", &|models| {
        let failing = ServedState::Failing {
            why: "/health answers 500".into(),
        };
        let one = served("vllm-35b", "qwen3.6-35b-fp8", failing);
        models.serving = serving(vec![one], 95_000);
    });
    joined(fleet)
}

/// The host that serves does not answer any more: what is known of it is old.
pub(crate) fn lost() -> Fleet {
    let mut fleet = busy();
    let id = HostId::new("h200-a");
    let found = fleet.hosts.iter_mut().find(|host| host.id == id);
    let host = Arc::make_mut(found.unwrap());
    host.word = HealthWord::Down;
    host.detail = "no answer on port 22".into();
    let models = Arc::make_mut(&mut host.models);
    if let Some(read) = &mut models.serving {
        read.at = At(NOW.0 - 240_000);
    }
    fleet
}

/// So many models on each of so many hosts, one of which serves.
#[cfg_attr(
    test,
    expect(dead_code, reason = "the stopwatch of frames draws it, and no test")
)]
pub(crate) fn many(models: u32, hosts: u32) -> Fleet {
    let mut fleet = busy();
    let kind = fleet.hosts.first().cloned();
    let all: Vec<Weights> = (0..models)
        .map(|n| {
            weights(
                &format!("organisation/Model-{n:02}-Instruct-FP8"),
                40.0,
                None,
            )
        })
        .collect();
    let make = |n: u32| {
        let mut host = (**kind.as_ref().unwrap()).clone();
        host.id = HostId::new(format!("host-{n}"));
        host.models = Arc::new(HostModels {
            weights: on_disk(all.clone()),
            serving: serving(
                vec![served("vllm", "qwen3.6-35b-fp8", ServedState::Ready)],
                1_000,
            ),
            ..HostModels::default()
        });
        Arc::new(host)
    };
    fleet.hosts = (0..hosts).map(make).collect();
    fleet.clusters = Arc::default();
    joined(fleet)
}

/// Names that no column holds, and more models than fit.
pub(crate) fn crowded() -> Fleet {
    let mut fleet = fleets::long();
    let host = "a-very-long-host-name-that-no-column-can-hold.rack-17.example";
    let name = |n: u32| {
        format!("organisation-{n:02}/A-Model-With-A-Name-That-Goes-On-{n:02}-Instruct-FP8")
    };
    let mut all: Vec<Weights> = (0..60)
        .map(|n| weights(&name(n), f64::from(n) * 3.1 + 0.4, None))
        .collect();
    all[3].completeness = Completeness::Partial("2 files half-downloaded, 14 missing".into());
    let mut wide = served("コンテナの名前がとても長い", "モデル", ServedState::Ready);
    wide.model = Some("日本語のモデルの名前がここに入りますとても長い".into());
    wide.tokens_out = Metric::Is(123_456.7);
    wide.running = Metric::Is(1_000);
    wide.waiting = Metric::Is(10_000);
    let models = HostModels {
        weights: on_disk(all),
        serving: serving(vec![wide], 1_000),
        ..HostModels::default()
    };
    put(&mut fleet, host, models);
    joined(fleet)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands where nobody may have looked yet"
)]
fn probed(ago: u64, millis: u64, outcome: ProbeOutcome) -> Option<Probed> {
    Some(Probed {
        at: At(NOW.0 - ago),
        took: Duration::from_millis(millis),
        outcome,
    })
}

/// A service, healthy as long as nothing else is said.
pub(crate) fn service(host: &str, name: &str, port: u16, deep: DeepProbe) -> Service {
    Service {
        spec: Arc::new(ServiceSpec {
            host: HostId::new(host),
            name: ServiceName::new(name),
            managed: Managed::Container(name.into()),
            shallow: ShallowProbe::Container,
            deep: Some(deep),
            port: Some(self::port(port)),
            hidden: false,
            heals: true,
            overlays: Vec::new(),
            install: None,
        }),
        word: ServiceWord::Healthy,
        detail: SafeText::default(),
        since: At(NOW.0 - 3_480_000),
        shallow: probed(4_000, 12, ProbeOutcome::Good("200 in /v1/models".into())),
        deep: probed(
            140_000,
            1_420,
            ProbeOutcome::Good("said \"testing\"".into()),
        ),
        model: None,
        restarts: RestartCount::default(),
        events: Arc::default(),
    }
}

fn event(ago: i64, kind: ServiceEventKind, words: &str) -> ServiceEvent {
    ServiceEvent {
        wall: Wall(WALL.0 - ago * MINUTE),
        kind,
        words: words.into(),
    }
}

/// What happened to a service, newest last.
fn events() -> Arc<VecDeque<ServiceEvent>> {
    let up = |down_for| ServiceEventKind::Transition { up: true, down_for };
    let down = ServiceEventKind::Transition {
        up: false,
        down_for: None,
    };
    Arc::new(VecDeque::from([
        event(900, up(None), "healthy"),
        event(
            412,
            ServiceEventKind::Report { ok: false },
            "recap: 500 at /v1/audio",
        ),
        event(402, down, "wedged: CUDA error: an illegal memory access"),
        event(402, ServiceEventKind::Healed, "restarted"),
        event(400, up(Some(Duration::from_secs(95))), "healthy"),
        event(28, down, "wedged: CUDA error: an illegal memory access"),
        event(27, ServiceEventKind::Healed, "restarted"),
        event(3, down, "wedged: CUDA error: an illegal memory access"),
    ]))
}

fn with_services(fleet: &mut Fleet) {
    let mut parakeet = service("spark-2", "parakeet", 8000, DeepProbe::Transcription);
    parakeet.model = Some("parakeet-tdt-0.6b-v3".into());
    let mut kokoro = service("spark-2", "kokoro", 8880, DeepProbe::Speech);
    kokoro.word = ServiceWord::Wedged;
    kokoro.detail = "CUDA error: an illegal memory access".into();
    kokoro.since = At(NOW.0 - 180_000);
    kokoro.deep = probed(
        30_000,
        4_100,
        ProbeOutcome::Wedged("500: CUDA error: an illegal memory access".into()),
    );
    kokoro.restarts = RestartCount {
        recent: 3,
        last: Some(Wall(WALL.0 - 4 * MINUTE)),
        held: Some("3 restarts in 30 min".into()),
    };
    kokoro.events = events();
    let mut vllm = service("spark-2", "vllm", 8888, DeepProbe::Completion);
    vllm.word = ServiceWord::Idle;
    vllm.detail = "nothing is loaded".into();
    vllm.deep = probed(140_000, 3, ProbeOutcome::Idle("nothing listens".into()));
    let mut qdrant = service("spark-2", "qdrant", 6333, DeepProbe::Collections);
    qdrant.word = ServiceWord::Unhealthy;
    qdrant.detail = "the port answers, its collections do not".into();
    qdrant.shallow = probed(
        4_000,
        5_000,
        ProbeOutcome::Bad("no answer within 5 s".into()),
    );
    let mut bridge = service("spark-1", "matrix-bridge", 1, DeepProbe::Speech);
    bridge.spec = Arc::new(ServiceSpec {
        managed: Managed::Git {
            folder: RemotePath::new("/home/anna/matrix-bridge").unwrap(),
            container: "matrix-bridge".into(),
        },
        port: None,
        deep: None,
        ..(*bridge.spec).clone()
    });
    bridge.deep = None;
    let mut hidden = service("spark-2", "secret-tile", 1, DeepProbe::Speech);
    hidden.spec = Arc::new(ServiceSpec {
        hidden: true,
        ..(*hidden.spec).clone()
    });
    let mut put = |host: &str, services: Vec<Service>| {
        let host = HostId::new(host);
        let found = fleet.hosts.iter_mut().find(|found| found.id == host);
        Arc::make_mut(found.unwrap()).services = Arc::new(services);
    };
    put("spark-1", vec![bridge]);
    put("spark-2", vec![vllm, parakeet, kokoro, qdrant, hidden]);
}

/// What a swap would meet: one check fails, one warns, one could not be made.
pub(crate) fn check(now: At) -> pilothouse::tui::Check {
    let verdict = |check, host: &str, finding| PreflightVerdict {
        check,
        host: HostId::new(host),
        finding,
    };
    let verdicts = vec![
        verdict(
            Check::Lock,
            "spark-1",
            Finding::Fail {
                why: "openclaw holds the place for 23m: nightly batch".into(),
                hint: Some("wait, or break the reservation: v".into()),
            },
        ),
        verdict(Check::Weights, "spark-1", Finding::Pass("74.6 GiB, whole".into())),
        verdict(Check::Weights, "spark-2", Finding::Pass("74.6 GiB, whole".into())),
        verdict(
            Check::Memory,
            "spark-1",
            Finding::Warn {
                why: "about 96 of 119 GiB: 37.3 weights, 52 KV cache for 131,072 tokens, 6 overhead (estimated: it was never loaded here)".into(),
                hint: Some("lower the context for more room".into()),
            },
        ),
        verdict(Check::Port, "spark-1", Finding::Pass("8888 is held by what is stopped".into())),
        verdict(Check::Flags, "spark-1", Finding::Unknown("no container runs to ask in".into())),
    ];
    let preflight = Preflight {
        model: ModelKey::new("qwen3-coder-next"),
        place: Place::Cluster((*pair()).clone()),
        verdicts,
        command: "./launch-cluster.sh -d exec vllm serve Qwen/Qwen3-Coder-Next-FP8".into(),
        users: vec!["minimax-m2.7 loads on pair: nobody uses it yet".into()],
    };
    pilothouse::tui::Check {
        model: ModelKey::new("qwen3-coder-next"),
        place: "pair".into(),
        asked: now,
        found: pilothouse::tui::Awaited::Got((At(now.0 - 2_000), Box::new(preflight))),
    }
}
