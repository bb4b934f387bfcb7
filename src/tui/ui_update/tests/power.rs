//! Arming and the power switch, key by key.

use std::sync::Arc;

use super::person::{Person, fleet};
use crate::domain::{ActClass, ActOutcome, Armed, At, HostId, PowerVerb, Wall};
use crate::engine::{
    Challenge, Command, ConfirmationId, MachineState, Plan, PowerAct, PowerReport, PowerStep,
    Refusal, Reply, StepKind, StepState,
};
use crate::tui::ui::{Dialog, Layer};
use crate::tui::ui_power::CardFace;
use crate::tui::ui_tables::Awaited;
use crate::tui::ui_update::{Input, UiEffect, reply};

fn id(name: &str) -> HostId {
    HostId::new(name)
}

fn asks(effects: &[UiEffect]) -> Vec<Command> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            UiEffect::Ask(command) => Some(command.clone()),
            _ => None,
        })
        .collect()
}

fn armed(host: &str) -> Armed {
    Armed {
        host: id(host),
        class: ActClass::Power,
        since: Wall(0),
        until: At(900_000),
        idle: At(300_000),
    }
}

fn with_armed() -> Person {
    let mut fleet = fleet(&["spark-1", "spark-2"]);
    fleet.armed = Arc::new(vec![armed("spark-1")]);
    Person::with(fleet)
}

fn act(state: StepState, ended: Option<ActOutcome>) -> PowerAct {
    PowerAct {
        host: id("spark-1"),
        verb: PowerVerb::Cycle,
        since: At(0),
        steps: vec![
            PowerStep {
                kind: StepKind::Window,
                state,
            },
            PowerStep {
                kind: StepKind::Hard,
                state: StepState::Waiting,
            },
        ],
        ended: ended.map(|outcome| (At(9_000), outcome)),
    }
}

fn running() -> StepState {
    StepState::Running {
        since: At(0),
        until: Some(At(10_000)),
        words: "nothing has left yet".into(),
    }
}

fn over() -> StepState {
    StepState::Done {
        took: std::time::Duration::from_secs(10),
        words: "nobody objected".into(),
    }
}

fn set_act(person: &mut Person, act: PowerAct) {
    person.change(|fleet| fleet.power = Arc::new(vec![act]));
}

fn card(person: &Person) -> Option<(CardFace, usize)> {
    match person.dialog() {
        Some(Dialog::Power { face, selected, .. }) => Some((*face, *selected)),
        _ => None,
    }
}

fn question(person: &mut Person, verb: PowerVerb) {
    let command = Command::Power {
        host: id("spark-1"),
        verb,
    };
    let asked = Reply::NeedsConfirmation {
        id: ConfirmationId(1),
        challenge: Challenge::TypeName("spark-1".into()),
        expires: At(60_000),
        plan: Plan {
            what: "Power-cycle spark-1.".into(),
            command: "ssh power@10.0.0.2 cycle".into(),
            notes: vec!["nobody is served".into()],
        },
    };
    reply(&mut person.ui, &command, asked);
}

#[test]
fn a_host_is_armed_for_one_class_and_some_minutes() {
    let mut person = Person::new();
    person.press("A");
    assert!(matches!(
        person.dialog(),
        Some(Dialog::Arm { minutes: 15, .. })
    ));
    person.press("right");
    let effects = person.press("enter");
    let wanted = Command::Arm {
        host: id("spark-1"),
        class: ActClass::Power,
        minutes: Some(30),
    };
    assert_eq!(asks(&effects), [wanted]);
    assert!(person.dialog().is_none());
}

#[test]
fn a_class_that_needs_no_arming_is_not_armed_and_read_only_arms_nothing() {
    let mut person = Person::new();
    person.press("A j");
    assert_eq!(person.press("enter"), []);
    assert!(person.flash().contains("restart needs no arming"));
    let mut person = Person::new();
    person.change(|fleet| fleet.read_only = true);
    person.press("A");
    assert!(person.dialog().is_none());
    assert!(person.flash().contains("read-only"));
}

