//! The power card of a host: its switch, who is served, what is armed, the six verbs; or the steps of an act.

use ratatui::layout::Rect;

use super::layers::{from_foot, surface};
use crate::domain::ActClass;
use crate::engine::Command;
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::power_lines::{self, Card, CardLine};
use crate::tui::power_words::{countdown, in_window};
use crate::tui::theme::Role;
use crate::tui::ui::Dialog;
use crate::tui::ui_power::CardFace;
use crate::tui::widgets::{Borders, Canvas, row_of};

/// Draws the card.
pub(super) fn power(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) {
    let Dialog::Power {
        host,
        face,
        selected,
        scroll,
    } = dialog
    else {
        return;
    };
    let act = scene.ui.power.act(host);
    let border = match act {
        Some(act) if *face == CardFace::Plan && act.ended.is_none() => Role::Danger,
        _ => Role::BorderFocus,
    };
    let borders = surface(canvas, area, &format!("Power · {host}"), border);
    title(canvas, &borders, scene, dialog);
    let card = Card {
        host,
        face: *face,
        selected: *selected,
        keymap: scene.keymap,
    };
    let lines = power_lines::lines(card, scene.ui, scene.fleet, usize::from(rows.width));
    let height = usize::from(rows.height);
    let chosen = lines.iter().position(|line| is_chosen(line, card));
    let first = match chosen {
        Some(at) => at.saturating_add(1).saturating_sub(height),
        None => *scroll,
    };
    for (row, line) in (0..rows.height).zip(lines.iter().skip(first)) {
        let place = row_of(rows, row);
        draw(canvas, place, line);
        if is_chosen(line, card) {
            canvas.paint(place, Role::Selected);
        }
    }
    let below = lines.len().saturating_sub(first + height);
    if below > 0 {
        let words = crate::tui::widgets::more_rows(below);
        canvas.pen(borders.bottom).at_end(&[(&words, Role::Dim)]);
    }
    foot(canvas, area, scene, dialog);
}

fn is_chosen(line: &CardLine, card: Card<'_>) -> bool {
    line.verb.is_some() && line.verb == crate::domain::PowerVerb::ALL.get(card.selected).copied()
}

fn draw(canvas: &mut Canvas<'_>, place: Rect, line: &CardLine) {
    let mut pen = canvas.pen(place);
    let right: Vec<(&str, Role)> = line
        .right
        .iter()
        .map(|(text, role)| (text.as_str(), *role))
        .collect();
    pen.at_end(&right);
    for (text, role) in &line.left {
        pen.put(text, *role);
    }
}

/// At the right of the upper border: what is under way and for how long, or how long it is armed.
fn title(canvas: &mut Canvas<'_>, borders: &Borders, scene: Scene<'_>, dialog: &Dialog) {
    let Dialog::Power { host, face, .. } = dialog else {
        return;
    };
    let ui = scene.ui;
    let act = ui.power.act(host).filter(|_| *face == CardFace::Plan);
    let words = match act {
        Some(act) => {
            let end = act.ended.as_ref().map_or(ui.now, |(at, _)| *at);
            format!(" {} · {} ", act.verb, end.since(act.since).words())
        }
        None => match ui.power.armed_for(host, ActClass::Power, ui.now) {
            Some(left) => format!(" ARMED {} ", countdown(left)),
            None => return,
        },
    };
    let role = if act.is_some() {
        Role::Mode
    } else {
        Role::Armed
    };
    canvas.pen(borders.top).at_end(&[(&words, role)]);
}

/// What keys do here.
fn foot(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>, dialog: &Dialog) {
    let Dialog::Power { host, face, .. } = dialog else {
        return;
    };
    let key = |action| scene.keymap.label(action);
    let act = scene.ui.power.act(host);
    let hints: Vec<(String, &str)> = match (face, act) {
        (CardFace::Plan, Some(act)) if in_window(act) => {
            let stop = format!("{} Esc Ctrl-C", key(Action::Abort));
            vec![(stop, "nothing leaves"), ("Tab".into(), "the verbs")]
        }
        (CardFace::Plan, Some(act)) if act.ended.is_none() => vec![
            (key(Action::Abort), "abort"),
            ("Tab".into(), "the verbs"),
            ("Esc".into(), "leaves it at work"),
        ],
        (CardFace::Plan, _) => vec![
            ("Enter".into(), "the verbs"),
            (key(Action::Copy), "copy"),
            ("Esc".into(), "leave"),
        ],
        (CardFace::Verbs, _) => vec![
            ("Enter".into(), "goes on"),
            (key(Action::Arm), "arm…"),
            (key(Action::Disarm), "disarm"),
            (key(Action::Copy), "copy"),
            ("Esc".into(), "leave"),
        ],
    };
    let mut pen = canvas.pen(from_foot(area, 0));
    if waits_for_confirmation(scene) {
        pen.put("waiting for its confirmation", Role::Busy);
        return;
    }
    for (key, words) in hints {
        pen.put(&key, Role::Key)
            .skip(1)
            .put(words, Role::Dim)
            .skip(3);
    }
}

/// Whether a question that this card led to is held back.
fn waits_for_confirmation(scene: Scene<'_>) -> bool {
    scene.ui.held_back.iter().any(|dialog| match dialog {
        Dialog::Confirm { id, .. } => scene
            .ui
            .asked
            .iter()
            .any(|(of, command)| of == id && matches!(command, Command::Power { .. })),
        _ => false,
    })
}
