//! The program as a process: started from a list of arguments in an environment of its own, read line by line, and ended with
//! everything that it started. One of the two files of the house that start processes.

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpriority_process, kill_process_group, setpriority_pgrp};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use super::descendants::Descendants;
use super::pace::Pace;
use super::stream::{CliEvent, MOST_TEXT, parse};
use crate::domain::Secret;
use crate::exec::started_here;
use crate::tasks::Tasks;

/// Most bytes of one line; a longer one is told by its length.
const LONGEST_LINE: usize = 8 * 1024 * 1024;
/// What is kept of the standard error.
const TAIL: usize = 8 * 1024;
/// Lines that may wait to be written.
const UNWRITTEN: usize = 64;
/// Events that may wait to be read.
const UNREAD: usize = 64;
/// How much nicer than the console the program is, and what it starts.
const NICER: i32 = 10;
/// The nicest that a process can be.
const NICEST: i32 = 19;
/// What a line costs at least, in bytes: a short one is read no faster than one of this length.
const LINE_PRICE: usize = 1024;
/// So many bytes that are only taken in cost as much as one that is understood.
const CHEAPER: usize = 8;
/// After the program ended, what it printed has this long to come in.
const DRAIN: Duration = Duration::from_millis(500);

/// What to start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// The whole environment: nothing is inherited.
    pub(super) environment: Vec<(String, Secret<String>)>,
    pub(super) folder: PathBuf,
}

/// What comes from the program.
#[derive(Debug)]
pub(super) enum FromProgram {
    /// A line.
    Line(CliEvent),
    /// Its end; nothing follows.
    Exited {
        /// In words.
        how: String,
        /// The end of its standard error.
        stderr: String,
    },
}

/// A program that runs. Dropping it kills it and whatever it started.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    group: Option<Pid>,
    descendants: Descendants,
    events: mpsc::Receiver<CliEvent>,
    /// `None` once its input was ended.
    input: Option<mpsc::Sender<String>>,
    stderr: Arc<Mutex<Tail>>,
    /// Ends when the standard error was read to its end.
    unread: mpsc::Receiver<()>,
    ended: Option<ExitStatus>,
}

impl Program {
    /// Starts it, in a process group of its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "the assistant's program needs a cleared environment and a signal ladder; nothing else starts here"
    )]
    pub(super) fn start(launch: &Launch, tasks: &Tasks) -> io::Result<Self> {
        let descendants = Descendants::adopt(&launch.folder);
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .env_clear()
            .envs(
                launch
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value.expose())),
            )
            .env(descendants.mark().0, descendants.mark().1)
            .current_dir(&launch.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        started_here(child.id());
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let group = group.and_then(Pid::from_raw);
        if let Some(group) = group {
            step_back(group);
        }
        let (sender, events) = mpsc::channel(UNREAD);
        let (input, words) = mpsc::channel(UNWRITTEN);
        let stderr = Arc::default();
        let (unread_end, unread) = mpsc::channel(1);
        if let Some(out) = child.stdout.take() {
            tasks.spawn(read_lines(out, sender));
        }
        if let Some(err) = child.stderr.take() {
            tasks.spawn(keep_tail(err, Arc::clone(&stderr), unread_end));
        }
        if let Some(stdin) = child.stdin.take() {
            tasks.spawn(write_lines(stdin, words));
        }
        Ok(Self {
            child,
            group,
            descendants,
            events,
            input: Some(input),
            stderr,
            unread,
            ended: None,
        })
    }

    /// What comes next. Cancel-safe. After [`FromProgram::Exited`] nothing may be asked any more.
    pub(super) async fn next(&mut self) -> FromProgram {
        if self.ended.is_none() {
            tokio::select! {
                event = self.events.recv() => {
                    if let Some(event) = event {
                        return FromProgram::Line(event);
                    }
                    self.wait().await;
                }
                status = self.child.wait() => self.has_ended(status.ok()),
            }
        }
        match tokio::time::timeout(DRAIN, self.events.recv()).await {
            Ok(Some(event)) => FromProgram::Line(event),
            Ok(None) | Err(_) => self.farewell().await,
        }
    }

    /// Its output ended, so it is about to end, or hides: its time limits are the session's.
    async fn wait(&mut self) {
        let status = self.child.wait().await.ok();
        self.has_ended(status);
    }

    fn has_ended(&mut self, status: Option<ExitStatus>) {
        self.ended = Some(status.unwrap_or_default());
        self.group = None;
        // What it left running may hold its output open.
        self.descendants.kill();
    }

    async fn farewell(&mut self) -> FromProgram {
        self.descendants.reap().await;
        if tokio::time::timeout(DRAIN, self.unread.recv())
            .await
            .is_err()
        {
            tracing::debug!("somebody holds the standard error of the assistant's program open");
        }
        let how = self.ended.map_or_else(|| "ended".to_owned(), words);
        FromProgram::Exited {
            how,
            stderr: self
                .stderr
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .text(),
        }
    }

    /// Writes a line. False when it can't be: the input ended, or the program does not read.
    pub(super) fn write(&self, line: String) -> bool {
        self.input
            .as_ref()
            .is_some_and(|input| input.try_send(line).is_ok())
    }

    /// Ends its input after what waits was written.
    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// Interrupts it.
    pub(super) fn interrupt(&mut self) {
        self.descendants.note(self.pid());
        self.signal(Signal::INT);
    }

    /// Asks it to end.
    pub(super) fn terminate(&mut self) {
        self.descendants.note(self.pid());
        self.signal(Signal::TERM);
    }

    /// Ends it and whatever it started.
    pub(super) fn kill(&mut self) {
        self.descendants.note(self.pid());
        self.signal(Signal::KILL);
    }

    fn pid(&self) -> Option<i32> {
        self.child.id().and_then(|id| i32::try_from(id).ok())
    }

    /// To the program alone where it may still tidy up, to its group where it may not.
    fn signal(&self, signal: Signal) {
        let Some(group) = self.group else { return };
        let sent = if signal == Signal::KILL {
            kill_process_group(group, signal)
        } else {
            rustix::process::kill_process(group, signal)
        };
        if let Err(e) = sent {
            tracing::debug!(error = %e, ?signal, "the assistant's program was gone before its signal");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
            self.descendants.abandon();
        }
    }
}

