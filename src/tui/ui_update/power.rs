//! Arming and the power switch at the keys: the card, the dialog that arms, what the switch answers. What is armed and what
//! is under way is looked up in the newest fleet, also while the screen is paused.

use std::sync::Arc;

use super::effect::{Copied, Scene, UiEffect};
use super::fit::moved;
use super::layers;
use crate::domain::{ActClass, ActOutcome, Age, HostId, PowerVerb, Severity};
use crate::engine::{Command, ConfirmationId, Fleet, READ_ONLY_MEND, Reply};
use crate::tui::action::Action;
use crate::tui::power_lines::{self, Card};
use crate::tui::power_words::{CLASSES, abort_words, in_window};
use crate::tui::ui::{Dialog, Layer, Ui};
use crate::tui::ui_power::{CardFace, Said};
use crate::tui::ui_tables::Awaited;

/// How often the engine is told at most that somebody is at the keys.
const PRESENT: Age = Age(5_000);

/// The minutes that are offered; what the config says is among them.
const MINUTES: [u16; 9] = [1, 5, 10, 15, 30, 60, 120, 240, 720];

/// Takes what is armed and under way from the newest fleet.
pub(super) fn refresh(ui: &mut Ui, fleet: &Fleet) {
    let power = &mut ui.power;
    power.armed = Arc::clone(&fleet.armed);
    power.acts = Arc::clone(&fleet.power);
    let acts = &power.acts;
    power.seen.retain(|(host, since)| {
        acts.iter()
            .any(|act| act.host == *host && act.since == *since)
    });
    // Whoever sees the end of an act on its card has been told of it.
    if let Some(Layer::Dialog(Dialog::Power {
        host,
        face: CardFace::Plan,
        ..
    })) = ui.layers.last()
        && let Some(act) = ui.power.act(host)
        && act.ended.is_some()
        && !ui.power.is_seen(act)
    {
        let seen = (act.host.clone(), act.since);
        ui.power.seen.push(seen);
    }
}

/// Tells the engine that somebody is at the keys, where that keeps something armed.
pub(super) fn present(ui: &mut Ui) -> Option<UiEffect> {
    let due = |at| ui.now.since(at) >= PRESENT;
    if ui.power.armed.is_empty() || !ui.power.present.is_none_or(due) {
        return None;
    }
    ui.power.present = Some(ui.now);
    Some(UiEffect::Ask(Command::Present))
}

fn selected(ui: &mut Ui, scene: Scene<'_>) -> Option<HostId> {
    let known = ui
        .selected
        .clone()
        .filter(|id| scene.fleet.host(id).is_some());
    if known.is_none() {
        ui.say(Severity::Info, "no host is selected", None);
    }
    known
}

/// Opens the dialog that arms the selected host.
pub(super) fn arm_selected(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if let Some(host) = selected(ui, scene) {
        arm(ui, scene, host);
    }
    Vec::new()
}

/// Opens the dialog that arms a host.
pub(super) fn arm(ui: &mut Ui, scene: Scene<'_>, host: HostId) {
    arm_for(ui, scene, host, ActClass::Power);
}

/// Opens the dialog that arms a host, at this class.
pub(super) fn arm_for(ui: &mut Ui, scene: Scene<'_>, host: HostId, class: ActClass) {
    if scene.fleet.read_only {
        let mend = Some(READ_ONLY_MEND.to_owned());
        ui.say(Severity::Warning, "read-only: nothing is armed", mend);
        return;
    }
    ui.layers.push(Layer::Dialog(Dialog::Arm {
        host,
        selected: CLASSES.iter().position(|of| *of == class).unwrap_or(0),
        minutes: scene.fleet.arming.minutes,
    }));
}

/// Disarms a host, or all.
pub(super) fn disarm(ui: &mut Ui, host: Option<HostId>) -> Vec<UiEffect> {
    if ui.power.armed.is_empty() {
        ui.say(Severity::Info, "nothing is armed", None);
        return Vec::new();
    }
    vec![UiEffect::Ask(Command::Disarm { host })]
}

