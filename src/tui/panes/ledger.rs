//! What was done: one row an act, with its outcome as glyph and word. The newest stands at the top.

use ratatui::layout::{Position, Rect};

use super::Scene;
use crate::domain::{Age, Intent, Wall};
use crate::tui::action::Place;
use crate::tui::ledger_rows::{self, Act};
use crate::tui::theme::Role;
use crate::tui::ui::Screen;
use crate::tui::ui_tables::Chosen;
use crate::tui::widgets::{Canvas, Pen, clock};

/// Widths of the columns; 0 leaves one out. What was done has the rest.
struct Columns {
    host: u16,
    who: u16,
    confirmed: u16,
}

const TIME: u16 = 8;
const OUTCOME: u16 = 9;

fn columns(room: u16, screen: Screen) -> Columns {
    let host = if screen == Screen::Hosts {
        0
    } else {
        (room / 8).clamp(8, 16)
    };
    Columns {
        host,
        who: match room {
            100.. => 14,
            70.. => 10,
            _ => 0,
        },
        confirmed: if room >= 100 { 18 } else { 0 },
    }
}

/// Draws heads and rows where the layout has put them.
pub(super) fn table(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let layout = scene.layout;
    let columns = columns(layout.table_head.width, scene.ui.screen);
    heads(&mut canvas.pen(layout.table_head), &columns);
    let body = layout.table_rows;
    let acts = ledger_rows::acts(scene.fleet, scene.ui);
    if acts.is_empty() {
        let why = if scene.ui.ledger.filter.text.is_empty() {
            "nothing was done from here yet: stops, kills, shells and the like are written down here"
        } else {
            "no act matches the filter"
        };
        canvas.pen(body).skip(1).put(why, Role::Dim);
    }
    let chosen = chosen(scene, &acts);
    let focused = scene.ui.place_of_keys() == Place::Ledger && scene.ui.body_has_keys();
    let seen = acts.iter().enumerate().skip(scene.ui.ledger.scroll);
    for (row, (place, act)) in (0..body.height).zip(seen) {
        let line = Rect::new(body.x, body.y + row, body.width, 1);
        draw(canvas.pen(line), act, &columns, scene);
        if chosen == Some(place) {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
}

fn chosen(scene: Scene<'_>, acts: &[Act<'_>]) -> Option<usize> {
    match &scene.ui.ledger.chosen {
        Chosen::First => (!acts.is_empty()).then_some(0),
        Chosen::One(id) => acts.iter().position(|act| act.id == *id),
        Chosen::Gone => None,
    }
}

/// The cell of the chosen row.
pub(in crate::tui) fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let acts = ledger_rows::acts(scene.fleet, scene.ui);
    let at = chosen(scene, &acts)?.checked_sub(scene.ui.ledger.scroll)?;
    let area = scene.layout.table_rows;
    let row = u16::try_from(at).ok().filter(|row| *row < area.height)?;
    Some(Position::new(area.x, area.y + row))
}

/// Writes `12`, or `3 of 12 /filter`, into a title.
pub(super) fn count(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let filter = &scene.ui.ledger.filter;
    let shown = ledger_rows::acts(scene.fleet, scene.ui).len();
    pen.put(&format!("{shown} "), Role::Dim);
    if !filter.text.is_empty() {
        pen.put("/", Role::Key)
            .put(&filter.text, Role::Hit)
            .put(" ", Role::Dim);
    }
}

fn heads(pen: &mut Pen<'_>, columns: &Columns) {
    pen.skip(1).left("time", TIME, Role::Dim).skip(2);
    pen.left("outcome", OUTCOME, Role::Dim).skip(1);
    for (head, cells) in [("host", columns.host), ("who", columns.who)] {
        if cells > 0 {
            pen.left(head, cells, Role::Dim).skip(1);
        }
    }
    if columns.confirmed > 0 {
        pen.left("confirmed", columns.confirmed, Role::Dim).skip(1);
    }
    pen.put("what", Role::Dim);
}

fn draw(mut pen: Pen<'_>, act: &Act<'_>, columns: &Columns, scene: Scene<'_>) {
    let (glyph, role) = match act.word() {
        "done" => ("✓", Role::Ok),
        "failed" => ("✖", Role::Bad),
        "unknown" => ("?", Role::Warn),
        "note" => ("!", Role::Warn),
        _ => ("…", Role::Busy),
    };
    let intent = act.intent();
    let of = |word: fn(&Intent) -> &str| intent.map_or("–", word);
    pen.skip(1)
        .left(&when(act.wall, scene), TIME, Role::Dim)
        .skip(2)
        .put(glyph, role)
        .skip(1)
        .left(act.word(), OUTCOME - 2, role)
        .skip(1);
    if columns.host > 0 {
        let host = act.host().map_or("–", |host| host.as_str());
        pen.left(host, columns.host, Role::Title).skip(1);
    }
    if columns.who > 0 {
        let who = act.intent().map_or_else(String::new, who);
        pen.left(&who, columns.who, Role::Text).skip(1);
    }
    if columns.confirmed > 0 {
        pen.left(
            of(|intent| intent.confirmed.as_str()),
            columns.confirmed,
            Role::Dim,
        )
        .skip(1);
    }
    pen.put(act.what(), Role::Text);
    if let Some(why) = act.why() {
        pen.put(" · ", Role::Faint).put(why, role);
    }
}

/// Within a day the time of day says it all; before, how long ago.
/// Who did it; behind it who proposed it, where that was Claude.
fn who(intent: &Intent) -> String {
    match &intent.proposed {
        Some(_) => format!("{} + Claude", intent.who),
        None => intent.who.to_string(),
    }
}

fn when(wall: Wall, scene: Scene<'_>) -> String {
    let ago = scene.fleet.wall.0.saturating_sub(wall.0);
    match u64::try_from(ago) {
        Ok(ago) if ago >= 86_400_000 => Age(ago).words(),
        _ => clock(wall, &scene.ui.zone),
    }
}
