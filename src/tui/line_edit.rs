//! Editing one line (pure): the caret stands on grapheme boundaries, and what is pasted becomes one line without controls.

use unicode_segmentation::UnicodeSegmentation as _;

use super::action::Action;
use super::ui::LineEdit;
use crate::text::SafeText;

/// Longest line that can be typed or pasted, in bytes.
const LONGEST: usize = 4096;

impl LineEdit {
    /// A line that takes the keys, with this text and the caret at its end.
    pub fn typing(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
            active: true,
        }
    }

    /// Puts text at the caret; controls and line ends become spaces or nothing.
    pub fn insert(&mut self, text: &str) {
        let one_line = text.replace(['\n', '\r', '\t'], " ");
        let clean = SafeText::new(&one_line);
        let room = LONGEST.saturating_sub(self.text.len());
        let fits = clean
            .as_str()
            .get(..clean.as_str().floor_char_boundary(room));
        let fits = fits.unwrap_or_default();
        self.text.insert_str(self.caret(), fits);
        self.cursor = self.caret() + fits.len();
    }

    /// Replaces the text and puts the caret at its end.
    pub fn set(&mut self, text: impl Into<String>) {
        self.text = text.into();
        self.cursor = self.text.len();
    }

    /// Does an act of typing; false when it is none.
    pub fn edit(&mut self, action: Action) -> bool {
        let caret = self.caret();
        match action {
            Action::Left => self.cursor = self.before(),
            Action::Right => self.cursor = self.after(),
            Action::LineStart => self.cursor = 0,
            Action::LineEnd => self.cursor = self.text.len(),
            Action::WordLeft => self.cursor = self.word_before(),
            Action::WordRight => self.cursor = self.word_after(),
            Action::DeleteBack => self.remove(self.before(), caret),
            Action::DeleteForward => self.remove(caret, self.after()),
            Action::DeleteWord => self.remove(self.word_before(), caret),
            Action::DeleteToStart => self.remove(0, caret),
            Action::DeleteToEnd => self.remove(caret, self.text.len()),
            _ => return false,
        }
        true
    }

    fn caret(&self) -> usize {
        self.text.floor_char_boundary(self.cursor)
    }

    fn left_part(&self) -> &str {
        self.text.get(..self.caret()).unwrap_or_default()
    }

    fn right_part(&self) -> &str {
        self.text.get(self.caret()..).unwrap_or_default()
    }

    fn before(&self) -> usize {
        self.left_part()
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.caret() + self.right_part().graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let trimmed = self.left_part().trim_end();
        trimmed
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8())
    }

    fn word_after(&self) -> usize {
        let right = self.right_part();
        let word = right.find(char::is_whitespace).unwrap_or(right.len());
        let rest = right.get(word..).unwrap_or_default();
        self.caret() + word + (rest.len() - rest.trim_start().len())
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `|` is the caret.
    fn line(text: &str) -> LineEdit {
        LineEdit {
            cursor: text.find('|').unwrap(),
            text: text.replace('|', ""),
            active: true,
        }
    }

    fn shown(line: &LineEdit) -> String {
        let mut text = line.text.clone();
        text.insert(line.cursor, '|');
        text
    }

    #[test]
    fn acts_of_typing() {
        use Action as A;
        for (before, action, after) in [
            ("ab|c", A::Left, "a|bc"),
            ("|abc", A::Left, "|abc"),
            ("abc|", A::Right, "abc|"),
            ("e\u{301}|x", A::Left, "|e\u{301}x"),
            ("👩‍👩‍👧|", A::DeleteBack, "|"),
            ("ab|c", A::LineStart, "|abc"),
            ("ab|c", A::LineEnd, "abc|"),
            ("go spark-1 |", A::WordLeft, "go |spark-1 "),
            ("|go spark", A::WordRight, "go |spark"),
            ("go spark|", A::DeleteWord, "go |"),
            ("go| spark", A::DeleteForward, "go|spark"),
            ("go| spark", A::DeleteToStart, "| spark"),
            ("go| spark", A::DeleteToEnd, "go|"),
        ] {
            let mut line = line(before);
            assert!(line.edit(action));
            assert_eq!(shown(&line), after, "{before} {action:?}");
        }
        assert!(!line("|").edit(A::Submit));
    }

    #[test]
    fn a_paste_becomes_one_bounded_line() {
        let mut edit = line("a|b");
        edit.insert("1\n2\u{1b}[31m\t3");
        assert!(
            !edit.text.contains(['\n', '\u{1b}', '\t']),
            "{:?}",
            edit.text
        );
        edit.insert(&"é".repeat(LONGEST));
        assert!(edit.text.len() <= LONGEST);
    }

    proptest! {
        #[test]
        fn no_sequence_of_acts_loses_the_caret(text in ".{0,12}", acts in proptest::collection::vec(0_usize..12, 0..24)) {
            const ACTS: [Action; 11] = [
                Action::Left, Action::Right, Action::LineStart, Action::LineEnd, Action::WordLeft, Action::WordRight,
                Action::DeleteBack, Action::DeleteForward, Action::DeleteWord, Action::DeleteToStart, Action::DeleteToEnd,
            ];
            let mut line = LineEdit::typing(text);
            for act in acts {
                match ACTS.get(act) {
                    Some(action) => { line.edit(*action); }
                    None => line.insert("é x"),
                }
                prop_assert!(line.text.is_char_boundary(line.cursor));
            }
        }
    }
}
