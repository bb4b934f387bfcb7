//! The table of containers: of one host, or of the fleet. Only the rows in view are put into words.

use ratatui::layout::{Position, Rect};

use super::{Scene, container};
use crate::domain::{ContainerHealth, ContainerState, Metric, Mib};
use crate::engine::{DaemonState, Timed, gpu_memory_of};
use crate::tui::action::{Action, Place};
use crate::tui::container_lines;
use crate::tui::container_notes::notes;
use crate::tui::container_rows::{self, ContainerRow};
use crate::tui::theme::Role;
use crate::tui::ui::{Screen, Tab, Ui};
use crate::tui::ui_tables::{Chosen, ContainerSort};
use crate::tui::widgets::{Canvas, Pen, row_of, wrap};

/// Stats older than this, in milliseconds, are not trusted.
const OLD: u64 = 15_000;

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Host,
    Name,
    State,
    Age,
    Cpu,
    Memory,
    Gpu,
    Image,
    Ports,
    Restarts,
    Project,
    Owner,
}

/// The columns from left to right, with the cells that each has at least.
const ALL: [(Kind, u16); 12] = [
    (Kind::Host, 10),
    (Kind::Name, 18),
    (Kind::State, 10),
    (Kind::Age, 7),
    (Kind::Cpu, 6),
    (Kind::Memory, 8),
    (Kind::Gpu, 8),
    (Kind::Image, 20),
    (Kind::Ports, 14),
    (Kind::Restarts, 3),
    (Kind::Project, 12),
    (Kind::Owner, 8),
];

/// The columns that go first where there is no room.
const GOES_FIRST: [Kind; 9] = [
    Kind::Owner,
    Kind::Restarts,
    Kind::Project,
    Kind::Ports,
    Kind::Image,
    Kind::Gpu,
    Kind::Age,
    Kind::Memory,
    Kind::Cpu,
];

/// Cursor, mark, glyph and a blank.
const LEAD: u16 = 4;

impl Kind {
    fn head(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Name => "name",
            Self::State => "state",
            Self::Age => "for",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::Image => "image",
            Self::Ports => "ports",
            Self::Restarts => "rst",
            Self::Project => "project",
            Self::Owner => "owner",
        }
    }

    fn sort(self) -> Option<ContainerSort> {
        Some(match self {
            Self::Name => ContainerSort::Name,
            Self::State => ContainerSort::State,
            Self::Age => ContainerSort::Age,
            Self::Cpu => ContainerSort::Cpu,
            Self::Memory => ContainerSort::Memory,
            Self::Gpu => ContainerSort::Gpu,
            Self::Image => ContainerSort::Image,
            Self::Project => ContainerSort::Project,
            _ => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(
            self,
            Self::Age | Self::Cpu | Self::Memory | Self::Gpu | Self::Restarts
        )
    }
}

/// The columns of a table of this width. They depend on the width alone, so that they stand still.
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
    // What is left goes to the texts, in this order, each up to a bound.
    for (kind, most) in [
        (Kind::Name, 12),
        (Kind::Image, 20),
        (Kind::Ports, 12),
        (Kind::Name, 16),
    ] {
        if let Some((_, cells)) = columns.iter_mut().find(|(of, _)| *of == kind) {
            let more = most.min(left);
            *cells += more;
            left -= more;
        }
    }
    columns
}

/// What the head at this column of the screen sorts by.
pub(in crate::tui) fn column_at(area: Rect, column: u16, ui: &Ui) -> Option<ContainerSort> {
    let mut start = area.x + LEAD;
    if ui.place_of_keys() != Place::Containers && ui.tab != Tab::Containers {
        return None;
    }
    for (kind, cells) in columns(area.width, ui.screen == Screen::Containers) {
        if (start..start + cells).contains(&column) {
            return kind.sort();
        }
        start += cells + 1;
    }
    None
}

/// Draws the table, or the container that is looked into, where the layout has put it; `foot` is the lower border.
pub(super) fn pane(canvas: &mut Canvas<'_>, foot: Rect, scene: Scene<'_>) {
    let layout = scene.layout;
    if let Some(open) = &scene.ui.containers.open {
        let areas = (layout.table_head, layout.table_rows, foot);
        container::container(canvas, areas, scene, open);
        return;
    }
    table(canvas, scene);
    let mut pen = canvas.pen(foot);
    position(&mut pen, scene);
    pen.put(" ", Role::Dim);
    count(&mut pen, scene);
}

