//! What only changes the looks: moving, filtering, typing, leaving.

use super::person::*;
use crate::tui::ui::LineEdit;

#[test]
fn movement_moves_and_only_moves() {
    for (keys, selected) in [
        ("j", "spark-2"),
        ("down down k", "spark-2"),
        ("G", "tiny"),
        ("G g", "spark-1"),
        ("end home", "spark-1"),
        ("ctrl-d", "rtx-a"),
        ("pagedown", "rtx-b"),
        ("G ctrl-u", "rtx-a"),
        ("k k k", "spark-1"),
    ] {
        let mut person = Person::new();
        assert_eq!(person.press(keys), [], "{keys}");
        assert_eq!(person.selected(), selected, "{keys}");
    }
    // The selected row is always in view.
    let mut person = Person::new();
    person.press("G");
    assert_eq!(person.ui.list_scroll, 2);
    person.press("k k k");
    assert_eq!(person.ui.list_scroll, 1);
}

#[test]
fn a_selection_is_a_thing_and_not_a_row() {
    let mut person = Person::new();
    person.press("j j");
    person.change(|fleet| fleet.hosts.reverse());
    assert_eq!(person.selected(), "rtx-a");
    person.change(|fleet| fleet.hosts.retain(|host| host.id.as_str() != "rtx-a"));
    assert_eq!(person.selected(), "tiny");
    person.change(|fleet| fleet.hosts.clear());
    assert_eq!(person.selected(), "");
    assert_eq!(person.press("j enter tab tab r s y d x"), []);
}

#[test]
fn a_filter_narrows_and_esc_peels_off_layer_by_layer() {
    let mut person = Person::new();
    person.press("j / 'rtx enter");
    assert_eq!(person.selected(), "rtx-a");
    assert_eq!(person.press("n n n"), []);
    assert_eq!(person.selected(), "rtx-b");
    person.press("enter z ?");
    assert_eq!(person.ui.focus, Focus::Detail);
    person.press("esc");
    assert!(person.ui.layers.is_empty() && person.ui.zoom);
    person.press("esc");
    assert!(!person.ui.zoom);
    person.press("esc");
    assert_eq!(person.ui.focus, Focus::List);
    assert_eq!(person.ui.list_filter.text, "rtx");
    person.press("esc");
    assert_eq!(person.ui.list_filter.text, "");
    // However often, it never quits.
    assert_eq!(person.press("esc esc esc esc"), []);
    // A filter that hides everything keeps what was selected.
    person.press("/ 'xyzzy enter");
    assert_eq!(person.selected(), "rtx-b");
}

#[test]
fn letters_typed_into_a_line_never_act() {
    let mut person = Person::new();
    person.press("/");
    assert_eq!(person.press("'qxsrypM?:-1_"), []);
    assert_eq!(person.ui.list_filter.text, "qxsrypM?:-1 ");
    assert!(person.ui.layers.is_empty() && person.ui.paused.is_none());
    person.send(Input::Paste("two\nlines".into()));
    assert_eq!(person.ui.list_filter.text, "qxsrypM?:-1 two lines");
}

#[test]
fn leaving_takes_a_q_at_the_root_or_two_interrupts() {
    let mut person = Person::new();
    assert_eq!(person.press("enter q"), []);
    assert_eq!(person.press("q"), [UiEffect::Quit]);
    assert_eq!(person.press("ctrl-c"), []);
    assert_eq!(person.flash(), "Ctrl-C again quits");
    assert_eq!(person.press("ctrl-c"), [UiEffect::Quit]);
    // The second one long after is a first one again.
    person.ui.interrupted = None;
    person.press("ctrl-c");
    person.at(10_000);
    assert_eq!(person.press("ctrl-c"), []);
    // It cancels before it quits.
    person.ui.interrupted = None;
    person.press(": 'go");
    assert_eq!(person.press("ctrl-c"), []);
    assert!(person.ui.layers.is_empty());
    // While a command is unanswered, q asks.
    person.ui.interrupted = None;
    person.ui.waiting = 1;
    assert_eq!(person.press("q"), []);
    assert_eq!(
        person.flash(),
        "1 command is still running; once more quits"
    );
    assert_eq!(person.press("q"), [UiEffect::Quit]);
}

