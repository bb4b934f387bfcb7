//! The models: their table at the left, who reserved a place above it, what other schedulers intend below it.

use ratatui::layout::{Position, Rect};

use super::Scene;
use crate::config::ScheduleEntry;
use crate::domain::{Age, Metric};
use crate::engine::Fleet;
use crate::text::SafeText;
use crate::tui::action::Place;
use crate::tui::model_lines::{reservation, reserved};
use crate::tui::model_rows::{ModelRow, place_name};
use crate::tui::model_state::ModelState;
use crate::tui::model_words::{pace, per_second, size, state, whereabouts};
use crate::tui::theme::Role;
use crate::tui::ui::Ui;
use crate::tui::ui_models::ModelSort;
use crate::tui::ui_tables::Chosen;
use crate::tui::widgets::{Canvas, Pen, row_of, rule};

/// Numbers of an engine older than this, in milliseconds, are not trusted.
const OLD: u64 = 15_000;

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    State,
    Name,
    Place,
    Size,
    Tokens,
    Requests,
}

/// The columns from left to right, with the cells that each has at least.
const ALL: [(Kind, u16); 6] = [
    (Kind::State, 16),
    (Kind::Name, 20),
    (Kind::Place, 9),
    (Kind::Size, 7),
    (Kind::Tokens, 6),
    (Kind::Requests, 8),
];

/// The columns that go first where there is no room.
const GOES_FIRST: [Kind; 4] = [Kind::Requests, Kind::Size, Kind::Tokens, Kind::Place];

/// Cursor, glyph and two blanks.
const LEAD: u16 = 4;

/// Rows that the schedule has at most.
const SCHEDULE: usize = 5;

impl Kind {
    fn head(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Name => "model",
            Self::Place => "where",
            Self::Size => "size",
            Self::Tokens => "tok/s",
            Self::Requests => "run/wait",
        }
    }

    fn sort(self) -> Option<ModelSort> {
        Some(match self {
            Self::State => ModelSort::State,
            Self::Name => ModelSort::Name,
            Self::Place => ModelSort::Place,
            Self::Size => ModelSort::Size,
            Self::Tokens => ModelSort::Tokens,
            Self::Requests => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Size | Self::Tokens | Self::Requests)
    }
}

/// The columns of a table of this width. They depend on the width alone, so that they stand still.
fn columns(room: u16) -> Vec<(Kind, u16)> {
    let mut columns = ALL.to_vec();
    let taken =
        |columns: &[(Kind, u16)]| LEAD + columns.iter().map(|(_, cells)| cells + 1).sum::<u16>();
    for goes in GOES_FIRST {
        if taken(&columns) <= room {
            break;
        }
        columns.retain(|(kind, _)| *kind != goes);
    }
    let mut left = room.saturating_sub(taken(&columns));
    // What is left goes to the texts, in this order, each up to a bound.
    for (kind, most) in [(Kind::Name, 14), (Kind::Place, 5), (Kind::Name, 16)] {
        if let Some((_, cells)) = columns.iter_mut().find(|(of, _)| *of == kind) {
            let more = most.min(left);
            *cells += more;
            left -= more;
        }
    }
    columns
}

/// What the head at this column of the screen sorts by.
pub(in crate::tui) fn column_at(area: Rect, column: u16) -> Option<ModelSort> {
    let mut start = area.x + LEAD;
    for (kind, cells) in columns(area.width) {
        if (start..start + cells).contains(&column) {
            return kind.sort();
        }
        start += cells + 1;
    }
    None
}

