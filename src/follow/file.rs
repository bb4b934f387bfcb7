//! A file, followed by name through rotation and truncation. What was written before is fetched in pieces, each when it is
//! wanted; then one command follows, and what it can't deliver in time is fetched again. The scripts stand beside.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Interval, interval};

use super::error::{FollowError, FollowErrorKind};
use super::file_host::{Access, FileHost, Look, Part};
use super::file_lines::{FileLines, place};
use super::file_start::{self, Segment};
use super::file_tail::{Tail, TailEnd, TailNews};
use super::line::{LineBatch, Stamp};
use super::resume::{Plan, Step, plan};
use super::source::{Follow, FollowEvent, Place, Start};
use crate::clock::Clock;
use crate::exec::{Exec, LineStream};
use crate::shell::RemotePath;
use crate::text::SafeText;

/// How often a name is looked up that no file has.
const ABSENT: Duration = Duration::from_secs(2);

/// A tail that ends this often without a line is no tail.
const FRUITLESS: u8 = 5;

/// A followed file.
pub(super) struct FileFollow {
    host: FileHost,
    clock: Clock,
    /// How far the host's clock is ahead of ours, in nanoseconds.
    ahead: i64,
    lines: FileLines,
    segments: VecDeque<Segment>,
    mode: Mode,
    follow: bool,
    /// What is still to be given, with the places before and after it.
    queue: VecDeque<Given>,
    first: Option<Place>,
    last: Option<Place>,
    fruitless: u8,
}

struct Given {
    before: (u64, u64),
    event: FollowEvent,
    after: (u64, u64),
}

enum Mode {
    /// The segments are read, one after the other.
    Read,
    /// The present file is followed.
    Tail(Box<Tail>),
    /// Something happened to the file: where do we stand?
    Look,
    /// There is no file of this name.
    Away(Box<Interval>),
    Over,
}

/// Opens a file.
pub(super) async fn open(
    exec: Arc<dyn Exec>,
    path: &RemotePath,
    start: &Start,
) -> Result<FileFollow, FollowError> {
    let host = FileHost::new(exec, path.clone());
    let look = host.look(file_start::wanted_inode(start)).await?;
    may_read(&host, &look)?;
    let clock = Clock::system();
    let ours = clock.wall().0.saturating_mul(1_000_000);
    let begun = file_start::begin(&host, &look, start).await?;
    let mut follow = FileFollow {
        lines: FileLines::new(look.clock, begun.since, start.until),
        ahead: look.clock.now.0.saturating_sub(ours),
        clock,
        host,
        segments: begun.segments,
        mode: Mode::Read,
        follow: start.follow && begun.forward,
        queue: VecDeque::new(),
        first: None,
        last: None,
        fruitless: 0,
    };
    if let Some(why) = begun.missing {
        follow.tell(FollowEvent::Missing { lines: None, why });
    }
    follow.begin_segment();
    if begun.forward && follow.segments.is_empty() {
        follow.mode = Mode::Look;
    }
    Ok(follow)
}

fn may_read(host: &FileHost, look: &Look) -> Result<(), FollowError> {
    let path = host.path();
    let name = SafeText::new(path);
    match &look.access {
        Access::Ok => {}
        Access::Absent if !look.files.is_empty() => {}
        Access::Absent => {
            return Err(FollowError::new(
                FollowErrorKind::Absent,
                format!("there is no file {name}"),
            ));
        }
        Access::Refused(owner, group) => {
            let hint = match group.as_str() {
                "" | "root" => format!("log in as {}", SafeText::new(owner)),
                group => format!("add this login to the group {}", SafeText::new(group)),
            };
            return Err(FollowError::new(
                FollowErrorKind::NoPermission,
                format!("this login may not read {name}"),
            )
            .hint(hint));
        }
    }
    match look.files.iter().find(|file| file.name == path) {
        Some(file) if !file.regular => Err(FollowError::new(
            FollowErrorKind::Unsupported,
            format!("{name} is no regular file"),
        )),
        _ => Ok(()),
    }
}

