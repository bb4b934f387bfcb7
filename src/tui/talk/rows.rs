//! A conversation as rows of one width. An entry is made into rows again only when it changed; an answer that grows, only
//! from the paragraph on that grew.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entries::{id_of, joined, plain, rows, thought_head};
use crate::engine::{Entry, EntryId, Transcript};
use crate::text::SafeText;
use crate::tui::theme::Role;
use crate::tui::widgets::{TextRow, markdown};

/// Cells before each row, for marks and glyphs.
pub(in crate::tui) const TALK_GUTTER: u16 = 2;

/// What opens and closes code.
const FENCES: [&str; 2] = ["```", "~~~"];

/// Code, and thoughts, are cut into parts of so many lines.
const LONG_CODE: usize = 100;

/// Text without a blank line is cut into parts of so many bytes, at a line that begins something of its own; into parts of so
/// many at any line.
const LONG_TEXT: usize = 8 << 10;
const LONGEST_TEXT: usize = 32 << 10;

/// The rows of a conversation.
#[derive(Debug, Clone, Default)]
pub struct TalkRows {
    cells: usize,
    blocks: Vec<Block>,
    total: usize,
    revision: u64,
    found: Found,
}

/// An entry as rows.
#[derive(Debug, Clone)]
struct Block {
    entry: Arc<Entry>,
    id: EntryId,
    unfolded: bool,
    /// Blank rows before it.
    gap: usize,
    /// Number of its first row, the blank ones before it included.
    start: usize,
    parts: Vec<Part>,
}

/// A part of an entry that is not looked at again while its lines stay: a paragraph, a list, a block of code.
#[derive(Debug, Clone)]
struct Part {
    /// How many lines of the entry it stands for.
    lines: usize,
    /// Number of its first row within the entry.
    start: usize,
    /// What goes on in the next part.
    open: Option<Open>,
    rows: Arc<[TextRow]>,
}

/// What is not over at the end of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Code inside this fence.
    Code(&'static str),
    /// Text.
    Text,
}

/// Rows that a search hit, and what for.
#[derive(Debug, Clone, Default)]
struct Found {
    text: String,
    revision: u64,
    rows: Vec<usize>,
}

/// A row as it is to be drawn.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Seen<'a> {
    /// Whose.
    pub(in crate::tui) entry: &'a Entry,
    /// The how manyth row of the entry.
    pub(in crate::tui) place: usize,
    /// The row; none: it is blank.
    pub(in crate::tui) row: Option<&'a TextRow>,
}

impl TalkRows {
    /// Brings the rows up to the picture. Tells whether any changed.
    pub fn follow(
        &mut self,
        transcript: &Transcript,
        unfolded: &BTreeSet<EntryId>,
        cells: usize,
    ) -> bool {
        if cells != self.cells {
            self.cells = cells;
            self.blocks.clear();
        }
        let gone = self.gone(transcript);
        self.blocks.drain(..gone);
        let mut changed = gone > 0 || self.blocks.len() > transcript.entries.len();
        self.blocks.truncate(transcript.entries.len());
        for (place, entry) in transcript.entries.iter().enumerate() {
            let open = unfolded.contains(&id_of(entry));
            let known = self.blocks.get_mut(place);
            if let Some(block) = known {
                if Arc::ptr_eq(&block.entry, entry) && block.unfolded == open {
                    continue;
                }
                *block = Block::new(entry, open, cells, Some(block));
            } else {
                self.blocks.push(Block::new(entry, open, cells, None));
            }
            changed = true;
        }
        if changed {
            self.count();
        }
        changed
    }

    /// How many blocks at the beginning are of entries that were dropped.
    fn gone(&self, transcript: &Transcript) -> usize {
        let first = transcript.entries.first().map(|entry| id_of(entry));
        let at = self.blocks.iter().position(|block| Some(block.id) == first);
        at.unwrap_or(self.blocks.len())
    }

