//! What the engine answers to the pane, and newer pictures of the conversation.

use std::sync::Arc;

use super::{open, sessions};
use crate::domain::SessionId;
use crate::engine::{AssistantCommand, Command, Refusal, Reply, Transcript};
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{Known, TalkState, Unsent};
use crate::tui::ui_update::effect::UiEffect;

/// Takes the answer to a command of the pane; `None`: it is told like any other.
pub(in crate::tui::ui_update) fn reply(
    ui: &mut Ui,
    command: &Command,
    reply: &Reply,
) -> Option<Vec<UiEffect>> {
    let Command::Assistant(command) = command else {
        return None;
    };
    let refused = refusal(reply);
    match (command, reply) {
        (AssistantCommand::Open | AssistantCommand::Resume(_), Reply::Session(id)) => {
            return Some(opened(ui, *id));
        }
        (AssistantCommand::Open | AssistantCommand::Resume(_), _) => {
            ui.breakglass.state = TalkState::Refused(refused?.clone());
            give_back(ui);
        }
        (AssistantCommand::Check, Reply::Assistant(check)) => {
            ui.breakglass.check = Known::Is(check.clone());
        }
        (AssistantCommand::Check, _) => {
            ui.breakglass.check = Known::Failed(refused?.clone());
        }
        (AssistantCommand::Runbooks, Reply::Runbooks(runbooks)) => {
            ui.breakglass.runbooks = Known::Is(runbooks.clone());
        }
        (AssistantCommand::Runbooks, _) => {
            ui.breakglass.runbooks = Known::Failed(refused?.clone());
        }
        (AssistantCommand::Sessions, answer) => sessions::listed(ui, answer),
        (AssistantCommand::Forget(id), Reply::Done) => return Some(sessions::forgotten(ui, *id)),
        (AssistantCommand::Say { text, .. }, _) => {
            // A question that nobody took is not lost.
            if refused.is_some() && ui.breakglass.composer.is_blank() {
                ui.breakglass.composer.set(text);
            }
            refused.is_none().then_some(())?;
        }
        _ => {
            refused.is_none().then_some(())?;
        }
    }
    Some(Vec::new())
}

fn refusal(reply: &Reply) -> Option<&Refusal> {
    match reply {
        Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => Some(refusal),
        _ => None,
    }
}

fn opened(ui: &mut Ui, id: SessionId) -> Vec<UiEffect> {
    ui.breakglass.state = TalkState::Open(id);
    let mut effects = vec![UiEffect::Watch(Some(id))];
    if let Some(unsent) = ui.breakglass.unsent.take() {
        let ask = match unsent {
            Unsent::Say(text) => AssistantCommand::Say { session: id, text },
            Unsent::Runbook(host, name) => AssistantCommand::Runbook {
                session: id,
                host,
                name,
            },
        };
        effects.push(UiEffect::Ask(Command::Assistant(ask)));
    }
    effects
}

/// What could not be asked goes back into the draft.
fn give_back(ui: &mut Ui) {
    if let Some(Unsent::Say(text)) = ui.breakglass.unsent.take()
        && ui.breakglass.composer.is_blank()
    {
        ui.breakglass.composer.set(&text);
    }
}

/// Takes a newer picture of the conversation; one of another is not looked at any more.
pub(in crate::tui::ui_update) fn pictured(ui: &mut Ui, picture: Arc<Transcript>) {
    if ui.breakglass.session().is_some() {
        ui.breakglass.transcript = picture;
    } else {
        open::forget_place(ui);
    }
}
