//! All that is shown in as many cells as the screen has rows: where errors, hits and marks are.

use super::block::{Block, Flag};
use super::buffer::Buffer;
use super::picture::MiniMark;
use crate::follow::Level;

/// The cells, and where in them the rows in view begin and end.
pub(super) fn minimap(
    buffer: &Buffer,
    room: u16,
    in_view: (u64, u64),
    shown: u64,
) -> (Vec<MiniMark>, (u16, u16)) {
    let cells = u64::from(room);
    // The cell of a row: rows are dealt to the cells evenly, in order.
    let cell = |row: u64| {
        (row * cells)
            .checked_div(shown.max(cells))
            .unwrap_or_default()
    };
    let mut marks = vec![MiniMark::default(); room.into()];
    let mut row = 0;
    for block in &buffer.blocks {
        let (first, end) = (row, row + u64::from(block.rows()));
        row = end;
        let tally = &block.tally;
        let dull = tally.hits == 0 && tally.marks == 0 && tally.worst < Some(Level::Warning);
        if dull || first == end {
            continue;
        }
        if cell(first) == cell(end - 1) {
            add(&mut marks, cell(first), whole(block));
        } else {
            add_lines(&mut marks, block, |nth| cell(first + nth));
        }
    }
    let narrow = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
    let end = match in_view.1 {
        0 => 0,
        end => cell(end - 1) + 1,
    };
    (marks, (narrow(cell(in_view.0)), narrow(end.min(cells))))
}

fn whole(block: &Block) -> MiniMark {
    MiniMark {
        level: block.tally.worst,
        hit: block.tally.hits > 0,
        // A hidden line's mark is not shown; looking for it costs more than one cell too many.
        mark: block.tally.marks > 0,
    }
}

/// Line by line, for a block that spreads over cells; `cell` gives that of its nth row.
fn add_lines(marks: &mut [MiniMark], block: &Block, cell: impl Fn(u64) -> u64) {
    let mut nth = 0;
    for (at, line) in block.lines().iter().enumerate() {
        if !line.is(Flag::SHOWN) {
            continue;
        }
        let mark = MiniMark {
            level: line.level,
            hit: !block.due.search && line.is(Flag::HIT),
            mark: line.is(Flag::MARK),
        };
        if mark.hit || mark.mark || mark.level >= Some(Level::Warning) {
            add(marks, cell(nth), mark);
        }
        nth += u64::from(block.is_row(at));
    }
}

fn add(marks: &mut [MiniMark], cell: u64, mark: MiniMark) {
    let cell = usize::try_from(cell)
        .ok()
        .and_then(|cell| marks.get_mut(cell));
    if let Some(cell) = cell {
        let level = mark.level.filter(|level| *level >= Level::Warning);
        cell.level = cell.level.max(level);
        cell.hit |= mark.hit;
        cell.mark |= mark.mark;
    }
}
