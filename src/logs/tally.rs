//! What a block of lines sums up to under the present filter, search and folding, so that no picture walks every line.

use super::block::{Block, Flag, Line};
use crate::follow::Level;

/// The sum of a block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Lines that are shown.
    pub(super) shown: u32,
    /// Rows that end in it, as far as it knows by itself.
    pub(super) ends: u32,
    /// Its last row goes on in the next block with shown lines.
    pub(super) joined: bool,
    /// Shown lines with a hit.
    pub(super) hits: u32,
    pub(super) marks: u32,
    pub(super) worst: Option<Level>,
    /// Shown lines of its last row.
    pub(super) tail: u32,
    /// Its first and its last shown line, as folding sees them.
    pub(super) first: Option<Fold>,
    pub(super) last: Option<Fold>,
    /// Where the last shown line is.
    pub(super) last_at: u32,
    /// The newest line by number.
    pub(super) newest: u64,
}

/// What must be the same in lines that fold into one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fold {
    source: u16,
    template: u32,
}

impl Fold {
    /// `None` for what never folds.
    fn of(line: &Line) -> Option<Self> {
        (!line.is(Flag::GAP) && !line.is(Flag::NOTE)).then_some(Self {
            source: line.source,
            template: line.template,
        })
    }
}

impl Block {
    /// How many rows end in it.
    pub(super) fn rows(&self) -> u32 {
        self.tally.ends - u32::from(self.tally.joined)
    }

    /// Whether a row ends at this line.
    pub(super) fn is_row(&self, at: usize) -> bool {
        !self.due.view
            && self.lines().get(at).is_some_and(|line| line.is(Flag::END))
            && !(self.tally.joined && at == self.tally.last_at as usize)
    }

    /// Sums it up anew. What it knows of the next block is left to whoever knows both.
    pub(super) fn recount(&mut self, visible: &[bool], fold: bool) {
        self.due.tally = false;
        let view_due = self.due.view;
        let search_due = self.due.search;
        let mut tally = Tally::default();
        let mut last: Option<usize> = None;
        for at in 0..self.len() {
            let Some(line) = self.lines_mut().get_mut(at) else {
                break;
            };
            tally.newest = tally.newest.max(line.key.number);
            tally.marks += u32::from(line.is(Flag::MARK));
            let visible = visible.get(usize::from(line.source)).copied();
            let shown = !view_due && line.is(Flag::PASS) && visible.unwrap_or(false);
            line.set(Flag::SHOWN, shown);
            line.set(Flag::END, shown);
            if !shown {
                continue;
            }
            tally.shown += 1;
            tally.ends += 1;
            tally.tail += 1;
            tally.hits += u32::from(!search_due && line.is(Flag::HIT));
            tally.worst = tally.worst.max(line.level);
            let this = Fold::of(line);
            if tally.shown == 1 {
                tally.first = this;
            } else if fold && this.is_some() && this == tally.last {
                tally.ends -= 1;
                if let Some(before) = last.and_then(|last| self.lines_mut().get_mut(last)) {
                    before.set(Flag::END, false);
                }
            } else {
                tally.tail = 1;
            }
            tally.last = this;
            tally.last_at = u32::try_from(at).unwrap_or(u32::MAX);
            last = Some(at);
        }
        self.tally = tally;
    }
}
