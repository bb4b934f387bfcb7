//! Filter, search and folding brought to bear on the buffer: all of it in slices, nearest to the cursor first, so that a
//! picture never waits; new lines as they come.

use super::block::{Block, Flag, Line};
use super::filter::Filter;
use super::fold::template_of;
use super::lens::{Lens, Position, Source};
use super::picture::RowKind;
use super::tally::Tally;

impl Lens {
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
        let nearest = |due: fn(&Block) -> bool| {
            let blocks = self.buffer.blocks.iter().enumerate();
            blocks
                .filter(|(_, block)| due(block))
                .map(|(at, _)| at)
                .min_by_key(|at| at.abs_diff(near))
        };
        if let Some(at) = nearest(|block| block.due.view) {
            self.judge(at);
            let bytes = self.buffer.blocks.get(at).map_or(0, Block::text_bytes);
            let words = self
                .filter
                .as_ref()
                .map_or(0, |(filter, _)| filter.words.len());
            return Some((at, bytes * words.max(1)));
        }
        let at = nearest(|block| block.due.search)?;
        self.search_block(at);
        let bytes = self.buffer.blocks.get(at).map_or(0, Block::text_bytes);
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
            block.tally = Tally {
                marks: block.tally.marks,
                newest: block.tally.newest,
                ..Tally::default()
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

    pub(super) fn recount_all(&mut self) {
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
}

/// Whether all but the words of a filter hold. Rows of our own have no level.
fn passes_but_words(filter: &Filter, sources: &[Option<Source>], line: &Line) -> bool {
    let source = sources
        .get(usize::from(line.source))
        .and_then(Option::as_ref);
    source.is_some_and(|source| source.passes)
        && filter.passes_time(line.key.stamp)
        && (line.kind() != RowKind::Line || filter.passes_level(line.level))
}
