//! The reservation against its rule: whatever is ordered in whatever order, the host's script answers as a page of plain Rust does.

use std::fs;
use std::time::Duration;

use pilothouse::domain::Secret;
use pilothouse::models::{
    LockError, LockOrder, LockOutcome, SwapEnd, SwapPhase, order_lock, read_lock,
};
use proptest::prelude::*;

use super::stage::{KINDS, Stage, each_kind};
use super::story::words;

fn token(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn take(holder: &str, by: &str, seconds: u64) -> LockOrder {
    LockOrder::Take {
        holder: holder.to_owned(),
        ttl: Duration::from_secs(seconds),
        note: format!("note of {holder}"),
        token: Some(token(by)),
    }
}

#[tokio::test]
async fn a_place_is_taken_extended_refused_released_and_broken() {
    for kind in KINDS {
        let stage = Stage::new(kind).await;
        let base = stage.base();
        // Another connection each time: no console has to stay for it.
        let order = async |order: LockOrder| {
            order_lock(&*stage.exec(), Some(&base), &order)
                .await
                .unwrap()
        };
        let read = async |by: &str| {
            read_lock(&*stage.exec(), Some(&base), &[token(by)])
                .await
                .unwrap()
        };
        assert_eq!(read("a").await, None, "{kind}");
        let LockOutcome::Held(first) = order(take("ann", "a", 900)).await else {
            panic!("{kind}: it was free");
        };
        assert!(first.ours);
        let state = read("b").await.unwrap();
        assert!(!state.ours);
        assert!(state.left > Duration::from_secs(880) && state.left <= Duration::from_mins(15));
        assert_eq!(state.note.as_str(), "note of ann");
        // The same name without the token, and the token under another name, are nobody's.
        for other in [
            take("ann", "b", 10),
            take("bob", "a", 10),
            take("bob", "b", 10),
        ] {
            assert!(
                matches!(order(other).await, LockOutcome::Refused(held) if held.holder.as_str() == "ann")
            );
        }
        let LockOutcome::Held(longer) = order(take("ann", "a", 999_999)).await else {
            panic!("{kind}: it was ours");
        };
        assert_eq!(longer.since, first.since);
        assert!(
            longer.left > Duration::from_secs(86_380) && longer.left <= Duration::from_hours(24)
        );
        let wrong = LockOrder::Release {
            token: Some(token("b")),
        };
        assert!(
            matches!(order(wrong).await, LockOutcome::Refused(_)),
            "{kind}"
        );
        assert!(matches!(
            order(LockOrder::Release { token: None }).await,
            LockOutcome::Refused(_)
        ));
        assert_eq!(
            order(LockOrder::Release {
                token: Some(token("a"))
            })
            .await,
            LockOutcome::Free
        );
        assert_eq!(
            order(LockOrder::Release {
                token: Some(token("a"))
            })
            .await,
            LockOutcome::Free
        );
        order(take("bob", "b", 60)).await;
        assert_eq!(order(LockOrder::Break).await, LockOutcome::Free);
        assert_eq!(read("b").await, None);
        let none = LockOrder::Take {
            holder: "ann".into(),
            ttl: Duration::from_secs(1),
            note: String::new(),
            token: None,
        };
        let error = order_lock(&*stage.exec(), Some(&base), &none).await;
        assert!(matches!(error, Err(LockError::Token(_))));
    }
}

#[tokio::test]
async fn only_a_hash_of_the_token_is_on_the_host_and_words_stay_one_line() {
    let stage = Stage::new("dash").await;
    let order = LockOrder::Take {
        holder: "ann\nhash 00\u{1b}[31m $(reboot) \\n".into(),
        ttl: Duration::from_mins(1),
        note: "'; rm -rf /; echo '".into(),
        token: Some(token("very secret")),
    };
    let held = order_lock(&*stage.exec(), Some(&stage.base()), &order)
        .await
        .unwrap();
    assert!(matches!(held, LockOutcome::Held(state)
        if state.ours && state.holder.as_str() == "ann hash 00 [31m $(reboot) \\n"
            && state.note.as_str() == "'; rm -rf /; echo '"));
    for entry in fs::read_dir(stage.path("base/models")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("very secret"));
    }
}

