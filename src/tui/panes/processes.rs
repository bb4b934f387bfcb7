//! The process table: what holds GPU memory, who runs it, in which container.

use ratatui::layout::Rect;

use super::Scene;
use crate::domain::{GpuProcess, Metric};
use crate::engine::Host;
use crate::text::SafeText;
use crate::tui::rows;
use crate::tui::theme::Role;
use crate::tui::ui::{Focus, SortKey, Tab, TableUi};
use crate::tui::widgets::{Canvas, Pen, age_words};

/// A column: its head, what it sorts by, its width.
struct Column {
    head: &'static str,
    sort: Option<SortKey>,
    cells: u16,
}

/// The columns in a table of this width. Fixed, but for the container's and the command's.
fn columns(room: u16) -> [Column; 6] {
    let container = if room >= 76 { (room / 5).min(22) } else { 0 };
    let user = if room >= 60 { 10 } else { 8 };
    let fixed = 8 + 1 + user + 1 + 4 + 10 + 2 + container + u16::from(container > 0);
    let column = |head, sort, cells| Column { head, sort, cells };
    [
        column("pid", Some(SortKey::Pid), 8),
        column("user", Some(SortKey::User), user),
        column("gpu", Some(SortKey::Gpu), 4),
        column("memory", Some(SortKey::Memory), 10),
        column("container", None, container),
        column(
            "command",
            Some(SortKey::Command),
            room.saturating_sub(fixed),
        ),
    ]
}

/// Blank cells before each column.
const BEFORE: [u16; 6] = [0, 1, 1, 0, 2, 1];

/// What the head at this column of the screen sorts by.
pub(in crate::tui) fn column_at(area: Rect, column: u16) -> Option<SortKey> {
    let mut start = area.x;
    for (of, before) in columns(area.width).iter().zip(BEFORE) {
        start += before;
        if (start..start + of.cells).contains(&column) {
            return of.sort;
        }
        start += of.cells;
    }
    None
}

/// Writes `12`, or `3 of 12 /filter`, into a title; `noun` follows where there is no filter.
pub(super) fn count(pen: &mut Pen<'_>, host: &Host, table: &TableUi, noun: &str) {
    let all = host.processes.as_ref().map_or(0, |read| read.value.len());
    if table.filter.text.is_empty() {
        pen.put(&format!("{all}{noun} "), Role::Dim);
    } else {
        let shown = rows::processes(host, table).len();
        pen.put(&format!("{shown} of {all} "), Role::Text)
            .put("/", Role::Key)
            .put(&table.filter.text, Role::Hit)
            .put(" ", Role::Dim);
    }
}

/// Draws the table.
pub(super) fn table(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>, host: &Host) {
    let ui = scene.ui;
    heads(&mut canvas.pen(area), area.width, Some(&ui.processes));
    let body = Rect {
        y: area.y + area.height.min(1),
        height: area.height.saturating_sub(1),
        ..area
    };
    let Some(read) = &host.processes else {
        let why = no_processes(host);
        canvas.pen(body).skip(1).put(why, Role::Dim);
        return;
    };
    let shown = rows::processes(host, &ui.processes);
    if shown.is_empty() {
        let why = if read.value.is_empty() {
            "nothing runs on the GPUs of this host"
        } else {
            "no process matches the filter"
        };
        canvas.pen(body).skip(1).put(why, Role::Dim);
    }
    let old = is_old(scene, read.age(scene.fleet.at).0);
    let focused = ui.focus == Focus::Detail && ui.tab == Tab::Processes && ui.body_has_keys();
    for (row, process) in (0..body.height).zip(shown.into_iter().skip(ui.processes.scroll)) {
        let line = Rect::new(body.x, body.y + row, body.width, 1);
        draw_row(canvas.pen(line).stale(old), host, process);
        if ui.processes.selected == Some(process.pid) && ui.tab == Tab::Processes {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
    if old && body.height > 0 {
        let age = age_words(read.age(scene.fleet.at));
        canvas
            .row(body, body.height - 1)
            .at_end(&[(&age, Role::Stale), (" ", Role::Dim)]);
    }
}

fn no_processes(host: &Host) -> &'static str {
    if host
        .gpus
        .as_ref()
        .is_some_and(|read| read.value.gpus.is_empty())
    {
        "no gpu, so nothing runs on one"
    } else {
        "not read yet"
    }
}

/// Whether a reading of this age, in milliseconds, is too old to trust: two sample periods.
pub(super) fn is_old(scene: Scene<'_>, age: u64) -> bool {
    u128::from(age) > 2 * scene.fleet.period.as_millis()
}

/// Draws the heads; the one that sorts has an arrow.
pub(super) fn heads(pen: &mut Pen<'_>, room: u16, table: Option<&TableUi>) {
    for (place, (column, before)) in columns(room).iter().zip(BEFORE).enumerate() {
        if column.cells == 0 {
            continue;
        }
        pen.skip(before);
        let sorts = table.is_some_and(|table| column.sort == Some(table.sort));
        let arrow = match table {
            Some(table) if sorts && table.reverse => "▴",
            Some(_) if sorts => "▾",
            _ => "",
        };
        let role = if sorts { Role::Accent } else { Role::Dim };
        let head = format!("{}{arrow}", column.head);
        if is_number(place) {
            pen.right(&head, column.cells, role);
        } else {
            pen.left(&head, column.cells, role);
        }
    }
}

/// Whether the column at this place holds numbers, which stand against its right.
fn is_number(place: usize) -> bool {
    matches!(place, 0 | 2 | 3)
}

/// Draws one process.
pub(super) fn draw_row(mut pen: Pen<'_>, host: &Host, process: &GpuProcess) {
    let index = host
        .gpus
        .as_ref()
        .and_then(|read| read.value.gpus.iter().find(|gpu| gpu.id == process.gpu))
        .map_or_else(|| "–".to_owned(), |gpu| gpu.index.to_string());
    let memory = process
        .memory
        .value()
        .map_or_else(|| "–".to_owned(), ToString::to_string);
    let [pid, user, gpu, amount, container, command] = columns(pen.room());
    pen.right(&process.pid.to_string(), pid.cells, Role::Dim)
        .skip(1)
        .left(text(&process.user, "–"), user.cells, Role::Text)
        .skip(1)
        .right(&index, gpu.cells, Role::Text)
        .right(&memory, amount.cells, Role::Text);
    if container.cells > 0 {
        let role = match process.container {
            Metric::Is(_) => Role::PartGpu,
            Metric::Missing(_) => Role::Faint,
        };
        pen.skip(2)
            .left(text(&process.container, "–"), container.cells, role)
            .skip(1);
    } else {
        pen.skip(2);
    }
    pen.left(process.command.as_str(), command.cells, Role::Text);
}

fn text<'a>(metric: &'a Metric<SafeText>, missing: &'a str) -> &'a str {
    metric.value().map_or(missing, SafeText::as_str)
}
