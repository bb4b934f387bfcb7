//! The host list: state, name, how busy, how full. Alone on the screen it has more columns.

use ratatui::layout::Rect;

use super::{Scene, screens};
use crate::domain::{GpuMemory, HealthWord, Metric, Mib, Percent};
use crate::engine::{Fleet, Host};
use crate::text::width;
use crate::tui::layout::Shape;
use crate::tui::power_words::act_words;
use crate::tui::rows;
use crate::tui::theme::Role;
use crate::tui::ui::Focus;
use crate::tui::widgets::{Canvas, Pen, frame, gauge, glyph, pair, role_of, state_words};

/// Widths of the columns, from what the box gives.
struct Columns {
    name: u16,
    /// State in words; 0: only where the state hides the numbers.
    state: u16,
    /// Bars, heat, power and what GPUs there are.
    wide: bool,
    /// Width of each bar.
    gauge: u16,
}

/// Widths of the columns that have one.
const USE: u16 = 9;
const MEMORY: u16 = 10;
const MEMORY_PAIR: u16 = 17;
const HEAT: u16 = 8;
const POWER: u16 = 8;

/// What one host adds up to.
struct Sum {
    /// Mean utilisation of its GPUs, or its CPU.
    busy: Option<f32>,
    /// Whether that is its CPU's.
    cpu: bool,
    memory: Option<(Mib, Mib)>,
    hottest: Option<f32>,
    power: Option<f32>,
}

/// Draws the box.
pub(in crate::tui) fn host_list(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, .. } = scene;
    let focused = ui.focus == Focus::List && ui.body_has_keys();
    let role = if focused {
        Role::BorderFocus
    } else {
        Role::Border
    };
    let borders = frame(canvas, area, role);
    let shown = rows::hosts(fleet, ui);
    let head = scene.layout.list_head;
    let body = scene.layout.list_rows;
    title(canvas, borders.top, scene, shown.len());
    let columns = columns(body.width, &shown);
    heads(canvas.pen(head), &columns);
    let selected = shown
        .iter()
        .position(|host| Some(&host.id) == ui.selected.as_ref());
    for (row, (place, host)) in (0..body.height).zip(shown.iter().enumerate().skip(ui.list_scroll))
    {
        let line = Rect::new(body.x, body.y + row, body.width, 1);
        let chosen = selected == Some(place);
        host_row(canvas.pen(line), host, &columns, scene, chosen);
        if chosen {
            let role = if focused {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(line, role);
        }
    }
    if shown.is_empty() && !fleet.hosts.is_empty() {
        canvas
            .pen(body)
            .skip(1)
            .put("no host matches the filter", Role::Dim);
    }
    if scene.layout.shape != Shape::One {
        digits(canvas, borders.bottom, scene);
    }
    position(
        canvas,
        borders.bottom,
        shown.len(),
        body.height,
        ui.list_scroll,
    );
}

fn title(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>, shown: usize) {
    let Scene { fleet, ui, .. } = scene;
    let mut pen = canvas.pen(area);
    pen.put(" 1 ", Role::Key).put("Hosts ", Role::Title);
    if ui.list_filter.text.is_empty() {
        pen.put(&format!("{} ", fleet.hosts.len()), Role::Dim);
    } else {
        pen.put(&format!("{shown} of {} ", fleet.hosts.len()), Role::Text)
            .put("/", Role::Key)
            .put(&ui.list_filter.text, Role::Hit)
            .put(" ", Role::Dim);
    }
    if !ui.marked.is_empty() {
        pen.put(&format!("{} marked ", ui.marked.len()), Role::Marked);
    }
}

/// The other screens and their keys, in the lower border.
fn digits(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let mut pen = canvas.pen(area);
    pen.put(" ", Role::Dim);
    screens::digits(&mut pen, scene);
}

