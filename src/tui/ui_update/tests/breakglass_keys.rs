//! The breakglass pane under a person's hands: arming what is proposed, the whole screen, where it begins.

use super::breakglass::{opened, proposal, propose, said, shows, types};
use super::person::*;
use crate::domain::{At, PowerVerb, Wall};
use crate::engine::{
    Entry, EntryId, PendingProposal, Phase, PowerAct, PowerStep, StepKind, StepState,
};
use crate::tui::action::{Action, Place};
use crate::tui::face;
use crate::tui::keymap::Keymap;
use crate::tui::ui::{Dialog, Layer};
use crate::tui::ui_breakglass::{CardStop, Part, TalkView};
use crate::tui::ui_update::Input;

/// It is armed from where the word is typed, for the host of the proposal and not for the selected one; and the word of
/// whoever did not see the warning arms nothing and approves nothing.
#[test]
fn a_proposal_that_needs_arming_leads_to_it_and_back_to_its_word() {
    let mut person = opened();
    let cut = PendingProposal {
        command: Command::Power {
            host: HostId::new("spark-2"),
            verb: PowerVerb::Cycle,
        },
        ..proposal(3, "spark-2")
    };
    propose(&mut person, vec![cut]);
    let arms = |person: &Person| match person.ui.layers.last() {
        Some(Layer::Dialog(Dialog::Arm { host, .. })) => Some(host.to_string()),
        _ => None,
    };
    for key in ["alt-a", "tab"] {
        assert_eq!(person.press(key), []);
        if key == "tab" {
            types(&mut person, "spark-2");
            assert_eq!(person.press("enter"), [], "it is not armed");
        }
        assert_eq!(arms(&person).as_deref(), Some("spark-2"), "{key}");
        let effects = person.press("enter");
        assert!(
            matches!(effects.as_slice(), [UiEffect::Ask(Command::Arm { host, .. })] if host.as_str() == "spark-2")
        );
        assert_eq!(person.ui.breakglass.part, Part::Card);
        assert_eq!(person.ui.breakglass.card.stop, CardStop::Word);
        assert_eq!(person.ui.breakglass.card.word.text, "");
        person.press("esc");
    }
}

/// What else is done is read before it can be approved, as the command is.
#[test]
fn what_is_done_beside_the_command_stands_below_it_and_has_to_be_read() {
    let rows = |notes: &[&str]| {
        let mut pending = proposal(3, "spark-2");
        let proposal = std::sync::Arc::make_mut(&mut pending.proposal);
        proposal.notes = notes.iter().map(|note| (*note).into()).collect();
        let told = crate::tui::panes::talk_told(&pending, 40);
        (told.text(), told.act, told.evidence())
    };
    let (text, act, evidence) = rows(&[]);
    assert_eq!((act, evidence), (2, 3), "{text:?}");
    let (text, act, evidence) = rows(&["first `sync` on it", "then it is asked to restart"]);
    assert_eq!((act, evidence), (4, 5), "{text:?}");
    assert_eq!(
        text,
        [
            "restart vllm on spark-2",
            "$ docker restart vllm",
            "· first `sync` on it",
            "· then it is asked to restart",
            "why: it hangs",
        ]
    );
}

/// Claude only waits for its end then: what stops is the act, as long as nothing has left.
#[test]
fn an_approved_power_act_is_called_off_from_the_pane() {
    for (hard, aborts) in [(false, true), (true, false)] {
        for (part, key) in [
            (Part::Transcript, "x"),
            (Part::Transcript, "ctrl-c"),
            (Part::Composer, "ctrl-c"),
        ] {
            let mut person = opened();
            shows(&mut person, |transcript| {
                transcript.phase = Phase::Waiting(At(0));
                transcript.entries = vec![std::sync::Arc::new(Entry::UnderWay {
                    id: EntryId(3),
                    wall: Wall(0),
                    proposal: proposal(3, "spark-2").proposal,
                })];
            });
            person.change(|fleet| fleet.power = std::sync::Arc::new(vec![cut(hard)]));
            person.send(Input::Fleet);
            person.ui.breakglass.part = part;
            let effects = person.press(key);
            let host = HostId::new("spark-2");
            let wanted = UiEffect::Ask(Command::AbortPower { host });
            assert_eq!(effects == [wanted], aborts, "{key}: {effects:?}");
        }
    }
}

