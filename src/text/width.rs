//! How many cells a text takes, and how to cut it to fit.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Cells that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text to at most `cells`, with `…` as its last cell where something was cut. Graphemes stay whole.
pub fn cut(text: &str, cells: usize) -> Cow<'_, str> {
    if text.width() <= cells {
        return Cow::Borrowed(text);
    }
    let Some(room) = cells.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let w = grapheme.width();
        if used + w > room {
            break;
        }
        used += w;
        kept.push_str(grapheme);
    }
    kept.push('…');
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_never_takes_more_cells_than_it_may() {
        for text in [
            "",
            "abc",
            "日本語テキスト",
            "e\u{301}e\u{301}e\u{301}",
            "👩‍👩‍👧 family",
        ] {
            for cells in 0..10 {
                assert!(width(&cut(text, cells)) <= cells, "{text:?} in {cells}");
            }
        }
        assert_eq!(cut("spark-1", 5), "spar…");
    }
}
