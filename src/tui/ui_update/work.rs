//! Acts on the dialogs about models and services. None of them changes anything by itself: the engine's own question follows.

use super::effect::{Copied, Scene, UiEffect};
use super::fit::moved;
use super::models;
use super::services;
use crate::domain::Severity;
use crate::engine::{Command, ModelsCommand, SwapOrder};
use crate::tui::action::{Action, Place};
use crate::tui::model_check_lines;
use crate::tui::model_forms::{self, Wrong};
use crate::tui::service_rows;
use crate::tui::service_words;
use crate::tui::ui::{Layer, LineEdit, Ui};
use crate::tui::ui_tables::Awaited;
use crate::tui::ui_work::{ChooseUi, FormUi, SwapStop, SwapUi, Then, WorkLayer};
use crate::tui::widgets::clock;

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    // The dialog is taken out, changed, and put back unless it is done.
    let Some(Layer::Work(mut layer)) = ui.layers.pop() else {
        return Vec::new();
    };
    let outcome = match &mut layer {
        WorkLayer::Swap(swap) => of_swap(swap, ui, scene, action),
        WorkLayer::Choose(choose) => of_choice(choose, action),
        WorkLayer::Form(form) => of_form(form, scene, action),
        WorkLayer::Service { of, scroll } => {
            if action == Action::Open {
                let of = of.clone();
                // The acts take its place: what the engine asks then has nothing in its way.
                return services::acts(ui, scene, &of);
            }
            let events = service_rows::find(scene.fleet, of).map_or(0, |s| s.events.len());
            match action {
                Action::Back => Outcome::Done(Vec::new()),
                Action::Copy => Outcome::Stays(past_text(ui, scene, of)),
                action => {
                    let to = moved(action, *scroll, events, scene.room.layer);
                    *scroll = to.unwrap_or(*scroll);
                    Outcome::Stays(Vec::new())
                }
            }
        }
    };
    match outcome {
        Outcome::Stays(effects) => {
            let effects = put_back(ui, layer, effects);
            [effects, models::check_if_due(ui, scene)].concat()
        }
        Outcome::Done(effects) => effects,
        Outcome::Leads(form) => {
            ui.layers.push(Layer::Work(WorkLayer::Form(form)));
            Vec::new()
        }
        Outcome::Wrong(wrong) => {
            if let WorkLayer::Form(form) = &mut layer {
                form.focus(wrong.field);
            }
            ui.say(Severity::Error, wrong.what, wrong.hint);
            put_back(ui, layer, Vec::new())
        }
    }
}

fn put_back(ui: &mut Ui, layer: WorkLayer, effects: Vec<UiEffect>) -> Vec<UiEffect> {
    ui.layers.push(Layer::Work(layer));
    effects
}

enum Outcome {
    /// It stays open.
    Stays(Vec<UiEffect>),
    /// It is over.
    Done(Vec<UiEffect>),
    /// A form takes its place.
    Leads(FormUi),
    /// It stays open and tells what is wrong.
    Wrong(Wrong),
}

fn of_swap(swap: &mut SwapUi, ui: &mut Ui, scene: Scene<'_>, action: Action) -> Outcome {
    match (action, swap.stop) {
        (Action::NextPane, at) => swap.stop = after(at, 1),
        (Action::PreviousPane, at) => swap.stop = after(at, SwapStop::ALL.len() - 1),
        (Action::Mark | Action::Open, SwapStop::Force) => swap.force = !swap.force,
        (Action::Mark, _) | (Action::Open, SwapStop::Place) => {
            swap.place = (swap.place + 1).checked_rem(swap.places.len()).unwrap_or(0);
            swap.scroll = 0;
        }
        (Action::Open, SwapStop::No) | (Action::Back, _) => return Outcome::Done(Vec::new()),
        (Action::Open, SwapStop::Yes) => return go(swap, ui, scene),
        (Action::Copy, _) => {
            let found = swap
                .place()
                .and_then(|place| model_check_lines::of(ui, &swap.model, place));
            let command = found.and_then(|check| match &check.found {
                Awaited::Got((_, preflight)) => Some(preflight.command.clone()),
                _ => None,
            });
            let what = format!("the launch command of {}", swap.model);
            let copied = command.map(|text| UiEffect::Copy(Copied { what, text }));
            return Outcome::Stays(copied.into_iter().collect());
        }
        (action, _) => {
            let to = moved(action, swap.scroll, usize::MAX, scene.room.layer);
            swap.scroll = to.unwrap_or(swap.scroll);
        }
    }
    Outcome::Stays(Vec::new())
}

