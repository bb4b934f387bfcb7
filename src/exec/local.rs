//! This machine as a host. The only file of the ground floor that starts processes: no login shell stands between, the
//! command's argv is run as it is, in a process group of its own that ends with its owner.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, Fd, HostSocket, LineSink, LineSplitter,
    LineStream, Output, RunLimits,
};
use crate::shell::{RemotePath, ShellCommand};
use crate::tasks::Tasks;

/// After its input ended, a command has this long to go by itself.
const FAREWELL: Duration = Duration::from_secs(1);

/// After a command ended, what it left running has this long to finish its output.
const TAIL: Duration = Duration::from_millis(500);

/// This machine.
#[derive(Debug, Clone)]
pub struct LocalExec {
    tasks: Tasks,
}

impl LocalExec {
    /// This machine; its commands end at the latest with `tasks`.
    pub fn new(tasks: Tasks) -> Self {
        Self { tasks }
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

#[async_trait]
impl Exec for LocalExec {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let mut child = Running::start(command, Stdio::null())?;
        let work = child.collect(limits.output);
        match timeout(limits.timeout, work).await {
            Ok(output) => output.map_err(|e| lost(command, e)),
            Err(_) => Err(too_slow(command, limits.timeout)),
        }
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        let mut child = Running::start(command, Stdio::piped())?;
        let (events, reader) = mpsc::channel(LineSink::ROOM);
        let (input, words) = mpsc::channel(16);
        if let Some(stdin) = child.child.stdin.take() {
            self.tasks.spawn(write_input(stdin, words));
        }
        self.tasks.spawn(child.pump(LineSink::new(events)));
        Ok(LineStream::new(reader, input))
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        let beside = format!("{path}.{:016x}.part", fastrand::u64(..));
        let written = write_file(&beside, mode, &content).await;
        let placed = match written {
            Ok(()) => tokio::fs::rename(&beside, path.as_str()).await,
            Err(e) => Err(e),
        };
        if placed.is_err()
            && let Err(e) = tokio::fs::remove_file(&beside).await
        {
            tracing::debug!(beside, error = %e, "no half-written file to remove");
        }
        placed.map_err(|e| refused(format!("{path} could not be written"), e))
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        match socket {
            HostSocket::Tcp { host, port } => {
                let io = TcpStream::connect((host.as_str(), port.get()))
                    .await
                    .map_err(|e| refused(format!("{host}:{port} does not answer"), e))?;
                Ok(Box::pin(io))
            }
            HostSocket::Unix(path) => {
                let io = UnixStream::connect(path.as_str())
                    .await
                    .map_err(|e| refused(format!("{path} does not answer"), e))?;
                Ok(Box::pin(io))
            }
        }
    }
}

async fn write_file(path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .await?;
    file.write_all(content).await?;
    file.sync_all().await
}

/// Starts a process in a group of its own.
#[expect(clippy::disallowed_methods, reason = "this file is the wall")]
pub(super) fn spawn(program: &str, arguments: &[String], stdin: Stdio) -> io::Result<Child> {
    Command::new(program)
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// A process group that is killed when this falls, unless its leader has been waited for.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Self(pid.and_then(Pid::from_raw))
    }

    fn kill(&mut self) {
        if let Some(pid) = self.0.take()
            && let Err(e) = kill_process_group(pid, Signal::KILL)
        {
            tracing::debug!(error = %e, "a process group was gone before it was killed");
        }
    }

    /// Its leader ended by itself: what it left running on purpose runs on.
    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A started command. Dropping it kills its process group.
struct Running {
    group: Group,
    child: Child,
}

impl Running {
    fn start(command: &ShellCommand, stdin: Stdio) -> Result<Self, ExecError> {
        let argv = command.argv();
        let Some((program, arguments)) = argv.split_first() else {
            return Err(ExecError::new(
                ExecErrorKind::Protocol,
                "an empty command can't run",
            ));
        };
        let child = spawn(program, arguments, stdin)
            .map_err(|e| refused(format!("{program} could not be started"), e))?;
        Ok(Self {
            group: Group::of(&child),
            child,
        })
    }

    async fn collect(&mut self, limit: usize) -> io::Result<Output> {
        let mut out = Kept::new(limit);
        let mut err = Kept::new(limit);
        let mut stdout = self.child.stdout.take();
        let mut stderr = self.child.stderr.take();
        let exit = {
            let reading = async { tokio::join!(out.fill(&mut stdout), err.fill(&mut stderr)) };
            tokio::pin!(reading);
            let mut read = None;
            let status = tokio::select! {
                done = &mut reading => { read = Some(done); self.child.wait().await? }
                status = self.child.wait() => status?,
            };
            self.group.release();
            let (a, b) = match read {
                Some(done) => done,
                None => timeout(TAIL, reading).await.unwrap_or((Ok(()), Ok(()))),
            };
            a.and(b)?;
            exit(status)
        };
        Ok(Output {
            exit,
            dropped: out.dropped + err.dropped,
            stdout: out.bytes.into(),
            stderr: err.bytes.into(),
        })
    }

