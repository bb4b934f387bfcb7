//! Services through the engine's door, on a host that is made up: looks fold into words, a wedge is mended by the rule within the
//! limits that the host keeps, and nobody else is let through without a confirmation.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::clock::Clock;
use pilothouse::config::{Config, Settings};
use pilothouse::domain::{
    At, DeepProbe, GpuSourceChoice, HostAddress, HostId, HostSpec, LedgerEvent, Managed,
    ServiceAct, ServiceName, ServiceSpec, ShallowProbe, Wall,
};
use pilothouse::engine::sim::{SimGpu, SimMachine};
use pilothouse::engine::{
    Acting, Actor, Assisting, Beat, Command, Connect, ConnectError, Connected, Depth, Engine,
    Fleet, Lost, ProbeOutcome, Reply, Service, ServiceWord, Setup, Watch,
};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, HostSocket, LineStream, Output, RunLimits,
};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::ssh::Ask;
use pilothouse::store::{Ledger, Store};
use pilothouse::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const HOST: &str = "spark-2";

/// A host whose one service answers as it is told.
struct Made {
    commands: Mutex<Vec<String>>,
    /// What the service answers to a completion.
    status: Mutex<u16>,
    /// What the host says to each question for leave; then always no.
    leave: Mutex<VecDeque<&'static str>>,
    /// What systemd says of its unit.
    unit: Mutex<&'static str>,
}

impl Made {
    fn ran(&self, part: &str) -> usize {
        let commands = self.commands.lock().unwrap();
        commands.iter().filter(|line| line.contains(part)).count()
    }

    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    fn said(&self, line: &str) -> String {
        if line.contains("pilothouse-limits") {
            let word = self.leave.lock().unwrap().pop_front().unwrap_or("held");
            return format!("pilothouse-limits 1\nnow 1800000000\n{word}\nend\n");
        }
        if line.contains("pilothouse-unit") {
            self.answers(200);
        }
        if line.contains("systemctl show") {
            let unit = *self.unit.lock().unwrap();
            return format!("LoadState=loaded\nActiveState={unit}\nSubState=x\nResult=success\n");
        }
        String::new()
    }
}

#[async_trait]
impl Exec for Made {
    async fn run(&self, command: &ShellCommand, _: RunLimits) -> Result<Output, ExecError> {
        let line = command.render();
        let said = self.said(&line);
        self.commands.lock().unwrap().push(line);
        Ok(Output {
            exit: Exit::Status(0),
            stdout: Bytes::from(said),
            stderr: Bytes::new(),
            dropped: 0,
        })
    }

    async fn stream(&self, _: &ShellCommand) -> Result<LineStream, ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "no streams here"))
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "no files here"))
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        let HostSocket::Tcp { .. } = socket else {
            return Err(ExecError::new(ExecErrorKind::NotFound, "no such socket"));
        };
        let (near, far) = tokio::io::duplex(64 * 1024);
        let status = *self.status.lock().unwrap();
        Tasks::new().spawn(serve(far, status));
        Ok(Box::pin(near))
    }
}

