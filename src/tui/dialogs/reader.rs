//! A whole text to read.

use ratatui::layout::Rect;

use super::layers::surface;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, row_of};

/// Draws a text from a line on.
pub(super) fn reader(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    title: &str,
    (lines, scroll): (&[String], usize),
) {
    let borders = surface(canvas, area, title, Role::BorderFocus);
    for (place, line) in (0..rows.height).zip(lines.iter().skip(scroll)) {
        canvas.pen(row_of(rows, place)).put(line, Role::Text);
    }
    let last = (scroll + usize::from(rows.height)).min(lines.len());
    if lines.len() > usize::from(rows.height) {
        let words = format!(" {}–{last} of {} ", (scroll + 1).min(last), lines.len());
        canvas.pen(borders.bottom).at_end(&[(&words, Role::Dim)]);
    }
}
