//! What a newcomer sees when there is nothing to show yet.

use ratatui::layout::Rect;

use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;

/// Lines for a fleet without hosts: what to type next.
const NO_HOSTS: [(&str, Role); 12] = [
    ("No hosts yet.", Role::Title),
    ("", Role::Dim),
    ("Name machines that you reach with ssh:", Role::Dim),
    ("  pilothouse spark-1 spark-2", Role::Accent),
    ("", Role::Dim),
    ("or write them down once:", Role::Dim),
    ("  pilothouse config init", Role::Accent),
    ("", Role::Dim),
    ("or look around without any:", Role::Dim),
    ("  pilothouse demo", Role::Accent),
    ("", Role::Dim),
    (
        "An SSH login is enough: nothing is installed there.",
        Role::Dim,
    ),
];

/// Draws the advice in the middle of an area.
pub(in crate::tui) fn no_hosts(canvas: &mut Canvas<'_>, area: Rect) {
    let height = NO_HOSTS.len() as u16;
    let top = area.height.saturating_sub(height) / 3;
    let left = area.width.saturating_sub(52) / 2;
    for (row, (text, role)) in (top..area.height).zip(NO_HOSTS) {
        canvas.row(area, row).skip(left.max(1)).put(text, role);
    }
}