/// Draws heads, rows and what has to be said below them.
fn table(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let layout = scene.layout;
    let fleet_wide = scene.ui.screen == Screen::Containers;
    let columns = columns(layout.table_head.width, fleet_wide);
    heads(&mut canvas.pen(layout.table_head), &columns, scene);
    let body = layout.table_rows;
    let table = &scene.ui.containers;
    if table.rows.rows().is_empty() {
        nothing(canvas, body, scene);
    }
    let focused = scene.ui.place_of_keys() == Place::Containers && scene.ui.body_has_keys();
    let seen = table.rows.rows().iter().skip(table.scroll);
    for (row, container) in (0..body.height).zip(seen) {
        let line = row_of(body, row);
        let chosen = matches!(&table.chosen, Chosen::One(of) if container.is(of));
        draw(canvas.pen(line), container, &columns, scene, chosen);
        if chosen {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
    for (row, (words, role)) in (0..).zip(notes(scene.fleet, scene.ui)) {
        canvas
            .row(layout.table_notes, row)
            .skip(1)
            .put(&words, role);
    }
}

/// The cell of the chosen row.
pub(in crate::tui) fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let table = &scene.ui.containers;
    let Chosen::One(of) = &table.chosen else {
        return None;
    };
    let at = table.rows.position(of)?.checked_sub(table.scroll)?;
    let area = scene.layout.table_rows;
    let row = u16::try_from(at).ok().filter(|row| *row < area.height)?;
    Some(Position::new(area.x, area.y + row))
}

/// Writes `12 · 9 run`, or `3 of 12 /filter`, and what is marked or left out, into a border.
fn count(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let table = &scene.ui.containers;
    let (all, running) = table.rows.counts();
    if table.filter.text.is_empty() {
        pen.put(&format!("{all} · {running} run "), Role::Dim);
    } else {
        let shown = table.rows.rows().len();
        pen.put(&format!("{shown} of {all} "), Role::Text)
            .put("/", Role::Key)
            .put(&table.filter.text, Role::Hit)
            .put(" ", Role::Dim);
    }
    if table.rows.hidden() > 0 {
        let key = scene.keymap.label(Action::Ended);
        pen.put(
            &format!("· {} ended hidden, ", table.rows.hidden()),
            Role::Dim,
        )
        .put(&key, Role::Key)
        .put(" shows them ", Role::Dim);
    }
    if !table.marked.is_empty() {
        pen.put(&format!("· {} marked ", table.marked.len()), Role::Marked);
    }
}

/// Writes `13–24 of 50`, where not all rows are seen.
fn position(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let table = &scene.ui.containers;
    let (rows, height) = (
        table.rows.rows().len(),
        usize::from(scene.layout.table_rows.height),
    );
    if rows > height && height > 0 {
        let last = (table.scroll + height).min(rows);
        let words = format!(" {}–{last} of {rows} ", (table.scroll + 1).min(last));
        pen.at_end(&[(&words, Role::Dim)]);
    }
}

/// Why there is no row, with the mend.
fn nothing(canvas: &mut Canvas<'_>, body: Rect, scene: Scene<'_>) {
    let (all, _) = scene.ui.containers.rows.counts();
    let mut lines: Vec<(String, Role)> = Vec::new();
    if all > 0 {
        let why = "no container matches the filter, or all that match have ended and are hidden";
        lines.push((why.into(), Role::Dim));
    } else {
        let mut hosts = container_rows::scope(scene.fleet, scene.ui);
        let daemon = hosts.next().map(|host| &host.containers.daemon);
        match daemon {
            Some(DaemonState::Absent { why, hint }) if hosts.next().is_none() => {
                lines.push((why.to_string(), Role::Text));
                lines.extend(hint.as_ref().map(|hint| (hint.to_string(), Role::Title)));
            }
            Some(DaemonState::Unknown) => {
                lines.push(("the containers have not been read yet".into(), Role::Dim));
            }
            _ => lines.push(("there is no container".into(), Role::Dim)),
        }
    }
    let cells = usize::from(body.width.saturating_sub(2));
    let mut row = 0;
    for (text, role) in &lines {
        for part in wrap(text, cells) {
            canvas.row(body, row).skip(1).put(part, *role);
            row += 1;
        }
    }
}

fn heads(pen: &mut Pen<'_>, columns: &[(Kind, u16)], scene: Scene<'_>) {
    let table = &scene.ui.containers;
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

/// The glyph of what a container does, and its look.
pub(super) fn glyph(container: &crate::domain::Container) -> (&'static str, Role) {
    match (container.state, container.health) {
        (ContainerState::Running, Some(ContainerHealth::Unhealthy)) => ("▲", Role::Warn),
        (ContainerState::Running, Some(ContainerHealth::Starting)) => ("◌", Role::Busy),
        (ContainerState::Running, _) => ("●", Role::Ok),
        (ContainerState::Paused, _) => ("‖", Role::Warn),
        (ContainerState::Restarting, _) => ("↻", Role::Warn),
        (ContainerState::Removing, _) => ("…", Role::Busy),
        (ContainerState::Created | ContainerState::Exited(0), _) => ("○", Role::Dim),
        (ContainerState::Exited(_) | ContainerState::Dead, _) => ("✖", Role::Bad),
    }
}

fn draw(
    mut pen: Pen<'_>,
    row: &ContainerRow,
    columns: &[(Kind, u16)],
    scene: Scene<'_>,
    chosen: bool,
) {
    let container = &row.container;
    let of = row.of();
    let marked = scene.ui.containers.marked.contains(&of);
    let host = scene.fleet.host(&row.host);
    let lost = host.is_some_and(|host| matches!(host.containers.daemon, DaemonState::Lost { .. }));
    let after_gap = host.is_some_and(|host| {
        container_rows::gaps(host, scene.fleet).any(|change| change.id == container.id)
    });
    let (symbol, role) = glyph(container);
    let mark = match (marked, after_gap) {
        (true, _) => ("◆", Role::Marked),
        (false, true) => ("≈", Role::Warn),
        (false, false) => (" ", Role::Text),
    };
    pen.put(if chosen { "›" } else { " " }, Role::Accent)
        .put(mark.0, mark.1)
        .put(symbol, role)
        .skip(1);
    let ended = container_rows::has_ended(container.state);
    let mut pen = pen.stale(lost);
    for (kind, cells) in columns {
        let (words, look) = cell(*kind, row, scene, ended);
        let look = match kind {
            Kind::Name if marked => Role::Marked,
            Kind::Name if ended => Role::Dim,
            Kind::State => role,
            _ => look,
        };
        if kind.is_number() {
            pen.right(&words, *cells, look);
        } else {
            pen.left(&words, *cells, look);
        }
        pen.skip(1);
    }
}

fn cell(kind: Kind, row: &ContainerRow, scene: Scene<'_>, ended: bool) -> (String, Role) {
    let container = &row.container;
    let text = |text: Option<&crate::text::SafeText>| {
        (
            text.map_or_else(String::new, ToString::to_string),
            Role::Dim,
        )
    };
    match kind {
        Kind::Host => (row.host.to_string(), Role::Dim),
        Kind::Name => (container.name.to_string(), Role::Title),
        Kind::State => (container_rows::state_words(container), Role::Text),
        Kind::Age => (
            container_rows::since_words(container, scene.fleet.wall),
            if ended { Role::Dim } else { Role::Text },
        ),
        Kind::Cpu | Kind::Memory => measured(kind, row, scene, ended),
        Kind::Gpu => {
            let host = scene.fleet.host(&row.host);
            match host.map(|host| gpu_memory_of(host, container)) {
                Some(Metric::Is(memory)) if memory > Mib(0) => (memory.to_string(), Role::PartGpu),
                _ => ("–".into(), Role::Faint),
            }
        }
        Kind::Image => (container.image.to_string(), Role::Dim),
        Kind::Ports => (container_rows::ports(&container.ports), Role::Text),
        Kind::Restarts => match &container.restarts {
            Metric::Is(0) => ("0".into(), Role::Faint),
            Metric::Is(count) => (count.to_string(), Role::Warn),
            Metric::Missing(_) => ("–".into(), Role::Faint),
        },
        Kind::Project => text(container.project.as_ref().map(|place| &place.project)),
        Kind::Owner => text(container.owner.as_ref()),
    }
}

/// CPU or memory, dim where it is old, a dash where there is none.
fn measured(kind: Kind, row: &ContainerRow, scene: Scene<'_>, ended: bool) -> (String, Role) {
    let none = ("–".to_owned(), Role::Faint);
    if ended {
        return none;
    }
    let Some(Timed { at, value }) = container_rows::stats(scene.fleet, &row.of()) else {
        return none;
    };
    let role = if scene.fleet.at.since(*at).0 > OLD {
        Role::Stale
    } else {
        Role::Text
    };
    let words = match kind {
        Kind::Cpu => value.cpu.value().map(|cpu| format!("{:.1} %", cpu.0)),
        _ => value
            .memory
            .value()
            .map(|bytes| container_lines::amount(*bytes)),
    };
    words.map_or(none, |words| (words, role))
}