#[test]
fn acts_on_hosts_reach_the_marked_ones() {
    let mut person = Person::new();
    assert_eq!(person.press("r"), [reconnect("spark-1")]);
    person.press("space space");
    assert_eq!(
        person.press("r"),
        [reconnect("spark-1"), reconnect("spark-2")]
    );
    person.press("g space");
    assert_eq!(person.press("r"), [reconnect("spark-2")]);
    assert_eq!(
        person.press("G s"),
        [ask(Command::Shell {
            host: HostId::new("tiny")
        })]
    );
    assert_eq!(
        person.press("y"),
        [UiEffect::Copy(Copied {
            what: "the ssh command of tiny".into(),
            text: "ssh tiny".into()
        })]
    );
}

#[test]
fn the_last_place_is_where_one_jumped_from() {
    let mut person = Person::new();
    person.press(": 'go_rtx-b enter");
    assert_eq!(person.selected(), "rtx-b");
    person.press("-");
    assert_eq!(person.selected(), "spark-1");
    person.press("-");
    assert_eq!(person.selected(), "rtx-b");
}

#[test]
fn processes_keep_their_selection_and_never_hand_it_on() {
    let mut person = Person::new();
    person.press("enter ]");
    assert_eq!(
        (person.ui.tab, person.ui.focus),
        (Tab::Processes, Focus::Detail)
    );
    // A process on two GPUs is passed once.
    let mut seen = Vec::new();
    for _ in 0..4 {
        person.press("j");
        seen.push(person.ui.processes.selected.unwrap());
    }
    assert_eq!(seen, [11, 22, 33, 33]);
    person.press("o");
    assert_eq!(person.ui.processes.sort, SortKey::Pid);
    assert_eq!(person.ui.processes.selected, Some(33));
    person.change(|fleet| {
        let host = Arc::make_mut(&mut fleet.hosts[0]);
        host.processes.as_mut().unwrap().value = Arc::new(vec![process(11, 0, 1)]);
    });
    assert_eq!(person.ui.processes.selected, None);
    assert_eq!(person.press("x"), []);
    assert_eq!(person.flash(), "no process is selected");
}

#[test]
fn the_command_line_completes_recalls_and_mends() {
    let mut person = Person::new();
    person.press(": 'go_rt tab");
    person.press("tab enter");
    assert_eq!(person.selected(), "rtx-b");
    person.press(": 'theem enter");
    assert_eq!(person.flash(), "no command or host is called `theem`");
    let hint = person
        .ui
        .flash
        .as_ref()
        .and_then(|flash| flash.hint.clone());
    assert_eq!(hint.as_deref(), Some("did you mean `theme`?"));
    person.press("esc : 'sort_pid enter");
    assert_eq!(person.ui.processes.sort, SortKey::Pid);
    person.press(": up up enter");
    assert_eq!(person.ui.history, ["go rtx-b", "sort pid", "go rtx-b"]);
    assert_eq!(
        person.press(": 'reconnect_spark-1_tiny enter"),
        [reconnect("spark-1"), reconnect("tiny")]
    );
    // A host's name alone goes there.
    person.press(": 'spark-2 enter");
    assert_eq!(person.selected(), "spark-2");
    assert_eq!(person.press(": 'q enter"), [UiEffect::Quit]);
}

#[test]
fn the_palette_finds_acts_and_hosts() {
    let mut person = Person::new();
    person.press("ctrl-p 'rtxb enter");
    assert_eq!(person.selected(), "rtx-b");
    person.press("ctrl-p 'zoom enter");
    assert!(person.ui.zoom);
    assert!(person.ui.layers.is_empty());
}

