//! Walking through the conversation: from entry to entry, by pages, from hit to hit; unfolding, copying.

use super::{offers, open};
use crate::domain::Severity;
use crate::engine::{Entry, EntryId, Fleet};
use crate::tui::action::Action;
use crate::tui::talk;
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{Part, Stop, TalkView};
use crate::tui::ui_update::effect::{Copied, Scene, UiEffect};

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let page = scene.room.talk.max(2) - 1;
    match action {
        Action::Up => step(ui, scene, false),
        Action::Down => step(ui, scene, true),
        Action::HalfUp => scroll(ui, scene, |row| row.saturating_sub(page.div_ceil(2))),
        Action::HalfDown => scroll(ui, scene, |row| row + page.div_ceil(2)),
        Action::PageUp => scroll(ui, scene, |row| row.saturating_sub(page)),
        Action::PageDown => scroll(ui, scene, |row| row + page),
        Action::Top => scroll(ui, scene, |_| 0),
        Action::Bottom => to_bottom(ui),
        Action::Filter => {
            ui.breakglass.search.active = true;
            ui.breakglass.search.cursor = ui.breakglass.search.text.len();
        }
        Action::NextHit => hit(ui, scene, true),
        Action::PreviousHit => hit(ui, scene, false),
        Action::Copy => return Some(copy(ui)),
        Action::Open => return Some(enter(ui, scene)),
        Action::Describe => return Some(Vec::new()),
        _ => return None,
    }
    Some(Vec::new())
}

/// The wheel, whoever has the keys.
pub(super) fn wheel(ui: &mut Ui, scene: Scene<'_>, up: bool, rows: usize) {
    scroll(ui, scene, |row| {
        if up {
            row.saturating_sub(rows)
        } else {
            row + rows
        }
    });
}

/// How many rows there are, what can be done below the conversation included.
pub(super) fn length(ui: &Ui, fleet: &Fleet, cells: usize) -> usize {
    ui.breakglass.rows.len() + talk::tail(ui, fleet, cells).len()
}

/// The first row in view.
pub(super) fn first_row(ui: &Ui, scene: Scene<'_>) -> usize {
    match ui.breakglass.view {
        TalkView::Top => 0,
        TalkView::From { row, .. } => row,
        TalkView::Bottom => {
            let fleet = ui.shown(scene.fleet);
            length(ui, fleet, scene.room.talk_cells).saturating_sub(scene.room.talk)
        }
    }
}

fn to_bottom(ui: &mut Ui) {
    ui.breakglass.view = TalkView::Bottom;
    ui.breakglass.stop = None;
}

fn scroll(ui: &mut Ui, scene: Scene<'_>, to: impl FnOnce(usize) -> usize) {
    let row = to(first_row(ui, scene));
    ui.breakglass.stop = None;
    show_from(ui, scene, row);
}

/// Shows the conversation from this row on; at its end it follows what comes.
pub(super) fn show_from(ui: &mut Ui, scene: Scene<'_>, row: usize) {
    let length = length(ui, ui.shown(scene.fleet), scene.room.talk_cells);
    let pane = &mut ui.breakglass;
    let seen = match pane.view {
        TalkView::From { seen, .. } => seen,
        TalkView::Top | TalkView::Bottom => pane.transcript.number,
    };
    pane.view = if row + scene.room.talk >= length {
        TalkView::Bottom
    } else {
        TalkView::From { row, seen }
    };
}

/// Everything that the cursor can stand on, with its first row and the one after its last.
fn stops(ui: &Ui, scene: Scene<'_>) -> Vec<(Stop, usize, usize)> {
    let pane = &ui.breakglass;
    let mut stops = Vec::new();
    for entry in &pane.transcript.entries {
        let id = talk::id_of(entry);
        if let Some((first, end)) = pane.rows.span(id) {
            stops.push((Stop::Entry(id), first, end));
        }
    }
    let fleet = ui.shown(scene.fleet);
    let above = pane.rows.len();
    let tail = talk::tail(ui, fleet, scene.room.talk_cells);
    for (row, of) in tail.iter().enumerate() {
        if let Some(offer) = of.offer {
            stops.push((Stop::Offer(offer), above + row, above + row + 1));
        }
    }
    stops
}

/// To the next thing, or the one before.
fn step(ui: &mut Ui, scene: Scene<'_>, down: bool) {
    let stops = stops(ui, scene);
    let first = first_row(ui, scene);
    let last = first + scene.room.talk.max(1) - 1;
    let at = stops
        .iter()
        .position(|(stop, ..)| Some(*stop) == ui.breakglass.stop);
    let to = match (at, down) {
        (Some(at), true) if at + 1 >= stops.len() => return to_bottom(ui),
        (Some(at), true) => Some(at + 1),
        (Some(at), false) => Some(at.saturating_sub(1)),
        (None, true) if !matches!(ui.breakglass.view, TalkView::From { .. }) => stops
            .iter()
            .position(|(stop, ..)| matches!(stop, Stop::Offer(_))),
        (None, true) => stops.iter().position(|(_, row, _)| *row >= first),
        (None, false) => stops.iter().rposition(|(_, row, _)| *row <= last),
    };
    if let Some((stop, from, end)) = to.and_then(|to| stops.get(to)) {
        ui.breakglass.stop = Some(*stop);
        bring(ui, scene, *from, *end);
    }
}

