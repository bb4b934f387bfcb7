//! Pieces of text with their roles, in rows of at most so many cells. One pass over the text, whatever its length.

use unicode_segmentation::UnicodeSegmentation as _;

use super::pen::Pen;
use crate::text::{SafeText, width};
use crate::tui::theme::Role;

/// A text with the meaning of its look. What is drawn of foreign text is clean by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text, on one row.
    pub text: SafeText,
    /// Its look.
    pub role: Role,
}

impl Piece {
    /// A piece of this text.
    pub(in crate::tui) fn new(text: impl Into<SafeText>, role: Role) -> Self {
        Self {
            text: text.into(),
            role,
        }
    }

    /// Cells that it takes.
    pub(in crate::tui) fn cells(&self) -> usize {
        width(self.text.as_str())
    }
}

/// A row of text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRow(pub Vec<Piece>);

impl TextRow {
    /// A row of one piece.
    pub(in crate::tui) fn of(text: impl Into<SafeText>, role: Role) -> Self {
        Self(vec![Piece::new(text, role)])
    }

    /// Its text without its looks.
    pub fn text(&self) -> String {
        self.0.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Writes it.
    pub(in crate::tui) fn draw(&self, pen: &mut Pen<'_>) {
        for piece in &self.0 {
            pen.put(piece.text.as_str(), piece.role);
        }
    }
}

/// How a text is broken into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Break {
    /// At blanks; words that are too long anywhere.
    Words,
    /// Anywhere, and every blank stays: code.
    Anywhere,
}

/// The pieces in rows of at most so many cells, the first behind `first`, the others behind `rest`, which are as wide.
pub(in crate::tui) fn flow(
    pieces: &[Piece],
    how: Break,
    cells: usize,
    (first, rest): (&[Piece], &[Piece]),
) -> Vec<TextRow> {
    let taken: usize = first.iter().map(Piece::cells).sum();
    let mut flow = Flow {
        cells: cells.saturating_sub(taken).max(1),
        how,
        rest,
        rows: Vec::new(),
        marks: first,
        row: Run::default(),
        used: 0,
        word: Run::default(),
        blanks: 0,
        blank_role: Role::Text,
    };
    for piece in pieces {
        let text = piece.text.as_str();
        if text.is_ascii() && how == Break::Words {
            flow.words(text, piece.role);
        } else {
            flow.letters(text, piece.role);
        }
    }
    flow.end()
}

/// Text that is being gathered; neighbours of one look are one piece: a row costs memory by its pieces.
#[derive(Default)]
struct Run {
    pieces: Vec<(String, Role)>,
    cells: usize,
}

impl Run {
    fn push(&mut self, text: &str, cells: usize, role: Role) {
        match self.pieces.last_mut() {
            Some((last, of)) if *of == role => last.push_str(text),
            _ => self.pieces.push((text.to_owned(), role)),
        }
        self.cells += cells;
    }
}

struct Flow<'a> {
    cells: usize,
    how: Break,
    rest: &'a [Piece],
    rows: Vec<TextRow>,
    /// What this row begins with.
    marks: &'a [Piece],
    row: Run,
    used: usize,
    word: Run,
    blanks: usize,
    blank_role: Role,
}

