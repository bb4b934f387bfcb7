//! A unit of the journal, or the kernel's part of it, through `journalctl` on the host. Its cursors say where to go on.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::error::{FollowError, FollowErrorKind};
use super::journal_line::{Entry, read};
use super::line::{LineBatch, Stamp, StreamKind};
use super::source::{Follow, FollowEvent, Place, Start, StartAt};
use super::watched::watched;
use crate::exec::{Exec, Exit, Fd, LineStream, RunLimits, StreamEvent};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

/// What an entry is read for; all its other fields would be most of the bytes. Known since systemd 236.
const FIELDS: &str =
    "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_PID,_SOURCE_REALTIME_TIMESTAMP";

/// Most lines in one batch.
const MOST_LINES: usize = 8192;

/// Which entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Unit(String),
    Kernel,
}

/// A followed part of a journal.
pub(super) struct JournalFollow {
    exec: Arc<dyn Exec>,
    part: Part,
    /// Whether this journalctl knows [`FIELDS`].
    brief: bool,
    start: Start,
    stream: Option<LineStream>,
    first: Option<String>,
    last: Option<String>,
    queue: VecDeque<FollowEvent>,
    /// Entries that came newest first.
    reversed: Vec<Entry>,
    said: SafeText,
    over: bool,
}

/// Opens a part of a host's journal.
pub(super) async fn open(
    exec: Arc<dyn Exec>,
    part: Part,
    start: Start,
) -> Result<JournalFollow, FollowError> {
    if matches!(&start.from, StartAt::After(place) | StartAt::Before(place, _) if !matches!(place, Place::Journal(_)))
    {
        return Err(FollowError::new(
            FollowErrorKind::Failed,
            "this is a place in another source",
        ));
    }
    let mut follow = JournalFollow {
        exec,
        part,
        brief: true,
        start,
        stream: None,
        first: None,
        last: None,
        queue: VecDeque::new(),
        reversed: Vec::new(),
        said: SafeText::default(),
        over: false,
    };
    follow.probe().await?;
    Ok(follow)
}

impl JournalFollow {
    /// Asks for one entry: whether there is a journal, whether we may read it, whether there is such a unit.
    async fn probe(&mut self) -> Result<(), FollowError> {
        loop {
            let command = self.command()?.arg("-n").arg("1");
            let output = self.exec.run(&command, RunLimits::default()).await?;
            let said = String::from_utf8_lossy(&output.stderr);
            if self.brief && said.contains("unrecognized option") {
                self.brief = false;
                continue;
            }
            if let Some(error) = refusal(&output.exit, &said) {
                return Err(error);
            }
            if read(output.stdout.trim_ascii(), false).is_some() {
                return Ok(());
            }
            return match &self.part {
                Part::Kernel => Err(FollowError::new(
                    FollowErrorKind::Unsupported,
                    "the journal of this host has no kernel lines",
                )),
                Part::Unit(name) => self.is_known(name).await,
            };
        }
    }

    /// A unit without entries may be one that does not exist.
    async fn is_known(&self, name: &str) -> Result<(), FollowError> {
        let command = ShellCommand::new("systemctl")
            .arg("show")
            .arg("-p")
            .arg("LoadState")
            .arg("--")
            .word(word(name)?);
        let output = self.exec.run(&command, RunLimits::default()).await?;
        if String::from_utf8_lossy(&output.stdout).contains("=not-found") {
            return Err(FollowError::new(
                FollowErrorKind::Absent,
                format!("there is no unit {}", SafeText::new(name)),
            ));
        }
        Ok(())
    }

    fn command(&self) -> Result<ShellCommand, FollowError> {
        let mut command = ShellCommand::new("journalctl")
            .arg("-o")
            .arg("json")
            .arg("--no-pager");
        if self.brief {
            command = command.arg(FIELDS);
        }
        Ok(match &self.part {
            Part::Kernel => command.arg("-k"),
            Part::Unit(name) => command.arg("-u").word(word(name)?),
        })
    }

