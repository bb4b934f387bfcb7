//! The dialogs about models: none of them changes anything by itself, and each leads to the engine's own question.

use super::serving::*;

fn swap_ui(person: &Person) -> &SwapUi {
    match layer(person) {
        Some(WorkLayer::Swap(swap)) => swap,
        other => panic!("{other:?}"),
    }
}

fn choice(person: &Person) -> &ChooseUi {
    match layer(person) {
        Some(WorkLayer::Choose(choose)) => choose,
        other => panic!("{other:?}"),
    }
}

fn form(person: &Person) -> &FormUi {
    match layer(person) {
        Some(WorkLayer::Form(form)) => form,
        other => panic!("{other:?}"),
    }
}

fn found(person: &mut Person, finding: Finding) {
    let swap = swap_ui(person);
    let (model, place) = (swap.model.clone(), swap.place().unwrap().clone());
    person.ui.models.check = Some(Check {
        model: model.clone(),
        place,
        asked: person.ui.now,
        found: Awaited::Got((
            person.ui.now,
            Box::new(Preflight {
                model,
                place: Place::Solo(HostId::new("spark-1")),
                verdicts: vec![PreflightVerdict {
                    check: CheckOf::Memory,
                    host: HostId::new("spark-1"),
                    finding,
                }],
                command: "vllm serve it".into(),
                users: Vec::new(),
            }),
        )),
    });
}

fn fails() -> Finding {
    Finding::Fail {
        why: "too large".into(),
        hint: None,
    }
}

fn order(place: &str, force: bool) -> Vec<Command> {
    models(ModelsCommand::Swap(SwapOrder {
        model: ModelKey::new(READY),
        place: place.into(),
        force,
        token: None,
    }))
}

fn swapping() -> Person {
    let mut person = person();
    choose(&mut person, READY);
    person.press("w");
    person
}

#[test]
fn a_swap_begins_at_no_and_enter_leaves_it() {
    let mut person = swapping();
    assert_eq!(swap_ui(&person).stop, SwapStop::No);
    assert_eq!(swap_ui(&person).places, ["pair", "spark-1", "spark-2"]);
    assert_eq!(asks(&person.press("enter")), []);
    assert_eq!(layer(&person), None);
}

#[test]
fn a_swap_goes_to_the_place_that_was_taken_with_space() {
    let mut person = swapping();
    person.press("space");
    assert_eq!(swap_ui(&person).place().unwrap(), "spark-1");
    found(&mut person, Finding::Pass("it fits".into()));
    assert_eq!(asks(&person.press("tab enter")), order("spark-1", false));
    assert_eq!(layer(&person), None);
}

#[test]
fn each_place_is_looked_at_by_itself() {
    let mut person = swapping();
    let looks = |effects: &[UiEffect], wanted: &str| {
        effects.iter().any(|effect| {
            matches!(effect, UiEffect::Ask(Command::Models(ModelsCommand::Preflight(order)))
                if order.place == wanted)
        })
    };
    assert!(looks(&person.press("space"), "spark-1"));
    assert!(looks(&person.press("space"), "spark-2"));
    assert!(looks(&person.press("space"), "pair"));
}

#[test]
fn what_is_known_not_to_work_is_asked_for_only_with_force() {
    let mut person = swapping();
    found(&mut person, fails());
    assert_eq!(asks(&person.press("tab enter")), []);
    assert_eq!(person.flash(), "a check says that it will not work");
    let hint = person
        .ui
        .flash
        .as_ref()
        .and_then(|flash| flash.hint.clone());
    assert!(
        hint.as_deref()
            .is_some_and(|hint| hint.contains("Tab") && hint.contains("Space"))
    );
    // From Yes over the place to the tick, and back.
    person.press("tab tab");
    assert_eq!(swap_ui(&person).stop, SwapStop::Force);
    person.press("space");
    assert!(swap_ui(&person).force);
    assert_eq!(asks(&person.press("tab tab enter")), order("pair", true));
}

#[test]
fn no_letter_takes_a_swap_on() {
    let mut person = swapping();
    found(&mut person, Finding::Pass("it fits".into()));
    for key in "a b d e f h i l m o p r s t v w x A D P R X 0 1 2 9".split(' ') {
        assert_eq!(asks(&person.press(key)), [], "{key}");
        assert!(matches!(layer(&person), Some(WorkLayer::Swap(_))), "{key}");
    }
    person.press("esc");
    assert_eq!(layer(&person), None);
}

#[test]
fn a_model_is_asked_to_stop_or_made_to() {
    let mut person = person();
    person.press("x");
    assert_eq!(words(choice(&person)), ["stop", "force"]);
    let stop = |force| {
        models(ModelsCommand::Stop {
            place: "spark-1".into(),
            force,
        })
    };
    assert_eq!(asks(&person.press("enter")), stop(false));
    assert_eq!(layer(&person), None);
    person.press("x");
    assert_eq!(asks(&person.press("j enter")), stop(true));
}

