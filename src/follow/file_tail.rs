//! One running `tail.sh`: lines of one file as they are written, and word when it is not the file of its name any more.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::{FollowError, FollowErrorKind};
use super::file_host::{FileHost, MOVED};
use super::file_lines::FileLines;
use super::line::{LineBatch, Stamp};
use crate::exec::{Exit, Fd, LineStream, StreamEvent};
use crate::text::SafeText;

/// Time between two questions whether the file is still the one.
const BEAT: Duration = Duration::from_millis(700);

/// A line that has grown no longer for so many beats is shown as it is.
const STUCK: u8 = 2;

/// Most lines in one batch.
const MOST_LINES: usize = 8192;

/// A running tail. Dropping it ends it on the host.
pub(super) struct Tail {
    stream: LineStream,
    nonce: String,
    beat: Interval,
    /// What is to be written to it.
    say: Option<&'static [u8]>,
    ending: Ending,
    /// Where tail stood when it was last asked, and for how many beats it has not moved.
    stood: (u64, u8),
    answered: bool,
    said: SafeText,
}

enum Ending {
    No,
    /// It has ended for this reason; the rest of its output is on the way. The last line of that is not whole.
    Yes {
        truncated: bool,
        read: u64,
        held: Option<(Bytes, u64)>,
    },
}

/// What a tail brought.
pub(super) enum TailNews {
    /// Lines may have come.
    Lines,
    /// A line was begun long ago and reaches at least to here.
    Stuck(u64),
    /// It has ended.
    Ended(TailEnd),
}

/// Why a tail ended.
pub(super) enum TailEnd {
    /// Another file has the name, or none.
    Moved,
    /// Lines came faster than they were taken: go on where we are.
    Behind,
    /// It was truncated, and has been read to here since.
    Truncated(u64),
}

impl Tail {
    pub(super) async fn start(
        host: &FileHost,
        inode: u64,
        offset: u64,
    ) -> Result<Self, FollowError> {
        let nonce = format!("pilothouse-{:016x}", fastrand::u64(..));
        let stream = host.tail(inode, offset, &nonce).await?;
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            stream,
            nonce,
            beat,
            say: None,
            ending: Ending::No,
            stood: (offset, 0),
            answered: false,
            said: SafeText::default(),
        })
    }

    /// Waits for something and takes all there is. Cancel-safe.
    pub(super) async fn next(
        &mut self,
        lines: &mut FileLines,
        now: impl Fn() -> Stamp,
    ) -> Result<TailNews, FollowError> {
        loop {
            if let Some(word) = self.say {
                // A script that has gone says so by its end.
                if self.stream.send(Bytes::from_static(word)).await.is_err() {
                    tracing::trace!("a tail ended before it was asked");
                }
                self.say = None;
            }
            let mut event = tokio::select! {
                biased;
                event = self.stream.next() => Some(event),
                _ = self.beat.tick() => None,
            };
            if event.is_none() && matches!(self.ending, Ending::No) {
                self.say = Some(b"beat\n");
            }
            lines.arrive(now());
            while let Some(happened) = event {
                if let Some(news) = self.take(happened, lines)? {
                    return Ok(news);
                }
                let (bytes, count) = lines.waiting();
                event = if bytes < LineBatch::MOST / 2 && count < MOST_LINES {
                    // The runtime's own budget would end a batch at a hundred lines.
                    tokio::task::unconstrained(self.stream.next()).now_or_never()
                } else {
                    None
                };
            }
            if lines.waiting().1 > 0 || lines.over() {
                return Ok(TailNews::Lines);
            }
        }
    }

    /// Whether it has said a word: then it runs.
    pub(super) fn answered(&self) -> bool {
        self.answered
    }

    fn take(
        &mut self,
        event: Option<StreamEvent>,
        lines: &mut FileLines,
    ) -> Result<Option<TailNews>, FollowError> {
        match event {
            Some(StreamEvent::Line {
                fd: Fd::Out,
                bytes,
                dropped,
            }) => Ok(self.line(bytes, dropped, lines)),
            Some(StreamEvent::Line {
                fd: Fd::Err, bytes, ..
            }) => Ok(self.word(&bytes, lines)),
            Some(StreamEvent::Gap { .. }) => Ok(Some(TailNews::Ended(TailEnd::Behind))),
            Some(StreamEvent::Exit(exit)) if MOVED.contains(&exit) => {
                Ok(Some(TailNews::Ended(TailEnd::Moved)))
            }
            Some(StreamEvent::Exit(Exit::Unknown)) | None => Err(FollowError::new(
                FollowErrorKind::Lost,
                "the connection was lost",
            )),
            Some(StreamEvent::Exit(exit)) => Err(self.ended(&exit)),
        }
    }

    fn line(&mut self, bytes: Bytes, dropped: u64, lines: &mut FileLines) -> Option<TailNews> {
        let Ending::Yes {
            truncated,
            read,
            held,
        } = &mut self.ending
        else {
            lines.line(&bytes, dropped);
            return None;
        };
        if bytes == self.nonce {
            // What is held had no end yet: it is read again with its rest.
            let part = held
                .as_ref()
                .map_or(0, |(bytes, over)| bytes.len() as u64 + over);
            return Some(TailNews::Ended(if *truncated {
                TailEnd::Truncated(read.saturating_sub(part))
            } else {
                TailEnd::Moved
            }));
        }
        if let Some((before, over)) = held.replace((bytes, dropped)) {
            lines.line(&before, over);
        }
        None
    }

    /// What the script says of itself: NONCE WORD POSITION.
    fn word(&mut self, bytes: &[u8], lines: &FileLines) -> Option<TailNews> {
        let text = String::from_utf8_lossy(bytes);
        let told = text
            .strip_prefix(&self.nonce)
            .and_then(|rest| rest.trim().split_once(' '));
        let Some((word, Ok(read))) = told.map(|(word, read)| (word, read.parse::<u64>())) else {
            self.said = SafeText::new(&text);
            return None;
        };
        match word {
            "at" | "away" => self.at(read, lines),
            _ => {
                self.say = Some(b"thanks\n");
                self.ending = Ending::Yes {
                    truncated: word == "truncated",
                    read,
                    held: None,
                };
                None
            }
        }
    }

    fn at(&mut self, read: u64, lines: &FileLines) -> Option<TailNews> {
        self.answered = true;
        let (_, given) = lines.place();
        if read < given {
            // It was truncated and has grown beyond where tail stood, all between two beats.
            self.say = Some(b"truncated\n");
            return None;
        }
        let (stood, beats) = self.stood;
        self.stood = if read == stood {
            (read, beats.saturating_add(1))
        } else {
            (read, 0)
        };
        let stuck = read > given && self.stood.1 >= STUCK && lines.waiting().1 == 0;
        stuck.then_some(TailNews::Stuck(read))
    }

    fn ended(&self, exit: &Exit) -> FollowError {
        let said = if self.said.is_empty() {
            format!("{exit:?}").to_lowercase()
        } else {
            self.said.to_string()
        };
        FollowError::new(
            FollowErrorKind::Lost,
            format!("following the file ended: {said}"),
        )
    }
}
