//! A host behind SSH. Commands run in its login shell, as the line that every shell reads alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, Fd, HostSocket, LineSink, LineSplitter,
    LineStream, Output, RunLimits, StreamEvent,
};
use crate::domain::Endpoint;
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::ssh::{End, Lane, Session, Sink, Source, SshError, SshErrorKind};
use crate::tasks::Tasks;

/// Lines that wait for a reader; one network packet can hold a thousand, so this is more than the local room.
const ROOM: usize = 4096;
/// Bytes of lines that a reader may hold or leave lying; beyond it lines are counted and dropped.
const HELD: usize = 4 * 1024 * 1024;
/// Uploads up to this size use the connection that is open anyway.
const SMALL: usize = 64 * 1024;

/// What a command becomes that the server does not start.
const NOT_STARTED: &str = "the host does not run commands for this login";

/// Writes standard input beside the wanted place, checks that all of it came (a lost connection looks like the end of
/// input), and renames it. Arguments: path, mode, size.
const UPLOAD: &str = r#"umask 077
part="$1.$$.part"
trap 'rm -f "$part"' EXIT
cat > "$part" || exit 3
size=$(wc -c < "$part") || exit 3
[ "$((size))" -eq "$3" ] || exit 4
chmod "$2" "$part" && mv -f "$part" "$1" || exit 3
trap - EXIT"#;

/// A host behind a [`Session`].
#[derive(Debug, Clone)]
pub struct RemoteExec {
    session: Session,
    tasks: Tasks,
}

impl RemoteExec {
    /// Commands on this session's host; what they run on ends with `tasks`.
    pub fn new(session: Session) -> Self {
        let tasks = session.tasks().clone();
        Self { session, tasks }
    }

    /// The session beneath.
    pub fn session(&self) -> &Session {
        &self.session
    }

    async fn collect(
        &self,
        lane: Lane,
        line: &str,
        input: Bytes,
        limit: usize,
    ) -> Result<Output, ExecError> {
        let (collector, collected) = Collector::new(limit);
        let running = self
            .session
            .exec(lane, line, collector)
            .await
            .map_err(exec_error)?;
        // A command that ends early reads no more; its exit status tells more than that.
        if running.send(input).await.is_ok() {
            running.eof().await.map_err(exec_error)?;
        }
        let (output, ending) = collected.await.map_err(|_| gone())?;
        match exit(ending) {
            Exit::Unknown => Err(gone()),
            Exit::Refused => Err(ExecError::new(ExecErrorKind::Refused, NOT_STARTED)),
            exit => Ok(Output { exit, ..output }),
        }
    }
}

#[async_trait]
impl Exec for RemoteExec {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let line = command.render();
        let work = self.collect(Lane::Control, &line, Bytes::new(), limits.output);
        match timeout(limits.timeout, work).await {
            Ok(output) => output,
            Err(_) => Err(ExecError::new(
                ExecErrorKind::Timeout,
                format!(
                    "the command did not end in {} s",
                    limits.timeout.as_secs_f32()
                ),
            )),
        }
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        let (events, reader) = mpsc::channel(ROOM);
        let gone = events.clone();
        let (input, mut words) = mpsc::channel::<Bytes>(16);
        let running = self
            .session
            .exec(Lane::Control, &command.render(), Lines::new(events))
            .await
            .map_err(exec_error)?;
        self.tasks.spawn(async move {
            let feed = async {
                while let Some(word) = words.recv().await {
                    if running.send(word).await.is_err() {
                        break;
                    }
                }
            };
            // Whichever end falls first: what runs is dropped here, which hangs up.
            tokio::select! {
                () = gone.closed() => {}
                () = running.closed() => {}
                () = feed => {}
            }
        });
        Ok(LineStream::new(reader, input))
    }

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        let line = command.render();
        let stream = self.session.pipe(Lane::Control, &line).await;
        Ok(Box::pin(stream.map_err(exec_error)?))
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        let lane = if content.len() <= SMALL {
            Lane::Control
        } else {
            Lane::Bulk
        };
        let mode = ShellWord::new(format!("{:o}", mode & 0o7777)).map_err(|error| {
            ExecError::new(ExecErrorKind::Protocol, "no file mode").source(error)
        })?;
        let command = ShellCommand::new("sh")
            .arg("-c")
            .arg(UPLOAD)
            .arg("pilothouse-upload")
            .word(path.clone())
            .word(mode)
            .word(content.len() as u64);
        let output = self.collect(lane, &command.render(), content, 4096).await?;
        match output.exit {
            Exit::Status(0) => Ok(()),
            Exit::Status(4) => Err(ExecError::new(
                ExecErrorKind::Lost,
                format!("{path} did not arrive whole and was left as it was"),
            )),
            _ => {
                let why = crate::text::SafeText::from_bytes(&output.stderr);
                Err(ExecError::new(
                    ExecErrorKind::Refused,
                    format!("{path} could not be written"),
                )
                .hint(why.as_str()))
            }
        }
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        let stream = match socket {
            HostSocket::Tcp { host, port } => {
                let to = Endpoint {
                    host: host.clone(),
                    port: *port,
                };
                self.session.tcp(Lane::Control, &to).await
            }
            HostSocket::Unix(path) => self.session.unix(Lane::Control, path.as_str()).await,
        };
        Ok(Box::pin(stream.map_err(exec_error)?))
    }
}

