//! GPUs: one or two with a row for each matter, many as a table with a row for each.

use ratatui::layout::Rect;

use super::super::Scene;
use super::draw::{old, shown};
use super::history::window;
use super::plan::{Dress, Row};
use crate::domain::{Ecc, GpuHealth, GpuMemory, GpuReading, GpuReport, Metric};
use crate::engine::{Host, SeriesKey};
use crate::tui::theme::Role;
use crate::tui::widgets::{Axis, Canvas, Graph, Pen, gauge, pair, percent};

/// Title and value of one GPU's section: what it is, and what holds it down.
pub(super) fn title(host: &Host, place: usize) -> (String, String) {
    let Some(gpu) = report(host).and_then(|report| report.gpus.get(place)) else {
        return ("gpu".to_owned(), String::new());
    };
    let held = match gpu.throttle.value() {
        None => "throttle –".to_owned(),
        Some(reasons) => {
            let words: Vec<&str> = reasons.words().collect();
            if words.is_empty() {
                "not throttled".to_owned()
            } else {
                format!("▲ {}", words.join(", "))
            }
        }
    };
    (format!("gpu {} {}", gpu.index, gpu.name), held)
}

/// Title and value of the section of many.
pub(super) fn titles(host: &Host) -> (String, String) {
    let Some(report) = report(host) else {
        return ("gpus".to_owned(), String::new());
    };
    let name = report
        .gpus
        .first()
        .map(|gpu| gpu.name.as_str())
        .unwrap_or_default();
    let same = report.gpus.iter().all(|gpu| gpu.name.as_str() == name);
    let title = if same {
        format!("{} × {name}", report.gpus.len())
    } else {
        format!("{} gpus", report.gpus.len())
    };
    let watts: Vec<f32> = report
        .gpus
        .iter()
        .filter_map(|gpu| gpu.power.value())
        .map(|power| power.0)
        .collect();
    let value = if watts.is_empty() {
        String::new()
    } else {
        format!("{:.0} W in all", watts.iter().sum::<f32>())
    };
    (title, value)
}

/// Whether anything holds this GPU's clocks down.
pub(super) fn is_throttled(host: &Host, place: usize) -> bool {
    report(host)
        .and_then(|report| report.gpus.get(place))
        .and_then(|gpu| gpu.throttle.value())
        .is_some_and(|reasons| reasons.words().next().is_some())
}

fn report(host: &Host) -> Option<&GpuReport> {
    host.gpus.as_ref().map(|read| read.value.as_ref())
}

/// Draws one row of one of a few.
pub(super) fn draw(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, host: &Host, row: Row) {
    let (Row::GpuFacts(place, _) | Row::GpuMemory(place) | Row::GpuMore(place) | Row::Mig(place)) =
        row
    else {
        return;
    };
    let Some(read) = &host.gpus else { return };
    let Some(gpu) = read.value.gpus.get(place) else {
        return;
    };
    let pen = canvas.pen(line).stale(old(scene, read));
    match row {
        Row::GpuFacts(_, dress) => facts(pen, gpu, scene, dress),
        Row::GpuMemory(_) => own_memory(pen, gpu, scene),
        Row::GpuMore(_) => more(pen, gpu),
        _ => mig(pen, gpu),
    }
}

fn facts(mut pen: Pen<'_>, gpu: &GpuReading, scene: Scene<'_>, dress: Dress) {
    match dress {
        Dress::Named => pen.left(&format!("gpu {}", gpu.index), 8, Role::Dim),
        Dress::Bare => pen.left("util", 8, Role::Dim),
    };
    if gpu.health == GpuHealth::Lost {
        pen.put(
            "✖ lost: it fell off the bus; a reboot or power cycle brings it back",
            Role::Bad,
        );
        return;
    }
    pen.right(&percent(&gpu.utilisation), 5, Role::Text).skip(1);
    let heat = shown(&gpu.temperature, |heat| format!("{:.0} °C", heat.0));
    let hot = gpu
        .temperature
        .value()
        .is_some_and(|heat| *heat >= scene.fleet.thresholds.hot);
    let power = shown(&gpu.power, |power| format!("{:.0} W", power.0));
    let limit = match gpu.power_limit.value() {
        Some(limit) => format!(" of {:.0} W", limit.0),
        None => " no limit".to_owned(),
    };
    let heat = format!("{heat:>7}");
    let power = format!("{power:>8}");
    let limit = format!("{limit:<9}");
    pen.at_end(&[
        (&heat, if hot { Role::Warn } else { Role::Text }),
        (&power, Role::Text),
        (&limit, Role::Dim),
    ]);
    let cells = pen.room();
    let share = gpu.utilisation.value().map_or(0.0, |value| value.0 / 100.0);
    gauge(&mut pen, cells, share, Role::GraphUse);
}

