//! Who is told of swaps: a real receiver on the loopback, the signature checked by another program, and tries that go on until they are
//! taken.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the receiver, and has no ground floor beneath it"
)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::config::{SecretSource, Settings, SwapWebhook};
use pilothouse::domain::{HostId, ModelKey, Place, Secret, Wall};
use pilothouse::engine::{ModelsCommand, Reply, SwapEnd};
use pilothouse::exec::{Exec, ExecError, LineStream, LocalExec, Output, RunLimits};
use pilothouse::models::{SwapNote, SwapReport, WorkId, tell};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::tasks::Tasks;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::models_door::{Console, host, swap};

const LONG: Duration = Duration::from_mins(1);
const KEY: &str = "it's a \"key\"";

/// One call as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    head: String,
    body: String,
}

impl Call {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A receiver that answers these, then 200.
struct Receiver {
    url: String,
    calls: UnboundedReceiver<Call>,
}

impl Receiver {
    async fn new(answers: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, answers)
    }

    fn on(listener: TcpListener, answers: &'static [u16]) -> Self {
        let url = format!("http://{}/hook?t=1", listener.local_addr().unwrap());
        let (told, calls) = unbounded_channel();
        tokio::spawn(async move {
            let mut answers = answers.iter();
            while let Ok((stream, _)) = listener.accept().await {
                let status = answers.next().copied().unwrap_or(200);
                let Some(call) = receive(stream, status).await else {
                    continue;
                };
                if told.send(call).is_err() {
                    return;
                }
            }
        });
        Self { url, calls }
    }

    async fn next(&mut self) -> Call {
        let call = timeout(LONG, self.calls.recv()).await;
        call.expect("nobody was told").unwrap()
    }
}

async fn receive(stream: TcpStream, status: u16) -> Option<Call> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix("content-length: ")?.parse().ok()
    });
    let mut body = vec![0; length?];
    stream.read_exact(&mut body).await.ok()?;
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok()?;
    Some(Call {
        head,
        body: String::from_utf8(body).unwrap(),
    })
}

/// What openssl says that the signature is.
fn signed(body: &str, folder: &Path) -> String {
    let file = folder.join("body");
    std::fs::write(&file, body).unwrap();
    let output = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-r", "-hmac", KEY])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    format!("sha256={}", said.split(' ').next().unwrap())
}

