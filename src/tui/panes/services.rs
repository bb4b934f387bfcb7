//! The services of a host or of the fleet: one row each, with glyph and word, its model, its port, what the last looks found.

use ratatui::layout::{Position, Rect};

use super::Scene;
use crate::tui::action::Place;
use crate::tui::service_rows::ServiceRow;
use crate::tui::service_words::{found, latency_and_age, restarts, state};
use crate::tui::theme::Role;
use crate::tui::ui::Screen;
use crate::tui::ui_tables::Chosen;
use crate::tui::widgets::{Canvas, Pen, row_of};

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Host,
    State,
    Name,
    For,
    Port,
    Model,
    Shallow,
    Deep,
    Restarts,
}

/// The columns from left to right, with the cells that each has at least.
const ALL: [(Kind, u16); 9] = [
    (Kind::Host, 10),
    (Kind::State, 13),
    (Kind::Name, 14),
    (Kind::For, 7),
    (Kind::Port, 5),
    (Kind::Model, 14),
    (Kind::Shallow, 16),
    (Kind::Deep, 16),
    (Kind::Restarts, 8),
];

/// The columns that go first where there is no room.
const GOES_FIRST: [Kind; 5] = [
    Kind::Shallow,
    Kind::Model,
    Kind::Port,
    Kind::Restarts,
    Kind::For,
];

/// Cursor, glyph and two blanks.
const LEAD: u16 = 4;

impl Kind {
    fn head(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::State => "state",
            Self::Name => "service",
            Self::For => "for",
            Self::Port => "port",
            Self::Model => "model",
            Self::Shallow => "looked at",
            Self::Deep => "real request",
            Self::Restarts => "restarts",
        }
    }
}

fn columns(room: u16, fleet_wide: bool) -> Vec<(Kind, u16)> {
    let mut columns: Vec<(Kind, u16)> = ALL
        .into_iter()
        .filter(|(kind, _)| fleet_wide || *kind != Kind::Host)
        .collect();
    let taken =
        |columns: &[(Kind, u16)]| LEAD + columns.iter().map(|(_, cells)| cells + 1).sum::<u16>();
    for goes in GOES_FIRST {
        if taken(&columns) <= room {
            break;
        }
        columns.retain(|(kind, _)| *kind != goes);
    }
    let mut left = room.saturating_sub(taken(&columns));
    for (kind, most) in [
        (Kind::Name, 8),
        (Kind::Restarts, 30),
        (Kind::Model, 22),
        (Kind::Deep, 4),
    ] {
        if let Some((_, cells)) = columns.iter_mut().find(|(of, _)| *of == kind) {
            let more = most.min(left);
            *cells += more;
            left -= more;
        }
    }
    columns
}

