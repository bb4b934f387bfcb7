//! The fold: whatever is replayed, in whatever portions, shows the same.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::event::{
    CallId, Decided, Ending, EventKind, Origin, Proposal, SessionEvent, StepResult, Usage, Went,
};
use super::fold::Fold;
use super::transcript::{CallState, Entry, Transcript};
use crate::domain::{ProposalId, SessionId, Wall};
use crate::text::SafeText;

fn events(kinds: Vec<EventKind>) -> Vec<SessionEvent> {
    (1..)
        .zip(kinds)
        .map(|(number, kind)| SessionEvent {
            number,
            wall: Wall(i64::try_from(number).unwrap()),
            kind,
        })
        .collect()
}

fn shown(kinds: Vec<EventKind>) -> Arc<Transcript> {
    let mut fold = Fold::new(SessionId(1));
    for event in events(kinds) {
        assert!(fold.apply(&event));
    }
    fold.view()
}

fn asked(text: &str, queued: bool) -> EventKind {
    EventKind::Asked {
        text: vec![text.into()],
        queued,
    }
}

fn draft(block: &str, delta: &str) -> EventKind {
    EventKind::Draft {
        block: block.into(),
        thinking: false,
        delta: delta.to_owned(),
    }
}

fn text(block: &str, lines: &[&str]) -> EventKind {
    EventKind::Text {
        block: block.into(),
        thinking: false,
        lines: lines.iter().map(|line| SafeText::new(line)).collect(),
    }
}

fn ended() -> EventKind {
    EventKind::TurnEnded {
        ending: Ending::Done,
        usage: Usage::default(),
    }
}

fn began(call: &str) -> EventKind {
    EventKind::CallBegan {
        call: CallId(call.into()),
        origin: Origin::Assistant,
        tool: "fleet".into(),
        host: None,
        what: "look".into(),
        exact: None,
        why: None,
    }
}

fn gave(call: &str, bytes: usize) -> EventKind {
    EventKind::CallEnded {
        call: CallId(call.into()),
        result: StepResult {
            lines: vec!["x".repeat(bytes).into()],
            cut: 0,
            exit: Some(0),
            failed: None,
            took: Duration::ZERO,
        },
    }
}

fn proposal(id: u64) -> EventKind {
    EventKind::Proposed(Proposal {
        id: ProposalId(id),
        host: None,
        what: "restart it".into(),
        command: "systemctl restart it".into(),
        notes: Vec::new(),
        why: "it hangs".into(),
        evidence: Vec::new(),
        word: "spark-1".into(),
        expires: Wall(9),
    })
}

fn decided(id: u64) -> EventKind {
    EventKind::Decided {
        proposal: ProposalId(id),
        decided: Decided::Expired,
    }
}

fn lines(transcript: &Transcript) -> Vec<String> {
    transcript
        .entries
        .iter()
        .map(|entry| match entry.as_ref() {
            Entry::Asked { lines, .. } => format!("? {}", lines[0]),
            Entry::Said { lines, draft, .. } => {
                let all: Vec<&str> = lines.iter().map(SafeText::as_str).collect();
                format!("{} {}", if *draft { "~" } else { "=" }, all.join("|"))
            }
            Entry::Call(call) => match &call.state {
                CallState::Running(_) => "> runs".to_owned(),
                CallState::Ended(_) => "> ended".to_owned(),
            },
            Entry::UnderWay { .. } => "! under way".to_owned(),
            Entry::Decided { .. } => "! decided".to_owned(),
            Entry::Turn(_) => ".".to_owned(),
            _ => "-".to_owned(),
        })
        .collect()
}

#[test]
fn a_draft_grows_and_is_replaced_where_it_stands() {
    let said = vec![
        asked("q", false),
        draft("m:0", "one\ntw"),
        draft("m:0", "o"),
    ];
    assert_eq!(lines(&shown(said.clone())), ["? q", "~ one|two"]);
    let mut more = said.clone();
    more.extend([began("c"), text("m:0", &["one", "two!"]), ended()]);
    assert_eq!(lines(&shown(more)), ["? q", "= one|two!", "> runs", "."]);
    let mut dropped = said;
    dropped.extend([
        EventKind::DraftDropped {
            block: "m:0".into(),
        },
        text("n:0", &["whole"]),
    ]);
    assert_eq!(lines(&shown(dropped)), ["? q", "= whole"]);
}