    /// The command that goes on where we are.
    fn going_on(&self) -> Result<ShellCommand, FollowError> {
        let mut command = self.command()?;
        if self.start.follow {
            command = command.arg("-f");
        }
        let after = |command: ShellCommand, cursor: &str| {
            Ok::<_, FollowError>(command.word(word(&format!("--after-cursor={cursor}"))?))
        };
        if let Some(cursor) = &self.last {
            return Ok(after(command, cursor)?.arg("-n").arg("all"));
        }
        Ok(match &self.start.from {
            StartAt::Tail(count) => command.arg("-n").word(u64::from(*count)),
            StartAt::Since(moment) => {
                let seconds = moment.0.div_euclid(1_000_000_000);
                command
                    .word(word(&format!("--since=@{seconds}"))?)
                    .arg("-n")
                    .arg("all")
            }
            StartAt::After(Place::Journal(cursor)) => after(command, cursor)?.arg("-n").arg("all"),
            StartAt::Before(Place::Journal(cursor), count) => after(command, cursor)?
                .arg("-r")
                .arg("-n")
                .word(u64::from(*count)),
            StartAt::After(_) | StartAt::Before(..) => command,
        })
    }

    async fn listen(&mut self) -> Result<(), FollowError> {
        if self.stream.is_none() {
            let command = watched(self.going_on()?);
            self.stream = Some(self.exec.stream(&command).await?);
        }
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let mut event = Some(stream.next().await);
        let mut batch = LineBatch::default();
        while let Some(happened) = event {
            if let Some(ended) = self.take(happened, &mut batch) {
                self.give(batch);
                return ended;
            }
            let more = batch.bytes() < LineBatch::MOST / 2 && batch.len() < MOST_LINES;
            event = match &mut self.stream {
                Some(stream) if more => tokio::task::unconstrained(stream.next()).now_or_never(),
                _ => None,
            };
        }
        self.give(batch);
        Ok(())
    }

    /// Takes one event; something when the stream is at its end.
    fn take(
        &mut self,
        event: Option<StreamEvent>,
        batch: &mut LineBatch,
    ) -> Option<Result<(), FollowError>> {
        match event {
            Some(StreamEvent::Line {
                fd: Fd::Out,
                bytes,
                dropped,
            }) => {
                if let Some(entry) = read(&bytes, self.part != Part::Kernel) {
                    self.entry(entry, batch);
                } else if dropped > 0 {
                    self.queue.push_back(FollowEvent::Missing {
                        lines: Some(1),
                        why: "an entry was too large to be read".into(),
                    });
                }
                None
            }
            Some(StreamEvent::Line { bytes, .. }) => {
                self.said = SafeText::from_bytes(&bytes);
                None
            }
            // What did not fit is asked for again.
            Some(StreamEvent::Gap { .. }) if self.last.is_some() => {
                self.stream = None;
                Some(Ok(()))
            }
            Some(StreamEvent::Gap { lines }) => {
                self.queue.push_back(FollowEvent::Missing {
                    lines: Some(lines),
                    why: "the journal came faster than it was read".into(),
                });
                None
            }
            Some(StreamEvent::Exit(exit)) if exit != Exit::Unknown => {
                self.stream = None;
                Some(self.ended(&exit, batch))
            }
            Some(StreamEvent::Exit(_)) | None => Some(Err(FollowError::new(
                FollowErrorKind::Lost,
                "the connection was lost",
            ))),
        }
    }

    fn entry(&mut self, entry: Entry, batch: &mut LineBatch) {
        if matches!(self.start.from, StartAt::Before(..)) {
            self.reversed.push(entry);
            return;
        }
        let unwanted = match self.start.from {
            StartAt::Since(moment) => entry.stamp < moment,
            _ => false,
        } || self.start.until.is_some_and(|until| entry.stamp >= until);
        if !unwanted {
            self.first.get_or_insert_with(|| entry.cursor.clone());
            push(batch, &entry.text, entry.stamp, entry.level);
        }
        self.last = Some(entry.cursor);
    }

    fn give(&mut self, batch: LineBatch) {
        if !batch.is_empty() {
            // Before what was noticed while it was read.
            self.queue.push_front(FollowEvent::Lines(batch));
        }
    }