/// Draws the table; `foot` is the lower border.
pub(super) fn pane(canvas: &mut Canvas<'_>, foot: Rect, scene: Scene<'_>) {
    let layout = scene.layout;
    let fleet_wide = scene.ui.screen == Screen::Services;
    let columns = columns(layout.table_head.width, fleet_wide);
    let mut pen = canvas.pen(layout.table_head);
    pen.skip(LEAD);
    for (kind, cells) in &columns {
        pen.left(kind.head(), *cells, Role::Dim).skip(1);
    }
    let table = &scene.ui.services;
    let body = layout.table_rows;
    if table.rows.rows().is_empty() {
        nothing(canvas, body, scene);
    }
    let focused = scene.ui.place_of_keys() == Place::Services && scene.ui.body_has_keys();
    for (row, service) in (0..body.height).zip(table.rows.rows().iter().skip(table.scroll)) {
        let line = row_of(body, row);
        let chosen = matches!(&table.chosen, Chosen::One(of) if service.is(of));
        draw(canvas.pen(line), service, &columns, scene, chosen);
        if chosen {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
    // What the word of the chosen one means stands where there is room for a sentence.
    let chosen = table
        .rows
        .rows()
        .iter()
        .find(|row| matches!(&table.chosen, Chosen::One(of) if row.is(of)));
    if let Some(row) = chosen {
        detail(canvas, layout.table_notes, row);
        restarted(canvas, layout.table_notes, row);
    }
    count(&mut canvas.pen(foot), scene);
}

/// Rows that tell of the chosen service.
pub(in crate::tui) const NOTES: u16 = 4;

fn detail(canvas: &mut Canvas<'_>, area: Rect, row: &ServiceRow) {
    let service = &row.service;
    let (glyph, word, role) = state(service);
    let mut pen = canvas.row(area, 0);
    pen.skip(1)
        .put(glyph, role)
        .skip(1)
        .put(service.spec.name.as_str(), Role::Title)
        .put(" ", Role::Dim)
        .put(word, role);
    if !service.detail.is_empty() {
        pen.put(": ", Role::Dim)
            .put(service.detail.as_str(), Role::Text);
    }
    for (row, (label, probed)) in (1..).zip([
        ("looked at", &service.shallow),
        ("real request", &service.deep),
    ]) {
        let mut pen = canvas.row(area, row);
        pen.skip(3).left(label, 14, Role::Dim);
        match probed {
            Some(probed) => {
                let (words, role) = found(probed);
                pen.put(words.as_str(), role);
            }
            None if label == "real request" && service.spec.deep.is_none() => {
                pen.put("none is made of this one", Role::Dim);
            }
            None => {
                pen.put("not yet", Role::Dim);
            }
        }
    }
}

/// The last restarts, and why the next one waits.
fn restarted(canvas: &mut Canvas<'_>, area: Rect, row: &ServiceRow) {
    let mut pen = canvas.row(area, 3);
    pen.skip(3).left("restarts", 14, Role::Dim);
    let count = row.service.restarts.recent;
    if count == 0 {
        pen.put("none in the last half hour", Role::Dim);
        return;
    }
    pen.put(&format!("{count} in the last half hour"), Role::Text);
    if let Some(why) = &row.service.restarts.held {
        pen.put(", the next is held: ", Role::Warn)
            .put(why.as_str(), Role::Warn);
    }
}

fn draw(
    mut pen: Pen<'_>,
    row: &ServiceRow,
    columns: &[(Kind, u16)],
    scene: Scene<'_>,
    chosen: bool,
) {
    let (glyph, ..) = state(&row.service);
    let (.., role) = state(&row.service);
    pen.put(if chosen { "›" } else { " " }, Role::Accent)
        .skip(1)
        .put(glyph, role)
        .skip(1);
    for (kind, cells) in columns {
        let (words, role) = cell(*kind, row, scene);
        pen.left(&words, *cells, role).skip(1);
    }
}

fn cell(kind: Kind, row: &ServiceRow, scene: Scene<'_>) -> (String, Role) {
    let service = &row.service;
    let now = scene.fleet.at;
    let none = || ("–".to_owned(), Role::Faint);
    match kind {
        Kind::Host => (row.host.to_string(), Role::Dim),
        Kind::State => {
            let (_, word, role) = state(service);
            (word.to_owned(), role)
        }
        Kind::Name => (service.spec.name.to_string(), Role::Title),
        Kind::For => (now.since(service.since).words(), Role::Text),
        Kind::Port => service
            .spec
            .port
            .map_or_else(none, |port| (port.to_string(), Role::Text)),
        Kind::Model => match &service.model {
            Some(model) => (model.to_string(), Role::Text),
            None => none(),
        },
        Kind::Shallow | Kind::Deep => {
            let probed = match kind {
                Kind::Deep => &service.deep,
                _ => &service.shallow,
            };
            match probed {
                Some(probed) => (latency_and_age(probed, now), found(probed).1),
                None => none(),
            }
        }
        Kind::Restarts => restarts(service),
    }
}

fn nothing(canvas: &mut Canvas<'_>, body: Rect, scene: Scene<'_>) {
    let (all, _) = scene.ui.services.rows.counts();
    let words: &[&str] = if all > 0 {
        &["no service matches the filter"]
    } else if scene.ui.screen == Screen::Services {
        &[
            "no services are configured",
            "name them under `services` in the configuration",
        ]
    } else {
        &[
            "this host has no services",
            "name them under `services` in the configuration",
        ]
    };
    for (row, words) in (0..).zip(words) {
        canvas.row(body, row).skip(1).put(words, Role::Dim);
    }
}

fn count(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let table = &scene.ui.services;
    let (all, well) = table.rows.counts();
    pen.put(" ", Role::Dim);
    if table.filter.text.is_empty() {
        pen.put(&format!("{all} · {well} well "), Role::Dim);
        return;
    }
    let shown = table.rows.rows().len();
    pen.put(&format!("{shown} of {all} "), Role::Text)
        .put("/", Role::Key)
        .put(&table.filter.text, Role::Hit)
        .put(" ", Role::Dim);
}

/// The cell of the chosen row.
pub(in crate::tui) fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let table = &scene.ui.services;
    let Chosen::One(of) = &table.chosen else {
        return None;
    };
    let at = table.rows.position(of)?.checked_sub(table.scroll)?;
    let area = scene.layout.table_rows;
    let row = u16::try_from(at).ok().filter(|row| *row < area.height)?;
    Some(Position::new(area.x, area.y + row))
}
