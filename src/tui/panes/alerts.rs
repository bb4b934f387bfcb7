//! Alerts that hold, and the last that passed.

use ratatui::layout::Rect;

use super::Scene;
use crate::domain::At;
use crate::engine::Alert;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, frame, glyph, role_of};

/// Draws the box under the host list.
pub(in crate::tui) fn alerts(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let fleet = scene.fleet;
    let borders = frame(canvas, area, Role::Border);
    let holding = fleet
        .alerts
        .iter()
        .filter(|alert| alert.until.is_none())
        .count();
    let mut pen = canvas.pen(borders.top);
    pen.put(" Alerts ", Role::Title);
    if holding > 0 {
        pen.put(&format!("{holding} now "), Role::Warn);
    }
    let inner = borders.inner;
    if fleet.alerts.is_empty() {
        canvas
            .pen(inner)
            .skip(1)
            .put("nothing to report", Role::Dim);
    }
    let mut ordered: Vec<&Alert> = fleet.alerts.iter().collect();
    ordered.sort_by_key(|alert| {
        (
            alert.until.is_some(),
            std::cmp::Reverse((alert.word, alert.since)),
        )
    });
    let mut row = 0;
    for alert in ordered {
        lines(canvas, inner, row, alert, fleet.at);
        row = row.saturating_add(1 + u16::from(!alert.detail.is_empty()));
    }
}

/// An alert takes two lines: what, then the particulars.
fn lines(canvas: &mut Canvas<'_>, inner: Rect, row: u16, alert: &Alert, now: At) {
    let past = alert.until.is_some();
    let role = if past {
        Role::Stale
    } else {
        role_of(alert.word)
    };
    let when = now.since(alert.until.unwrap_or(alert.since)).words();
    let when = if past {
        format!("over {when} ")
    } else {
        format!("{when} ")
    };
    let mut pen = canvas.row(inner, row);
    pen.skip(1).at_end(&[(&when, Role::Dim)]);
    pen.put(glyph(alert.word), role)
        .skip(1)
        .put(
            alert.host.as_str(),
            if past { Role::Dim } else { Role::Title },
        )
        .skip(1)
        .put(alert.word.word(), role);
    canvas
        .row(inner, row.saturating_add(1))
        .skip(3)
        .put(alert.detail.as_str(), Role::Dim);
}
