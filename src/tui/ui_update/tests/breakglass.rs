//! The breakglass pane under a person's hands: asking, walking, deciding, and never by accident.

use crate::domain::{ProposalId, SessionId, Wall};
use crate::engine::{
    AssistantCheck, AssistantCommand, Decision, Entry, EntryId, Evidence, PendingProposal, Phase,
    Proposal, Refusal, Reply, RunbookSummary, Transcript,
};
use crate::text::SafeText;
use crate::tui::ui_breakglass::{CardStop, Part, Shown, Stop, TalkState, TalkView};

use std::sync::Arc;

use super::person::*;
use crate::tui::action::Place;

/// Types a text as it stands, blanks and all.
pub(super) fn types(person: &mut Person, text: &str) {
    for c in text.chars() {
        let key = if c == ' ' {
            "space".to_owned()
        } else {
            c.to_string()
        };
        person.send(Input::Key(key.parse().unwrap()));
    }
}

fn asks(command: AssistantCommand) -> UiEffect {
    UiEffect::Ask(Command::Assistant(command))
}

fn answer(person: &mut Person, command: AssistantCommand, answer: Reply) -> Vec<UiEffect> {
    reply(&mut person.ui, &Command::Assistant(command), answer)
}

/// The pane, open on a conversation.
pub(super) fn opened() -> Person {
    let mut person = Person::with(fleet(&["spark-1", "spark-2"]));
    person.press("b");
    let effects = answer(
        &mut person,
        AssistantCommand::Open,
        Reply::Session(SessionId(7)),
    );
    assert_eq!(effects, [UiEffect::Watch(Some(SessionId(7)))]);
    person
}

pub(super) fn said(id: u64, text: &str) -> Arc<Entry> {
    Arc::new(Entry::Said {
        id: EntryId(id),
        lines: text.split('\n').map(SafeText::new).collect(),
        draft: false,
    })
}

pub(super) fn shows(person: &mut Person, change: impl FnOnce(&mut Transcript)) {
    let mut transcript = Transcript {
        session: SessionId(7),
        number: 1,
        ..Transcript::default()
    };
    change(&mut transcript);
    person.send(Input::Talk(Arc::new(transcript)));
}

pub(super) fn proposal(id: u64, host: &str) -> PendingProposal {
    PendingProposal {
        session: SessionId(7),
        proposal: Arc::new(Proposal {
            id: ProposalId(id),
            host: Some(HostId::new(host)),
            what: format!("restart vllm on {host}").into(),
            command: "docker restart vllm".into(),
            notes: Vec::new(),
            why: "it hangs".into(),
            evidence: vec![Evidence {
                what: "refused".into(),
                host: Some(HostId::new(host)),
                source: format!("{host}/kernel").into(),
                at: Some(Wall(1_795_295_000_000)),
            }],
            word: host.into(),
            expires: Wall(1_795_295_600_000),
        }),
        command: Command::Reconnect(HostId::new(host)),
        expires: At(600_000),
    }
}

pub(super) fn propose(person: &mut Person, all: Vec<PendingProposal>) {
    person.change(|fleet| fleet.proposals = Arc::new(all));
    person.send(Input::Fleet);
}

#[test]
fn b_opens_with_everything_that_is_needed_and_leaves_without_ending_anything() {
    let mut person = Person::with(fleet(&["spark-1"]));
    let effects = person.press("b");
    assert_eq!(
        effects,
        [
            asks(AssistantCommand::Open),
            asks(AssistantCommand::Runbooks),
            asks(AssistantCommand::Check)
        ]
    );
    assert_eq!(person.ui.place(), Place::Composer);
    answer(
        &mut person,
        AssistantCommand::Open,
        Reply::Session(SessionId(7)),
    );
    types(&mut person, "why bq?");
    assert_eq!(person.ui.breakglass.composer.text(), "why bq?");
    assert_eq!(person.press("esc"), []);
    assert_eq!(person.ui.breakglass.shown, Shown::Hidden);
    // The conversation is there and so is the draft.
    let again = person.press("b");
    assert!(!again.contains(&asks(AssistantCommand::Open)), "{again:?}");
    assert_eq!(person.ui.breakglass.composer.text(), "why bq?");
    assert_eq!(
        person.press("enter"),
        [asks(AssistantCommand::Say {
            session: SessionId(7),
            text: "why bq?".into()
        })]
    );
    assert!(person.ui.breakglass.composer.is_blank());
}