#[test]
fn an_escape_sequence_that_comes_in_two_pieces_is_cleaned_whole() {
    let view = shown(vec![
        draft("m:0", "a\x1b[3"),
        draft("m:0", "1mb\x1b]0;t"),
        draft("m:0", "itle\x07c"),
    ]);
    assert_eq!(lines(&view), ["~ ab␛c"]);
}

#[test]
fn questions_wait_and_the_oldest_begins() {
    let all = vec![
        asked("one", false),
        asked("two", true),
        asked("three", true),
        EventKind::Unqueued,
        ended(),
    ];
    assert_eq!(shown(all.clone()).queued, ["two".into()]);
    let mut next = all;
    next.push(asked("two", false));
    let view = shown(next);
    assert!(view.queued.is_empty());
    assert_eq!(lines(&view), ["? one", ".", "? two"]);
    assert_eq!(view.title, "one".into());
}

#[test]
fn proposals_wait_apart_until_they_are_decided() {
    let view = shown(vec![proposal(1), proposal(2), decided(1), decided(7)]);
    assert_eq!(view.proposals.len(), 1);
    assert_eq!(lines(&view), ["! decided"]);
}

#[test]
fn the_view_is_the_same_one_until_something_changes_and_entries_are_shared() {
    let mut fold = Fold::new(SessionId(1));
    for event in events(vec![text("a", &["x"]), draft("m:0", "y")]) {
        fold.apply(&event);
    }
    let first = fold.view();
    assert!(Arc::ptr_eq(&first, &fold.view()));
    fold.apply(&SessionEvent {
        number: 3,
        wall: Wall(0),
        kind: draft("m:0", "z"),
    });
    let second = fold.view();
    assert!(Arc::ptr_eq(&first.entries[0], &second.entries[0]));
    assert_eq!(lines(&second), ["= x", "~ yz"]);
    assert_eq!(
        lines(&first),
        ["= x", "~ y"],
        "a reader's own does not change"
    );
}

#[test]
fn it_stays_small() {
    let many = (0..10_000).map(|n| asked(&n.to_string(), false)).collect();
    let view = shown(many);
    assert!(view.entries.len() <= 2000);
    assert_eq!(view.cut + view.entries.len() as u64, 10_000);
    let heavy = (0..100).flat_map(|n| [began(&n.to_string()), gave(&n.to_string(), 1 << 20)]);
    let view = shown(heavy.collect());
    assert!(view.entries.len() <= 4, "{}", view.entries.len());
    let endless = (0..100_000)
        .map(|_| draft("m:0", "for ever and ever and ever\n"))
        .collect();
    let view = shown(endless);
    let Entry::Said { lines, .. } = view.entries[0].as_ref() else {
        panic!("{view:?}");
    };
    assert!(lines.len() < 50_000);
}

#[test]
fn a_draft_of_one_long_line_or_of_many_short_ones_stays_small() {
    let line = (0..100_000).map(|_| draft("m:0", "word after word "));
    let view = shown(line.collect());
    let Entry::Said { lines, .. } = view.entries[0].as_ref() else {
        panic!("{view:?}");
    };
    assert!(lines.iter().all(|line| line.as_str().len() <= 4096));
    assert!(lines.iter().all(|line| line.as_str().starts_with("word")));
    let text: usize = lines.iter().map(|line| line.as_str().len()).sum();
    assert!((1_000_000..=1 << 20).contains(&text), "{text}");
    let view = shown((0..400_000).map(|_| draft("m:0", "a\n")).collect());
    let Entry::Said { lines, .. } = view.entries[0].as_ref() else {
        panic!("{view:?}");
    };
    assert!(lines.len() < 25_000, "{}", lines.len());
}