impl FileFollow {
    fn tell(&mut self, event: FollowEvent) {
        let here = self.lines.place();
        self.queue.push_back(Given {
            before: here,
            event,
            after: here,
        });
    }

    /// What was read since `before` is to be given.
    fn give_lines(&mut self, before: (u64, u64)) {
        let batch: LineBatch = self.lines.take();
        if batch.is_empty() {
            return;
        }
        self.fruitless = 0;
        self.queue.push_back(Given {
            before,
            event: FollowEvent::Lines(batch),
            after: self.lines.place(),
        });
    }

    fn end(&mut self, why: impl Into<SafeText>, retry: bool) {
        self.mode = Mode::Over;
        self.tell(FollowEvent::Ended {
            why: why.into(),
            hint: None,
            retry,
        });
    }

    fn fail(&mut self, error: &FollowError) {
        self.mode = Mode::Over;
        self.tell(FollowEvent::Ended {
            why: error.to_string().into(),
            hint: error.hint.as_deref().map(SafeText::from),
            retry: error.may_pass(),
        });
    }

    fn begin_segment(&mut self) {
        if let Some(segment) = self.segments.front() {
            let step = &segment.step;
            self.lines.begin(step.inode, step.offset, segment.written);
        }
    }

    /// Reads one piece of the first segment.
    async fn read(&mut self) -> Result<(), FollowError> {
        let Some(segment) = self.segments.front() else {
            self.end("no more lines", false);
            return Ok(());
        };
        let (before, from) = (self.lines.place(), self.lines.fed());
        let most = segment.to.map_or(u64::MAX, |to| to.saturating_sub(from));
        let part = match most {
            0 => Part::Bytes(bytes::Bytes::new()),
            most => self.host.read(&segment.step, from, most).await?,
        };
        match part {
            Part::Moved => self.mode = Mode::Look,
            Part::Bytes(bytes) if bytes.is_empty() => self.segment_read(before),
            Part::Bytes(bytes) => {
                self.lines.feed(&bytes);
                self.give_lines(before);
            }
        }
        if self.lines.over() {
            self.end("no more lines", false);
        }
        Ok(())
    }

    /// All of the first segment is read.
    fn segment_read(&mut self, before: (u64, u64)) {
        let Some(segment) = self.segments.pop_front() else {
            return;
        };
        let live = self.follow && segment.present && self.segments.is_empty();
        if live {
            self.mode = Mode::Look;
            return;
        }
        self.lines.finish();
        self.give_lines(before);
        if self.segments.is_empty() && self.follow {
            self.mode = Mode::Look;
        } else if !self.segments.is_empty() {
            self.tell(FollowEvent::Note("the file was rotated".into()));
            self.begin_segment();
        }
    }

    /// Finds out where we stand, and goes on from there.
    async fn look(&mut self) -> Result<(), FollowError> {
        // No file has the number 0: nothing was read yet.
        let here = Some(self.lines.place()).filter(|(inode, _)| *inode != 0);
        let look = self.host.look(here.map(|(inode, _)| inode)).await?;
        if let Access::Refused(..) = look.access {
            return may_read(&self.host, &look);
        }
        let Plan {
            old,
            present,
            missing,
        } = plan(&look.files, self.host.path(), here);
        if let Some(why) = missing.filter(|_| present.is_some()) {
            self.tell(FollowEvent::Missing { lines: None, why });
        }
        match present {
            None => {
                if !matches!(self.mode, Mode::Away(_)) {
                    self.tell(FollowEvent::Note(
                        "there is no file of this name at present".into(),
                    ));
                }
                if !matches!(self.mode, Mode::Away(_)) {
                    let mut again = interval(ABSENT);
                    again.reset();
                    self.mode = Mode::Away(Box::new(again));
                }
            }
            Some(step) if old.is_empty() => {
                if here != Some((step.inode, step.offset)) {
                    self.lines.begin(step.inode, step.offset, None);
                }
                self.tail().await?;
            }
            Some(step) => {
                let present = Segment::present(step);
                self.segments = old.into_iter().map(Segment::old).chain([present]).collect();
                self.begin_segment();
                self.mode = Mode::Read;
            }
        }
        Ok(())
    }