#[test]
fn a_question_before_there_is_a_conversation_is_sent_when_there_is_one() {
    let mut person = Person::with(fleet(&["spark-1"]));
    person.press("b");
    types(&mut person, "hello");
    assert_eq!(person.press("enter"), []);
    let effects = answer(
        &mut person,
        AssistantCommand::Open,
        Reply::Session(SessionId(9)),
    );
    assert_eq!(
        effects,
        [
            UiEffect::Watch(Some(SessionId(9))),
            asks(AssistantCommand::Say {
                session: SessionId(9),
                text: "hello".into()
            })
        ]
    );
    // Where there is none to be had, the question is back in the draft.
    let mut person = Person::with(fleet(&["spark-1"]));
    person.press("b");
    types(&mut person, "hello");
    person.press("enter");
    let refused = Refusal {
        why: "the store is closed".into(),
        hint: None,
    };
    answer(
        &mut person,
        AssistantCommand::Open,
        Reply::Failed(refused.clone()),
    );
    assert_eq!(person.ui.breakglass.state, TalkState::Refused(refused));
    assert_eq!(person.ui.breakglass.composer.text(), "hello");
}

#[test]
fn no_letter_digit_or_enter_alone_approves() {
    let mut person = opened();
    propose(&mut person, vec![proposal(3, "spark-2")]);
    let flash = person.ui.flash.clone().unwrap();
    assert!(flash.text.contains("Claude proposes"), "{}", flash.text);
    assert_eq!(
        person.ui.breakglass.part,
        Part::Composer,
        "no focus is taken"
    );
    // Typed into the draft, the word is a word.
    types(&mut person, "spark-2");
    let sent = person.press("enter");
    assert!(matches!(
        sent.as_slice(),
        [UiEffect::Ask(Command::Assistant(_))]
    ));
    // On the card nothing short of the word does it.
    person.press("tab");
    assert_eq!(person.ui.breakglass.part, Part::Card);
    for c in (' '..='~').map(String::from) {
        person.ui.breakglass.card.word = crate::tui::ui::LineEdit::default();
        types(&mut person, &c);
        let effects = person.press("enter");
        assert_eq!(effects, [], "{c}");
    }
    person.ui.breakglass.card.word = crate::tui::ui::LineEdit::default();
    assert_eq!(person.press("enter"), []);
    types(&mut person, "spark-1");
    assert_eq!(person.press("enter"), []);
    person.ui.breakglass.card.word = crate::tui::ui::LineEdit::default();
    types(&mut person, "spark-2");
    assert_eq!(
        person.press("enter"),
        [UiEffect::Ask(Command::Decide {
            proposal: ProposalId(3),
            decision: Decision::Approve("spark-2".into())
        })]
    );
}

#[test]
fn what_is_typed_for_one_proposal_decides_on_no_other() {
    let mut person = opened();
    propose(&mut person, vec![proposal(3, "spark-2")]);
    person.press("tab");
    types(&mut person, "spark");
    propose(&mut person, vec![proposal(4, "spark-2")]);
    assert_eq!(person.ui.breakglass.part, Part::Composer);
    types(&mut person, "-2");
    let effects = person.press("enter");
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, UiEffect::Ask(Command::Decide { .. }))),
        "{effects:?}"
    );
}

#[test]
fn refusing_takes_a_reason_or_none_and_evidence_is_opened_at_its_second() {
    let mut person = opened();
    propose(&mut person, vec![proposal(3, "spark-2")]);
    person.press("tab");
    person.press("tab");
    assert_eq!(person.ui.breakglass.card.stop, CardStop::Refuse);
    types(&mut person, "not now");
    assert_eq!(
        person.press("enter"),
        [UiEffect::Ask(Command::Decide {
            proposal: ProposalId(3),
            decision: Decision::Refuse(Some("not now".into()))
        })]
    );
    person.press("tab");
    assert_eq!(person.ui.breakglass.card.stop, CardStop::Word);
    person.press("up");
    assert_eq!(person.ui.breakglass.card.stop, CardStop::Evidence(0));
    let effects = person.press("enter");
    assert!(
        matches!(
            effects.as_slice(),
            [UiEffect::Ask(Command::OpenLens { .. })]
        ),
        "{effects:?}"
    );
    assert_eq!(
        person.ui.lens.goal.map(|(at, _)| at.0),
        Some(1_795_295_000_000_000_000)
    );
}

#[test]
fn stopping_says_what_happens_and_the_second_ctrl_c_quits() {
    let mut person = opened();
    shows(&mut person, |all| {
        all.phase = Phase::Working {
            since: At(0),
            heard: At(0),
        }
    });
    let effects = person.press("ctrl-c");
    assert_eq!(effects, [asks(AssistantCommand::Interrupt(SessionId(7)))]);
    let told = person.ui.flash.clone().unwrap().text;
    assert!(
        told.contains("the conversation stays") && told.contains("again quits"),
        "{told}"
    );
    assert_eq!(person.press("ctrl-c"), [UiEffect::Quit]);
    // `x` does the same from the conversation.
    let mut person = opened();
    shows(&mut person, |all| all.phase = Phase::Starting(At(0)));
    person.press("tab");
    assert_eq!(
        person.press("x"),
        [asks(AssistantCommand::Interrupt(SessionId(7)))]
    );
    // A draft is put away, not lost.
    let mut person = opened();
    types(&mut person, "draft");
    assert_eq!(person.press("ctrl-c"), []);
    assert!(person.ui.breakglass.composer.is_blank());
    person.press("up");
    assert_eq!(person.ui.breakglass.composer.text(), "draft");
}

