//! The mouse: a click selects, a click on what is selected opens, the wheel moves what is under it. No click approves.

use std::sync::Arc;

use super::body;
use super::breakglass;
use super::effect::{Scene, Spot, UiEffect};
use super::lens;
use super::lens_picker;
use super::models;
use super::questions;
use super::route;
use super::screens;
use crate::domain::QuestionId;
use crate::engine::LensOrder;
use crate::tui::action::Action;
use crate::tui::input::MouseKind;
use crate::tui::rows;
use crate::tui::ui::{Dialog, Focus, Layer, Screen, Tab, Ui};

/// Rows that one host key takes in its dialog.
const ROWS_OF_A_KEY: usize = 3;

/// Rows that one notch of the wheel moves.
const NOTCH: usize = 3;

/// The same in the log lens.
const NOTCH_OF_LINES: i64 = 3;

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
    if let Some(effects) = breakglass::click(ui, scene, spot) {
        return effects;
    }
    match spot {
        Spot::Strip(id) => {
            screens::go(ui, Screen::Hosts);
            body::go(ui, id.clone());
        }
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
        Spot::ContainerHead(key) => {
            if ui.containers.sort == *key {
                ui.containers.reverse = !ui.containers.reverse;
            }
            ui.containers.sort = *key;
        }
        Spot::ModelHead(key) => models::sort_by(ui, *key),
        Spot::ModelList => ui.models.focus = Focus::List,
        Spot::ModelTab(tab) => return models::show_tab(ui, scene, *tab),
        Spot::Model => ui.models.focus = Focus::Detail,
        Spot::TableRow(row) => return screens::click(ui, scene, *row),
        Spot::Detail => ui.focus = Focus::Detail,
        Spot::LensRow(row) => return click_line(ui, scene, *row),
        Spot::LensMap(cell, of) => {
            let shown = ui.lens.shown().shown;
            return lens::go_to(ui, shown * u64::from(*cell) / u64::from(*of).max(1));
        }
        Spot::Lens
        | Spot::LayerRow(_)
        | Spot::Elsewhere
        | Spot::TalkRow(_)
        | Spot::TalkCard
        | Spot::TalkDraft
        | Spot::Talk => {}
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

/// A click puts the cursor on a line; one on the line under it opens the line.
fn click_line(ui: &mut Ui, scene: Scene<'_>, row: usize) -> Vec<UiEffect> {
    if ui.lens.shown().cursor == Some(row) {
        return route::act(ui, scene, Action::Open);
    }
    let row = u16::try_from(row).unwrap_or(u16::MAX);
    lens::order(ui, LensOrder::Row(row))
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
        Some(Layer::Sources(picker)) => {
            picker.selected = first_shown(picker.selected, room) + row;
            lens_picker::toggle(ui, scene);
            Vec::new()
        }
        Some(Layer::Palette { selected, .. }) => {
            *selected = first_shown(*selected, room) + row;
            route::act(ui, scene, Action::Submit)
        }
        Some(Layer::Dialog(
            Dialog::Signal { selected, .. } | Dialog::Container { selected, .. },
        )) => {
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
    if breakglass::wheel(ui, scene, spot, action == Action::Up) {
        return Vec::new();
    }
    if ui.layers.is_empty() && !ui.has_draft() {
        match spot {
            Spot::Strip(_) | Spot::ListRow(_) | Spot::List => ui.focus = Focus::List,
            Spot::LensRow(_) | Spot::LensMap(..) | Spot::Lens => {
                let rows = if action == Action::Up {
                    -NOTCH_OF_LINES
                } else {
                    NOTCH_OF_LINES
                };
                return lens::order(ui, LensOrder::Move(rows));
            }
            Spot::Elsewhere => return Vec::new(),
            Spot::Model | Spot::ModelTab(_) => ui.models.focus = Focus::Detail,
            Spot::TableRow(_) | Spot::ModelList if ui.screen == Screen::Models => {
                ui.models.focus = Focus::List;
            }
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
