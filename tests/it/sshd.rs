//! Real sshd processes on loopback, each with its own keys in its own folder, ended by process id.
#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the far side itself, and has no ground floor beneath it"
)]

use std::collections::VecDeque;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pilothouse::clock::Clock;
use pilothouse::domain::{Answer, Endpoint, Port, Question, Telling};
use pilothouse::ssh::{Ask, SshContext, SshTarget, Step};
use pilothouse::tasks::Tasks;

/// Where Debian and most others put it; sshd insists on being started by its full path.
const SSHD: &str = "/usr/sbin/sshd";

/// A running sshd.
pub(crate) struct Sshd {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl Sshd {
    /// Starts one with an ed25519 host key and one authorized ed25519 key (`id`).
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// Starts one with more lines in its configuration; `{}` in them is its folder.
    pub(crate) fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        Self::in_folder(folder, more)
    }

    /// Starts one in a folder that [`prepare`] has filled.
    pub(crate) fn in_folder(folder: tempfile::TempDir, more: &str) -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: install openssh-server (tests/run does)"
        );
        // sshd started by root insists on this folder for the part of it that has no rights.
        if rustix::process::getuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        loop {
            let port = free_port();
            let mut child = launch(folder.path(), port, more);
            if is_up(&mut child, port) {
                return Self {
                    folder,
                    port,
                    child,
                };
            }
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(
                log.contains("Address already in use"),
                "sshd did not start: {log}"
            );
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The processes that serve its connections.
    pub(crate) fn children(&self) -> Vec<i32> {
        let id = self.child.id();
        let tasks = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        tasks
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// `[127.0.0.1]:port`, as known_hosts names it.
    pub(crate) fn name(&self) -> String {
        format!("[127.0.0.1]:{}", self.port)
    }

    /// Algorithm and key of a `.pub` file in the folder.
    pub(crate) fn public(&self, name: &str) -> String {
        public(&self.path(name))
    }

    /// A target for this server that knows its host key and has the authorized key.
    pub(crate) fn target(&self) -> SshTarget {
        let target = self.stranger();
        let line = format!("{} {}\n", self.name(), self.public("host"));
        fs::write(self.path("known_hosts"), line).unwrap();
        target
    }

    /// A target for this server with an empty known_hosts.
    pub(crate) fn stranger(&self) -> SshTarget {
        SshTarget {
            alias: "box".parse().unwrap(),
            endpoint: loopback(self.port),
            user: whoami().parse().unwrap(),
            jumps: Vec::new(),
            proxy_command: None,
            identities: vec![self.path("id")],
            certificates: Vec::new(),
            identities_only: false,
            agent: None,
            known_hosts: vec![self.path("known_hosts")],
            global_known_hosts: Vec::new(),
            host_key_alias: None,
            hash_known_hosts: false,
            refuse_unknown: false,
            connect_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Fills a folder with a host key, a client key and who may log in.
pub(crate) fn prepare(folder: &Path) {
    keygen(&["-t", "ed25519", "-f", &arg(&folder.join("host"))]);
    keygen(&["-t", "ed25519", "-f", &arg(&folder.join("id"))]);
    fs::copy(folder.join("id.pub"), folder.join("authorized_keys")).unwrap();
}

fn launch(folder: &Path, port: u16, more: &str) -> Child {
    let here = folder.display().to_string();
    let more = more.replace("{}", &here);
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\nLogLevel VERBOSE\n\
         PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         HostKey {here}/host\nAuthorizedKeysFile {here}/authorized_keys\nMaxStartups 100\n{more}\n"
    );
    let file = folder.join("sshd_config");
    fs::write(&file, config).unwrap();
    fs::write(folder.join("log"), "").unwrap();
    Command::new(SSHD)
        .arg("-D")
        .arg("-f")
        .arg(&file)
        .arg("-E")
        .arg(folder.join("log"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether it takes connections; false when it ended instead.
fn is_up(child: &mut Child, port: u16) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::yield_now();
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

pub(crate) fn loopback(port: u16) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".parse().unwrap(),
        port: Port::try_from(port).unwrap(),
    }
}

pub(crate) fn arg(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn public(path: &Path) -> String {
    let file = path.with_extension("pub");
    let text = fs::read_to_string(file).unwrap();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    words.join(" ")
}

/// Runs ssh-keygen with an empty passphrase unless one is given with `-N`.
pub(crate) fn keygen(arguments: &[&str]) -> String {
    let mut command = Command::new("ssh-keygen");
    command.arg("-q").args(arguments);
    if arguments.contains(&"-t") && !arguments.contains(&"-N") {
        command.args(["-N", ""]);
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("ssh-keygen is missing: install openssh-client (tests/run does)");
    assert!(
        output.status.success(),
        "ssh-keygen {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn whoami() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// An ssh-agent of its own, ended by process id.
pub(crate) struct Agent {
    _folder: tempfile::TempDir,
    pub(crate) socket: PathBuf,
    child: Child,
}

impl Agent {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            std::thread::yield_now();
        }
        Self {
            _folder: folder,
            socket,
            child,
        }
    }

    pub(crate) fn add(&self, key: &Path) {
        let status = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A person who answers from a list, and whose ears keep everything.
#[derive(Default)]
pub(crate) struct Person {
    answers: Mutex<VecDeque<Answer>>,
    pub(crate) asked: Mutex<Vec<Question>>,
    pub(crate) told: Mutex<Vec<Telling>>,
    pub(crate) steps: Mutex<Vec<Step>>,
}

impl Person {
    /// One who is asked nothing: every question is answered No.
    pub(crate) fn silent() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Ask for Person {
    async fn ask(&self, question: Question) -> Answer {
        self.asked.lock().unwrap().push(question);
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Answer::Refuse)
    }

    fn tell(&self, telling: Telling) {
        self.told.lock().unwrap().push(telling);
    }

    fn step(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }
}

pub(crate) fn context() -> SshContext {
    SshContext::new(Tasks::new(), Clock::system())
}
