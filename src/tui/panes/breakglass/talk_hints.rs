//! The line of hints while the pane has the keys: what they do in the part that has them.

use super::status::carried;
use super::{card_room, proposal, told, unarmed};
use crate::text::width;
use crate::tui::action::{Action, Place};
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui_breakglass::{CardStop, Part, Stop};
use crate::tui::widgets::Pen;

/// Whether the pane has the keys and no layer lies over it.
pub(in crate::tui::panes) fn are_here(scene: Scene<'_>) -> bool {
    let ui = scene.ui;
    ui.breakglass.has_keys() && ui.layers.is_empty() || ui.place() == Place::Sessions
}

/// Writes the hints; the way to the help is never the one that is cut.
pub(in crate::tui::panes) fn hints(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let keys = scene.keymap.keys_of(Action::Help);
    // Where letters are typed, `?` is one of them.
    let types = matches!(scene.ui.place(), Place::Composer | Place::Text);
    let help = if types { keys.last() } else { keys.first() };
    if let Some(help) = help {
        let help = help.to_string();
        pen.at_end(&[(&help, Role::Key), (" help ", Role::Dim)]);
    }
    for (action, words) in of(scene) {
        let key = scene.keymap.label_at(scene.ui.place(), action);
        if key.is_empty() || width(&key) + 1 + width(words) > usize::from(pen.room()) {
            continue;
        }
        pen.put(&key, Role::Key)
            .skip(1)
            .put(words, Role::Dim)
            .skip(3);
    }
}

fn of(scene: Scene<'_>) -> Vec<(Action, &'static str)> {
    let pane = &scene.ui.breakglass;
    if scene.ui.place() == Place::Sessions {
        return vec![
            (Action::Open, "open"),
            (Action::Forget, "strike off…"),
            (Action::Close, "leave"),
        ];
    }
    let works = pane.is_at_work();
    let stops = works && carried(scene).is_none();
    let next = if scene.fleet.proposals.is_empty() {
        "conversation"
    } else {
        "proposal"
    };
    match pane.part {
        Part::Composer => {
            let mut hints = vec![
                (Action::Submit, if works { "queue" } else { "ask" }),
                (Action::NewLine, "new line"),
                (Action::NextPane, next),
            ];
            if stops {
                hints.push((Action::Interrupt, "stop"));
            }
            let takes_back = !pane.transcript.queued.is_empty();
            let close = if takes_back { "take back" } else { "leave" };
            hints.push((Action::Close, close));
            hints.push((Action::Zoom, "zoom"));
            hints
        }
        Part::Card => card(scene),
        Part::Transcript => transcript(pane.stop, stops, !scene.fleet.proposals.is_empty()),
    }
}

fn card(scene: Scene<'_>) -> Vec<(Action, &'static str)> {
    let pane = &scene.ui.breakglass;
    let enter = match pane.card.stop {
        CardStop::Evidence(_) => (Action::Open, "open"),
        CardStop::Word => (Action::Submit, "approve, once the word is typed"),
        CardStop::Refuse => (Action::Submit, "refuse"),
    };
    let mut hints = vec![enter];
    let pending = proposal(pane, scene.fleet);
    if pending.is_some_and(|of| unarmed(of, scene.fleet).is_some()) {
        hints.push((Action::Arm, "arm…"));
    }
    if !fits(scene) {
        hints.push((Action::PageDown, "more of it"));
    }
    hints.extend([
        (Action::NextPane, "next"),
        (Action::Previous, "evidence"),
        (Action::Close, "back to the draft"),
        (Action::Zoom, "zoom"),
    ]);
    hints
}

/// Whether all that the card tells is in view.
fn fits(scene: Scene<'_>) -> bool {
    let Some(pending) = proposal(&scene.ui.breakglass, scene.fleet) else {
        return true;
    };
    let (rows, cells) = card_room(scene.layout.talk.card, scene.ui, scene.fleet);
    told(pending, cells).length(pending) <= rows
}

fn transcript(stop: Option<Stop>, stops: bool, waits: bool) -> Vec<(Action, &'static str)> {
    let enter = match stop {
        Some(Stop::Offer(_)) => "do it",
        Some(Stop::Entry(_)) => "open or fold",
        None => "ask",
    };
    let mut hints = vec![(Action::Open, enter), (Action::NextPane, "draft")];
    if stops {
        hints.push((Action::Stop, "stop"));
    }
    if waits {
        hints.push((Action::Arm, "arm…"));
    }
    hints.extend([
        (Action::Filter, "search"),
        (Action::Copy, "copy"),
        (Action::Conversations, "sessions"),
        (Action::NewConversation, "new"),
        (Action::Zoom, "zoom"),
        (Action::Breakglass, "leave"),
    ]);
    hints
}
