//! Long texts in short lines.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::text::width;

/// A text in lines of at most this many cells, broken at blanks where there are some.
pub(in crate::tui) fn wrap(text: &str, cells: usize) -> Vec<&str> {
    let line = |range: Range<usize>| text.get(range).unwrap_or_default();
    breaks(text, cells).into_iter().map(line).collect()
}

/// Where those lines are in the text, in bytes; the blanks that a line was broken at belong to none.
pub(in crate::tui) fn breaks(text: &str, cells: usize) -> Vec<Range<usize>> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    let mut rest = text;
    while width(rest) > cells {
        let mut used = 0;
        let mut end = 0;
        let mut blank = None;
        for (at, grapheme) in rest.grapheme_indices(true) {
            used += width(grapheme);
            // A blank may stand past the edge: it is not drawn.
            if grapheme == " " {
                blank = Some(at + 1);
            }
            if used > cells {
                break;
            }
            end = at + grapheme.len();
        }
        let end = blank.unwrap_or(end).max(1);
        let (Some(line), Some(after)) = (rest.get(..end), rest.get(end..)) else {
            break;
        };
        lines.push(start..start + line.trim_end().len());
        start += end;
        rest = after;
    }
    lines.push(start..text.len());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_break_at_blanks_and_words_that_are_too_long_anywhere() {
        assert_eq!(wrap("kill -s TERM 4121", 10), ["kill -s", "TERM 4121"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("just enough", 4), ["just", "enou", "gh"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("日本語", 1), ["日本語"]);
        assert_eq!(breaks("kill -s TERM 4121", 10), [0..7, 8..17]);
    }
}
