//! Acts on the ledger: walking through what was done, reading one act whole.

use std::sync::Arc;

use super::effect::{Copied, Scene, UiEffect};
use super::fit::{follow, moved};
use super::layers;
use crate::domain::{ActOutcome, Intent, Wall};
use crate::engine::Fleet;
use crate::tui::action::Action;
use crate::tui::ledger_rows::{self, Act, End, Told};
use crate::tui::ui::Ui;
use crate::tui::ui_tables::Chosen;

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    match action {
        Action::Open | Action::Describe => {
            let acts = ledger_rows::acts(&fleet, ui);
            if let Some(act) = at(ui, &acts).and_then(|at| acts.get(at)) {
                let (title, lines) = (format!("Act {}", act.id), words(act, ui));
                layers::show(ui, title, lines);
            }
        }
        Action::Copy => {
            let acts = ledger_rows::acts(&fleet, ui);
            let copied = at(ui, &acts).and_then(|at| acts.get(at)).map(|act| Copied {
                what: format!("act {}", act.id),
                text: words(act, ui).join("\n"),
            });
            return Some(copied.map(UiEffect::Copy).into_iter().collect());
        }
        Action::Filter => {
            let filter = &mut ui.ledger.filter;
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

/// The row that is chosen.
fn at(ui: &Ui, acts: &[Act<'_>]) -> Option<usize> {
    match &ui.ledger.chosen {
        Chosen::First => Some(0),
        Chosen::One(id) => acts.iter().position(|act| act.id == *id),
        Chosen::Gone => None,
    }
}

/// Moves the choice. At the newest it follows what is newest.
pub(super) fn walk(ui: &mut Ui, fleet: &Fleet, room: usize, action: Action) -> bool {
    let acts = ledger_rows::acts(fleet, ui);
    let from = at(ui, &acts).unwrap_or_default();
    let Some(to) = moved(action, from, acts.len(), room) else {
        return false;
    };
    let chosen = acts.get(to).map(|act| act.id);
    choose(ui, to, chosen);
    true
}

fn choose(ui: &mut Ui, to: usize, chosen: Option<crate::domain::ActId>) {
    ui.ledger.chosen = match chosen {
        Some(id) if to > 0 => Chosen::One(id),
        _ => Chosen::First,
    };
}

/// Chooses a row by its place on the screen; tells whether it was chosen already.
pub(super) fn click(ui: &mut Ui, fleet: &Fleet, row: usize) -> bool {
    let acts = ledger_rows::acts(fleet, ui);
    let to = ui.ledger.scroll + row;
    let again = at(ui, &acts) == Some(to);
    if let Some(id) = acts.get(to).map(|act| act.id) {
        choose(ui, to, Some(id));
        return again;
    }
    false
}

/// Keeps the choice in view.
pub(super) fn fit(ui: &mut Ui, fleet: &Fleet, room: usize) {
    let acts = ledger_rows::acts(fleet, ui);
    let (at, length) = (at(ui, &acts), acts.len());
    match at {
        Some(at) => ui.ledger.scroll = follow(ui.ledger.scroll, at, length, room),
        // What fell out of the window was the oldest.
        None => {
            ui.ledger.chosen = Chosen::First;
            ui.ledger.scroll = 0;
        }
    }
}

/// An act in full, or a note.
fn words(act: &Act<'_>, ui: &Ui) -> Vec<String> {
    match act.told {
        Told::Act { intent, end } => of_act(act.wall, intent, end, ui),
        Told::Note(what) => vec![
            what.to_string(),
            String::new(),
            format!("written     {}", stamp(act.wall, ui)),
            "by          the ledger itself, after an interruption".to_owned(),
        ],
    }
}

fn stamp(wall: Wall, ui: &Ui) -> String {
    jiff::Timestamp::from_millisecond(wall.0).map_or_else(
        |_| "at an unknown time".to_owned(),
        |stamp| {
            let here = stamp.to_zoned(ui.zone.clone());
            here.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
        },
    )
}

fn of_act(begun: Wall, intent: &Intent, end: Option<End<'_>>, ui: &Ui) -> Vec<String> {
    let host = intent
        .host
        .as_ref()
        .map_or_else(|| "none".to_owned(), ToString::to_string);
    let mut lines = vec![
        intent.what.to_string(),
        String::new(),
        format!("begun       {}", stamp(begun, ui)),
        format!("host        {host}"),
        format!("who         {}", intent.who),
        format!("from        {}", intent.from),
        format!("confirmed   {}", intent.confirmed),
    ];
    if let Some(proposed) = &intent.proposed {
        lines.push(format!("proposed    by {proposed}"));
    }
    if let Some(since) = intent.armed {
        lines.push(format!("armed       since {}", stamp(since, ui)));
    }
    match end {
        None => {
            lines.push("outcome     open: it is under way, or nobody wrote its end down".into());
        }
        Some(end) => {
            let words = match end.outcome {
                ActOutcome::Done => "done".to_owned(),
                ActOutcome::Failed(why) => format!("failed: {why}"),
                ActOutcome::Unknown(why) => format!("unknown: {why}"),
            };
            lines.push(format!("outcome     {words}"));
            lines.push(format!("ended       {}", stamp(end.wall, ui)));
            let seen = end
                .verification
                .map_or_else(|| "nothing was looked at".to_owned(), ToString::to_string);
            lines.push(format!("verified    {seen}"));
        }
    }
    lines.extend([String::new(), "the exact request".to_owned()]);
    lines.extend(intent.request.as_str().lines().map(str::to_owned));
    lines
}
