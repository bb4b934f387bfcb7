//! Lines of several sources in one order without a buffer to look back in: each is held for a while, so that the others can
//! catch up, and then given out by its moment. For a command line that prints and forgets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::follow::{LineBatch, LineHead, Stamp};

use super::picture::SourceNumber;

/// Holds lines back and gives them out in the order of their stamps.
#[derive(Debug)]
pub struct Merger {
    hold: i64,
    waiting: BinaryHeap<Reverse<Waiting>>,
    batches: BTreeMap<u64, Held>,
    next: u64,
}

/// A line in its place among those that wait: by its moment, then by when it came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    stamp: Stamp,
    number: u64,
    batch: u64,
    nth: usize,
}

#[derive(Debug)]
struct Held {
    source: SourceNumber,
    batch: LineBatch,
    arrived: Stamp,
    left: usize,
}

/// A line whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedLine {
    /// Whose it is.
    pub source: SourceNumber,
    /// Its bytes, foreign as they came.
    pub bytes: Vec<u8>,
    /// What is known of it; the stamp is on our clock.
    pub head: LineHead,
}

impl Merger {
    /// Holds each line for at most so many milliseconds.
    pub fn new(hold_ms: u32) -> Self {
        Self {
            hold: i64::from(hold_ms) * 1_000_000,
            waiting: BinaryHeap::new(),
            batches: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes in lines that came at this moment from a clock that is so many milliseconds ahead of ours.
    pub fn push(&mut self, source: SourceNumber, batch: LineBatch, skew_ms: i64, arrived: Stamp) {
        if batch.is_empty() {
            return;
        }
        let id = self.next;
        for (nth, line) in batch.iter().enumerate() {
            let stamp = line
                .head
                .stamp
                .0
                .saturating_sub(skew_ms.saturating_mul(1_000_000));
            self.waiting.push(Reverse(Waiting {
                stamp: Stamp(stamp),
                number: self.next,
                batch: id,
                nth,
            }));
            self.next += 1;
        }
        let held = Held {
            source,
            left: batch.len(),
            batch,
            arrived,
        };
        self.batches.insert(id, held);
    }

    /// The next line, if it was held long enough. A line that must wait holds back only those after it.
    pub fn pop(&mut self, now: Stamp) -> Option<MergedLine> {
        let Reverse(first) = self.waiting.peek()?;
        let arrived = self.batches.get(&first.batch)?.arrived;
        if arrived.0.saturating_add(self.hold) > now.0 {
            return None;
        }
        self.take()
    }

    /// The next line however long it was held: every source has come to its end.
    pub fn take(&mut self) -> Option<MergedLine> {
        let Reverse(first) = self.waiting.pop()?;
        let held = self.batches.get_mut(&first.batch)?;
        let line = held.batch.line(first.nth)?;
        let merged = MergedLine {
            source: held.source,
            bytes: line.bytes.to_vec(),
            head: LineHead {
                stamp: first.stamp,
                ..line.head
            },
        };
        held.left -= 1;
        if held.left == 0 {
            self.batches.remove(&first.batch);
        }
        Some(merged)
    }

    /// When [`Merger::pop`] next has a line, if none comes before; `None`: nothing waits.
    pub fn due(&self) -> Option<Stamp> {
        let Reverse(first) = self.waiting.peek()?;
        let arrived = self.batches.get(&first.batch)?.arrived;
        Some(Stamp(arrived.0.saturating_add(self.hold)))
    }
}
