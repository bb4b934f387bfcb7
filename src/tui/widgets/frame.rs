//! Frames of boxes with titles in their borders, and rules that head a section.

use ratatui::layout::Rect;

use super::pen::{Canvas, Pen, row_of};
use crate::tui::theme::Role;

/// Where a box writes in its borders.
pub(in crate::tui) struct Borders {
    /// Inside of the frame.
    pub(in crate::tui) inner: Rect,
    /// The part of the upper border that takes a title.
    pub(in crate::tui) top: Rect,
    /// The part of the lower border that takes a foot.
    pub(in crate::tui) bottom: Rect,
}

impl Borders {
    /// The geometry of a box, without drawing it.
    pub(in crate::tui) fn of(area: Rect) -> Self {
        let title = |y: u16| {
            if area.width > 4 && area.height > 1 {
                Rect::new(area.x + 2, y, area.width - 4, 1)
            } else {
                Rect::default()
            }
        };
        Self {
            inner: inner(area),
            top: title(area.y),
            bottom: title(area.bottom().saturating_sub(1)),
        }
    }
}

/// Inside of a frame.
fn inner(area: Rect) -> Rect {
    if area.width < 3 || area.height < 3 {
        return Rect::default();
    }
    Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
}

/// Draws a rounded frame.
pub(in crate::tui) fn frame(canvas: &mut Canvas<'_>, area: Rect, role: Role) -> Borders {
    let area = area.intersection(canvas.buffer.area);
    if area.width >= 2 && area.height >= 2 {
        let side = area.width - 2;
        canvas
            .row(area, 0)
            .put("╭", role)
            .fill("─", side, role)
            .put("╮", role);
        for row in 1..area.height - 1 {
            canvas
                .row(area, row)
                .put("│", role)
                .skip(side)
                .put("│", role);
        }
        canvas
            .row(area, area.height - 1)
            .put("╰", role)
            .fill("─", side, role)
            .put("╯", role);
    }
    Borders::of(area)
}

/// Empties an area for a layer above.
pub(in crate::tui) fn clear(canvas: &mut Canvas<'_>, area: Rect) {
    let style = canvas.theme.style(Role::Surface);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = canvas.buffer.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }
}

/// Draws the rule that heads a section and gives a pen for its title: `title ────── value`.
pub(in crate::tui) fn rule<'a>(
    canvas: &'a mut Canvas<'_>,
    area: Rect,
    title: &str,
    values: &[(&str, Role)],
) -> Pen<'a> {
    let row = row_of(area, 0);
    canvas.row(row, 0).fill("─", row.width, Role::Border);
    let mut pen = canvas.row(row, 0);
    pen.put(title, Role::Title).put(" ", Role::Dim);
    if !values.is_empty() {
        let mut padded = Vec::with_capacity(values.len() + 1);
        padded.push((" ", Role::Dim));
        padded.extend_from_slice(values);
        pen.at_end(&padded);
    }
    pen
}
