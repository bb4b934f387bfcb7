//! Acts on the models: walking, sorting, looking into one, checking what a swap would meet.

use std::sync::Arc;

use super::effect::{Copied, Room, Scene, UiEffect};
use super::fit::{follow, moved};
use super::{layers, lens_open, screens};
use crate::domain::{Age, At, ModelKey, Severity};
use crate::engine::{Command, Fleet, ModelsCommand, PlaceName, Preflight, Refusal, SwapOrder};
use crate::tui::action::{Action, Place};
use crate::tui::keymap::Keymap;
use crate::tui::model_lines::{self, Look};
use crate::tui::model_places;
use crate::tui::model_rows::{self, ModelRow, place_name};
use crate::tui::model_swap_lines;
use crate::tui::ui::{Focus, Screen, Ui};
use crate::tui::ui_models::{Check, ModelRef, ModelSort, ModelTab};
use crate::tui::ui_tables::{Awaited, Chosen};

/// How often it is said that somebody looks at the models.
const WATCH: Age = Age(5_000);

/// How often what a swap would meet is looked at anew while somebody looks at it.
const CHECK: Age = Age(10_000);

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let inside = ui.models.focus == Focus::Detail;
    match action {
        Action::NextPane | Action::PreviousPane => turn_side(ui),
        Action::Open if !inside => ui.models.focus = Focus::Detail,
        Action::Open if ui.models.tab == ModelTab::Log => return Some(logs(ui, &fleet)),
        Action::Open | Action::NextTab => return Some(turn(ui, scene, 1)),
        Action::PreviousTab => return Some(turn(ui, scene, ModelTab::ALL.len() - 1)),
        Action::Preflight => return Some(show_tab(ui, scene, ModelTab::Preflight)),
        Action::Describe => read_whole(ui, &fleet, scene.keymap),
        Action::Sort => ui.models.sort = next(ui.models.sort),
        Action::Reverse => ui.models.reverse = !ui.models.reverse,
        Action::Filter => {
            ui.models.focus = Focus::List;
            let filter = &mut ui.models.filter;
            filter.active = true;
            filter.cursor = filter.text.len();
        }
        Action::NextHit => {
            walk(ui, scene.room, Action::Down);
        }
        Action::PreviousHit => {
            walk(ui, scene.room, Action::Up);
        }
        Action::Copy => return Some(copy(ui, &fleet)),
        Action::OpenLogs => return Some(logs(ui, &fleet)),
        action => {
            if let Some(effects) = super::model_acts::act(ui, scene, action) {
                return Some(effects);
            }
            return walk(ui, scene.room, action).then(Vec::new);
        }
    }
    Some(Vec::new())
}

/// The chosen row.
pub(super) fn chosen(ui: &Ui) -> Option<&ModelRow> {
    match &ui.models.chosen {
        Chosen::One(of) => ui.models.rows.find(of),
        _ => None,
    }
}

/// Goes to the models; with a model's name, chooses it.
pub(super) fn go(ui: &mut Ui, fleet: &Fleet, model: Option<&ModelKey>) {
    screens::go(ui, Screen::Models);
    model_rows::refresh(ui, fleet);
    let found = model.and_then(|key| {
        let mut rows = ui.models.rows.rows().iter();
        rows.find(|row| row.key == *key).map(ModelRow::of)
    });
    if let Some(of) = found {
        choose(ui, of);
    }
}

fn turn_side(ui: &mut Ui) {
    ui.models.focus = match ui.models.focus {
        Focus::List => Focus::Detail,
        Focus::Detail => Focus::List,
    };
}

fn turn(ui: &mut Ui, scene: Scene<'_>, by: usize) -> Vec<UiEffect> {
    let all = ModelTab::ALL;
    let at = all
        .iter()
        .position(|tab| *tab == ui.models.tab)
        .unwrap_or(0);
    let tab = all.get((at + by) % all.len()).copied().unwrap_or_default();
    show_tab(ui, scene, tab)
}

/// Shows a tab of the chosen model and gives it the keys. What a swap would meet is looked at with the first look.
pub(super) fn show_tab(ui: &mut Ui, scene: Scene<'_>, tab: ModelTab) -> Vec<UiEffect> {
    ui.models.tab = tab;
    ui.models.detail_scroll = 0;
    ui.models.focus = Focus::Detail;
    check_if_due(ui, scene)
}