#[tokio::test]
async fn a_reserved_place_takes_only_the_swap_that_has_the_token() {
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        order_lock(&*stage.exec(), Some(&stage.base()), &take("ann", "a", 900))
            .await
            .unwrap();
        for wrong in [None, Some(token("b"))] {
            let mut plan = stage.plan("qwen");
            plan.token = wrong;
            plan.force = true;
            let report = stage.swap(&plan).await;
            let Some(SwapEnd::Failed { phase, why, hint }) = &report.end else {
                panic!("{kind}: {report:#?}");
            };
            assert_eq!(*phase, SwapPhase::Lock);
            assert!(
                why.as_str().starts_with("reserved by ann for another "),
                "{kind}: {why}"
            );
            assert!(why.as_str().ends_with("note of ann"), "{why}");
            assert!(hint.is_some());
            assert!(!stage.read("asked").contains("docker run"));
        }
        let mut plan = stage.plan("qwen");
        plan.token = Some(token("a"));
        let report = stage.swap(&plan).await;
        assert_eq!(report.end, Some(SwapEnd::Served), "{kind}: {report:#?}");
        assert_eq!(
            words(&report, SwapPhase::Lock),
            "done its reservation is ours"
        );
    })
    .await;
}

/// The rule: who holds it, until when.
#[derive(Debug, Clone, Default)]
struct Rule(Option<(String, String, u64)>);

#[derive(Debug, Clone)]
enum Step {
    Take(usize, usize, u64),
    Release(usize),
    Break,
    /// So many seconds go by.
    Later(u64),
}

const NAMES: [&str; 2] = ["ann", "bob"];

impl Rule {
    /// Whether the order does what it says.
    fn order(&mut self, now: u64, step: &Step) -> bool {
        if self.0.as_ref().is_some_and(|(_, _, until)| *until <= now) {
            self.0 = None;
        }
        match step {
            Step::Take(holder, token, ttl) => {
                let (holder, token) = (NAMES[*holder].to_owned(), NAMES[*token].to_owned());
                if self
                    .0
                    .as_ref()
                    .is_some_and(|held| (&held.0, &held.1) != (&holder, &token))
                {
                    return false;
                }
                self.0 = Some((holder, token, now + (*ttl).clamp(1, 86_400)));
                true
            }
            Step::Release(token) => {
                if self.0.as_ref().is_some_and(|held| held.1 != NAMES[*token]) {
                    return false;
                }
                self.0 = None;
                true
            }
            Step::Break => {
                self.0 = None;
                true
            }
            Step::Later(_) => true,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2usize, 0..2usize, prop_oneof![Just(0), 1..100u64, Just(100_000)])
            .prop_map(|(holder, token, ttl)| Step::Take(holder, token, ttl)),
        2 => (0..2usize).prop_map(Step::Release),
        1 => Just(Step::Break),
        2 => (1..120u64).prop_map(Step::Later),
    ]
}

fn order_of(step: &Step) -> Option<LockOrder> {
    match step {
        Step::Take(holder, by, ttl) => Some(LockOrder::Take {
            holder: NAMES[*holder].to_owned(),
            // Nothing below a second gets past the console; the script has the same bound.
            ttl: Duration::from_secs(*ttl),
            note: String::new(),
            token: Some(token(NAMES[*by])),
        }),
        Step::Release(by) => Some(LockOrder::Release {
            token: Some(token(NAMES[*by])),
        }),
        Step::Break => Some(LockOrder::Break),
        Step::Later(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_script_keeps_the_rule(kind in 0..2usize, steps in proptest::collection::vec(step(), 1..14)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let stage = Stage::new(KINDS[kind]).await;
            // The host's clock is a file here, so that time goes by as it is told. Busybox has a date of its own.
            stage.write("clock", "1700000000");
            stage.install_clock();
            let (mut rule, mut now) = (Rule::default(), 1_700_000_000);
            for step in &steps {
                if let Step::Later(seconds) = step {
                    now += seconds;
                    stage.write("clock", &now.to_string());
                }
                let wanted = rule.order(now, step);
                if let Some(order) = order_of(step) {
                    let outcome = order_lock(&*stage.exec(), Some(&stage.base()), &order).await.unwrap();
                    assert_eq!(!matches!(outcome, LockOutcome::Refused(_)), wanted, "{step:?} of {steps:?}");
                }
                let state = read_lock(&*stage.exec(), Some(&stage.base()), &[token("ann")]).await.unwrap();
                let holder = state.as_ref().map(|state| (state.holder.as_str(), state.ours, state.left.as_secs()));
                let held = rule.0.as_ref().filter(|held| held.2 > now);
                assert_eq!(holder, held.map(|held| (held.0.as_str(), held.1 == "ann", held.2 - now)), "{step:?} of {steps:?}");
            }
        });
    }
}
