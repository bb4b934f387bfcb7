//! The completions of the `:` line, above it. The line itself stands where the hints are.

use ratatui::layout::Rect;

use super::layers::surface;
use crate::tui::command_line;
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::LineEdit;
use crate::tui::widgets::{Borders, Canvas, row_of};

/// The most completions that are seen at once.
const MOST: u16 = 10;

/// Where completions stand: above the last line, at its left.
pub(super) fn place(screen: Rect) -> (Rect, Rect) {
    let height = (MOST + 2).min(screen.height.saturating_sub(1));
    let area = Rect {
        x: screen.x,
        y: screen.bottom().saturating_sub(1 + height),
        width: screen.width.min(44),
        height,
    };
    (area, Borders::of(area).inner)
}

/// Draws the completions in a box that is as high as they need.
pub(super) fn completions(
    canvas: &mut Canvas<'_>,
    most: Rect,
    scene: Scene<'_>,
    (line, chosen): (&LineEdit, Option<usize>),
) {
    let found = command_line::completions(&line.text, scene.fleet, scene.ui);
    if found.is_empty() || most.height < 3 {
        return;
    }
    let height = u16::try_from(found.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2)
        .min(most.height);
    let area = Rect {
        y: most.bottom() - height,
        height,
        ..most
    };
    let title = match found.len() {
        1 => "1 completion".to_owned(),
        n => format!("{n} completions"),
    };
    let inner = surface(canvas, area, &title, Role::BorderFocus).inner;
    let rows = usize::from(inner.height).max(1);
    let first = chosen.map_or(0, |chosen| (chosen + 1).saturating_sub(rows));
    for (place, (number, words)) in (0..inner.height).zip(found.iter().enumerate().skip(first)) {
        let row = row_of(inner, place);
        canvas.pen(row).skip(1).put(words, Role::Text);
        if chosen == Some(number) {
            canvas.paint(row, Role::Selected);
        }
    }
}
