//! A stretch of lines in time order: one clean text, one table. Whatever a filter, a search or folding says of a line is kept
//! with it, and summed up for the block, so that a million lines are counted and walked block by block.

use std::fmt::Write as _;

use crate::follow::{Level, Stamp, StreamKind};
use crate::text::{SafeText, Sgr, StyleSpan, StyledText, clean_line};

use super::picture::{LineNumber, RowKind};
use super::tally::Tally;

/// The most clean bytes that are kept of a line; spans count in 16 bits.
pub(super) const LONGEST: usize = 48 * 1024;
/// The most lines of a block, so that putting one in between stays cheap.
pub(super) const MOST_LINES: usize = 1024;
/// How far back a style is looked for before it is written down once more.
const STYLES_LOOKED_AT: usize = 8;

/// Where a line stands in the order: by its moment on our clock, then by its number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) stamp: Stamp,
    pub(super) number: u64,
}

/// What is true of a line, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(u16);

impl Flag {
    /// Written to standard error.
    pub(super) const ERR: Self = Self(1);
    pub(super) const GAP: Self = Self(1 << 1);
    pub(super) const NOTE: Self = Self(1 << 2);
    /// The filter lets it through.
    pub(super) const PASS: Self = Self(1 << 3);
    /// The search found something in it.
    pub(super) const HIT: Self = Self(1 << 4);
    pub(super) const MARK: Self = Self(1 << 5);
    /// Neither filter nor search has seen it.
    pub(super) const FRESH: Self = Self(1 << 6);
    /// It passes, and its source is not hidden.
    pub(super) const SHOWN: Self = Self(1 << 7);
    /// The last line of its row; without folding every shown line is.
    pub(super) const END: Self = Self(1 << 8);
}

/// One line in the table of its block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) key: Key,
    start: u32,
    spans: u32,
    /// What is alike in lines that fold into one; 0 until it is wanted.
    pub(super) template: u32,
    len: u16,
    span_count: u16,
    pub(super) source: u16,
    flags: u16,
    pub(super) level: Option<Level>,
}

impl Line {
    pub(super) fn is(&self, flag: Flag) -> bool {
        self.flags & flag.0 != 0
    }

    pub(super) fn set(&mut self, flag: Flag, on: bool) {
        if on {
            self.flags |= flag.0;
        } else {
            self.flags &= !flag.0;
        }
    }

    pub(super) fn kind(&self) -> RowKind {
        if self.is(Flag::GAP) {
            RowKind::Gap
        } else if self.is(Flag::NOTE) {
            RowKind::Note
        } else {
            RowKind::Line
        }
    }

    pub(super) fn stream(&self) -> StreamKind {
        if self.is(Flag::ERR) {
            StreamKind::Err
        } else {
            StreamKind::Out
        }
    }

    pub(super) fn number(&self) -> LineNumber {
        LineNumber(self.key.number)
    }
}

/// A line on its way into a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewLine<'a> {
    pub(super) key: Key,
    pub(super) source: u16,
    pub(super) stream: StreamKind,
    pub(super) kind: RowKind,
    /// Its level, where its source says so itself.
    pub(super) level: Option<Level>,
    pub(super) bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: u16,
    end: u16,
    style: u16,
}

/// A stretch of lines in time order.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Each line with a line end behind it, in the order of their coming.
    text: String,
    lines: Vec<Line>,
    spans: Vec<Span>,
    styles: Vec<Sgr>,
    /// A line was put in between: the table is no longer in the order of the text.
    shuffled: bool,
    pub(super) due: Due,
    pub(super) tally: Tally,
}

/// What is yet to be done in a block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Due {
    /// The filter has yet to look at all of it.
    pub(super) view: bool,
    /// The search has yet to look at all of it.
    pub(super) search: bool,
    /// Lines came or changed: the tally is to be made anew.
    pub(super) tally: bool,
}

impl Block {
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// What it takes of the heap.
    pub(super) fn bytes(&self) -> usize {
        const ALLOCATIONS: usize = 4 * 16;
        size_of::<Self>()
            + ALLOCATIONS
            + self.text.capacity()
            + self.lines.capacity() * size_of::<Line>()
            + self.spans.capacity() * size_of::<Span>()
            + self.styles.capacity() * size_of::<Sgr>()
    }

    pub(super) fn first(&self) -> Option<Key> {
        self.lines.first().map(|line| line.key)
    }

    pub(super) fn last(&self) -> Option<Key> {
        self.lines.last().map(|line| line.key)
    }

    /// The place of the first line that is not before the key.
    pub(super) fn position(&self, key: Key) -> usize {
        self.lines.partition_point(|line| line.key < key)
    }

    pub(super) fn text(&self, line: &Line) -> &str {
        let start = line.start as usize;
        self.text
            .get(start..start + usize::from(line.len))
            .unwrap_or_default()
    }

    /// A line's text with its colours.
    pub(super) fn styled(&self, line: &Line) -> StyledText {
        let first = line.spans as usize;
        let spans = self.spans.get(first..first + usize::from(line.span_count));
        let style = |span: &Span| self.styles.get(usize::from(span.style)).copied();
        StyledText {
            text: SafeText::new(self.text(line)),
            spans: spans
                .unwrap_or_default()
                .iter()
                .filter_map(|span| {
                    Some(StyleSpan {
                        start: span.start.into(),
                        end: span.end.into(),
                        style: style(span)?,
                    })
                })
                .collect(),
        }
    }