#[test]
fn what_is_at_work_can_be_ended_one_by_one() {
    let mut person = person();
    person.change(|fleet| {
        models_of(fleet, "spark-1").swap = Some(Arc::new(swap(None)));
        models_of(fleet, "spark-2").work = Arc::new(vec![WorkReport {
            work: WorkId("weights-1".into()),
            kind: WorkKind::Download,
            subject: "openai/gpt-oss-120b".into(),
            began: Wall(0),
            state: WorkState::Running {
                words: "fetching".into(),
                done: Bytes(1),
                total: None,
                rate: None,
            },
        }]);
    });
    choose(&mut person, SERVED);
    person.press("X");
    assert_eq!(words(choice(&person)), ["swap", "fetch"]);
    let cancel = |host: &str, work: &str| {
        models(ModelsCommand::Cancel {
            host: HostId::new(host),
            work: WorkId(work.into()),
        })
    };
    assert_eq!(asks(&person.press("enter")), cancel("spark-1", "job-1"));
    person.press("X");
    assert_eq!(
        asks(&person.press("j enter")),
        cancel("spark-2", "weights-1")
    );
}

#[test]
fn a_place_is_reserved_held_released_or_broken_as_it_stands() {
    let held = |ours| {
        Some(Timed {
            at: At(0),
            value: Some(LockState {
                holder: "ann".into(),
                note: "".into(),
                since: Wall(0),
                until: Wall(900_000),
                left: Duration::from_mins(15),
                ours,
            }),
        })
    };
    for (lock, offers) in [
        (None, vec!["reserve"]),
        (held(true), vec!["hold", "release"]),
        (held(false), vec!["break"]),
    ] {
        let mut person = person();
        person.change(|fleet| models_of(fleet, "spark-1").lock = lock);
        person.press("v");
        assert_eq!(words(choice(&person)), offers);
    }
    let mut person = person();
    person.press("v enter");
    assert!(matches!(&form(&person).kind, FormKind::Reserve(place) if place == "spark-1"));
    // Nobody is named: it stays open and says so.
    assert_eq!(asks(&person.press("enter enter enter")), []);
    assert_eq!(person.flash(), "nobody is named as its holder");
    assert_eq!(form(&person).focused, 0);
    let asked = asks(&person.press("'ann enter enter 'tests enter"));
    let take = LockOrder::Take {
        holder: "ann".into(),
        ttl: Duration::from_mins(15),
        note: "tests".into(),
        token: None,
    };
    let lock = ModelsCommand::Lock {
        place: "spark-1".into(),
        order: take,
    };
    assert_eq!(asked, models(lock));
}

#[test]
fn a_download_is_typed_completed_and_checked() {
    let mut person = person();
    choose(&mut person, READY);
    person.press("f");
    assert_eq!(form(&person).text(0), "google/gemma-4-26B-A4B-it");
    assert_eq!(form(&person).text(1), "pair");
    // Onto another one: what was there is taken out, and Tab completes what was begun.
    person.press("enter ctrl-u 'spark-2");
    let asked = asks(&person.press("enter"));
    let download = ModelsCommand::Download {
        repo: "google/gemma-4-26B-A4B-it".parse().unwrap(),
        place: "spark-2".into(),
    };
    assert_eq!(asked, models(download));

    person.press("f ctrl-u 'nonsense enter enter");
    assert!(matches!(layer(&person), Some(WorkLayer::Form(form)) if form.focused == 0));
    person.press("esc");
    assert_eq!(layer(&person), None);
}

#[test]
fn what_was_begun_is_shown_and_said() {
    let mut person = person();
    let order = SwapOrder {
        model: ModelKey::new(READY),
        place: "pair".into(),
        force: false,
        token: None,
    };
    let working = || Reply::Working {
        host: HostId::new("spark-1"),
        work: WorkId("job-2".into()),
    };
    let origin = Command::Models(ModelsCommand::Swap(order));
    reply(&mut person.ui, &origin, working());
    assert!(
        person.flash().contains("it goes on without this console"),
        "{}",
        person.flash()
    );
    assert_eq!(person.ui.models.tab, ModelTab::Swap);
    for (origin, words) in [
        (
            ModelsCommand::Download {
                repo: "a/b".parse().unwrap(),
                place: "pair".into(),
            },
            "a/b is fetched on spark-1",
        ),
        (
            ModelsCommand::Stop {
                place: "pair".into(),
                force: false,
            },
            "what pair serves is being stopped",
        ),
        (
            ModelsCommand::Rollback("pair".into()),
            "pair goes back to what it served before",
        ),
    ] {
        reply(&mut person.ui, &Command::Models(origin), working());
        assert!(person.flash().contains(words), "{}", person.flash());
    }
}
