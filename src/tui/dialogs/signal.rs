//! Which signal to send to a process.

use ratatui::layout::Rect;

use super::layers::{from_foot, from_head, surface};
use crate::engine::Signal;
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::Dialog;
use crate::tui::widgets::{Canvas, row_of};

/// What a signal does, in words.
fn words(signal: Signal) -> &'static str {
    match signal {
        Signal::Int => "interrupt it, as Ctrl-C would",
        Signal::Term => "ask it to end; it may clean up",
        Signal::Kill => "end it now; it can't clean up",
        Signal::Hup => "hang up; many daemons read their configuration anew",
    }
}

/// Draws the chooser.
pub(super) fn signal(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    _scene: Scene<'_>,
    dialog: &Dialog,
) {
    let Dialog::Signal {
        host,
        pid,
        command,
        selected,
        ..
    } = dialog
    else {
        return;
    };
    surface(canvas, area, "Send a signal", Role::BorderFocus);
    canvas
        .pen(from_head(area, 0))
        .put(&format!("process {pid}"), Role::Title)
        .put(" on ", Role::Dim)
        .put(host.as_str(), Role::Title);
    canvas.pen(from_head(area, 1)).put(command, Role::Dim);
    for (place, signal) in (0..rows.height).zip(Dialog::SIGNALS) {
        let line = row_of(rows, place);
        let chosen = usize::from(place) == *selected;
        canvas
            .pen(line)
            .put(if chosen { "›" } else { " " }, Role::Accent)
            .left(signal.name(), 6, Role::Title)
            .put(words(signal), Role::Text);
        if chosen {
            canvas.paint(line, Role::Selected);
        }
    }
    canvas
        .pen(from_foot(area, 0))
        .put("enter", Role::Key)
        .put(" goes on to a question   ", Role::Dim)
        .put("esc", Role::Key)
        .put(" leaves", Role::Dim);
}
