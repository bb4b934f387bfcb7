//! A host of one folder: its own `sh`, a stand-in for docker, one for the GPU, and a server that plays the engine's port.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the host, and has no ground floor beneath it"
)]

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::{HostId, ModelKey, Place, Port};
use pilothouse::exec::{Exec, LocalExec};
use pilothouse::jobs::{Job, JobId, JobState, Jobs};
use pilothouse::models::{
    Expected, Runs, StopWay, SwapLaunch, SwapLimits, SwapPlan, SwapReport, fold, swap_job,
};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use pilothouse::text::SafeText;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::dressed::Dressed;

pub(crate) const KINDS: [&str; 3] = ["dash", "bash", "busybox"];

/// The same on a host of each kind, all at once: most of it is waiting.
pub(crate) async fn each_kind(story: impl AsyncFn(&'static str)) {
    let [one, two, three] = KINDS;
    tokio::join!(story(one), story(two), story(three));
}

const LONG: Duration = Duration::from_mins(2);

/// A host under one kind of shell.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    host: Host,
    _engine: tokio::task::JoinHandle<()>,
}

impl Deref for Stage {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

/// The host as a console finds it.
pub(crate) struct Host {
    pub(crate) root: PathBuf,
    pub(crate) port: u16,
    pub(crate) kind: String,
}

fn install(folder: &Path, name: &str, text: &str) {
    install_at(&folder.join("bin").join(name), text);
}

fn install_at(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Stage {
    pub(crate) async fn new(kind: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(
            Path::new("/usr/bin").join(kind),
            folder.path().join("bin/sh"),
        )
        .unwrap();
        install(folder.path(), "docker", include_str!("docker"));
        install(folder.path(), "nvidia-smi", include_str!("nvidia-smi"));
        let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // A port that was free a moment ago, and that nobody is given while the kernel counts on.
        let port = {
            let probe = TcpListener::bind("127.0.0.1:0").await.unwrap();
            probe.local_addr().unwrap().port()
        };
        let stage = Self {
            host: Host {
                root: folder.path().to_owned(),
                port,
                kind: kind.to_owned(),
            },
            _engine: tokio::spawn(play(control_of(control, &folder), port)),
            folder,
        };
        stage.write("gpu", "0");
        stage
    }
}

impl Host {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// From now on this is a program of it.
    pub(crate) fn program(&self, name: &str, text: &str) {
        install(&self.root, name, text);
    }

    /// From now on this is a program at a place of it.
    pub(crate) fn program_at(&self, place: &str, text: &str) {
        install_at(&self.path(place), text);
    }

    /// From now on its docker misbehaves so.
    pub(crate) fn behaves(&self, how: &str) {
        self.write("behaviour", &format!("{how}\n"));
    }

    /// From now on its `date` tells the time of the file `clock`.
    pub(crate) fn install_clock(&self) {
        let clock = self.path("clock");
        let text = format!("#!/bin/sh\ncat '{}'\necho\n", clock.display());
        install(&self.root, "date", &text);
    }

    /// A connection of its own each time: another console.
    pub(crate) fn exec(&self) -> Arc<dyn Exec> {
        let path = format!("PATH={}:/usr/bin:/bin", self.path("bin").display());
        let here = Arc::new(LocalExec::new(Tasks::new()));
        Arc::new(Dressed::new(here, path))
    }

    /// Its jobs, with only these programs.
    pub(crate) fn jobs_with(&self, path: &str) -> Jobs {
        let here = Arc::new(LocalExec::new(Tasks::new()));
        let exec = Dressed::new(here, path.to_owned());
        Jobs::at(Arc::new(exec), &self.base())
    }

    pub(crate) fn base(&self) -> RemotePath {
        RemotePath::new(self.path("base").display().to_string()).unwrap()
    }

    pub(crate) fn jobs(&self) -> Jobs {
        Jobs::at(self.exec(), &self.base())
    }

    /// A swap to this model.
    pub(crate) fn plan(&self, model: &str) -> SwapPlan {
        let run = ShellCommand::new("docker")
            .arg("run")
            .arg("-d")
            .arg("--name")
            .arg("vllm")
            .arg("--label")
            .word(ShellWord::new(format!("pilothouse.model={model}")).unwrap())
            .arg("image")
            .arg("--served-model-name")
            .arg("it's $(not) \"code\"");
        SwapPlan {
            place: "spark-1".to_owned(),
            launch: Some(SwapLaunch {
                model: ModelKey::new(model),
                before: Vec::new(),
                command: run,
                runs: Runs::Container("vllm".to_owned()),
                port: Port(std::num::NonZeroU16::new(self.port).unwrap()),
                listen: "0.0.0.0".to_owned(),
                served_as: None,
                undo: None,
                secrets: Vec::new(),
            }),
            by: "ann@desk".to_owned(),
            stop: vec![StopWay::Container("vllm".to_owned())],
            force: false,
            token: None,
            nodes: Vec::new(),
            limits: SwapLimits {
                patience: Duration::from_secs(1),
                launch: Duration::from_secs(20),
                load: Duration::from_secs(20),
                ready: Duration::from_secs(10),
            },
            base: Some(self.base()),
        }
    }

    pub(crate) async fn begin(&self, plan: &SwapPlan) -> JobId {
        let id = JobId::fresh();
        self.begin_as(&id, plan).await;
        id
    }

    pub(crate) async fn begin_as(&self, id: &JobId, plan: &SwapPlan) {
        let job = swap_job(plan).unwrap();
        self.jobs().begin(id, &job).await.unwrap();
    }

    /// What any console reads of a swap now.
    pub(crate) async fn report(&self, id: &JobId) -> (SwapReport, Job) {
        let jobs = self.jobs();
        let job = jobs.look(id).await.unwrap();
        let log = jobs.follow(id, 0).await.unwrap();
        let lines: Vec<SafeText> = log
            .bytes
            .split(|byte| *byte == b'\n')
            .map(SafeText::from_bytes)
            .collect();
        let place = Place::Solo(HostId::new("spark-1"));
        (fold(&job, place, &lines, &Expected::default()), job)
    }

    /// Until a look says so.
    pub(crate) async fn until(
        &self,
        id: &JobId,
        wanted: impl Fn(&SwapReport) -> bool,
    ) -> SwapReport {
        let look = async {
            loop {
                let (report, job) = self.report(id).await;
                if wanted(&report) {
                    return report;
                }
                assert!(
                    job.state == JobState::Running,
                    "{}: it ended before: {report:#?}",
                    self.kind
                );
            }
        };
        timeout(LONG, look).await.expect("it never stood so")
    }

    pub(crate) async fn ended(&self, id: &JobId) -> SwapReport {
        let look = async {
            while self.jobs().look(id).await.unwrap().state == JobState::Running {}
            self.report(id).await.0
        };
        timeout(LONG, look).await.expect("the swap has no end")
    }

    pub(crate) async fn swap(&self, plan: &SwapPlan) -> SwapReport {
        let id = self.begin(plan).await;
        self.ended(&id).await
    }
}

impl Drop for Stage {
    /// Whatever of its engines and jobs is left.
    fn drop(&mut self) {
        let here = self.folder.path().display().to_string();
        for entry in fs::read_dir("/proc").unwrap() {
            let Ok(pid) = entry.unwrap().file_name().to_string_lossy().parse::<i32>() else {
                continue;
            };
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let folder = fs::read_link(format!("/proc/{pid}/fd/1")).unwrap_or_default();
            let ours = String::from_utf8_lossy(&words).contains(&here) || folder.starts_with(&here);
            if ours && u32::try_from(pid) != Ok(std::process::id()) {
                let pid = rustix::process::Pid::from_raw(pid).unwrap();
                let _gone = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

fn control_of(control: TcpListener, folder: &tempfile::TempDir) -> TcpListener {
    let port = control.local_addr().unwrap().port();
    fs::write(folder.path().join("control"), port.to_string()).unwrap();
    control
}

/// Opens and closes the engine's port as the stand-in says, and answers there as vLLM does.
async fn play(control: TcpListener, port: u16) {
    let mut engine: Option<tokio::task::JoinHandle<()>> = None;
    loop {
        let (mut stream, _) = control.accept().await.unwrap();
        let mut word = String::new();
        BufReader::new(&mut stream)
            .read_line(&mut word)
            .await
            .unwrap();
        if let Some(old) = engine.take() {
            old.abort();
            let _ended = old.await;
        }
        if word.trim() == "open" {
            let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            engine = Some(tokio::spawn(serve(listener)));
        }
        let _gone = stream.write_all(b"done\n").await;
    }
}

async fn serve(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(&mut stream);
    let mut first = String::new();
    let _gone = reader.read_line(&mut first).await;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    let _gone = reader.read_exact(&mut body).await;
    let said = match first.split(' ').nth(1) {
        Some("/v1/models") => {
            "{\"object\":\"list\",\"data\":[{\"id\":\"qwen/x\",\"object\":\"model\"}]}"
        }
        Some("/v1/completions")
            if String::from_utf8_lossy(&body).contains("\"model\":\"qwen/x\"") =>
        {
            "{\"choices\":[{\"text\":\"a\"}]}"
        }
        _ => "",
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    );
    let _gone = stream.write_all(head.as_bytes()).await;
}