    async fn tail(&mut self) -> Result<(), FollowError> {
        self.fruitless += 1;
        if self.fruitless > FRUITLESS {
            return Err(FollowError::new(
                FollowErrorKind::Failed,
                "the host does not follow the file: its tail ends at once",
            ));
        }
        let (inode, offset) = self.lines.place();
        self.lines.begin(inode, offset, None);
        let tail = Tail::start(&self.host, inode, offset).await?;
        self.mode = Mode::Tail(Box::new(tail));
        Ok(())
    }

    /// Waits for what the tail says.
    async fn listen(&mut self) -> Result<(), FollowError> {
        let Mode::Tail(tail) = &mut self.mode else {
            return Ok(());
        };
        let before = self.lines.place();
        let now = self.clock.wall().0.saturating_mul(1_000_000);
        let news = tail
            .next(&mut self.lines, || Stamp(now.saturating_add(self.ahead)))
            .await;
        if let Ok(TailNews::Stuck(to)) = &news {
            let to = *to;
            self.peek(to).await?;
        }
        self.give_lines(before);
        if let Mode::Tail(tail) = &self.mode
            && tail.answered()
        {
            self.fruitless = 0;
        }
        match news? {
            TailNews::Lines | TailNews::Stuck(_) => {}
            TailNews::Ended(TailEnd::Truncated(read)) => {
                self.tell(FollowEvent::Note("the file was truncated".into()));
                self.lines.begin(before.0, read, None);
                self.mode = Mode::Look;
            }
            TailNews::Ended(TailEnd::Moved) => self.mode = Mode::Look,
            TailNews::Ended(TailEnd::Behind) => self.fetch_from_here(),
        }
        if self.lines.over() {
            self.end("no more lines", false);
        }
        Ok(())
    }

    /// Lines came faster than they were taken: what is there already is fetched in pieces.
    fn fetch_from_here(&mut self) {
        let (inode, offset) = self.lines.place();
        self.segments = VecDeque::from([Segment::present(Step {
            inode,
            offset,
            name: self.host.path().to_owned(),
        })]);
        self.begin_segment();
        self.mode = Mode::Read;
    }

    /// Shows the beginning of a line that does not end.
    async fn peek(&mut self, to: u64) -> Result<(), FollowError> {
        let (inode, from) = self.lines.place();
        let step = Step {
            inode,
            offset: from,
            name: self.host.path().to_owned(),
        };
        let most = to.saturating_sub(from).min(LineStream::LONGEST_LINE as u64);
        if let Part::Bytes(bytes) = self.host.read(&step, from, most).await?
            && memchr::memchr(b'\n', &bytes).is_none()
            && !bytes.is_empty()
        {
            self.lines.peek(&bytes);
        }
        Ok(())
    }

    fn give(&mut self) -> Option<FollowEvent> {
        let Given {
            before,
            event,
            after,
        } = self.queue.pop_front()?;
        if matches!(event, FollowEvent::Lines(_)) {
            self.first.get_or_insert_with(|| place(before));
            self.last = Some(place(after));
        }
        Some(event)
    }
}

#[async_trait]
impl Follow for FileFollow {
    async fn next(&mut self) -> FollowEvent {
        loop {
            if let Some(event) = self.give() {
                return event;
            }
            let done = match &mut self.mode {
                Mode::Read => self.read().await,
                Mode::Look => self.look().await,
                Mode::Tail(_) => self.listen().await,
                Mode::Away(again) => {
                    again.tick().await;
                    self.look().await
                }
                Mode::Over => {
                    self.end("no more lines", false);
                    Ok(())
                }
            };
            if let Err(error) = done {
                self.fail(&error);
            }
        }
    }

    fn first(&self) -> Option<Place> {
        self.first.clone()
    }

    fn last(&self) -> Option<Place> {
        self.last.clone()
    }
}
