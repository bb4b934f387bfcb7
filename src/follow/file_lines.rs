//! The bytes of a file to lines, each with its time, and the place in the file at every moment. Pure.

use super::line::{LineBatch, Stamp, StreamKind};
use super::source::Place;
use super::written_at::LineClock;
use crate::exec::LineStream;

/// Lines of one file. The place is always exact: what was given lies before it, what is still to come behind it.
#[derive(Debug, Clone)]
pub(super) struct FileLines {
    clock: LineClock,
    inode: u64,
    /// Where the line that is being read begins.
    begin: u64,
    /// What is known of it.
    partial: Vec<u8>,
    /// Bytes of it that are over the bound.
    dropped: u64,
    /// Bytes of it that were given already, as a line of their own.
    shown: u64,
    /// The time of the line before; of the file, before the first one.
    stamp: Stamp,
    /// Lines before this moment are not wanted.
    since: Option<Stamp>,
    /// Lines from this moment on are not wanted.
    until: Option<Stamp>,
    over: bool,
    batch: LineBatch,
}

impl FileLines {
    pub(super) fn new(clock: LineClock, since: Option<Stamp>, until: Option<Stamp>) -> Self {
        Self {
            clock,
            inode: 0,
            begin: 0,
            partial: Vec::new(),
            dropped: 0,
            shown: 0,
            stamp: clock.now,
            since,
            until,
            over: false,
            batch: LineBatch::default(),
        }
    }

    /// Goes on in this file at this byte; lines without a time are taken to be of `written`.
    pub(super) fn begin(&mut self, inode: u64, offset: u64, written: Option<Stamp>) {
        self.inode = inode;
        self.begin = offset;
        self.shown = 0;
        self.forget_partial();
        if let Some(written) = written {
            self.stamp = written;
        }
    }

    /// Lines without a time are of now.
    pub(super) fn arrive(&mut self, now: Stamp) {
        self.clock.now = now;
        self.stamp = now;
    }

    /// The inode and the first byte that was not given yet.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.inode, self.begin + self.shown)
    }

    /// Whether the moment has been reached from which on nothing is wanted.
    pub(super) fn over(&self) -> bool {
        self.over
    }

    /// The first byte that was not fed yet.
    pub(super) fn fed(&self) -> u64 {
        self.begin + self.partial.len() as u64 + self.dropped
    }

    /// Takes bytes as they lie in the file.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            if self.partial.is_empty() {
                let kept = line.len().min(LineStream::LONGEST_LINE);
                let (kept, over) = line.split_at(kept);
                self.line(kept, over.len() as u64);
            } else {
                self.keep(line);
                self.end_partial(1);
            }
        }
        self.keep(bytes);
    }

    /// The file has ended for good: its last line has no end.
    pub(super) fn finish(&mut self) {
        if self.fed() > self.begin + self.shown {
            self.end_partial(0);
        }
    }

    /// Takes a whole line, of which so many bytes were left out at its end.
    pub(super) fn line(&mut self, bytes: &[u8], dropped: u64) {
        let whole = bytes.len() as u64 + dropped;
        self.give(bytes, dropped);
        self.begin += whole + 1;
        self.shown = 0;
    }

    /// Gives what is there of a line that does not end, so that it is seen; the rest will be a line of its own.
    pub(super) fn peek(&mut self, bytes: &[u8]) {
        let before = self.shown;
        self.shown = 0;
        self.give(bytes, 0);
        self.shown = before + bytes.len() as u64;
    }

    /// The lines so far.
    pub(super) fn take(&mut self) -> LineBatch {
        std::mem::take(&mut self.batch)
    }

    /// Bytes of lines that wait to be taken, and how many lines.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.batch.bytes(), self.batch.len())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LineStream::LONGEST_LINE.saturating_sub(self.partial.len());
        let (kept, over) = bytes.split_at(bytes.len().min(room));
        self.partial.extend_from_slice(kept);
        self.dropped += over.len() as u64;
    }

    fn end_partial(&mut self, newline: u64) {
        let partial = std::mem::take(&mut self.partial);
        let dropped = std::mem::take(&mut self.dropped);
        self.give(&partial, dropped);
        self.begin += partial.len() as u64 + dropped + newline;
        self.shown = 0;
        self.partial = partial;
        self.partial.clear();
    }

    fn forget_partial(&mut self) {
        self.partial.clear();
        self.dropped = 0;
    }

    fn give(&mut self, bytes: &[u8], dropped: u64) {
        let shown = usize::try_from(self.shown).unwrap_or(usize::MAX);
        if shown > 0 && shown as u64 >= bytes.len() as u64 + dropped {
            // All of it was seen already; what came is its line end.
            return;
        }
        if let Some(stamp) = self.clock.read(bytes) {
            self.stamp = stamp;
        }
        if self.over || self.is_unwanted() {
            return;
        }
        let rest = bytes.get(shown..).unwrap_or_default();
        let rest = rest
            .strip_suffix(b"\r")
            .filter(|_| dropped == 0)
            .unwrap_or(rest);
        if dropped == 0 {
            self.batch.push(rest, self.stamp, StreamKind::Out, None);
        } else {
            let mut cut = rest.to_vec();
            cut.extend_from_slice(format!(" … {dropped} bytes more").as_bytes());
            self.batch.push(&cut, self.stamp, StreamKind::Out, None);
        }
    }

    fn is_unwanted(&mut self) -> bool {
        if self.until.is_some_and(|until| self.stamp >= until) {
            self.over = true;
            return true;
        }
        if self.since.is_some_and(|since| self.stamp < since) {
            return true;
        }
        // From the first wanted line on everything is: times of several writers are not in order.
        self.since = None;
        false
    }
}