#[test]
fn a_text_is_searched_and_esc_gives_the_search_up_before_the_text() {
    let mut person = Person::new();
    person.ui.layers.push(Layer::Text {
        title: "a text".into(),
        lines: (0..30).map(|n| format!("line {n}")).collect(),
        scroll: 0,
        search: LineEdit::default(),
        hit: 0,
    });
    let shown = |person: &Person| match person.ui.layers.last() {
        Some(Layer::Text { scroll, hit, .. }) => Some((*scroll, *hit)),
        _ => None,
    };
    // Letters go into the search and move nothing else; the first hit is brought into view while typing.
    person.press("/ '9jk backspace backspace");
    assert_eq!(shown(&person), Some((5, 0)));
    assert_eq!(person.press("enter n"), []);
    assert_eq!(shown(&person), Some((15, 1)));
    person.press("n n");
    assert_eq!(shown(&person), Some((9, 0)), "round and round");
    person.press("N");
    assert_eq!(shown(&person), Some((25, 2)));
    person.press("esc");
    assert!(shown(&person).is_some());
    person.press("esc");
    assert_eq!(shown(&person), None);
}

#[test]
fn a_pause_holds_the_screen() {
    let mut person = Person::new();
    person.press("p");
    person.change(|fleet| fleet.at = At(77));
    assert_eq!(person.ui.shown(&person.fleet).at, At(0));
    person.press("p");
    assert_eq!(person.ui.shown(&person.fleet).at, At(77));
}

#[test]
fn the_mouse_selects_opens_and_never_approves() {
    let mut person = Person::new();
    let click = |spot| Input::Mouse(MouseKind::Click, spot);
    person.send(click(Spot::ListRow(2)));
    assert_eq!((person.selected(), person.ui.focus), ("rtx-a", Focus::List));
    person.send(click(Spot::ListRow(2)));
    assert_eq!(person.ui.focus, Focus::Detail);
    person.send(click(Spot::ProcessRow(1)));
    assert_eq!(person.ui.processes.selected, Some(22));
    person.send(click(Spot::ProcessHead(SortKey::Memory)));
    assert!(person.ui.processes.reverse);
    person.send(Input::Mouse(MouseKind::ScrollDown, Spot::List));
    assert_eq!(
        (person.selected(), person.ui.focus),
        ("tiny", Focus::Detail)
    );
    person.change(|fleet| fleet.questions = Arc::new(vec![key_question(1)]));
    person.press("a");
    for spot in [Spot::LayerRow(0), Spot::LayerRow(1), Spot::Elsewhere] {
        assert_eq!(person.send(click(spot)), []);
    }
    assert!(person.dialog().is_some());
    assert_eq!(person.press("esc M"), [UiEffect::Mouse(false)]);
}

#[test]
fn a_recording_is_steered_without_losing_the_list() {
    let mut person = Person::new();
    person.ui.replay = Some(crate::tui::ui::ReplayUi {
        at: At(0),
        end: At(60_000),
        speed: 1.0,
    });
    let orders = [
        ("space", ReplayOrder::Pause),
        ("<", ReplayOrder::Slower),
        (">", ReplayOrder::Faster),
        ("left", ReplayOrder::Back),
        ("right", ReplayOrder::Forward),
        ("home", ReplayOrder::Start),
        ("end", ReplayOrder::End),
    ];
    for (key, order) in orders {
        assert_eq!(person.press(key), [UiEffect::Replay(order)]);
    }
    person.press("j");
    assert_eq!(person.selected(), "spark-2");
    // While a line is typed, keys are its own again.
    assert_eq!(person.press("/ 'a<_> left"), []);
}

#[test]
fn what_was_told_fades() {
    let mut person = Person::new();
    person.press("M");
    assert_ne!(person.flash(), "");
    person.at(5_000);
    assert_ne!(person.flash(), "");
    person.at(6_000);
    assert_eq!(person.flash(), "");
}