fn gone() -> ExecError {
    ExecError::new(ExecErrorKind::Lost, "the connection ended meanwhile")
}

/// How a command ended, in the words of this room.
fn exit(ending: End) -> Exit {
    match ending {
        End::Status(status) => Exit::Status(status),
        End::Signal(name) => Exit::Signal(name),
        End::Refused => Exit::Refused,
        End::Unknown => Exit::Unknown,
    }
}

fn exec_error(error: SshError) -> ExecError {
    use ExecErrorKind as Exec;
    let kind = match error.kind() {
        SshErrorKind::Name | SshErrorKind::Unreachable => Exec::Unreachable,
        SshErrorKind::Timeout => Exec::Timeout,
        SshErrorKind::Protocol => Exec::Protocol,
        SshErrorKind::Lost => Exec::Lost,
        SshErrorKind::NotFound => Exec::NotFound,
        _ => Exec::Refused,
    };
    let told = ExecError::new(kind, error.to_string());
    match error.hint() {
        Some(hint) => {
            let hint = hint.to_owned();
            told.hint(hint).source(error)
        }
        None => told.source(error),
    }
}

/// Keeps output up to a limit and counts the rest.
struct Collector {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    limit: usize,
    dropped: u64,
    done: oneshot::Sender<(Output, End)>,
}

impl Collector {
    fn new(limit: usize) -> (Self, oneshot::Receiver<(Output, End)>) {
        let (done, collected) = oneshot::channel();
        let collector = Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            limit,
            dropped: 0,
            done,
        };
        (collector, collected)
    }
}

impl Sink for Collector {
    fn data(&mut self, from: Source, bytes: Bytes) {
        let kept = match from {
            Source::Out => &mut self.stdout,
            Source::Err => &mut self.stderr,
        };
        let room = self.limit.saturating_sub(kept.len());
        let (taken, over) = bytes.split_at(bytes.len().min(room));
        kept.extend_from_slice(taken);
        self.dropped += over.len() as u64;
    }

    async fn end(self, ending: End) {
        let output = Output {
            exit: Exit::Unknown,
            stdout: self.stdout.into(),
            stderr: self.stderr.into(),
            dropped: self.dropped,
        };
        // Nobody waits any more when the run took too long.
        let _ = self.done.send((output, ending));
    }
}

/// Cuts output into lines for a reader that may be slow.
struct Lines {
    out: LineSplitter,
    err: LineSplitter,
    reader: Reader,
}

struct Reader {
    sink: LineSink,
    held: Arc<AtomicUsize>,
}

impl Lines {
    fn new(events: mpsc::Sender<StreamEvent>) -> Self {
        Self {
            out: LineSplitter::new(Fd::Out),
            err: LineSplitter::new(Fd::Err),
            reader: Reader {
                sink: LineSink::new(events),
                held: Arc::default(),
            },
        }
    }
}

impl Reader {
    /// Hands a line on, unless the reader sits on too many bytes.
    fn push(&mut self, event: StreamEvent) {
        let StreamEvent::Line { fd, bytes, dropped } = event else {
            return self.sink.push(event);
        };
        if self.held.load(Ordering::Acquire) + bytes.len() > HELD {
            return self.sink.miss();
        }
        self.sink.push(StreamEvent::Line {
            fd,
            bytes: Held::weigh(bytes, &self.held),
            dropped,
        });
    }
}

impl Sink for Lines {
    fn data(&mut self, from: Source, bytes: Bytes) {
        let Self { out, err, reader } = self;
        let splitter = match from {
            Source::Out => out,
            Source::Err => err,
        };
        splitter.feed(&bytes, |event| reader.push(event));
    }

    async fn end(mut self, ending: End) {
        for splitter in [&mut self.out, &mut self.err] {
            if let Some(last) = splitter.finish() {
                self.reader.push(last);
            }
        }
        self.reader.sink.exit(exit(ending)).await;
    }
}

/// Bytes that count as held until they are dropped.
struct Held {
    bytes: Bytes,
    held: Arc<AtomicUsize>,
}

impl Held {
    fn weigh(bytes: Bytes, held: &Arc<AtomicUsize>) -> Bytes {
        held.fetch_add(bytes.len(), Ordering::AcqRel);
        Bytes::from_owner(Self {
            bytes,
            held: Arc::clone(held),
        })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len(), Ordering::AcqRel);
    }
}
