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
    LineStream, Output, RunLimits, started_here,
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

    /// Runs a command that has little to say: one that says more than the limit is ended at once, and is an error.
    pub async fn run_terse(
        &self,
        command: &ShellCommand,
        limits: RunLimits,
    ) -> Result<Output, ExecError> {
        run(command, limits, Beyond::Ended).await
    }

    /// Runs a command in the terminal of this process and waits for its end: a person's shell. It stays in our process
    /// group, which has the terminal, and is not ended with its owner: nobody pulls a shell from under a person's hands.
    #[expect(clippy::disallowed_methods, reason = "this file is the wall")]
    pub async fn in_terminal(&self, command: &ShellCommand) -> Result<Exit, ExecError> {
        let argv = command.argv();
        let Some((program, arguments)) = argv.split_first() else {
            return Err(empty());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .spawn()
            .map_err(|e| refused(format!("{program} could not be started"), e))?;
        started_here(child.id());
        let status = child.wait().await.map_err(|e| lost(command, e))?;
        Ok(exit(status))
    }
}

fn empty() -> ExecError {
    ExecError::new(ExecErrorKind::Protocol, "an empty command can't run")
}

#[async_trait]
impl Exec for LocalExec {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        run(command, limits, Beyond::Counted).await
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

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        let argv = command.argv();
        let (program, arguments) = argv.split_first().ok_or_else(empty)?;
        self.as_bytes(program, arguments, "a piped command")
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

/// What becomes of a command that prints more than is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// The rest is counted and dropped.
    Counted,
    /// It is ended.
    Ended,
}

