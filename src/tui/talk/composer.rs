//! The draft of a question: several lines, with undo, a bounded paste and the questions asked before. No key is decided
//! upon here.

use tui_textarea::{CursorMove, TextArea, WrapMode};

use crate::text::SafeText;
use crate::text::width;
use crate::tui::action::Action;

/// Longest draft, in bytes.
pub const LONGEST_DRAFT: usize = 100_000;

/// Questions that are kept to be asked again.
const HISTORY: usize = 100;

/// The draft of a question.
#[derive(Debug, Clone)]
pub struct Composer {
    text: TextArea<'static>,
    history: Vec<String>,
    /// Where in the history it stands, and the draft that waits below it.
    recalled: Option<(usize, String)>,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            text: area(""),
            history: Vec::new(),
            recalled: None,
        }
    }
}

/// What became of a text that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// All of it is there.
    Whole,
    /// So many bytes did not fit.
    Cut(usize),
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    let plain = ratatui::style::Style::new();
    // The terminal's own cursor stands there.
    area.set_cursor_style(plain);
    area.set_cursor_line_style(plain);
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.set_max_histories(200);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

impl Composer {
    /// The widget, to be drawn.
    pub(in crate::tui) fn area(&self) -> &TextArea<'static> {
        &self.text
    }

    /// The text; lines parted by `\n`.
    pub fn text(&self) -> String {
        self.text.lines().join("\n")
    }

    /// Whether nothing but blanks is in it.
    pub fn is_blank(&self) -> bool {
        self.text.lines().iter().all(|line| line.trim().is_empty())
    }

    /// Rows that it takes in this many cells, up to a limit.
    pub fn rows(&self, cells: usize, most: usize) -> usize {
        let cells = cells.max(1);
        let mut rows = 0;
        for line in self.text.lines() {
            // The caret needs a cell of its own behind the last character.
            rows += (width(line) + 1).div_ceil(cells).max(1);
            if rows >= most {
                return most;
            }
        }
        rows
    }

    /// Puts a text in the place of the draft.
    pub fn set(&mut self, text: &str) -> Inserted {
        self.text = area("");
        self.recalled = None;
        self.insert(text)
    }

    /// Puts a text at the caret, cleaned of what could fool a reader, as far as it fits.
    pub fn insert(&mut self, text: &str) -> Inserted {
        let taken: usize = self.text.lines().iter().map(|line| line.len() + 1).sum();
        let room = LONGEST_DRAFT.saturating_sub(taken);
        let clean = cleaned(text);
        let fits = clean.get(..clean.floor_char_boundary(room));
        let fits = fits.unwrap_or_default();
        if !fits.is_empty() {
            self.text.insert_str(fits);
        }
        match clean.len() - fits.len() {
            0 => Inserted::Whole,
            cut => Inserted::Cut(cut),
        }
    }

    /// Puts a text behind the draft, on a line of its own.
    pub fn append(&mut self, text: &str) -> Inserted {
        self.text.move_cursor(CursorMove::Bottom);
        self.text.move_cursor(CursorMove::End);
        self.insert(&format!("\n{text}"))
    }

    /// The newest questions that were asked, so many of them, one below the other.
    pub fn last(&self, many: usize) -> Option<String> {
        let from = self.history.len().checked_sub(many)?;
        self.history.get(from..).map(|kept| kept.join("\n"))
    }

    /// Takes the draft away, and keeps it to be recalled.
    pub fn take(&mut self) -> String {
        let text = self.text();
        self.keep(&text);
        self.text = area("");
        self.recalled = None;
        text
    }

    /// Keeps a question to be recalled.
    pub fn keep(&mut self, text: &str) {
        if !text.trim().is_empty() && self.history.last().is_none_or(|last| last != text) {
            self.history.push(text.to_owned());
            let over = self.history.len().saturating_sub(HISTORY);
            self.history.drain(..over);
        }
    }

    /// Does an act of typing; false when it is none.
    pub fn edit(&mut self, action: Action) -> bool {
        match action {
            Action::Left => self.text.move_cursor(CursorMove::Back),
            Action::Right => self.text.move_cursor(CursorMove::Forward),
            Action::LineStart => self.text.move_cursor(CursorMove::Head),
            Action::LineEnd => self.text.move_cursor(CursorMove::End),
            Action::WordLeft => self.text.move_cursor(CursorMove::WordBack),
            Action::WordRight => self.text.move_cursor(CursorMove::WordForward),
            Action::DeleteBack => drop(self.text.delete_char()),
            Action::DeleteForward => drop(self.text.delete_next_char()),
            Action::DeleteWord => drop(self.text.delete_word()),
            Action::DeleteToStart => drop(self.text.delete_line_by_head()),
            Action::DeleteToEnd => drop(self.text.delete_line_by_end()),
            Action::NewLine => drop(self.insert("\n")),
            Action::Undo => drop(self.text.undo()),
            Action::Redo => drop(self.text.redo()),
            Action::Previous => self.up(),
            Action::Next => self.down(),
            _ => return false,
        }
        true
    }

    /// A row up; from the first, to the question asked before.
    fn up(&mut self) {
        if self.text.screen_cursor().row > 0 {
            self.text.move_cursor(CursorMove::Up);
            return;
        }
        let (at, draft) = match self.recalled.take() {
            Some((at, draft)) => (at.saturating_sub(1), draft),
            None => (self.history.len().saturating_sub(1), self.text()),
        };
        if let Some(text) = self.history.get(at).cloned() {
            self.text = area(&text);
            self.recalled = Some((at, draft));
        }
    }

    /// A row down; from the last, to the question asked after, and in the end to the draft.
    fn down(&mut self) {
        let before = self.text.screen_cursor().row;
        self.text.move_cursor(CursorMove::Down);
        if self.text.screen_cursor().row > before {
            return;
        }
        let Some((at, draft)) = self.recalled.take() else {
            return;
        };
        match self.history.get(at + 1).cloned() {
            Some(text) => {
                self.text = area(&text);
                self.recalled = Some((at + 1, draft));
            }
            None => self.text = area(&draft),
        }
    }
}