fn after(stop: SwapStop, by: usize) -> SwapStop {
    let all = SwapStop::ALL;
    let at = all.iter().position(|of| *of == stop).unwrap_or(0);
    all.get((at + by) % all.len()).copied().unwrap_or_default()
}

/// To the engine's question. What is known not to work is not asked for, unless it is forced.
fn go(swap: &SwapUi, ui: &Ui, scene: Scene<'_>) -> Outcome {
    let Some(place) = swap.place().cloned() else {
        return Outcome::Stays(Vec::new());
    };
    let check = model_check_lines::of(ui, &swap.model, &place);
    let stands = check.is_some_and(|check| match &check.found {
        Awaited::Got((_, preflight)) => !preflight.passes(),
        _ => false,
    });
    if stands && !swap.force {
        let key = |action| scene.keymap.label_at(Place::Dialog, action);
        let (goes, ticks) = (key(Action::NextPane), key(Action::Mark));
        return Outcome::Wrong(Wrong {
            field: 0,
            what: "a check says that it will not work".into(),
            hint: Some(format!(
                "mend what is marked ✗, or tick `force`: {goes} until it is there, then {ticks}"
            )),
        });
    }
    let order = SwapOrder {
        model: swap.model.clone(),
        place,
        force: swap.force,
        token: None,
    };
    let command = Command::Models(ModelsCommand::Swap(order));
    Outcome::Done(vec![UiEffect::Ask(command)])
}

fn of_choice(choose: &mut ChooseUi, action: Action) -> Outcome {
    match (action, choose.rows.get(choose.selected)) {
        (Action::Open, Some(choice)) => match &choice.then {
            Then::Ask(command) => Outcome::Done(vec![UiEffect::Ask(command.clone())]),
            Then::Form(form) => Outcome::Leads(form.clone()),
        },
        (Action::Back, _) => Outcome::Done(Vec::new()),
        (action, _) => {
            let length = choose.rows.len();
            let to = moved(action, choose.selected, length, length);
            choose.selected = to.unwrap_or(choose.selected);
            Outcome::Stays(Vec::new())
        }
    }
}

/// Enter goes from field to field and hands in at the last; Tab completes, then goes on.
fn of_form(form: &mut FormUi, scene: Scene<'_>, action: Action) -> Outcome {
    let last = form.fields.len().saturating_sub(1);
    match action {
        Action::Submit if form.focused >= last => {
            return match model_forms::command(form, scene.fleet) {
                Ok(command) => Outcome::Done(vec![UiEffect::Ask(command)]),
                Err(wrong) => Outcome::Wrong(wrong),
            };
        }
        Action::Complete if complete(form) => {}
        Action::Submit | Action::Complete | Action::Next => form.focus(form.focused + 1),
        Action::CompleteBack | Action::Previous => form.focus(form.focused.saturating_sub(1)),
        _ => {}
    }
    Outcome::Stays(Vec::new())
}

/// Completes the field to the first offer that it begins. False where there is nothing to complete.
fn complete(form: &mut FormUi) -> bool {
    let Some(field) = form.fields.get_mut(form.focused) else {
        return false;
    };
    let typed = field.line.text.to_lowercase();
    let exact = field.offers.contains(&field.line.text);
    let offer = field.offers.iter().find(|offer| {
        let offer = offer.to_lowercase();
        offer.starts_with(&typed) || !typed.is_empty() && offer.contains(&typed)
    });
    match offer {
        Some(offer) if !exact && !typed.is_empty() => {
            let text = offer.clone();
            field.line = LineEdit {
                cursor: text.len(),
                text,
                active: true,
            };
            true
        }
        _ => false,
    }
}

/// The line of a form that keys go into.
pub(super) fn typed_line(layer: &mut WorkLayer) -> Option<&mut LineEdit> {
    match layer {
        WorkLayer::Form(form) => {
            let field = form.fields.get_mut(form.focused);
            field.map(|field| &mut field.line)
        }
        _ => None,
    }
}

/// The past of a service, as a text to copy.
fn past_text(ui: &Ui, scene: Scene<'_>, of: &crate::tui::ui_models::ServiceRef) -> Vec<UiEffect> {
    let Some(service) = service_rows::find(scene.fleet, of) else {
        return Vec::new();
    };
    let line = |event: &crate::engine::ServiceEvent| {
        let at = clock(event.wall, &ui.zone);
        format!("{at} {}", service_words::event_words(event))
    };
    let lines: Vec<String> = service.events.iter().map(line).collect();
    vec![UiEffect::Copy(Copied {
        what: format!("the past of {} on {}", of.name, of.host),
        text: lines.join("\n"),
    })]
}
