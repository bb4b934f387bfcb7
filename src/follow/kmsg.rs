//! The kernel's ring through `/dev/kmsg`, where no journal has it. Records are numbered: the number says where to go on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Interval, interval};

use super::error::{FollowError, FollowErrorKind};
use super::kmsg_line::{Record, read};
use super::line::{LineBatch, Stamp, StreamKind};
use super::source::{Follow, FollowEvent, Place, Start, StartAt};
use super::watched::watched;
use crate::exec::{BoxedIo, Exec, RunLimits};
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// Boot, seconds since boot, seconds since the epoch; then whether the ring can be read.
const LOOK: &str = r#"read -r boot </proc/sys/kernel/random/boot_id
read -r up rest </proc/uptime
echo "$boot $up $(date +%s)"
dd if=/dev/kmsg bs=16384 count=1 2>&1 >/dev/null | head -n 1"#;

/// The ring comes at once; after this silence the rest is new.
const SILENCE: Duration = Duration::from_millis(300);

/// The first record comes when the host has started its reader; a ring that gives none for so long is empty.
const FIRST: Duration = Duration::from_secs(5);

/// A followed ring.
pub(super) struct KmsgFollow {
    exec: Arc<dyn Exec>,
    start: Start,
    boot: String,
    /// When the kernel's clock began, in nanoseconds since the epoch.
    began: i64,
    stream: Option<BoxedIo>,
    /// The beginning of a record whose rest has not come.
    partial: Vec<u8>,
    /// Old records, until all have come.
    backlog: Option<VecDeque<Record>>,
    silence: Interval,
    queue: VecDeque<FollowEvent>,
    first: Option<u64>,
    last: Option<u64>,
    over: bool,
}

/// Opens the ring.
pub(super) async fn open(exec: Arc<dyn Exec>, start: Start) -> Result<KmsgFollow, FollowError> {
    let command = ShellCommand::new("sh").arg("-c").arg(LOOK);
    let output = exec.run(&command, RunLimits::default()).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (head, said) = text.split_once('\n').unwrap_or((&text, ""));
    if said.contains("denied") || said.contains("not permitted") {
        return Err(FollowError::new(FollowErrorKind::NoPermission, "this login may not read the kernel's ring")
            .hint("log in as root, set kernel.dmesg_restrict=0 there, or add the login to systemd-journal or adm where journald runs"));
    }
    let mut words = head.split(' ');
    let (Some(boot), Some(up), Some(now)) = (words.next(), words.next(), words.next()) else {
        return Err(FollowError::new(
            FollowErrorKind::Unsupported,
            "this host has no kernel ring to read",
        ));
    };
    let (Ok(up), Ok(now)) = (up.parse::<f64>(), now.parse::<i64>()) else {
        return Err(FollowError::new(
            FollowErrorKind::Unsupported,
            "this host does not tell when it was started",
        ));
    };
    if said.contains("No such file") {
        return Err(FollowError::new(
            FollowErrorKind::Unsupported,
            "this host has no /dev/kmsg: it may be a container",
        ));
    }
    let mut follow = KmsgFollow {
        exec,
        boot: boot.to_owned(),
        began: now
            .saturating_mul(1_000_000_000)
            .saturating_sub((up * 1e9) as i64),
        stream: None,
        partial: Vec::new(),
        backlog: Some(VecDeque::new()),
        silence: interval(SILENCE),
        queue: VecDeque::new(),
        first: None,
        last: None,
        over: false,
        start,
    };
    follow.begin()?;
    Ok(follow)
}

impl KmsgFollow {
    fn begin(&mut self) -> Result<(), FollowError> {
        match &self.start.from {
            StartAt::After(Place::Kernel { boot, sequence }) => {
                if *boot == self.boot {
                    self.last = Some(*sequence);
                } else {
                    self.queue
                        .push_back(FollowEvent::Note("the host was started anew".into()));
                }
            }
            StartAt::Before(Place::Kernel { boot, .. }, _) if *boot != self.boot => {
                self.end("the ring of an earlier start is gone".into(), None, false);
            }
            StartAt::Tail(_) | StartAt::Since(_) | StartAt::Before(Place::Kernel { .. }, _) => {}
            StartAt::After(_) | StartAt::Before(..) => {
                return Err(FollowError::new(
                    FollowErrorKind::Failed,
                    "this is a place in another source",
                ));
            }
        }
        Ok(())
    }

