//! Logs through the engine, from real hosts: a container and a file of one machine behind SSH, merged in a lens and in a
//! stream; links that are cut and a container engine that is restarted lose and double no line.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pilothouse::clock::Clock;
use pilothouse::config::{Config, Settings};
use pilothouse::domain::{At, GpuSourceChoice, HostAddress, HostId, HostSpec, Rung};
use pilothouse::engine::sim::{SimGpu, SimMachine};
use pilothouse::engine::{
    Acting, Actor, Assisting, Beat, Command, Connect, ConnectError, Connected, Engine, LensHandle,
    LensOrder, LensPicture, LogBegin, LogItem, LogStream, Lost, Reply, Setup, SourceAddress,
    SourceState, TextForm, TextScope, Watch,
};
use pilothouse::exec::RemoteExec;
use pilothouse::ssh::{Ask, Session, SshTarget, connect};
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use super::dockerd::Dockerd;
use super::sshd::{Sshd, context};

/// Nothing here takes so long; a test that meets it has failed.
const LONG: Duration = Duration::from_mins(1);

/// A machine behind a real sshd.
struct Far(SshTarget);

#[async_trait]
impl Connect for Far {
    async fn connect(&self, _: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        let session = connect(&self.0, &context(), ask).await;
        let session = session.map_err(|error| ConnectError {
            rung: Rung::Tcp,
            silent: false,
            what: error.to_string(),
            hint: None,
            is_final: false,
        })?;
        Ok(Connected {
            exec: Arc::new(RemoteExec::new(session.clone())),
            watch: Box::new(Beats(SimMachine::new(1, SimGpu::Gb10, 1), session)),
            user: None,
        })
    }
}

struct Beats(SimMachine, Session);

#[async_trait]
impl Watch for Beats {
    async fn beat(&mut self, _: At) -> Result<Beat, Lost> {
        Ok(Beat {
            sample: self.0.sample(),
            round_trip: Duration::from_millis(1),
        })
    }

    async fn gone(&mut self) -> Lost {
        Lost {
            silent: false,
            what: self.1.closed().await.to_string(),
            hint: None,
        }
    }
}

/// An engine on one machine, which has an sshd, a container engine and a file that grows.
struct Stage {
    sshd: Sshd,
    daemon: Dockerd,
    engine: Engine,
    tasks: Tasks,
    folder: tempfile::TempDir,
    file: File,
    written: u32,
}

