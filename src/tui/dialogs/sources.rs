//! Which log sources are shown: what every host offers, with a tick before each that is chosen.

use ratatui::layout::{Position, Rect};

use super::layers::{from_foot, from_head, surface};
use super::palette::first;
use crate::tui::lens_offers::{self, OfferRow};
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui_lens::SourcePicker;
use crate::tui::widgets::{Canvas, edit, row_of};

/// Draws the picker; tells where its caret is.
pub(super) fn sources(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    picker: &SourcePicker,
) -> Position {
    surface(canvas, area, "Log sources", Role::BorderFocus);
    let found = lens_offers::rows(&scene.ui.lens, scene.fleet, &picker.search.text);
    let caret = search(canvas, area, picker, found.len());
    if found.is_empty() {
        canvas.pen(rows).put("no source is called so", Role::Dim);
    }
    let first = first(picker.selected, rows);
    let host = found
        .iter()
        .filter_map(|row| row.address.host.as_ref())
        .map(|host| crate::text::width(host.as_str()))
        .max();
    let host = host.unwrap_or(0).clamp(4, 20) as u16;
    for (place, (number, row)) in (0..rows.height).zip(found.iter().enumerate().skip(first)) {
        let line = row_of(rows, place);
        let ticked = picker.ticked.contains(&row.address);
        // The first row in view says whose it is, too.
        let heads = row.heads || place == 0;
        draw(canvas, line, row, (host, heads, ticked));
        if number == picker.selected {
            canvas.paint(line, Role::Selected);
        }
    }
    told(canvas, area, scene);
    canvas
        .pen(from_foot(area, 0))
        .put("space", Role::Key)
        .put(" ticks   ", Role::Dim)
        .put("enter", Role::Key)
        .put(" shows the ticked ones   ", Role::Dim)
        .put("esc", Role::Key)
        .put(" leaves it as it was", Role::Dim);
    caret
}

fn search(canvas: &mut Canvas<'_>, area: Rect, picker: &SourcePicker, found: usize) -> Position {
    let mut pen = canvas.pen(from_head(area, 0));
    let count = format!("{} ticked · {found} found", picker.ticked.len());
    pen.at_end(&[(&count, Role::Dim)]);
    pen.put("› ", Role::Accent);
    let room = pen.room();
    edit(&mut pen, &picker.search, room, false)
}

/// Who has not answered, and who could not.
fn told(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let (asked, failed) = lens_offers::unanswered(&scene.ui.lens);
    let mut pen = canvas.pen(from_foot(area, 1));
    if let Some((host, why)) = failed.first() {
        pen.put(&format!("▲ {host}: {why}"), Role::Warn);
        if failed.len() > 1 {
            pen.put(&format!(" · +{} more", failed.len() - 1), Role::Dim);
        }
        return;
    }
    let names: Vec<&str> = asked.iter().map(|host| host.as_str()).collect();
    if !names.is_empty() {
        pen.put(&format!("◌ asking {}", names.join(", ")), Role::Busy);
    }
}

fn draw(
    canvas: &mut Canvas<'_>,
    line: Rect,
    row: &OfferRow,
    (host_cells, heads, ticked): (u16, bool, bool),
) {
    let mut pen = canvas.pen(line);
    let host = row
        .address
        .host
        .as_ref()
        .map_or("here", |host| host.as_str());
    pen.left(if heads { host } else { "" }, host_cells, Role::Title)
        .skip(1);
    let (tick, role) = match (ticked, &row.refused) {
        (true, _) => ("[x]", Role::Marked),
        (false, None) => ("[ ]", Role::Text),
        (false, Some(_)) => (" ✖ ", Role::Forbidden),
    };
    let plain = if row.refused.is_some() {
        Role::Forbidden
    } else {
        Role::Text
    };
    pen.put(tick, role).skip(1).left(row.kind, 10, Role::Dim);
    let detail = row.refused.as_deref().unwrap_or(&row.detail);
    let name = (pen.room() / 2).clamp(8, 32);
    pen.left(&row.name, name, plain).skip(1).put(
        detail,
        if row.refused.is_some() {
            Role::Forbidden
        } else {
            Role::Dim
        },
    );
}
