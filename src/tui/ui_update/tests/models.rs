//! The models by keys: what is chosen, what is asked of the engine, what is refused before it is asked.

use super::serving::*;

#[test]
fn somebody_who_looks_is_told_to_the_engine_now_and_then() {
    let mut person = Person::with(with_models());
    let watch = ask(Command::Models(ModelsCommand::Watch));
    person.press("2");
    assert!(person.at(1).contains(&watch));
    assert!(!person.at(4_000).contains(&watch));
    assert!(person.at(5_002).contains(&watch));
    person.press("1");
    assert!(!person.at(20_000).contains(&watch));
}

#[test]
fn the_served_one_comes_first_and_stays_chosen_where_it_goes() {
    let mut person = person();
    assert_eq!(chosen(&person), SERVED);
    person.press("o");
    assert_eq!(person.ui.models.sort, ModelSort::Name);
    assert_eq!(chosen(&person), SERVED);
    // It ceases to be served: its row is another one, and it is the same model.
    person.change(|fleet| models_of(fleet, "spark-1").serving = None);
    person.change(|fleet| models_of(fleet, "spark-1").swap = None);
    assert_eq!(chosen(&person), SERVED);
    assert!(matches!(&person.ui.models.chosen, Chosen::One(of) if of.place.is_none()));
}

#[test]
fn a_model_that_is_gone_leaves_no_choice_that_a_key_could_hit() {
    let mut person = person();
    choose(&mut person, "someone/own-tune");
    person.change(|fleet| {
        let report = models_of(fleet, "spark-1").weights.as_mut().unwrap();
        Arc::make_mut(&mut report.value).weights.pop();
        joined(fleet);
    });
    assert_eq!(person.ui.models.chosen, Chosen::Gone);
    for key in ["x", "w", "del", "R", "X", "v"] {
        assert_eq!(asks(&person.press(key)), [], "{key}");
        assert_eq!(person.ui.layers.len(), 0, "{key}");
        assert_eq!(person.flash(), "no model is chosen", "{key}");
    }
}

#[test]
fn enter_looks_into_it_and_tabs_go_round() {
    let mut person = person();
    person.press("enter");
    assert_eq!(person.ui.models.focus, Focus::Detail);
    let mut seen = vec![person.ui.models.tab];
    for _ in 0..4 {
        person.press("]");
        seen.push(person.ui.models.tab);
    }
    assert_eq!(
        seen,
        [
            ModelTab::Overview,
            ModelTab::Preflight,
            ModelTab::Swap,
            ModelTab::Log,
            ModelTab::Overview
        ]
    );
    person.press("[");
    assert_eq!(person.ui.models.tab, ModelTab::Log);
    person.press("tab");
    assert_eq!(person.ui.models.focus, Focus::List);
}

#[test]
fn what_a_swap_would_meet_is_asked_when_it_is_looked_at_and_again_when_it_is_old() {
    let mut person = person();
    choose(&mut person, READY);
    let order = SwapOrder {
        model: ModelKey::new(READY),
        place: "pair".into(),
        force: false,
        token: None,
    };
    let look = ask(Command::Models(ModelsCommand::Preflight(order.clone())));
    assert!(person.press("i").contains(&look));
    assert!(!person.at(9_000).contains(&look));
    assert!(person.at(10_001).contains(&look));
    let refusal = Refusal {
        why: "spark-2 is not connected".into(),
        hint: None,
    };
    reply(
        &mut person.ui,
        &Command::Models(ModelsCommand::Preflight(order)),
        Reply::Refused(refusal.clone()),
    );
    let check = person.ui.models.check.clone().unwrap();
    assert_eq!(check.found, Awaited::Failed(refusal));
    // What is looked at of another model is not this one's.
    person.press("tab");
    choose(&mut person, BEFORE);
    person.press("i");
    assert_eq!(person.ui.models.check.unwrap().found, Awaited::Waiting);
}

