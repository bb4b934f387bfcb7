//! Acts, one after another, through the real engine on a simulated host whose world is a file: what reached the host is a line
//! there. Ended by the test at any moment. Arguments: a folder, the number of the first act, and `power` for one power act.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a harness that can't go on should stop, loudly"
)]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::clock::Clock;
use pilothouse::config::{ArmingSettings, Config, Settings};
use pilothouse::domain::{HostId, HostSpec, PowerVerb, Wall};
use pilothouse::engine::sim::SimFleet;
use pilothouse::engine::{
    Acting, Actor, Assisting, Command, Connect, ConnectError, Connected, Engine, Link, Reply,
    Setup, Signal,
};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, HostSocket, LineStream, Output, RunLimits,
};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::ssh::Ask;
use pilothouse::store::{Ledger, LedgerPaths};
use pilothouse::tasks::Tasks;

const HOST: &str = "sim-001";

/// Hosts of a simulated fleet, whose commands go into the world.
struct Ways {
    sim: Arc<SimFleet>,
    world: Arc<World>,
}

#[async_trait]
impl Connect for Ways {
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        let mut connected = self.sim.connect(spec, ask).await?;
        connected.exec = self.world.clone();
        Ok(connected)
    }

    async fn switch(
        &self,
        spec: &HostSpec,
        ask: Arc<dyn Ask>,
    ) -> Result<Arc<dyn Exec>, ConnectError> {
        let switch = Connect::switch(self.sim.as_ref(), spec, ask).await?;
        let world = self.world.clone();
        Ok(Arc::new(Switch { switch, world }))
    }
}

/// A simulated switch whose verbs go into the world before they have any effect.
struct Switch {
    switch: Arc<dyn Exec>,
    world: Arc<World>,
}

#[async_trait]
impl Exec for Switch {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.world.note(&command.render());
        self.switch.run(command, limits).await
    }

    async fn stream(&self, _: &ShellCommand) -> Result<LineStream, ExecError> {
        Err(nothing())
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(nothing())
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        Err(nothing())
    }
}

struct World(File);

impl World {
    fn new(folder: &Path) -> Self {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(folder.join("world"));
        Self(file.unwrap())
    }

    fn note(&self, what: &str) {
        let line = serde_json::to_string(what).unwrap() + "\n";
        (&self.0).write_all(line.as_bytes()).unwrap();
    }
}

fn nothing() -> ExecError {
    ExecError::new(ExecErrorKind::NotFound, "this world only keeps commands")
}

#[async_trait]
impl Exec for World {
    async fn run(&self, command: &ShellCommand, _: RunLimits) -> Result<Output, ExecError> {
        let command = command.render();
        // The console also looks, which is no act; its scripts are longer than the file may grow.
        if command.contains("pilothouse-signal") {
            self.note(&command);
        }
        Ok(Output {
            exit: Exit::Status(0),
            stdout: Bytes::new(),
            stderr: Bytes::new(),
            dropped: 0,
        })
    }

    async fn stream(&self, _: &ShellCommand) -> Result<LineStream, ExecError> {
        Err(nothing())
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(nothing())
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        Err(nothing())
    }
}

fn acting(folder: &Path) -> Acting {
    Acting {
        ledger: Ledger::in_files(LedgerPaths {
            ledger: folder.join("state/ledger.jsonl"),
            anchor: folder.join("data/ledger.anchor"),
            key: folder.join("data/ledger.key"),
        }),
        who: "ops".into(),
        from: "a test".into(),
    }
}

fn start(folder: &Path, clock: Clock) -> Engine {
    let sim = SimFleet::new(1, 1);
    let config = Config {
        fleet: "sim".into(),
        hosts: sim.specs_with_power(),
        settings: Settings {
            period: Duration::from_millis(20),
            arming: ArmingSettings {
                window: Duration::from_millis(20),
                ..ArmingSettings::default()
            },
            ..Settings::default()
        },
        file: None,
        problems: Vec::new(),
    };
    Engine::start(Setup {
        config,
        clock,
        tasks: Tasks::new(),
        connect: Arc::new(Ways {
            sim,
            world: Arc::new(World::new(folder)),
        }),
        store: None,
        record: None,
        acting: acting(folder),
        assisting: Assisting::default(),
    })
}

/// Signals one process after another, until one is refused; each has its own number, so that each command is another.
async fn acts(engine: &Engine, first: u32) {
    let handle = engine.handle();
    let host = HostId::new(HOST);
    let mut fleet = handle.fleet();
    let up = fleet.wait_for(|fleet| matches!(fleet.hosts[0].link, Link::Up { .. }));
    drop(up.await.unwrap());
    println!("up");
    for pid in first.. {
        let command = Command::Signal {
            host: host.clone(),
            pid,
            started: Some(1),
            signal: Signal::Term,
        };
        let Reply::NeedsConfirmation { id, .. } = handle.ask(Actor::Terminal, command).await else {
            panic!("nobody is asked");
        };
        let answer = HOST.to_owned();
        let reply = handle
            .ask(Actor::Terminal, Command::Confirm { id, answer })
            .await;
        match reply {
            Reply::Done => println!("{pid}"),
            Reply::Refused(refusal) => return println!("refused: {}", refusal.why),
            other => panic!("{other:?}"),
        }
    }
}

/// One reset, from the question to the ladder.
async fn power(engine: &Engine) {
    let handle = engine.handle();
    let host = HostId::new(HOST);
    let mut fleet = handle.fleet();
    let up =
        fleet.wait_for(|fleet| fleet.ledger_read && matches!(fleet.hosts[0].link, Link::Up { .. }));
    drop(up.await.unwrap());
    println!("up");
    let verb = PowerVerb::Reset;
    let asked = handle.ask(Actor::CommandLine, Command::Power { host, verb });
    let Reply::NeedsConfirmation { id, .. } = asked.await else {
        panic!("nobody is asked");
    };
    let answer = HOST.to_owned();
    let confirm = Command::Confirm { id, answer };
    let reply = handle.ask(Actor::CommandLine, confirm).await;
    assert_eq!(reply, Reply::Done);
    println!("done");
}

fn main() {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().unwrap());
    let first: u32 = words.next().unwrap().parse().unwrap();
    let is_power = words.next().is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if is_power {
            // Hard verbs lie a minute apart: each run has a minute of its own.
            let wall = Wall(1_800_000_000_000 + i64::from(first) * 61_000);
            let engine = start(&folder, Clock::timers(wall));
            power(&engine).await;
            engine.shutdown(Duration::from_secs(5)).await;
            return;
        }
        let engine = start(&folder, Clock::system());
        acts(&engine, first).await;
        engine.shutdown(Duration::from_secs(5)).await;
    });
}