#[test]
fn what_a_console_left_open_can_be_settled() {
    let mut fold = Fold::new(SessionId(1));
    let kinds = vec![
        asked("one", false),
        asked("two", true),
        began("c"),
        proposal(1),
        proposal(2),
        EventKind::Begun {
            proposal: ProposalId(2),
        },
        draft("m:0", "half"),
    ];
    let mut number = 0;
    for event in events(kinds) {
        number = event.number;
        fold.apply(&event);
    }
    for kind in fold.unfinished() {
        number += 1;
        fold.apply(&SessionEvent {
            number,
            wall: Wall(0),
            kind,
        });
    }
    assert!(fold.unfinished().is_empty());
    let view = fold.view();
    assert!(view.queued.is_empty() && view.proposals.is_empty());
    assert_eq!(
        lines(&view),
        ["? one", "> ended", "! decided", "= half", "! decided", "."]
    );
    let decided = view
        .entries
        .iter()
        .filter_map(|entry| match entry.as_ref() {
            Entry::Decided { decided, .. } => Some(decided),
            _ => None,
        });
    let decided: Vec<&Decided> = decided.collect();
    assert_eq!(decided[1], &Decided::Withdrawn);
    // Its act had begun: that it was withdrawn would be a lie.
    assert!(
        matches!(decided[0], Decided::Approved { went: Went::Unknown, outcome, .. }
            if outcome.as_str().contains("`status`")),
        "{decided:?}"
    );
}

#[test]
fn an_approved_proposal_is_under_way_until_it_is_told_how_it_went() {
    let approved = |id| EventKind::Begun {
        proposal: ProposalId(id),
    };
    let mut all = vec![proposal(1), proposal(2), approved(1), approved(7)];
    let view = shown(all.clone());
    assert_eq!(lines(&view), ["! under way"]);
    let id = view.entries[0].id();
    // Whoever takes the conversation over does not call it undone.
    let mut fold = Fold::new(SessionId(1));
    for event in events(all.clone()) {
        fold.apply(&event);
    }
    let ends: Vec<bool> = fold
        .unfinished()
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Decided { decided, .. } => Some(*decided == Decided::Withdrawn),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [false, true]);
    all.extend([asked("and?", false), decided(1)]);
    let view = shown(all);
    assert_eq!(lines(&view), ["! decided", "? and?"]);
    assert_eq!(view.entries[0].id(), id);
    assert_eq!(view.proposals.len(), 1);
}

fn kinds() -> impl Strategy<Value = EventKind> {
    let block = prop::sample::select(vec!["m:0", "m:1", "n:0"]);
    let id = prop::sample::select(vec!["a", "b"]);
    prop_oneof![
        ("[a-c]", any::<bool>()).prop_map(|(text, queued)| asked(&text, queued)),
        Just(EventKind::Unqueued),
        (block.clone(), "[xy\n\u{1b}\\[m]{0,4}").prop_map(|(block, delta)| draft(block, &delta)),
        block.clone().prop_map(|block| text(block, &["done"])),
        block.prop_map(|block| EventKind::DraftDropped {
            block: block.into()
        }),
        id.clone().prop_map(began),
        id.prop_map(|id| gave(id, 3)),
        (0_u64..3).prop_map(proposal),
        (0_u64..3).prop_map(decided),
        Just(ended()),
        Just(EventKind::Cut { events: 2 }),
    ]
}

proptest! {
    #[test]
    fn a_replay_in_portions_shows_what_a_replay_at_once_shows(
        all in prop::collection::vec(kinds(), 0..60),
        cut in 0_usize..60,
        back in 0_usize..10,
    ) {
        let all = events(all);
        let mut whole = Fold::new(SessionId(1));
        for event in &all {
            whole.apply(event);
        }
        let cut = cut.min(all.len());
        let mut portions = Fold::new(SessionId(1));
        for event in &all[..cut] {
            portions.apply(event);
            portions.view();
        }
        // Whoever attaches again is told some of it twice.
        for event in &all[cut.saturating_sub(back)..] {
            prop_assert_eq!(portions.apply(event), event.number > cut as u64);
        }
        prop_assert_eq!(whole.view(), portions.view());
    }

    /// Drafts are not stored: without them the finished transcript is the same but for its ids.
    #[test]
    fn drafts_leave_nothing_behind(all in prop::collection::vec(kinds(), 0..40)) {
        let mut with = all;
        with.push(ended());
        let finished: Vec<EventKind> = with
            .iter()
            .filter(|kind| !matches!(kind, EventKind::Draft { .. }))
            .cloned()
            .collect();
        let texts = |transcript: &Transcript| transcript.entries.iter().filter(|entry| {
            matches!(entry.as_ref(), Entry::Said { draft: true, .. })
        }).count();
        prop_assert_eq!(texts(&shown(with)), 0);
        prop_assert_eq!(texts(&shown(finished)), 0);
    }
}
