//! Acts on dialogs. No letter, digit or single Enter approves anything: approving is Tab to Yes, then Enter.

use std::sync::Arc;

use super::containers;
use super::effect::{Copied, Scene, UiEffect};
use super::fit::moved;
use super::power;
use super::questions;
use crate::domain::{Answer, Container, ContainerAct, QuestionId, Secret, Severity};
use crate::engine::{Challenge, Command, Fleet};
use crate::tui::action::Action;
use crate::tui::ui::{Button, Dialog, Layer, LineEdit, Ui};
use crate::tui::ui_tables::ContainerRef;

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    // The dialog is taken out, changed, and put back unless it is done.
    let Some(Layer::Dialog(mut dialog)) = ui.layers.pop() else {
        return Vec::new();
    };
    let outcome = match &mut dialog {
        Dialog::HostKeys { .. } => host_keys(&mut dialog, scene.fleet, action),
        Dialog::Prompts { .. } => prompts(&mut dialog, action),
        Dialog::Confirm { id, .. } => {
            let switch = power::is_asked_for(ui, *id);
            confirm(&mut dialog, (switch, scene.room.layer), action)
        }
        Dialog::Signal { .. } => signal(&mut dialog, action),
        Dialog::Container { .. } => match container(&mut dialog, action) {
            Chosen::Act(targets, act) => return containers::ask_for(ui, &targets, act),
            Chosen::Other(outcome) => outcome,
        },
        Dialog::Prune { .. } => prune(&mut dialog, scene.room.layer, action),
        // They lead to other dialogs, and have a file of their own.
        Dialog::Arm { .. } | Dialog::Power { .. } => stays(),
    };
    match outcome {
        Outcome::Stays(effects) => {
            ui.layers.push(Layer::Dialog(dialog));
            effects
        }
        Outcome::Says(text) => {
            ui.layers.push(Layer::Dialog(dialog));
            ui.say(Severity::Info, text, None);
            Vec::new()
        }
        Outcome::Done(effects) => {
            power::confirmed(ui, &dialog);
            effects
        }
        Outcome::Closes => {
            ui.layers.push(Layer::Dialog(dialog));
            close(ui, scene)
        }
    }
}

