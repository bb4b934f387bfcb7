//! How a service stands, by tables and by any order of looks.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::{At, HostId, Managed, ServiceName, ServicePreset, Wall};
use crate::text::SafeText;

fn service() -> Service {
    let managed = Managed::Container("parakeet".into());
    let (host, name) = (HostId::new("spark-2"), ServiceName::new("speech"));
    Service::new(Arc::new(
        ServicePreset::SpeechToText.spec(host, name, None, managed),
    ))
}

fn look(
    service: &mut Service,
    at: u64,
    depth: Depth,
    outcome: ProbeOutcome,
) -> Option<ServiceEvent> {
    let probed = Probed {
        at: At(at * 1000),
        took: Duration::from_millis(5),
        outcome,
    };
    let wall = Wall(i64::try_from(at).unwrap() * 1000);
    service.probed(depth, probed, wall)
}

fn good() -> ProbeOutcome {
    ProbeOutcome::Good("fine".into())
}

fn bad() -> ProbeOutcome {
    ProbeOutcome::Bad("it answers 502".into())
}

fn absent() -> ProbeOutcome {
    ProbeOutcome::Absent("no container".into())
}

#[test]
fn words_by_rows() {
    use Depth::{Deep, Shallow};
    let idle = ProbeOutcome::Idle("nothing is loaded".into());
    let wedged = ProbeOutcome::Wedged("HTTP 500".into());
    let starting = ProbeOutcome::Starting("health: starting".into());
    let rows: Vec<(Vec<(Depth, ProbeOutcome)>, ServiceWord)> = vec![
        (vec![(Shallow, good())], ServiceWord::Healthy),
        (vec![(Shallow, absent())], ServiceWord::Stopped),
        (vec![(Shallow, starting.clone())], ServiceWord::Starting),
        (vec![(Shallow, idle.clone())], ServiceWord::Idle),
        (vec![(Deep, good())], ServiceWord::Healthy),
        (vec![(Shallow, good()), (Deep, idle)], ServiceWord::Idle),
        (
            vec![(Shallow, good()), (Deep, bad())],
            ServiceWord::Unhealthy,
        ),
        (
            vec![(Shallow, good()), (Deep, wedged.clone())],
            ServiceWord::Wedged,
        ),
        (
            vec![(Shallow, good()), (Deep, wedged.clone()), (Shallow, good())],
            ServiceWord::Wedged,
        ),
        // It went away and came back: what was found before is over.
        (
            vec![
                (Shallow, good()),
                (Deep, wedged.clone()),
                (Shallow, absent()),
            ],
            ServiceWord::Stopped,
        ),
        (
            vec![
                (Shallow, good()),
                (Deep, wedged),
                (Shallow, starting),
                (Shallow, good()),
            ],
            ServiceWord::Healthy,
        ),
        (
            vec![(Shallow, absent()), (Deep, good())],
            ServiceWord::Stopped,
        ),
    ];
    for (looks, word) in rows {
        let mut service = service();
        for (at, (depth, outcome)) in looks.iter().enumerate() {
            look(&mut service, at as u64, *depth, outcome.clone());
        }
        assert_eq!(service.word, word, "{looks:?}");
    }
}

#[test]
fn a_way_down_and_up_is_told_with_its_length() {
    let mut service = service();
    assert_eq!(look(&mut service, 10, Depth::Shallow, good()), None);
    assert_eq!(look(&mut service, 20, Depth::Shallow, good()), None);
    assert_eq!(service.since, At(10_000));
    let down = look(&mut service, 30, Depth::Shallow, absent()).unwrap();
    assert_eq!(
        (down.kind, down.words.as_str()),
        (
            EventKind::Transition {
                up: false,
                down_for: None
            },
            "stopped: no container"
        )
    );
    let starting = ProbeOutcome::Starting("up 2 s".into());
    look(&mut service, 50, Depth::Shallow, starting).unwrap();
    service.reported(false, &"x".repeat(1000).into(), Wall(55_000));
    let up = look(&mut service, 75, Depth::Shallow, good()).unwrap();
    let down_for = Some(Duration::from_secs(45));
    assert_eq!(up.kind, EventKind::Transition { up: true, down_for });
    let told = &service.events[2];
    assert_eq!(told.words.as_str().len(), 280);
    // To idle and back is no way down.
    let idle = ProbeOutcome::Idle("nothing is loaded".into());
    let down_for = None;
    let event = look(&mut service, 80, Depth::Shallow, idle).unwrap();
    assert_eq!(event.kind, EventKind::Transition { up: true, down_for });
}

