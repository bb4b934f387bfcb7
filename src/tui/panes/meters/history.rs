//! The past of a host's readings: graphs under one another on one time axis, each with its present value at the left.

use ratatui::layout::Rect;

use super::super::Scene;
use super::draw::{old, shown};
use super::plan::Curve;
use crate::domain::{GpuMemory, GpuReading};
use crate::engine::{Host, SeriesKey};
use crate::tui::theme::Role;
use crate::tui::widgets::{Axis, Canvas, Graph, Window, percent, ruler};

/// Cells of the label and the present value at the left of a graph.
const LABEL: u16 = 16;

/// The scale of heat: from a cool room to where the silicon gives up.
const HEAT: Axis = Axis {
    foot: 20.0,
    head: 100.0,
};

/// The head of the power axis where no limit is known: what a GB10 or an SXM module may draw at most, in W.
const POWER_SHARED: f32 = 150.0;
const POWER_OWN: f32 = 700.0;

/// The time that graphs show.
pub(super) fn window(scene: Scene<'_>) -> Window {
    Window {
        now: scene.fleet.at,
        span: scene.ui.span.age(),
        period: scene.fleet.period,
    }
}

/// Title and value of the section.
pub(super) fn title(scene: Scene<'_>) -> (String, String) {
    ("history".to_owned(), scene.ui.span.words().to_owned())
}

/// Draws one row of a graph.
pub(super) fn graph_row(
    canvas: &mut Canvas<'_>,
    line: Rect,
    scene: Scene<'_>,
    host: &Host,
    (curve, row, rows): (Curve, u16, u16),
) {
    let look = Look::of(host, curve);
    let mut pen = canvas.pen(line);
    if row == 0 {
        pen = pen.stale(look.stale(scene, host));
        pen.left(&look.name, 7, Role::Dim)
            .right(
                &look.value,
                7,
                if look.hot(scene) {
                    Role::Warn
                } else {
                    Role::Text
                },
            )
            .skip(2);
        pen = pen.stale(false);
    } else if row + 1 == rows {
        pen.left(&look.scale, LABEL, Role::Faint);
    } else {
        pen.skip(LABEL);
    }
    let graph = Graph::read(host.history.series(curve.key), window(scene), pen.room());
    graph.draw(&mut pen, look.axis, look.role, (row, rows));
}

/// Draws the time axis under the graphs, or under the graphs of a table.
pub(super) fn ruler_row(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, host: &Host) {
    let many = host
        .gpus
        .as_ref()
        .is_some_and(|read| read.value.gpus.len() > 2);
    let left = if many {
        super::gpu::graph_column(line.width)
    } else {
        LABEL
    };
    let left = left.min(line.width);
    let area = Rect {
        x: line.x + left,
        width: line.width - left,
        ..line
    };
    ruler(canvas, area, window(scene));
}

/// How one graph looks, and what its present value is.
struct Look {
    name: String,
    value: String,
    scale: String,
    axis: Axis,
    role: Role,
    heat: Option<f32>,
    of_gpu: bool,
}

impl Look {
    fn of(host: &Host, curve: Curve) -> Self {
        let report = host.gpus.as_ref().map(|read| &read.value);
        let gpu = curve
            .gpu
            .and_then(|place| report.and_then(|report| report.gpus.get(place)));
        let several = report.is_some_and(|report| report.gpus.len() > 1);
        let name = |name: &str| match curve.gpu {
            Some(place) if several => format!("{name} {place}"),
            _ => name.to_owned(),
        };
        let of_gpu = curve.gpu.is_some();
        let share = |name: String, value: String, role| Self {
            name,
            value,
            scale: "0–100 %".to_owned(),
            axis: Axis::PERCENT,
            role,
            heat: None,
            of_gpu,
        };
        match curve.key {
            SeriesKey::GpuUtilisation(_) => {
                let value = gpu.map_or_else(dash, |gpu| percent(&gpu.utilisation));
                share(name("util"), value, Role::GraphUse)
            }
            SeriesKey::GpuMemory(_) => {
                let value = gpu.map_or_else(dash, memory_share);
                share(name("mem"), value, Role::GraphMemory)
            }
            SeriesKey::GpuTemperature(_) => Self::heat(name("heat"), gpu),
            SeriesKey::GpuPower(_) => Self::power(name("power"), gpu),
            SeriesKey::Memory => {
                let memory = host
                    .machine
                    .as_ref()
                    .and_then(|read| read.value.memory.value());
                let value = memory.map_or_else(dash, |memory| {
                    format!("{:.0} %", memory.used().percent_of(memory.total).0)
                });
                share("memory".to_owned(), value, Role::GraphMemory)
            }
            SeriesKey::Cpu | SeriesKey::Network => {
                let value = host
                    .machine
                    .as_ref()
                    .map_or_else(dash, |read| percent(&read.value.cpu));
                share("cpu".to_owned(), value, Role::GraphPower)
            }
        }
    }

    fn heat(name: String, gpu: Option<&GpuReading>) -> Self {
        Self {
            name,
            value: gpu.map_or_else(dash, |gpu| {
                shown(&gpu.temperature, |heat| format!("{:.0} °C", heat.0))
            }),
            scale: "20–100 °C".to_owned(),
            axis: HEAT,
            role: Role::GraphHeat,
            heat: gpu
                .and_then(|gpu| gpu.temperature.value())
                .map(|heat| heat.0),
            of_gpu: true,
        }
    }

    fn power(name: String, gpu: Option<&GpuReading>) -> Self {
        let head = gpu.map_or(POWER_OWN, |gpu| match gpu.power_limit.value() {
            Some(limit) if limit.0 > 0.0 => limit.0,
            _ if gpu.memory == GpuMemory::Unified => POWER_SHARED,
            _ => POWER_OWN,
        });
        Self {
            name,
            value: gpu.map_or_else(dash, |gpu| {
                shown(&gpu.power, |power| format!("{:.0} W", power.0))
            }),
            scale: format!("0–{head:.0} W"),
            axis: Axis { foot: 0.0, head },
            role: Role::GraphPower,
            heat: None,
            of_gpu: true,
        }
    }

    fn hot(&self, scene: Scene<'_>) -> bool {
        self.heat
            .is_some_and(|heat| heat >= scene.fleet.thresholds.hot.0)
    }

    fn stale(&self, scene: Scene<'_>, host: &Host) -> bool {
        if self.of_gpu {
            host.gpus.as_ref().is_some_and(|read| old(scene, read))
        } else {
            host.machine.as_ref().is_some_and(|read| old(scene, read))
        }
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn memory_share(gpu: &GpuReading) -> String {
    match &gpu.memory {
        GpuMemory::Dedicated { used, total } => format!("{:.0} %", used.percent_of(*total).0),
        _ => dash(),
    }
}
