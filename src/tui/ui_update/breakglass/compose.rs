//! The draft: typing, pasting, sending, taking back what waits.

use super::open;
use crate::domain::Severity;
use crate::engine::{AssistantCommand, Command};
use crate::tui::action::Action;
use crate::tui::talk::{Inserted, LONGEST_DRAFT};
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{Part, Unsent};
use crate::tui::ui_update::effect::{Scene, UiEffect};

/// A character that was typed.
pub(in crate::tui::ui_update) fn typed(ui: &mut Ui, c: char) {
    let inserted = ui.breakglass.composer.insert(c.encode_utf8(&mut [0; 4]));
    told(ui, inserted);
}

/// A paste, where the pane has the keys; false: it is for somebody else.
pub(in crate::tui::ui_update) fn paste(ui: &mut Ui, text: &str) -> bool {
    let takes = ui.breakglass.has_keys() && ui.layers.is_empty() && !ui.breakglass.search.active;
    if !takes || ui.breakglass.part != Part::Composer {
        return false;
    }
    let inserted = ui.breakglass.composer.insert(text);
    told(ui, inserted);
    true
}

/// What does not fit is told, never dropped in silence.
pub(super) fn told(ui: &mut Ui, inserted: Inserted) {
    if let Inserted::Cut(cut) = inserted {
        let most = LONGEST_DRAFT / 1000;
        let text = format!("a question holds {most} kB: {cut} bytes were left out");
        let hint = "point Claude to the file or log instead".to_owned();
        ui.say(Severity::Warning, text, Some(hint));
    }
}

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    if action == Action::Submit {
        return send(ui, scene);
    }
    ui.breakglass.composer.edit(action);
    Vec::new()
}

fn send(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if ui.breakglass.composer.is_blank() {
        let text = "nothing to ask yet; Tab goes to what can be done without asking";
        ui.say(Severity::Info, text, None);
        return Vec::new();
    }
    if let Some(elsewhere) = &ui.breakglass.transcript.elsewhere {
        let text = format!("this conversation is only watched: {elsewhere}");
        let key = scene.keymap.label(Action::NewConversation);
        let hint = format!("Tab, then {key}, begins a new one; the draft stays");
        ui.say(Severity::Warning, text, Some(hint));
        return Vec::new();
    }
    let text = ui.breakglass.composer.take();
    open::send(ui, scene, Unsent::Say(text))
}

/// Takes back the questions that wait; into the draft, where that is empty.
pub(super) fn take_back(ui: &mut Ui) -> Vec<UiEffect> {
    let pane = &mut ui.breakglass;
    let Some(session) = pane
        .session()
        .filter(|_| !pane.transcript.queued.is_empty())
    else {
        ui.say(Severity::Info, "no question waits for its turn", None);
        return Vec::new();
    };
    let many = pane.transcript.queued.len();
    if pane.composer.is_blank() {
        let text = pane.composer.last(many).unwrap_or_else(|| {
            let queued = pane.transcript.queued.iter();
            queued
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        });
        pane.composer.set(&text);
        ui.say(Severity::Info, "taken back into the draft", None);
    } else {
        ui.say(
            Severity::Info,
            "taken back; ↑ at the top of the draft brings it back",
            None,
        );
    }
    vec![UiEffect::Ask(Command::Assistant(
        AssistantCommand::Unqueue(session),
    ))]
}
