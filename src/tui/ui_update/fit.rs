//! Selections that exist and scrolls that fit (pure): lists change under the person's hand, what is selected stays.

use super::breakglass;
use super::containers;
use super::effect::{Room, Scene};
use super::ledger;
use super::models;
use super::power;
use super::services;
use super::sources;
use crate::domain::{HostId, PowerVerb};
use crate::engine::Fleet;
use crate::tui::action::Action;
use crate::tui::confirm_lines;
use crate::tui::dialogs::swap_length;
use crate::tui::help;
use crate::tui::power_words::CLASSES;
use crate::tui::reading;
use crate::tui::rows;
use crate::tui::service_rows;
use crate::tui::ui::{Dialog, Layer, Ui};
use crate::tui::ui_work::WorkLayer;

/// Makes every selection valid for the fleet that is shown, and brings it into view.
pub fn fit(ui: &mut Ui, scene: Scene<'_>) {
    let fleet = std::sync::Arc::clone(ui.shown(scene.fleet));
    fit_hosts(ui, &fleet, scene.room);
    fit_processes(ui, &fleet, scene.room);
    ledger::fit(ui, &fleet, scene.room.table);
    sources::fit(ui, &fleet, scene.room.table);
    containers::fit(ui, &fleet, scene.room.table);
    models::fit(ui, &fleet, scene.room);
    services::fit(ui, &fleet, scene.room.table);
    let past = scene.room.detail_length.saturating_sub(scene.room.detail);
    ui.detail_scroll = ui.detail_scroll.min(past);
    fit_layer(ui, scene);
    breakglass::fit(ui, scene);
}

fn fit_hosts(ui: &mut Ui, fleet: &Fleet, room: Room) {
    ui.marked.retain(|id| fleet.host(id).is_some());
    let shown: Vec<HostId> = rows::hosts(fleet, ui)
        .iter()
        .map(|h| h.id.clone())
        .collect();
    let at = ui
        .selected
        .as_ref()
        .and_then(|id| shown.iter().position(|row| row == id));
    match (at, shown.first()) {
        (Some(at), _) => ui.list_scroll = follow(ui.list_scroll, at, shown.len(), room.list),
        (None, Some(first)) => {
            ui.selected = Some(first.clone());
            ui.list_scroll = 0;
        }
        // Nothing matches the filter: what was selected stays, as long as it exists.
        (None, None) => {
            ui.list_scroll = 0;
            if ui
                .selected
                .as_ref()
                .is_none_or(|id| fleet.host(id).is_none())
            {
                ui.selected = fleet.hosts.first().map(|host| host.id.clone());
            }
        }
    }
    let gone = |id: &HostId| fleet.host(id).is_none();
    if let Some(last) = &mut ui.last
        && last.host.as_ref().is_some_and(gone)
    {
        last.host = None;
    }
}

fn fit_processes(ui: &mut Ui, fleet: &Fleet, room: Room) {
    let host = ui.selected.as_ref().and_then(|id| fleet.host(id));
    let rows = host
        .map(|host| rows::processes(host, &ui.processes))
        .unwrap_or_default();
    let at = ui
        .processes
        .selected
        .and_then(|pid| rows.iter().position(|row| row.pid == pid));
    match at {
        Some(at) => {
            ui.processes.scroll = follow(ui.processes.scroll, at, rows.len(), room.processes);
        }
        // The process ended. Its neighbour is not selected in its place: the next key may be `x`.
        None => {
            ui.processes.selected = None;
            let past = rows.len().saturating_sub(room.processes);
            ui.processes.scroll = ui.processes.scroll.min(past);
        }
    }
}

