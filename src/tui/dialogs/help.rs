//! The help: the acts of the place beneath with their live keys, in sections, searchable.

use ratatui::layout::{Position, Rect};

use super::layers::{from_head, surface};
use crate::tui::help::{HelpLine, lines};
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::LineEdit;
use crate::tui::widgets::{Canvas, edit, more_rows, row_of};

/// Draws the help; tells where the caret of its search is.
pub(super) fn help(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    (search, scroll): (&LineEdit, usize),
) -> Option<Position> {
    let place = scene.ui.place_beneath();
    let title = format!("Help · {}", place.title());
    let borders = surface(canvas, area, &title, Role::BorderFocus);
    let replaying = scene.ui.replay.is_some();
    let lines = lines(place, &search.text, scene.keymap, replaying);
    let caret = search_line(canvas, from_head(area, 0), search);
    for (place, line) in (0..rows.height).zip(lines.iter().skip(scroll)) {
        draw(canvas, row_of(rows, place), line);
    }
    if lines.is_empty() {
        canvas.pen(rows).put("no act is called so", Role::Dim);
    }
    let below = lines
        .len()
        .saturating_sub(scroll + usize::from(rows.height));
    if below > 0 {
        canvas
            .pen(borders.bottom)
            .at_end(&[(&more_rows(below), Role::Dim)]);
    }
    caret
}

fn search_line(canvas: &mut Canvas<'_>, line: Rect, search: &LineEdit) -> Option<Position> {
    let mut pen = canvas.pen(line);
    pen.put("/", Role::Key);
    if search.active || !search.text.is_empty() {
        let room = pen.room();
        let caret = edit(&mut pen, search, room, false);
        return search.active.then_some(caret);
    }
    pen.put(" searches every act   ", Role::Dim)
        .put("esc", Role::Key)
        .put(" closes", Role::Dim);
    None
}

fn draw(canvas: &mut Canvas<'_>, line: Rect, of: &HelpLine) {
    let mut pen = canvas.pen(line);
    match of {
        HelpLine::Section(title) => {
            pen.put(title, Role::Accent);
        }
        HelpLine::Act {
            keys,
            name,
            help,
            elsewhere,
        } => {
            let keys = if keys.is_empty() { "–" } else { keys };
            let column = if line.width >= 60 { 20 } else { 12 };
            if let Some(place) = elsewhere {
                let words = format!("in {place}");
                pen.at_end(&[(&words, Role::Faint)]);
            }
            pen.skip(2)
                .left(keys, column, Role::Key)
                .skip(1)
                .left(name, if line.width >= 84 { 18 } else { 0 }, Role::Dim)
                .put(help, Role::Text);
        }
    }
}
