//! All lines of a lens: blocks in time order under one cap. A line goes to the end or into its place; the oldest fall out,
//! counted. Knows nothing of screens.

use std::collections::VecDeque;

use super::block::{Block, Key, Line, MOST_LINES, NewLine};

/// A block holds so much of the cap that what falls out at once is not missed, and no more than is quick to walk.
const BLOCKS_IN_CAP: usize = 64;
const LARGEST_BLOCK: usize = 128 * 1024;
const SMALLEST_BLOCK: usize = 1024;

/// Lines in time order, bounded.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) blocks: VecDeque<Block>,
    bytes: usize,
    cap: usize,
    block_bytes: usize,
    lines: u64,
    fallen: u64,
}

/// Where a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) block: usize,
    pub(super) line: usize,
}

impl Buffer {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            bytes: 0,
            cap,
            block_bytes: (cap / BLOCKS_IN_CAP / 2).clamp(SMALLEST_BLOCK, LARGEST_BLOCK),
            lines: 0,
            fallen: 0,
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn fallen(&self) -> u64 {
        self.fallen
    }

    /// What it takes, and may take.
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.bytes, self.cap)
    }

    /// Forgets all lines; they count neither as lines nor as fallen.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        (self.bytes, self.lines) = (0, 0);
    }

    pub(super) fn insert(&mut self, new: &NewLine<'_>) {
        self.put(new.key, |block| block.insert(new));
        self.evict();
    }

    /// Finds the block for a key and has the line put into it.
    fn put(&mut self, key: Key, put: impl FnOnce(&mut Block)) {
        let newest = self.blocks.back().and_then(Block::last);
        let at = if newest.is_none_or(|newest| newest < key) {
            self.room_at_the_end();
            self.blocks.len().saturating_sub(1)
        } else {
            let after = self
                .blocks
                .partition_point(|block| block.first().is_some_and(|first| first <= key));
            after.saturating_sub(1)
        };
        let Some(block) = self.blocks.get_mut(at) else {
            return;
        };
        let before = block.bytes();
        put(block);
        self.bytes = self.bytes + block.bytes() - before;
        self.lines += 1;
        let (len, bytes) = (block.len(), block.text_bytes());
        if len > 2 * MOST_LINES || (bytes > 2 * self.block_bytes && len > 1) {
            self.split(at);
        }
    }

    /// Sees to it that the last block has room.
    fn room_at_the_end(&mut self) {
        let full =
            |block: &Block| block.text_bytes() >= self.block_bytes || block.len() >= MOST_LINES;
        match self.blocks.back_mut() {
            Some(last) if full(last) => {
                let before = last.bytes();
                last.shrink();
                self.bytes = self.bytes + last.bytes() - before;
            }
            Some(_) => return,
            None => {}
        }
        let block = Block::default();
        self.bytes += block.bytes();
        self.blocks.push_back(block);
    }

    fn split(&mut self, at: usize) {
        let Some(block) = self.blocks.get(at) else {
            return;
        };
        let middle = block.len() / 2;
        let older = block.select(|line, _| line < middle);
        let newer = block.select(|line, _| line >= middle);
        self.bytes = self.bytes + older.bytes() + newer.bytes() - block.bytes();
        if let Some(block) = self.blocks.get_mut(at) {
            *block = older;
        }
        self.blocks.insert(at + 1, newer);
    }

    fn evict(&mut self) {
        while self.bytes > self.cap && self.blocks.len() > 1 {
            let Some(oldest) = self.blocks.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.lines -= oldest.len() as u64;
            self.fallen += oldest.len() as u64;
        }
    }

    /// Takes all lines of a source out, in blocks.
    pub(super) fn extract(&mut self, source: u16) -> VecDeque<Block> {
        let mut taken = VecDeque::new();
        for block in std::mem::take(&mut self.blocks) {
            let of_it = |line: &Line| line.source == source;
            if !block.lines().iter().any(of_it) {
                self.blocks.push_back(block);
                continue;
            }
            let kept = block.select(|_, line| !of_it(line));
            let out = block.select(|_, line| of_it(line));
            self.bytes = self.bytes + kept.bytes() - block.bytes();
            self.lines -= out.len() as u64;
            if kept.len() > 0 {
                self.blocks.push_back(kept);
            } else {
                self.bytes -= kept.bytes();
            }
            taken.push_back(out);
        }
        taken
    }

    /// Puts lines that were taken out back, each under a new key.
    pub(super) fn put_back(&mut self, taken: VecDeque<Block>, key: impl Fn(Key) -> Key) {
        for block in taken {
            for line in block.lines() {
                let key = key(line.key);
                let (view_due, search_due) = (block.due.view, block.due.search);
                self.put(key, |into| {
                    into.due.view |= view_due;
                    into.due.search |= search_due;
                    into.adopt(&block, line, key);
                });
            }
        }
        self.evict();
    }

    pub(super) fn line(&self, spot: Spot) -> Option<(&Block, &Line)> {
        let block = self.blocks.get(spot.block)?;
        Some((block, block.lines().get(spot.line)?))
    }

    /// The line with this key.
    pub(super) fn find(&self, key: Key) -> Option<Spot> {
        let spot = self.at_or_after(key);
        self.line(spot)
            .is_some_and(|(_, line)| line.key == key)
            .then_some(spot)
    }

    /// The first line that is not before the key; past the end when there is none.
    pub(super) fn at_or_after(&self, key: Key) -> Spot {
        let block = self
            .blocks
            .partition_point(|block| block.last().is_some_and(|last| last < key));
        let line = self.blocks.get(block).map_or(0, |b| b.position(key));
        Spot { block, line }
    }
}