    fn count(&mut self) {
        let mut start = 0;
        let mut before: Option<&Arc<Entry>> = None;
        for block in &mut self.blocks {
            block.gap = match before {
                Some(before) => usize::from(!holds_together(before, &block.entry)),
                None => 0,
            };
            block.start = start;
            start += block.gap + block.height();
            before = Some(&block.entry);
        }
        self.total = start;
        self.revision += 1;
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.total
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The row of this number.
    pub(in crate::tui) fn row(&self, number: usize) -> Option<Seen<'_>> {
        let block = self.block_at(number)?;
        let place = (number - block.start).checked_sub(block.gap);
        Some(Seen {
            entry: &block.entry,
            place: place.unwrap_or(0),
            row: place.and_then(|place| block.row(place)),
        })
    }

    fn block_at(&self, number: usize) -> Option<&Block> {
        let after = self.blocks.partition_point(|block| block.start <= number);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        (number < block.start + block.gap + block.height()).then_some(block)
    }

    /// The entry that this row belongs to.
    pub(in crate::tui) fn entry_at(&self, number: usize) -> Option<EntryId> {
        self.block_at(number).map(|block| block.id)
    }

    /// The first row of an entry, and the one after its last.
    pub(in crate::tui) fn span(&self, id: EntryId) -> Option<(usize, usize)> {
        let block = self.blocks.iter().find(|block| block.id == id)?;
        let first = block.start + block.gap;
        Some((first, first + block.height()))
    }

    /// Numbers of the rows that hold this text, whatever its case; looked for again only where something changed.
    pub(in crate::tui) fn search(&mut self, text: &str) -> &[usize] {
        if self.found.text != text || self.found.revision != self.revision {
            let wanted = text.to_lowercase();
            let is_hit = |number: &usize| {
                let row = self.row(*number).and_then(|seen| seen.row);
                row.is_some_and(|row| row.text().to_lowercase().contains(&wanted))
            };
            let hits = if text.is_empty() {
                Vec::new()
            } else {
                (0..self.total).filter(is_hit).collect()
            };
            self.found = Found {
                text: text.to_owned(),
                revision: self.revision,
                rows: hits,
            };
        }
        &self.found.rows
    }

    /// The hits of the last search.
    pub(in crate::tui) fn hits(&self) -> &[usize] {
        &self.found.rows
    }
}

/// Calls in a row stand without blanks between them.
fn holds_together(before: &Entry, after: &Entry) -> bool {
    matches!(
        (before, after),
        (
            Entry::Call(_) | Entry::Runbook { .. } | Entry::Thought { .. },
            Entry::Call(_)
        ) | (
            Entry::Call(_),
            Entry::Findings { .. } | Entry::Thought { .. }
        )
    )
}

impl Block {
    fn new(entry: &Arc<Entry>, unfolded: bool, cells: usize, before: Option<&Self>) -> Self {
        let cells = cells.max(1);
        let parts = match entry.as_ref() {
            Entry::Said { lines, .. } => {
                let before = before.filter(|before| before.id == id_of(entry));
                said(lines, cells, before)
            }
            Entry::Thought {
                lines, draft, took, ..
            } if unfolded => {
                let head = thought_head(*draft, *took, true);
                let before = before.filter(|before| before.id == id_of(entry) && before.unfolded);
                thought(head, lines, cells, before)
            }
            other => vec![Part {
                lines: 0,
                start: 0,
                open: None,
                rows: rows(other, unfolded, cells).into(),
            }],
        };
        Self {
            id: id_of(entry),
            entry: Arc::clone(entry),
            unfolded,
            gap: 0,
            start: 0,
            parts,
        }
    }

    fn height(&self) -> usize {
        self.parts
            .last()
            .map_or(0, |part| part.start + part.rows.len())
    }

    fn row(&self, place: usize) -> Option<&TextRow> {
        let after = self.parts.partition_point(|part| part.start <= place);
        let part = self.parts.get(after.checked_sub(1)?)?;
        part.rows.get(place - part.start)
    }
}

