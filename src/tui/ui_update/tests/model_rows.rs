//! The rows of the models: joined once per change, in one order, and drawn in their columns whatever is in them.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::serving::*;
use crate::tui::model_state::ModelState;
use crate::tui::{theme_load, view};

fn keys(person: &Person) -> Vec<&str> {
    let rows = person.ui.models.rows.rows().iter();
    rows.map(|row| row.key.as_str()).collect()
}

fn row<'a>(person: &'a Person, key: &str) -> &'a crate::tui::model_rows::ModelRow {
    let mut rows = person.ui.models.rows.rows().iter();
    rows.find(|row| row.key.as_str() == key).unwrap()
}

#[test]
fn recipes_weights_and_engines_are_joined() {
    let person = person();
    let served = row(&person, SERVED);
    assert_eq!(served.state, ModelState::Serving);
    assert_eq!(served.of().place.as_deref(), Some("spark-1"));
    assert_eq!(row(&person, READY).state, ModelState::Ready);
    assert_eq!(row(&person, READY).on.len(), 2);
    assert_eq!(
        row(&person, "someone/own-tune").state,
        ModelState::NeedsSetUp
    );
    assert_eq!(row(&person, "minimax-m2.7").state, ModelState::NotOnDisk);
    assert_eq!(keys(&person).first(), Some(&SERVED));
}

#[test]
fn what_is_fetched_is_told_before_any_of_it_is_there() {
    let mut person = person();
    let work = |state| {
        Arc::new(vec![WorkReport {
            work: WorkId("weights-1".into()),
            kind: WorkKind::Download,
            subject: "new/Model".into(),
            began: Wall(0),
            state,
        }])
    };
    person.change(|fleet| {
        models_of(fleet, "spark-2").work = work(WorkState::Running {
            words: "fetching".into(),
            done: Bytes(5),
            total: Some(Bytes(10)),
            rate: None,
        });
    });
    assert!(matches!(
        row(&person, "new/Model").state,
        ModelState::Downloading(_)
    ));
    person.change(|fleet| {
        models_of(fleet, "spark-2").work = work(WorkState::Failed {
            why: "the disk is full".into(),
            hint: None,
        });
    });
    assert!(matches!(
        row(&person, "new/Model").state,
        ModelState::FetchFailed(_)
    ));
    person.change(|fleet| models_of(fleet, "spark-2").work = work(WorkState::Cancelled));
    assert!(!keys(&person).contains(&"new/Model"));
}

#[test]
fn a_swap_that_failed_is_told_until_its_engine_answers_after_all() {
    let mut person = person();
    let failed = || {
        Some(Arc::new(swap(Some(SwapEnd::Failed {
            phase: crate::engine::SwapPhase::Load,
            why: "out of memory".into(),
            hint: None,
        }))))
    };
    person.change(|fleet| {
        let models = models_of(fleet, "spark-1");
        models.swap = failed();
        models.serving = None;
    });
    assert!(matches!(
        row(&person, SERVED).state,
        ModelState::SwapFailed(..)
    ));
    person.change(|fleet| {
        models_of(fleet, "spark-1").serving =
            models_of(&mut with_models(), "spark-1").serving.clone();
    });
    assert_eq!(row(&person, SERVED).state, ModelState::Serving);
}

#[test]
fn rows_are_not_made_again_for_a_frame_or_for_readings() {
    let mut person = person();
    let before = person.ui.models.rows.rows().as_ptr();
    person.at(1_000);
    person.change(|fleet| {
        fleet.at = At(1_000);
        Arc::make_mut(&mut fleet.hosts[0]).detail = "busy".into();
    });
    assert_eq!(person.ui.models.rows.rows().as_ptr(), before);
    person.change(|fleet| {
        models_of(fleet, "spark-1").trouble = Some(Timed {
            at: At(0),
            value: "the disk is slow".into(),
        });
    });
    assert_ne!(person.ui.models.rows.rows().as_ptr(), before);
}

/// What foreign text may try: escapes, lines, directions, wide and combining characters, and length.
fn hostile() -> Vec<String> {
    let long = "n".repeat(5_000);
    let wide = "模型".repeat(200);
    [
        "\u{1b}[2J\u{1b}[31mred\u{7}",
        "one\nline\r\nmore\ttabs",
        "\u{202e}redro\u{202c} \u{2066}x\u{2069}",
        "e\u{301}\u{301}\u{301}\u{301} z\u{200b}\u{200d}w",
        "\u{5d0}\u{5d1}\u{5d2} \u{627}\u{628}",
        &long,
        &wide,
    ]
    .map(SafeText::new)
    .iter()
    .map(ToString::to_string)
    .collect()
}

/// The same person before hostile words everywhere that a host can put some.
fn besieged(words: &str) -> Person {
    let mut person = person();
    person.change(|fleet| {
        let models = models_of(fleet, "spark-1");
        let serving = models.serving.as_mut().unwrap();
        for served in &mut Arc::make_mut(&mut serving.value).served {
            served.name = words.into();
            served.model = Some(words.into());
            served.recipe = None;
        }
        let mut swap = swap(Some(SwapEnd::Failed {
            phase: crate::engine::SwapPhase::Load,
            why: words.into(),
            hint: Some(words.into()),
        }));
        swap.log = vec![words.into(); 3];
        swap.by = words.into();
        models.swap = Some(Arc::new(swap));
        models.lock = Some(Timed {
            at: At(0),
            value: Some(LockState {
                holder: words.into(),
                note: words.into(),
                since: Wall(0),
                until: Wall(900_000),
                left: Duration::from_mins(15),
                ours: false,
            }),
        });
        let mut service = service(words, ServiceWord::Wedged, Managed::Watched);
        service.detail = words.into();
        service.model = Some(words.into());
        service.restarts.held = Some(words.into());
        Arc::make_mut(&mut fleet.hosts[0]).services = Arc::new(vec![service]);
    });
    person
}

/// Every row ends where the screen does, and nothing in it commands a terminal.
fn holds(person: &mut Person, size: (u16, u16), what: &str) {
    person.ui.size = size;
    person.send(Input::Tick);
    let theme = theme_load::fallback(false);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| view::view(frame, &person.fleet, &person.ui, &person.keymap, &theme))
        .unwrap();
    let buffer = terminal.backend().buffer();
    let odd = |symbol: &str| {
        symbol.chars().any(|c| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
    };
    for row in 3..size.1 - 3 {
        let last = buffer[(size.0 - 1, row)].symbol();
        assert_eq!(last, "│", "{what}: row {row} at {size:?}\n{buffer:?}");
        for column in 0..size.0 {
            let symbol = buffer[(column, row)].symbol();
            assert!(!odd(symbol), "{what}: {symbol:?}");
        }
    }
}

#[test]
fn hostile_words_break_no_column_of_models_or_services() {
    for words in hostile() {
        let what: String = words.chars().take(20).collect();
        for size in [(80, 24), (120, 40), (200, 60)] {
            let mut person = besieged(&words);
            holds(&mut person, size, &what);
            person.press("enter");
            for _ in ModelTab::ALL {
                holds(&mut person, size, &what);
                person.press("]");
            }
            person.press("esc S");
            holds(&mut person, size, &what);
        }
    }
}
