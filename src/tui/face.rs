//! The seam between the loop and the drawing: one frame, how many rows it has room for, and what is under the mouse.

use ratatui::Frame;
use ratatui::layout::Position;

use super::keymap::Keymap;
use super::rows;
use super::theme::Theme;
use super::ui::Ui;
use super::ui_update::{Room, Spot};
use crate::engine::Fleet;

/// Draws a frame.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    fleet: &Fleet,
    ui: &Ui,
    _keymap: &Keymap,
    _theme: &Theme,
) {
    let mut lines = vec![format!("pilothouse {}", fleet.name)];
    for host in rows::hosts(fleet, ui) {
        let here = if Some(&host.id) == ui.selected.as_ref() {
            ">"
        } else {
            " "
        };
        lines.push(format!("{here} {} {}", host.id, host.word.word()));
    }
    lines.extend(ui.flash.as_ref().map(|flash| flash.text.clone()));
    frame.render_widget(ratatui::text::Text::from(lines.join("\n")), frame.area());
    frame.set_cursor_position(Position::new(0, 1));
}

/// How many rows each part of the screen has.
pub(super) fn room(ui: &Ui, _fleet: &Fleet) -> Room {
    Room {
        list: usize::from(ui.size.1),
        ..Room::default()
    }
}

/// What is at a place of the screen.
pub(super) fn spot(_ui: &Ui, _fleet: &Fleet, _column: u16, row: u16) -> Spot {
    Spot::ListRow(usize::from(row))
}