/// An answer in parts; those that the lines still begin with are taken over as they were.
fn said(lines: &[SafeText], cells: usize, before: Option<&Block>) -> Vec<Part> {
    let mut parts = before.map_or_else(Vec::new, |before| kept(lines, before));
    let mut from: usize = parts.iter().map(|part| part.lines).sum();
    while from < lines.len() {
        let rest = lines.get(from..).unwrap_or_default();
        let open = parts.last().and_then(|part: &Part| part.open);
        let (upto, left_open) = segment(rest, open);
        let mut text = joined(rest.get(..upto).unwrap_or_default());
        if let Some(Open::Code(fence)) = open {
            // Long code goes on: it has no second head.
            text.insert(0, '\n');
            text.insert_str(0, fence);
        }
        let mut rows = markdown(&text, cells);
        if from > 0 && open.is_none() && !rows.is_empty() {
            rows.insert(0, TextRow::default());
        }
        let start = parts.last().map_or(0, |part| part.start + part.rows.len());
        parts.push(Part {
            lines: upto,
            start,
            open: left_open,
            rows: rows.into(),
        });
        from += upto;
    }
    parts
}

/// A thought in parts below its head, which tells the time and changes with it.
fn thought(head: TextRow, lines: &[SafeText], cells: usize, before: Option<&Block>) -> Vec<Part> {
    let part = |lines, start, rows| Part {
        lines,
        start,
        open: None,
        rows,
    };
    let kept = before.map_or_else(Vec::new, |before| kept(lines, before));
    let mut parts = vec![part(0, 0, [head].into())];
    parts.extend(kept.into_iter().skip(1));
    let from: usize = parts.iter().map(|part| part.lines).sum();
    for lines in lines.get(from..).unwrap_or_default().chunks(LONG_CODE) {
        let start = parts.last().map_or(0, |part| part.start + part.rows.len());
        let rows = plain(lines, Role::Dim, cells).into();
        parts.push(part(lines.len(), start, rows));
    }
    parts
}

/// The parts whose lines are unchanged; the last is made anew, because what comes may belong to it.
fn kept(lines: &[SafeText], before: &Block) -> Vec<Part> {
    let (Entry::Said { lines: old, .. } | Entry::Thought { lines: old, .. }) =
        before.entry.as_ref()
    else {
        return Vec::new();
    };
    let same = |(old, new): &(&SafeText, &SafeText)| {
        let (old, new) = (old.as_str(), new.as_str());
        std::ptr::eq(old, new) || old == new
    };
    let common = old.iter().zip(lines).take_while(same).count();
    let mut upto = 0;
    let mut parts = Vec::new();
    let all = before.parts.len().saturating_sub(1);
    for part in before.parts.iter().take(all) {
        upto += part.lines;
        if upto > common {
            break;
        }
        parts.push(part.clone());
    }
    parts
}

