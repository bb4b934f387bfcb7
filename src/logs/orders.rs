//! What each order does to the lens: where the cursor goes, what is shown, what is searched for.

use crate::follow::Level;

use super::block::{Block, Flag, Key, Line};
use super::buffer::Spot;
use super::filter::Filter;
use super::lens::{Jump, Lens, Position, Search};
use super::order::LensOrder;
use super::pattern::Pattern;
use super::picture::{FilterState, Past};

/// Before every line.
const FIRST: Spot = Spot { block: 0, line: 0 };

impl Lens {
    /// Does as it is told.
    pub fn order(&mut self, order: LensOrder) {
        self.settle();
        match order {
            LensOrder::Rows(room) => self.room = room,
            LensOrder::Move(by) => self.move_by(by),
            LensOrder::Top => self.go_to_rank(0),
            LensOrder::Bottom => self.position = Position::Following,
            LensOrder::To(stamp) => self.go_from(Key { stamp, number: 0 }),
            LensOrder::Row(row) => self.go_to_row(row),
            LensOrder::Search(typed) => self.search(typed),
            LensOrder::NextHit => self.jump(Jump::Next),
            LensOrder::PreviousHit => self.jump(Jump::Previous),
            LensOrder::Filter(typed) => self.set_filter(typed),
            LensOrder::Fold(fold) => self.set_fold(fold),
            LensOrder::Raw(raw) => self.raw = raw,
            LensOrder::Mark => self.mark(),
            LensOrder::NextMark => self.next_of(has_marks, is_marked),
            LensOrder::PreviousMark => self.previous_of(has_marks, is_marked),
            LensOrder::NextError => self.next_of(has_errors, is_error),
            LensOrder::PreviousError => self.previous_of(has_errors, is_error),
            LensOrder::Hide(source, hidden) => self.hide(source, hidden),
            LensOrder::Clear => self.clear(),
        }
    }

    /// The row that the cursor is on.
    pub(super) fn cursor(&self) -> Option<Spot> {
        match self.position {
            Position::Following => self.buffer.last_row(),
            Position::On { anchor, .. } => {
                let at = self.buffer.at_or_after(anchor);
                self.buffer.row_from(at).or_else(|| self.buffer.last_row())
            }
        }
    }

    fn move_by(&mut self, by: i64) {
        let Some(cursor) = self.cursor() else { return };
        let rank = self.buffer.rank(cursor);
        self.offset = self.offset.saturating_add_signed(by);
        self.go_to_rank(rank.saturating_add_signed(by));
    }

    fn go_to_row(&mut self, row: u16) {
        let Some(cursor) = self.cursor() else { return };
        let top = self.buffer.rank(cursor).saturating_sub(self.offset);
        self.offset = row.into();
        self.go_to_rank(top + u64::from(row));
    }

    /// To the row that is so many from the first; onto the last one is following.
    fn go_to_rank(&mut self, rank: u64) {
        if rank + 1 >= self.buffer.rows() {
            self.position = Position::Following;
            return;
        }
        if let Some(key) = self.buffer.row(rank).and_then(|row| self.buffer.key(row)) {
            self.stand_on(key);
        }
    }

    fn go_from(&mut self, key: Key) {
        let row = self.buffer.row_from(self.buffer.at_or_after(key));
        match row.and_then(|row| self.buffer.key(row)) {
            Some(key) if row != self.buffer.last_row() => self.stand_on(key),
            _ => self.position = Position::Following,
        }
    }

    fn stand_on(&mut self, anchor: Key) {
        let since = match self.position {
            Position::Following => self.next,
            Position::On { since, .. } => since,
        };
        self.position = Position::On { anchor, since };
    }

    /// To a line, shown in the middle of the screen when it was not in view.
    fn go_to_line(&mut self, spot: Spot) {
        let Some(row) = self.buffer.row_from(spot) else {
            return;
        };
        let before = self.cursor().map(|cursor| self.buffer.rank(cursor));
        let rank = self.buffer.rank(row);
        let moved = before.map(|before| rank.cast_signed() - before.cast_signed());
        let on_screen = moved.and_then(|moved| self.offset.checked_add_signed(moved));
        let room = u64::from(self.room);
        self.offset = on_screen.filter(|row| *row < room).unwrap_or(room / 2);
        if let Some(key) = self.buffer.key(spot) {
            self.stand_on(key);
        }
    }