fn next(sort: ModelSort) -> ModelSort {
    let all = ModelSort::ALL;
    let at = all.iter().position(|of| *of == sort).unwrap_or_default();
    all.get((at + 1) % all.len()).copied().unwrap_or_default()
}

/// Moves the choice over the rows, or the lines of the one that is looked into.
pub(super) fn walk(ui: &mut Ui, room: Room, action: Action) -> bool {
    if ui.place_of_keys() == Place::Model {
        let last = (room.detail_length + 1).saturating_sub(room.detail.max(1));
        let to = moved(action, ui.models.detail_scroll, last, room.detail);
        ui.models.detail_scroll = to.unwrap_or(ui.models.detail_scroll);
        return to.is_some();
    }
    let table = &ui.models;
    let at = match &table.chosen {
        Chosen::One(of) => table.rows.position(of),
        _ => None,
    };
    let length = table.rows.rows().len();
    let to = match at {
        Some(at) => moved(action, at, length, room.table),
        // Where the chosen one is gone, a movement begins at the first row that is seen.
        None => moved(action, table.scroll, length, room.table).map(|to| match action {
            Action::Up | Action::Down => table.scroll.min(length.saturating_sub(1)),
            _ => to,
        }),
    };
    let Some(to) = to else { return false };
    choose_row(ui, to);
    true
}

fn choose_row(ui: &mut Ui, row: usize) {
    let of = ui.models.rows.rows().get(row).map(ModelRow::of);
    if let Some(of) = of {
        choose(ui, of);
    }
}

fn choose(ui: &mut Ui, of: ModelRef) {
    if ui.models.chosen != Chosen::One(of.clone()) {
        ui.models.detail_scroll = 0;
    }
    ui.models.chosen = Chosen::One(of);
}

/// Chooses a row by its place on the screen; tells whether it was chosen already.
pub(super) fn click(ui: &mut Ui, row: usize) -> bool {
    ui.models.focus = Focus::List;
    let at = ui.models.scroll + row;
    let rows = ui.models.rows.rows();
    let again = rows
        .get(at)
        .is_some_and(|row| ui.models.chosen == Chosen::One(row.of()));
    choose_row(ui, at);
    again
}

/// A head sorts by its column, then the other way round.
pub(super) fn sort_by(ui: &mut Ui, key: ModelSort) {
    if ui.models.sort == key {
        ui.models.reverse = !ui.models.reverse;
    }
    ui.models.sort = key;
}

/// Rows that are up to date, a choice that exists, scrolls that fit.
pub(super) fn fit(ui: &mut Ui, fleet: &Fleet, room: Room) {
    if ui.screen != Screen::Models {
        return;
    }
    model_rows::refresh(ui, fleet);
    let table = &mut ui.models;
    let length = table.rows.rows().len();
    let at = match &table.chosen {
        Chosen::One(of) => table.rows.position(of).or_else(|| moved_row(table, of)),
        _ => None,
    };
    let first = table.rows.rows().first();
    match (at.or(first.map(|_| 0)), &table.chosen) {
        // It was removed: nothing is chosen in its place, the next key may be `x`.
        (_, Chosen::One(_)) if at.is_none() && table.filter.text.is_empty() => {
            table.chosen = Chosen::Gone;
        }
        (_, Chosen::Gone) | (None, _) => {}
        (Some(at), _) => {
            if let Some(row) = table.rows.rows().get(at) {
                table.chosen = Chosen::One(row.of());
            }
            table.scroll = follow(table.scroll, at, length, room.table);
        }
    }
    table.scroll = table.scroll.min(length.saturating_sub(room.table));
    let past = room.detail_length.saturating_sub(room.detail);
    table.detail_scroll = table.detail_scroll.min(past);
}

/// A model that began or ceased to be served is still the one that was chosen.
fn moved_row(table: &crate::tui::ui_models::ModelsUi, of: &ModelRef) -> Option<usize> {
    let rows = table.rows.rows();
    rows.iter().position(|row| row.key == of.model)
}

/// While somebody looks, the engine reads what is served. A recording tells what it has.
pub(super) fn watch(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if ui.screen != Screen::Models || ui.replay.is_some() || ui.paused.is_some() {
        return Vec::new();
    }
    let due = (ui.models.watched).is_none_or(|at| ui.now.since(at) >= WATCH);
    let mut effects = check_if_due(ui, scene);
    if due {
        ui.models.watched = Some(ui.now);
        effects.push(UiEffect::Ask(Command::Models(ModelsCommand::Watch)));
    }
    effects
}