#[test]
fn a_console_that_begins_to_look_tells_only_what_changed() {
    let down = ServiceEvent {
        wall: Wall(1_000),
        kind: EventKind::Transition {
            up: false,
            down_for: None,
        },
        words: "stopped".into(),
    };
    let mut still = service();
    still.past(vec![down.clone()]);
    assert_eq!(look(&mut still, 10, Depth::Shallow, absent()), None);
    let mut back = service();
    back.past(vec![down]);
    let event = look(&mut back, 10, Depth::Shallow, good()).unwrap();
    let down_for = Some(Duration::from_secs(9));
    assert_eq!(event.kind, EventKind::Transition { up: true, down_for });
    let mut new = service();
    assert!(look(&mut new, 10, Depth::Shallow, absent()).is_some());
}

#[test]
fn a_host_that_is_gone_takes_its_services_along() {
    let mut service = service();
    look(&mut service, 1, Depth::Shallow, good());
    let event = service
        .unreachable("the host can't be reached".into(), At(5_000), Wall(5_000))
        .unwrap();
    assert!(event.words.as_str().starts_with("unreachable: "));
    assert!(service.word.is_down() && service.shallow.is_none());
    look(&mut service, 9, Depth::Shallow, good()).unwrap();
    assert_eq!(service.word, ServiceWord::Healthy);
}

#[test]
fn a_heal_forgets_what_was_found() {
    let mut service = service();
    look(&mut service, 1, Depth::Shallow, good());
    let wedged = ProbeOutcome::Wedged("HTTP 500".into());
    look(&mut service, 2, Depth::Deep, wedged);
    let event = service.healed(&"HTTP 500".into(), Wall(3_000));
    assert_eq!(
        (event.kind, event.words.as_str()),
        (EventKind::Healed, "restarted: HTTP 500")
    );
    look(&mut service, 4, Depth::Shallow, good());
    assert_eq!(service.word, ServiceWord::Healthy);
}

fn any_outcome() -> impl Strategy<Value = ProbeOutcome> {
    let words = SafeText::new("seen");
    prop_oneof![
        Just(ProbeOutcome::Good(words.clone())),
        Just(ProbeOutcome::Idle(words.clone())),
        Just(ProbeOutcome::Starting(words.clone())),
        Just(ProbeOutcome::Bad(words.clone())),
        Just(ProbeOutcome::Wedged(words.clone())),
        Just(ProbeOutcome::Absent(words)),
    ]
}

proptest! {
    #[test]
    fn any_order_of_looks_keeps_the_history_true(
        looks in prop::collection::vec((any::<bool>(), any::<bool>(), any_outcome()), 0..500)
    ) {
        let mut service = service();
        for (at, (deep, report, outcome)) in looks.into_iter().enumerate() {
            let before = service.word;
            if report {
                service.reported(deep, &"told".into(), Wall(i64::try_from(at).unwrap() * 1000));
                prop_assert_eq!(service.word, before);
                continue;
            }
            let depth = if deep { Depth::Deep } else { Depth::Shallow };
            let event = look(&mut service, at as u64, depth, outcome);
            prop_assert!(event.is_none() || service.word != before);
            if let Some(ServiceEvent { kind: EventKind::Transition { up, down_for }, .. }) = event {
                prop_assert_eq!(up, service.word.is_up());
                prop_assert!(up || down_for.is_none());
                // From down to up always says for how long.
                prop_assert!(!up || !before.is_down() || down_for.is_some());
            }
        }
        prop_assert!(service.events.len() <= HISTORY);
        prop_assert_ne!(service.word, ServiceWord::Unreachable);
    }
}
