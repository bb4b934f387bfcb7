//! The palette: acts and hosts by a few letters.

use ratatui::layout::{Position, Rect};

use super::layers::{from_head, surface};
use crate::tui::palette::{Entry, Target, entries};
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::LineEdit;
use crate::tui::widgets::{Canvas, edit, row_of};

/// Draws the palette; tells where its caret is.
pub(super) fn palette(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    (search, selected): (&LineEdit, usize),
) -> Position {
    surface(canvas, area, "Palette", Role::BorderFocus);
    let found = entries(&search.text, scene.fleet);
    let mut pen = canvas.pen(from_head(area, 0));
    let count = format!("{} found", found.len());
    pen.at_end(&[(&count, Role::Dim)]);
    pen.put("› ", Role::Accent);
    let room = pen.room();
    let caret = edit(&mut pen, search, room, false);
    if found.is_empty() {
        canvas.pen(rows).put("nothing is called so", Role::Dim);
    }
    let first = first(selected, rows);
    for (place, (number, entry)) in (0..rows.height).zip(found.iter().enumerate().skip(first)) {
        let line = row_of(rows, place);
        draw(canvas, line, scene, entry);
        if number == selected {
            canvas.paint(line, Role::Selected);
        }
    }
    caret
}

/// The first entry shown: the chosen one is always seen.
pub(super) fn first(selected: usize, rows: Rect) -> usize {
    let height = usize::from(rows.height).max(1);
    (selected + 1).saturating_sub(height)
}

fn draw(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, entry: &Entry) {
    let key = match &entry.target {
        Target::Act(action) => scene.keymap.label(*action),
        Target::Host(_) => String::new(),
    };
    let mut pen = canvas.pen(line);
    pen.skip(1);
    if !key.is_empty() {
        pen.at_end(&[(&key, Role::Key), (" ", Role::Dim)]);
    }
    let name = entry.text.find(':').unwrap_or(entry.text.len());
    let mut letter = [0; 4];
    for (number, (at, character)) in (0_u32..).zip(entry.text.char_indices()) {
        let role = if entry.hits.binary_search(&number).is_ok() {
            Role::Hit
        } else if at < name {
            Role::Title
        } else {
            Role::Dim
        };
        if pen.room() <= 1 {
            break;
        }
        pen.put(character.encode_utf8(&mut letter), role);
    }
}