fn own_memory(mut pen: Pen<'_>, gpu: &GpuReading, scene: Scene<'_>) {
    let GpuMemory::Dedicated { used, total } = gpu.memory else {
        return;
    };
    let tight = scene.fleet.thresholds.is_tight(total - used, total);
    pen.left("memory", 8, Role::Dim);
    let share = used.percent_of(total).0;
    pen.right(&format!("{share:.0} %"), 5, Role::Text).skip(1);
    let words = format!("{:>24}", pair(used, total));
    pen.at_end(&[(&words, if tight { Role::Warn } else { Role::Text })]);
    let cells = pen.room();
    let role = if tight { Role::Warn } else { Role::GraphMemory };
    gauge(&mut pen, cells, share / 100.0, role);
}

fn more(mut pen: Pen<'_>, gpu: &GpuReading) {
    let sm = shown(&gpu.clock_sm, |clock| format!("{} MHz", clock.0));
    let memory = shown(&gpu.clock_memory, |clock| format!("{} MHz", clock.0));
    let fan = shown(&gpu.fan, |fan| format!("{:.0} %", fan.0));
    let state = shown(&gpu.pstate, |state| format!("P{state}"));
    pen.skip(8).left(&state, 3, Role::Text).skip(2);
    for (name, value, cells) in [
        ("sm", sm, 8),
        ("mem", memory, 8),
        ("fan", fan, 5),
        ("ecc", ecc_words(&gpu.ecc), 4),
    ] {
        let cells = if value == "–" { 1 } else { cells };
        pen.put(name, Role::Dim)
            .skip(1)
            .left(&value, cells, Role::Text)
            .skip(2);
    }
    if let Some(words) = unsupported(gpu) {
        pen.put("– ", Role::Text).put(&words, Role::Faint);
    }
}

/// Why values of this GPU are missing, for the commonest reason.
fn unsupported(gpu: &GpuReading) -> Option<String> {
    let reasons = [
        gpu.power_limit.missing(),
        gpu.clock_memory.missing(),
        gpu.fan.missing(),
        gpu.ecc.missing(),
        gpu.clock_sm.missing(),
    ];
    let first = reasons.into_iter().flatten().next()?;
    Some(first.words().to_owned())
}

fn ecc_words(ecc: &Metric<Ecc>) -> String {
    shown(ecc, |ecc| {
        if ecc.uncorrected > 0 {
            format!("✖{}", ecc.uncorrected)
        } else {
            ecc.corrected.to_string()
        }
    })
}

fn mig(mut pen: Pen<'_>, gpu: &GpuReading) {
    pen.left(&format!("mig {}", gpu.index), 8, Role::Dim);
    for (place, instance) in gpu.mig.iter().enumerate() {
        if place > 0 {
            pen.put(" · ", Role::Faint);
        }
        pen.put(instance.profile.as_str(), Role::Text);
        if let GpuMemory::Dedicated { used, total } = instance.memory {
            pen.skip(1).put(&pair(used, total), Role::Dim);
        }
    }
}

/// Widths of the table: number, use, its gauge, memory, its gauge, heat, power, state.
const TABLE: [u16; 8] = [4, 6, 7, 16, 7, 8, 15, 2];

/// Where the graphs of the table begin.
pub(super) fn graph_column(room: u16) -> u16 {
    let [number, used, gauge, memory, gauge2, heat, power, flag] = table(room);
    number + used + gauge + memory + gauge2 + heat + power + flag + 1
}

/// The widths in a table of this room: gauges go first, then the limit of power.
fn table(room: u16) -> [u16; 8] {
    let mut widths = TABLE;
    if room < 88 {
        widths[2] = 0;
        widths[4] = 0;
    }
    widths
}

/// Draws one row of the table of many.
pub(super) fn draw_table(
    canvas: &mut Canvas<'_>,
    line: Rect,
    scene: Scene<'_>,
    host: &Host,
    row: Row,
) {
    let Some(read) = &host.gpus else { return };
    let mut pen = canvas.pen(line).stale(old(scene, read));
    match row {
        Row::TableHead(lines) => table_head(&mut pen, line.width, lines),
        Row::TableLine(place, of, lines) => {
            let Some(gpu) = read.value.gpus.get(place) else {
                return;
            };
            if of == 0 {
                table_line(&mut pen, line.width, gpu, scene);
            } else if of == 1 {
                table_more(&mut pen, gpu);
            }
            pen.to(line.x + graph_column(line.width));
            graph(pen, host, scene, (place as u32, of, lines));
        }
        _ => notes(&mut pen, &read.value),
    }
}

fn table_head(pen: &mut Pen<'_>, room: u16, lines: u16) {
    let [number, used, gauge, memory, gauge2, heat, power, flag] = table(room);
    pen.left("gpu", number, Role::Dim)
        .right("util", used, Role::Dim)
        .skip(gauge)
        .right("memory", memory, Role::Dim)
        .skip(gauge2)
        .right("heat", heat, Role::Dim)
        .right("power", power, Role::Dim)
        .skip(flag + 1)
        .put("util over time", Role::Dim);
    if lines > 2 {
        pen.put(", memory", Role::Dim);
    }
}

