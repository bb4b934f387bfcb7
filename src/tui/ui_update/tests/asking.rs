//! What changes something: dialogs, confirmations, questions.

use super::person::*;

fn signal(signal: Signal) -> Command {
    Command::Signal {
        host: HostId::new("spark-1"),
        pid: 11,
        started: Some(1_100),
        signal,
    }
}

#[test]
fn a_signal_is_chosen_then_asked_for() {
    let mut person = Person::new();
    person.press("enter ] j x");
    assert!(matches!(
        person.dialog(),
        Some(Dialog::Signal { pid: 11, .. })
    ));
    assert_eq!(person.press("j enter"), [ask(signal(Signal::Int))]);
    assert_eq!(
        person.press(": 'signal_11_kill enter"),
        [ask(signal(Signal::Kill))]
    );
    assert_eq!(person.press(": 'signal_99_kill enter"), []);
    assert_eq!(person.flash(), "no process 99 is known on this host");
}

#[test]
fn nobody_chooses_a_signal_that_would_be_refused() {
    let mut person = Person::new();
    person.change(|fleet| fleet.read_only = true);
    assert_eq!(person.press("enter ] j x"), []);
    assert_eq!(person.dialog(), None);
    assert_eq!(person.flash(), "read-only: no signal is sent");
}

fn needs_confirmation(challenge: Challenge) -> Reply {
    Reply::NeedsConfirmation {
        id: ConfirmationId(7),
        challenge,
        expires: At(30_000),
        plan: Plan {
            what: "send SIGTERM to 11 on spark-1".into(),
            command: "kill -s TERM 11".into(),
            notes: Vec::new(),
        },
    }
}

fn confirm(answer: &str) -> UiEffect {
    ask(Command::Confirm {
        id: ConfirmationId(7),
        answer: answer.into(),
    })
}

#[test]
fn no_letter_digit_or_single_enter_approves() {
    // Every key there is, alone and then Enter: nothing confirms.
    let mut keys: Vec<String> = ('!'..='~').map(|c| c.to_string()).collect();
    keys.extend(["space", "enter", "up", "down", "home", "end", "esc", "f1"].map(str::to_owned));
    for key in keys {
        for challenge in [Challenge::YesNo, Challenge::TypeName("spark-1".into())] {
            let mut person = Person::new();
            reply(
                &mut person.ui,
                &signal(Signal::Term),
                needs_confirmation(challenge),
            );
            let effects = person.press(&format!("{key} enter"));
            let confirms = |effect: &UiEffect| {
                matches!(
                    effect,
                    UiEffect::Ask(Command::Confirm { .. } | Command::Answer { .. })
                )
            };
            assert!(!effects.iter().any(confirms), "{key}: {effects:?}");
        }
    }
}

#[test]
fn tab_to_yes_then_enter_confirms() {
    let mut person = Person::new();
    reply(
        &mut person.ui,
        &signal(Signal::Term),
        needs_confirmation(Challenge::YesNo),
    );
    assert!(matches!(
        person.dialog(),
        Some(Dialog::Confirm {
            button: Button::No,
            ..
        })
    ));
    assert_eq!(person.press("c tab enter"), [confirm("yes")]);
    // What is told in the end is what was confirmed.
    let command = Command::Confirm {
        id: ConfirmationId(7),
        answer: "yes".into(),
    };
    reply(&mut person.ui, &command, Reply::Done);
    assert_eq!(person.flash(), "SIGTERM sent to 11 on spark-1");
}

#[test]
fn a_typed_name_has_to_match() {
    let mut person = Person::new();
    let typed = || needs_confirmation(Challenge::TypeName("spark-1".into()));
    reply(&mut person.ui, &signal(Signal::Term), typed());
    assert_eq!(person.press("'spark-2 tab tab enter"), []);
    assert_eq!(person.flash(), "the name does not match");
    assert_eq!(
        person.press("tab backspace '1 tab tab enter"),
        [confirm("spark-1")]
    );
}

#[test]
fn no_and_esc_and_time_withdraw() {
    let withdraw = ask(Command::Withdraw(ConfirmationId(7)));
    for keys in ["enter", "esc", "q", "ctrl-c"] {
        let mut person = Person::new();
        reply(
            &mut person.ui,
            &signal(Signal::Term),
            needs_confirmation(Challenge::YesNo),
        );
        assert_eq!(
            person.press(keys),
            std::slice::from_ref(&withdraw),
            "{keys}"
        );
        assert!(person.ui.layers.is_empty());
    }
    let mut person = Person::new();
    reply(
        &mut person.ui,
        &signal(Signal::Term),
        needs_confirmation(Challenge::YesNo),
    );
    assert_eq!(person.at(29_999), []);
    assert_eq!(person.at(30_000), [withdraw]);
    assert_eq!(person.flash(), "not done: nobody confirmed in time");
}

