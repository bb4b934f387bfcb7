//! The screen of a very small terminal: one column of hosts, the worst first.

use ratatui::layout::Rect;

use super::Scene;
use crate::engine::Host;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, glyph, role_of, state_words};

/// Draws the column.
pub(in crate::tui) fn summary(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let fleet = scene.fleet;
    let mut hosts: Vec<&Host> = fleet
        .hosts
        .iter()
        .map(std::convert::AsRef::as_ref)
        .collect();
    hosts.sort_by_key(|host| std::cmp::Reverse(host.word));
    if hosts.is_empty() {
        canvas.pen(area).put("no hosts: pilothouse demo", Role::Dim);
    }
    for (row, host) in (0..area.height).zip(hosts) {
        let role = role_of(host.word);
        canvas
            .row(area, row)
            .put(glyph(host.word), role)
            .skip(1)
            .put(host.id.as_str(), Role::Title)
            .skip(1)
            .put(&state_words(host, fleet.at), role);
    }
}
