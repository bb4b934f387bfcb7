//! The state machine by scripts: what comes in at which second, what goes out.

mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::event::{Ending, EventKind, TroubleKind};
    use super::super::session::{Act, Exited, Form, Input, Output, Rules, Session, Wish};
    use super::super::stream::{Block, BlockKind, CliEvent, Init, TurnResult};
    use super::super::transcript::Phase;
    use super::super::trouble::Trouble;
    use crate::domain::At;

    struct Script {
        session: Session,
        now: At,
        out: Vec<Output>,
    }

    fn rules() -> Rules {
        Rules {
            tools: BTreeSet::from(["fleet".to_owned()]),
            limit: Duration::from_mins(5),
            budget: 5.0,
            turns: 40,
        }
    }

    fn init() -> CliEvent {
        CliEvent::Init(Init {
            session: "s-1".to_owned(),
            tools: Some(vec!["mcp__pilothouse__fleet".to_owned()]),
            servers: Some(vec![("pilothouse".to_owned(), "connected".to_owned())]),
            mode: "default".to_owned(),
            ..Init::default()
        })
    }

    fn result() -> CliEvent {
        CliEvent::Result(Box::default())
    }

    fn failed(subtype: &str, reason: &str, text: &str, status: Option<u16>) -> CliEvent {
        CliEvent::Result(Box::new(TurnResult {
            failed: true,
            subtype: subtype.to_owned(),
            reason: reason.to_owned(),
            text: text.to_owned(),
            status,
            ..TurnResult::default()
        }))
    }

    fn delta(text: &str) -> CliEvent {
        CliEvent::Delta {
            index: 0,
            thinking: false,
            text: text.to_owned(),
        }
    }

    fn exited(how: &str, stderr: &str) -> Input {
        Input::Exited(Exited {
            how: how.to_owned(),
            stderr: stderr.to_owned(),
        })
    }

    impl Script {
        fn new(form: Form) -> Self {
            Self {
                session: Session::new(rules(), form),
                now: At(0),
                out: Vec::new(),
            }
        }

        /// A conversation in the midst of its first turn.
        fn in_turn() -> Self {
            let mut script = Self::new(Form::Create("s-1".to_owned()));
            script.say("first");
            script.hear(init());
            script.out.clear();
            script
        }

        fn put(&mut self, input: Input) {
            self.session.step(self.now, input, &mut self.out);
        }

        fn say(&mut self, text: &str) {
            self.put(Input::Wish(Wish::Say(text.to_owned())));
        }

        fn hear(&mut self, event: CliEvent) {
            self.put(Input::Line(event));
        }

        /// Lets time pass; whatever falls due meanwhile happens at its moment.
        fn wait(&mut self, seconds: u64) {
            let until = self.now.plus(Duration::from_secs(seconds));
            while let Some(due) = self.session.due().filter(|due| *due <= until) {
                self.now = self.now.max(due);
                self.put(Input::Time);
            }
            self.now = until;
        }

        fn acts(&mut self) -> Vec<Act> {
            std::mem::take(&mut self.out)
                .into_iter()
                .filter_map(|one| match one {
                    Output::Act(act) => Some(act),
                    Output::Event(_) => None,
                })
                .collect()
        }

        fn endings(&self) -> Vec<Ending> {
            self.out
                .iter()
                .filter_map(|one| match one {
                    Output::Event(EventKind::TurnEnded { ending, .. }) => Some(ending.clone()),
                    _ => None,
                })
                .collect()
        }

        fn troubles(&self) -> Vec<TroubleKind> {
            self.out
                .iter()
                .filter_map(|one| match one {
                    Output::Event(EventKind::Trouble { kind, .. }) => Some(*kind),
                    _ => None,
                })
                .collect()
        }
    }

    #[test]
    fn a_question_that_never_arrives_is_a_trouble_and_the_next_starts_anew() {
        let mut script = Script::in_turn();
        script.put(Input::Unwritten);
        assert_eq!(script.troubles(), [TroubleKind::Unusable]);
        assert!(matches!(script.endings()[..], [Ending::Failed(_)]));
        assert_eq!(script.acts(), [Act::Kill]);
        script.put(exited("SIGKILL", ""));
        script.say("again");
        assert!(matches!(script.acts()[..], [Act::Start(_), Act::Write(_)]));
        // An interrupt that is lost is followed by a signal.
        let mut script = Script::in_turn();
        script.put(Input::Wish(Wish::Interrupt));
        script.put(Input::Unwritten);
        assert!(script.troubles().is_empty() && script.endings().is_empty());
    }

    #[test]
    fn the_first_question_starts_the_program_and_the_next_does_not() {
        let mut script = Script::new(Form::Create("s-1".to_owned()));
        assert_eq!(script.session.phase(), Phase::Asleep);
        script.say("first");
        assert_eq!(script.session.phase(), Phase::Starting(At(0)));
        let acts = script.acts();
        assert_eq!(acts[0], Act::Start(Form::Create("s-1".to_owned())));
        assert!(matches!(&acts[1], Act::Write(line) if line.contains("first")));
        script.hear(init());
        script.hear(result());
        assert_eq!(script.session.phase(), Phase::Idle);
        assert_eq!(script.endings(), [Ending::Done]);
        script.acts();
        script.say("second");
        let acts = script.acts();
        assert!(matches!(&acts[..], [Act::Write(line)] if line.contains("second")));
    }

    #[test]
    fn a_program_that_went_while_idle_is_resumed_by_the_name_that_it_told() {
        let mut script = Script::in_turn();
        script.hear(result());
        script.put(exited("exit 0", ""));
        assert_eq!(script.session.phase(), Phase::Asleep);
        script.acts();
        script.say("second");
        assert_eq!(script.acts()[0], Act::Start(Form::Resume("s-1".to_owned())));
    }

    #[test]
    fn the_other_form_is_tried_once_and_the_question_asked_again() {
        for (form, other, words) in [
            (
                Form::Create("s".to_owned()),
                Form::Resume("s".to_owned()),
                "Error: Session ID s is already in use.",
            ),
            (
                Form::Resume("s".to_owned()),
                Form::Create("s".to_owned()),
                "No conversation found with session ID: s",
            ),
        ] {
            let mut script = Script::new(form);
            script.say("first");
            script.acts();
            script.put(exited("exit 1", words));
            let acts = script.acts();
            assert_eq!(acts[0], Act::Start(other));
            assert!(matches!(&acts[1], Act::Write(line) if line.contains("first")));
            script.put(exited("exit 1", words));
            assert_eq!(script.troubles(), [TroubleKind::Unusable]);
            assert_eq!(script.endings().len(), 1);
            assert!(matches!(script.session.phase(), Phase::Dead(_)));
        }
    }

    #[test]
    fn the_ladder_climbs_at_its_moments() {
        let mut script = Script::in_turn();
        script.put(Input::Wish(Wish::Interrupt));
        assert!(matches!(script.session.phase(), Phase::Stopping(_)));
        let first = script.acts();
        assert!(
            matches!(&first[..], [Act::Write(line)] if line.contains(r#""subtype":"interrupt""#)
        && line.contains(r#""type":"control_request""#))
        );
        for (seconds, act) in [(3, Act::Int), (3, Act::Term), (5, Act::Kill)] {
            script.wait(seconds - 1);
            assert_eq!(script.acts(), [], "{act:?}");
            script.wait(1);
            assert_eq!(script.acts(), [act]);
        }
        script.put(exited("ended by signal 9", ""));
        assert_eq!(script.endings(), [Ending::Interrupted]);
        assert_eq!(script.troubles(), []);
        assert_eq!(script.session.phase(), Phase::Asleep);
    }

    #[test]
    fn after_a_signal_the_program_goes_and_the_queue_waits_for_the_next_one() {
        let mut script = Script::in_turn();
        script.say("second");
        script.put(Input::Wish(Wish::Interrupt));
        script.wait(3);
        script.acts();
        script.hear(failed(
            "error_during_execution",
            "aborted_streaming",
            "",
            None,
        ));
        assert_eq!(script.endings(), [Ending::Interrupted]);
        assert_eq!(script.acts(), [], "it is on its way out");
        script.put(exited("exit 0", ""));
        assert_eq!(script.acts()[0], Act::Start(Form::Resume("s-1".to_owned())));
    }

    #[test]
    fn a_turn_that_takes_too_long_is_stopped_and_waiting_for_a_person_does_not_count() {
        let mut script = Script::in_turn();
        script.wait(60);
        script.put(Input::Wish(Wish::Awaiting(1)));
        assert!(matches!(script.session.phase(), Phase::Waiting(_)));
        script.out.clear();
        script.wait(600);
        assert!(script.out.is_empty(), "{:?}", script.out);
        script.put(Input::Wish(Wish::Awaiting(0)));
        for _ in 0..239 {
            script.wait(1);
            script.hear(CliEvent::Alive);
        }
        assert!(script.out.is_empty(), "{:?}", script.out);
        script.wait(1);
        assert!(matches!(&script.acts()[..], [Act::Write(_)]));
        script.hear(failed("error_during_execution", "aborted_tools", "", None));
        assert_eq!(script.endings(), [Ending::TimedOut]);
    }

    #[test]
    fn silence_is_told_once_and_any_sign_of_life_ends_it() {
        let mut script = Script::in_turn();
        script.wait(89);
        assert_eq!(script.troubles(), []);
        script.wait(1);
        assert_eq!(script.troubles(), [TroubleKind::Silent]);
        script.wait(60);
        assert_eq!(script.troubles(), [TroubleKind::Silent]);
        script.hear(CliEvent::Unknown);
        script.wait(90);
        assert_eq!(script.troubles(), [TroubleKind::Silent; 2]);
        // An API that does not begin to answer is told sooner.
        script.out.clear();
        script.hear(CliEvent::Requesting);
        script.wait(19);
        assert_eq!(script.troubles(), []);
        script.wait(1);
        assert_eq!(script.troubles(), [TroubleKind::Silent]);
        assert_eq!(script.endings(), []);
    }

    #[test]
    fn a_program_that_never_begins_is_ended_after_30_seconds() {
        let mut script = Script::new(Form::Create("s".to_owned()));
        script.say("first");
        script.hear(CliEvent::Bad);
        script.acts();
        script.wait(29);
        assert_eq!(script.acts(), []);
        script.wait(1);
        assert_eq!(script.troubles(), [TroubleKind::Silent]);
        assert_eq!(script.endings().len(), 1);
        assert_eq!(script.acts(), [Act::Kill]);
        script.put(exited("ended by signal 9", ""));
        assert!(matches!(script.session.phase(), Phase::Dead(_)));
        assert_eq!(script.endings().len(), 0);
    }

    #[test]
    fn failures_by_rows() {
        for (event, word, trouble, says) in [
            (
                failed("success", "api_error", "Invalid API key", Some(401)),
                "",
                Some(TroubleKind::LoggedOut),
                "Invalid",
            ),
            (
                failed("success", "completed", "Please run /login", None),
                "",
                Some(TroubleKind::LoggedOut),
                "/login",
            ),
            (
                failed("success", "api_error", "limit", Some(429)),
                "",
                Some(TroubleKind::OverQuota),
                "limit",
            ),
            (
                failed("success", "api_error", "pay", Some(400)),
                "billing_error",
                Some(TroubleKind::OverQuota),
                "pay",
            ),
            (
                failed("success", "api_error", "Overloaded", Some(529)),
                "",
                Some(TroubleKind::Offline),
                "Overl",
            ),
            (
                failed("success", "api_error", "Connection error.", None),
                "",
                Some(TroubleKind::Offline),
                "Conn",
            ),
            (
                failed("success", "api_error", "no such model", Some(404)),
                "",
                Some(TroubleKind::Unusable),
                "model",
            ),
            (
                failed("error_max_turns", "max_turns", "", None),
                "",
                None,
                "40 steps",
            ),
            (
                failed("error_max_budget_usd", "budget_exhausted", "", None),
                "",
                Some(TroubleKind::OverQuota),
                "$5",
            ),
            (
                failed("error_during_execution", "", "odd", None),
                "",
                None,
                "odd",
            ),
        ] {
            let mut script = Script::in_turn();
            if !word.is_empty() {
                script.hear(CliEvent::Blocks {
                    message: "m".to_owned(),
                    blocks: vec![Block::Text("said by the program".to_owned())],
                    error: Some(word.to_owned()),
                    synthetic: true,
                });
            }
            let shown = format!("{event:?}");
            script.hear(event);
            let [Ending::Failed(said)] = &script.endings()[..] else {
                panic!("{shown}: {:?}", script.out);
            };
            assert!(said.as_str().contains(says), "{shown}: {said}");
            let troubles: Vec<_> = trouble.into_iter().collect();
            assert_eq!(script.troubles(), troubles, "{shown}");
        }
    }

    #[test]
    fn an_early_trouble_is_told_once_with_its_retries() {
        for (status, error, trouble) in [
            (None, "Connection error", Some(TroubleKind::Offline)),
            (
                Some(401),
                "authentication_failed",
                Some(TroubleKind::LoggedOut),
            ),
            (Some(429), "rate_limit", Some(TroubleKind::OverQuota)),
            (Some(529), "overloaded", None),
        ] {
            let mut script = Script::in_turn();
            for attempt in 1..=2 {
                script.hear(CliEvent::Retry {
                    attempt,
                    of: 2,
                    after: Duration::from_secs(4),
                    status,
                    error: error.to_owned(),
                });
            }
            let told: Vec<_> = trouble.into_iter().collect();
            assert_eq!(script.troubles(), told, "{error}");
            assert!(
                matches!(
                    script.session.phase(),
                    Phase::Retrying {
                        attempt: 2,
                        of: 2,
                        due: At(4000),
                        ..
                    }
                ),
                "{:?}",
                script.session.phase()
            );
            script.hear(CliEvent::MessageBegan {
                message: "m".to_owned(),
                context: 1,
            });
            assert!(matches!(script.session.phase(), Phase::Working { .. }));
        }
    }

    #[test]
    fn closing_an_idle_conversation_is_polite_first() {
        let mut script = Script::in_turn();
        script.hear(result());
        script.acts();
        script.put(Input::Wish(Wish::Close));
        assert_eq!(script.acts(), [Act::EndInput]);
        script.wait(5);
        assert_eq!(script.acts(), [Act::Term]);
        script.wait(5);
        assert_eq!(script.acts(), [Act::Kill]);
        script.put(exited("ended by signal 9", ""));
        assert_eq!(script.acts(), [Act::Over]);
        script.say("too late");
        assert!(script.out.is_empty());
    }

    #[test]
    fn what_was_read_of_an_unfinished_text_stays_and_what_was_given_up_goes() {
        let mut script = Script::in_turn();
        let begin = |message: &str| CliEvent::MessageBegan {
            message: message.to_owned(),
            context: 0,
        };
        script.hear(begin("m1"));
        script.hear(CliEvent::BlockBegan {
            index: 0,
            kind: BlockKind::Text,
        });
        script.hear(delta("half"));
        script.hear(begin("m2"));
        script.hear(delta("of it"));
        script.hear(result());
        let events: Vec<String> = script
            .out
            .iter()
            .filter_map(|one| match one {
                Output::Event(EventKind::Draft { block, delta, .. }) => {
                    Some(format!("+{block} {delta}"))
                }
                Output::Event(EventKind::DraftDropped { block }) => Some(format!("-{block}")),
                Output::Event(EventKind::Text { block, lines, .. }) => {
                    Some(format!("={block} {}", lines[0]))
                }
                _ => None,
            })
            .collect();
        assert_eq!(
            events,
            ["+m1:0 half", "-m1:0", "+m2:0 of it", "=m2:0 of it"]
        );
    }

    fn inputs() -> impl Strategy<Value = Input> {
        prop_oneof![
            4 => "[ab]{1,3}".prop_map(|text| Input::Wish(Wish::Say(text))),
            1 => Just(Input::Wish(Wish::Unqueue)),
            2 => Just(Input::Wish(Wish::Interrupt)),
            1 => (0_usize..2).prop_map(|count| Input::Wish(Wish::Awaiting(count))),
            4 => Just(Input::Line(init())),
            4 => Just(Input::Line(result())),
            1 => Just(Input::Line(CliEvent::Init(Init::default()))),
            1 => Just(Input::Line(failed("error_during_execution", "", "No conversation found", None))),
            3 => "[xy]{1,2}".prop_map(|text| Input::Line(delta(&text))),
            1 => Just(Input::Line(CliEvent::Requesting)),
            2 => Just(exited("exit 1", "")),
            1 => Just(exited("exit 1", "is already in use")),
            1 => Just(Input::NotStarted(Trouble::new(TroubleKind::Missing, "a", "b"))),
            4 => Just(Input::Time),
        ]
    }

    proptest! {
        /// Whatever happens: a turn that begins ends exactly once, and never two at a time; every question is asked, waits or was
        /// taken back; the program is written to only while it runs.
        #[test]
        fn each_turn_ends_once(steps in prop::collection::vec((inputs(), 0_u64..40), 1..60)) {
            let mut script = Script::new(Form::Create("s".to_owned()));
            let (mut runs, mut said, mut asked, mut queued, mut unqueued, mut open) = (false, 0, 0, 0, 0, false);
            for (input, seconds) in steps {
                // The hands tell the end of a program only while one runs.
                if matches!(input, Input::Exited(_) | Input::NotStarted(_) | Input::Line(_)) && !runs {
                    continue;
                }
                said += usize::from(matches!(input, Input::Wish(Wish::Say(_))));
                runs &= !matches!(input, Input::Exited(_) | Input::NotStarted(_));
                let begins = matches!(&input, Input::Line(CliEvent::Init(_)));
                script.put(input);
                for one in std::mem::take(&mut script.out) {
                    match one {
                        Output::Act(Act::Start(_)) => { prop_assert!(!runs); runs = true; }
                        Output::Act(Act::Write(_)) => prop_assert!(runs),
                        Output::Event(EventKind::Asked { queued: false, .. }) => {
                            prop_assert!(!open);
                            open = true;
                            asked += 1;
                        }
                        Output::Event(EventKind::Asked { .. }) => queued += 1,
                        Output::Event(EventKind::Unqueued) => unqueued += 1,
                        Output::Event(EventKind::TurnEnded { .. }) => {
                            prop_assert!(open || begins);
                            open = false;
                        }
                        // One that the program began by itself.
                        Output::Event(EventKind::Began { .. }) => open = true,
                        _ => {}
                    }
                }
                prop_assert!(queued >= unqueued);
                prop_assert!(asked + unqueued <= said);
                script.wait(seconds);
                for one in &script.out {
                    if matches!(one, Output::Event(EventKind::TurnEnded { .. })) { open = false; }
                }
                script.out.clear();
            }
        }
    }
}