#[test]
fn keys_keep_it_armed_and_the_engine_hears_of_them_now_and_then() {
    let present = |effects: &[UiEffect]| asks(effects).contains(&Command::Present);
    let mut person = with_armed();
    assert!(present(&person.press("j")));
    assert!(!present(&person.press("j")), "not at every key");
    person.ui.now = At(4_999);
    assert!(!present(&person.press("j")));
    person.ui.now = At(5_000);
    assert!(!present(&person.send(Input::Tick)), "nobody touched a key");
    assert!(present(&person.press("j")));
    let mut person = Person::new();
    assert!(!present(&person.press("j")), "nothing is armed");
}

#[test]
fn what_is_armed_is_seen_while_the_screen_is_held() {
    let mut person = Person::new();
    person.press("p");
    person.change(|fleet| {
        fleet.armed = Arc::new(vec![armed("spark-1")]);
    });
    assert!(person.ui.power.is_armed(&id("spark-1"), At(1)));
    let disarmed = asks(&person.press("D"));
    assert_eq!(disarmed.first(), Some(&Command::Disarm { host: None }));
}

#[test]
fn status_is_asked_for_on_demand_and_kept_on_the_card() {
    let mut person = Person::new();
    person.press("P");
    assert_eq!(card(&person), Some((CardFace::Verbs, 0)));
    let command = Command::Power {
        host: id("spark-1"),
        verb: PowerVerb::Status,
    };
    assert_eq!(asks(&person.press("enter")), std::slice::from_ref(&command));
    let said = |person: &Person| {
        person
            .ui
            .power
            .said(&id("spark-1"))
            .cloned()
            .unwrap()
            .answer
    };
    assert_eq!(said(&person), Awaited::Waiting);
    let report = PowerReport {
        state: MachineState::Stopped,
        operation: None,
        lines: Vec::new(),
        target: None,
    };
    reply(&mut person.ui, &command, Reply::Power(report.clone()));
    assert_eq!(said(&person), Awaited::Got(report));
    let refusal = Refusal {
        why: "10.0.0.2 did not answer".into(),
        hint: None,
    };
    reply(&mut person.ui, &command, Reply::Failed(refusal.clone()));
    assert_eq!(said(&person), Awaited::Failed(refusal));
    assert!(person.flash().contains("did not answer"));
}

#[test]
fn forensics_are_read_over_the_card() {
    let mut person = Person::new();
    person.press("P j");
    person.press("enter");
    let report = PowerReport {
        state: MachineState::Running,
        operation: None,
        lines: vec!["qm status 101: running".into()],
        target: None,
    };
    let command = Command::Power {
        host: id("spark-1"),
        verb: PowerVerb::Forensics,
    };
    reply(&mut person.ui, &command, Reply::Power(report));
    assert!(matches!(
        person.ui.layers.as_slice(),
        [Layer::Dialog(Dialog::Power { .. }), Layer::Text { lines, .. }] if lines.len() == 1
    ));
}

#[test]
fn a_hard_verb_asks_for_the_name_over_its_card_and_then_shows_its_steps() {
    let mut person = with_armed();
    person.press("P G");
    assert_eq!(card(&person), Some((CardFace::Verbs, 5)));
    let cycle = Command::Power {
        host: id("spark-1"),
        verb: PowerVerb::Cycle,
    };
    assert!(asks(&person.press("enter")).contains(&cycle));
    question(&mut person, PowerVerb::Cycle);
    assert!(matches!(person.dialog(), Some(Dialog::Confirm { .. })));
    // Enter alone goes from the field to No, and No does nothing.
    person.press("'spark-1");
    person.press("tab");
    person.press("tab");
    let confirmed = asks(&person.press("enter"));
    let wanted = Command::Confirm {
        id: ConfirmationId(1),
        answer: "spark-1".into(),
    };
    assert_eq!(confirmed, [wanted]);
    assert_eq!(card(&person), Some((CardFace::Plan, 5)));
}

