//! Real Docker Engines, each in its own folder, with no network and one image made of busybox; ended by process id.
#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the far side itself, and has no ground floor beneath it"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// The image that every daemon has.
pub(crate) const IMAGE: &str = "pilothouse/busybox";

/// A running dockerd.
pub(crate) struct Dockerd {
    folder: tempfile::TempDir,
    child: Child,
}

impl Dockerd {
    /// Starts one and gives it [`IMAGE`].
    pub(crate) fn start() -> Self {
        assert!(
            rustix::process::getuid().is_root(),
            "a Docker Engine can only be started by root: run this test as root"
        );
        let folder = tempfile::tempdir().unwrap();
        let daemon = Self {
            child: launch(folder.path()),
            folder,
        };
        daemon.wait();
        let root = root_file_system(daemon.folder.path());
        let path = format!("/images/create?fromSrc=-&repo={IMAGE}");
        let (status, said) = daemon.ask("POST", &path, "application/x-tar", &root);
        assert_eq!(status, 200, "{said}");
        daemon
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Ends the daemon, and its containers with it, and starts it anew over the same data.
    pub(crate) fn restart(&mut self) {
        self.end();
        self.child = launch(self.folder.path());
        self.wait();
    }

    /// Ends the daemon, and its containers with it: it still tells that they end.
    pub(crate) fn end(&mut self) {
        terminate(&mut self.child);
    }

    /// Creates and starts a container that runs this script; its identity.
    pub(crate) fn run(&self, name: &str, script: &str) -> String {
        self.run_with(name, script, &json!({}))
    }

    /// The same with more settings.
    pub(crate) fn run_with(&self, name: &str, script: &str, more: &Value) -> String {
        let id = self.create(name, script, more);
        self.post(&format!("/containers/{id}/start"));
        id
    }

    /// Creates a container and leaves it so.
    pub(crate) fn create(&self, name: &str, script: &str, more: &Value) -> String {
        let mut settings = json!({
            "Image": IMAGE,
            "Cmd": ["sh", "-c", script],
            "StopSignal": "KILL",
            "HostConfig": {"NetworkMode": "none"},
        });
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let body = settings.to_string();
        let path = format!("/containers/create?name={name}");
        let (status, said) = self.ask("POST", &path, "application/json", body.as_bytes());
        assert_eq!(status, 201, "{said}");
        let said: Value = serde_json::from_str(&said).unwrap();
        said["Id"].as_str().unwrap().to_owned()
    }

    /// An order without a body that must be obeyed.
    pub(crate) fn post(&self, path: &str) {
        let (status, said) = self.ask("POST", path, "application/json", b"");
        assert!((200..300).contains(&status), "{path}: {status} {said}");
    }

    /// A removal that must be obeyed.
    pub(crate) fn delete(&self, path: &str) {
        let (status, said) = self.ask("DELETE", path, "application/json", b"");
        assert!((200..300).contains(&status), "{path}: {status} {said}");
    }

    /// Removes a container.
    pub(crate) fn remove(&self, id: &str) {
        let path = format!("/containers/{id}?force=1");
        let (status, said) = self.ask("DELETE", &path, "application/json", b"");
        assert_eq!(status, 204, "{said}");
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, said) = self.ask("GET", path, "application/json", b"");
        assert_eq!(status, 200, "{path}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// One request in the HTTP of old, whose answer ends with the connection.
    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn wait(&self) {
        // Its socket is there before it answers; asking waits for the answer.
        while UnixStream::connect(self.socket()).is_err() {
            std::thread::yield_now();
            let ended = self
                .child
                .id()
                .try_into()
                .ok()
                .map(rustix::process::Pid::from_raw);
            let alive = ended.flatten().is_some_and(|pid| {
                fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
                    .is_ok_and(|stat| !stat.contains(") Z "))
            });
            assert!(alive, "dockerd did not start: {}", self.log());
        }
        self.get("/version");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        self.end();
    }
}

/// A daemon ends with the test that started it, also when that is killed.
fn launch(folder: &Path) -> Child {
    let within = |name: &str| folder.join(name).display().to_string();
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(within("log"))
        .unwrap();
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "dockerd"])
        .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
        .args(["--shutdown-timeout", "1"])
        .args([
            "--data-root",
            &within("data"),
            "--exec-root",
            &within("exec"),
        ])
        .args(["--pidfile", &within("pid")])
        .args(["-H", &format!("unix://{}", within("docker.sock"))])
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("setpriv or dockerd is missing: install docker.io (tests/run does)")
}

fn terminate(child: &mut Child) {
    let pid = rustix::process::Pid::from_child(child);
    if child.try_wait().unwrap().is_none() {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
    child.wait().unwrap();
}

/// A tar of a root file system that holds nothing but busybox.
fn root_file_system(folder: &Path) -> Vec<u8> {
    let root = folder.join("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    let busybox = ["/bin/busybox", "/usr/bin/busybox"];
    let busybox = busybox.iter().find(|path| Path::new(path).exists());
    let busybox = busybox.expect("busybox is missing: install busybox-static (tests/run does)");
    let program = fs::read(busybox).unwrap();
    let loader = program[..4096].windows(4).any(|four| four == b"/ld-");
    assert!(
        !loader,
        "{busybox} needs libraries that the image has not: install busybox-static"
    );
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for name in [
        "sh", "cat", "echo", "kill", "ls", "seq", "sleep", "stty", "tail", "top", "trap", "true",
        "yes", "dd",
    ] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    for name in ["tmp", "dev", "proc", "sys", "etc"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let output = Command::new("tar")
        .arg("-C")
        .arg(&root)
        .args(["-cf", "-", "."])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}
