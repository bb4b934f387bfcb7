//! The conversation in rows of the present width; what is chosen exists, what is shown is there.

use super::{card, transcript};
use crate::tui::talk;
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{Stop, TalkView};
use crate::tui::ui_update::effect::Scene;

/// The same, just before it is drawn in this room: what of a proposal is on the screen is then known.
pub(in crate::tui) fn drawn(ui: &mut Ui, scene: Scene<'_>) {
    fit(ui, scene);
    card::see(ui, scene);
}

/// Brings the pane's looks up to its conversation and its room.
pub(in crate::tui) fn fit(ui: &mut Ui, scene: Scene<'_>) {
    card::settle(ui, scene);
    let cells = scene.room.talk_cells;
    if cells == 0 {
        return;
    }
    let pane = &mut ui.breakglass;
    pane.rows.follow(&pane.transcript, &pane.unfolded, cells);
    let hits = pane.rows.search(&pane.search.text).len();
    pane.hit = pane.hit.min(hits.saturating_sub(1));
    let fleet = std::sync::Arc::clone(ui.shown(scene.fleet));
    let exists = match ui.breakglass.stop {
        Some(Stop::Entry(id)) => ui.breakglass.rows.span(id).is_some(),
        Some(Stop::Offer(number)) => number < talk::offers(ui, &fleet).len(),
        None => true,
    };
    if !exists {
        ui.breakglass.stop = None;
    }
    if ui.breakglass.view == TalkView::Top && !ui.breakglass.rows.is_empty() {
        ui.breakglass.view = TalkView::Bottom;
    }
    if let TalkView::From { row, .. } = ui.breakglass.view
        && row + scene.room.talk >= transcript::length(ui, &fleet, cells)
    {
        ui.breakglass.view = TalkView::Bottom;
    }
}
