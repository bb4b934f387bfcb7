//! What opens by itself, and what closes: questions of connections, confirmations that lapse. Nothing opens over a draft or
//! within a second of a key.

use super::containers;
use super::effect::{Scene, UiEffect};
use super::power;
use crate::domain::{Age, HostKeyFacts, Question, QuestionId, Severity};
use crate::engine::{Command, Fleet, PendingQuestion};
use crate::tui::action::Action;
use crate::tui::ui::{Dialog, Layer, LineEdit, Ui};

/// How long no key may have been pressed before something opens by itself.
const QUIET: Age = Age(1_000);

/// The unknown host keys that are asked about, oldest first.
pub(super) fn host_keys(fleet: &Fleet) -> impl Iterator<Item = (QuestionId, &HostKeyFacts)> {
    fleet
        .questions
        .iter()
        .filter_map(|pending| match &pending.question {
            Question::UnknownHostKey(facts) => Some((pending.id, facts)),
            _ => None,
        })
}

/// Closes what is moot, opens what has waited for its moment.
pub(super) fn settle(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let fleet = scene.fleet;
    let asked = |id: &QuestionId| fleet.questions.iter().any(|pending| pending.id == *id);
    ui.set_aside.retain(asked);
    let effects = lapse(ui);
    ui.layers.retain_mut(|layer| match layer {
        Layer::Dialog(Dialog::Prompts { question, .. }) => asked(question),
        Layer::Dialog(Dialog::HostKeys {
            selected, marked, ..
        }) => {
            marked.retain(asked);
            if selected.as_ref().is_none_or(|id| !asked(id)) {
                *selected = host_keys(fleet).map(|(id, _)| id).next();
            }
            selected.is_some()
        }
        _ => true,
    });
    let quiet = ui.now.since(ui.last_key) >= QUIET;
    // A power card waits for what its switch asks, such as about its host key.
    let free = ui.layers.is_empty() || power::has_card(ui);
    if quiet && free && !ui.has_draft() && ui.replay.is_none() {
        open_next(ui, fleet);
    } else if ui.flash.is_none() && ui.layers.is_empty() && waiting(ui, fleet).next().is_some() {
        remind(ui, scene);
    }
    effects
}

/// Confirmations whose time is over: the answer is No.
fn lapse(ui: &mut Ui) -> Vec<UiEffect> {
    let now = ui.now;
    let mut effects = Vec::new();
    let mut is_open = |dialog: &Dialog| match dialog {
        Dialog::Confirm { id, expires, .. } if now >= *expires => {
            effects.push(UiEffect::Ask(Command::Withdraw(*id)));
            false
        }
        _ => true,
    };
    ui.held_back.retain(&mut is_open);
    ui.layers.retain(|layer| match layer {
        Layer::Dialog(dialog) => is_open(dialog),
        _ => true,
    });
    if !effects.is_empty() {
        containers::give_up_queue(ui);
        ui.say(
            Severity::Warning,
            "not done: nobody confirmed in time",
            None,
        );
    }
    effects
}

fn waiting<'a>(ui: &'a Ui, fleet: &'a Fleet) -> impl Iterator<Item = &'a PendingQuestion> {
    fleet
        .questions
        .iter()
        .filter(|pending| !ui.set_aside.contains(&pending.id))
}

fn open_next(ui: &mut Ui, fleet: &Fleet) {
    if !ui.held_back.is_empty() {
        let dialog = ui.held_back.remove(0);
        ui.layers.push(Layer::Dialog(dialog));
        return;
    }
    let dialog = waiting(ui, fleet).next().map(dialog);
    ui.layers.extend(dialog.map(Layer::Dialog));
}

/// The person wants to answer now.
pub(super) fn ask(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    ui.set_aside.clear();
    if scene.fleet.questions.is_empty() && ui.held_back.is_empty() {
        ui.say(Severity::Info, "nothing asks for an answer", None);
    } else {
        open_next(ui, scene.fleet);
    }
    Vec::new()
}

/// Says how many questions wait, and the key that answers them.
pub(super) fn remind(ui: &mut Ui, scene: Scene<'_>) {
    let many = match scene.fleet.questions.len() {
        0 => return,
        1 => "1 question".to_owned(),
        n => format!("{n} questions"),
    };
    let key = scene.keymap.label(Action::Questions);
    ui.say(Severity::Warning, format!("{many} · {key} to answer"), None);
}

fn dialog(pending: &PendingQuestion) -> Dialog {
    let prompts = match &pending.question {
        Question::UnknownHostKey(_) => {
            return Dialog::HostKeys {
                selected: Some(pending.id),
                marked: Vec::new(),
                button: None,
            };
        }
        Question::Passphrase { .. } => 1,
        Question::Prompts { prompts, .. } => prompts.len().max(1),
    };
    let mut fields = vec![LineEdit::default(); prompts];
    if let Some(first) = fields.first_mut() {
        first.active = true;
    }
    Dialog::Prompts {
        question: pending.id,
        fields,
        focused: 0,
    }
}