/// Opens the power card of the host whose act is under way and not seen, else of the selected one.
pub(super) fn open_selected(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let loud = ui.power.running().or_else(|| ui.power.unknown());
    match loud.map(|act| act.host.clone()) {
        Some(host) => open(ui, host),
        None => {
            if let Some(host) = selected(ui, scene) {
                open(ui, host);
            }
        }
    }
    Vec::new()
}

/// Opens the power card of a host: at the steps, where there are some that nobody has seen end.
pub(super) fn open(ui: &mut Ui, host: HostId) {
    let act = ui.power.act(&host);
    let face = match act {
        Some(act) if act.ended.is_none() || !ui.power.is_seen(act) => CardFace::Plan,
        _ => CardFace::Verbs,
    };
    ui.layers.push(Layer::Dialog(Dialog::Power {
        host,
        face,
        selected: 0,
        scroll: 0,
    }));
}

/// Whether the power card is what has the keys.
pub(super) fn has_card(ui: &Ui) -> bool {
    matches!(ui.layers.last(), Some(Layer::Dialog(Dialog::Power { .. })))
}

/// Rows of the power card that has the keys.
pub(super) fn card_rows(ui: &Ui, scene: Scene<'_>) -> usize {
    match ui.layers.last() {
        Some(Layer::Dialog(Dialog::Power {
            host,
            face,
            selected,
            ..
        })) => {
            let card = Card {
                host,
                face: *face,
                selected: *selected,
                keymap: scene.keymap,
            };
            let fleet = ui.shown(scene.fleet);
            power_lines::lines(card, ui, fleet, scene.room.layer_cells).len()
        }
        _ => 0,
    }
}

/// Asks the engine for a verb; what changes something it lets a person confirm first.
pub(super) fn verb(ui: &mut Ui, host: HostId, verb: PowerVerb) -> Vec<UiEffect> {
    if !verb.changes() {
        ui.power.said.retain(|said| said.host != host);
        ui.power.said.push(Said {
            host: host.clone(),
            verb,
            at: ui.now,
            answer: Awaited::Waiting,
        });
    }
    vec![UiEffect::Ask(Command::Power { host, verb })]
}

/// `:power HOST VERB`: the card is opened, and the verb asked for.
pub(super) fn order(ui: &mut Ui, host: HostId, wanted: Option<PowerVerb>) -> Vec<UiEffect> {
    open(ui, host.clone());
    let Some(wanted) = wanted else {
        return Vec::new();
    };
    if let Some(Layer::Dialog(Dialog::Power { selected, face, .. })) = ui.layers.last_mut() {
        let place = PowerVerb::ALL.iter().position(|verb| *verb == wanted);
        *selected = place.unwrap_or_default();
        *face = CardFace::Verbs;
    }
    verb(ui, host, wanted)
}

/// Acts on the card and on the dialog that arms.
pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    match ui.layers.last() {
        Some(Layer::Dialog(Dialog::Arm { .. })) => arming(ui, scene, action),
        Some(Layer::Dialog(Dialog::Power { host, .. })) => {
            let host = host.clone();
            card(ui, scene, host, action)
        }
        _ => Vec::new(),
    }
}

fn arming(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    let Some(Layer::Dialog(Dialog::Arm {
        host,
        selected,
        minutes,
    })) = ui.layers.last_mut()
    else {
        return Vec::new();
    };
    match action {
        Action::Longer | Action::NextPane => *minutes = longer(*minutes, scene),
        Action::Shorter | Action::PreviousPane => *minutes = shorter(*minutes, scene),
        Action::Disarm => {
            let host = host.clone();
            ui.layers.pop();
            return disarm(ui, Some(host));
        }
        Action::Open => {
            let Some(class) = CLASSES.get(*selected).copied() else {
                return Vec::new();
            };
            if !scene.fleet.needs_arming(class) {
                let text = format!("{class} needs no arming here");
                let hint = "`arming: {needed: […]}` in the configuration says what does";
                ui.say(Severity::Info, text, Some(hint.into()));
                return Vec::new();
            }
            let command = Command::Arm {
                host: host.clone(),
                class,
                minutes: Some(*minutes),
            };
            ui.layers.pop();
            return vec![UiEffect::Ask(command)];
        }
        Action::Back => {
            ui.layers.pop();
        }
        action => {
            let to = moved(action, *selected, CLASSES.len(), CLASSES.len());
            *selected = to.unwrap_or(*selected);
        }
    }
    Vec::new()
}

