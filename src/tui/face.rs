//! The seam between the loop and the drawing: how many rows the screen has room for, and what is under the mouse.

use super::layout::layout;
use super::panes;
use super::talk::TALK_GUTTER;
use super::ui::Ui;
use super::ui_update::{Room, Spot};
use crate::engine::Fleet;

/// How many rows each part of the screen has.
pub(super) fn room(ui: &Ui, fleet: &Fleet) -> Room {
    let layout = layout(ui.size, ui, fleet);
    let (card, card_cells) = panes::card_room(layout.talk.card, ui, fleet);
    Room {
        list: usize::from(layout.list_rows.height),
        processes: usize::from(layout.process_rows.height),
        table: usize::from(layout.table_rows.height),
        detail: usize::from(layout.detail_rows.height),
        detail_length: layout.detail_length,
        lens: usize::from(layout.lens.rows.height),
        talk: usize::from(layout.talk.rows.height),
        talk_cells: usize::from(layout.talk.rows.width.saturating_sub(TALK_GUTTER)),
        card,
        card_cells,
        layer: usize::from(layout.layer_rows.height),
        layer_cells: usize::from(layout.layer_rows.width),
    }
}

/// What is at a place of the screen.
pub(super) fn spot(ui: &Ui, fleet: &Fleet, column: u16, row: u16) -> Spot {
    layout(ui.size, ui, fleet).spot(column, row, ui, fleet)
}
