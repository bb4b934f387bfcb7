//! Which part of the pane an act is for, and what means the same in all of them.

use super::{about, card, compose, open, sessions, transcript};
use crate::domain::{HostId, Severity};
use crate::engine::{AssistantCommand, Command};
use crate::tui::action::Action;
use crate::tui::power_words::can_be_called_off;
use crate::tui::ui::{LineEdit, Ui};
use crate::tui::ui_breakglass::{CardStop, Part};
use crate::tui::ui_update::effect::{Scene, UiEffect};
use crate::tui::ui_update::power;

/// Does an act of the pane, or one that leads to it; `None`: it is for somebody else.
pub(in crate::tui::ui_update) fn act(
    ui: &mut Ui,
    scene: Scene<'_>,
    action: Action,
) -> Option<Vec<UiEffect>> {
    match action {
        Action::Breakglass => return Some(open::toggle(ui, scene)),
        Action::AskAbout => return Some(about::ask(ui, scene)),
        Action::Conversations => return Some(sessions::list(ui, scene)),
        Action::NewConversation => return Some(open::anew(ui, scene)),
        _ => {}
    }
    if !ui.breakglass.has_keys() {
        return None;
    }
    if leads_away(action) {
        open::step_aside(ui);
        return None;
    }
    if action == Action::Arm && card::arm(ui, scene) {
        return Some(Vec::new());
    }
    if ui.breakglass.search.active {
        if matches!(action, Action::Submit | Action::Complete) {
            ui.breakglass.search.active = false;
            transcript::show_hit(ui, scene);
        }
        return Some(Vec::new());
    }
    match action {
        Action::NextPane | Action::Complete => turn(ui, scene, true),
        Action::PreviousPane | Action::CompleteBack => turn(ui, scene, false),
        Action::Zoom => ui.breakglass.full = !ui.breakglass.full,
        Action::Back => open::leave(ui),
        Action::TakeBack => return Some(compose::take_back(ui)),
        Action::Stop => return Some(stop(ui)),
        action => {
            return match ui.breakglass.part {
                Part::Transcript => transcript::act(ui, scene, action),
                Part::Composer => Some(compose::act(ui, scene, action)),
                Part::Card => card::act(ui, scene, action),
            };
        }
    }
    Some(Vec::new())
}

/// Acts that show something else: the pane gives the keys away, and the screen where it has all of it.
fn leads_away(action: Action) -> bool {
    matches!(
        action,
        Action::Hosts
            | Action::Models
            | Action::Containers
            | Action::Services
            | Action::Logs
            | Action::Actions
            | Action::LastPlace
    )
}

/// From the draft to the proposal, to the conversation, and round.
fn turn(ui: &mut Ui, scene: Scene<'_>, on: bool) {
    if card::turn(ui, on) {
        return;
    }
    let has_card = card::shown(ui, scene).is_some();
    let pane = &mut ui.breakglass;
    pane.part = match (pane.part, on) {
        (Part::Composer, true) | (Part::Transcript, false) if has_card => {
            pane.card.stop = if on { CardStop::Word } else { CardStop::Refuse };
            Part::Card
        }
        (Part::Composer, _) | (Part::Card, true) => Part::Transcript,
        (Part::Transcript, _) | (Part::Card, false) => Part::Composer,
    };
    if pane.part == Part::Transcript && pane.transcript.entries.is_empty() && pane.stop.is_none() {
        transcript::first_offer(ui, scene);
    }
}

/// Esc: the search, the field, the questions that wait, in the end the pane. What goes on in it goes on.
pub(in crate::tui::ui_update) fn close(ui: &mut Ui) -> Vec<UiEffect> {
    let pane = &mut ui.breakglass;
    if pane.search.active || !pane.search.text.is_empty() {
        pane.search = LineEdit::default();
    } else if pane.part == Part::Card {
        pane.card.word = LineEdit::default();
        pane.card.reason = LineEdit::default();
        pane.part = Part::Composer;
    } else if !pane.transcript.queued.is_empty() {
        return compose::take_back(ui);
    } else {
        open::leave(ui);
    }
    Vec::new()
}

/// Ctrl-C in the pane stops Claude, or puts the draft away; `None`: there is neither.
pub(in crate::tui::ui_update) fn interrupt(ui: &mut Ui, scene: Scene<'_>) -> Option<Vec<UiEffect>> {
    if !ui.breakglass.has_keys() || !ui.layers.is_empty() {
        return None;
    }
    if let Some(host) = called_off(ui) {
        return Some(power::abort(ui, host));
    }
    if ui.breakglass.is_at_work() {
        let effects = stop(ui);
        let key = scene.keymap.label(Action::Interrupt);
        let text = format!("stopping Claude; {key} again quits; the conversation stays");
        ui.say(Severity::Info, text, None);
        return Some(effects);
    }
    if ui.breakglass.part == Part::Composer && !ui.breakglass.composer.is_blank() {
        ui.breakglass.composer.take();
        let key = scene.keymap.label(Action::Interrupt);
        let back = scene.keymap.label(Action::Previous);
        let text = format!("the draft is put away, {back} brings it back; {key} again quits");
        ui.say(Severity::Info, text, None);
        return Some(Vec::new());
    }
    None
}

/// The host whose approved power act can still be called off: that comes before Claude, who only waits for its end.
fn called_off(ui: &Ui) -> Option<HostId> {
    let act = ui.switched().filter(|act| can_be_called_off(act))?;
    Some(act.host.clone())
}

fn stop(ui: &mut Ui) -> Vec<UiEffect> {
    if let Some(host) = called_off(ui) {
        return power::abort(ui, host);
    }
    let Some(session) = ui.breakglass.session() else {
        return Vec::new();
    };
    if !ui.breakglass.is_at_work() {
        ui.say(Severity::Info, "Claude is not at work", None);
        return Vec::new();
    }
    let text = "stopping Claude: the conversation stays, and nothing on a host is undone";
    ui.say(Severity::Info, text, None);
    vec![UiEffect::Ask(Command::Assistant(
        AssistantCommand::Interrupt(session),
    ))]
}

/// The one-line field of the pane that keys go into.
pub(in crate::tui::ui_update) fn typed_line(ui: &mut Ui) -> Option<&mut LineEdit> {
    let pane = &mut ui.breakglass;
    if !pane.has_keys() || pane.part != Part::Card || pane.search.active {
        return None;
    }
    match pane.card.stop {
        CardStop::Word => Some(&mut pane.card.word),
        CardStop::Refuse => Some(&mut pane.card.reason),
        CardStop::Evidence(_) => None,
    }
}