/// Brings rows into view, as little as can be moved; what is taller than the pane, from its first row on.
fn bring(ui: &mut Ui, scene: Scene<'_>, from: usize, end: usize) {
    let first = first_row(ui, scene);
    let room = scene.room.talk.max(1);
    if from < first {
        show_from(ui, scene, from);
    } else if end > first + room {
        show_from(ui, scene, from.min(end.saturating_sub(room)));
    }
}

/// The first thing that can be done gets the cursor.
pub(super) fn first_offer(ui: &mut Ui, scene: Scene<'_>) {
    let stops = stops(ui, scene);
    let first = stops
        .iter()
        .find(|(stop, ..)| matches!(stop, Stop::Offer(_)));
    if let Some((stop, from, end)) = first {
        ui.breakglass.stop = Some(*stop);
        bring(ui, scene, *from, *end);
    }
}

/// A click on a row; a second one on the same opens it.
pub(super) fn click(ui: &mut Ui, scene: Scene<'_>, down: usize) -> Vec<UiEffect> {
    let number = first_row(ui, scene) + down;
    ui.breakglass.part = Part::Transcript;
    let clicked = stops(ui, scene)
        .into_iter()
        .find(|(_, from, end)| (*from..*end).contains(&number))
        .map(|(stop, ..)| stop);
    if clicked.is_some() && clicked == ui.breakglass.stop {
        return enter(ui, scene);
    }
    ui.breakglass.stop = clicked;
    Vec::new()
}

fn enter(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.breakglass.stop {
        Some(Stop::Entry(id)) => {
            fold(ui, id);
            Vec::new()
        }
        Some(Stop::Offer(number)) => offers::take(ui, scene, number),
        None => {
            ui.breakglass.part = Part::Composer;
            Vec::new()
        }
    }
}

/// Shows an entry in full, or folds it.
fn fold(ui: &mut Ui, id: EntryId) {
    let folds = entry(ui, id).is_some_and(|entry| {
        matches!(
            entry,
            Entry::Thought { .. } | Entry::Call(_) | Entry::UnderWay { .. } | Entry::Decided { .. }
        )
    });
    if folds && !ui.breakglass.unfolded.remove(&id) {
        ui.breakglass.unfolded.insert(id);
    }
}

fn entry(ui: &Ui, id: EntryId) -> Option<&Entry> {
    let entries = &ui.breakglass.transcript.entries;
    let found = entries.iter().find(|entry| talk::id_of(entry) == id);
    found.map(AsRef::as_ref)
}

/// The entry under the cursor; without one, the last answer.
fn copy(ui: &mut Ui) -> Vec<UiEffect> {
    let chosen = match ui.breakglass.stop {
        Some(Stop::Entry(id)) => entry(ui, id),
        _ => {
            let entries = ui.breakglass.transcript.entries.iter().rev();
            entries
                .map(AsRef::as_ref)
                .find(|entry| matches!(entry, Entry::Said { .. }))
        }
    };
    let Some((what, text)) = chosen.map(talk::copy_of) else {
        ui.say(Severity::Info, "there is nothing to copy yet", None);
        return Vec::new();
    };
    vec![UiEffect::Copy(Copied {
        what: what.to_owned(),
        text,
    })]
}

/// To the next hit of the search, or the one before, round and round.
fn hit(ui: &mut Ui, scene: Scene<'_>, on: bool) {
    let count = ui.breakglass.rows.hits().len();
    if count == 0 {
        ui.say(
            Severity::Info,
            "nothing is searched for, or nothing was hit",
            None,
        );
        return;
    }
    let by = if on { 1 } else { count - 1 };
    ui.breakglass.hit = (ui.breakglass.hit + by) % count;
    show_hit(ui, scene);
}

/// Brings the present hit into view.
pub(super) fn show_hit(ui: &mut Ui, scene: Scene<'_>) {
    let pane = &ui.breakglass;
    if let Some(row) = pane.rows.hits().get(pane.hit).copied() {
        ui.breakglass.stop = ui.breakglass.rows.entry_at(row).map(Stop::Entry);
        bring(ui, scene, row, row + 1);
    }
}

/// Shows a host beside the pane, or in its place.
pub(super) fn show_host(ui: &mut Ui, id: crate::domain::HostId, tab: crate::tui::ui::Tab) {
    use crate::tui::ui_update::body;
    open::step_aside(ui);
    body::go(ui, id);
    body::show_tab(ui, tab);
}
