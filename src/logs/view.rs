//! The lens as a picture: the rows in view and the sums of the rest, and the lines as text for copying.

use std::fmt::Write as _;

use crate::text::{SafeText, StyledText};

use super::block::{Block, Flag, Line};
use super::buffer::Spot;
use super::fields::fields_of;
use super::lens::{Lens, Position, Search};
use super::minimap::minimap;
use super::order::{TextForm, TextScope};
use super::picture::{LensPicture, LensRow, Past, RowKind, SearchState, SourceNumber, SourceView};
use super::when::written;

/// A clock error is told from here on, in milliseconds.
const TOLD_SKEW: i64 = 2000;
/// Older lines are fetched while so much of the cap is free.
const ROOM_FOR_PAST: (usize, usize) = (7, 8);

impl Lens {
    /// The picture of now.
    pub fn picture(&mut self) -> LensPicture {
        self.settle();
        self.version += 1;
        let shown = self.buffer.rows();
        let cursor = self.cursor();
        let rank = cursor.map_or(0, |cursor| self.buffer.rank(cursor));
        let top = self.scroll(rank, shown);
        let rows = self.rows_in_view(top);
        let (used, cap) = self.buffer.memory();
        let marks = self
            .buffer
            .blocks
            .iter()
            .map(|block| u64::from(block.tally.marks));
        let marks = marks.sum();
        let in_view = (top, top + rows.len() as u64);
        let (minimap, window) = minimap(&self.buffer, self.room, in_view, shown);
        LensPicture {
            cursor: cursor
                .and_then(|_| usize::try_from(rank - top).ok())
                .filter(|at| *at < rows.len()),
            rows,
            above: top,
            shown,
            lines: self.buffer.lines(),
            fallen: self.buffer.fallen(),
            memory: (used as u64, cap as u64),
            following: self.position == Position::Following,
            behind: match self.position {
                Position::Following => 0,
                Position::On { since, .. } => self.buffer.rows_since(since),
            },
            search: self
                .search
                .as_ref()
                .map(|search| self.search_state(search, cursor)),
            filter: self.filter.as_ref().map(|(_, state)| {
                let mut state = state.clone();
                state.done = !self.buffer.blocks.iter().any(|block| block.due.view);
                state
            }),
            minimap,
            window,
            sources: self.source_views(),
            fold: self.fold,
            raw: self.raw,
            marks,
            past: self.past_now(),
            version: self.version,
        }
    }

    /// Whether older lines are wanted: the cursor is near the first row, and there is room for them.
    pub fn wants_past(&self) -> bool {
        let Position::On { .. } = self.position else {
            return false;
        };
        let near = self
            .cursor()
            .is_none_or(|cursor| self.buffer.rank(cursor) < 2 * u64::from(self.room));
        near && self.past_now() == Past::More
    }

    fn past_now(&self) -> Past {
        let (used, cap) = self.buffer.memory();
        let (part, whole) = ROOM_FOR_PAST;
        // What fell out can't be told from what was never fetched, so nothing is put before it.
        let full = self.buffer.fallen() > 0 || used / part > cap / whole;
        match self.past {
            Past::More | Past::Fetching if self.cut_off => Past::Start,
            Past::More if full => Past::Full,
            past => past,
        }
    }

    /// The first row in view, so that the cursor keeps its place on the screen and no room is left below.
    fn scroll(&mut self, rank: u64, shown: u64) -> u64 {
        let room = u64::from(self.room);
        let offset = self.offset.min(room.saturating_sub(1));
        let top = rank.saturating_sub(offset).min(shown.saturating_sub(room));
        self.offset = rank - top;
        top
    }

    fn rows_in_view(&self, top: u64) -> Vec<LensRow> {
        let mut rows = Vec::with_capacity(self.room.into());
        let mut next = self.buffer.row(top);
        while let Some(spot) = next.filter(|_| rows.len() < usize::from(self.room)) {
            if let Some((block, line)) = self.buffer.line(spot) {
                let (count, _) = self.buffer.row_lines(spot);
                rows.push(self.row(block, line, u32::try_from(count).unwrap_or(u32::MAX)));
            }
            next = self.buffer.row_from(Spot {
                line: spot.line + 1,
                ..spot
            });
        }
        rows
    }