fn told_at(url: &str, folder: &Path) -> impl Fn(&mut Settings) + use<> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join("key");
    std::fs::write(&file, KEY).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let webhook = SwapWebhook {
        url: Secret::new(url.to_owned()),
        key: Some(SecretSource::File(file)),
    };
    move |settings| settings.models.webhook = Some(webhook.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_consoles_tell_each_swap_once_signed_as_anybody_can_check() {
    let host = host().await;
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::new(&[]).await;
    let settings = told_at(&receiver.url, folder.path());
    let ann = Console::with(&host, "ann", &settings).await;
    let bob = Console::with(&host, "bob", &settings).await;
    for (how, model, event, end) in [
        ("nothing", "qwen", "swap_complete", "served"),
        ("crash", "gemma", "swap_failed", "failed"),
    ] {
        host.behaves(how);
        let reply = ann.act(swap(model)).await;
        let Reply::Working { work, .. } = &reply else {
            panic!("{reply:?}");
        };
        for console in [&ann, &bob] {
            assert_eq!(console.ask(ModelsCommand::Refresh(None)).await, Reply::Done);
            let over = |fleet: &pilothouse::engine::Fleet| {
                let swap = fleet.hosts[0].models.swap.as_ref();
                swap.is_some_and(|swap| swap.work == *work && swap.end.is_some())
            };
            console.until(over).await;
        }
        let call = receiver.next().await;
        let body = call.json();
        assert_eq!(
            (&body["event"], &body["end"], &body["model"]),
            (&event.into(), &end.into(), &model.into())
        );
        assert_eq!(body["work"], Value::from(work.0.as_str()));
        assert_eq!(body["place"], "spark-1");
        let sign = call.header("X-Pilothouse-Signature").unwrap();
        assert_eq!(sign, signed(&call.body, folder.path()));
        assert!(call.head.starts_with("POST /hook?t=1 "), "{}", call.head);
        assert_eq!(call.header("Content-Type"), Some("application/json"));
    }
    assert!(matches!(ann.ended().await, SwapEnd::Failed { .. }));
    // A console that comes later finds that it was told.
    let late = Console::with(&host, "eve", &settings).await;
    assert!(matches!(late.ended().await, SwapEnd::Failed { .. }));
    for console in [ann, bob, late] {
        console.end().await;
    }
    // Nobody is left who could tell it a second time.
    assert!(receiver.calls.try_recv().is_err());
}

fn note() -> SwapNote {
    let report = SwapReport {
        work: WorkId("job-1".into()),
        place: Place::Solo(HostId::new("spark-1")),
        model: Some(ModelKey::new("qwen")),
        before: None,
        by: "ann@desk".into(),
        began: Wall(5),
        phases: Vec::new(),
        log: Vec::new(),
        end: Some(SwapEnd::Served),
    };
    SwapNote::of(&report, "spark-1").unwrap()
}

/// This machine, where something happens before a try.
struct Before<F> {
    exec: LocalExec,
    tries: AtomicUsize,
    happens: F,
}

impl<F: Fn(usize) + Send + Sync> Before<F> {
    fn new(happens: F) -> Self {
        Self {
            exec: LocalExec::new(Tasks::new()),
            tries: AtomicUsize::new(0),
            happens,
        }
    }
}

#[async_trait]
impl<F: Fn(usize) + Send + Sync> Exec for Before<F> {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.exec.run(command, limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        (self.happens)(self.tries.fetch_add(1, Ordering::SeqCst));
        self.exec.stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.exec.upload(path, mode, content).await
    }

    async fn connect(
        &self,
        socket: &pilothouse::exec::HostSocket,
    ) -> Result<pilothouse::exec::BoxedIo, ExecError> {
        self.exec.connect(socket).await
    }
}

const SOON: [Duration; 3] = [Duration::from_millis(1); 3];

#[tokio::test]
async fn a_receiver_that_is_in_trouble_is_told_again_the_same_and_no_more_once_it_took_it() {
    let mut receiver = Receiver::new(&[500, 503]).await;
    let exec = Before::new(|_| {});
    let (url, key) = (
        Secret::new(receiver.url.clone()),
        Secret::new(KEY.to_owned()),
    );
    let said = tell(&exec, (&url, Some(&key)), &note(), &SOON).await;
    assert_eq!(said, Ok(()));
    let first = receiver.next().await;
    assert!(first.header("X-Pilothouse-Signature").is_some());
    assert_eq!(receiver.next().await, first);
    assert_eq!(receiver.next().await, first);
    assert!(receiver.calls.try_recv().is_err());
    assert_eq!(exec.tries.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_receiver_that_never_takes_it_is_given_up_in_its_own_words() {
    let mut receiver = Receiver::new(&[500; 9]).await;
    let exec = Before::new(|_| {});
    let url = Secret::new(receiver.url.clone());
    let said = tell(&exec, (&url, None), &note(), &SOON).await;
    let why = said.unwrap_err();
    assert!(why.as_str().contains("500"), "{why}");
    assert!(
        !why.as_str().contains("t=1"),
        "the address is a secret: {why}"
    );
    for _ in 0..4 {
        assert_eq!(receiver.next().await.header("X-Pilothouse-Signature"), None);
    }
    assert!(receiver.calls.try_recv().is_err());
}

#[tokio::test]
async fn a_receiver_that_refuses_is_told_when_it_is_there_again() {
    // A port that is ours, and at which nobody listens yet.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let socket = Mutex::new(Some(socket));
    let came = Arc::new(Mutex::new(None));
    let exec = Before::new({
        let came = Arc::clone(&came);
        move |number| {
            if number == 2 {
                let socket = socket.lock().unwrap().take().unwrap();
                let receiver = Receiver::on(socket.listen(8).unwrap(), &[]);
                *came.lock().unwrap() = Some(receiver);
            }
        }
    });
    let url = Secret::new(format!("http://{address}/hook"));
    let said = tell(&exec, (&url, None), &note(), &SOON).await;
    assert_eq!(said, Ok(()));
    assert_eq!(exec.tries.load(Ordering::SeqCst), 3);
    let mut receiver = came.lock().unwrap().take().unwrap();
    assert_eq!(receiver.next().await.json()["event"], "swap_complete");
    assert!(receiver.calls.try_recv().is_err());
}
