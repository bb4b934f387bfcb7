//! The lens: sources put lines in, a person gives orders, pictures come out. What each of them does to the lines stands
//! beside this file: orders, work, view.

use crate::follow::{LineBatch, Stamp, StreamKind};
use crate::text::SafeText;

use super::block::{Key, NewLine};
use super::buffer::Buffer;
use super::filter::Filter;
use super::pattern::Pattern;
use super::picture::{FilterState, Past, RowKind, SourceLabel, SourceNumber, SourceState};
use super::when::Now;

/// Numbers of lines begin in the middle: those of older lines, fetched later, count down from here.
const FIRST_NUMBER: u64 = 1 << 40;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// What a line means, where we know more than it says.
pub type Explain = fn(&str) -> Option<String>;

/// Lines of many sources as one text to look at.
#[derive(Debug)]
pub struct Lens {
    pub(super) buffer: Buffer,
    pub(super) sources: Vec<Option<Source>>,
    pub(super) filter: Option<(Filter, FilterState)>,
    pub(super) search: Option<Search>,
    pub(super) fold: bool,
    pub(super) raw: bool,
    pub(super) position: Position,
    /// Rows that there is room for.
    pub(super) room: u16,
    /// The row of the screen that the cursor stands on.
    pub(super) offset: u64,
    pub(super) past: Past,
    /// What is older was forgotten on purpose.
    pub(super) cut_off: bool,
    pub(super) now: Now,
    pub(super) explain: Option<Explain>,
    pub(super) version: u64,
    /// Line numbers: the next new one, and the one before the oldest.
    pub(super) next: u64,
    before: u64,
}

/// A source of a lens.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) label: SourceLabel,
    pub(super) state: SourceState,
    pub(super) lines: u64,
    pub(super) hidden: bool,
    /// Milliseconds by which its clock is ahead.
    pub(super) skew: i64,
    /// Whether the filter lets anything of it through.
    pub(super) passes: bool,
}

/// Where the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// On the last row, whichever that is.
    Following,
    /// On this line, or on the next shown one.
    On {
        /// The line.
        anchor: Key,
        /// The number that the next new line had when following stopped.
        since: u64,
    },
}

/// What is searched for.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) typed: String,
    pub(super) pattern: Result<Pattern, String>,
    pub(super) wrapped: bool,
    /// A jump that waits for blocks to be looked through.
    pub(super) jump: Option<Jump>,
}

/// A jump to a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    Next,
    Previous,
}

impl Lens {
    /// Bytes of lines that one slice of [`Lens::work`] goes over: about two milliseconds.
    pub const SLICE: usize = 512 * 1024;

    /// An empty lens whose lines take at most so many bytes.
    pub fn new(cap: usize) -> Self {
        Self {
            buffer: Buffer::new(cap),
            sources: Vec::new(),
            filter: None,
            search: None,
            fold: false,
            raw: false,
            position: Position::Following,
            room: 0,
            offset: 0,
            past: Past::default(),
            cut_off: false,
            now: Now::default(),
            explain: None,
            version: 0,
            next: FIRST_NUMBER,
            before: FIRST_NUMBER,
        }
    }

    /// Has rows explained by this.
    pub fn set_explain(&mut self, explain: Explain) {
        self.explain = Some(explain);
    }

    /// Tells what time it is, for filters like `since:10m` and for times written out.
    pub fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    /// Adds a source; it is being opened.
    pub fn add_source(&mut self, label: SourceLabel) -> SourceNumber {
        let number = SourceNumber(u16::try_from(self.sources.len()).unwrap_or(u16::MAX));
        let passes = self.passes(&label);
        self.sources.push(Some(Source {
            label,
            state: SourceState::Opening,
            lines: 0,
            hidden: false,
            skew: 0,
            passes,
        }));
        number
    }

