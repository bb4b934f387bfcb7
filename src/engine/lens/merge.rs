//! Lines of several sources in the order of their stamps (pure). A source's own order is kept, also where its stamps go back.

use std::collections::VecDeque;

use crate::domain::Age;
use crate::follow::{LineBatch, Stamp};
use crate::logs::SourceNumber;
use crate::text::SafeText;

/// A source that has so many bytes waiting is not read further until they are gone.
const WAITING: usize = 1024 * 1024;

/// Most lines that are given at once.
const RUN: usize = 4096;

/// How a source that has nothing waiting holds up the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// What it gives next may be older than what the others have.
    Unclear,
    /// What it gives next is new.
    Newest,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Lines, stamped by our clock.
    Lines(LineBatch),
    /// Nothing was read for so long.
    Gap(Age),
    /// Lines are missing.
    Missing(Option<u64>, SafeText),
    /// Something that belongs between the lines.
    Note(SafeText),
}

/// Lines of several sources on their way into one order.
#[derive(Debug, Default)]
pub(super) struct Merge {
    queues: Vec<Queue>,
}

#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Piece>,
    /// Lines of the first piece that are gone.
    gone: usize,
    bytes: usize,
    silence: Silence,
    /// The greatest stamp so far: the key of what carries none, and of lines that go back.
    key: Stamp,
    /// Nanoseconds that its clock is ahead.
    ahead: i64,
}

impl Merge {
    /// So many sources, none of which has given anything.
    pub(super) fn new(sources: usize) -> Self {
        let queue = || Queue {
            waiting: VecDeque::new(),
            gone: 0,
            bytes: 0,
            silence: Silence::Unclear,
            key: Stamp(i64::MIN),
            ahead: 0,
        };
        Self {
            queues: std::iter::repeat_with(queue).take(sources).collect(),
        }
    }

    /// Whether a source may be read further.
    pub(super) fn wants(&self, source: SourceNumber) -> bool {
        self.queue(source)
            .is_some_and(|queue| queue.bytes < WAITING)
    }

    /// Whether anything waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.waiting.is_empty())
    }

    /// Adds what a source gave.
    pub(super) fn push(&mut self, source: SourceNumber, piece: Piece) {
        if let Some(queue) = self.queues.get_mut(usize::from(source.0)) {
            if let Piece::Lines(lines) = &piece {
                queue.bytes += lines.bytes();
            }
            queue.waiting.push_back(piece);
        }
    }

    /// Sets how far a source's clock is ahead, in milliseconds.
    pub(super) fn offset(&mut self, source: SourceNumber, milliseconds: i64) {
        if let Some(queue) = self.queues.get_mut(usize::from(source.0)) {
            queue.ahead = milliseconds.saturating_mul(1_000_000);
        }
    }

    /// Says what a source's silence means from now on.
    pub(super) fn silent(&mut self, source: SourceNumber, silence: Silence) {
        if let Some(queue) = self.queues.get_mut(usize::from(source.0)) {
            queue.silence = silence;
        }
    }

    /// What comes next; `None`: nothing, or a source has to speak first.
    pub(super) fn next(&mut self) -> Option<(SourceNumber, Piece)> {
        let held = |queue: &Queue| queue.waiting.is_empty() && queue.silence == Silence::Unclear;
        if self.queues.iter().any(held) {
            return None;
        }
        let heads = || {
            let queues = self.queues.iter().enumerate();
            queues.filter_map(|(index, queue)| Some((queue.head()?, index)))
        };
        let (_, first) = heads().min()?;
        let bound = heads().filter(|(_, index)| *index != first).min();
        // Of two lines with one stamp the one of the source that stands first comes first.
        let goes = |key: Stamp| bound.is_none_or(|bound| (key, first) < bound);
        let piece = self.queues.get_mut(first)?.take(goes)?;
        Some((
            SourceNumber(u16::try_from(first).unwrap_or(u16::MAX)),
            piece,
        ))
    }

    fn queue(&self, source: SourceNumber) -> Option<&Queue> {
        self.queues.get(usize::from(source.0))
    }
}

impl Queue {
    fn key_of(&self, stamp: Stamp) -> Stamp {
        self.key.max(Stamp(stamp.0.saturating_sub(self.ahead)))
    }