#[test]
fn a_confirmation_waits_while_something_is_typed() {
    let mut person = Person::new();
    person.press("/ 'rt");
    reply(
        &mut person.ui,
        &signal(Signal::Term),
        needs_confirmation(Challenge::YesNo),
    );
    person.press("'x enter");
    assert_eq!(person.ui.list_filter.text, "rtx");
    assert_eq!(person.dialog(), None);
    person.at(500);
    assert_eq!(person.dialog(), None);
    person.at(1_100);
    assert!(matches!(person.dialog(), Some(Dialog::Confirm { .. })));
}

#[test]
fn a_shell_opens_when_the_engine_agrees() {
    let mut person = Person::new();
    let shell = Command::Shell {
        host: HostId::new("spark-1"),
    };
    reply(&mut person.ui, &shell, needs_confirmation(Challenge::YesNo));
    person.press("tab enter");
    let command = Command::Confirm {
        id: ConfirmationId(7),
        answer: "yes".into(),
    };
    let line = ShellCommand::new("ssh").arg("spark-1");
    let host = HostId::new("spark-1");
    assert_eq!(
        reply(
            &mut person.ui,
            &command,
            Reply::Shell {
                terminal: crate::domain::TerminalId(1),
                command: line.clone()
            }
        ),
        [UiEffect::Shell {
            host,
            terminal: crate::domain::TerminalId(1),
            line
        }]
    );
    let refused = Reply::Refused(Refusal {
        why: "this console is read-only".into(),
        hint: None,
    });
    assert_eq!(reply(&mut person.ui, &shell, refused), []);
    assert_eq!(person.flash(), "this console is read-only");
}

fn prompts(id: u64) -> PendingQuestion {
    let mut question = key_question(id);
    question.question = Question::Prompts {
        from: crate::domain::Endpoint {
            host: "spark-1".parse().unwrap(),
            port: crate::domain::Port::SSH,
        },
        instructions: "".into(),
        prompts: vec![
            Prompt {
                text: "Password:".into(),
                echo: false,
            },
            Prompt {
                text: "Code:".into(),
                echo: true,
            },
        ],
    };
    question
}

fn answer(id: u64, answer: Answer) -> UiEffect {
    ask(Command::Answer {
        question: QuestionId(id),
        answer,
    })
}

#[test]
fn nothing_opens_by_itself_within_a_second_of_a_key_or_over_a_draft() {
    let mut person = Person::new();
    person.ui.now = At(5_000);
    person.press("j");
    person.change(|fleet| fleet.questions = Arc::new(vec![key_question(1), key_question(2)]));
    assert_eq!(person.dialog(), None);
    assert_eq!(person.flash(), "2 questions · a to answer");
    person.at(5_999);
    assert_eq!(person.dialog(), None);
    person.press("/ 's");
    person.at(60_000);
    assert_eq!(person.dialog(), None);
    person.press("enter");
    person.at(61_000);
    assert!(matches!(person.dialog(), Some(Dialog::HostKeys { .. })));
    // Closed without an answer, it does not come back by itself; the key brings it.
    assert_eq!(person.press("esc"), []);
    person.at(90_000);
    assert_eq!(person.dialog(), None);
    person.press("a");
    assert!(matches!(person.dialog(), Some(Dialog::HostKeys { .. })));
}

#[test]
fn host_keys_are_trusted_one_by_one_by_mark_and_button() {
    let mut person = Person::new();
    person.change(|fleet| fleet.questions = Arc::new((1..=3).map(key_question).collect()));
    person.press("a");
    assert_eq!(
        person.press("enter y tab tab enter").len(),
        1,
        "only the copy"
    );
    assert_eq!(
        person.flash(),
        "no key is marked: Space marks the ones to trust"
    );
    assert_eq!(
        person.press("tab j space tab tab enter"),
        [answer(2, Answer::Trust)]
    );
    assert!(person.dialog().is_some(), "two keys are left");
    // A question that is answered elsewhere leaves the list.
    person.change(|fleet| fleet.questions = Arc::new(vec![key_question(3)]));
    assert_eq!(person.press("tab tab enter"), [answer(3, Answer::Refuse)]);
    assert_eq!(person.dialog(), None);
}

#[test]
fn prompts_are_answered_field_by_field() {
    let mut person = Person::new();
    person.change(|fleet| fleet.questions = Arc::new(vec![prompts(9)]));
    person.press("a");
    let effects = person.press("'q_x enter '42 enter");
    let [
        UiEffect::Ask(Command::Answer {
            answer: Answer::Texts(texts),
            ..
        }),
    ] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    let texts: Vec<&str> = texts.iter().map(|text| text.expose().as_str()).collect();
    assert_eq!(texts, ["q x", "42"]);
    // A question that is moot closes its dialog.
    person.press("a");
    person.change(|fleet| fleet.questions = Arc::default());
    assert_eq!(person.dialog(), None);
}
