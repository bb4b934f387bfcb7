//! Deciding on the proposal that waits. Approving takes the focus of the card and its whole word; no key alone does it.

use super::evidence;
use crate::domain::{ProposalId, Severity};
use crate::engine::{Command, Decision, PendingProposal};
use crate::tui::action::{Action, Place};
use crate::tui::panes;
use crate::tui::ui::{LineEdit, Ui};
use crate::tui::ui_breakglass::{CardStop, CardUi, Part, SeenRows};
use crate::tui::ui_update::effect::{Copied, Scene, UiEffect};
use crate::tui::ui_update::power;

/// The proposal that the card shows.
pub(super) fn shown<'a>(ui: &Ui, scene: Scene<'a>) -> Option<&'a PendingProposal> {
    panes::talk_proposal(&ui.breakglass, scene.fleet)
}

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let Some(pending) = shown(ui, scene) else {
        return Some(Vec::new());
    };
    let page = scene.room.card.max(2) - 1;
    match action {
        Action::Up | Action::Previous => walk(ui, scene, pending, false),
        Action::Down | Action::Next => walk(ui, scene, pending, true),
        Action::PageUp | Action::HalfUp => scroll(ui, scene, |row| row.saturating_sub(page)),
        Action::PageDown | Action::HalfDown => scroll(ui, scene, |row| row + page),
        Action::Submit | Action::Open => return Some(enter(ui, scene, pending)),
        Action::Copy => {
            return Some(vec![UiEffect::Copy(Copied {
                what: "the proposed command".to_owned(),
                text: pending.proposal.command.to_string(),
            })]);
        }
        // In a field every other key is for the field; at the evidence, for the screen.
        Action::Arm => return None,
        _ if matches!(ui.breakglass.card.stop, CardStop::Evidence(_)) => return None,
        _ => {}
    }
    Some(Vec::new())
}

/// Arms the host of the proposal for what it needs, and leads to the word; false where there is nothing to arm for it.
pub(super) fn arm(ui: &mut Ui, scene: Scene<'_>) -> bool {
    let needed = shown(ui, scene).and_then(|of| panes::talk_unarmed(of, scene.fleet));
    let Some((host, class)) = needed else {
        return false;
    };
    ui.breakglass.part = Part::Card;
    ui.breakglass.card.stop = CardStop::Word;
    power::arm_for(ui, scene, host, class);
    true
}

/// Tab inside of the card: from one field to the other; false where it leaves the card.
pub(super) fn turn(ui: &mut Ui, on: bool) -> bool {
    let card = &mut ui.breakglass.card;
    if ui.breakglass.part != Part::Card {
        return false;
    }
    card.stop = match (card.stop, on) {
        (CardStop::Word, true) => CardStop::Refuse,
        (CardStop::Refuse, false) | (CardStop::Evidence(_), true) => CardStop::Word,
        _ => return false,
    };
    true
}

/// Moves what the card tells; never beyond its end.
pub(super) fn scroll(ui: &mut Ui, scene: Scene<'_>, to: impl FnOnce(usize) -> usize) {
    let row = to(ui.breakglass.card.first);
    ui.breakglass.card.first = row.min(past(ui, scene));
}

/// The last row that the card may begin with.
fn past(ui: &Ui, scene: Scene<'_>) -> usize {
    let length = shown(ui, scene)
        .map(|pending| panes::talk_told(pending, scene.room.card_cells).length(pending));
    length.unwrap_or_default().saturating_sub(scene.room.card)
}

/// What is on the screen now was seen, where what is above it was seen as well.
pub(super) fn see(ui: &mut Ui, scene: Scene<'_>) {
    let (rows, cells) = (scene.room.card, scene.room.card_cells);
    if !ui.layers.is_empty() || rows == 0 {
        return;
    }
    let card = &mut ui.breakglass.card;
    if card.seen.cells != cells {
        card.seen = SeenRows { rows: 0, cells };
    }
    if card.first <= card.seen.rows {
        card.seen.rows = card.seen.rows.max(card.first + rows);
    }
}

/// Whether the last row of the command was on the screen, and all before it.
fn was_read(ui: &Ui, scene: Scene<'_>, pending: &PendingProposal) -> bool {
    let seen = ui.breakglass.card.seen;
    let cells = scene.room.card_cells;
    seen.cells == cells && seen.rows >= panes::talk_told(pending, cells).act
}

