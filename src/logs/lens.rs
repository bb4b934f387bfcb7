//! The lens: sources put lines in, a person gives orders, pictures come out. Filter and search go over the buffer in slices,
//! nearest to the cursor first, so that a picture never waits for all of it.

use crate::follow::{LineBatch, Stamp, StreamKind};
use crate::text::SafeText;

use super::block::{Flag, Key, NewLine};
use super::buffer::Buffer;
use super::filter::Filter;
use super::fold::template_of;
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
    passes: bool,
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

    /// Goes on with what filter and search have yet to look at, for about so many bytes of lines. Whether there is more.
    pub fn work(&mut self, budget: usize) -> bool {
        self.settle();
        let mut done = 0;
        while done < budget {
            let Some((block, cost)) = self.work_on_one() else {
                break;
            };
            done += cost;
            self.recount_block(block);
        }
        self.buffer.join(self.fold);
        self.try_jump();
        self.work_is_left()
    }

    fn work_on_one(&mut self) -> Option<(usize, usize)> {
        let near = match self.position {
            Position::Following => self.buffer.blocks.len().saturating_sub(1),
            Position::On { anchor, .. } => self.buffer.at_or_after(anchor).block,
        };
        let nearest = |due: fn(&super::block::Block) -> bool| {
            let blocks = self.buffer.blocks.iter().enumerate();
            blocks
                .filter(|(_, block)| due(block))
                .map(|(at, _)| at)
                .min_by_key(|at| at.abs_diff(near))
        };
        if let Some(at) = nearest(|block| block.due.view) {
            self.judge(at);
            let bytes = self
                .buffer
                .blocks
                .get(at)
                .map_or(0, super::block::Block::text_bytes);
            let words = self
                .filter
                .as_ref()
                .map_or(0, |(filter, _)| filter.words.len());
            return Some((at, bytes * words.max(1)));
        }
        let at = nearest(|block| block.due.search)?;
        self.search_block(at);
        let bytes = self
            .buffer
            .blocks
            .get(at)
            .map_or(0, super::block::Block::text_bytes);
        Some((at, bytes))
    }

    pub(super) fn work_is_left(&self) -> bool {
        self.buffer
            .blocks
            .iter()
            .any(|block| block.due.view || block.due.search)
    }

    /// Brings all that came since the last time up to date.
    pub(super) fn settle(&mut self) {
        let mut any = false;
        for at in 0..self.buffer.blocks.len() {
            if self
                .buffer
                .blocks
                .get(at)
                .is_some_and(|block| block.due.tally)
            {
                any = true;
                self.look_at_fresh(at);
                self.recount_block(at);
            }
        }
        if any {
            self.buffer.join(self.fold);
        }
    }

    /// Tests lines that came since the block was looked through.
    fn look_at_fresh(&mut self, at: usize) {
        let Some(block) = self.buffer.blocks.get_mut(at) else {
            return;
        };
        let fresh = block
            .lines()
            .iter()
            .filter(|line| line.is(Flag::FRESH))
            .count();
        let most = fresh * 2 > block.len();
        if most && !block.due.view {
            block.due.view = true;
            self.judge(at);
        }
        if most
            && self
                .buffer
                .blocks
                .get(at)
                .is_some_and(|block| !block.due.search)
        {
            self.search_block(at);
        }
        let Some(block) = self.buffer.blocks.get_mut(at) else {
            return;
        };
        if most {
            block
                .lines_mut()
                .iter_mut()
                .for_each(|line| line.set(Flag::FRESH, false));
            return;
        }
        let filter = self.filter.as_ref().map(|(filter, _)| filter);
        let pattern = self.search.as_ref().and_then(|s| s.pattern.as_ref().ok());
        for nth in 0..block.len() {
            let Some(line) = block.lines().get(nth).filter(|line| line.is(Flag::FRESH)) else {
                continue;
            };
            let text = block.text(line);
            let passes = filter.is_none_or(|filter| {
                passes_but_words(filter, &self.sources, line)
                    && (line.kind() != RowKind::Line || filter.passes_text(text))
            });
            let hit = pattern.is_some_and(|pattern| pattern.is_in(text));
            let template = if self.fold { template_of(text) } else { 0 };
            if let Some(line) = block.lines_mut().get_mut(nth) {
                line.set(Flag::FRESH, false);
                line.set(Flag::PASS, passes);
                line.set(Flag::HIT, hit);
                line.template = template;
            }
        }
    }

    /// Has the filter look at all of a block.
    fn judge(&mut self, at: usize) {
        let Some(block) = self.buffer.blocks.get_mut(at) else {
            return;
        };
        let filter = self.filter.as_ref().map(|(filter, _)| filter);
        let mut verdicts: Vec<bool> = block
            .lines()
            .iter()
            .map(|line| filter.is_none_or(|f| passes_but_words(f, &self.sources, line)))
            .collect();
        for (pattern, wanted) in filter.map(|f| f.words.as_slice()).unwrap_or_default() {
            let mut found = vec![false; block.len()];
            block.scan(pattern.regex(), |line| {
                if let Some(found) = found.get_mut(line) {
                    *found = true;
                }
            });
            for ((verdict, found), line) in verdicts.iter_mut().zip(found).zip(block.lines()) {
                *verdict &= found == *wanted || line.kind() != RowKind::Line;
            }
        }
        for (nth, passes) in verdicts.into_iter().enumerate() {
            let text = block.lines().get(nth).map(|line| block.text(line));
            let template = text.filter(|_| self.fold).map_or(0, template_of);
            if let Some(line) = block.lines_mut().get_mut(nth) {
                line.set(Flag::PASS, passes);
                line.template = template;
            }
        }
        block.due.view = false;
        block.due.tally = true;
    }

    /// Has the search look at all of a block.
    fn search_block(&mut self, at: usize) {
        let Some(block) = self.buffer.blocks.get_mut(at) else {
            return;
        };
        let pattern = self.search.as_ref().and_then(|s| s.pattern.as_ref().ok());
        let mut hits = Vec::new();
        if let Some(pattern) = pattern {
            block.scan(pattern.regex(), |line| hits.push(line));
        }
        for line in block.lines_mut() {
            line.set(Flag::HIT, false);
        }
        for hit in hits {
            if let Some(line) = block.lines_mut().get_mut(hit) {
                line.set(Flag::HIT, true);
            }
        }
        block.due.search = false;
        block.due.tally = true;
    }

    /// Filter or folding are other ones: everything is looked at anew.
    pub(super) fn view_anew(&mut self) {
        let typed = self.filter.take();
        if let Some((filter, _)) = &typed {
            for source in self.sources.iter_mut().flatten() {
                source.passes = filter.passes_source(&source.label);
            }
        }
        self.filter = typed;
        for block in &mut self.buffer.blocks {
            block.due.view = true;
            block.tally = super::tally::Tally {
                marks: block.tally.marks,
                newest: block.tally.newest,
                ..super::tally::Tally::default()
            };
        }
    }

    /// Something else is searched for.
    pub(super) fn search_anew(&mut self) {
        let any = self
            .search
            .as_ref()
            .is_some_and(|search| search.pattern.is_ok());
        for block in &mut self.buffer.blocks {
            block.due.search = any;
            block.tally.hits = 0;
        }
    }

    fn recount_all(&mut self) {
        for at in 0..self.buffer.blocks.len() {
            self.recount_block(at);
        }
        self.buffer.join(self.fold);
    }

    fn recount_block(&mut self, at: usize) {
        let visible: Vec<bool> = self
            .sources
            .iter()
            .map(|source| source.as_ref().is_some_and(|source| !source.hidden))
            .collect();
        if let Some(block) = self.buffer.blocks.get_mut(at) {
            block.recount(&visible, self.fold);
        }
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

/// Whether all but the words of a filter hold. Rows of our own have no level.
fn passes_but_words(
    filter: &Filter,
    sources: &[Option<Source>],
    line: &super::block::Line,
) -> bool {
    let source = sources
        .get(usize::from(line.source))
        .and_then(Option::as_ref);
    source.is_some_and(|source| source.passes)
        && filter.passes_time(line.key.stamp)
        && (line.kind() != RowKind::Line || filter.passes_level(line.level))
}