impl Stage {
    fn new() -> Self {
        let daemon = Dockerd::start();
        let socket = daemon.socket();
        let sshd = Sshd::with(&format!("SetEnv DOCKER_HOST=unix://{}", socket.display()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        let tasks = Tasks::new();
        let spec = HostSpec {
            id: HostId::new("far"),
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
            connect: Arc::new(Far(sshd.target())),
            acting: Acting::unrecorded(),
            store: None,
            record: None,
            assisting: Assisting::default(),
        });
        Self {
            sshd,
            daemon,
            engine,
            tasks,
            folder,
            file,
            written: 0,
        }
    }

    fn sources(&self) -> Vec<SourceAddress> {
        let path: PathBuf = self.folder.path().join("log");
        vec![
            "far/container:count".parse().unwrap(),
            format!("far/file:{}", path.display()).parse().unwrap(),
        ]
    }

    /// Adds so many lines to the file.
    fn write(&mut self, lines: u32) {
        for _ in 0..lines {
            self.written += 1;
            writeln!(self.file, "file {}", self.written).unwrap();
        }
    }

    async fn ask(&self, command: Command) -> Reply {
        self.engine.handle().ask(Actor::Terminal, command).await
    }

    async fn lens(&self) -> LensHandle {
        let command = Command::OpenLens {
            sources: self.sources(),
            begin: LogBegin::Tail(100_000),
        };
        let Reply::Lens(id) = self.ask(command).await else {
            panic!("no lens");
        };
        let lens = self.engine.handle().lens(id).unwrap();
        assert!(lens.order(LensOrder::Rows(30)).await);
        lens
    }

    async fn stream(&self) -> LogStream {
        let command = Command::ReadLogs {
            sources: self.sources(),
            begin: LogBegin::Tail(100_000),
            until: None,
            follow: true,
        };
        let Reply::Log(id) = self.ask(command).await else {
            panic!("no stream");
        };
        self.engine.handle().log(id).unwrap()
    }

    /// Ends the sessions of the server, as a lost network does.
    fn cut(&self) {
        let children = self.sshd.children();
        assert!(!children.is_empty());
        for pid in children {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            // One that has ended by itself is no less cut.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    async fn end(self) {
        assert!(self.engine.shutdown(LONG).await);
        assert!(self.tasks.shutdown(LONG).await);
    }
}

/// Waits for a picture that is as it should be.
async fn shows(lens: &LensHandle, what: &str, wanted: impl Fn(&LensPicture) -> bool) {
    let mut pictures = lens.pictures();
    let seen = timeout(LONG, pictures.wait_for(|picture| wanted(picture))).await;
    if seen.is_err() {
        let picture = lens.pictures().borrow().clone();
        panic!(
            "never shown: {what}: {:#?} {}",
            picture.sources, picture.lines
        );
    }
}

/// What a source has said in a lens, in its order.
async fn said(lens: &LensHandle, prefix: &str) -> Vec<String> {
    let text = lens.text(TextScope::Shown, TextForm::Raw).await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(prefix));
    lines.map(str::to_owned).collect()
}

/// Reads a stream until it has so many lines of each of two prefixes.
async fn hears(log: &mut LogStream, heard: &mut Vec<String>, wanted: [(&str, usize); 2]) {
    let enough = |heard: &[String]| {
        wanted.iter().all(|(prefix, count)| {
            heard.iter().filter(|line| line.starts_with(prefix)).count() >= *count
        })
    };
    while !enough(heard) {
        let next = timeout(LONG, log.next()).await;
        let Ok(item) = next else {
            panic!("only {} lines", heard.len());
        };
        if let (_, LogItem::Lines(lines)) = item.expect("the stream ended") {
            heard.extend(
                lines
                    .iter()
                    .map(|line| String::from_utf8_lossy(line.bytes).into_owned()),
            );
        }
    }
}

fn numbers(prefix: &str, count: u32) -> Vec<String> {
    (1..=count).map(|n| format!("{prefix}{n}")).collect()
}

fn only(heard: &[String], prefix: &str) -> Vec<String> {
    heard
        .iter()
        .filter(|line| line.starts_with(prefix))
        .cloned()
        .collect()
}

const COUNT: &str = "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo box $i; \
    case $i in 1000|2000|3000) sleep 1;; esac; done; exec sleep 600";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_cut_in_mid_stream_loses_and_doubles_no_line() {
    let mut stage = Stage::new();
    stage.daemon.run("count", COUNT);
    stage.write(500);
    let lens = stage.lens().await;
    let mut log = stage.stream().await;
    let mut heard = Vec::new();
    hears(&mut log, &mut heard, [("box", 900), ("file", 500)]).await;
    // A source that was never open when the link is cut has no gap to tell.
    let both = |picture: &LensPicture| picture.sources.iter().all(|source| source.lines > 0);
    shows(&lens, "lines of both", both).await;
    for _ in 0..2 {
        stage.cut();
        stage.write(300);
        hears(
            &mut log,
            &mut heard,
            [("box", 1), ("file", stage.written as usize)],
        )
        .await;
    }
    hears(&mut log, &mut heard, [("box", 4000), ("file", 1100)]).await;
    let all = |picture: &LensPicture| picture.lines >= 4000 + 1100;
    shows(&lens, "all lines", all).await;
    for (prefix, count) in [("box ", 4000), ("file ", 1100)] {
        let wanted = numbers(prefix, count);
        assert!(only(&heard, prefix) == wanted, "{prefix} in the stream");
        assert!(said(&lens, prefix).await == wanted, "{prefix} in the lens");
    }
    let gaps = said(&lens, "gap ").await;
    assert!(gaps.len() >= 2, "one of each source at least: {gaps:?}");
    drop((lens, log));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_engine_that_is_restarted_loses_and_doubles_no_line() {
    let mut stage = Stage::new();
    stage.daemon.run("count", COUNT);
    stage.write(10);
    let lens = stage.lens().await;
    let mut log = stage.stream().await;
    let mut heard = Vec::new();
    hears(&mut log, &mut heard, [("box", 4000), ("file", 10)]).await;
    stage.daemon.restart();
    stage.daemon.post("/containers/count/start");
    stage.write(10);
    hears(&mut log, &mut heard, [("box", 8000), ("file", 20)]).await;
    shows(&lens, "all lines", |picture| picture.lines >= 8020).await;
    let twice = [numbers("box ", 4000), numbers("box ", 4000)].concat();
    assert!(only(&heard, "box ") == twice, "in the stream");
    assert!(said(&lens, "box ").await == twice, "in the lens");
    assert!(said(&lens, "file ").await == numbers("file ", 20));
    drop((lens, log));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_vanishes_or_never_was_says_so_and_the_others_go_on() {
    let mut stage = Stage::new();
    let id = stage.daemon.run("count", "echo box 1; exec sleep 600");
    stage.write(1);
    let lens = stage.lens().await;
    shows(&lens, "both", |picture| picture.lines == 2).await;
    stage.daemon.delete(&format!("/containers/{id}?force=1"));
    let ended = |picture: &LensPicture| {
        let is = |state: &SourceState| matches!(state, SourceState::Ended(_));
        picture.sources.iter().any(|source| is(&source.state))
    };
    shows(&lens, "the end of the container", ended).await;
    stage.write(1);
    let went_on = |picture: &LensPicture| picture.sources.iter().any(|source| source.lines == 2);
    shows(&lens, "the file goes on", went_on).await;
    let again = stage.lens().await;
    let refused = |picture: &LensPicture| {
        let is = |state: &SourceState| matches!(state, SourceState::Refused(..));
        picture.sources.iter().any(|source| is(&source.state))
    };
    shows(&again, "a container that is not there", refused).await;
    drop((lens, again));
    stage.end().await;
}