    /// The key of what comes next of it.
    fn head(&self) -> Option<Stamp> {
        Some(match self.waiting.front()? {
            Piece::Lines(lines) => self.key_of(lines.line(self.gone)?.head.stamp),
            Piece::Gap(_) | Piece::Missing(..) | Piece::Note(_) => self.key,
        })
    }

    /// Takes what comes next, of lines so many as go before the other sources.
    fn take(&mut self, goes: impl Fn(Stamp) -> bool) -> Option<Piece> {
        let Some(Piece::Lines(_)) = self.waiting.front() else {
            return self.waiting.pop_front();
        };
        let Some(Piece::Lines(lines)) = self.waiting.pop_front() else {
            return None;
        };
        let mut run = LineBatch::default();
        for line in (self.gone..).map_while(|index| lines.line(index)).take(RUN) {
            let key = self.key_of(line.head.stamp);
            if !run.is_empty() && !goes(key) {
                break;
            }
            self.key = key;
            let stamp = Stamp(line.head.stamp.0.saturating_sub(self.ahead));
            run.push(line.bytes, stamp, line.head.stream, line.head.level);
        }
        self.gone += run.len();
        if self.gone < lines.len() {
            self.waiting.push_front(Piece::Lines(lines));
        } else {
            self.gone = 0;
            self.bytes = self.bytes.saturating_sub(lines.bytes());
        }
        Some(Piece::Lines(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::StreamKind;

    const A: SourceNumber = SourceNumber(0);
    const B: SourceNumber = SourceNumber(1);

    fn lines(stamps: &[i64]) -> Piece {
        let mut batch = LineBatch::default();
        for stamp in stamps {
            let text = stamp.to_string();
            batch.push(text.as_bytes(), Stamp(*stamp), StreamKind::Out, None);
        }
        Piece::Lines(batch)
    }

    fn drain(merge: &mut Merge) -> Vec<(u16, String)> {
        let mut all = Vec::new();
        while let Some((source, piece)) = merge.next() {
            match piece {
                Piece::Lines(lines) => all.extend(lines.iter().map(|line| {
                    let text = String::from_utf8(line.bytes.to_vec()).unwrap();
                    (source.0, text)
                })),
                other => all.push((source.0, format!("{other:?}"))),
            }
        }
        all
    }

    fn words(all: &[(u16, String)]) -> String {
        let words: Vec<String> = all.iter().map(|(s, text)| format!("{s}:{text}")).collect();
        words.join(" ")
    }

    #[test]
    fn lines_come_in_the_order_of_their_stamps_and_nobody_overtakes_the_silent() {
        let mut merge = Merge::new(2);
        merge.push(A, lines(&[1, 3, 5, 5]));
        assert_eq!(drain(&mut merge), []);
        merge.push(B, lines(&[2, 5, 6]));
        assert_eq!(words(&drain(&mut merge)), "0:1 1:2 0:3 0:5 0:5");
        merge.silent(A, Silence::Newest);
        assert_eq!(words(&drain(&mut merge)), "1:5 1:6");
        assert!(merge.is_empty());
    }

    #[test]
    fn a_source_s_own_order_and_its_remarks_stay_and_its_clock_error_is_taken_out() {
        let mut merge = Merge::new(2);
        merge.offset(B, 1);
        merge.push(A, lines(&[10, 4, 30]));
        merge.push(A, Piece::Gap(Age(1)));
        merge.push(B, lines(&[1_000_011, 1_000_040]));
        merge.silent(A, Silence::Newest);
        merge.silent(B, Silence::Newest);
        let all = words(&drain(&mut merge));
        assert_eq!(all, "0:10 0:4 1:1000011 0:30 0:Gap(Age(1)) 1:1000040");
    }

    #[test]
    fn a_source_is_not_read_further_than_is_needed() {
        let mut merge = Merge::new(2);
        let mut batch = LineBatch::default();
        batch.push(&vec![b'x'; WAITING], Stamp(1), StreamKind::Out, None);
        merge.push(A, Piece::Lines(batch));
        assert!(!merge.wants(A) && merge.wants(B));
        merge.silent(B, Silence::Newest);
        merge.next().unwrap();
        assert!(merge.wants(A));
    }
}
