//! What answers on a container engine's socket may be anything: it costs bounded memory and bounded time, and ends in words.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::docker::{Docker, DockerError, DockerErrorKind};
use pilothouse::domain::ContainerId;
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use crate::docker::Here;

const LONG: Duration = Duration::from_secs(40);

/// A socket behind which somebody plays a container engine, one connection after the other, a request on each.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    /// Greets as an engine does, and answers all else by `play`, which is told the request's first line.
    fn start(play: impl Fn(&str, &mut UnixStream) + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut asked = [0; 4096];
                let read = stream.read(&mut asked).unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
                let line = asked.lines().next().unwrap_or_default();
                if line.contains("/version") {
                    json(&mut stream, r#"{"Version":"fake","ApiVersion":"1.41"}"#);
                } else if line.contains("/info") {
                    json(&mut stream, "{}");
                } else {
                    play(line, &mut stream);
                }
            }
        });
        Self { folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    async fn found(&self, tasks: &Tasks) -> Result<Docker, DockerError> {
        let exec = Here::at(&self.socket(), tasks);
        timeout(LONG, Docker::find(exec, tasks)).await.unwrap()
    }
}

/// Whoever hangs up on a hostile answer is right.
fn say(stream: &mut UnixStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

fn json(stream: &mut UnixStream, body: &str) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    say(stream, head.as_bytes());
    say(stream, body.as_bytes());
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn answers_without_measure_are_cut_off() {
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mib = vec![b' '; 1 << 20];
    let fake = Fake::start(move |line, stream| {
        if line.contains("/containers/json") {
            // 100 MiB of nothing, as it was promised.
            say(
                stream,
                b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
            );
            for _ in 0..100 {
                say(stream, &mib);
            }
        } else if line.contains("/images/json") {
            // Chunks without end.
            say(stream, CHUNKED);
            while say(stream, b"100000\r\n") && say(stream, &mib) && say(stream, b"\r\n") {}
        } else if line.contains("/events") {
            // A line without end.
            say(stream, CHUNKED);
            while say(stream, b"100000\r\n") && say(stream, &mib) && say(stream, b"\r\n") {}
        } else if line.contains("/top") {
            // A complaint without end.
            say(
                stream,
                b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            );
            while say(stream, b"100000\r\n") && say(stream, &mib) && say(stream, b"\r\n") {}
        } else {
            // A head without end.
            say(stream, b"HTTP/1.1 200 OK\r\n");
            while say(stream, b"X-More: more and more and more and more\r\n") {}
        }
    });
    let tasks = Tasks::new();
    let docker = fake.found(&tasks).await.unwrap();
    let before = peak();
    let id = ContainerId::new("x");
    let kinds = [
        timeout(LONG, docker.list()).await.unwrap().unwrap_err(),
        timeout(LONG, docker.images()).await.unwrap().unwrap_err(),
        timeout(LONG, docker.top(&id)).await.unwrap().unwrap_err(),
        timeout(LONG, docker.inspect(&id))
            .await
            .unwrap()
            .unwrap_err(),
    ];
    for error in kinds {
        assert_eq!(error.kind, DockerErrorKind::Protocol, "{error}");
    }
    let mut events = docker.events(None).await.unwrap();
    let error = timeout(LONG, events.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind, DockerErrorKind::Protocol, "{error}");
    let grown = (peak() - before) / 1024;
    assert!(grown < 150, "{grown} MiB more than before");
    assert!(tasks.shutdown(LONG).await);
}

#[tokio::test]
async fn what_is_no_answer_is_said_in_words() {
    let rows: [(&[u8], DockerErrorKind); 8] = [
        (b"SSH-2.0-OpenSSH_9.2\r\n", DockerErrorKind::Protocol),
        (b"\0\0\0\0\x1b[31m", DockerErrorKind::Protocol),
        (b"", DockerErrorKind::Lost),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[",
            DockerErrorKind::Lost,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[{\xff",
            DockerErrorKind::Protocol,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"Id\":[]}",
            DockerErrorKind::Protocol,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            DockerErrorKind::Lost,
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            DockerErrorKind::Failed,
        ),
    ];
    for (answer, kind) in rows {
        let fake = Fake::start(move |_, stream| _ = say(stream, answer));
        let tasks = Tasks::new();
        let docker = fake.found(&tasks).await.unwrap();
        let error = timeout(LONG, docker.list()).await.unwrap().unwrap_err();
        let told = String::from_utf8_lossy(answer);
        assert_eq!(error.kind, kind, "{told:?}: {error}");
        assert!(!error.what.contains('\x1b'));
        // Neither is an event stream, nor a terminal.
        let events = timeout(LONG, docker.events(None)).await.unwrap();
        if let Ok(mut events) = events {
            assert!(
                timeout(LONG, events.next()).await.unwrap().is_err(),
                "{told:?}"
            );
        }
        let id = ContainerId::new("x");
        let terminal = docker.terminal(&id, &[], "xterm", (80, 24));
        assert!(timeout(LONG, terminal).await.unwrap().is_err(), "{told:?}");
        assert!(tasks.shutdown(LONG).await);
    }
}

#[tokio::test]
async fn five_thousand_ended_containers_are_one_question() {
    let one = r#"{"Id":"8dfafdbc3a408dfafdbc3a408dfafdbc3a40NNNN","Names":["/job-NNNN"],"Image":"trainer:1","ImageID":"sha256:1","Command":"python -m train","Created":1753000000,"Ports":[],"Labels":{"a":"b","org.opencontainers.image.title":"some words about it"},"State":"exited","Status":"Exited (1) 3 days ago","HostConfig":{"NetworkMode":"default"},"NetworkSettings":{"Networks":{"bridge":{"IPAddress":""}}},"Mounts":[]}"#;
    let all: Vec<_> = (0..5000)
        .map(|n| one.replace("NNNN", &format!("{n:04}")))
        .collect();
    let body = format!("[{}]", all.join(","));
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let fake = Fake::start(move |line, stream| {
        noted.lock().unwrap().push(line.to_owned());
        json(stream, &body);
    });
    let tasks = Tasks::new();
    let docker = fake.found(&tasks).await.unwrap();
    let list = docker.list().await.unwrap();
    assert_eq!(list.len(), 5000);
    assert_eq!(list[4999].name.as_str(), "job-4999");
    assert_eq!(
        *asked.lock().unwrap(),
        ["GET /v1.41/containers/json?all=1 HTTP/1.1"]
    );
    assert!(tasks.shutdown(LONG).await);
}

#[tokio::test]
async fn an_old_engine_and_a_stranger_are_told_apart() {
    for (version, kind) in [
        (
            r#"{"Version":"19.03.8","ApiVersion":"1.40"}"#,
            DockerErrorKind::TooOld,
        ),
        (r#"{"hello":"world"}"#, DockerErrorKind::Protocol),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut asked = [0; 4096];
                if stream.read(&mut asked).is_ok() {
                    json(&mut stream, version);
                }
            }
        });
        let tasks = Tasks::new();
        let error = Docker::find(Here::at(&socket, &tasks), &tasks)
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(tasks.shutdown(LONG).await);
    }
}