/// Draws the table and what stands above and below it; `foot` is the lower border.
pub(super) fn pane(canvas: &mut Canvas<'_>, foot: Rect, scene: Scene<'_>) {
    let layout = scene.layout;
    for (row, words) in (0..layout.banner.height).zip(banner(scene.fleet)) {
        let mut pen = canvas.row(layout.banner, row);
        pen.skip(1).put("⚑ ", Role::Warn).put(&words, Role::Warn);
    }
    let columns = columns(layout.table_head.width);
    heads(&mut canvas.pen(layout.table_head), &columns, scene);
    let table = &scene.ui.models;
    let body = layout.table_rows;
    if table.rows.rows().is_empty() {
        nothing(canvas, body, scene);
    }
    let focused = scene.ui.place_of_keys() == Place::Models && scene.ui.body_has_keys();
    for (row, model) in (0..body.height).zip(table.rows.rows().iter().skip(table.scroll)) {
        let line = row_of(body, row);
        let chosen = matches!(&table.chosen, Chosen::One(of) if model.is(of));
        draw(canvas.pen(line), model, &columns, scene, chosen);
        if chosen {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
    schedule(canvas, layout.table_notes, scene.fleet);
    count(&mut canvas.pen(foot), scene);
}

/// Who holds which place.
pub(in crate::tui) fn banner(fleet: &Fleet) -> Vec<String> {
    let of = |host: &std::sync::Arc<crate::engine::Host>| {
        let cluster = fleet.clusters.iter().find(|of| of.head.host == host.id);
        let solo = crate::domain::Place::Solo(host.id.clone());
        let held = reservation(fleet, &solo)?;
        let place = cluster.map_or(host.id.as_str(), |cluster| &cluster.name);
        Some(format!(
            "{place} {}",
            reserved(held.value, held.age(fleet.at))
        ))
    };
    fleet.hosts.iter().filter_map(of).collect()
}

/// Rows that the schedule takes with its head, where there is one.
pub(in crate::tui) fn schedule_rows(fleet: &Fleet) -> u16 {
    match fleet.schedule.len() {
        0 => 0,
        some => some.min(SCHEDULE) as u16 + 1,
    }
}

/// What other schedulers intend to run; it is only shown.
fn schedule(canvas: &mut Canvas<'_>, area: Rect, fleet: &Fleet) {
    if area.height == 0 {
        return;
    }
    let all = fleet.schedule.len();
    let room = usize::from(area.height) - 1;
    let note = if all > room {
        format!("{room} of {all} ")
    } else {
        "only shown ".to_owned()
    };
    rule(canvas, area, " schedule of others", &[(&note, Role::Dim)]);
    for (row, entry) in (1..area.height).zip(fleet.schedule.iter()) {
        scheduled(&mut canvas.row(area, row), entry);
    }
}

fn scheduled(pen: &mut Pen<'_>, entry: &ScheduleEntry) {
    let safe = |text: &str| SafeText::new(text).to_string();
    let place = entry.place.as_deref().unwrap_or("–");
    let cells = pen.room();
    pen.skip(1)
        .left(&safe(&entry.when), 14, Role::Text)
        .skip(1)
        .left(&safe(&entry.holder), 12, Role::Title)
        .skip(1)
        .left(&safe(place), 10, Role::Dim)
        .skip(1);
    if cells > 44 {
        pen.put(&safe(&entry.what), Role::Text);
    }
}

/// The cell of the chosen row.
pub(in crate::tui) fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let table = &scene.ui.models;
    let Chosen::One(of) = &table.chosen else {
        return None;
    };
    let at = table.rows.position(of)?.checked_sub(table.scroll)?;
    let area = scene.layout.table_rows;
    let row = u16::try_from(at).ok().filter(|row| *row < area.height)?;
    Some(Position::new(area.x, area.y + row))
}

/// Writes `12 · 2 serve`, or `3 of 12 /filter`, into a border.
fn count(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let table = &scene.ui.models;
    let (all, serving) = table.rows.counts();
    let rows = table.rows.rows().len();
    let height = usize::from(scene.layout.table_rows.height);
    if rows > height && height > 0 {
        let last = (table.scroll + height).min(rows);
        let words = format!(" {}–{last} of {rows} ", (table.scroll + 1).min(last));
        pen.at_end(&[(&words, Role::Dim)]);
    }
    pen.put(" ", Role::Dim);
    if table.filter.text.is_empty() {
        pen.put(&format!("{all} · {serving} serving "), Role::Dim);
    } else {
        pen.put(&format!("{rows} of {all} "), Role::Text)
            .put("/", Role::Key)
            .put(&table.filter.text, Role::Hit)
            .put(" ", Role::Dim);
    }
    let wrong = scene.fleet.catalog.problems.len();
    if wrong > 0 {
        let entries = if wrong == 1 { "entry" } else { "entries" };
        let words = format!("· {wrong} {entries} of the catalogue left out ");
        pen.put(&words, Role::Warn);
    }
}

/// Why there is no row, with the mend.
fn nothing(canvas: &mut Canvas<'_>, body: Rect, scene: Scene<'_>) {
    let (all, _) = scene.ui.models.rows.counts();
    if all > 0 {
        let words = "no model matches the filter";
        canvas.pen(body).skip(1).put(words, Role::Dim);
        return;
    }
    let lines = [
        (
            "no weights were found on any host, and no recipe is known",
            Role::Text,
        ),
        (
            "`:download ORGANISATION/NAME HOST` fetches some",
            Role::Title,
        ),
    ];
    for (row, (words, role)) in (0..).zip(lines) {
        canvas.row(body, row).skip(1).put(words, role);
    }
}

fn heads(pen: &mut Pen<'_>, columns: &[(Kind, u16)], scene: Scene<'_>) {
    let table = &scene.ui.models;
    pen.skip(LEAD);
    for (kind, cells) in columns {
        let sorts = kind.sort() == Some(table.sort);
        let arrow = match (sorts, table.reverse) {
            (true, true) => "▴",
            (true, false) => "▾",
            _ => "",
        };
        let role = if sorts { Role::Accent } else { Role::Dim };
        let head = format!("{}{arrow}", kind.head());
        if kind.is_number() {
            pen.right(&head, *cells, role);
        } else {
            pen.left(&head, *cells, role);
        }
        pen.skip(1);
    }
}

fn draw(mut pen: Pen<'_>, row: &ModelRow, columns: &[(Kind, u16)], scene: Scene<'_>, chosen: bool) {
    let told = state(&row.state);
    let lost = is_lost(row, scene.fleet);
    pen.put(if chosen { "›" } else { " " }, Role::Accent)
        .skip(1)
        .put(told.glyph, told.role)
        .skip(1);
    let absent = row.state == ModelState::NotOnDisk;
    let mut pen = pen.stale(lost);
    let mut at = 0;
    for (kind, cells) in columns {
        if at == 0 && kind.is_number() && fetches(&row.state) {
            // The numbers of an engine that does not run make room for how the fetch goes.
            at = columns
                .iter()
                .filter(|(kind, _)| kind.is_number())
                .map(|(_, cells)| cells + 1)
                .sum();
            pen.right(&fetch_words(row), at - 1, Role::Text);
        }
        if at > 0 {
            continue;
        }
        let (words, role) = match kind {
            Kind::State => (told.words.clone(), told.role),
            Kind::Name if absent => (row.name.to_string(), Role::Dim),
            Kind::Name => (row.name.to_string(), Role::Title),
            Kind::Place => place(row, scene),
            _ => number(*kind, row, scene),
        };
        if kind.is_number() {
            pen.right(&words, *cells, role);
        } else {
            pen.left(&words, *cells, role);
        }
        pen.skip(1);
    }
}

fn place(row: &ModelRow, scene: Scene<'_>) -> (String, Role) {
    let words = whereabouts(row, &scene.fleet.clusters);
    match &row.place {
        Some(_) => (words, Role::Text),
        None => (words, Role::Dim),
    }
}

fn fetches(state: &ModelState) -> bool {
    matches!(state, ModelState::Downloading(_) | ModelState::Copying(_))
}

fn fetch_words(row: &ModelRow) -> String {
    match &row.state {
        ModelState::Downloading(progress) | ModelState::Copying(progress) => pace(progress),
        _ => String::new(),
    }
}

/// Whether the host that told of it does not answer.
fn is_lost(row: &ModelRow, fleet: &Fleet) -> bool {
    let host = match (&row.place, row.on.first()) {
        (Some(place), _) => place.head(),
        (None, Some(on)) => &on.host,
        (None, None) => return false,
    };
    fleet.host(host).is_some_and(|host| {
        matches!(
            host.word,
            crate::domain::HealthWord::Down | crate::domain::HealthWord::Wedged
        )
    })
}

/// Size, tokens or requests; dim where they are old, a dash where there are none.
fn number(kind: Kind, row: &ModelRow, scene: Scene<'_>) -> (String, Role) {
    let none = ("–".to_owned(), Role::Faint);
    if kind == Kind::Size {
        let role = if row.on.is_empty() {
            Role::Faint
        } else {
            Role::Text
        };
        let words = row.size().map(|bytes| size(bytes).replace(" GiB", "G"));
        return words.map_or(none, |words| (words, role));
    }
    let Some((host, served)) = &row.served else {
        return none;
    };
    let read = scene.fleet.host(host);
    let read = read.and_then(|host| host.models.serving.as_ref());
    let age = read.map_or(Age(u64::MAX), |read| read.age(scene.fleet.at));
    let role = if age.0 > OLD { Role::Stale } else { Role::Text };
    let words = match (kind, &served.tokens_out, &served.running, &served.waiting) {
        (Kind::Tokens, Metric::Is(rate), ..) => per_second(*rate),
        (Kind::Requests, _, Metric::Is(running), Metric::Is(waiting)) => {
            format!("{running}/{waiting}")
        }
        (Kind::Requests, _, Metric::Is(running), _) => format!("{running}/–"),
        _ => return none,
    };
    (words, role)
}

/// The name of the chosen model's place, for titles.
pub(super) fn title_of(row: &ModelRow) -> String {
    match &row.place {
        Some(place) => format!("{} on {}", row.name, place_name(place)),
        None => row.name.to_string(),
    }
}

/// The chosen row.
pub(in crate::tui) fn chosen(ui: &Ui) -> Option<&ModelRow> {
    match &ui.models.chosen {
        Chosen::One(of) => ui.models.rows.find(of),
        _ => None,
    }
}