    fn next_of(&mut self, of: fn(&Block) -> bool, is: fn(&Line) -> bool) {
        let Some(cursor) = self.cursor() else { return };
        if let Some(found) = self.buffer.shown_after(cursor, of, is) {
            self.go_to_line(found);
        }
    }

    fn previous_of(&mut self, of: fn(&Block) -> bool, is: fn(&Line) -> bool) {
        let Some(cursor) = self.cursor() else { return };
        let (_, first) = self.buffer.row_lines(cursor);
        if let Some(found) = self.buffer.shown_before(first, of, is) {
            self.go_to_line(found);
        }
    }

    fn search(&mut self, typed: String) {
        self.search = (!typed.is_empty()).then(|| Search {
            pattern: Pattern::new(&typed).map_err(|error| error.to_string()),
            typed,
            wrapped: false,
            jump: None,
        });
        self.search_anew();
        self.work(Self::SLICE);
    }

    fn jump(&mut self, jump: Jump) {
        if let Some(search) = &mut self.search {
            search.jump = search.pattern.is_ok().then_some(jump);
            search.wrapped = false;
            self.try_jump();
        }
    }

    /// Jumps, if nothing on the way there has yet to be looked at. Round the end only when all was.
    pub(super) fn try_jump(&mut self) {
        let Some(jump) = self.search.as_ref().and_then(|search| search.jump) else {
            return;
        };
        let Some(cursor) = self.cursor() else {
            self.end_jump(false);
            return;
        };
        let is_hit = |line: &Line| line.is(Flag::HIT);
        let of = |block: &Block| block.tally.hits > 0;
        let (_, first) = self.buffer.row_lines(cursor);
        let found = match jump {
            Jump::Next => self.buffer.shown_after(cursor, of, is_hit),
            Jump::Previous => self.buffer.shown_before(first, of, is_hit),
        };
        let way = match (found, jump) {
            (Some(found), Jump::Next) => cursor.block..found.block + 1,
            (Some(found), Jump::Previous) => found.block..cursor.block + 1,
            (None, _) => 0..self.buffer.blocks.len(),
        };
        let due = |block: &Block| block.due.view || block.due.search;
        if self.buffer.blocks.range(way).any(due) {
            return;
        }
        if let Some(found) = found {
            self.go_to_line(found);
            self.end_jump(false);
            return;
        }
        let end = Spot {
            block: self.buffer.blocks.len(),
            line: 0,
        };
        let round = match jump {
            Jump::Next => self.buffer.shown_from(FIRST, of, is_hit),
            Jump::Previous => self.buffer.shown_before(end, of, is_hit),
        };
        if let Some(found) = round {
            self.go_to_line(found);
        }
        self.end_jump(round.is_some());
    }

    fn end_jump(&mut self, wrapped: bool) {
        if let Some(search) = &mut self.search {
            (search.jump, search.wrapped) = (None, wrapped);
        }
    }

    fn set_filter(&mut self, typed: String) {
        let read = Filter::new(&typed, self.now);
        self.filter = match read {
            Ok(_) if typed.trim().is_empty() => None,
            Ok(filter) => Some((filter, state(typed, None))),
            // What is half typed leaves the one before it in force.
            Err(error) => {
                let before = self.filter.take().map(|(filter, _)| filter);
                let before = before.unwrap_or_default();
                self.filter = Some((before, state(typed, Some(error.to_string()))));
                return;
            }
        };
        self.view_anew();
        self.work(Self::SLICE);
    }

    fn set_fold(&mut self, fold: bool) {
        if self.fold != fold {
            self.fold = fold;
            self.view_anew();
            self.work(Self::SLICE);
        }
    }

    fn mark(&mut self) {
        let Some(cursor) = self.cursor() else { return };
        let Some(block) = self.buffer.blocks.get_mut(cursor.block) else {
            return;
        };
        if let Some(line) = block.lines_mut().get_mut(cursor.line) {
            line.set(Flag::MARK, !line.is(Flag::MARK));
        }
        block.due.tally = true;
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.position = Position::Following;
        self.cut_off = true;
        self.past = Past::Start;
    }
}

fn state(text: String, error: Option<String>) -> FilterState {
    FilterState {
        text,
        error,
        done: false,
    }
}

fn has_marks(block: &Block) -> bool {
    block.tally.marks > 0
}

fn is_marked(line: &Line) -> bool {
    line.is(Flag::MARK)
}

fn has_errors(block: &Block) -> bool {
    block.tally.worst >= Some(Level::Error)
}

fn is_error(line: &Line) -> bool {
    line.level >= Some(Level::Error)
}