/// `13–24 of 50` in the lower border, where not all rows are seen.
fn position(canvas: &mut Canvas<'_>, area: Rect, rows: usize, height: u16, scroll: usize) {
    if rows > usize::from(height) && height > 0 {
        let last = (scroll + usize::from(height)).min(rows);
        let words = format!(" {}–{last} of {rows} ", (scroll + 1).min(last));
        canvas.pen(area).at_end(&[(&words, Role::Dim)]);
    }
}

fn columns(room: u16, shown: &[&std::sync::Arc<Host>]) -> Columns {
    let longest = shown
        .iter()
        .map(|host| width(host.id.as_str()))
        .max()
        .unwrap_or(0)
        .clamp(8, 24) as u16;
    let wide = room >= 70;
    // Cursor and glyph 4, use 9, memory 10; wide: gauge 10, pair 16, heat 8, power 9 instead.
    let gauge = if room >= 96 { 10 } else { 5 };
    let fixed = if wide {
        4 + USE + MEMORY_PAIR + HEAT + POWER + 2 * (gauge + 2)
    } else {
        4 + USE + MEMORY
    };
    let name = longest.min(room.saturating_sub(fixed).max(6));
    Columns {
        name,
        state: room.saturating_sub(fixed + name + 1),
        wide,
        gauge,
    }
}

fn heads(mut pen: Pen<'_>, columns: &Columns) {
    pen.skip(4).left("name", columns.name, Role::Dim).skip(1);
    pen.left(
        if columns.state >= 5 { "state" } else { "" },
        columns.state,
        Role::Dim,
    );
    if columns.wide {
        pen.right("gpu", USE, Role::Dim)
            .skip(columns.gauge + 2)
            .right("memory", MEMORY_PAIR, Role::Dim)
            .skip(columns.gauge + 2)
            .right("heat", HEAT, Role::Dim)
            .right("power", POWER, Role::Dim);
    } else {
        pen.right("gpu", USE, Role::Dim)
            .right("memory", MEMORY, Role::Dim);
    }
}

fn host_row(mut pen: Pen<'_>, host: &Host, columns: &Columns, scene: Scene<'_>, chosen: bool) {
    let power = &scene.ui.power;
    let marked = scene.ui.marked.contains(&host.id);
    let (mark, of_mark) = match (marked, power.is_armed(&host.id, scene.ui.now)) {
        (_, true) => ("⚑", Role::Warn),
        (true, false) => ("◆", Role::Marked),
        (false, false) => (" ", Role::Text),
    };
    let role = role_of(host.word);
    pen.put(if chosen { "›" } else { " " }, Role::Accent)
        .put(mark, of_mark)
        .put(glyph(host.word), role)
        .skip(1)
        .left(
            host.id.as_str(),
            columns.name,
            if marked { Role::Marked } else { Role::Title },
        )
        .skip(1);
    if let Some(act) = power.act(&host.id).filter(|act| act.ended.is_none()) {
        pen.put(&act_words(act, scene.ui.now), Role::Warn);
        return;
    }
    let words = state_words(host, scene.fleet.at);
    let sum = sum(host);
    if speaks_instead(host) {
        let role = if host.word == HealthWord::Ok {
            Role::Dim
        } else {
            role
        };
        pen.put(&words, role);
        return;
    }
    let state = if width(&words) > usize::from(columns.state) {
        host.word.word()
    } else {
        words.as_str()
    };
    let role = if host.word == HealthWord::Ok {
        Role::Dim
    } else {
        role
    };
    if width(state) <= usize::from(columns.state) {
        pen.left(state, columns.state, role);
    } else {
        pen.skip(columns.state);
    }
    let mut pen = pen.stale(host.word == HealthWord::Stale);
    numbers(&mut pen, &sum, columns, scene.fleet);
}

/// Whether the words of state say more than numbers could: they are old or were never read.
fn speaks_instead(host: &Host) -> bool {
    host.machine.is_none() && host.gpus.is_none()
        || matches!(
            host.word,
            HealthWord::Down | HealthWord::Wedged | HealthWord::Connecting | HealthWord::Asking
        )
}

