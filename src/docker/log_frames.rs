//! The bytes of a container's log to lines: frames of two streams (or none, with a terminal), a time before each entry,
//! long lines in parts. Pure, and quick: nothing is copied or allocated for a line that lies whole in one chunk.

use crate::exec::LineStream;
use crate::follow::{Stamp, StreamKind};

/// Frame head: stream, three zeroes, length (Docker Engine API, "Attach to a container", stream format).
const HEAD: usize = 8;

/// Most bytes kept of one entry; an engine cuts at 16 KiB.
const LONGEST_ENTRY: usize = 1024 * 1024;

/// An engine hands on longer lines in parts of this size.
const PART: usize = 16 * 1024;

/// Takes what a log is cut into.
pub trait Lines {
    /// Takes a line: its bytes, its time, its stream.
    fn line(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind);
}

/// Cuts the log of one container into lines, wherever the chunks break.
#[derive(Debug, Default)]
pub struct Frames {
    tty: bool,
    head: [u8; HEAD],
    have: usize,
    /// Bytes of the present frame that are still to come.
    left: usize,
    stream: StreamKind,
    /// What is known of a frame that did not come in one piece.
    entry: Vec<u8>,
    out: Pending,
    err: Pending,
    clock: EntryClock,
}

/// A line that came in parts.
#[derive(Debug, Default)]
struct Pending {
    line: Vec<u8>,
    stamp: Stamp,
    dropped: u64,
}

impl Frames {
    /// A container with a terminal has no frames.
    pub fn new(tty: bool) -> Self {
        Self {
            tty,
            ..Self::default()
        }
    }

    /// Takes a chunk and hands out every line that it completes.
    pub fn feed(&mut self, chunk: &[u8], lines: &mut impl Lines) {
        if self.tty {
            self.feed_raw(chunk, lines);
        } else {
            self.feed_frames(chunk, lines);
        }
    }

    /// The log has ended: a line without an end is one all the same.
    pub fn finish(&mut self, lines: &mut impl Lines) {
        if self.tty {
            self.end_raw(lines);
        }
        for (pending, stream) in [
            (&mut self.out, StreamKind::Out),
            (&mut self.err, StreamKind::Err),
        ] {
            pending.end(stream, lines);
        }
        self.have = 0;
        self.left = 0;
        self.entry.clear();
    }

    fn feed_frames(&mut self, mut chunk: &[u8], lines: &mut impl Lines) {
        while !chunk.is_empty() {
            if self.left == 0 && self.have < HEAD {
                chunk = self.read_head(chunk);
                continue;
            }
            let (part, rest) = chunk.split_at(self.left.min(chunk.len()));
            chunk = rest;
            self.left -= part.len();
            if self.left == 0 && self.entry.is_empty() {
                self.entry(part, lines);
            } else {
                let room = LONGEST_ENTRY.saturating_sub(self.entry.len());
                self.entry
                    .extend_from_slice(part.get(..room).unwrap_or(part));
                if self.left > 0 {
                    continue;
                }
                let entry = std::mem::take(&mut self.entry);
                self.entry(&entry, lines);
                self.entry = entry;
                self.entry.clear();
            }
            self.have = 0;
        }
    }