    /// Hands the output on until the command ends or nobody reads any more.
    async fn pump(mut self, mut sink: LineSink) {
        let mut out = Tap::new(Fd::Out, self.child.stdout.take());
        let mut err = Tap::new(Fd::Err, self.child.stderr.take());
        let status = loop {
            tokio::select! {
                () = sink.closed() => return self.farewell().await,
                () = out.fill() => {}
                () = err.fill() => {}
                status = self.child.wait() => break status,
            }
            out.pour(&mut sink);
            err.pour(&mut sink);
        };
        self.group.release();
        let tail = async {
            while out.is_open() || err.is_open() {
                tokio::select! {
                    () = out.fill() => {}
                    () = err.fill() => {}
                }
                out.pour(&mut sink);
                err.pour(&mut sink);
            }
        };
        if timeout(TAIL, tail).await.is_err() {
            tracing::debug!("a command ended and something that it started still holds its output");
        }
        out.finish(&mut sink);
        err.finish(&mut sink);
        sink.exit(status.map_or(Exit::Unknown, exit)).await;
    }

    /// The reader is gone, and with it the command's input: it has a moment to see that, then its group is killed.
    async fn farewell(mut self) {
        if timeout(FAREWELL, self.child.wait()).await.is_err() {
            tracing::debug!("a command did not go when its input ended and is killed");
        }
        self.group.kill();
    }
}

/// One output of a running command.
struct Tap<R> {
    from: Option<R>,
    chunk: Vec<u8>,
    filled: usize,
    lines: LineSplitter,
}

impl<R: AsyncRead + Unpin> Tap<R> {
    fn new(fd: Fd, from: Option<R>) -> Self {
        Self {
            from,
            chunk: vec![0; 32 * 1024],
            filled: 0,
            lines: LineSplitter::new(fd),
        }
    }

    fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// Reads once; never ready when the output has ended. Cancel-safe: a read that is dropped has taken nothing.
    async fn fill(&mut self) {
        let Some(from) = &mut self.from else {
            return std::future::pending().await;
        };
        match from.read(&mut self.chunk).await {
            Ok(0) | Err(_) => self.from = None,
            Ok(n) => self.filled = n,
        }
    }

    /// Hands on what was read.
    fn pour(&mut self, sink: &mut LineSink) {
        let filled = std::mem::take(&mut self.filled);
        let chunk = self.chunk.get(..filled).unwrap_or_default();
        self.lines.feed(chunk, |line| sink.push(line));
    }

    fn finish(&mut self, sink: &mut LineSink) {
        if let Some(line) = self.lines.finish() {
            sink.push(line);
        }
    }
}

/// Output that is kept up to a limit.
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    dropped: u64,
}

impl Kept {
    fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            dropped: 0,
        }
    }

    async fn fill(&mut self, from: &mut Option<impl AsyncRead + Unpin>) -> io::Result<()> {
        let Some(from) = from else { return Ok(()) };
        let mut chunk = vec![0; 32 * 1024];
        loop {
            let n = from.read(&mut chunk).await?;
            if n == 0 {
                return Ok(());
            }
            let chunk = chunk.get(..n).unwrap_or_default();
            let room = self.limit - self.bytes.len();
            let (kept, over) = chunk.split_at(chunk.len().min(room));
            self.bytes.extend_from_slice(kept);
            self.dropped += over.len() as u64;
        }
    }
}

/// Writes what comes to the command's input, and closes it when nothing more can come.
async fn write_input(mut stdin: ChildStdin, mut words: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = words.recv().await {
        if let Err(e) = stdin.write_all(&bytes).await {
            tracing::debug!(error = %e, "a command closed its input");
            return;
        }
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(u32::try_from(code).unwrap_or(u32::MAX)),
        (None, Some(signal)) => Exit::Signal(signal_name(signal)),
        (None, None) => Exit::Unknown,
    }
}

/// Names as SSH gives them (RFC 4254, 6.10); others by number.
fn signal_name(number: i32) -> String {
    let name = match Signal::from_named_raw(number) {
        Some(Signal::ABORT) => "ABRT",
        Some(Signal::ALARM) => "ALRM",
        Some(Signal::FPE) => "FPE",
        Some(Signal::HUP) => "HUP",
        Some(Signal::ILL) => "ILL",
        Some(Signal::INT) => "INT",
        Some(Signal::KILL) => "KILL",
        Some(Signal::PIPE) => "PIPE",
        Some(Signal::QUIT) => "QUIT",
        Some(Signal::SEGV) => "SEGV",
        Some(Signal::TERM) => "TERM",
        _ => return number.to_string(),
    };
    name.to_owned()
}

pub(super) fn refused(what: String, source: io::Error) -> ExecError {
    let kind = match source.kind() {
        io::ErrorKind::NotFound => ExecErrorKind::NotFound,
        io::ErrorKind::TimedOut => ExecErrorKind::Timeout,
        _ => ExecErrorKind::Refused,
    };
    ExecError::new(kind, what).source(source)
}

fn lost(command: &ShellCommand, source: io::Error) -> ExecError {
    let program = command.argv().into_iter().next().unwrap_or_default();
    let what = format!("the output of {program} was lost");
    ExecError::new(ExecErrorKind::Lost, what).source(source)
}

fn too_slow(command: &ShellCommand, limit: Duration) -> ExecError {
    let program = command.argv().into_iter().next().unwrap_or_default();
    let what = format!("{program} took longer than {} s", limit.as_secs_f32());
    ExecError::new(ExecErrorKind::Timeout, what)
}