async fn run(
    command: &ShellCommand,
    limits: RunLimits,
    beyond: Beyond,
) -> Result<Output, ExecError> {
    let mut child = Running::start(command, Stdio::null())?;
    let work = child.collect(limits.output, beyond);
    match timeout(limits.timeout, work).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(e)) if e.kind() == io::ErrorKind::FileTooLarge => {
            Err(too_much(command, limits.output))
        }
        Ok(Err(e)) => Err(lost(command, e)),
        Err(_) => Err(too_slow(command, limits.timeout)),
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
    let child = Command::new(program)
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    started_here(child.id());
    Ok(child)
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
            return Err(empty());
        };
        let child = spawn(program, arguments, stdin)
            .map_err(|e| refused(format!("{program} could not be started"), e))?;
        Ok(Self {
            group: Group::of(&child),
            child,
        })
    }

    async fn collect(&mut self, limit: usize, beyond: Beyond) -> io::Result<Output> {
        let mut out = Kept::new(limit, beyond);
        let mut err = Kept::new(limit, beyond);
        let mut stdout = self.child.stdout.take();
        let mut stderr = self.child.stderr.take();
        let exit = {
            let reading = async { tokio::try_join!(out.fill(&mut stdout), err.fill(&mut stderr)) };
            tokio::pin!(reading);
            let mut read = None;
            let status = tokio::select! {
                done = &mut reading => { read = Some(done?); self.child.wait().await? }
                status = self.child.wait() => status?,
            };
            self.group.release();
            if read.is_none()
                && let Ok(done) = timeout(TAIL, reading).await
            {
                done?;
            }
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
    beyond: Beyond,
    dropped: u64,
}

impl Kept {
    fn new(limit: usize, beyond: Beyond) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            beyond,
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
            if self.dropped > 0 && self.beyond == Beyond::Ended {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
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

fn too_much(command: &ShellCommand, limit: usize) -> ExecError {
    let program = command.argv().into_iter().next().unwrap_or_default();
    let what = format!("{program} prints more than {limit} bytes");
    ExecError::new(ExecErrorKind::Protocol, what)
}

fn too_slow(command: &ShellCommand, limit: Duration) -> ExecError {
    let program = command.argv().into_iter().next().unwrap_or_default();
    let what = format!("{program} took longer than {} s", limit.as_secs_f32());
    ExecError::new(ExecErrorKind::Timeout, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HostName;
    use crate::exec::StreamEvent;
    use crate::shell::ShellWord;
    use std::os::unix::fs::PermissionsExt as _;

    const LONG: Duration = Duration::from_secs(20);

    fn host() -> LocalExec {
        LocalExec::new(Tasks::new())
    }

    fn sh(script: &str) -> ShellCommand {
        ShellCommand::new("sh")
            .arg("-c")
            .word(ShellWord::new(script).unwrap())
    }

    async fn run(script: &str) -> Output {
        host().run(&sh(script), RunLimits::default()).await.unwrap()
    }

    #[tokio::test]
    async fn runs_end_as_they_end() {
        let output = run("echo out; echo err >&2; exit 3").await;
        assert_eq!(output.exit, Exit::Status(3));
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(run("kill -9 $$").await.exit, Exit::Signal("KILL".into()));
        let tight = RunLimits {
            output: 10,
            ..RunLimits::default()
        };
        let output = host()
            .run(&sh("head -c 1000000 /dev/zero"), tight)
            .await
            .unwrap();
        assert_eq!((output.stdout.len(), output.dropped), (10, 999_990));
        // What a command leaves running on purpose holds its output open, and holds nobody up.
        let output = tokio::time::timeout(
            LONG,
            host().run(&sh("sleep 600 & echo $!"), RunLimits::default()),
        )
        .await
        .unwrap()
        .unwrap();
        let pid: i32 = String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn a_terse_command_is_ended_where_it_says_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        // Says on each of its streams, for ever, what nobody asked for.
        for script in ["exec yes", "exec yes >&2"] {
            let script = format!("echo $$ >{}; {script}", mark.display());
            let endless = RunLimits {
                timeout: Duration::from_mins(10),
                output: 4096,
            };
            let (host, script) = (host(), sh(&script));
            let said = host.run_terse(&script, endless);
            let error = tokio::time::timeout(LONG, said).await.unwrap().unwrap_err();
            assert_eq!(error.kind, ExecErrorKind::Protocol);
            assert_eq!(error.to_string(), "sh prints more than 4096 bytes");
            let pid = std::fs::read_to_string(&mark).unwrap();
            let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            while state().is_ok_and(|state| !state.contains(") Z ")) {
                tokio::task::yield_now().await;
            }
        }
        let short = host()
            .run_terse(&sh("echo 1.2"), RunLimits::default())
            .await
            .unwrap();
        assert_eq!(&short.stdout[..], b"1.2\n");
    }

    #[tokio::test]
    async fn what_can_not_run_says_so() {
        let error = host()
            .run(
                &ShellCommand::new("no-such-program-here"),
                RunLimits::default(),
            )
            .await
            .unwrap_err();
        assert_eq!(error.kind, ExecErrorKind::NotFound);
        let limits = RunLimits {
            timeout: Duration::from_millis(50),
            ..RunLimits::default()
        };
        let error = host()
            .run(&sh("sleep 600 & sleep 600"), limits)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ExecErrorKind::Timeout);
    }

    #[tokio::test]
    async fn a_stream_speaks_both_ways_and_ends() {
        let script = "while read -r line; do echo \"got $line\"; done; echo bye >&2; printf tail";
        let mut stream = host().stream(&sh(script)).await.unwrap();
        stream.send(Bytes::from_static(b"one\n")).await.unwrap();
        let line = |fd, text: &'static str| StreamEvent::Line {
            fd,
            bytes: Bytes::from_static(text.as_bytes()),
            dropped: 0,
        };
        assert_eq!(stream.next().await, Some(line(Fd::Out, "got one")));
        let mut stream = host()
            .stream(&sh("echo bye >&2; printf tail; exit 5"))
            .await
            .unwrap();
        let mut all = Vec::new();
        while let Some(event) = stream.next().await {
            all.push(event);
        }
        assert_eq!(all.pop(), Some(StreamEvent::Exit(Exit::Status(5))));
        assert!(all.contains(&line(Fd::Err, "bye")) && all.contains(&line(Fd::Out, "tail")));
    }

    #[tokio::test]
    async fn a_flood_that_nobody_reads_is_a_counted_gap() {
        let mut stream = host()
            .stream(&sh("seq 100000; echo end >&2"))
            .await
            .unwrap();
        let mut lines = 0;
        let mut missed = 0;
        loop {
            match tokio::time::timeout(LONG, stream.next()).await.unwrap() {
                Some(StreamEvent::Line { .. }) => lines += 1,
                Some(StreamEvent::Gap { lines }) => missed += lines,
                Some(StreamEvent::Exit(exit)) => break assert!(exit.is_success()),
                None => panic!("no exit"),
            }
        }
        assert_eq!(lines + missed, 100_001);
    }

    #[tokio::test]
    async fn dropping_a_stream_ends_a_deaf_command_and_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!(
            "trap '' HUP TERM; sleep 600 & echo $! $$ >{}; echo; wait",
            pids.display()
        );
        let mut stream = host().stream(&sh(&script)).await.unwrap();
        stream.next().await.unwrap();
        let pids = std::fs::read_to_string(pids).unwrap();
        drop(stream);
        let alive = |pid: &str| {
            std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
        };
        let gone = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while pids.split_whitespace().any(alive) {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), gone)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn files_sockets_and_proxies() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let path = RemotePath::new(file.display().to_string()).unwrap();
        host()
            .upload(&path, 0o600, Bytes::from_static(b"one"))
            .await
            .unwrap();
        host()
            .upload(&path, 0o640, Bytes::from_static(b"two"))
            .await
            .unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let nowhere = RemotePath::new("/no/such/folder/file").unwrap();
        let error = host()
            .upload(&nowhere, 0o600, Bytes::new())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ExecErrorKind::NotFound);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing half-written"
        );

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().try_into().unwrap();
        let socket = HostSocket::Tcp {
            host: "127.0.0.1".parse::<HostName>().unwrap(),
            port,
        };
        let mut near = host().connect(&socket).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        far.write_all(b"hello").await.unwrap();
        let mut five = [0; 5];
        near.read_exact(&mut five).await.unwrap();
        assert_eq!(&five, b"hello");

        let mut cat = host().proxy("cat").unwrap();
        cat.write_all(b"through").await.unwrap();
        cat.shutdown().await.unwrap();
        let mut all = String::new();
        cat.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "through");

        let mut words = host().pipe(&sh("cat; echo bye >&2")).await.unwrap();
        words.write_all(b"both ways").await.unwrap();
        words.shutdown().await.unwrap();
        let mut all = String::new();
        words.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "both ways", "standard error stays out of it");
    }
}
