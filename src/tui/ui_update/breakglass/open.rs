//! Opening the pane, giving the keys to others, leaving it. A conversation is asked for when the pane first opens.

use crate::domain::{HostId, Severity};
use crate::engine::{AssistantCommand, Command};
use crate::tui::panes;
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{Known, Part, Shown, Stop, TalkState, TalkView, Unsent};
use crate::tui::ui_update::body;
use crate::tui::ui_update::effect::{Scene, UiEffect};

fn ask(command: AssistantCommand) -> UiEffect {
    UiEffect::Ask(Command::Assistant(command))
}

/// `b`: opens the pane, gives it the keys, or leaves it.
pub(super) fn toggle(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.breakglass.shown {
        Shown::Hidden | Shown::Aside => show(ui, scene),
        Shown::Focused => {
            leave(ui);
            Vec::new()
        }
    }
}

/// Brings the pane to the front, with the keys in the draft.
pub(super) fn show(ui: &mut Ui, _scene: Scene<'_>) -> Vec<UiEffect> {
    let focus = ui.focus;
    body::set_focus(ui, focus);
    let pane = &mut ui.breakglass;
    if pane.shown == Shown::Hidden {
        pane.part = Part::Composer;
    }
    pane.shown = Shown::Focused;
    let mut effects = Vec::new();
    if matches!(pane.state, TalkState::None | TalkState::Refused(_)) {
        pane.state = TalkState::Opening;
        effects.push(ask(AssistantCommand::Open));
    }
    if matches!(pane.runbooks, Known::Unasked | Known::Failed(_)) {
        pane.runbooks = Known::Asked;
        effects.push(ask(AssistantCommand::Runbooks));
    }
    if !matches!(pane.check, Known::Is(_) | Known::Asked) {
        effects.extend(check(ui));
    }
    effects
}

/// Asks whether Claude can be had.
pub(super) fn check(ui: &mut Ui) -> Vec<UiEffect> {
    ui.breakglass.check = Known::Asked;
    vec![ask(AssistantCommand::Check)]
}

/// Leaves the pane. The draft stays, and what goes on goes on.
pub(super) fn leave(ui: &mut Ui) {
    ui.breakglass.shown = Shown::Hidden;
    ui.breakglass.search.active = false;
}

/// Gives the keys to what is beside the pane; where nothing is, the pane goes.
pub(super) fn step_aside(ui: &mut Ui) {
    let beside = panes::talk_columns(ui.size.0, ui.breakglass.full).is_some();
    ui.breakglass.shown = if beside { Shown::Aside } else { Shown::Hidden };
    ui.breakglass.search.active = false;
}

/// A new conversation in the place of the present one, which stays in the list.
pub(super) fn anew(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if ui.breakglass.session().is_some() && ui.breakglass.transcript.entries.is_empty() {
        ui.say(Severity::Info, "this conversation is new", None);
        return show(ui, scene);
    }
    change(ui, scene, AssistantCommand::Open)
}

/// Another conversation in the place of the present one.
pub(super) fn change(ui: &mut Ui, scene: Scene<'_>, to: AssistantCommand) -> Vec<UiEffect> {
    forget_place(ui);
    ui.breakglass.state = TalkState::Opening;
    let mut effects = vec![ask(to), UiEffect::Watch(None)];
    effects.extend(show(ui, scene));
    effects
}

/// Nothing of the conversation before is under the cursor of the next.
pub(super) fn forget_place(ui: &mut Ui) {
    let pane = &mut ui.breakglass;
    pane.transcript = std::sync::Arc::default();
    pane.stop = None;
    pane.view = TalkView::Top;
    pane.unfolded.clear();
    pane.part = Part::Composer;
}

/// Brings the pane to the front and runs a runbook in it; without a name, shows which there are.
pub(in crate::tui::ui_update) fn runbook(
    ui: &mut Ui,
    scene: Scene<'_>,
    host: HostId,
    name: Option<String>,
) -> Vec<UiEffect> {
    ui.selected = Some(host.clone());
    let mut effects = show(ui, scene);
    if let Some(name) = name {
        effects.extend(send(ui, scene, Unsent::Runbook(host, name)));
    }
    effects
}

/// Sends a question or starts a runbook; where there is no conversation yet, as soon as there is.
pub(super) fn send(ui: &mut Ui, scene: Scene<'_>, unsent: Unsent) -> Vec<UiEffect> {
    ui.breakglass.view = TalkView::Bottom;
    if matches!(ui.breakglass.stop, Some(Stop::Offer(_))) {
        ui.breakglass.stop = None;
        ui.breakglass.part = Part::Composer;
    }
    let Some(session) = ui.breakglass.session() else {
        ui.breakglass.unsent = Some(unsent);
        return show(ui, scene);
    };
    vec![ask(match unsent {
        Unsent::Say(text) => AssistantCommand::Say { session, text },
        Unsent::Runbook(host, name) => AssistantCommand::Runbook {
            session,
            host,
            name,
        },
    })]
}
