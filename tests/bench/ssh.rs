//! Measures SSH against OpenSSH's client, both against one sshd on loopback, straight and through a delay of 20 ms round
//! trip: connect to first output, a command on an open connection, bulk throughput. Prints a Markdown table.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_possible_wrap,
    reason = "a measurement that can't go on should stop, and its result is what it prints"
)]

#[path = "../it/sshd.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod sshd;

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pilothouse::exec::{Exec, RemoteExec, RunLimits};
use pilothouse::shell::ShellCommand;
use pilothouse::ssh::{End, Lane, Session, Sink, Source, SshTarget, connect};
use sshd::{Person, Sshd, context, loopback};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

const ROUNDS: usize = 15;
const BULK: u64 = 512 * 1024 * 1024;
const BULK_FAR: u64 = 256 * 1024 * 1024;
const ONE_WAY: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() {
    // The start-up files of whoever measures are no part of either side.
    let sshd = Sshd::with("SetEnv HOME={}");
    let near = sshd.target();
    let mut far = near.clone();
    far.endpoint = loopback(delayed(sshd.port).await);
    let line = format!(
        "{} {key}\n[127.0.0.1]:{} {key}\n",
        sshd.name(),
        far.endpoint.port,
        key = sshd.public("host")
    );
    std::fs::write(sshd.path("known_hosts"), line).unwrap();

    println!("| what | Pilothouse | OpenSSH | ratio |\n|---|---|---|---|");
    for (name, target, bytes) in [("loopback", &near, BULK), ("20 ms", &far, BULK_FAR)] {
        let (ours, theirs) = (cold(target).await, cold_openssh(&sshd, target));
        row(
            &format!("connect to first output, {name} (ms, p50)"),
            ours,
            theirs,
        );
        let session = connect(target, &context(), Person::silent()).await.unwrap();
        let (ours, theirs) = (warm(&session).await, warm_openssh(&sshd, target));
        row(
            &format!("command on an open connection, {name} (ms, p50)"),
            ours,
            theirs,
        );
        let (ours, theirs) = (
            bulk(&session, bytes).await,
            bulk_openssh(&sshd, target, bytes),
        );
        row(&format!("bulk from the host, {name} (MiB/s)"), ours, theirs);
    }
}

fn row(what: &str, ours: f64, theirs: f64) {
    println!(
        "| {what} | {ours:.1} | {theirs:.1} | {:.2} |",
        ours / theirs
    );
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).unwrap().as_secs_f64() * 1000.0
}

async fn cold(target: &SshTarget) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let session = connect(target, &context(), Person::silent()).await.unwrap();
        warm_once(&session).await;
        times.push(start.elapsed());
    }
    median(times)
}

fn openssh(sshd: &Sshd, target: &SshTarget, script: &str) -> Command {
    let mut command = Command::new("ssh");
    command
        .args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentityAgent=none",
        ])
        .args(["-o", "IdentitiesOnly=yes", "-o", "UpdateHostKeys=no"])
        .arg("-o")
        .arg(format!(
            "UserKnownHostsFile={}",
            sshd.path("known_hosts").display()
        ))
        .arg("-c")
        .arg("aes256-gcm@openssh.com,aes128-gcm@openssh.com")
        .arg("-i")
        .arg(sshd.path("id"))
        .args(["-p", &target.endpoint.port.to_string(), "127.0.0.1", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

fn cold_openssh(sshd: &Sshd, target: &SshTarget) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let output = openssh(sshd, target, "echo hi").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        times.push(start.elapsed());
    }
    median(times)
}

async fn warm_once(session: &Session) {
    let command = ShellCommand::new("echo").arg("hi");
    let output = RemoteExec::new(session.clone())
        .run(&command, RunLimits::default())
        .await
        .unwrap();
    assert_eq!(&output.stdout[..], b"hi\n");
}

async fn warm(session: &Session) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS * 10 {
        let start = Instant::now();
        warm_once(session).await;
        times.push(start.elapsed());
    }
    median(times)
}

/// Through a ControlMaster: one process for each command, the connection stays.
fn warm_openssh(sshd: &Sshd, target: &SshTarget) -> f64 {
    let socket = format!("ControlPath={}", sshd.path("master").display());
    let with = |mode: &str, script: &str| {
        let mut command = Command::new("ssh");
        command.args(["-o", &socket, "-o", mode]);
        command.args(openssh(sshd, target, script).get_args());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    };
    let mut master = with("ControlMaster=yes", "sleep 60").spawn().unwrap();
    drop(master.stdout.take());
    while !sshd.path("master").exists() {
        std::thread::yield_now();
    }
    let mut times = Vec::new();
    for _ in 0..ROUNDS * 2 {
        let start = Instant::now();
        assert!(
            with("ControlMaster=no", "echo hi")
                .output()
                .unwrap()
                .status
                .success()
        );
        times.push(start.elapsed());
    }
    master.kill().unwrap();
    master.wait().unwrap();
    std::fs::remove_file(sshd.path("master")).ok();
    median(times)
}

/// Counts bytes and says when they have ended.
struct Count(u64, Option<oneshot::Sender<u64>>);

impl Sink for Count {
    fn data(&mut self, _: Source, bytes: Bytes) {
        self.0 += bytes.len() as u64;
    }

    async fn end(mut self, _: End) {
        self.1.take().unwrap().send(self.0).unwrap();
    }
}

async fn bulk(session: &Session, bytes: u64) -> f64 {
    let script = format!("head -c {bytes} /dev/zero");
    warm_once(session).await;
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let (done, counted) = oneshot::channel();
        let start = Instant::now();
        let running = session
            .exec(Lane::Bulk, &script, Count(0, Some(done)))
            .await
            .unwrap();
        assert_eq!(counted.await.unwrap(), bytes);
        drop(running);
        best = best.max(rate(bytes, start.elapsed()));
    }
    best
}

fn bulk_openssh(sshd: &Sshd, target: &SshTarget, bytes: u64) -> f64 {
    let script = format!("head -c {bytes} /dev/zero");
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        let mut child = openssh(sshd, target, &script).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut chunk = vec![0; 256 * 1024];
        let mut seen = 0;
        loop {
            match out.read(&mut chunk).unwrap() {
                0 => break,
                n => seen += n as u64,
            }
        }
        assert_eq!(seen, bytes);
        child.wait().unwrap();
        best = best.max(rate(bytes, start.elapsed()));
    }
    best
}

fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1024.0 / 1024.0 / time.as_secs_f64()
}

/// A port that leads to another one, each byte arriving 10 ms after it was sent; the order and the rate stay.
async fn delayed(to: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (here, _) = listener.accept().await.unwrap();
            let there = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            here.set_nodelay(true).unwrap();
            there.set_nodelay(true).unwrap();
            let (here_in, here_out) = here.into_split();
            let (there_in, there_out) = there.into_split();
            tokio::spawn(carry(here_in, there_out));
            tokio::spawn(carry(there_in, here_out));
        }
    });
    port
}

async fn carry(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
) {
    let (sender, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = queue.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut chunk = vec![0; 256 * 1024];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        let bytes = chunk.get(..n).unwrap().to_vec();
        if sender.send((Instant::now() + ONE_WAY, bytes)).is_err() {
            return;
        }
    }
}
