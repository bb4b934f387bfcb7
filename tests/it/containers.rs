//! The containers of a host in the fleet, as a real Docker Engine tells of them: each change soon, and those of a gap once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pilothouse::clock::Clock;
use pilothouse::config::{Config, Settings};
use pilothouse::domain::{
    At, ContainerAct, ContainerId, ContainerState, GpuSourceChoice, HostAddress, HostId, HostSpec,
    Rung,
};
use pilothouse::engine::sim::{SimGpu, SimMachine};
use pilothouse::engine::{
    Acting, Actor, Assisting, Beat, Challenge, Command, Connect, ConnectError, Connected,
    Containers, DaemonState, Engine, Handle, Lost, Outcome, Reply, Setup, Watch,
};
use pilothouse::ssh::Ask;
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use crate::docker::Here;
use crate::dockerd::Dockerd;

/// Nothing here takes so long; a test that meets it has failed.
const LONG: Duration = Duration::from_secs(40);

/// What a person may wait for a change of the world.
const SOON: Duration = Duration::from_millis(200);

/// This machine with a container engine of its own.
struct DockerHost {
    socket: PathBuf,
    tasks: Tasks,
}

#[async_trait]
impl Connect for DockerHost {
    async fn connect(&self, _: &HostSpec, _: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        Ok(Connected {
            watch: Box::new(Beats(SimMachine::new(1, SimGpu::Gb10, 1))),
            exec: Here::at(&self.socket, &self.tasks),
            user: None,
        })
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

/// An engine that watches one host with a real container engine.
struct Stage {
    engine: Engine,
    handle: Handle,
    tasks: Tasks,
}

fn id() -> HostId {
    HostId::new("here")
}

impl Stage {
    fn watching(socket: PathBuf) -> Self {
        let tasks = Tasks::new();
        let spec = HostSpec {
            id: id(),
            address: HostAddress::Local,
            tags: Vec::new(),
            gpu: GpuSourceChoice::Auto,
            power: None,
        };
        let engine = Engine::start(Setup {
            config: Config {
                fleet: "home".into(),
                hosts: vec![Arc::new(spec)],
                settings: Settings::default(),
                file: None,
                problems: Vec::new(),
            },
            clock: Clock::system(),
            tasks: tasks.clone(),
            connect: Arc::new(DockerHost {
                socket,
                tasks: tasks.clone(),
            }),
            store: None,
            record: None,
            acting: Acting::unrecorded(),
            assisting: Assisting::default(),
        });
        let handle = engine.handle();
        Self {
            engine,
            handle,
            tasks,
        }
    }

    /// Waits until the host's containers are so.
    async fn until(
        &self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&Containers) -> bool,
    ) -> Arc<Containers> {
        let mut fleet = self.handle.fleet();
        let host = id();
        let seen = fleet.wait_for(|fleet| fleet.host(&host).is_some_and(|h| holds(&h.containers)));
        let Ok(seen) = timeout(limit, seen).await else {
            let fleet = self.handle.fleet().borrow().clone();
            panic!(
                "never came: {what}\n{:#?}",
                fleet.host(&host).unwrap().containers
            );
        };
        Arc::clone(&seen.unwrap().host(&host).unwrap().containers)
    }

    async fn end(self) {
        assert!(self.engine.shutdown(LONG).await);
        assert!(self.tasks.shutdown(LONG).await);
    }
}

fn state(all: &Containers, name: &str) -> Option<ContainerState> {
    let found = all.list.iter().find(|c| c.name.as_str() == name);
    found.map(|container| container.state)
}

fn is_up(all: &Containers) -> bool {
    matches!(all.daemon, DaemonState::Up { .. })
}

/// Every container was read on its own: nothing is on its way any more.
fn is_read(all: &Containers) -> bool {
    is_up(all) && all.list.iter().all(|c| c.restarts.value().is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_world_is_in_the_fleet_at_once() {
    let daemon = Dockerd::start();
    let first = ContainerId::new(daemon.run("one", "exec sleep 600"));
    let stage = Stage::watching(daemon.socket());
    let all = stage.until("the list", LONG, is_read).await;
    assert_eq!(state(&all, "one"), Some(ContainerState::Running));
    let fleet = stage.handle.fleet().borrow().clone();
    let rung = fleet
        .host(&id())
        .unwrap()
        .ladder
        .outcome(Rung::Containers)
        .clone();
    assert!(matches!(rung, Outcome::Holds { .. }), "{rung:?}");

    // The world has changed when the order has been obeyed.
    let post = |path: String| daemon.post(&path);
    daemon.run("two", "exec sleep 600");
    stage
        .until("a new one", SOON, |all| {
            state(all, "two") == Some(ContainerState::Running)
        })
        .await;
    post(format!("/containers/{first}/kill"));
    stage
        .until("its end", SOON, |all| {
            state(all, "one") == Some(ContainerState::Exited(137))
        })
        .await;
    post(format!("/containers/{first}/rename?name=renamed"));
    stage
        .until("its name", SOON, |all| state(all, "renamed").is_some())
        .await;
    post("/containers/two/pause".into());
    let paused = Some(ContainerState::Paused);
    stage
        .until("a pause", SOON, |all| state(all, "two") == paused)
        .await;
    daemon.delete("/containers/renamed");
    let all = stage
        .until("its removal", SOON, |all| state(all, "renamed").is_none())
        .await;
    assert_eq!(all.after_gap, [], "all of this was heard");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_the_daemon_was_away_is_marked_once() {
    let mut daemon = Dockerd::start();
    let always = serde_json::json!({
        "HostConfig": {"NetworkMode": "none", "RestartPolicy": {"Name": "always"}},
    });
    daemon.run_with("always", "exec sleep 600", &always);
    daemon.run("ends", "exec sleep 600");
    let stage = Stage::watching(daemon.socket());
    let before = stage.until("the list", LONG, is_read).await;
    assert_eq!(before.after_gap, []);
    // The daemon tells that its containers end with it, but not that it starts one of them again when it is back.
    daemon.end();
    let lost = stage
        .until("the loss", LONG, |all| {
            matches!(all.daemon, DaemonState::Lost { .. })
        })
        .await;
    assert_eq!(lost.list.len(), 2, "the last list stays");
    daemon.restart();
    let is_marked = |all: &Containers| all.after_gap.iter().any(|c| c.name.as_str() == "always");
    let found = stage
        .until("the return", LONG, |all| is_read(all) && is_marked(all))
        .await;
    let changes: Vec<_> = found
        .after_gap
        .iter()
        .filter(|change| change.name.as_str() == "always")
        .map(|change| change.is)
        .collect();
    assert_eq!(changes, [Some(ContainerState::Running)], "{found:#?}");
    // What is heard afterwards takes the mark away, and a second look adds none.
    daemon.post("/containers/always/pause");
    let after = stage
        .until("a pause", LONG, |all| {
            state(all, "always") == Some(ContainerState::Paused)
        })
        .await;
    assert!(!is_marked(&after), "{after:#?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_is_described_on_demand() {
    let daemon = Dockerd::start();
    let one = ContainerId::new(daemon.run("one", "exec sleep 600"));
    let stage = Stage::watching(daemon.socket());
    stage.until("the list", LONG, is_up).await;
    let ask = async |command| stage.handle.ask(Actor::Terminal, command).await;
    let detail = ask(Command::Inspect {
        host: id(),
        id: one.clone(),
    })
    .await;
    let Reply::Detail(detail) = detail else {
        panic!("{detail:?}");
    };
    assert_eq!(detail.container.id, one);
    let gone = ask(Command::Inspect {
        host: id(),
        id: ContainerId::new("0".repeat(64)),
    })
    .await;
    assert!(matches!(gone, Reply::Failed(_)), "{gone:?}");
    stage.end().await;
}

impl Stage {
    async fn ask(&self, command: Command) -> Reply {
        self.handle.ask(Actor::Terminal, command).await
    }

    /// Asks for a change and confirms it in whatever way is wanted.
    async fn change(&self, command: Command) -> Reply {
        match self.ask(command).await {
            Reply::NeedsConfirmation { id, challenge, .. } => {
                let answer = match challenge {
                    Challenge::YesNo => "yes".to_owned(),
                    Challenge::TypeName(name) => name,
                };
                self.ask(Command::Confirm { id, answer }).await
            }
            reply => reply,
        }
    }

    async fn act(&self, id: &ContainerId, act: ContainerAct) -> Reply {
        let (host, id) = (self::id(), id.clone());
        self.change(Command::Container { host, id, act }).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_with_a_container_is_looked_at_afterwards() {
    use ContainerAct::{Kill, Pause, Remove, Restart, Start, Stop, Unpause};
    let daemon = Dockerd::start();
    let one = ContainerId::new(daemon.run("one", "exec sleep 600"));
    let fails = ContainerId::new(daemon.create("fails", "exit 7", &serde_json::json!({})));
    let stage = Stage::watching(daemon.socket());
    stage.until("the list", LONG, is_read).await;
    let started = |all: &Containers| all.get(&one).unwrap().started;
    for (act, wanted) in [
        (Pause, Some(ContainerState::Paused)),
        (Unpause, Some(ContainerState::Running)),
        (Restart, Some(ContainerState::Running)),
        (Stop, Some(ContainerState::Exited(137))),
        (Start, Some(ContainerState::Running)),
        (Kill, Some(ContainerState::Exited(137))),
        (Remove, None),
    ] {
        let before = stage.until("anything", LONG, |_| true).await;
        assert_eq!(stage.act(&one, act).await, Reply::Done, "{act:?}");
        stage
            .until(act.word(), SOON, |all| {
                let anew = act != Restart || started(all) != started(&before);
                state(all, "one") == wanted && anew
            })
            .await;
    }
    let Reply::Failed(refusal) = stage.act(&fails, Start).await else {
        panic!("it ends with status 7");
    };
    assert!(refusal.why.contains("status 7"), "{refusal:?}");
    let gone = stage.act(&one, Start).await;
    assert!(matches!(gone, Reply::Failed(_)), "{gone:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_measured_while_somebody_looks() {
    let daemon = Dockerd::start();
    let one = ContainerId::new(daemon.run("busy", "while :; do :; done"));
    daemon.run("calm", "exec sleep 600");
    let stage = Stage::watching(daemon.socket());
    let all = stage.until("the list", LONG, is_up).await;
    assert!(all.stats.is_empty(), "nobody looks");
    let look = Command::WatchStats {
        host: id(),
        only: None,
    };
    assert_eq!(stage.ask(look).await, Reply::Done);
    let all = stage.until("both", LONG, |all| all.stats.len() == 2).await;
    let stats = &all.stats[&one].value;
    assert!(
        stats.memory.value().is_some() && stats.cpu.value().is_none(),
        "{stats:?}"
    );
    let only = Some(one.clone());
    let look = Command::WatchStats { host: id(), only };
    assert_eq!(stage.ask(look).await, Reply::Done);
    stage
        .until("its rates", LONG, |all| {
            let stats = all.stats.get(&one);
            stats.is_some_and(|s| s.value.cpu.value().is_some_and(|cpu| cpu.0 > 1.0))
        })
        .await;
    let top = stage
        .ask(Command::Top {
            host: id(),
            id: one,
        })
        .await;
    let Reply::Top(top) = top else {
        panic!("{top:?}");
    };
    assert_eq!(top.rows.len(), 1, "{top:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_handed_out_and_hung_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
    let daemon = Dockerd::start();
    let one = ContainerId::new(daemon.run("one", "exec sleep 600"));
    let stage = Stage::watching(daemon.socket());
    stage.until("the list", LONG, is_up).await;
    let reply = stage
        .change(Command::Terminal {
            host: id(),
            id: one,
            argv: ["sh", "-c", "stty size; while read -r x; do stty size; done"]
                .map(str::to_owned)
                .into(),
            size: (100, 33),
        })
        .await;
    let Reply::Terminal(number) = reply else {
        panic!("{reply:?}");
    };
    let terminal = stage.handle.terminal(number).unwrap();
    assert!(
        stage.handle.terminal(number).is_none(),
        "it is handed out once"
    );
    let (mut shown, mut typed) = tokio::io::split(terminal.io);
    let mut all = String::new();
    let mut until = async |wanted: &str, typed: &mut (dyn AsyncWrite + Unpin + Send)| {
        let mut buffer = [0; 256];
        while !all.contains(wanted) {
            // The size goes beside the bytes: it is asked for until it is there.
            typed.write_all(b"\n").await.unwrap();
            let read = shown.read(&mut buffer).await.unwrap();
            assert!(read > 0, "{all}");
            all.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    };
    timeout(LONG, until("33 100", &mut typed)).await.unwrap();
    terminal.resize.send((90, 20)).await.unwrap();
    timeout(LONG, until("20 90", &mut typed)).await.unwrap();
    stage.end().await;
}