/// From field to field and through the evidence; above it the text is read row by row.
fn walk(ui: &mut Ui, scene: Scene<'_>, pending: &PendingProposal, down: bool) {
    let before = ui.breakglass.card.stop;
    let evidence = pending.proposal.evidence.len();
    step(ui, evidence, down);
    let stop = ui.breakglass.card.stop;
    if stop == before && !down {
        scroll(ui, scene, |row| row.saturating_sub(1));
    } else if let CardStop::Evidence(at) = stop {
        let row = panes::talk_told(pending, scene.room.card_cells).evidence() + at;
        let lowest = (row + 1).saturating_sub(scene.room.card);
        scroll(ui, scene, |first| first.clamp(lowest, row.max(lowest)));
    }
}

fn step(ui: &mut Ui, evidence: usize, down: bool) {
    let card = &mut ui.breakglass.card;
    card.stop = match (card.stop, down) {
        (CardStop::Evidence(at), true) if at + 1 < evidence => CardStop::Evidence(at + 1),
        (CardStop::Evidence(_), true) | (CardStop::Refuse, false) => CardStop::Word,
        (CardStop::Evidence(at), false) => CardStop::Evidence(at.saturating_sub(1)),
        (CardStop::Word, false) if evidence > 0 => CardStop::Evidence(evidence - 1),
        (CardStop::Word, true) => CardStop::Refuse,
        (stop, _) => stop,
    };
}

fn enter(ui: &mut Ui, scene: Scene<'_>, pending: &PendingProposal) -> Vec<UiEffect> {
    let id = pending.proposal.id;
    match ui.breakglass.card.stop {
        CardStop::Evidence(at) => match pending.proposal.evidence.get(at) {
            Some(of) => evidence::show(ui, scene, of),
            None => Vec::new(),
        },
        CardStop::Word => approve(ui, scene, pending),
        CardStop::Refuse => {
            let reason = std::mem::take(&mut ui.breakglass.card.reason).text;
            let reason = reason.trim();
            let why = (!reason.is_empty()).then(|| reason.to_owned());
            ui.say(Severity::Info, "refused; Claude is told", None);
            decide(ui, id, Decision::Refuse(why))
        }
    }
}

/// The engine looks at the word again; here it keeps a slip from being a question to the engine.
fn approve(ui: &mut Ui, scene: Scene<'_>, pending: &PendingProposal) -> Vec<UiEffect> {
    let word = pending.proposal.word.as_str();
    let typed = ui.breakglass.card.word.text.trim().to_owned();
    let rest = typed.strip_prefix(word);
    let is_right = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" --"));
    if !is_right {
        let text = format!("approving takes the word {word}, typed in full");
        ui.say(Severity::Warning, text, None);
        return Vec::new();
    }
    if !was_read(ui, scene, pending) {
        let key = scene.keymap.label_at(Place::Text, Action::PageDown);
        let text = "not approved: the command was not on the screen to its end yet";
        let hint = if scene.room.card > 0 {
            format!("{key} shows the rest")
        } else {
            "the terminal is too small to show it: make it larger".to_owned()
        };
        ui.say(Severity::Warning, text, Some(hint));
        return Vec::new();
    }
    ui.breakglass.card.word = LineEdit::default();
    if let Some((host, class)) = panes::talk_unarmed(pending, scene.fleet) {
        let text = format!("{host} is not armed for {class}: arm it, then approve");
        ui.say(Severity::Warning, text, None);
        power::arm_for(ui, scene, host, class);
        return Vec::new();
    }
    decide(ui, pending.proposal.id, Decision::Approve(typed))
}

fn decide(ui: &mut Ui, proposal: ProposalId, decision: Decision) -> Vec<UiEffect> {
    ui.breakglass.part = Part::Composer;
    vec![UiEffect::Ask(Command::Decide { proposal, decision })]
}

/// What was typed for one proposal is void for any other; keys that were on their way to it go into the draft, where they
/// do nothing.
pub(super) fn settle(ui: &mut Ui, scene: Scene<'_>) {
    let present = shown(ui, scene);
    let id = present.map(|pending| pending.proposal.id);
    if ui.breakglass.card.proposal == id {
        scroll(ui, scene, |row| row);
        return;
    }
    ui.breakglass.card = CardUi {
        proposal: id,
        ..CardUi::default()
    };
    if ui.breakglass.part == Part::Card {
        ui.breakglass.part = Part::Composer;
        let text = "the proposal is no longer open; what was typed decides nothing";
        ui.say(Severity::Warning, text, None);
    } else if let Some(pending) = present {
        tell(ui, scene, pending);
    }
}

/// A proposal takes no focus and opens over nothing: it is told, with the key that leads to it.
fn tell(ui: &mut Ui, scene: Scene<'_>, pending: &PendingProposal) {
    let leads = if ui.breakglass.has_keys() {
        Action::NextPane
    } else {
        Action::Breakglass
    };
    let key = scene.keymap.label(leads);
    let text = format!("Claude proposes: {}", pending.proposal.what);
    ui.say(Severity::Warning, text, Some(format!("{key} goes to it")));
}