/// What is being looked at of what a swap would meet.
fn wanted_check(ui: &Ui, fleet: &Fleet) -> Option<(ModelKey, PlaceName)> {
    if let Some(wanted) = super::model_acts::wanted_check(ui) {
        return Some(wanted);
    }
    if ui.screen != Screen::Models || ui.models.tab != ModelTab::Preflight {
        return None;
    }
    let row = chosen(ui).filter(|row| row.recipe.is_some())?;
    let place = row
        .place
        .clone()
        .or_else(|| model_places::places(fleet, row).into_iter().next())?;
    Some((row.key.clone(), place_name(&place)))
}

/// Asks what a swap would meet, where somebody looks at that and does not know it or knows it as it was.
pub(super) fn check_if_due(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if ui.replay.is_some() || ui.paused.is_some() {
        return Vec::new();
    }
    let Some((model, place)) = wanted_check(ui, scene.fleet) else {
        return Vec::new();
    };
    let now = ui.now;
    match &mut ui.models.check {
        Some(check) if check.model == model && check.place == place => {
            if now.since(check.asked) < CHECK {
                return Vec::new();
            }
            check.asked = now;
        }
        other => {
            *other = Some(Check {
                model: model.clone(),
                place: place.clone(),
                asked: now,
                found: Awaited::Waiting,
            });
        }
    }
    let order = SwapOrder {
        model,
        place,
        force: false,
        token: None,
    };
    vec![UiEffect::Ask(Command::Models(ModelsCommand::Preflight(
        order,
    )))]
}

/// Takes what a swap would meet.
pub(super) fn checked(
    ui: &mut Ui,
    order: &SwapOrder,
    at: At,
    answer: Result<Box<Preflight>, Refusal>,
) {
    let check = ui.models.check.as_mut();
    let mine = |check: &&mut Check| check.model == order.model && check.place == order.place;
    if let Some(check) = check.filter(mine) {
        check.found = match answer {
            Ok(found) => Awaited::Got((at, found)),
            Err(refusal) => Awaited::Failed(refusal),
        };
    }
}

/// The open tab as a text: long lines go on in the next row, and it can be searched.
fn read_whole(ui: &mut Ui, fleet: &Fleet, keymap: &Keymap) {
    let Some(row) = chosen(ui) else { return };
    let title = format!("{} {}", row.name, ui.models.tab.title());
    let lines = text(ui, fleet, keymap);
    layers::show(ui, title, lines);
}

/// The lines of the open tab without their looks.
fn text(ui: &Ui, fleet: &Fleet, keymap: &Keymap) -> Vec<String> {
    const CELLS: usize = 96;
    let Some(row) = chosen(ui) else {
        return Vec::new();
    };
    let plain = |line: model_lines::Line| line.into_iter().map(|(words, _)| words).collect();
    let look = Look {
        ui,
        fleet,
        cells: CELLS,
        key: &|action| keymap.label(action),
    };
    let lines = model_lines::lines(row, look);
    lines.into_iter().map(plain).collect()
}

/// The exact command that would be sent.
fn copy(ui: &mut Ui, fleet: &Fleet) -> Vec<UiEffect> {
    let Some(row) = chosen(ui) else {
        ui.say(Severity::Info, "no model is chosen", None);
        return Vec::new();
    };
    let what = format!("the launch command of {}", row.name);
    match model_lines::command_text(row, fleet) {
        Ok(text) => vec![UiEffect::Copy(Copied { what, text })],
        Err((why, hint)) => {
            ui.say(Severity::Info, why, Some(hint.to_owned()));
            Vec::new()
        }
    }
}

/// The lens over the container that serves it.
fn logs(ui: &mut Ui, fleet: &Fleet) -> Vec<UiEffect> {
    let source = chosen(ui).and_then(|row| model_swap_lines::source(row, fleet));
    match source {
        Some((host, container)) => lens_open::container(ui, &host, &container),
        None => {
            let text = "it runs nowhere: there is no log to follow";
            ui.say(Severity::Info, text, None);
            Vec::new()
        }
    }
}
