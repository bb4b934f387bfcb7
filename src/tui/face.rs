//! The seam between the loop and the drawing: how many rows the screen has room for, and what is under the mouse.

use super::layout::{Hit, layout};
use super::ui::Ui;
use super::ui_update::{Room, Spot};
use crate::engine::Fleet;

/// How many rows each part of the screen has.
pub(super) fn room(ui: &Ui, fleet: &Fleet) -> Room {
    let layout = layout(ui.size, ui, fleet);
    let rows = |area: ratatui::layout::Rect| usize::from(area.height);
    Room {
        list: rows(layout.list_rows),
        processes: rows(layout.process_rows),
        detail: rows(layout.detail_rows),
        detail_length: layout.detail_length,
        layer: rows(layout.layer_rows),
    }
}

/// What is at a place of the screen.
pub(super) fn spot(ui: &Ui, fleet: &Fleet, column: u16, row: u16) -> Spot {
    match layout(ui.size, ui, fleet).hit(column, row, ui, fleet) {
        Hit::Strip(host) => Spot::Strip(host),
        Hit::ListRow(row) => Spot::ListRow(row),
        Hit::List => Spot::List,
        Hit::Tab(tab) => Spot::Tab(tab),
        Hit::ProcessHead(key) => Spot::ProcessHead(key),
        Hit::ProcessRow(row) => Spot::ProcessRow(row),
        Hit::Detail => Spot::Detail,
        Hit::LayerRow(row) => Spot::LayerRow(row),
        Hit::Layer | Hit::Elsewhere => Spot::Elsewhere,
    }
}