enum Outcome {
    /// It stays open.
    Stays(Vec<UiEffect>),
    /// It stays open and tells why.
    Says(&'static str),
    /// It is over.
    Done(Vec<UiEffect>),
    /// It is closed without an answer.
    Closes,
}

/// What came of the dialog that asks what to do with containers.
enum Chosen {
    /// This is to be done with these.
    Act(Vec<(ContainerRef, Arc<Container>)>, ContainerAct),
    /// Nothing yet, or nothing at all.
    Other(Outcome),
}

fn stays() -> Outcome {
    Outcome::Stays(Vec::new())
}

fn copies(what: &str, text: &str) -> Outcome {
    Outcome::Stays(vec![UiEffect::Copy(Copied {
        what: what.to_owned(),
        text: text.to_owned(),
    })])
}

/// Closing gives no answer: a confirmation is withdrawn, a question waits on.
pub(super) fn close(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.layers.pop() {
        Some(Layer::Dialog(Dialog::Confirm { id, .. })) => {
            ui.asked.retain(|(of, _)| *of != id);
            let text = match containers::give_up_queue(ui) {
                0 => "not done".to_owned(),
                more => format!("not done, nor the {more} that would have followed"),
            };
            ui.say(Severity::Info, text, None);
            vec![UiEffect::Ask(Command::Withdraw(id))]
        }
        Some(Layer::Dialog(Dialog::HostKeys { .. })) => {
            let ids = questions::host_keys(scene.fleet).map(|(id, _)| id);
            ui.set_aside.extend(ids);
            questions::remind(ui, scene);
            Vec::new()
        }
        Some(Layer::Dialog(Dialog::Prompts { question, .. })) => {
            ui.set_aside.push(question);
            questions::remind(ui, scene);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn host_keys(dialog: &mut Dialog, fleet: &Fleet, action: Action) -> Outcome {
    let Dialog::HostKeys {
        selected,
        marked,
        button,
    } = dialog
    else {
        return stays();
    };
    let ids: Vec<QuestionId> = questions::host_keys(fleet).map(|(id, _)| id).collect();
    let at = ids
        .iter()
        .position(|id| Some(*id) == *selected)
        .unwrap_or_default();
    match (action, *button) {
        (Action::NextPane, at) => *button = after(at),
        // A ring of three: the one before is the one after the one after.
        (Action::PreviousPane, at) => *button = after(after(at)),
        (Action::Mark, None) => {
            if let Some(id) = ids.get(at) {
                toggle(marked, *id);
            }
        }
        (Action::Open, Some(Button::Yes)) if marked.is_empty() => {
            return Outcome::Says("no key is marked: Space marks the ones to trust");
        }
        (Action::Open, Some(Button::Yes)) => return trust(marked, &ids),
        (Action::Open, Some(Button::No)) => return answer_all(&ids, &Answer::Refuse),
        (Action::Open, None) => {
            return Outcome::Says("Space marks a key, Tab goes to the buttons");
        }
        (Action::Back, _) => return Outcome::Closes,
        (Action::Copy, _) => {
            let text = ids
                .get(at)
                .and_then(|id| questions::host_keys(fleet).find(|(of, _)| of == id))
                .map(|(_, facts)| {
                    format!(
                        "{} {} {}",
                        facts.endpoint, facts.algorithm, facts.fingerprint
                    )
                });
            return copies("the fingerprint", &text.unwrap_or_default());
        }
        (action, None) => {
            if let Some(id) = moved(action, at, ids.len(), 10).and_then(|to| ids.get(to)) {
                *selected = Some(*id);
            }
        }
        _ => {}
    }
    stays()
}

/// The list, No, Yes, and round again.
fn after(button: Option<Button>) -> Option<Button> {
    match button {
        None => Some(Button::No),
        Some(Button::No) => Some(Button::Yes),
        Some(Button::Yes) => None,
    }
}

fn toggle(marked: &mut Vec<QuestionId>, id: QuestionId) {
    match marked.iter().position(|of| *of == id) {
        Some(at) => {
            marked.remove(at);
        }
        None => marked.push(id),
    }
}

/// Trusts what is marked and still asked; the dialog stays while other keys are left.
fn trust(marked: &mut Vec<QuestionId>, ids: &[QuestionId]) -> Outcome {
    let trusted: Vec<QuestionId> = ids
        .iter()
        .copied()
        .filter(|id| marked.contains(id))
        .collect();
    marked.clear();
    match answer_all(&trusted, &Answer::Trust) {
        Outcome::Done(effects) if trusted.len() < ids.len() => Outcome::Stays(effects),
        outcome => outcome,
    }
}

fn answer_all(ids: &[QuestionId], answer: &Answer) -> Outcome {
    let effects = ids.iter().map(|id| {
        UiEffect::Ask(Command::Answer {
            question: *id,
            answer: answer.clone(),
        })
    });
    Outcome::Done(effects.collect())
}

/// Enter goes from field to field and hands in at the last.
fn prompts(dialog: &mut Dialog, action: Action) -> Outcome {
    let Dialog::Prompts {
        question,
        fields,
        focused,
    } = dialog
    else {
        return stays();
    };
    let last = fields.len().saturating_sub(1);
    match action {
        Action::Submit if *focused >= last => {
            let texts = fields.iter().map(|field| Secret::new(field.text.clone()));
            return Outcome::Done(vec![UiEffect::Ask(Command::Answer {
                question: *question,
                answer: Answer::Texts(texts.collect()),
            })]);
        }
        Action::Submit | Action::Complete | Action::Next => *focused = (*focused + 1).min(last),
        Action::CompleteBack | Action::Previous => *focused = focused.saturating_sub(1),
        _ => {}
    }
    for (at, field) in fields.iter_mut().enumerate() {
        field.active = at == *focused;
    }
    stays()
}

fn confirm(dialog: &mut Dialog, (switch, room): (bool, usize), action: Action) -> Outcome {
    let Dialog::Confirm {
        id,
        challenge,
        plan,
        button,
        typed,
        full,
        scroll,
        ..
    } = dialog
    else {
        return stays();
    };
    let has_field = matches!(challenge, Challenge::TypeName(_));
    match action {
        Action::NextPane | Action::Complete | Action::Submit => {
            step(button, typed, has_field, 1);
        }
        Action::PreviousPane | Action::CompleteBack => step(button, typed, has_field, -1),
        Action::FullCommand => *full = !*full,
        Action::Copy => return copies("the command", &plan.command),
        Action::Back => return Outcome::Closes,
        Action::Open if *button == Button::No => return Outcome::Closes,
        Action::Open => match challenge {
            Challenge::TypeName(name) if !is_right(name, &typed.text, switch) => {
                return Outcome::Says("the name does not match");
            }
            challenge => {
                let answer = match challenge {
                    Challenge::TypeName(_) => typed.text.clone(),
                    Challenge::YesNo => "yes".to_owned(),
                };
                return Outcome::Done(vec![UiEffect::Ask(Command::Confirm { id: *id, answer })]);
            }
        },
        action => *scroll = moved(action, *scroll, usize::MAX, room).unwrap_or(*scroll),
    }
    stays()
}

/// The name letter by letter; for the power switch, words with two dashes may follow it.
fn is_right(name: &str, typed: &str, switch: bool) -> bool {
    typed.strip_prefix(name).is_some_and(|rest| {
        rest.is_empty() || switch && rest.starts_with(" --") && !rest.ends_with(' ')
    })
}

/// No, Yes, the field where there is one, and round again.
fn step(button: &mut Button, typed: &mut LineEdit, has_field: bool, by: i8) {
    let at: i8 = match (typed.active, *button) {
        (true, _) => 2,
        (false, Button::No) => 0,
        (false, Button::Yes) => 1,
    };
    let places = if has_field { 3 } else { 2 };
    let to = (at + by).rem_euclid(places);
    *button = if to == 1 { Button::Yes } else { Button::No };
    typed.active = to == 2;
}

fn container(dialog: &mut Dialog, action: Action) -> Chosen {
    let Dialog::Container {
        targets,
        acts,
        selected,
    } = dialog
    else {
        return Chosen::Other(stays());
    };
    match (action, acts.get(*selected)) {
        (Action::Open, Some(act)) => Chosen::Act(std::mem::take(targets), *act),
        (Action::Back, _) => Chosen::Other(Outcome::Done(Vec::new())),
        (action, _) => {
            let to = moved(action, *selected, acts.len(), acts.len());
            *selected = to.unwrap_or(*selected);
            Chosen::Other(stays())
        }
    }
}

/// The preview changes nothing: going on leads to the engine's own question.
fn prune(dialog: &mut Dialog, room: usize, action: Action) -> Outcome {
    let Dialog::Prune {
        host,
        preview,
        scroll,
        button,
    } = dialog
    else {
        return stays();
    };
    match (action, *button) {
        (Action::NextPane | Action::PreviousPane, Button::No) => *button = Button::Yes,
        (Action::NextPane | Action::PreviousPane, Button::Yes) => *button = Button::No,
        (Action::Open, Button::Yes) => {
            let host = host.clone();
            let agreed = std::mem::take(preview);
            return Outcome::Done(vec![UiEffect::Ask(Command::Prune { host, agreed })]);
        }
        (Action::Open, Button::No) | (Action::Back, _) => return Outcome::Done(Vec::new()),
        (action, _) => *scroll = moved(action, *scroll, usize::MAX, room).unwrap_or(*scroll),
    }
    stays()
}

fn signal(dialog: &mut Dialog, action: Action) -> Outcome {
    let Dialog::Signal {
        host,
        pid,
        started,
        selected,
        ..
    } = dialog
    else {
        return stays();
    };
    match action {
        Action::Open => {
            let Some(signal) = Dialog::SIGNALS.get(*selected) else {
                return stays();
            };
            // The engine asks for a confirmation before anything is sent.
            return Outcome::Done(vec![UiEffect::Ask(Command::Signal {
                host: host.clone(),
                pid: *pid,
                started: *started,
                signal: *signal,
            })]);
        }
        Action::Back => return Outcome::Done(Vec::new()),
        action => {
            let to = moved(
                action,
                *selected,
                Dialog::SIGNALS.len(),
                Dialog::SIGNALS.len(),
            );
            *selected = to.unwrap_or(*selected);
        }
    }
    stays()
}