    /// Cleans a line into its place.
    pub(super) fn insert(&mut self, new: &NewLine<'_>) {
        let (start, spans) = (self.text.len(), self.spans.len());
        // A byte of clean text takes at least one of foreign text, so what is cut here would be cut below in any case,
        // save where colours fill it; those lines end a little earlier.
        let (kept, beyond) = match new.bytes.split_at_checked(LONGEST) {
            Some((kept, beyond)) => (kept, beyond.len()),
            None => (new.bytes, 0),
        };
        let Self {
            text,
            spans: table,
            styles,
            ..
        } = self;
        clean_line(kept, text, |span| push_span(table, styles, &span));
        self.cut(start, spans, beyond);
        let len = self.text.len() - start;
        self.text.push('\n');
        let mut line = Line {
            key: new.key,
            start: narrow(start),
            spans: narrow(spans),
            template: 0,
            len: u16::try_from(len).unwrap_or(u16::MAX),
            span_count: u16::try_from(self.spans.len() - spans).unwrap_or(u16::MAX),
            source: new.source,
            flags: Flag::FRESH.0,
            level: new.level,
        };
        line.set(Flag::ERR, new.stream == StreamKind::Err);
        line.set(Flag::GAP, new.kind == RowKind::Gap);
        line.set(Flag::NOTE, new.kind == RowKind::Note);
        if line.level.is_none() && new.kind == RowKind::Line {
            line.level = super::level::level_of(self.text(&line));
        }
        self.put(line);
    }

    /// Cuts the text from `start` on to its most, and says how much is gone.
    fn cut(&mut self, start: usize, spans: usize, beyond: usize) {
        let len = self.text.len() - start;
        if len <= LONGEST && beyond == 0 {
            return;
        }
        let kept = self.text.floor_char_boundary(start + len.min(LONGEST));
        let gone = self.text.len() - kept + beyond;
        self.text.truncate(kept);
        let end = u16::try_from(kept - start).unwrap_or(u16::MAX);
        let count = self.spans.len();
        let keep = self
            .spans
            .iter()
            .skip(spans)
            .filter(|span| span.start < end)
            .count();
        self.spans.truncate((spans + keep).min(count));
        if let Some(last) = self.spans.get_mut(spans..).and_then(<[Span]>::last_mut) {
            last.end = last.end.min(end);
        }
        let _ = write!(self.text, " ✂ {gone} bytes more");
    }

    /// Puts a line whose text is at the end into the table.
    fn put(&mut self, line: Line) {
        self.due.tally = true;
        if self.last().is_none_or(|last| last < line.key) {
            self.lines.push(line);
        } else {
            self.shuffled = true;
            let at = self.position(line.key);
            self.lines.insert(at, line);
        }
    }

    /// Puts a line of another block into its place, under this key.
    pub(super) fn adopt(&mut self, from: &Self, line: &Line, key: Key) {
        let start = self.text.len();
        self.text.push_str(from.text(line));
        self.text.push('\n');
        let spans = self.spans.len();
        for span in from.styled(line).spans {
            push_span(&mut self.spans, &mut self.styles, &span);
        }
        let mut line = *line;
        line.key = key;
        line.start = narrow(start);
        line.spans = narrow(spans);
        line.span_count = u16::try_from(self.spans.len() - spans).unwrap_or(u16::MAX);
        self.put(line);
    }

    /// A block of those of its lines that are wanted.
    pub(super) fn select(&self, wanted: impl Fn(usize, &Line) -> bool) -> Self {
        let mut block = Self {
            due: self.due,
            ..Self::default()
        };
        for (at, line) in self.lines.iter().enumerate() {
            if wanted(at, line) {
                block.adopt(self, line, line.key);
            }
        }
        block.shrink();
        block
    }

    /// Gives back room that a full block no longer needs.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.lines.shrink_to_fit();
        self.spans.shrink_to_fit();
        self.styles.shrink_to_fit();
    }

    /// Finds the lines in which the pattern matches, by one walk over the whole text; each is told once.
    pub(super) fn scan(&self, pattern: &regex::Regex, mut hit: impl FnMut(usize)) {
        let mut by_text: Vec<u32> = Vec::new();
        if self.shuffled {
            by_text.extend(0..narrow(self.lines.len()));
            by_text.sort_unstable_by_key(|at| self.lines.get(*at as usize).map(|line| line.start));
        }
        let place = |nth: usize| match by_text.get(nth) {
            Some(at) => *at as usize,
            None => nth,
        };
        let end_of = |nth: usize| {
            self.lines
                .get(place(nth))
                .map(|line| line.start as usize + usize::from(line.len))
        };
        // The last line end would make an empty line behind it.
        let text = self.text.strip_suffix('\n').unwrap_or(&self.text);
        let (mut nth, mut from) = (0, 0);
        while nth < self.lines.len() {
            let Some(end) = pattern.shortest_match_at(text, from) else {
                return;
            };
            while end_of(nth).is_some_and(|line| line < end) {
                nth += 1;
            }
            let Some(line_end) = end_of(nth) else { return };
            hit(place(nth));
            nth += 1;
            from = line_end + 1;
            if from > text.len() {
                return;
            }
        }
    }
}

fn push_span(spans: &mut Vec<Span>, styles: &mut Vec<Sgr>, span: &StyleSpan) {
    let known = styles
        .iter()
        .rposition(|style| *style == span.style)
        .filter(|at| at + STYLES_LOOKED_AT >= styles.len() || *at < STYLES_LOOKED_AT);
    let style = known.unwrap_or_else(|| {
        styles.push(span.style);
        styles.len() - 1
    });
    // A block with more styles than can be counted is a hostile one: the rest of it is plain.
    let Ok(style) = u16::try_from(style) else {
        return;
    };
    spans.push(Span {
        start: u16::try_from(span.start).unwrap_or(u16::MAX),
        end: u16::try_from(span.end).unwrap_or(u16::MAX),
        style,
    });
}

/// Blocks stay far below 4 GiB.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