#[test]
fn questions_that_wait_are_taken_back_into_the_draft() {
    let mut person = opened();
    types(&mut person, "one");
    person.press("alt-enter");
    types(&mut person, "two");
    person.press("enter");
    shows(&mut person, |all| {
        all.phase = Phase::Working {
            since: At(0),
            heard: At(0),
        };
        all.queued = vec!["one two".into()];
    });
    assert_eq!(
        person.press("esc"),
        [asks(AssistantCommand::Unqueue(SessionId(7)))]
    );
    assert_eq!(person.ui.breakglass.composer.text(), "one\ntwo");
    assert_eq!(person.ui.breakglass.shown, Shown::Focused);
}

#[test]
fn the_newest_is_followed_only_at_the_bottom_and_news_is_told() {
    let mut person = opened();
    let entries = |many: u64| {
        (1..=many)
            .map(|n| said(n, &format!("answer {n}")))
            .collect()
    };
    shows(&mut person, |all| all.entries = entries(40));
    assert_eq!(person.ui.breakglass.view, TalkView::Bottom);
    person.press("tab");
    person.press("k");
    assert_eq!(person.ui.breakglass.stop, Some(Stop::Entry(EntryId(40))));
    person.press("g");
    assert_eq!(
        person.ui.breakglass.view,
        TalkView::From { row: 0, seen: 1 }
    );
    shows(&mut person, |all| {
        all.entries = entries(41);
        all.number = 9;
    });
    assert_eq!(
        person.ui.breakglass.view,
        TalkView::From { row: 0, seen: 1 }
    );
    person.press("G");
    assert_eq!(person.ui.breakglass.view, TalkView::Bottom);
    // The search walks from hit to hit.
    person.press("/");
    types(&mut person, "answer 7");
    person.press("enter");
    assert_eq!(person.ui.breakglass.stop, Some(Stop::Entry(EntryId(7))));
    person.press("esc");
    assert!(person.ui.breakglass.search.text.is_empty());
    let copied = person.press("y");
    assert!(matches!(copied.as_slice(), [UiEffect::Copy(of)] if of.text == "answer 7"));
}

#[test]
fn without_claude_the_runbooks_the_ladder_and_the_switch_are_there() {
    let mut person = opened();
    let missing = Refusal {
        why: "no program".into(),
        hint: Some("install it".into()),
    };
    let check = AssistantCheck {
        program: Err(missing.clone()),
        login: Err(missing),
    };
    answer(
        &mut person,
        AssistantCommand::Check,
        Reply::Assistant(check),
    );
    let runbooks = vec![RunbookSummary {
        name: "memory".into(),
        what: "who holds it".into(),
        steps: vec!["free".into()],
    }];
    answer(
        &mut person,
        AssistantCommand::Runbooks,
        Reply::Runbooks(runbooks),
    );
    person.press("tab");
    assert_eq!(person.ui.breakglass.stop, Some(Stop::Offer(0)));
    assert_eq!(
        person.press("enter"),
        [asks(AssistantCommand::Runbook {
            session: SessionId(7),
            host: HostId::new("spark-1"),
            name: "memory".into()
        })]
    );
    person.press("tab");
    person.press("j");
    person.press("enter");
    assert_eq!(person.ui.tab, Tab::Link, "the ladder of the host");
}

#[test]
fn a_paste_is_bounded_and_a_host_can_be_asked_about() {
    let mut person = Person::with(fleet(&["spark-1", "spark-2"]));
    person.press("j");
    person.press("B");
    assert_eq!(person.ui.breakglass.composer.text(), "About spark-2 (ok): ");
    person.send(Input::Paste("x".repeat(200_000)));
    let told = person.ui.flash.clone().unwrap().text;
    assert!(told.contains("bytes were left out"), "{told}");
    person.send(Input::Quote("line one\nline two\n".into()));
    assert_eq!(person.ui.breakglass.part, Part::Composer);
}

#[test]
fn conversations_are_listed_opened_and_struck_off_after_a_question() {
    let mut person = opened();
    person.press("tab");
    assert_eq!(person.press("o"), [asks(AssistantCommand::Sessions)]);
    let summary = crate::engine::SessionSummary {
        session: SessionId(2),
        title: "old".into(),
        began: Wall(0),
        last: Wall(0),
        questions: 1,
        cost: 0.0,
        elsewhere: None,
        age: std::time::Duration::ZERO,
    };
    answer(
        &mut person,
        AssistantCommand::Sessions,
        Reply::Sessions(vec![summary]),
    );
    person.press("j");
    assert_eq!(person.press("x"), []);
    assert_eq!(person.press("enter"), [], "the focus is on No");
    person.press("x");
    person.press("tab");
    assert_eq!(
        person.press("enter"),
        [asks(AssistantCommand::Forget(SessionId(2)))]
    );
    person.press("esc");
    person.press("o");
    person.press("j");
    assert!(person.ui.layers.len() == 1);
}
