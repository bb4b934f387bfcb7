//! Acts on what a host offers to be followed: walking, marking, opening the lens over the chosen or the marked ones.

use std::sync::Arc;

use super::effect::{Scene, UiEffect};
use super::fit::{follow, moved};
use super::{layers, lens_open};
use crate::domain::Severity;
use crate::engine::{Command, Fleet, SourceAddress};
use crate::tui::action::Action;
use crate::tui::lens_offers::{self, OfferRow};
use crate::tui::ui::{Screen, Tab, Ui};
use crate::tui::ui_lens::Offers;
use crate::tui::ui_tables::Chosen;

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let rows = rows(ui, &fleet);
    match action {
        Action::Open | Action::OpenLogs => return Some(open(ui, &rows)),
        Action::Describe => {
            if let Some(row) = at(ui, &rows).and_then(|at| rows.get(at)) {
                let (title, lines) = (row.address.to_string(), words(row));
                layers::show(ui, title, lines);
            }
        }
        Action::Mark => {
            if let Some(row) = at(ui, &rows).and_then(|at| rows.get(at)) {
                let spec = row.address.spec.clone();
                let marked = &mut ui.sources.marked;
                match marked.iter().position(|of| *of == spec) {
                    Some(at) => {
                        marked.remove(at);
                    }
                    None => marked.push(spec),
                }
            }
            walk(ui, &fleet, scene.room.table, Action::Down);
        }
        Action::Filter => {
            let filter = &mut ui.sources.filter;
            filter.active = true;
            filter.cursor = filter.text.len();
        }
        Action::NextHit => {
            walk(ui, &fleet, scene.room.table, Action::Down);
        }
        Action::PreviousHit => {
            walk(ui, &fleet, scene.room.table, Action::Up);
        }
        action => return walk(ui, &fleet, scene.room.table, action).then(Vec::new),
    }
    Some(Vec::new())
}

fn words(row: &OfferRow) -> Vec<String> {
    let mut lines = vec![format!("{} {}", row.kind, row.name)];
    if !row.detail.is_empty() {
        lines.push(row.detail.clone());
    }
    if let Some(why) = &row.refused {
        lines.push(format!("can't be read: {why}"));
    }
    lines
}

/// What the selected host offers.
pub(super) fn rows(ui: &Ui, fleet: &Fleet) -> Vec<OfferRow> {
    let host = ui.selected.as_ref().and_then(|id| fleet.host(id));
    host.map(|host| lens_offers::of_one(&ui.lens, host, &ui.sources.filter.text))
        .unwrap_or_default()
}

fn at(ui: &Ui, rows: &[OfferRow]) -> Option<usize> {
    match &ui.sources.chosen {
        Chosen::First => (!rows.is_empty()).then_some(0),
        Chosen::One(spec) => rows.iter().position(|row| row.address.spec == *spec),
        Chosen::Gone => None,
    }
}

/// Opens the marked sources, else the chosen one. One that can't be read says why.
fn open(ui: &mut Ui, rows: &[OfferRow]) -> Vec<UiEffect> {
    let marked = rows
        .iter()
        .filter(|row| ui.sources.marked.contains(&row.address.spec));
    let mut wanted: Vec<&OfferRow> = marked.collect();
    if wanted.is_empty() {
        wanted.extend(at(ui, rows).and_then(|at| rows.get(at)));
    }
    let refused = wanted.iter().find_map(|row| row.refused.as_ref());
    let readable = wanted.iter().filter(|row| row.refused.is_none());
    let sources: Vec<SourceAddress> = readable.map(|row| row.address.clone()).collect();
    match (sources.is_empty(), refused) {
        (true, Some(why)) => ui.say(Severity::Warning, why.clone(), None),
        (true, None) => ui.say(Severity::Info, "no source is selected", None),
        (false, _) => return lens_open::named(ui, sources),
    }
    Vec::new()
}

/// Moves the choice over the rows.
pub(super) fn walk(ui: &mut Ui, fleet: &Fleet, room: usize, action: Action) -> bool {
    let rows = rows(ui, fleet);
    let from = at(ui, &rows).unwrap_or_default();
    let Some(to) = moved(action, from, rows.len(), room) else {
        return false;
    };
    choose(ui, &rows, to);
    true
}

fn choose(ui: &mut Ui, rows: &[OfferRow], to: usize) {
    if let Some(row) = rows.get(to) {
        ui.sources.chosen = Chosen::One(row.address.spec.clone());
    }
}

/// Chooses a row by its place on the screen; tells whether it was chosen already.
pub(super) fn click(ui: &mut Ui, fleet: &Fleet, row: usize) -> bool {
    let rows = rows(ui, fleet);
    let to = ui.sources.scroll + row;
    let again = at(ui, &rows) == Some(to);
    choose(ui, &rows, to);
    again
}

/// Keeps the choice in view.
pub(super) fn fit(ui: &mut Ui, fleet: &Fleet, room: usize) {
    if !is_shown(ui) {
        return;
    }
    let rows = rows(ui, fleet);
    match at(ui, &rows) {
        Some(at) => ui.sources.scroll = follow(ui.sources.scroll, at, rows.len(), room),
        None => {
            ui.sources.chosen = Chosen::First;
            ui.sources.scroll = 0;
        }
    }
}

fn is_shown(ui: &Ui) -> bool {
    ui.screen == Screen::Hosts && ui.tab == Tab::Logs
}

/// Asks a host that is looked at, once, what it offers.
pub(super) fn discover(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if !is_shown(ui) || ui.replay.is_some() {
        return Vec::new();
    }
    let host = ui.selected.as_ref().and_then(|id| scene.fleet.host(id));
    let Some(host) = host.filter(|host| lens_offers::can_be_asked(host)) else {
        return Vec::new();
    };
    if ui.lens.offers.iter().any(|(of, _)| *of == host.id) {
        return Vec::new();
    }
    let host = host.id.clone();
    ui.lens.offers.push((host.clone(), Offers::Asked));
    vec![UiEffect::Ask(Command::Sources { host })]
}
