//! A line being typed: the part around the caret, and where the caret is on the screen.

use ratatui::layout::Position;
use unicode_segmentation::UnicodeSegmentation;

use super::pen::Pen;
use crate::text::width;
use crate::tui::theme::Role;
use crate::tui::ui::LineEdit;

/// Draws a line being typed and tells where its caret is. The text moves to the left when the caret would leave it.
pub(in crate::tui) fn edit(
    pen: &mut Pen<'_>,
    line: &LineEdit,
    cells: u16,
    hidden: bool,
) -> Position {
    let cells = cells.min(pen.room());
    let before = line.text.get(..line.cursor).unwrap_or(&line.text);
    let after = line.text.get(line.cursor..).unwrap_or_default();
    let (before, after) = if hidden {
        (dots(before), dots(after))
    } else {
        (before.to_owned(), after.to_owned())
    };
    let room = usize::from(cells.saturating_sub(1));
    let mut start = before.as_str();
    while width(start) > room {
        let first = start.graphemes(true).next().map_or(start.len(), str::len);
        start = start.get(first..).unwrap_or_default();
    }
    let left = pen.column();
    let end = left + cells;
    pen.put(start, Role::Text);
    let caret = pen.column();
    pen.left(&after, end.saturating_sub(caret), Role::Text);
    Position::new(caret, pen.line())
}

/// One dot per character: how much was typed, not what.
fn dots(text: &str) -> String {
    "•".repeat(text.graphemes(true).count())
}
