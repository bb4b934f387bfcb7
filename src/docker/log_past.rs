//! The lines of a container's log before a place. An engine counts lines from the end of the log only, so they are searched
//! for in ever longer stretches of time before it.

use std::collections::VecDeque;

use async_trait::async_trait;

use super::client::Docker;
use super::error::DockerError;
use super::log_body::LogBody;
use super::log_frames::{Frames, Lines};
use super::log_window::{REACH, hash};
use super::logs::seconds;
use crate::follow::{Follow, FollowEvent, LineBatch, Place, Stamp, StreamKind};

/// The first stretch, in nanoseconds, and by how much the next one is longer.
const STRETCH: i64 = 1_000_000_000;
const LONGER: i64 = 16;

/// Lines that were fetched, and then the end.
pub(super) struct Past {
    batches: VecDeque<LineBatch>,
    first: Option<Place>,
    last: Option<Place>,
}

/// The last lines before one that is known by its time and hash.
struct Before {
    stamp: Stamp,
    mark: Option<(Stamp, u64)>,
    most: usize,
    found: bool,
    lines: VecDeque<(Vec<u8>, Stamp, StreamKind)>,
}

impl Lines for Before {
    fn line(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind) {
        let here = self.mark == Some((stamp, hash(bytes, stream)));
        self.found |= here;
        // Without its line in the log the time alone says where the place is.
        let behind = self.mark.is_none() && stamp >= self.stamp;
        if self.found || behind || self.most == 0 {
            return;
        }
        let mut kept = Vec::new();
        if self.lines.len() == self.most {
            kept = self
                .lines
                .pop_front()
                .map(|line| line.0)
                .unwrap_or_default();
            kept.clear();
        }
        kept.extend_from_slice(bytes);
        self.lines.push_back((kept, stamp, stream));
    }
}

/// Fetches the last lines before a place.
pub(super) async fn before(
    docker: &Docker,
    id: &str,
    tty: bool,
    place: (Stamp, Option<(Stamp, u64)>),
    count: u32,
) -> Result<Past, DockerError> {
    let (stamp, mark) = place;
    let mut stretch = STRETCH;
    loop {
        let from = Stamp(stamp.0.saturating_sub(stretch).max(0));
        let mut lines = Before {
            stamp,
            mark,
            most: count as usize,
            found: false,
            lines: VecDeque::new(),
        };
        fetch(docker, id, tty, (from, stamp), &mut lines).await?;
        if mark.is_some() && !lines.found {
            // The place itself has left the log: only the time is left to go by.
            lines.lines.retain(|line| line.1 < stamp);
        }
        if lines.lines.len() == lines.most || from == Stamp(0) {
            return Ok(Past::of(lines));
        }
        stretch = stretch.saturating_mul(LONGER);
    }
}

async fn fetch(
    docker: &Docker,
    id: &str,
    tty: bool,
    (from, to): (Stamp, Stamp),
    lines: &mut Before,
) -> Result<(), DockerError> {
    // Streams are not in the order of their times.
    let to = Stamp(to.0.saturating_add(REACH));
    let query = format!(
        "stdout=1&stderr=1&timestamps=1&follow=0&since={}&until={}",
        seconds(from),
        seconds(to)
    );
    let mut body = LogBody::open(docker, id, &query).await?;
    let mut frames = Frames::new(tty);
    loop {
        let bytes = body.next().await?;
        if bytes.is_empty() {
            frames.finish(lines);
            return Ok(());
        }
        frames.feed(bytes, lines);
        if lines.found {
            return Ok(());
        }
    }
}

impl Past {
    fn of(lines: Before) -> Self {
        let place = |line: &(Vec<u8>, Stamp, StreamKind)| {
            let mark = (line.1, hash(&line.0, line.2));
            Place::Container {
                stamp: line.1,
                seen: [mark].into(),
            }
        };
        let first = lines.lines.front().map(place);
        let last = lines.lines.back().map(place);
        let mut batches = VecDeque::new();
        let mut batch = LineBatch::default();
        for (bytes, stamp, stream) in lines.lines {
            batch.push(&bytes, stamp, stream, None);
            if batch.bytes() > LineBatch::MOST / 2 {
                batches.push_back(std::mem::take(&mut batch));
            }
        }
        if !batch.is_empty() {
            batches.push_back(batch);
        }
        Self {
            batches,
            first,
            last,
        }
    }
}

#[async_trait]
impl Follow for Past {
    async fn next(&mut self) -> FollowEvent {
        match self.batches.pop_front() {
            Some(batch) => FollowEvent::Lines(batch),
            None => FollowEvent::Ended {
                why: "no more lines".into(),
                hint: None,
                retry: false,
            },
        }
    }

    fn first(&self) -> Option<Place> {
        self.first.clone()
    }

    fn last(&self) -> Option<Place> {
        self.last.clone()
    }
}