/// A cycle in its cancel window, or with its verb on the way.
fn cut(hard: bool) -> PowerAct {
    let running = StepState::Running {
        since: At(0),
        until: Some(At(10_000)),
        words: "".into(),
    };
    let step = |kind, runs| PowerStep {
        kind,
        state: if runs {
            running.clone()
        } else {
            StepState::Waiting
        },
    };
    PowerAct {
        host: HostId::new("spark-2"),
        verb: PowerVerb::Cycle,
        since: At(0),
        steps: vec![step(StepKind::Window, !hard), step(StepKind::Hard, hard)],
        ended: None,
    }
}

#[test]
fn the_pane_has_the_whole_screen_also_while_a_question_is_typed() {
    let mut person = opened();
    types(&mut person, "z");
    assert!(!person.ui.breakglass.full, "a letter is for the draft");
    person.press("alt-z");
    assert!(person.ui.breakglass.full);
    person.press("alt-z");
    assert!(!person.ui.breakglass.full);
    assert_eq!(person.ui.breakglass.composer.text(), "z");
    let keymap = Keymap::default();
    assert_eq!(keymap.label_at(Place::Composer, Action::Zoom), "Alt-z");
    assert_eq!(keymap.label_at(Place::Talk, Action::Zoom), "z");
}

/// What can be done is read from its first line, where it does not fit as well; the first that is said is then followed.
#[test]
fn an_empty_conversation_begins_at_its_top_and_the_first_answer_is_followed() {
    let mut person = opened();
    person.send(Input::Fleet);
    assert_eq!(person.ui.breakglass.view, TalkView::Top);
    person.press("tab");
    person.press("G");
    assert_eq!(person.ui.breakglass.view, TalkView::Bottom);
    shows(&mut person, |of| of.entries = Vec::new());
    assert_eq!(
        person.ui.breakglass.view,
        TalkView::Bottom,
        "as it was left"
    );
    person.ui.breakglass.view = TalkView::Top;
    shows(&mut person, |of| of.entries = vec![said(1, "a\n\nb\n\nc")]);
    assert_eq!(person.ui.breakglass.view, TalkView::Bottom);
}

/// Twelve things that it is based on and a command that hides its tail: on a small screen nothing is approved before the tail
/// was on it, and the keys that bring it there are taken where the word is typed.
#[test]
fn what_was_not_on_the_screen_to_its_end_is_not_approved() {
    let mut person = opened();
    person.ui.size = (80, 24);
    let mut pending = proposal(3, "spark-2");
    let told = Arc::make_mut(&mut pending.proposal);
    told.command = format!("sh -c {} ; rm -rf /srv", "echo harmless ".repeat(60)).into();
    told.evidence = vec![told.evidence[0].clone(); 12];
    propose(&mut person, vec![pending]);
    person.room = face::room(&person.ui, &person.fleet);
    assert!(person.room.card > 0, "{:?}", person.room);
    person.press("tab");
    types(&mut person, "spark-2");
    assert_eq!(person.press("enter"), []);
    let flash = person.ui.flash.clone().unwrap();
    assert!(
        flash.text.contains("not approved: the command"),
        "{flash:?}"
    );
    assert!(flash.hint.unwrap().contains("PgDn"));
    // The end alone is not all of it, and a screen that is made wider has not shown its rows.
    person.press("up");
    assert_eq!(person.ui.breakglass.card.stop, CardStop::Evidence(11));
    person.press("down");
    assert_eq!(person.press("enter"), [], "what lies between was not shown");
    for _ in 0..20 {
        person.press("pageup");
    }
    assert_eq!(person.ui.breakglass.card.first, 0);
    let mut pages = 0;
    while person.press("enter").is_empty() {
        person.press("pagedown");
        pages += 1;
        assert!(pages < 20, "{:?}", person.ui.breakglass.card);
    }
    assert!(pages > 0);
}
