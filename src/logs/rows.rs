//! Rows of a buffer: which they are, how many stand before one, and the one with so many before it.

use super::block::{Block, Flag, Key, Line};
use super::buffer::{Buffer, Spot};

impl Buffer {
    /// All rows.
    pub(super) fn rows(&self) -> u64 {
        self.blocks
            .iter()
            .map(|block| u64::from(block.rows()))
            .sum()
    }

    /// Tells every block whether its last row goes on in the next.
    pub(super) fn join(&mut self, fold: bool) {
        let mut next = None;
        for block in self.blocks.iter_mut().rev() {
            if block.tally.shown == 0 {
                block.tally.joined = false;
                continue;
            }
            block.tally.joined = fold && block.tally.last.is_some() && block.tally.last == next;
            next = block.tally.first;
        }
    }

    /// The row that is so many from the first.
    pub(super) fn row(&self, mut rank: u64) -> Option<Spot> {
        for (number, block) in self.blocks.iter().enumerate() {
            let rows = u64::from(block.rows());
            if rank >= rows {
                rank -= rows;
                continue;
            }
            let line = (0..block.len())
                .filter(|at| block.is_row(*at))
                .nth(usize::try_from(rank).ok()?)?;
            return Some(Spot {
                block: number,
                line,
            });
        }
        None
    }

    /// The first row from this line on: the one that the line is in, or the next.
    pub(super) fn row_from(&self, spot: Spot) -> Option<Spot> {
        let mut first = spot.line;
        for (number, block) in self.blocks.iter().enumerate().skip(spot.block) {
            let from = std::mem::take(&mut first);
            if block.rows() == 0 {
                continue;
            }
            if let Some(line) = (from..block.len()).find(|at| block.is_row(*at)) {
                return Some(Spot {
                    block: number,
                    line,
                });
            }
        }
        None
    }

    pub(super) fn last_row(&self) -> Option<Spot> {
        let (number, block) = self
            .blocks
            .iter()
            .enumerate()
            .rfind(|(_, block)| block.rows() > 0)?;
        let line = (0..block.len()).rfind(|at| block.is_row(*at))?;
        Some(Spot {
            block: number,
            line,
        })
    }

    /// How many rows stand before this one.
    pub(super) fn rank(&self, spot: Spot) -> u64 {
        let before = self.blocks.iter().take(spot.block).map(Block::rows);
        let within = self.blocks.get(spot.block).map_or(0, |block| {
            (0..spot.line.min(block.len()))
                .filter(|at| block.is_row(*at))
                .count()
        });
        before.map(u64::from).sum::<u64>() + within as u64
    }

    /// How many lines a row has, and the first of them.
    pub(super) fn row_lines(&self, row: Spot) -> (u64, Spot) {
        let (mut count, mut first) = (0, row);
        let mut end = row.line + 1;
        for (number, block) in self.blocks.iter().enumerate().take(row.block + 1).rev() {
            if number < row.block {
                if block.tally.shown == 0 {
                    continue;
                }
                if !block.tally.joined {
                    break;
                }
                end = block.len();
                // A block that is all one row is not walked.
                if block.tally.ends == 1 {
                    count += u64::from(block.tally.shown);
                    first = Spot {
                        block: number,
                        line: 0,
                    };
                    continue;
                }
            }
            for at in (0..end).rev() {
                let here = Spot {
                    block: number,
                    line: at,
                };
                if here != row && block.is_row(at) {
                    return (count, first);
                }
                if block
                    .lines()
                    .get(at)
                    .is_some_and(|line| line.is(Flag::SHOWN))
                {
                    count += 1;
                    first = here;
                }
            }
        }
        (count, first)
    }

    /// The first shown line after this one for which both the block and the line are wanted.
    pub(super) fn shown_after(
        &self,
        spot: Spot,
        block_wanted: impl Fn(&Block) -> bool,
        wanted: impl Fn(&Line) -> bool,
    ) -> Option<Spot> {
        let after = Spot {
            line: spot.line + 1,
            ..spot
        };
        self.shown_from(after, block_wanted, wanted)
    }

    /// The same, from this line on.
    pub(super) fn shown_from(
        &self,
        spot: Spot,
        block_wanted: impl Fn(&Block) -> bool,
        wanted: impl Fn(&Line) -> bool,
    ) -> Option<Spot> {
        let mut first = spot.line;
        for (number, block) in self.blocks.iter().enumerate().skip(spot.block) {
            let from = std::mem::take(&mut first);
            if block.tally.shown == 0 || !block_wanted(block) {
                continue;
            }
            let found = block
                .lines()
                .iter()
                .enumerate()
                .skip(from)
                .find(|(_, line)| line.is(Flag::SHOWN) && wanted(line));
            if let Some((line, _)) = found {
                return Some(Spot {
                    block: number,
                    line,
                });
            }
        }
        None
    }

    /// The last shown line before this one for which both the block and the line are wanted.
    pub(super) fn shown_before(
        &self,
        spot: Spot,
        block_wanted: impl Fn(&Block) -> bool,
        wanted: impl Fn(&Line) -> bool,
    ) -> Option<Spot> {
        for (number, block) in self.blocks.iter().enumerate().take(spot.block + 1).rev() {
            if block.tally.shown == 0 || !block_wanted(block) {
                continue;
            }
            let end = if number == spot.block {
                spot.line.min(block.len())
            } else {
                block.len()
            };
            let found = block
                .lines()
                .iter()
                .enumerate()
                .take(end)
                .rfind(|(_, line)| line.is(Flag::SHOWN) && wanted(line));
            if let Some((line, _)) = found {
                return Some(Spot {
                    block: number,
                    line,
                });
            }
        }
        None
    }

    /// Rows whose line came with this number or a later one.
    pub(super) fn rows_since(&self, number: u64) -> u64 {
        let of = |block: &Block| {
            if block.rows() == 0 || block.tally.newest < number {
                return 0;
            }
            (0..block.len())
                .filter(|at| {
                    block.is_row(*at)
                        && block
                            .lines()
                            .get(*at)
                            .is_some_and(|l| l.key.number >= number)
                })
                .count() as u64
        };
        self.blocks.iter().map(of).sum()
    }

    pub(super) fn key(&self, spot: Spot) -> Option<Key> {
        self.line(spot).map(|(_, line)| line.key)
    }
}