#[test]
fn acts_without_a_dialog_ask_the_engine_at_once() {
    let mut person = person();
    let rollback = models(ModelsCommand::Rollback("spark-1".into()));
    assert_eq!(asks(&person.press("R")), rollback);
    assert_eq!(
        asks(&person.press("r")),
        models(ModelsCommand::Refresh(None))
    );
    let remove = ModelsCommand::Remove {
        repo: "openai/gpt-oss-120b".parse().unwrap(),
        hosts: Vec::new(),
    };
    assert_eq!(asks(&person.press("del")), models(remove));
}

#[test]
fn what_can_not_be_done_is_said_and_not_asked() {
    for (model, keys, words) in [
        (READY, "x", "is not served anywhere"),
        (READY, "X", "nothing is at work for"),
        ("minimax-m2.7", "del", "is on no disk"),
        ("someone/own-tune", "w", "has no recipe yet"),
        ("minimax-m2.7", "l", "it runs nowhere"),
    ] {
        let mut person = person();
        choose(&mut person, model);
        assert_eq!(asks(&person.press(keys)), [], "{model} {keys}");
        assert!(
            person.flash().contains(words),
            "{model} {keys}: {}",
            person.flash()
        );
        assert_eq!(person.ui.layers.len(), 0, "{model} {keys}");
    }
}

#[test]
fn hints_name_the_keys_that_are_set() {
    let mut person = person();
    let binding = crate::config::KeyBinding {
        action: "set-up".into(),
        keys: vec!["ctrl-e".into()],
        line: None,
    };
    person.keymap = Keymap::build(&[binding]).0;
    choose(&mut person, "someone/own-tune");
    person.press("w");
    let hint = person
        .ui
        .flash
        .as_ref()
        .and_then(|flash| flash.hint.clone());
    assert_eq!(hint.as_deref(), Some("Ctrl-E sets it up"));
}

#[test]
fn read_only_is_said_before_anybody_chooses_for_nothing() {
    let mut person = person();
    person.change(|fleet| fleet.read_only = true);
    for key in ["w", "x", "R", "X", "f", "del", "v"] {
        person.ui.flash = None;
        assert_eq!(asks(&person.press(key)), [], "{key}");
        assert_eq!(person.flash(), "read-only: nothing is changed", "{key}");
        assert_eq!(person.ui.layers.len(), 0, "{key}");
    }
    // A recipe changes no host.
    person.press("e");
    assert!(matches!(layer(&person), Some(WorkLayer::Form(_))));
}

#[test]
fn the_exact_command_is_copied_or_why_there_is_none() {
    let mut person = person();
    let effects = person.press("y");
    let copied = effects.iter().find_map(|effect| match effect {
        UiEffect::Copy(copied) => Some(copied),
        _ => None,
    });
    let copied = copied.unwrap();
    assert!(
        copied.text.contains("vllm serve openai/gpt-oss-120b"),
        "{}",
        copied.text
    );
    choose(&mut person, "someone/own-tune");
    person.press("y");
    assert_eq!(person.flash(), "nothing yet: it needs a recipe");
}

#[test]
fn a_filter_narrows_and_a_click_on_a_head_sorts() {
    let mut person = person();
    person.press("/ 'gemma enter");
    let rows = person.ui.models.rows.rows();
    assert!(
        rows.iter().all(|row| row.name.as_str().contains("Gemma")),
        "{}",
        rows.len()
    );
    assert_eq!(chosen(&person), READY);
    person.press("esc");
    assert_eq!(person.ui.models.filter.text, "");
    for reverse in [false, true] {
        person.send(Input::Mouse(
            MouseKind::Click,
            Spot::ModelHead(ModelSort::Size),
        ));
        assert_eq!(
            (person.ui.models.sort, person.ui.models.reverse),
            (ModelSort::Size, reverse)
        );
    }
}