/// A text in lines of clean text.
fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut clean = String::with_capacity(text.len());
    for (place, line) in text.split('\n').enumerate() {
        if place > 0 {
            clean.push('\n');
        }
        let spaced = line.replace('\t', "    ");
        clean.push_str(SafeText::new(&spaced).as_str());
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Composer {
        let mut composer = Composer::default();
        composer.insert(text);
        composer
    }

    #[test]
    fn a_draft_has_lines_undo_and_a_bounded_clean_paste() {
        let mut draft = typed("one");
        assert!(draft.edit(Action::NewLine));
        draft.insert("two\u{1b}[31m\u{202e}");
        assert!(!draft.text().contains(['\u{1b}', '\u{202e}']));
        assert!(draft.text().starts_with("one\ntwo"));
        draft.edit(Action::Undo);
        assert_eq!(draft.text(), "one\n");
        draft.edit(Action::Redo);
        assert!(draft.text().starts_with("one\ntwo"));
        let mut draft = Composer::default();
        let Inserted::Cut(cut) = draft.insert(&"é".repeat(LONGEST_DRAFT)) else {
            panic!("nothing was cut");
        };
        assert!(cut >= LONGEST_DRAFT);
        assert!(draft.text().len() <= LONGEST_DRAFT);
        assert!(!draft.edit(Action::Submit));
    }

    #[test]
    fn questions_are_recalled_at_the_edges_and_the_draft_comes_back() {
        let mut draft = typed("first");
        assert_eq!(draft.take(), "first");
        draft.insert("second");
        draft.take();
        draft.insert("draft");
        draft.edit(Action::Previous);
        assert_eq!(draft.text(), "second");
        draft.edit(Action::Previous);
        assert_eq!(draft.text(), "first");
        draft.edit(Action::Previous);
        assert_eq!(draft.text(), "first");
        draft.edit(Action::Next);
        draft.edit(Action::Next);
        assert_eq!(draft.text(), "draft");
        draft.edit(Action::Next);
        assert_eq!(draft.text(), "draft");
    }

    #[test]
    fn rows_are_counted_for_the_box() {
        assert_eq!(typed("").rows(10, 8), 1);
        assert_eq!(typed("0123456789").rows(10, 8), 2);
        assert_eq!(typed("a\nb\nc").rows(10, 8), 3);
        assert_eq!(typed(&"a\n".repeat(50)).rows(10, 8), 8);
    }
}