    fn row(&self, block: &Block, line: &Line, count: u32) -> LensRow {
        let clean = block.text(line);
        let fields = (!self.raw && line.kind() == RowKind::Line)
            .then(|| fields_of(clean))
            .flatten();
        let (text, fields) = match fields {
            Some(fields) => {
                let safe = |(key, value): (String, String)| (key.into(), value.into());
                let fields = fields.without_columns(line.level.is_some());
                let rest = fields.rest.into_iter().map(safe).collect();
                (StyledText::from_bytes(fields.message.as_bytes()), rest)
            }
            None => (block.styled(line), Vec::new()),
        };
        let pattern = self
            .search
            .as_ref()
            .and_then(|search| search.pattern.as_ref().ok());
        LensRow {
            line: line.number(),
            source: SourceNumber(line.source),
            stamp: line.key.stamp,
            stream: line.stream(),
            level: line.level,
            kind: line.kind(),
            hits: pattern
                .map(|pattern| pattern.places(text.text.as_str()))
                .unwrap_or_default(),
            text,
            fields,
            count,
            marked: line.is(Flag::MARK),
            explained: self
                .explain
                .and_then(|explain| explain(clean))
                .map(SafeText::from),
        }
    }

    fn search_state(&self, search: &Search, cursor: Option<Spot>) -> SearchState {
        let hits = self
            .buffer
            .blocks
            .iter()
            .map(|block| u64::from(block.tally.hits));
        SearchState {
            pattern: search.typed.clone(),
            error: search.pattern.as_ref().err().cloned(),
            hits: hits.sum(),
            present: cursor.and_then(|cursor| self.present_hit(cursor)),
            done: search.pattern.is_err() || !self.work_is_left(),
            wrapped: search.wrapped,
        }
    }

    /// Which hit the cursor's row is; of several in one row the first.
    fn present_hit(&self, cursor: Spot) -> Option<u64> {
        let (_, first) = self.buffer.row_lines(cursor);
        let of = |block: &Block| block.tally.hits > 0;
        let hit = self
            .buffer
            .shown_from(first, of, |line| line.is(Flag::HIT))?;
        if hit > cursor {
            return None;
        }
        let before = self.buffer.blocks.iter().take(hit.block);
        let before: u64 = before.map(|block| u64::from(block.tally.hits)).sum();
        let within = self
            .buffer
            .blocks
            .get(hit.block)?
            .lines()
            .iter()
            .take(hit.line + 1);
        let within = within.filter(|line| line.is(Flag::SHOWN) && line.is(Flag::HIT));
        Some(before + within.count() as u64)
    }

    fn source_views(&self) -> Vec<SourceView> {
        let numbers = (0..).map(SourceNumber);
        let view = |(number, source): (SourceNumber, &Option<super::lens::Source>)| {
            let source = source.as_ref()?;
            Some(SourceView {
                number,
                label: source.label.clone(),
                state: source.state.clone(),
                lines: source.lines,
                hidden: source.hidden,
                skew: (source.skew.saturating_abs() > TOLD_SKEW).then_some(source.skew),
            })
        };
        numbers.zip(&self.sources).filter_map(view).collect()
    }

    /// Lines as text, each with a line end.
    pub fn text(&mut self, scope: TextScope, form: TextForm) -> String {
        // Lines are as many as are shown when all was looked through.
        while self.work(usize::MAX) {}
        let mut text = String::new();
        let marks = self.buffer.blocks.iter().any(|block| block.tally.marks > 0);
        let wanted = match scope {
            TextScope::Cursor => None,
            TextScope::Marked if !marks => None,
            TextScope::Marked => Some(Flag::MARK),
            TextScope::Shown => Some(Flag::SHOWN),
        };
        match wanted {
            None => {
                if let Some((block, line)) = self.cursor().and_then(|spot| self.buffer.line(spot)) {
                    self.write_out(&mut text, block, line, form);
                }
            }
            Some(flag) => {
                for block in &self.buffer.blocks {
                    for line in block.lines().iter().filter(|line| line.is(flag)) {
                        self.write_out(&mut text, block, line, form);
                    }
                }
            }
        }
        text
    }

    fn write_out(&self, text: &mut String, block: &Block, line: &Line, form: TextForm) {
        if form == TextForm::Pretty {
            let source = self
                .sources
                .get(usize::from(line.source))
                .and_then(Option::as_ref);
            let (host, name) = source.map_or(("", ""), |source| {
                (source.label.host.as_str(), source.label.name.as_str())
            });
            let level = line.level.map_or("", crate::follow::Level::word);
            let time = written(line.key.stamp, self.now.zone);
            let _ = write!(text, "{time} {host} {name} {level:<5} ");
        }
        text.push_str(block.text(line));
        text.push('\n');
    }
}
