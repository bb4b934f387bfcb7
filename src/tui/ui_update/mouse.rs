//! The mouse: a click selects, a click on what is selected opens, the wheel moves what is under it. No click approves.

use std::sync::Arc;

use super::body;
use super::effect::{Scene, Spot, UiEffect};
use super::questions;
use super::route;
use super::screens;
use crate::domain::QuestionId;
use crate::tui::action::Action;
use crate::tui::input::MouseKind;
use crate::tui::rows;
use crate::tui::ui::{Dialog, Focus, Layer, Tab, Ui};

/// Rows that one host key takes in its dialog.
const ROWS_OF_A_KEY: usize = 3;

/// Rows that one notch of the wheel moves.
const NOTCH: usize = 3;

pub(super) fn update(ui: &mut Ui, scene: Scene<'_>, kind: MouseKind, spot: &Spot) -> Vec<UiEffect> {
    match kind {
        MouseKind::Click => click(ui, scene, spot),
        MouseKind::ScrollUp => wheel(ui, scene, spot, Action::Up),
        MouseKind::ScrollDown => wheel(ui, scene, spot, Action::Down),
    }
}

fn click(ui: &mut Ui, scene: Scene<'_>, spot: &Spot) -> Vec<UiEffect> {
    if !ui.layers.is_empty() {
        return match spot {
            Spot::LayerRow(row) => click_layer(ui, scene, *row),
            _ => Vec::new(),
        };
    }
    match spot {
        Spot::Strip(id) => body::go(ui, id.clone()),
        Spot::ListRow(row) => return click_host(ui, scene, *row),
        Spot::List => ui.focus = Focus::List,
        Spot::Tab(tab) => body::show_tab(ui, *tab),
        Spot::ProcessHead(key) => {
            if ui.processes.sort == *key {
                ui.processes.reverse = !ui.processes.reverse;
            }
            ui.processes.sort = *key;
        }
        Spot::ProcessRow(row) => click_process(ui, scene, *row),
        Spot::TableRow(row) => return screens::click(ui, scene, *row),
        Spot::Detail => ui.focus = Focus::Detail,
        Spot::LayerRow(_) | Spot::Elsewhere => {}
    }
    Vec::new()
}

fn click_host(ui: &mut Ui, scene: Scene<'_>, row: usize) -> Vec<UiEffect> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let clicked = rows::hosts(&fleet, ui)
        .get(ui.list_scroll + row)
        .map(|host| host.id.clone());
    let Some(id) = clicked else {
        return Vec::new();
    };
    if ui.focus == Focus::List && ui.selected.as_ref() == Some(&id) {
        return route::act(ui, scene, Action::Open);
    }
    ui.focus = Focus::List;
    body::go(ui, id);
    Vec::new()
}

fn click_process(ui: &mut Ui, scene: Scene<'_>, row: usize) {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let host = ui.selected.as_ref().and_then(|id| fleet.host(id));
    let pid = host.and_then(|host| {
        let rows = rows::processes(host, &ui.processes);
        rows.get(ui.processes.scroll + row)
            .map(|process| process.pid)
    });
    body::show_tab(ui, Tab::Processes);
    ui.processes.selected = pid.or(ui.processes.selected);
}

fn click_layer(ui: &mut Ui, scene: Scene<'_>, row: usize) -> Vec<UiEffect> {
    let room = scene.room.layer;
    match ui.layers.last_mut() {
        Some(Layer::Palette { selected, .. }) => {
            *selected = first_shown(*selected, room) + row;
            route::act(ui, scene, Action::Submit)
        }
        Some(Layer::Dialog(Dialog::Signal { selected, .. })) => {
            *selected = row;
            Vec::new()
        }
        Some(Layer::Dialog(Dialog::HostKeys { selected, .. })) => {
            let keys: Vec<QuestionId> = questions::host_keys(scene.fleet)
                .map(|(id, _)| id)
                .collect();
            let at = keys
                .iter()
                .position(|id| Some(*id) == *selected)
                .unwrap_or(0);
            let clicked = first_shown(at, room / ROWS_OF_A_KEY) + row / ROWS_OF_A_KEY;
            *selected = keys.get(clicked).copied().or(*selected);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The first row shown of a layer that scrolls just far enough to show the chosen one.
fn first_shown(chosen: usize, room: usize) -> usize {
    (chosen + 1).saturating_sub(room.max(1))
}

/// What is under the pointer moves, whoever has the keys.
fn wheel(ui: &mut Ui, scene: Scene<'_>, spot: &Spot, action: Action) -> Vec<UiEffect> {
    let before = ui.focus;
    if ui.layers.is_empty() && !ui.has_draft() {
        match spot {
            Spot::Strip(_) | Spot::ListRow(_) | Spot::List => ui.focus = Focus::List,
            Spot::Elsewhere => return Vec::new(),
            _ => ui.focus = Focus::Detail,
        }
    }
    for _ in 0..NOTCH {
        route::act(ui, scene, action);
    }
    if ui.layers.is_empty() {
        ui.focus = before;
    }
    Vec::new()
}
