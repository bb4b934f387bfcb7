//! A whole text to read: long lines go on in the next row, hits of a search stand out.

use ratatui::layout::Rect;

use super::layers::surface;
use crate::tui::reading::{self, Hit, Row};
use crate::tui::theme::Role;
use crate::tui::ui::{Layer, LineEdit};
use crate::tui::widgets::{Canvas, Pen, row_of};

/// Draws a text from a row on.
pub(super) fn reader(canvas: &mut Canvas<'_>, (area, place): (Rect, Rect), layer: &Layer) {
    let Layer::Text {
        title,
        lines,
        scroll,
        search,
        hit,
    } = layer
    else {
        return;
    };
    let borders = surface(canvas, area, title, Role::BorderFocus);
    let rows = reading::rows(lines, usize::from(place.width));
    let hits = reading::hits(lines, &search.text);
    for (at, row) in (0..place.height).zip(rows.iter().skip(*scroll)) {
        draw(&mut canvas.pen(row_of(place, at)), row, (&hits, *hit));
    }
    let mut foot = canvas.pen(borders.bottom);
    let last = (scroll + usize::from(place.height)).min(rows.len());
    if rows.len() > usize::from(place.height) {
        let words = format!(" {}–{last} of {} ", (scroll + 1).min(last), rows.len());
        foot.at_end(&[(&words, Role::Dim)]);
    }
    found(&mut foot, search, (hits.len(), *hit));
}

/// Says in the border what is searched for, and which hit of how many is the present one.
fn found(pen: &mut Pen<'_>, search: &LineEdit, (hits, present): (usize, usize)) {
    if search.text.is_empty() {
        return;
    }
    let words = match hits {
        0 => "no hit".to_owned(),
        n => format!("hit {} of {n}", present + 1),
    };
    pen.put(" /", Role::Key)
        .put(&search.text, Role::Text)
        .put(" ", Role::Dim)
        .put(&words, if hits == 0 { Role::Warn } else { Role::Dim })
        .put(" ", Role::Dim);
}

fn draw(pen: &mut Pen<'_>, row: &Row<'_>, (hits, present): (&[Hit], usize)) {
    let mut done = 0;
    let parts = hits
        .iter()
        .enumerate()
        .filter_map(|(place, hit)| Some((place == present, row.part(hit)?)));
    for (is_present, part) in parts {
        let role = if is_present {
            Role::ButtonFocus
        } else {
            Role::Hit
        };
        pen.put(
            row.text.get(done..part.start).unwrap_or_default(),
            Role::Text,
        )
        .put(row.text.get(part.clone()).unwrap_or_default(), role);
        done = part.end;
    }
    pen.put(row.text.get(done..).unwrap_or_default(), Role::Text);
}