    fn ended(&mut self, exit: &Exit, batch: &mut LineBatch) -> Result<(), FollowError> {
        while let Some(entry) = self.reversed.pop() {
            self.first.get_or_insert_with(|| entry.cursor.clone());
            push(batch, &entry.text, entry.stamp, entry.level);
            self.last = Some(entry.cursor);
        }
        if self.said.as_str().contains("seek to cursor")
            && let Some(Place::Journal(cursor)) = self.lost_place()
        {
            return self.go_on_by_time(&cursor);
        }
        if let Some(error) = refusal(exit, self.said.as_str()) {
            return Err(error);
        }
        if self.start.follow {
            let said = self.said.to_string();
            return Err(FollowError::new(
                FollowErrorKind::Lost,
                if said.is_empty() {
                    "journalctl ended".to_owned()
                } else {
                    format!("journalctl ended: {said}")
                },
            ));
        }
        self.finish("no more lines".into(), None, false);
        Ok(())
    }

    fn lost_place(&self) -> Option<Place> {
        match (&self.last, &self.start.from) {
            (Some(cursor), _) => Some(Place::Journal(cursor.clone())),
            (None, StartAt::After(place)) => Some(place.clone()),
            _ => None,
        }
    }

    /// The journal was rotated or made anew: its time still tells about where we were.
    fn go_on_by_time(&mut self, cursor: &str) -> Result<(), FollowError> {
        let Some(stamp) = moment_of(cursor) else {
            return Err(FollowError::new(
                FollowErrorKind::Failed,
                "the journal no longer knows where we were",
            ));
        };
        self.queue.push_back(FollowEvent::Missing {
            lines: None,
            why: "the journal no longer knows where we were; it goes on by the time".into(),
        });
        self.last = None;
        self.said = SafeText::default();
        self.start.from = StartAt::Since(Stamp(stamp.0.saturating_add(1)));
        Ok(())
    }

    fn finish(&mut self, why: SafeText, hint: Option<SafeText>, retry: bool) {
        self.over = true;
        self.queue
            .push_back(FollowEvent::Ended { why, hint, retry });
    }
}

/// A message of several lines is several lines of one time.
fn push(batch: &mut LineBatch, text: &[u8], stamp: Stamp, level: Option<super::line::Level>) {
    for line in text.split(|byte| *byte == b'\n') {
        batch.push(line, stamp, StreamKind::Out, level);
    }
}

/// The time in a cursor: `…;t=660ca3917b0de;…`, microseconds in hexadecimal.
fn moment_of(cursor: &str) -> Option<Stamp> {
    let time = cursor.split(';').find_map(|part| part.strip_prefix("t="))?;
    i64::from_str_radix(time, 16)
        .ok()?
        .checked_mul(1000)
        .map(Stamp)
}

/// What journalctl means when it refuses.
fn refusal(exit: &Exit, said: &str) -> Option<FollowError> {
    if *exit == Exit::Status(127) || *exit == Exit::Status(126) {
        return Some(FollowError::new(
            FollowErrorKind::Unsupported,
            "this host has no journald",
        ));
    }
    if said.contains("insufficient permissions")
        || said.contains("not seeing messages from other users")
    {
        return Some(
            FollowError::new(
                FollowErrorKind::NoPermission,
                "this login may not read the system's journal",
            )
            .hint("add it to the group systemd-journal or adm, then log in again"),
        );
    }
    if said.contains("No journal files were found") {
        return Some(FollowError::new(
            FollowErrorKind::Unsupported,
            "this host keeps no journal: journald does not run",
        ));
    }
    None
}

fn word(text: &str) -> Result<ShellWord, FollowError> {
    ShellWord::new(text).map_err(|_| FollowError::new(FollowErrorKind::Failed, "no name of a unit"))
}

#[async_trait]
impl Follow for JournalFollow {
    async fn next(&mut self) -> FollowEvent {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            if self.over {
                self.finish("no more lines".into(), None, false);
            } else if let Err(error) = self.listen().await {
                let hint = error.hint.as_deref().map(SafeText::from);
                self.finish(error.to_string().into(), hint, error.may_pass());
            }
        }
    }

    fn first(&self) -> Option<Place> {
        self.first.clone().map(Place::Journal)
    }

    fn last(&self) -> Option<Place> {
        self.last.clone().map(Place::Journal)
    }
}