fn numbers(pen: &mut Pen<'_>, sum: &Sum, columns: &Columns, fleet: &Fleet) {
    let what = if sum.cpu { "cpu " } else { "" };
    let words = sum
        .busy
        .map_or_else(|| "–".to_owned(), |value| format!("{what}{value:.0} %"));
    let role = if sum.cpu { Role::Dim } else { Role::Text };
    pen.right(&words, USE, role);
    let tight = sum
        .memory
        .is_some_and(|(used, total)| fleet.thresholds.is_tight(total - used, total));
    let role = if tight { Role::Warn } else { Role::Text };
    if columns.wide {
        pen.skip(1);
        gauge(
            pen,
            columns.gauge,
            sum.busy.unwrap_or(0.0) / 100.0,
            if sum.cpu {
                Role::PartCache
            } else {
                Role::GraphUse
            },
        );
        pen.skip(1);
        let words = sum
            .memory
            .map_or_else(|| "–".to_owned(), |(used, total)| pair(used, total));
        pen.right(&words, MEMORY_PAIR, role).skip(1);
        let share = sum
            .memory
            .map_or(0.0, |(used, total)| used.percent_of(total).0);
        gauge(
            pen,
            columns.gauge,
            share / 100.0,
            if tight { Role::Warn } else { Role::GraphMemory },
        );
        pen.skip(1);
        let heat = sum
            .hottest
            .map_or_else(|| "–".to_owned(), |value| format!("{value:.0} °C"));
        let hot = sum
            .hottest
            .is_some_and(|value| value >= fleet.thresholds.hot.0);
        pen.right(&heat, 8, if hot { Role::Warn } else { Role::Text });
        let power = sum
            .power
            .map_or_else(|| "–".to_owned(), |value| format!("{value:.0} W"));
        pen.right(&power, POWER, Role::Text);
    } else {
        let words = sum
            .memory
            .map_or_else(|| "–".to_owned(), |(used, _)| used.to_string());
        pen.right(&words, MEMORY, role);
    }
}

/// GPU figures where there are GPUs, the machine's own else. Shared memory is the machine's.
fn sum(host: &Host) -> Sum {
    let gpus = host
        .gpus
        .as_ref()
        .map_or(&[][..], |read| &read.value.gpus[..]);
    let machine = host.machine.as_ref().map(|read| &read.value);
    let used: Vec<f32> = gpus
        .iter()
        .filter_map(|gpu| gpu.utilisation.value())
        .map(|Percent(value)| *value)
        .collect();
    let cpu = gpus.is_empty();
    let busy = if cpu {
        machine
            .and_then(|machine| machine.cpu.value())
            .map(|Percent(value)| *value)
    } else {
        (!used.is_empty()).then(|| used.iter().sum::<f32>() / used.len() as f32)
    };
    let dedicated = gpus.iter().filter_map(|gpu| match &gpu.memory {
        GpuMemory::Dedicated { used, total } => Some((*used, *total)),
        _ => None,
    });
    let own = dedicated.reduce(|a, b| (a.0 + b.0, a.1 + b.1));
    let shared = machine
        .and_then(|machine| machine.memory.value())
        .map(|memory| (memory.used(), memory.total));
    let most = |values: &mut dyn Iterator<Item = f32>| values.reduce(f32::max);
    let power: Vec<f32> = gpus
        .iter()
        .filter_map(|gpu| gpu.power.value())
        .map(|watts| watts.0)
        .collect();
    Sum {
        busy,
        cpu,
        memory: own.or(shared),
        hottest: most(
            &mut gpus
                .iter()
                .filter_map(|gpu| value(&gpu.temperature).map(|t| t.0)),
        ),
        power: (!power.is_empty()).then(|| power.iter().sum()),
    }
}

fn value<T>(metric: &Metric<T>) -> Option<&T> {
    metric.value()
}