fn offered(scene: Scene<'_>) -> Vec<u16> {
    let mut minutes = MINUTES.to_vec();
    minutes.push(scene.fleet.arming.minutes);
    minutes.sort_unstable();
    minutes
}

fn longer(minutes: u16, scene: Scene<'_>) -> u16 {
    let next = offered(scene).into_iter().find(|other| *other > minutes);
    next.unwrap_or(minutes)
}

fn shorter(minutes: u16, scene: Scene<'_>) -> u16 {
    let before = offered(scene)
        .into_iter()
        .rev()
        .find(|other| *other < minutes);
    before.unwrap_or(minutes)
}

fn card(ui: &mut Ui, scene: Scene<'_>, host: HostId, action: Action) -> Vec<UiEffect> {
    match action {
        Action::Arm => {
            arm(ui, scene, host);
            Vec::new()
        }
        Action::Disarm => disarm(ui, Some(host)),
        Action::Abort => abort(ui, host),
        Action::Copy => vec![UiEffect::Copy(copied(ui, scene, &host))],
        Action::Back => {
            ui.layers.pop();
            Vec::new()
        }
        Action::NextPane | Action::PreviousPane => {
            turn(ui);
            Vec::new()
        }
        Action::Open => pressed(ui, host),
        action => {
            walk(ui, scene, action);
            Vec::new()
        }
    }
}

fn turn(ui: &mut Ui) {
    let has_act = match ui.layers.last() {
        Some(Layer::Dialog(Dialog::Power { host, .. })) => ui.power.act(host).is_some(),
        _ => false,
    };
    if let Some(Layer::Dialog(Dialog::Power { face, scroll, .. })) = ui.layers.last_mut() {
        *scroll = 0;
        *face = match face {
            CardFace::Verbs if has_act => CardFace::Plan,
            CardFace::Verbs | CardFace::Plan => CardFace::Verbs,
        };
    }
}

fn walk(ui: &mut Ui, scene: Scene<'_>, action: Action) {
    let room = scene.room.layer;
    if let Some(Layer::Dialog(Dialog::Power {
        face,
        selected,
        scroll,
        ..
    })) = ui.layers.last_mut()
    {
        let verbs = PowerVerb::ALL.len();
        match face {
            CardFace::Verbs => {
                *selected = moved(action, *selected, verbs, verbs).unwrap_or(*selected);
            }
            CardFace::Plan => *scroll = moved(action, *scroll, usize::MAX, room).unwrap_or(*scroll),
        }
    }
}

/// Enter: asks for the chosen verb; on the steps of an act of which nobody knows whether it happened, for its status.
fn pressed(ui: &mut Ui, host: HostId) -> Vec<UiEffect> {
    let unknown = ui
        .power
        .act(&host)
        .and_then(|act| act.ended.as_ref())
        .is_some_and(|(_, outcome)| matches!(outcome, ActOutcome::Unknown(_)));
    let running = ui.power.act(&host).is_some_and(|act| act.ended.is_none());
    let Some(Layer::Dialog(Dialog::Power { face, selected, .. })) = ui.layers.last_mut() else {
        return Vec::new();
    };
    match face {
        CardFace::Plan if running => Vec::new(),
        CardFace::Plan => {
            *face = CardFace::Verbs;
            *selected = 0;
            if unknown {
                return verb(ui, host, PowerVerb::Status);
            }
            Vec::new()
        }
        CardFace::Verbs => match PowerVerb::ALL.get(*selected).copied() {
            Some(wanted) => verb(ui, host, wanted),
            None => Vec::new(),
        },
    }
}

/// Asks for the end of the act of a host, and says what that means now.
pub(super) fn abort(ui: &mut Ui, host: HostId) -> Vec<UiEffect> {
    match ui.power.act(&host).filter(|act| act.ended.is_none()) {
        Some(act) => {
            let words = format!("aborting: {}", abort_words(act));
            ui.say(Severity::Warning, words, None);
            vec![UiEffect::Ask(Command::AbortPower { host })]
        }
        None => {
            ui.say(
                Severity::Info,
                format!("no act of {host} is under way"),
                None,
            );
            Vec::new()
        }
    }
}