impl Flow<'_> {
    /// Clean ASCII: a byte is a cell.
    fn words(&mut self, text: &str, role: Role) {
        for (place, word) in text.split(' ').enumerate() {
            if place > 0 {
                self.blank(role);
            }
            if self.word.cells + word.len() > self.cells {
                self.letters(word, role);
            } else if !word.is_empty() {
                self.word.push(word, word.len(), role);
            }
        }
    }

    fn letters(&mut self, text: &str, role: Role) {
        for grapheme in text.graphemes(true) {
            self.letter(grapheme, role);
        }
    }

    fn blank(&mut self, role: Role) {
        self.place();
        self.blanks += 1;
        self.blank_role = role;
    }

    fn letter(&mut self, grapheme: &str, role: Role) {
        if grapheme == " " && self.how == Break::Words {
            return self.blank(role);
        }
        let cells = width(grapheme);
        if self.how == Break::Anywhere {
            if self.used + self.word.cells + cells > self.cells {
                self.place();
                self.turn();
            }
        } else if self.word.cells + cells > self.cells {
            self.place();
        }
        self.word.push(grapheme, cells, role);
    }

    /// Puts the word on this row, or on the next where it does not fit.
    fn place(&mut self) {
        let word = std::mem::take(&mut self.word);
        if word.pieces.is_empty() {
            return;
        }
        if self.used > 0 && self.used + self.blanks + word.cells > self.cells {
            self.turn();
        }
        let blanks = std::mem::take(&mut self.blanks);
        if self.used > 0 && blanks > 0 {
            self.row.push(&" ".repeat(blanks), blanks, self.blank_role);
            self.used += blanks;
        }
        for (text, role) in word.pieces {
            self.row.push(&text, 0, role);
        }
        self.used += word.cells;
    }

    fn turn(&mut self) {
        self.write();
        self.marks = self.rest;
        self.used = 0;
        self.blanks = 0;
    }

    fn write(&mut self) {
        let gathered = std::mem::take(&mut self.row).pieces;
        let gathered = gathered.into_iter();
        let pieces = gathered.map(|(text, role)| Piece::new(text, role));
        let row = self.marks.iter().cloned().chain(pieces).collect();
        self.rows.push(TextRow(row));
    }

    fn end(mut self) -> Vec<TextRow> {
        self.place();
        self.write();
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, how: Break, cells: usize) -> Vec<String> {
        let mark = [Piece::new("• ", Role::Dim)];
        let blank = [Piece::new("  ", Role::Dim)];
        flow(&[Piece::new(text, Role::Text)], how, cells, (&mark, &blank))
            .iter()
            .map(TextRow::text)
            .collect()
    }

    #[test]
    fn words_go_on_below_behind_their_mark() {
        assert_eq!(
            shown("kill -s TERM 4121", Break::Words, 11),
            ["• kill -s", "  TERM 4121"]
        );
        assert_eq!(
            shown("abcdefgh", Break::Words, 5),
            ["• abc", "  def", "  gh"]
        );
        assert_eq!(shown("a  b", Break::Words, 9), ["• a  b"]);
        assert_eq!(shown("", Break::Words, 9), ["• "]);
        assert_eq!(shown("日本語", Break::Words, 1), ["• 日", "  本", "  語"]);
    }

    #[test]
    fn code_keeps_its_blanks() {
        assert_eq!(
            shown("    if x {", Break::Anywhere, 8),
            ["•     if", "   x {"]
        );
    }

    #[test]
    fn roles_stay_with_their_text_across_rows() {
        let pieces = [
            Piece::new("use ", Role::Text),
            Piece::new("df -h", Role::Code),
            Piece::new(" now", Role::Text),
        ];
        let rows = flow(&pieces, Break::Words, 7, (&[], &[]));
        let roles: Vec<Vec<Role>> = rows
            .iter()
            .map(|row| row.0.iter().map(|piece| piece.role).collect())
            .collect();
        assert_eq!(
            rows.iter().map(TextRow::text).collect::<Vec<_>>(),
            ["use df", "-h now"]
        );
        assert_eq!(roles, [[Role::Text, Role::Code], [Role::Code, Role::Text]]);
    }

    #[test]
    fn a_row_of_one_look_is_one_piece() {
        for text in [
            "many short words  in a row",
            "viele kürzere Wörter in Reihe",
        ] {
            let rows = flow(
                &[Piece::new(text, Role::Text)],
                Break::Words,
                12,
                (&[], &[]),
            );
            assert!(rows.iter().all(|row| row.0.len() == 1), "{rows:?}");
        }
    }

    #[test]
    fn a_megabyte_without_a_blank_is_one_pass() {
        let rows = shown(&"x".repeat(1_000_000), Break::Words, 82);
        assert_eq!(rows.len(), 12_500);
    }
}
