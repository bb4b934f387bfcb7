//! What of a host can be followed: containers, units, files, its kernel's ring; and why something can't be.

use ratatui::layout::{Position, Rect};

use super::Scene;
use crate::engine::Host;
use crate::tui::action::Place;
use crate::tui::lens_offers::{self, OfferRow};
use crate::tui::theme::Role;
use crate::tui::ui_lens::Offers;
use crate::tui::ui_tables::Chosen;
use crate::tui::widgets::{Canvas, Pen, row_of};

const KIND: u16 = 10;

/// Draws heads and rows where the layout has put them.
pub(super) fn table(canvas: &mut Canvas<'_>, scene: Scene<'_>, host: &Host) {
    let layout = scene.layout;
    let (body, ui) = (layout.table_rows, scene.ui);
    let name = (body.width / 2).clamp(16, 44);
    canvas
        .pen(layout.table_head)
        .skip(3)
        .left("kind", KIND, Role::Dim)
        .left("name", name, Role::Dim)
        .skip(1)
        .put("what is known of it", Role::Dim);
    let rows = rows(scene, host);
    if rows.is_empty() {
        nothing(canvas, body, scene, host);
    }
    let chosen = chosen(scene, &rows);
    let focused = ui.place_of_keys() == Place::Sources && ui.body_has_keys();
    let seen = rows.iter().enumerate().skip(ui.sources.scroll);
    for (row, (place, offer)) in (0..body.height).zip(seen) {
        let line = row_of(body, row);
        let is_chosen = chosen == Some(place);
        draw(&mut canvas.pen(line), offer, name, (scene, is_chosen));
        if is_chosen {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
}

fn rows(scene: Scene<'_>, host: &Host) -> Vec<OfferRow> {
    lens_offers::of_one(&scene.ui.lens, host, &scene.ui.sources.filter.text)
}

fn chosen(scene: Scene<'_>, rows: &[OfferRow]) -> Option<usize> {
    match &scene.ui.sources.chosen {
        Chosen::First => (!rows.is_empty()).then_some(0),
        Chosen::One(spec) => rows.iter().position(|row| row.address.spec == *spec),
        Chosen::Gone => None,
    }
}

/// The cell of the chosen row.
pub(in crate::tui) fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let host = crate::tui::layout::selected(scene.fleet, scene.ui)?;
    let rows = rows(scene, host);
    let at = chosen(scene, &rows)?.checked_sub(scene.ui.sources.scroll)?;
    let area = scene.layout.table_rows;
    let row = u16::try_from(at).ok().filter(|row| *row < area.height)?;
    Some(Position::new(area.x, area.y + row))
}

fn told<'a>(scene: Scene<'a>, host: &Host) -> Option<&'a Offers> {
    let offers = &scene.ui.lens.offers;
    offers
        .iter()
        .find(|(of, _)| *of == host.id)
        .map(|(_, told)| told)
}

/// Writes how many sources there are and how far they are known into the lower border.
pub(super) fn count(pen: &mut Pen<'_>, scene: Scene<'_>, host: &Host) {
    let filter = &scene.ui.sources.filter;
    let rows = rows(scene, host);
    pen.put(&format!(" {} sources ", rows.len()), Role::Dim);
    if !filter.text.is_empty() {
        pen.put("/", Role::Key)
            .put(&filter.text, Role::Hit)
            .put(" ", Role::Dim);
    }
    if !scene.ui.sources.marked.is_empty() {
        let words = format!("· {} marked ", scene.ui.sources.marked.len());
        pen.put(&words, Role::Marked);
    }
    match told(scene, host) {
        Some(Offers::Asked) => pen.put("· asking … ", Role::Busy),
        Some(Offers::Failed(refusal)) => pen.put(&format!("· {} ", refusal.why), Role::Warn),
        _ => pen,
    };
}

fn nothing(canvas: &mut Canvas<'_>, body: Rect, scene: Scene<'_>, host: &Host) {
    let words = match told(scene, host) {
        _ if !scene.ui.sources.filter.text.is_empty() => "no source matches the filter",
        _ if !lens_offers::can_be_asked(host) => "not connected: nothing can be followed there now",
        Some(Offers::Known(_)) => "this host offers nothing to follow",
        _ => "asking what can be followed there …",
    };
    canvas.pen(body).skip(1).put(words, Role::Dim);
}

fn draw(pen: &mut Pen<'_>, offer: &OfferRow, name: u16, (scene, chosen): (Scene<'_>, bool)) {
    let marked = scene.ui.sources.marked.contains(&offer.address.spec);
    let refused = offer.refused.is_some();
    pen.put(if chosen { "›" } else { " " }, Role::Accent)
        .put(if marked { "◆" } else { " " }, Role::Marked)
        .skip(1)
        .left(offer.kind, KIND, Role::Dim);
    let role = match (marked, refused) {
        (true, _) => Role::Marked,
        (false, true) => Role::Dim,
        (false, false) => Role::Title,
    };
    pen.left(&offer.name, name, role).skip(1);
    match &offer.refused {
        Some(why) => pen.put("✖ ", Role::Bad).put(why, Role::Bad),
        None => pen.put(&offer.detail, Role::Text),
    };
}