fn table_line(pen: &mut Pen<'_>, room: u16, gpu: &GpuReading, scene: Scene<'_>) {
    let [number, used, bar, memory, bar2, heat, power, flag] = table(room);
    pen.left(&format!(" {}", gpu.index), number, Role::Title);
    if gpu.health == GpuHealth::Lost {
        pen.put("✖ lost: fell off the bus", Role::Bad);
        return;
    }
    pen.right(&percent(&gpu.utilisation), used, Role::Text);
    if bar > 0 {
        let share = gpu.utilisation.value().map_or(0.0, |value| value.0 / 100.0);
        pen.skip(1);
        gauge(pen, bar - 1, share, Role::GraphUse);
    }
    let limits = scene.fleet.thresholds;
    let (words, share, tight) = match gpu.memory {
        GpuMemory::Dedicated { used, total } => (
            pair(used, total),
            used.percent_of(total).0 / 100.0,
            limits.is_tight(total - used, total),
        ),
        GpuMemory::Unified => ("unified".to_owned(), 0.0, false),
        GpuMemory::Missing(_) => ("–".to_owned(), 0.0, false),
    };
    pen.right(&words, memory, if tight { Role::Warn } else { Role::Text });
    if bar2 > 0 {
        pen.skip(1);
        gauge(
            pen,
            bar2 - 1,
            share,
            if tight { Role::Warn } else { Role::GraphMemory },
        );
    }
    let hot = gpu
        .temperature
        .value()
        .is_some_and(|now| *now >= limits.hot);
    let degrees = shown(&gpu.temperature, |now| format!("{:.0} °C", now.0));
    pen.right(&degrees, heat, if hot { Role::Warn } else { Role::Text });
    let watts = match (gpu.power.value(), gpu.power_limit.value()) {
        (Some(now), Some(limit)) => format!("{:.0} of {:.0} W", now.0, limit.0),
        (Some(now), None) => format!("{:.0} W", now.0),
        _ => "–".to_owned(),
    };
    pen.right(&watts, power, Role::Text);
    let held = gpu
        .throttle
        .value()
        .is_some_and(|reasons| reasons.words().next().is_some());
    pen.left(if held { " ▲" } else { "" }, flag, Role::Warn);
}

/// The second line of a GPU in the table.
fn table_more(pen: &mut Pen<'_>, gpu: &GpuReading) {
    if gpu.health == GpuHealth::Lost {
        return;
    }
    let sm = shown(&gpu.clock_sm, |clock| format!("{} MHz", clock.0));
    let fan = shown(&gpu.fan, |fan| format!("{:.0} %", fan.0));
    let state = shown(&gpu.pstate, |state| format!("P{state}"));
    pen.skip(4)
        .right(&sm, 9, Role::Dim)
        .skip(2)
        .put(&state, Role::Dim)
        .put("  fan ", Role::Faint)
        .put(&fan, Role::Dim)
        .put("  ecc ", Role::Faint)
        .put(&ecc_words(&gpu.ecc), Role::Dim);
}

/// The past of one GPU of the table: use, and where it has three lines its memory in the last one.
fn graph(mut pen: Pen<'_>, host: &Host, scene: Scene<'_>, (gpu, of, lines): (u32, u16, u16)) {
    let (key, role, row, rows) = if lines > 2 && of + 1 == lines {
        (SeriesKey::GpuMemory(gpu), Role::GraphMemory, 0, 1)
    } else {
        let rows = if lines > 2 { lines - 1 } else { lines };
        (SeriesKey::GpuUtilisation(gpu), Role::GraphUse, of, rows)
    };
    let graph = Graph::read(host.history.series(key), window(scene), pen.room());
    graph.draw(&mut pen, Axis::PERCENT, role, (row, rows));
}

/// What is to be said of single GPUs, in one line that is always there.
fn notes(pen: &mut Pen<'_>, report: &GpuReport) {
    let mut first = true;
    for gpu in &report.gpus {
        let throttled: Vec<&str> = gpu
            .throttle
            .value()
            .map(|reasons| reasons.words().collect())
            .unwrap_or_default();
        let errors = gpu.ecc.value().map_or(0, |ecc| ecc.uncorrected);
        let (glyph, role, words) = if gpu.health == GpuHealth::Lost {
            (
                "✖",
                Role::Bad,
                "lost, a reboot or power cycle is due".to_owned(),
            )
        } else if errors > 0 {
            (
                "✖",
                Role::Bad,
                format!("{errors} memory errors not corrected"),
            )
        } else if !throttled.is_empty() {
            ("▲", Role::Warn, throttled.join(", "))
        } else {
            continue;
        };
        pen.skip(if first { 0 } else { 3 })
            .put(glyph, role)
            .put(&format!(" gpu {} ", gpu.index), Role::Dim)
            .put(&words, role);
        first = false;
    }
    if first {
        pen.put("none is throttled, no memory errors", Role::Faint);
    }
}