/// A place of a file.
pub(super) fn place((inode, offset): (u64, u64)) -> Place {
    Place::File { inode, offset }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(batch: &LineBatch) -> Vec<String> {
        batch
            .iter()
            .map(|line| String::from_utf8_lossy(line.bytes).into_owned())
            .collect()
    }

    fn fresh() -> FileLines {
        let mut lines = FileLines::new(LineClock::default(), None, None);
        lines.begin(7, 100, None);
        lines
    }

    #[test]
    fn the_place_is_between_the_lines() {
        let mut lines = fresh();
        lines.feed(b"one\r\ntw");
        assert_eq!((lines.place(), lines.fed()), ((7, 105), 107));
        lines.feed(b"o\n\nthree");
        assert_eq!((lines.place(), lines.fed()), ((7, 110), 115));
        lines.finish();
        assert_eq!(lines.place(), (7, 115));
        assert_eq!(texts(&lines.take()), ["one", "two", "", "three"]);
        lines.finish();
        assert!(lines.take().is_empty());
    }

    #[test]
    fn a_line_that_is_seen_before_its_end_is_not_doubled() {
        let mut lines = fresh();
        lines.peek(b"half");
        assert_eq!(lines.place(), (7, 104));
        lines.peek(b" a");
        assert_eq!(lines.place(), (7, 106));
        lines.line(b"half a line", 0);
        assert_eq!(lines.place(), (7, 112));
        lines.peek(b"whole");
        lines.line(b"whole", 0);
        assert_eq!(lines.place(), (7, 118));
        assert_eq!(texts(&lines.take()), ["half", " a", " line", "whole"]);
    }

    #[test]
    fn a_huge_line_is_cut_and_its_rest_counted() {
        let mut lines = fresh();
        let junk = vec![b'x'; 10 * 1024 * 1024];
        lines.feed(&junk);
        assert!(lines.partial.len() <= LineStream::LONGEST_LINE);
        lines.feed(b"\nnext\n");
        let batch = lines.take();
        let all: Vec<_> = batch.iter().map(|line| line.bytes.to_vec()).collect();
        let over = junk.len() - LineStream::LONGEST_LINE;
        assert!(all[0].ends_with(format!("x … {over} bytes more").as_bytes()));
        assert_eq!(all[1], b"next");
        assert_eq!(lines.place(), (7, 100 + junk.len() as u64 + 6));
    }

    #[test]
    fn a_line_without_a_time_is_of_the_time_before() {
        let mut lines = FileLines::new(LineClock::default(), None, Some(Stamp(5_000_000_000)));
        lines.begin(7, 0, Some(Stamp(9)));
        lines.feed(b"first\n1970-01-01 00:00:02 x\n  at y\n1970-01-01 00:00:05 z\n  at w\n");
        let stamps: Vec<i64> = lines.take().iter().map(|l| l.head.stamp.0).collect();
        assert_eq!(stamps, [9, 2_000_000_000, 2_000_000_000]);
        assert!(lines.over());
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300), cut in 0usize..300) {
            let cut = cut.min(text.len());
            let mut whole = fresh();
            whole.feed(&text);
            let mut parts = fresh();
            parts.feed(&text[..cut]);
            parts.feed(&text[cut..]);
            prop_assert_eq!(whole.place(), parts.place());
            prop_assert_eq!(whole.fed(), parts.fed());
            prop_assert_eq!(whole.take(), parts.take());
        }

        #[test]
        fn going_on_at_a_place_loses_and_doubles_nothing(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300), cut in 0usize..300) {
            let cut = cut.min(text.len());
            let mut whole = fresh();
            whole.feed(&text);
            whole.finish();
            let mut first = fresh();
            first.feed(&text[..cut]);
            let (inode, offset) = first.place();
            let mut second = fresh();
            second.begin(inode, offset, None);
            second.feed(&text[usize::try_from(offset - 100).unwrap()..]);
            second.finish();
            let mut all = texts(&first.take());
            all.extend(texts(&second.take()));
            prop_assert_eq!(texts(&whole.take()), all);
        }
    }
}