/// Gives a program, and whatever it starts from now on, less of the processor than the console has: whatever it computes, the
/// power switch comes first.
fn step_back(group: Pid) {
    let ours = getpriority_process(None).unwrap_or_default();
    if let Err(e) = setpriority_pgrp(Some(group), (ours + NICER).min(NICEST)) {
        tracing::debug!(error = %e, "the assistant's program runs as urgently as the console");
    }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The end of a stream.
#[derive(Debug, Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let bytes = bytes
            .get(bytes.len().saturating_sub(TAIL)..)
            .unwrap_or_default();
        let over = (self.0.len() + bytes.len()).saturating_sub(TAIL);
        self.0.drain(..over);
        self.0.extend(bytes);
    }

    fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

async fn keep_tail(
    mut from: impl AsyncRead + Unpin,
    tail: Arc<Mutex<Tail>>,
    _until: mpsc::Sender<()>,
) {
    let mut pace = Pace::new();
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let bytes = chunk.get(..read).unwrap_or_default();
        tail.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(bytes);
        pace.pay(read).await;
    }
}

async fn write_lines(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        if let Err(e) = stdin.write_all(line.as_bytes()).await {
            tracing::debug!(error = %e, "the assistant's program reads no more");
            return;
        }
    }
}

/// Reads events until the output ends or nobody wants them.
async fn read_lines(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<CliEvent>) {
    let mut lines = Lines::default();
    let mut pace = Pace::new();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        for event in lines.events(chunk.get(..read).unwrap_or_default()) {
            if to.send(event).await.is_err() {
                return;
            }
        }
        pace.pay(lines.price()).await;
    }
    if let Some(event) = lines.last()
        && to.send(event).await.is_err()
    {
        tracing::debug!("nobody waits for the last line of the assistant's program");
    }
}

/// Bytes as lines, each at once an event: what is long is not kept longer than it takes to read it.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    /// Bytes of a line that is too long to be kept.
    over: u64,
    /// What was read and not paid for, as [`Pace`] counts it.
    price: usize,
}

impl Lines {
    /// The events of some bytes; pieces of one text that came together are one piece.
    fn events(&mut self, mut bytes: &[u8]) -> Vec<CliEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next(&mut bytes) {
            let apart = match events.last_mut() {
                Some(before) => joined(before, event),
                None => Some(event),
            };
            events.extend(apart);
        }
        events
    }

    /// What was read since this was asked last.
    fn price(&mut self) -> usize {
        std::mem::take(&mut self.price)
    }

    /// The next event of some bytes; what is left without a line end is kept.
    fn next(&mut self, rest: &mut &[u8]) -> Option<CliEvent> {
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            *rest = after.get(1..).unwrap_or_default();
            self.keep(line);
            if let Some(event) = self.last() {
                return Some(event);
            }
        }
        self.keep(rest);
        *rest = &[];
        None
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.price += bytes.len() / CHEAPER;
        if self.over > 0 || self.line.len() + bytes.len() > LONGEST_LINE {
            self.over += (self.line.len() + bytes.len()) as u64;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    /// What was kept, as an event; an empty line is none.
    fn last(&mut self) -> Option<CliEvent> {
        self.price += self.line.len().max(LINE_PRICE);
        if self.over > 0 {
            return Some(CliEvent::Oversize(std::mem::take(&mut self.over)));
        }
        let event = (!self.line.trim_ascii().is_empty()).then(|| parse(&self.line));
        self.line.clear();
        self.line.shrink_to(64 * 1024);
        event
    }
}