    fn read_head<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let (part, rest) = chunk.split_at((HEAD - self.have).min(chunk.len()));
        for (to, from) in self.head.iter_mut().skip(self.have).zip(part) {
            *to = *from;
        }
        self.have += part.len();
        if self.have == HEAD {
            let [stream, _, _, _, length @ ..] = self.head;
            self.stream = if stream == 2 {
                StreamKind::Err
            } else {
                StreamKind::Out
            };
            self.left = u32::from_be_bytes(length) as usize;
            if self.left == 0 {
                self.have = 0;
            }
        }
        rest
    }

    /// A whole entry: its time, then a line or a part of one.
    fn entry(&mut self, entry: &[u8], lines: &mut impl Lines) {
        let (stamp, text) = self.clock.split(entry);
        let pending = match self.stream {
            StreamKind::Out => &mut self.out,
            StreamKind::Err => &mut self.err,
        };
        let Some(line) = text.strip_suffix(b"\n") else {
            pending.keep(text, stamp);
            return;
        };
        if !pending.is_empty() {
            pending.keep(line, stamp);
            pending.end(self.stream, lines);
        } else if memchr::memchr(b'\n', line).is_none() && line.len() <= LineStream::LONGEST_LINE {
            lines.line(trimmed(line), stamp, self.stream);
        } else {
            for line in line.split(|byte| *byte == b'\n') {
                pending.keep(line, stamp);
                pending.end(self.stream, lines);
            }
        }
    }

    fn feed_raw(&mut self, mut chunk: &[u8], lines: &mut impl Lines) {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (part, rest) = chunk.split_at(end);
            chunk = rest.get(1..).unwrap_or_default();
            if self.entry.is_empty() {
                self.raw_line(part, lines);
            } else {
                self.keep_raw(part);
                self.end_raw(lines);
            }
        }
        self.keep_raw(chunk);
    }

    fn keep_raw(&mut self, part: &[u8]) {
        let room = LONGEST_ENTRY.saturating_sub(self.entry.len());
        self.entry
            .extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn end_raw(&mut self, lines: &mut impl Lines) {
        if self.entry.is_empty() {
            return;
        }
        let entry = std::mem::take(&mut self.entry);
        self.raw_line(&entry, lines);
        self.entry = entry;
        self.entry.clear();
    }

    /// A line of a terminal's log: parts of a long one each have their time before them.
    fn raw_line(&mut self, line: &[u8], lines: &mut impl Lines) {
        let (stamp, mut text) = self.clock.split(line);
        if text.len() <= PART {
            lines.line(trimmed(text), stamp, StreamKind::Out);
            return;
        }
        while let Some((part, rest)) = text.split_at_checked(PART) {
            self.out.keep(part, stamp);
            let (again, after) = self.clock.split(rest);
            text = if again >= stamp { after } else { rest };
        }
        self.out.keep(text, stamp);
        self.out.end(StreamKind::Out, lines);
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.line.is_empty() && self.dropped == 0 && self.stamp == Stamp::default()
    }

    fn keep(&mut self, part: &[u8], stamp: Stamp) {
        if self.is_empty() {
            self.stamp = stamp;
        }
        let room = LineStream::LONGEST_LINE.saturating_sub(self.line.len());
        let (kept, over) = part.split_at(part.len().min(room));
        self.line.extend_from_slice(kept);
        self.dropped += over.len() as u64;
    }

    fn end(&mut self, stream: StreamKind, lines: &mut impl Lines) {
        if self.is_empty() {
            return;
        }
        if self.dropped > 0 {
            let words = format!(" … {} bytes more", self.dropped);
            self.line.extend_from_slice(words.as_bytes());
        }
        lines.line(trimmed(&self.line), self.stamp, stream);
        self.line.clear();
        self.dropped = 0;
        self.stamp = Stamp::default();
    }
}

/// Reads the times of entries: `2026-11-21T14:05:06.123456789Z `. The minute is remembered, the rest is digits.
#[derive(Debug, Default)]
struct EntryClock {
    minute: [u8; 17],
    begins: i64,
    last: Stamp,
}

const SECOND: i64 = 1_000_000_000;

