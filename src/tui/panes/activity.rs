//! The recent past of every host on one time axis: how busy its GPUs were, or its processors where it has none.

use ratatui::layout::Rect;

use super::Scene;
use crate::domain::HealthWord;
use crate::engine::{Host, SeriesKey};
use crate::text::width;
use crate::tui::rows;
use crate::tui::theme::Role;
use crate::tui::widgets::{Axis, Canvas, Graph, Window, frame};

/// Draws the box under the host list; each host has as many rows as there is room for.
pub(in crate::tui) fn activity(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, .. } = scene;
    let borders = frame(canvas, area, Role::Border);
    canvas
        .pen(borders.top)
        .put(" Activity ", Role::Title)
        .put(ui.span.words(), Role::Dim)
        .put(" ", Role::Dim);
    let hosts = rows::hosts(fleet, ui);
    let inner = borders.inner;
    let each = (inner.height / u16::try_from(hosts.len().max(1)).unwrap_or(u16::MAX)).clamp(1, 2);
    let longest = hosts.iter().map(|host| width(host.id.as_str())).max();
    let name = longest.unwrap_or(0).clamp(6, 14) as u16;
    let window = Window {
        now: fleet.at,
        span: ui.span.age(),
        period: fleet.period,
    };
    for (place, host) in (0_u16..).zip(hosts) {
        let chosen = ui.selected.as_ref() == Some(&host.id);
        let key = busiest(host);
        let role = if key == SeriesKey::Cpu {
            Role::GraphPower
        } else {
            Role::GraphUse
        };
        for row in 0..each {
            let mut pen = canvas.row(inner, place.saturating_mul(each).saturating_add(row));
            pen.skip(1);
            if row == 0 {
                let look = if chosen { Role::Title } else { Role::Dim };
                pen.left(host.id.as_str(), name, look);
            } else {
                let gone = matches!(host.word, HealthWord::Down | HealthWord::Wedged);
                let words = match key {
                    _ if gone || host.history.series(key).is_none() => host.word.word(),
                    SeriesKey::Cpu => "cpu",
                    _ => "gpu",
                };
                pen.left(words, name, Role::Faint);
            }
            pen.skip(1);
            let cells = pen.room().saturating_sub(1);
            let graph = Graph::read(host.history.series(key), window, cells);
            graph.draw(&mut pen, Axis::PERCENT, role, (row, each));
        }
    }
}

/// What to show of a host: its first GPU stands for all, for they mostly work together.
fn busiest(host: &Host) -> SeriesKey {
    let key = SeriesKey::GpuUtilisation(0);
    if host.history.series(key).is_some() {
        key
    } else {
        SeriesKey::Cpu
    }
}
