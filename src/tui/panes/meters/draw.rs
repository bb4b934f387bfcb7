//! Draws the rows that the plan names.

use ratatui::layout::Rect;

use super::super::{Scene, processes};
use super::plan::{Row, Section, plan};
use super::{gpu, history, machine, memory, verdict};
use crate::domain::{GpuProcess, Metric};
use crate::engine::{Host, Timed};
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, age_words, row_of, rule};

/// Draws the tab from a row on.
pub(in crate::tui::panes) fn meters(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
    host: &Host,
    scroll: usize,
) {
    let rows = plan(host, area, scene.layout.third[0].1.height > 0);
    let top = top_processes(host);
    for (place, row) in (0..area.height).zip(rows.into_iter().skip(scroll)) {
        let line = row_of(area, place);
        let inside = Rect {
            x: line.x + line.width.min(1),
            width: line.width.saturating_sub(2),
            ..line
        };
        draw(canvas, (line, inside), scene, host, (row, &top));
    }
}

fn draw(
    canvas: &mut Canvas<'_>,
    (line, inside): (Rect, Rect),
    scene: Scene<'_>,
    host: &Host,
    (row, top): (Row, &[&GpuProcess]),
) {
    match row {
        Row::Blank => {}
        Row::Verdict | Row::Why(_) | Row::Mend(_) | Row::Seen | Row::Condition => {
            verdict::draw(canvas, inside, scene, host, row);
        }
        Row::Rule(section) => section_rule(canvas, line, scene, host, section),
        Row::MemoryBar(dress) => memory::bar_row(canvas, inside, scene, (host, dress)),
        Row::MemoryLegend(dress) => memory::legend(canvas, inside, scene, (host, dress)),
        Row::GpuFacts(..) | Row::GpuMemory(_) | Row::GpuMore(_) | Row::Mig(_) => {
            gpu::draw(canvas, inside, scene, host, row);
        }
        Row::TableHead(_) | Row::TableLine(..) | Row::TableNotes => {
            gpu::draw_table(canvas, inside, scene, host, row);
        }
        Row::Graph(curve, row, rows) => {
            history::graph_row(canvas, inside, scene, host, (curve, row, rows));
        }
        Row::Ruler => history::ruler_row(canvas, inside, scene, host),
        Row::Cpu | Row::Network | Row::Disk(_) => machine::draw(canvas, inside, scene, host, row),
        Row::ProcessHead => processes::heads(&mut canvas.pen(inside), inside.width, None),
        Row::Process(place) => match top.get(place) {
            Some(process) => {
                let old = host.processes.as_ref().is_some_and(|read| old(scene, read));
                processes::draw_row(canvas.pen(inside).stale(old), host, process);
            }
            None if place == 0 => {
                canvas.pen(inside).put("nothing runs on a gpu", Role::Dim);
            }
            None => {}
        },
    }
}

/// Processes by memory, most first.
fn top_processes(host: &Host) -> Vec<&GpuProcess> {
    let mut all: Vec<&GpuProcess> = host
        .processes
        .as_ref()
        .map(|read| read.value.iter().collect())
        .unwrap_or_default();
    let held = |process: &GpuProcess| process.memory.value().copied().unwrap_or_default();
    all.sort_by(|a, b| (held(b), a.pid).cmp(&(held(a), b.pid)));
    all
}

/// Whether a reading is too old to trust.
pub(super) fn old<T>(scene: Scene<'_>, read: &Timed<T>) -> bool {
    processes::is_old(scene, read.age(scene.fleet.at).0)
}

fn section_rule(
    canvas: &mut Canvas<'_>,
    line: Rect,
    scene: Scene<'_>,
    host: &Host,
    section: Section,
) {
    let (title, value) = match section {
        Section::Memory => (memory::title(host), memory::value(host)),
        Section::Gpu(place) => gpu::title(host, place),
        Section::Gpus => gpu::titles(host),
        Section::History => history::title(scene),
        Section::Machine => machine::title(host),
        Section::Processes => {
            let count = host.processes.as_ref().map_or(0, |read| read.value.len());
            ("processes".to_owned(), format!("{count}"))
        }
    };
    let age = section_age(scene, host, section);
    let mut values = Vec::with_capacity(3);
    if let Some(age) = &age {
        values.push((age.as_str(), Role::Warn));
        values.push((" · ", Role::Faint));
    }
    values.push((value.as_str(), value_role(scene, host, section)));
    values.push((" ", Role::Dim));
    if value.is_empty() {
        values.truncate(values.len() - 2);
        values.pop();
    }
    rule(canvas, line, &format!(" {title}"), &values);
}

/// A value that is worth a look, has that look.
fn value_role(scene: Scene<'_>, host: &Host, section: Section) -> Role {
    let warns = match section {
        Section::Memory => host.machine.as_ref().is_some_and(|read| {
            let memory = read.value.memory.value();
            memory.is_some_and(|memory| {
                let limits = scene.fleet.thresholds;
                limits.is_tight(memory.available, memory.total)
            })
        }),
        Section::Gpu(place) => gpu::is_throttled(host, place),
        _ => false,
    };
    if warns { Role::Warn } else { Role::Dim }
}

/// How old a section's values are, where they are too old.
fn section_age(scene: Scene<'_>, host: &Host, section: Section) -> Option<String> {
    let now = scene.fleet.at;
    let words =
        |read: crate::domain::Age| processes::is_old(scene, read.0).then(|| age_words(read));
    match section {
        Section::Memory | Section::Machine => words(host.machine.as_ref()?.age(now)),
        Section::Gpu(_) | Section::Gpus => words(host.gpus.as_ref()?.age(now)),
        Section::Processes => words(host.processes.as_ref()?.age(now)),
        Section::History => None,
    }
}

/// A value with its unit, or a dash.
pub(super) fn shown<T>(metric: &Metric<T>, words: impl FnOnce(&T) -> String) -> String {
    metric.value().map_or_else(|| "–".to_owned(), words)
}