impl EntryClock {
    /// The time of an entry and what comes behind it. An entry without a time is of the time before.
    fn split<'a>(&mut self, entry: &'a [u8]) -> (Stamp, &'a [u8]) {
        if let Some((head, text)) = entry.split_first_chunk::<31>()
            && let Some(stamp) = self.fixed(head)
        {
            self.last = stamp;
            return (stamp, text);
        }
        match self.general(entry) {
            Some((stamp, text)) => {
                self.last = stamp;
                (stamp, text)
            }
            None => (self.last, entry),
        }
    }

    fn fixed(&self, head: &[u8; 31]) -> Option<Stamp> {
        let (minute, rest) = head.split_first_chunk::<17>()?;
        let [s1, s0, b'.', nanos @ .., b'Z', b' '] = rest else {
            return None;
        };
        (*minute == self.minute).then_some(())?;
        let seconds = i64::from(digit(*s1)?) * 10 + i64::from(digit(*s0)?);
        let mut value = 0;
        for byte in nanos {
            value = value * 10 + i64::from(digit(*byte)?);
        }
        // The last minute of all ends before its last second.
        self.begins.checked_add(seconds * SECOND + value).map(Stamp)
    }

    /// Any time that RFC 3339 knows; some engines write a zone, or fewer digits.
    fn general<'a>(&mut self, entry: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        entry.first().filter(|byte| byte.is_ascii_digit())?;
        let end = memchr::memchr(b' ', entry.get(..40).unwrap_or(entry))?;
        let (written, rest) = entry.split_at(end);
        let written = std::str::from_utf8(written).ok()?;
        let moment: jiff::Timestamp = written.parse().ok()?;
        let nanos = i64::try_from(moment.as_nanosecond()).ok()?;
        if let Some((minute, rest)) = written.as_bytes().split_first_chunk::<17>()
            && written.ends_with('Z')
            && rest.len() == 13
            // The first minute of all began before it can be told.
            && let Some(begins) = nanos.checked_sub(nanos.rem_euclid(60 * SECOND))
        {
            self.minute = *minute;
            self.begins = begins;
        }
        Some((Stamp(nanos), rest.get(1..)?))
    }
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Heard(Vec<(String, i64, StreamKind)>);

    impl Lines for Heard {
        fn line(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.0.push((text, stamp.0, stream));
        }
    }

    fn frame(stream: u8, entry: &[u8]) -> Vec<u8> {
        let length = u32::try_from(entry.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], entry].concat()
    }

    fn hear(tty: bool, chunks: &[&[u8]]) -> Heard {
        let mut heard = Heard::default();
        let mut frames = Frames::new(tty);
        for chunk in chunks {
            frames.feed(chunk, &mut heard);
        }
        frames.finish(&mut heard);
        heard
    }

    #[test]
    fn moments_at_the_ends_of_time_are_borne() {
        let mut log = Vec::new();
        for time in [
            "1677-09-21T00:12:43.145224193Z",
            "1677-09-21T00:12:59.000000000Z",
            "2262-04-11T23:47:00.000000000Z",
            "2262-04-11T23:47:59.999999999Z",
            "2262-04-11T23:47:99.999999999Z",
            "9999-12-31T23:59:59.999999999Z",
            "0000-00-00T00:00:00.000000000Z",
        ] {
            log.extend(frame(1, format!("{time} x\n").as_bytes()));
        }
        let heard = hear(false, &[&log]);
        assert_eq!(heard.0.len(), 7);
        assert_eq!(heard.0[2].1, i64::MAX - 16_854_775_807, "{heard:?}");
    }

    fn log() -> Vec<u8> {
        [
            frame(1, b"1970-01-01T00:00:01.000000002Z one\n"),
            frame(2, b"1970-01-01T00:00:01.000000003Z two\r\n"),
            frame(1, b"1970-01-01T00:01:01.000000004Z par"),
            frame(2, b"1970-01-01T00:01:02.5Z \n"),
            frame(1, b""),
            frame(1, b"1970-01-01T01:01:03.25+01:00 ts\n"),
            frame(1, b"no time\n"),
            frame(1, b"1970-01-01T00:01:04.000000000Z a\nb\n"),
            frame(1, b"1970-01-01T00:01:05.000000000Z no end"),
        ]
        .concat()
    }

    #[test]
    fn every_border_gives_the_same_lines() {
        let log = log();
        let whole = hear(false, &[&log]);
        let s = 1_000_000_000;
        let row = |text: &str, stamp, stream| (text.to_owned(), stamp, stream);
        assert_eq!(
            whole.0,
            [
                row("one", s + 2, StreamKind::Out),
                row("two", s + 3, StreamKind::Err),
                row("", 62 * s + s / 2, StreamKind::Err),
                row("parts", 61 * s + 4, StreamKind::Out),
                row("no time", 63 * s + s / 4, StreamKind::Out),
                row("a", 64 * s, StreamKind::Out),
                row("b", 64 * s, StreamKind::Out),
                row("no end", 65 * s, StreamKind::Out),
            ]
        );
        for cut in 0..log.len() {
            assert_eq!(whole, hear(false, &[&log[..cut], &log[cut..]]), "{cut}");
        }
        let bytes: Vec<&[u8]> = log.chunks(1).collect();
        assert_eq!(whole, hear(false, &bytes));
    }

    #[test]
    fn a_terminal_has_no_frames() {
        let long = "x".repeat(PART);
        let log = format!(
            "1970-01-01T00:00:01.000000001Z one\r\n1970-01-01T00:00:02.000000000Z {long}1970-01-01T00:00:02.000000000Z rest\r\n\
             1970-01-01T00:00:03.000000000Z end"
        );
        let whole = hear(true, &[log.as_bytes()]);
        let texts: Vec<&str> = whole.0.iter().map(|line| line.0.as_str()).collect();
        assert_eq!(texts, ["one", &format!("{long}rest"), "end"]);
        for cut in (0..log.len()).step_by(7) {
            let (a, b) = log.as_bytes().split_at(cut);
            assert_eq!(whole, hear(true, &[a, b]), "{cut}");
        }
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut_and_its_rest_counted() {
        let mut log = Vec::new();
        for _ in 0..640 {
            let entry = [b"1970-01-01T00:00:01.000000001Z ".as_slice(), &[b'x'; PART]].concat();
            log.extend(frame(1, &entry));
        }
        log.extend(frame(1, b"1970-01-01T00:00:01.000000001Z \n"));
        let lines = hear(false, &[&log]).0;
        let over = 640 * PART - LineStream::LONGEST_LINE;
        assert_eq!(lines.len(), 1);
        assert!(lines[0].0.ends_with(&format!("x … {over} bytes more")));
    }

    proptest! {
        #[test]
        fn junk_is_borne(junk in proptest::collection::vec(any::<u8>(), 0..300), tty in any::<bool>()) {
            hear(tty, &[&junk]);
        }
    }
}