/// Puts a piece behind another one of the same text; gives it back where it is not.
fn joined(before: &mut CliEvent, piece: CliEvent) -> Option<CliEvent> {
    let CliEvent::Delta {
        index: of,
        thinking: thought,
        text: whole,
    } = before
    else {
        return Some(piece);
    };
    match piece {
        CliEvent::Delta {
            index,
            thinking,
            text,
        } if (index, thinking) == (*of, *thought) && whole.len() + text.len() <= MOST_TEXT => {
            whole.push_str(&text);
            None
        }
        piece => Some(piece),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;
    use tokio::time::{Instant, timeout};

    use super::*;

    const PIECE: &[u8] = br#"{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"flood "}}}
"#;

    /// Says one thing for ever, as fast as it is heard, and counts its bytes.
    struct Flood {
        words: &'static [u8],
        at: usize,
        said: Arc<AtomicUsize>,
    }

    impl Flood {
        fn of(words: &'static [u8]) -> (Self, Arc<AtomicUsize>) {
            let said = Arc::<AtomicUsize>::default();
            let flood = Self {
                words,
                at: 0,
                said: Arc::clone(&said),
            };
            (flood, said)
        }
    }

    impl AsyncRead for Flood {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.said.fetch_add(into.remaining(), Ordering::Relaxed);
            while into.remaining() > 0 {
                let rest = &self.words[self.at..];
                let rest = &rest[..rest.len().min(into.remaining())];
                into.put_slice(rest);
                self.at = (self.at + rest.len()) % self.words.len();
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the time that is paused here")]
    async fn a_flood_is_heard_at_once_and_waits_for_its_reader() {
        let (flood, said) = Flood::of(PIECE);
        let (sender, mut events) = mpsc::channel(UNREAD);
        let begun = Instant::now();
        let mut pieces = 0;
        let mut first = None;
        let hearing = async {
            while let Some(event) = events.recv().await {
                let CliEvent::Delta { text, .. } = event else {
                    panic!("{event:?}")
                };
                first.get_or_insert_with(|| begun.elapsed());
                assert!(text.bytes().all(|byte| b"flood ".contains(&byte)));
                pieces += 1;
            }
        };
        let reading = async {
            let second = Duration::from_secs(1);
            timeout(second, read_lines(flood, sender))
                .await
                .unwrap_err();
        };
        tokio::join!(hearing, reading);
        assert_eq!(first, Some(Duration::ZERO));
        let lines = said.load(Ordering::Relaxed) / PIECE.len();
        // Far more than any model says, and what a console has time for.
        assert!(
            (5_000..=20_000).contains(&lines),
            "{lines} lines in a second"
        );
        assert!(pieces < 60, "{pieces} pieces of what came together");
    }

    #[tokio::test(start_paused = true)]
    async fn errors_for_ever_wait_for_their_reader_too() {
        let (flood, said) = Flood::of(b"a line of errors\n");
        let tail = Arc::default();
        let (end, _ends) = mpsc::channel(1);
        let second = Duration::from_secs(1);
        let kept = timeout(second, keep_tail(flood, Arc::clone(&tail), end));
        kept.await.unwrap_err();
        let mebibytes = said.load(Ordering::Relaxed) >> 20;
        assert!((8..=24).contains(&mebibytes), "{mebibytes} MiB in a second");
        assert_eq!(tail.lock().unwrap().0.len(), TAIL);
    }

    #[test]
    fn only_pieces_of_one_text_are_joined() {
        let delta = |index: u64, thinking: bool, text: &str| {
            let (kind, field) = if thinking {
                ("thinking_delta", "thinking")
            } else {
                ("text_delta", "text")
            };
            format!(
                r#"{{"type":"stream_event","event":{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{field}":"{text}"}}}}}}"#
            )
        };
        let lines = [
            delta(0, true, "h"),
            delta(0, true, "m"),
            delta(0, false, "on"),
            delta(0, false, "e "),
            delta(1, false, "two"),
            r#"{"type":"keep_alive"}"#.to_owned(),
            delta(1, false, "!"),
        ];
        let bytes = lines.join("\n") + "\n";
        let told = |event: CliEvent| match event {
            CliEvent::Delta { index, text, .. } => format!("{index} {text}"),
            other => format!("{other:?}"),
        };
        let mut all = Lines::default();
        let events = all.events(bytes.as_bytes()).into_iter().map(told);
        let wanted = ["0 hm", "0 one ", "1 two", "Alive", "1 !"];
        assert_eq!(events.collect::<Vec<_>>(), wanted);
        // Byte by byte it is the same, only not joined.
        let mut slow = Lines::default();
        let each = bytes.as_bytes().chunks(1).flat_map(|one| slow.events(one));
        assert_eq!(each.count(), lines.len());
    }
}
