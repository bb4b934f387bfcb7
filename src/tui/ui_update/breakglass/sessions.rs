//! The list of conversations: going on with one, beginning a new one, striking one off.

use super::open;
use crate::domain::SessionId;
use crate::engine::{AssistantCommand, Command, Refusal, Reply, SessionSummary};
use crate::tui::action::Action;
use crate::tui::ui::{Button, Layer, Ui};
use crate::tui::ui_breakglass::{Known, SessionsUi};
use crate::tui::ui_update::effect::{Scene, UiEffect};
use crate::tui::ui_update::fit::moved;

/// Opens the list.
pub(super) fn list(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let mut effects = open::show(ui, scene);
    ui.layers.push(Layer::Sessions(SessionsUi {
        sessions: Known::Asked,
        ..SessionsUi::default()
    }));
    effects.push(ask());
    effects
}

fn ask() -> UiEffect {
    UiEffect::Ask(Command::Assistant(AssistantCommand::Sessions))
}

/// Takes the list.
pub(super) fn listed(ui: &mut Ui, reply: &Reply) {
    let Some(layer) = layer(ui) else {
        return;
    };
    layer.sessions = match reply {
        Reply::Sessions(sessions) => Known::Is(sessions.clone()),
        Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => {
            Known::Failed(refusal.clone())
        }
        _ => Known::Failed(Refusal {
            why: "the list of conversations did not come".to_owned(),
            hint: None,
        }),
    };
    let last = rows(layer).len();
    layer.selected = layer.selected.min(last);
}

fn layer(ui: &mut Ui) -> Option<&mut SessionsUi> {
    ui.layers.iter_mut().find_map(|layer| match layer {
        Layer::Sessions(sessions) => Some(sessions),
        _ => None,
    })
}

fn rows(layer: &SessionsUi) -> &[SessionSummary] {
    match &layer.sessions {
        Known::Is(sessions) => sessions,
        _ => &[],
    }
}

/// The list without the one that was struck off.
pub(super) fn forgotten(ui: &mut Ui, id: SessionId) -> Vec<UiEffect> {
    if ui.breakglass.session() == Some(id) {
        open::forget_place(ui);
        ui.breakglass.state = crate::tui::ui_breakglass::TalkState::None;
    }
    match layer(ui) {
        Some(_) => vec![ask()],
        None => Vec::new(),
    }
}

/// Acts on the list.
pub(in crate::tui::ui_update) fn act(
    ui: &mut Ui,
    scene: Scene<'_>,
    action: Action,
) -> Vec<UiEffect> {
    let Some(Layer::Sessions(list)) = ui.layers.last_mut() else {
        return Vec::new();
    };
    if list.forgetting.is_some() {
        return asked(ui, action);
    }
    let count = rows(list).len();
    // The first row begins a new one.
    if let Some(to) = moved(action, list.selected, count + 1, scene.room.layer) {
        list.selected = to;
        return Vec::new();
    }
    let chosen = list
        .selected
        .checked_sub(1)
        .and_then(|at| rows(list).get(at))
        .map(|of| of.session);
    match (action, chosen) {
        (Action::Open, None) => {
            ui.layers.pop();
            open::anew(ui, scene)
        }
        (Action::Open, Some(id)) => {
            ui.layers.pop();
            if ui.breakglass.session() == Some(id) {
                return open::show(ui, scene);
            }
            open::change(ui, scene, AssistantCommand::Resume(id))
        }
        (Action::Forget, Some(id)) => {
            list.forgetting = Some((id, Button::No));
            Vec::new()
        }
        (Action::Back, _) => {
            ui.layers.pop();
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The question before one is struck off: the focus is on No.
fn asked(ui: &mut Ui, action: Action) -> Vec<UiEffect> {
    let Some(Layer::Sessions(list)) = ui.layers.last_mut() else {
        return Vec::new();
    };
    let Some((id, button)) = list.forgetting else {
        return Vec::new();
    };
    match (action, button) {
        (Action::NextPane | Action::PreviousPane, _) => {
            let other = match button {
                Button::No => Button::Yes,
                Button::Yes => Button::No,
            };
            list.forgetting = Some((id, other));
        }
        (Action::Open, Button::Yes) => {
            list.forgetting = None;
            let forget = AssistantCommand::Forget(id);
            return vec![UiEffect::Ask(Command::Assistant(forget))];
        }
        (Action::Open | Action::Back, _) => list.forgetting = None,
        _ => {}
    }
    Vec::new()
}