fn fit_layer(ui: &mut Ui, scene: Scene<'_>) {
    let place = ui.place_beneath();
    let replaying = ui.replay.is_some();
    let keymap = scene.keymap;
    let past = |length: usize| length.saturating_sub(scene.room.layer);
    let card_rows = power::card_rows(ui, scene);
    let confirm_rows = match ui.layers.last() {
        Some(Layer::Dialog(dialog)) => confirm_lines::length(dialog, scene.room.layer_cells),
        _ => 0,
    };
    let swap_rows = match ui.layers.last() {
        Some(Layer::Work(WorkLayer::Swap(swap))) => {
            swap_length(ui, scene.fleet, swap, scene.room.layer_cells)
        }
        _ => 0,
    };
    match ui.layers.last_mut() {
        Some(Layer::Help { search, scroll }) => {
            let length = help::lines(place, &search.text, keymap, replaying).len();
            *scroll = (*scroll).min(past(length));
        }
        Some(Layer::Text { lines, scroll, .. }) => {
            let length = reading::rows(lines, scene.room.layer_cells).len();
            *scroll = (*scroll).min(past(length));
        }
        Some(Layer::Work(WorkLayer::Swap(swap))) => {
            swap.scroll = swap.scroll.min(past(swap_rows));
        }
        Some(Layer::Work(WorkLayer::Service { of, scroll })) => {
            let events = service_rows::find(scene.fleet, of).map_or(0, |s| s.events.len());
            *scroll = (*scroll).min(past(events));
        }
        Some(Layer::Dialog(Dialog::Container { acts, selected, .. })) => {
            *selected = (*selected).min(acts.len().saturating_sub(1));
        }
        Some(Layer::Dialog(Dialog::Prune {
            preview, scroll, ..
        })) => {
            *scroll = (*scroll).min(past(preview.containers.len() + preview.images.len()));
        }
        Some(Layer::Dialog(Dialog::Confirm { scroll, .. })) => {
            // Where not all of it is seen, the last row says so.
            let more = usize::from(confirm_rows > scene.room.layer);
            *scroll = (*scroll).min(past(confirm_rows + more));
        }
        Some(Layer::Dialog(Dialog::Power {
            selected, scroll, ..
        })) => {
            *selected = (*selected).min(PowerVerb::ALL.len() - 1);
            *scroll = (*scroll).min(past(card_rows));
        }
        Some(Layer::Dialog(Dialog::Arm { selected, .. })) => {
            *selected = (*selected).min(CLASSES.len() - 1);
        }
        Some(Layer::Dialog(Dialog::Signal { selected, .. })) => {
            *selected = (*selected).min(Dialog::SIGNALS.len() - 1);
        }
        _ => {}
    }
}

/// The scroll that shows row `at` of `length` in `room` rows, as near to the one before as can be.
pub(super) fn follow(scroll: usize, at: usize, length: usize, room: usize) -> usize {
    let room = room.max(1);
    let lowest = (at + 1).saturating_sub(room);
    scroll.clamp(lowest, at).min(length.saturating_sub(room))
}

/// Where a movement leads from `at` among `length` rows; `None` when the act is no movement.
pub(super) fn moved(action: Action, at: usize, length: usize, room: usize) -> Option<usize> {
    let page = room.max(1);
    let half = page.div_ceil(2);
    let to = match action {
        Action::Up | Action::Previous => at.saturating_sub(1),
        Action::Down | Action::Next => at.saturating_add(1),
        Action::HalfUp => at.saturating_sub(half),
        Action::HalfDown => at.saturating_add(half),
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => at.saturating_add(page),
        Action::Top => 0,
        Action::Bottom => usize::MAX,
        _ => return None,
    };
    Some(to.min(length.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scroll_follows_the_row_and_never_shows_past_the_end() {
        for (scroll, at, length, room, wanted) in [
            (0, 0, 10, 4, 0),
            (0, 3, 10, 4, 0),
            (0, 4, 10, 4, 1),
            (6, 2, 10, 4, 2),
            (9, 9, 10, 4, 6),
            (3, 1, 2, 4, 0),
            (0, 0, 0, 4, 0),
            (5, 7, 10, 0, 7),
        ] {
            assert_eq!(
                follow(scroll, at, length, room),
                wanted,
                "{scroll} {at} {length} {room}"
            );
        }
    }

    #[test]
    fn movement_stops_at_both_ends() {
        assert_eq!(moved(Action::Up, 0, 5, 3), Some(0));
        assert_eq!(moved(Action::Down, 4, 5, 3), Some(4));
        assert_eq!(moved(Action::PageDown, 1, 5, 3), Some(4));
        assert_eq!(moved(Action::HalfDown, 0, 5, 3), Some(2));
        assert_eq!(moved(Action::Bottom, 0, 0, 3), Some(0));
        assert_eq!(moved(Action::Copy, 0, 5, 3), None);
    }
}