#[test]
fn words_behind_the_name_are_taken_for_the_switch_alone() {
    for (typed, right) in [
        ("spark-1", true),
        ("spark-1 --now", true),
        ("spark-1 --no-ledger", true),
        ("spark-1 --now --no-ledger", true),
        ("spark-1--now", false),
        ("spark-1 now", false),
        ("spark-1 ", false),
        ("spark-2", false),
        ("--now", false),
        ("", false),
    ] {
        let mut person = with_armed();
        person.press("P");
        question(&mut person, PowerVerb::Cycle);
        person.press(&format!("'{}", typed.replace(' ', "_")));
        person.press("tab");
        person.press("tab");
        let confirmed = asks(&person.press("enter"))
            .iter()
            .any(|command| matches!(command, Command::Confirm { .. }));
        assert_eq!(confirmed, right, "{typed:?}");
    }
}

#[test]
fn in_the_cancel_window_every_way_out_calls_it_off() {
    for key in ["x", "esc", "ctrl-c"] {
        let mut person = with_armed();
        set_act(&mut person, act(running(), None));
        person.press("P");
        assert_eq!(card(&person).map(|(face, _)| face), Some(CardFace::Plan));
        let wanted = Command::AbortPower {
            host: id("spark-1"),
        };
        assert!(asks(&person.press(key)).contains(&wanted), "{key}");
        assert!(card(&person).is_some(), "{key}: the end is shown");
    }
}

#[test]
fn after_the_window_esc_leaves_it_at_work() {
    let mut person = with_armed();
    set_act(&mut person, act(over(), None));
    person.press("P");
    assert!(
        !asks(&person.press("esc"))
            .iter()
            .any(|command| matches!(command, Command::AbortPower { .. }))
    );
    assert!(person.dialog().is_none());
}

#[test]
fn an_unknown_end_is_loud_until_it_was_seen_and_enter_asks_for_the_status() {
    let mut person = Person::new();
    let lost = ActOutcome::Unknown("the connection was lost".into());
    set_act(&mut person, act(over(), Some(lost)));
    assert!(person.ui.power.unknown().is_some());
    person.press("j P");
    assert!(matches!(
        person.dialog(),
        Some(Dialog::Power { host, face: CardFace::Plan, .. }) if *host == id("spark-1")
    ));
    person.send(Input::Tick);
    assert!(person.ui.power.unknown().is_none(), "it was seen");
    let wanted = Command::Power {
        host: id("spark-1"),
        verb: PowerVerb::Status,
    };
    assert_eq!(asks(&person.press("enter")), [wanted]);
}

#[test]
fn the_line_takes_one_of_six_words_and_no_other() {
    for (line, verb) in [
        ("power spark-2", None),
        ("power spark-2 status", Some(PowerVerb::Status)),
        ("power spark-2 cycle", Some(PowerVerb::Cycle)),
    ] {
        let mut person = Person::new();
        person.press(":");
        person.press(&format!("'{}", line.replace(' ', "_")));
        let effects = asks(&person.press("enter"));
        let wanted: Vec<Command> = verb
            .map(|verb| Command::Power {
                host: id("spark-2"),
                verb,
            })
            .into_iter()
            .collect();
        assert_eq!(effects, wanted, "{line}");
        assert!(card(&person).is_some(), "{line}");
    }
    let mut person = Person::new();
    person.press(":");
    person.press("'power_spark-2_cyle");
    assert_eq!(person.press("enter"), []);
    assert!(person.flash().contains("`cyle` is no verb"));
}

#[test]
fn a_confirmation_scrolls_to_its_last_row_and_not_beyond() {
    let mut person = with_armed();
    let command = Command::Shell {
        host: id("spark-1"),
    };
    let asked = Reply::NeedsConfirmation {
        id: ConfirmationId(2),
        challenge: Challenge::YesNo,
        expires: At(60_000),
        plan: Plan {
            what: "Run something long.".into(),
            command: "one line\n".repeat(200),
            notes: Vec::new(),
        },
    };
    reply(&mut person.ui, &command, asked);
    person.press("c");
    let scrolled = |person: &Person| match person.dialog() {
        Some(Dialog::Confirm { scroll, .. }) => *scroll,
        _ => 0,
    };
    person.press("j");
    assert_eq!(scrolled(&person), 1);
    person.press("G");
    let end = scrolled(&person);
    assert!(end > 150 && end < 204, "{end}");
    person.press("j");
    assert_eq!(scrolled(&person), end);
}