    /// Takes a source away, and its lines.
    pub fn remove(&mut self, number: SourceNumber) {
        if let Some(source) = self.sources.get_mut(usize::from(number.0)) {
            *source = None;
            drop(self.buffer.extract(number.0));
        }
    }

    /// Hides a source's lines, or shows them.
    pub fn hide(&mut self, number: SourceNumber, hidden: bool) {
        if let Some(source) = self.source_mut(number)
            && source.hidden != hidden
        {
            source.hidden = hidden;
            self.recount_all();
        }
    }

    /// Tells how a source stands.
    pub fn set_state(&mut self, number: SourceNumber, state: SourceState) {
        if let Some(source) = self.source_mut(number) {
            source.state = state;
        }
    }

    /// Tells by how many milliseconds a source's clock is ahead of ours; its lines move accordingly.
    pub fn set_skew(&mut self, number: SourceNumber, ms: i64) {
        let Some(source) = self.source_mut(number) else {
            return;
        };
        let change = ms
            .saturating_sub(source.skew)
            .saturating_mul(NANOS_PER_MILLI);
        source.skew = ms;
        if change == 0 {
            return;
        }
        let moved = |key: Key| Key {
            stamp: Stamp(key.stamp.0.saturating_sub(change)),
            ..key
        };
        if let Position::On { anchor, .. } = &mut self.position {
            let spot = self.buffer.find(*anchor);
            let line = spot.and_then(|spot| self.buffer.line(spot));
            if line.is_some_and(|(_, line)| line.source == number.0) {
                *anchor = moved(*anchor);
            }
        }
        let lines = self.buffer.extract(number.0);
        self.buffer.put_back(lines, moved);
        // A filter may ask for a time.
        if self.filter.is_some() {
            self.view_anew();
            self.work(Self::SLICE);
        }
    }

    /// Tells what lies before the first line.
    pub fn set_past(&mut self, past: Past) {
        self.past = past;
    }

    /// Takes in a source's newest lines.
    pub fn ingest(&mut self, number: SourceNumber, batch: &LineBatch) {
        let first = self.next;
        self.next += batch.len() as u64;
        self.take_in(number, batch, first);
    }

    /// Takes in lines that lie before all that the source gave so far, in their order.
    pub fn ingest_past(&mut self, number: SourceNumber, batch: &LineBatch) {
        self.before = self.before.saturating_sub(batch.len() as u64);
        self.take_in(number, batch, self.before);
    }

    fn take_in(&mut self, number: SourceNumber, batch: &LineBatch, first: u64) {
        let Some(source) = self.source_mut(number) else {
            return;
        };
        source.lines += batch.len() as u64;
        let skew = source.skew.saturating_mul(NANOS_PER_MILLI);
        for (line, number_of_line) in batch.iter().zip(first..) {
            self.buffer.insert(&NewLine {
                key: Key {
                    stamp: Stamp(line.head.stamp.0.saturating_sub(skew)),
                    number: number_of_line,
                },
                source: number.0,
                stream: line.head.stream,
                kind: RowKind::Line,
                level: line.head.level,
                bytes: line.bytes,
            });
        }
    }

    /// Puts a row of our own between the lines: a gap, a note. The moment is on our clock.
    pub fn note(&mut self, number: SourceNumber, kind: RowKind, stamp: Stamp, text: &SafeText) {
        if self.source_mut(number).is_none() {
            return;
        }
        let key = Key {
            stamp,
            number: self.next,
        };
        self.next += 1;
        self.buffer.insert(&NewLine {
            key,
            source: number.0,
            stream: StreamKind::Out,
            kind,
            level: None,
            bytes: text.as_str().as_bytes(),
        });
    }

    fn passes(&self, label: &SourceLabel) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|(filter, _)| filter.passes_source(label))
    }

    fn source_mut(&mut self, number: SourceNumber) -> Option<&mut Source> {
        self.sources.get_mut(usize::from(number.0))?.as_mut()
    }
}