/// Answers one request as an engine with one model does.
async fn serve(mut io: tokio::io::DuplexStream, status: u16) {
    let mut asked = Vec::new();
    let mut some = [0; 4096];
    while let Ok(read @ 1..) = io.read(&mut some).await {
        asked.extend_from_slice(&some[..read]);
        let text = String::from_utf8_lossy(&asked).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let (status, said) = if head.starts_with("GET /v1/models") {
            (200, r#"{"data":[{"id":"qwen","owned_by":"vllm"}]}"#)
        } else if head.starts_with("POST /v1/completions") && status == 200 {
            (200, r#"{"choices":[{"text":"a"}]}"#)
        } else if head.starts_with("GET /health") {
            (200, "")
        } else {
            (
                status,
                r#"{"error":"CUDA error: an illegal memory access was encountered"}"#,
            )
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
            said.len()
        );
        drop(io.write_all(head.as_bytes()).await);
        return;
    }
}

struct Beats(SimMachine);

#[async_trait]
impl Watch for Beats {
    async fn beat(&mut self, _: At) -> Result<Beat, Lost> {
        Ok(Beat {
            sample: self.0.sample(),
            round_trip: Duration::from_millis(1),
        })
    }
}

struct Way(Arc<Made>);

#[async_trait]
impl Connect for Way {
    async fn connect(&self, _: &HostSpec, _: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        Ok(Connected {
            watch: Box::new(Beats(SimMachine::new(1, SimGpu::Gb10, 1))),
            exec: Arc::clone(&self.0) as Arc<dyn Exec>,
            user: Some("ops".into()),
        })
    }
}

struct Stage {
    host: Arc<Made>,
    engine: Engine,
}

fn name() -> ServiceName {
    ServiceName::new("vllm")
}

fn spec(heals: bool) -> ServiceSpec {
    ServiceSpec {
        host: HostId::new(HOST),
        name: name(),
        managed: Managed::Unit("vllm.service".into()),
        shallow: ShallowProbe::Unit,
        deep: Some(DeepProbe::Completion),
        port: 8000.try_into().ok(),
        hidden: false,
        heals,
        overlays: Vec::new(),
        install: None,
    }
}

impl Stage {
    fn new(heals: bool, read_only: bool, store: Option<Store>) -> Self {
        let host = Arc::new(Made {
            commands: Mutex::default(),
            status: Mutex::new(200),
            leave: Mutex::default(),
            unit: Mutex::new("active"),
        });
        let there = HostSpec {
            id: HostId::new(HOST),
            address: HostAddress::Local,
            tags: Vec::new(),
            gpu: GpuSourceChoice::Auto,
            power: None,
        };
        let engine = Engine::start(Setup {
            config: Config {
                fleet: "home".into(),
                hosts: vec![Arc::new(there)],
                settings: Settings {
                    read_only,
                    services: vec![Arc::new(spec(heals))],
                    ..Settings::default()
                },
                file: None,
                problems: Vec::new(),
            },
            clock: Clock::timers(Wall(1_800_000_000_000)),
            tasks: Tasks::new(),
            connect: Arc::new(Way(Arc::clone(&host))),
            store,
            record: None,
            acting: Acting {
                ledger: Ledger::in_memory(),
                who: "ops".into(),
                from: "a test".into(),
            },
            assisting: Assisting::default(),
        });
        Self { host, engine }
    }

    async fn until(&self, holds: impl Fn(&Service) -> bool) -> Service {
        let mut fleet = self.engine.handle().fleet();
        let of = |fleet: &Fleet| fleet.hosts.first()?.services.first().cloned();
        let found = fleet
            .wait_for(|fleet| of(fleet).is_some_and(|service| holds(&service)))
            .await;
        of(&found.unwrap()).unwrap()
    }

    async fn ask(&self, actor: Actor, command: Command) -> Reply {
        self.engine.handle().ask(actor, command).await
    }

    fn act(act: ServiceAct) -> Command {
        Command::Service {
            host: HostId::new(HOST),
            service: name(),
            act,
        }
    }

    async fn entries(&self) -> Vec<LedgerEvent> {
        let mut fleet = self.engine.handle().fleet();
        let fleet = fleet.wait_for(|fleet| fleet.ledger_read).await.unwrap();
        fleet
            .ledger
            .iter()
            .map(|entry| entry.event.clone())
            .collect()
    }

    async fn end(self) {
        assert!(self.engine.shutdown(Duration::from_secs(5)).await);
    }
}

fn why(reply: &Reply) -> &str {
    match reply {
        Reply::Refused(r) | Reply::Failed(r) | Reply::Unknown(r) => &r.why,
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_wedge_is_mended_by_the_rule_and_the_ledger_says_who_did_it() {
    let stage = Stage::new(true, false, None);
    stage.host.leave.lock().unwrap().push_back("go");
    stage
        .until(|service| service.word == ServiceWord::Healthy)
        .await;
    stage.host.answers(500);
    let wedged = stage
        .until(|service| service.word == ServiceWord::Wedged)
        .await;
    assert!(wedged.detail.as_str().contains("CUDA"), "{}", wedged.detail);
    let healed = stage
        .until(|service| {
            let mut events = service.events.iter();
            events.any(|event| event.words.as_str().starts_with("restarted:"))
        })
        .await;
    assert!(healed.events.len() >= 2, "{:?}", healed.events);
    stage
        .until(|service| service.word == ServiceWord::Healthy)
        .await;
    assert_eq!(stage.host.ran("pilothouse-unit"), 1);
    let events = stage.entries().await;
    let LedgerEvent::Intent(intent) = &events[0] else {
        panic!("{events:?}");
    };
    assert!(intent.from.as_str().starts_with("rule,"), "{}", intent.from);
    assert!(
        intent
            .confirmed
            .as_str()
            .starts_with("by the rule that mends wedges")
    );
    assert_eq!(events.len(), 2, "{events:?}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_host_holds_the_rule_to_its_limits_and_a_switched_off_one_does_nothing() {
    for (heals, read_only) in [(true, false), (false, false), (true, true)] {
        let stage = Stage::new(heals, read_only, None);
        stage
            .until(|service| service.word == ServiceWord::Healthy)
            .await;
        stage.host.answers(500);
        stage
            .until(|service| service.word == ServiceWord::Wedged)
            .await;
        if heals {
            let held = stage.until(|service| service.restarts.held.is_some()).await;
            let held = held.restarts.held.unwrap();
            assert_eq!(held.as_str().contains("read-only"), read_only, "{held}");
        }
        tokio::time::sleep(Duration::from_mins(11)).await;
        assert_eq!(stage.host.ran("pilothouse-unit"), 0);
        assert_eq!(stage.host.ran("pilothouse-limits") > 0, heals && !read_only);
        assert_eq!(stage.entries().await, []);
        stage.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_let_through_for_nothing_else_and_a_person_is_asked() {
    let stage = Stage::new(true, false, None);
    stage
        .until(|service| service.word == ServiceWord::Healthy)
        .await;
    for act in ServiceAct::ALL {
        let reply = stage.ask(Actor::Rule, Stage::act(act)).await;
        assert!(
            why(&reply).starts_with("a rule only mends"),
            "{act:?} {reply:?}"
        );
        let reply = stage.ask(Actor::Assistant, Stage::act(act)).await;
        assert_eq!(why(&reply), "the assistant can only look and propose");
    }
    let host = HostId::new(HOST);
    let reply = stage.ask(Actor::Rule, Command::Shell { host }).await;
    assert!(why(&reply).starts_with("a rule only mends"), "{reply:?}");
    let reply = stage
        .ask(Actor::Terminal, Stage::act(ServiceAct::Update))
        .await;
    assert!(why(&reply).contains("no checkout"), "{reply:?}");
    let reply = stage
        .ask(Actor::Terminal, Stage::act(ServiceAct::Restart))
        .await;
    let Reply::NeedsConfirmation { id, plan, .. } = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(plan.what, "restart the service vllm on spark-2");
    assert_eq!(stage.host.ran("pilothouse-unit"), 0);
    let answer = "yes".to_owned();
    let reply = stage
        .ask(Actor::Terminal, Command::Confirm { id, answer })
        .await;
    assert_eq!(reply, Reply::Done);
    assert_eq!(stage.host.ran("pilothouse-unit"), 1);
    let probe = Command::Probe {
        host: HostId::new(HOST),
        service: name(),
        depth: Depth::Deep,
    };
    let reply = stage.ask(Actor::CommandLine, probe).await;
    let Reply::Probed(probed) = &reply else {
        panic!("{reply:?}");
    };
    assert!(
        matches!(probed.outcome, ProbeOutcome::Good(_)),
        "{probed:?}"
    );
    stage.end().await;
}

#[tokio::test]
async fn what_happened_to_a_service_is_there_in_the_next_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let stage = Stage::new(false, false, Some(Store::new(&path)));
    stage
        .until(|service| service.word == ServiceWord::Healthy)
        .await;
    *stage.host.unit.lock().unwrap() = "failed";
    let probe = Command::Probe {
        host: HostId::new(HOST),
        service: name(),
        depth: Depth::Shallow,
    };
    let reply = stage.ask(Actor::CommandLine, probe).await;
    assert!(matches!(reply, Reply::Probed(_)), "{reply:?}");
    stage
        .until(|service| service.word == ServiceWord::Unhealthy)
        .await;
    stage.end().await;
    let stage = Stage::new(false, false, Some(Store::new(&path)));
    let service = stage.until(|service| !service.events.is_empty()).await;
    let first = service.events[0].words.as_str();
    assert!(
        first.starts_with("unhealthy: vllm.service is failed"),
        "{first}"
    );
    stage.end().await;
}