/// How many lines the first part takes, and what it leaves open: up to a blank line outside of code, behind which no line is
/// indented; long code and long text in pieces.
fn segment(lines: &[SafeText], open: Option<Open>) -> (usize, Option<Open>) {
    let mut fence = match open {
        Some(Open::Code(fence)) => Some(fence),
        Some(Open::Text) | None => None,
    };
    let mut blank = false;
    let mut bytes = 0;
    for (place, line) in lines.iter().enumerate() {
        let line = line.as_str();
        let trimmed = line.trim_start();
        let begins = !trimmed.is_empty() && trimmed.len() == line.len();
        if blank && fence.is_none() && begins {
            return (place, None);
        }
        if fence.is_none()
            && (bytes >= LONG_TEXT && begins && !trimmed.starts_with('|') || bytes >= LONGEST_TEXT)
        {
            return (place, Some(Open::Text));
        }
        bytes += line.len() + 1;
        blank = trimmed.is_empty() && fence.is_none();
        fence = match fence {
            Some(mark) if trimmed.trim_end() == mark => None,
            Some(mark) if place >= LONG_CODE => return (place, Some(Open::Code(mark))),
            Some(mark) => Some(mark),
            None => FENCES.into_iter().find(|mark| trimmed.starts_with(mark)),
        };
    }
    (lines.len(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_entry(id: u64, text: &str) -> Arc<Entry> {
        Arc::new(Entry::Said {
            id: EntryId(id),
            lines: text.split('\n').map(SafeText::new).collect(),
            draft: true,
        })
    }

    fn transcript(entries: Vec<Arc<Entry>>) -> Transcript {
        Transcript {
            entries,
            ..Transcript::default()
        }
    }

    fn text(rows: &TalkRows) -> Vec<String> {
        (0..rows.len())
            .map(|n| {
                rows.row(n)
                    .and_then(|seen| seen.row)
                    .map_or_else(String::new, TextRow::text)
            })
            .collect()
    }

    #[test]
    fn a_growing_answer_keeps_the_rows_of_its_finished_paragraphs() {
        let mut rows = TalkRows::default();
        let none = BTreeSet::new();
        let begin = "one\n\n```sh\na\n\nb\n```\n\ntwo";
        assert!(rows.follow(&transcript(vec![said_entry(1, begin)]), &none, 20));
        let before: Vec<Arc<[TextRow]>> = rows.blocks[0]
            .parts
            .iter()
            .map(|p| Arc::clone(&p.rows))
            .collect();
        assert_eq!(before.len(), 3);
        let grown = transcript(vec![said_entry(1, &format!("{begin} and more"))]);
        assert!(rows.follow(&grown, &none, 20));
        assert!(Arc::ptr_eq(&before[0], &rows.blocks[0].parts[0].rows));
        assert!(Arc::ptr_eq(&before[1], &rows.blocks[0].parts[1].rows));
        assert_eq!(
            text(&rows),
            ["one", "", "╭ sh", "│ a", "│ ", "│ b", "", "two and more"]
        );
        assert!(!rows.follow(&grown, &none, 20), "nothing changed");
    }

    #[test]
    fn long_code_is_made_in_pieces_that_look_like_one() {
        let mut rows = TalkRows::default();
        let none = BTreeSet::new();
        let code: Vec<String> = (0..350).map(|n| format!("line {n}")).collect();
        let all = format!("```sh\n{}\n```\nafter\n\nend", code.join("\n"));
        rows.follow(&transcript(vec![said_entry(1, &all)]), &none, 40);
        assert!(rows.blocks[0].parts.len() >= 4);
        let shown = text(&rows);
        assert_eq!(shown.len(), 351 + 4);
        assert_eq!(&shown[..2], ["╭ sh", "│ line 0"]);
        assert_eq!(&shown[100..103], ["│ line 99", "│ line 100", "│ line 101"]);
        assert_eq!(&shown[350..], ["│ line 349", "", "after", "", "end"]);
    }

    #[test]
    fn long_text_without_a_blank_line_is_made_in_pieces_that_look_like_one() {
        let none = BTreeSet::new();
        let list: Vec<String> = (1..=2_000)
            .map(|n| format!("{n}. line of a long list"))
            .collect();
        let mut rows = TalkRows::default();
        rows.follow(
            &transcript(vec![said_entry(1, &list.join("\n"))]),
            &none,
            40,
        );
        assert_eq!(text(&rows), list);
        let before: Vec<_> = rows.blocks[0]
            .parts
            .iter()
            .map(|p| Arc::clone(&p.rows))
            .collect();
        assert!(before.len() >= 5, "{}", before.len());
        let grown = said_entry(1, &format!("{}\n2001. end", list.join("\n")));
        rows.follow(&transcript(vec![grown]), &none, 40);
        let parts = &rows.blocks[0].parts;
        let kept = before
            .iter()
            .zip(parts)
            .filter(|(was, is)| Arc::ptr_eq(was, &is.rows));
        assert_eq!(kept.count(), before.len() - 1);
        assert_eq!(rows.len(), 2_001);
    }

    #[test]
    fn a_thought_in_full_grows_by_what_is_new() {
        let entry = |lines: usize, draft| {
            Arc::new(Entry::Thought {
                id: EntryId(1),
                lines: (0..lines).map(|n| format!("thought {n}").into()).collect(),
                draft,
                took: std::time::Duration::from_secs(3),
            })
        };
        let mut rows = TalkRows::default();
        let unfolded = BTreeSet::from([EntryId(1)]);
        rows.follow(&transcript(vec![entry(950, true)]), &unfolded, 40);
        let before: Vec<_> = rows.blocks[0]
            .parts
            .iter()
            .map(|p| Arc::clone(&p.rows))
            .collect();
        rows.follow(&transcript(vec![entry(1_000, false)]), &unfolded, 40);
        let parts = &rows.blocks[0].parts;
        let kept = before
            .iter()
            .zip(parts)
            .filter(|(was, is)| Arc::ptr_eq(was, &is.rows));
        assert_eq!(kept.count(), 9);
        let shown = text(&rows);
        assert!(shown[0].starts_with("thought for 3"), "{}", shown[0]);
        assert_eq!((shown.len(), shown[1000].as_str()), (1_001, "thought 999"));
        rows.follow(&transcript(vec![entry(1_000, false)]), &BTreeSet::new(), 40);
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn a_long_table_stays_one() {
        let line = |n: usize| format!("| host {n} | {} GiB |", n * 7);
        let body: Vec<String> = (0..700).map(line).collect();
        let all = format!("| host | free |\n|---|---|\n{}", body.join("\n"));
        let mut rows = TalkRows::default();
        rows.follow(&transcript(vec![said_entry(1, &all)]), &BTreeSet::new(), 40);
        assert_eq!(rows.blocks[0].parts.len(), 1);
        assert_eq!(rows.len(), 702);
    }

    #[test]
    fn entries_that_were_dropped_take_their_rows_along() {
        let mut rows = TalkRows::default();
        let none = BTreeSet::new();
        let all = vec![said_entry(1, "a"), said_entry(2, "b"), said_entry(3, "c")];
        rows.follow(&transcript(all.clone()), &none, 20);
        assert_eq!(text(&rows), ["a", "", "b", "", "c"]);
        assert_eq!(rows.span(EntryId(2)), Some((2, 3)));
        rows.follow(&transcript(all[1..].to_vec()), &none, 20);
        assert_eq!(text(&rows), ["b", "", "c"]);
        assert_eq!(rows.entry_at(1), Some(EntryId(3)));
        assert_eq!(rows.search("C"), [2]);
        rows.follow(&transcript(vec![said_entry(9, "z")]), &none, 20);
        assert_eq!(text(&rows), ["z"]);
        assert!(rows.search("C").is_empty());
    }

    /// What a draw costs must not grow with what stands above it: a hundred thousand deltas into one answer.
    #[test]
    fn only_the_last_paragraph_of_a_long_answer_is_made_anew() {
        let mut rows = TalkRows::default();
        let none = BTreeSet::new();
        let paragraph = "words that go on and on until the row is full and another begins";
        let mut lines: Vec<SafeText> = Vec::new();
        for n in 0..2_000 {
            lines.push(SafeText::new(&format!("{n} {paragraph}")));
            lines.push(SafeText::default());
        }
        let entry = |lines: &[SafeText]| {
            Arc::new(Entry::Said {
                id: EntryId(1),
                lines: lines.to_vec(),
                draft: true,
            })
        };
        rows.follow(&transcript(vec![entry(&lines)]), &none, 40);
        let before: Vec<_> = rows.blocks[0]
            .parts
            .iter()
            .map(|p| Arc::clone(&p.rows))
            .collect();
        lines.push(SafeText::new("delta"));
        rows.follow(&transcript(vec![entry(&lines)]), &none, 40);
        let kept = rows.blocks[0]
            .parts
            .iter()
            .zip(&before)
            .filter(|(part, rows)| Arc::ptr_eq(&part.rows, rows))
            .count();
        assert_eq!(kept, before.len() - 1);
    }
}