    fn end(&mut self, why: SafeText, hint: Option<SafeText>, retry: bool) {
        self.over = true;
        self.queue
            .push_back(FollowEvent::Ended { why, hint, retry });
    }

    async fn listen(&mut self) -> Result<(), FollowError> {
        if self.stream.is_none() {
            // One read is one record: dd asks with room for the longest.
            let command = ShellCommand::new("dd").arg("if=/dev/kmsg").arg("bs=16384");
            self.stream = Some(self.exec.pipe(&watched(command)).await?);
            self.silence.reset_after(FIRST);
        }
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let mut buffer = vec![0; 16 * 1024];
        let read = tokio::select! {
            biased;
            read = stream.read(&mut buffer) => read,
            _ = self.silence.tick(), if self.backlog.is_some() => {
                self.give_backlog();
                return Ok(());
            }
        };
        self.silence.reset();
        let count = read.unwrap_or_default();
        if count == 0 {
            // It was overtaken by the ring, or the connection is gone: either way it is begun anew.
            return Err(FollowError::new(
                FollowErrorKind::Lost,
                "reading the kernel's ring ended",
            ));
        }
        self.feed(buffer.get(..count).unwrap_or_default());
        Ok(())
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let partial = std::mem::take(&mut self.partial);
        let mut lines = partial.split(|byte| *byte == b'\n');
        self.partial = lines.next_back().unwrap_or_default().to_vec();
        for line in lines {
            if let Some(record) = read(line) {
                self.record(record);
            }
        }
    }

    fn record(&mut self, record: Record) {
        if let Some(backlog) = &mut self.backlog {
            if let StartAt::Before(Place::Kernel { sequence, .. }, _) = self.start.from
                && record.sequence > sequence
            {
                return;
            }
            if backlog
                .back()
                .is_none_or(|last| last.sequence < record.sequence)
            {
                backlog.push_back(record);
            }
            if let StartAt::Tail(most) | StartAt::Before(_, most) = self.start.from
                && backlog.len() > most as usize
            {
                backlog.pop_front();
            }
            return;
        }
        let mut batch = LineBatch::default();
        self.push(&record, &mut batch);
        self.give(batch);
    }

    fn give_backlog(&mut self) {
        let backlog = self.backlog.take().unwrap_or_default();
        let mut batch = LineBatch::default();
        for record in &backlog {
            self.push(record, &mut batch);
        }
        self.give(batch);
        if !self.start.follow || matches!(self.start.from, StartAt::Before(..)) {
            self.end("no more lines".into(), None, false);
        }
    }

    fn give(&mut self, batch: LineBatch) {
        if !batch.is_empty() {
            self.queue.push_back(FollowEvent::Lines(batch));
        }
    }

    fn push(&mut self, record: &Record, batch: &mut LineBatch) {
        if self.last.is_some_and(|last| record.sequence <= last) {
            return;
        }
        let stamp = Stamp(
            self.began
                .saturating_add(record.micros.saturating_mul(1000)),
        );
        if let Some(last) = self.last
            && record.sequence > last + 1
        {
            self.queue.push_back(FollowEvent::Missing {
                lines: Some(record.sequence - last - 1),
                why: "the kernel's ring turned over before they were read".into(),
            });
        }
        self.last = Some(record.sequence);
        let early = matches!(self.start.from, StartAt::Since(moment) if stamp < moment);
        let late = self.start.until.is_some_and(|until| stamp >= until);
        if early || late {
            return;
        }
        self.first.get_or_insert(record.sequence);
        for line in record.text.split(|byte| *byte == b'\n') {
            batch.push(line, stamp, StreamKind::Out, record.level);
        }
    }

    fn place(&self, sequence: u64) -> Place {
        Place::Kernel {
            boot: self.boot.clone(),
            sequence,
        }
    }
}

#[async_trait]
impl Follow for KmsgFollow {
    async fn next(&mut self) -> FollowEvent {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            if self.over {
                self.end("no more lines".into(), None, false);
            } else if let Err(error) = self.listen().await {
                let hint = error.hint.as_deref().map(SafeText::from);
                self.end(error.to_string().into(), hint, error.may_pass());
            }
        }
    }

    fn first(&self) -> Option<Place> {
        self.first.map(|first| self.place(first.saturating_sub(1)))
    }

    fn last(&self) -> Option<Place> {
        self.last.map(|last| self.place(last))
    }
}