/// Closes the card. In the cancel window that is a change of mind: nothing leaves, and the card shows it.
pub(super) fn close(ui: &mut Ui) -> Vec<UiEffect> {
    let in_its_window = match ui.layers.last() {
        Some(Layer::Dialog(Dialog::Power {
            host,
            face: CardFace::Plan,
            ..
        })) => ui.power.act(host).filter(|act| in_window(act)),
        _ => None,
    };
    if let Some(host) = in_its_window.map(|act| act.host.clone()) {
        return abort(ui, host);
    }
    ui.layers.pop();
    Vec::new()
}

fn copied(ui: &Ui, scene: Scene<'_>, host: &HostId) -> Copied {
    let card = Card {
        host,
        face: match ui.layers.last() {
            Some(Layer::Dialog(Dialog::Power { face, .. })) => *face,
            _ => CardFace::Verbs,
        },
        selected: 0,
        keymap: scene.keymap,
    };
    let lines = power_lines::lines(card, ui, ui.shown(scene.fleet), usize::MAX);
    let text: Vec<String> = lines
        .iter()
        .map(|line| {
            let pieces = line.left.iter().chain(&line.right);
            pieces.map(|(text, _)| text.as_str()).collect::<String>()
        })
        .collect();
    Copied {
        what: format!("the power card of {host}"),
        text: text.join("\n"),
    }
}

/// Whether this confirmation is for the power switch.
pub(super) fn is_asked_for(ui: &Ui, id: ConfirmationId) -> bool {
    let of = ui.asked.iter().find(|(of, _)| *of == id);
    matches!(of, Some((_, Command::Power { .. })))
}

/// A person has confirmed: where that was a power verb, its steps are what they want to see.
pub(super) fn confirmed(ui: &mut Ui, dialog: &Dialog) {
    let Dialog::Confirm { id, .. } = dialog else {
        return;
    };
    let asked = ui.asked.iter().find(|(of, _)| of == id);
    let Some((_, Command::Power { host, .. })) = asked else {
        return;
    };
    let host = host.clone();
    if !has_card(ui) {
        open(ui, host);
    }
    if let Some(Layer::Dialog(Dialog::Power { face, scroll, .. })) = ui.layers.last_mut() {
        *face = CardFace::Plan;
        *scroll = 0;
    }
}

/// Takes what a switch answered; gives back what other words are told of.
pub(super) fn reply(ui: &mut Ui, host: &HostId, verb: PowerVerb, reply: Reply) -> Option<Reply> {
    let answer = match &reply {
        Reply::Power(report) => Awaited::Got(report.clone()),
        Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => {
            Awaited::Failed(refusal.clone())
        }
        _ => return Some(reply),
    };
    if verb.changes() {
        return Some(reply);
    }
    ui.power.said.retain(|said| said.host != *host);
    ui.power.said.push(Said {
        host: host.clone(),
        verb,
        at: ui.now,
        answer,
    });
    match reply {
        Reply::Power(report) => {
            if verb == PowerVerb::Forensics {
                let lines = report.lines.iter().map(ToString::to_string).collect();
                show(ui, host, lines);
            }
            None
        }
        other => Some(other),
    }
}

/// Forensics in full, over the card or where nothing is being typed; they stay in the card's state otherwise.
fn show(ui: &mut Ui, host: &HostId, mut lines: Vec<String>) {
    if lines.is_empty() {
        lines.push("the far side had nothing to tell".into());
    }
    if ui.layers.is_empty() && !ui.has_draft() || has_card(ui) {
        layers::show(ui, format!("Forensics of {host}"), lines);
    }
}

/// What is said when a host has been armed.
pub(super) fn armed_sentence(
    ui: &Ui,
    host: &HostId,
    class: ActClass,
    minutes: Option<u16>,
) -> String {
    let held = ui.power.armed_for(host, class, ui.now);
    let length = minutes.map_or_else(
        || held.map_or_else(String::new, |left| format!(" for {}", left.words())),
        |minutes| format!(" for {minutes} min"),
    );
    format!("{host} is armed for {class}{length}")
}
