//! Going from screen to screen and back, and the acts of tables that are no host's alone.

use std::sync::Arc;

use super::body;
use super::container;
use super::containers;
use super::effect::{Room, Scene, UiEffect};
use super::ledger;
use super::lens_open;
use super::model_acts;
use super::models;
use super::services;
use super::sources;
use crate::engine::Fleet;
use crate::tui::action::{Action, Place};
use crate::tui::ui::{Focus, LastPlace, Screen, Ui};

/// Acts that go somewhere, and those of the table that has the keys. `None`: not one of them.
pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    match action {
        Action::Hosts if ui.screen == Screen::Hosts => body::set_focus(ui, Focus::List),
        Action::Hosts => go(ui, Screen::Hosts),
        Action::Models => go(ui, Screen::Models),
        Action::Containers => go(ui, Screen::Containers),
        Action::Services => go(ui, Screen::Services),
        Action::Logs => return Some(lens_open::last(ui, scene)),
        Action::Actions => go(ui, Screen::Actions),
        Action::OpenLogs if !has_own_logs(ui.place()) => {
            return Some(lens_open::selected(ui, scene));
        }
        Action::LastPlace => back_and_forth(ui),
        action if model_acts::is_meant_elsewhere(ui, action) => {
            return model_acts::elsewhere(ui, scene, action);
        }
        _ => {
            return match ui.place() {
                Place::Ledger => ledger::act(ui, scene, action),
                Place::Sources => sources::act(ui, scene, action),
                Place::Models | Place::Model => models::act(ui, scene, action),
                Place::Services => services::act(ui, scene, action),
                Place::Containers => containers::act(ui, scene, action),
                Place::Container => container::act(ui, scene, action),
                _ => None,
            };
        }
    }
    Some(Vec::new())
}

/// Whether the table here knows better than its host which logs are meant.
fn has_own_logs(place: Place) -> bool {
    matches!(
        place,
        Place::Containers
            | Place::Container
            | Place::Models
            | Place::Model
            | Place::Services
            | Place::Sources
    )
}

/// Movement over the table that has the keys, also while its filter is typed.
pub(super) fn walk(ui: &mut Ui, fleet: &Fleet, room: Room, action: Action) -> bool {
    match ui.place_of_keys() {
        Place::Ledger => ledger::walk(ui, fleet, room.table, action),
        Place::Sources => sources::walk(ui, fleet, room.table, action),
        Place::Containers => containers::walk(ui, fleet, room.table, action),
        Place::Models => models::walk(ui, room, action),
        Place::Services => services::walk(ui, room, action),
        _ => false,
    }
}

/// A click on a row of a table: it gets the keys and its row is chosen; a second one opens it.
pub(super) fn click(ui: &mut Ui, scene: Scene<'_>, row: usize) -> Vec<UiEffect> {
    ui.focus = Focus::Detail;
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let again = match ui.place() {
        Place::Ledger => ledger::click(ui, &fleet, row),
        Place::Sources => sources::click(ui, &fleet, row),
        Place::Containers => containers::click(ui, row),
        Place::Models | Place::Model => models::click(ui, row),
        Place::Services => services::click(ui, row),
        _ => false,
    };
    if again {
        return super::route::act(ui, scene, Action::Open);
    }
    Vec::new()
}

/// Where the person is.
pub(super) fn here(ui: &Ui) -> LastPlace {
    LastPlace {
        screen: ui.screen,
        host: ui.selected.clone(),
    }
}

/// Goes to a screen, and remembers the place before.
pub(super) fn go(ui: &mut Ui, screen: Screen) {
    if ui.screen != screen {
        ui.last = Some(here(ui));
        show(ui, screen);
    }
}

fn show(ui: &mut Ui, screen: Screen) {
    let focus = ui.focus;
    body::set_focus(ui, focus);
    ui.screen = screen;
    ui.ledger.scroll = 0;
    ui.models.watched = None;
    container::close(ui);
}

/// Out of the container that is looked into, out of logs to where they were opened, else back to the hosts. False where there is nothing to leave.
pub(super) fn leave(ui: &mut Ui) -> bool {
    if ui.place_of_keys() == Place::Container {
        container::close(ui);
        return true;
    }
    if ui.place_of_keys() == Place::Model {
        ui.models.focus = Focus::List;
        return true;
    }
    let elsewhere = ui.screen != Screen::Hosts;
    let to = match &ui.last {
        Some(last) if ui.screen == Screen::Logs && last.screen != Screen::Logs => last.screen,
        _ => Screen::Hosts,
    };
    go(ui, to);
    elsewhere
}

fn back_and_forth(ui: &mut Ui) {
    let Some(last) = ui.last.replace(here(ui)) else {
        ui.last = None;
        return;
    };
    show(ui, last.screen);
    if let Some(host) = last.host
        && ui.selected.as_ref() != Some(&host)
    {
        body::select(ui, host);
    }
}
