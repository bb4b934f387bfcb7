//! The log lens by its keys: what is opened, what it is told, what its lines and its pause do.

use super::person::*;
use crate::domain::{Container, ContainerId, ContainerState, LensId};
use crate::engine::{
    Alert, Containers, LensOrder, LensPicture, LensRow, LineNumber, LogBegin, RowKind,
    SourceAddress, SourceLabel, SourceNumber, SourceOffer, SourceState, SourceView, Stamp,
    StreamKind, TextForm, TextScope,
};
use crate::text::StyledText;
use crate::tui::ui::Screen;
use crate::tui::ui_lens::{LensState, LongLines};
use crate::tui::ui_update::{LensHand, TextTo, lens_ended, lens_pictured};

fn address(text: &str) -> SourceAddress {
    text.parse().unwrap()
}

fn addresses(texts: &[&str]) -> Vec<SourceAddress> {
    texts.iter().map(|text| address(text)).collect()
}

fn open(sources: &[&str]) -> UiEffect {
    ask(Command::OpenLens {
        sources: addresses(sources),
        begin: LogBegin::Tail(500),
    })
}

fn order(order: LensOrder) -> UiEffect {
    UiEffect::Lens(LensHand::Order(order))
}

fn container(name: &str, state: ContainerState) -> Arc<Container> {
    Arc::new(Container {
        id: ContainerId::new(name),
        name: name.into(),
        image: "busybox".into(),
        state,
        health: None,
        ports: Vec::new(),
        created: Wall(0),
        started: None,
        finished: None,
        restarts: Metric::Missing(Missing::NotReported),
        project: None,
        owner: None,
        labels: std::collections::BTreeMap::new(),
    })
}

/// A fleet whose first host runs one container and has run another.
fn with_containers() -> Person {
    let mut person = Person::new();
    person.change(|fleet| {
        let host = Arc::make_mut(&mut fleet.hosts[0]);
        host.containers = Arc::new(Containers {
            list: vec![
                container("old", ContainerState::Exited(0)),
                container("vllm", ContainerState::Running),
            ],
            ..Containers::default()
        });
    });
    person
}

fn row(text: &str) -> LensRow {
    LensRow {
        line: LineNumber(1),
        source: SourceNumber(0),
        stamp: Stamp(0),
        stream: StreamKind::Err,
        level: None,
        kind: RowKind::Line,
        text: StyledText {
            text: text.into(),
            spans: Vec::new(),
        },
        fields: vec![("queue".into(), "7".into())],
        hits: Vec::new(),
        count: 1,
        marked: false,
        explained: None,
    }
}

fn picture() -> LensPicture {
    LensPicture {
        rows: vec![row("one"), row("two")],
        cursor: Some(1),
        above: 8,
        shown: 10,
        lines: 10,
        following: true,
        sources: vec![SourceView {
            number: SourceNumber(0),
            label: SourceLabel {
                host: "spark-1".into(),
                name: "vllm".into(),
            },
            state: SourceState::Following,
            lines: 10,
            hidden: false,
            skew: None,
        }],
        ..LensPicture::default()
    }
}

fn answer(person: &mut Person, sources: &[&str], id: u64) -> Vec<UiEffect> {
    let command = Command::OpenLens {
        sources: addresses(sources),
        begin: LogBegin::Tail(500),
    };
    reply(&mut person.ui, &command, Reply::Lens(LensId(id)))
}

/// A person who looks at the logs of one container.
fn looking() -> Person {
    let mut person = with_containers();
    let sources = ["spark-1/container:vllm", "spark-1/kernel"];
    assert_eq!(person.press("l"), [open(&sources)]);
    let taken = answer(&mut person, &sources, 1);
    assert_eq!(taken, [UiEffect::Lens(LensHand::Take(LensId(1)))]);
    lens_pictured(&mut person.ui, Arc::new(picture()));
    person
}

#[test]
fn a_host_opens_its_running_containers_and_its_kernel_once() {
    let mut person = looking();
    assert_eq!(person.ui.screen, Screen::Logs);
    // Away and back: it is as it was left.
    assert_eq!(person.press("1"), []);
    assert_eq!(person.ui.screen, Screen::Hosts);
    assert_eq!(person.press("5"), []);
    assert_eq!(person.ui.screen, Screen::Logs);
    assert_eq!(person.press("q l"), []);
    assert_eq!(person.ui.lens.state, LensState::Open(LensId(1)));
    // Another host is another lens, in place of the first.
    assert_eq!(person.press("1 j l"), [open(&["spark-2/kernel"])]);
    assert_eq!(person.ui.lens.state, LensState::Opening);
}

#[test]
fn an_answer_that_came_too_late_closes_what_it_opened() {
    let mut person = with_containers();
    person.press("l 1 j l");
    let late = answer(
        &mut person,
        &["spark-1/container:vllm", "spark-1/kernel"],
        1,
    );
    assert_eq!(late, [UiEffect::Lens(LensHand::Close(LensId(1)))]);
    let right = answer(&mut person, &["spark-2/kernel"], 2);
    assert_eq!(right, [UiEffect::Lens(LensHand::Take(LensId(2)))]);
}

#[test]
fn a_process_in_a_container_opens_that_container() {
    let mut person = Person::new();
    person.change(|fleet| {
        let host = Arc::make_mut(&mut fleet.hosts[0]);
        let mut process = process(11, 0, 8_000);
        process.container = Metric::Is("vllm_node".into());
        host.processes = Some(Timed {
            at: At(0),
            value: Arc::new(vec![process]),
        });
    });
    assert_eq!(
        person.press("enter ] j l"),
        [open(&["spark-1/container:vllm_node"])]
    );
}

#[test]
fn what_is_refused_stays_to_be_read() {
    let mut person = Person::new();
    person.press("l");
    let command = Command::OpenLens {
        sources: addresses(&["spark-1/kernel"]),
        begin: LogBegin::Tail(500),
    };
    let refusal = Refusal {
        why: "no such thing".into(),
        hint: None,
    };
    reply(&mut person.ui, &command, Reply::Failed(refusal.clone()));
    assert_eq!(person.ui.lens.state, LensState::Refused(refusal));
    assert_eq!(person.flash(), "no such thing");
}

#[test]
fn keys_become_orders() {
    let mut person = looking();
    for (keys, wanted) in [
        ("j", LensOrder::Move(1)),
        ("k", LensOrder::Move(-1)),
        ("pageup", LensOrder::Move(-8)),
        ("ctrl-d", LensOrder::Move(4)),
        ("g", LensOrder::Top),
        ("G", LensOrder::Bottom),
        ("f", LensOrder::Move(-1)),
        ("n", LensOrder::NextHit),
        ("N", LensOrder::PreviousHit),
        ("e", LensOrder::NextError),
        ("E", LensOrder::PreviousError),
        ("u", LensOrder::NextMark),
        ("U", LensOrder::PreviousMark),
        ("space", LensOrder::Mark),
        ("v", LensOrder::Raw(true)),
        ("F", LensOrder::Fold(true)),
        ("C", LensOrder::Clear),
        ("h", LensOrder::Hide(SourceNumber(0), true)),
    ] {
        assert_eq!(person.press(keys), [order(wanted)], "{keys}");
    }
    let mut stopped = picture();
    stopped.following = false;
    lens_pictured(&mut person.ui, Arc::new(stopped));
    assert_eq!(person.press("f"), [order(LensOrder::Bottom)]);
}

#[test]
fn search_and_filter_are_told_as_they_are_typed_and_both_hold() {
    let mut person = looking();
    assert_eq!(
        person.press("/ 'ab"),
        [
            order(LensOrder::Search("a".into())),
            order(LensOrder::Search("ab".into()))
        ]
    );
    assert_eq!(person.press("enter"), []);
    assert_eq!(person.press("& 'x"), [order(LensOrder::Filter("x".into()))]);
    assert_eq!(person.press("enter"), []);
    assert_eq!(person.ui.lens.search.text, "ab");
    // Esc ends the search, then the filter, then leaves.
    assert_eq!(
        person.press("esc"),
        [order(LensOrder::Search(String::new()))]
    );
    assert_eq!(
        person.press("esc"),
        [order(LensOrder::Filter(String::new()))]
    );
    assert_eq!(person.ui.screen, Screen::Logs);
    assert_eq!(person.press("esc"), []);
    assert_eq!(person.ui.screen, Screen::Hosts);
    // A filter from the `:` line is the same.
    person.press("5");
    assert_eq!(
        person.press(": 'filter_oom enter"),
        [order(LensOrder::Filter("oom".into()))]
    );
}

#[test]
fn nothing_typed_acts() {
    let mut person = looking();
    person.press("/");
    let typed: Vec<UiEffect> = person.press("q j G e f 5 1 space l");
    let is_search = |effect: &UiEffect| {
        matches!(
            effect,
            UiEffect::Lens(LensHand::Order(LensOrder::Search(_)))
        )
    };
    assert!(typed.iter().all(is_search), "{typed:?}");
    assert_eq!(person.ui.lens.search.text, "qjGef51 l");
}

#[test]
fn lines_are_copied_and_saved() {
    let mut person = looking();
    let text = |what: &str, scope, form, to| {
        UiEffect::Lens(LensHand::Text {
            what: what.into(),
            scope,
            form,
            to,
        })
    };
    assert_eq!(
        person.press("y"),
        [text(
            "the line",
            TextScope::Marked,
            TextForm::Raw,
            TextTo::Clipboard
        )]
    );
    let mut marked = picture();
    marked.marks = 2;
    lens_pictured(&mut person.ui, Arc::new(marked));
    assert_eq!(
        person.press("Y"),
        [text(
            "2 marked lines",
            TextScope::Marked,
            TextForm::Pretty,
            TextTo::Clipboard
        )]
    );
    person.press("S");
    assert!(matches!(
        person.ui.layers.last(),
        Some(Layer::CommandLine { line, .. }) if line.text == "save spark-1-vllm-19700101-000000.log"
    ));
    assert_eq!(
        person.press("ctrl-u 'save_raw_/tmp/x enter"),
        [text(
            "10 lines",
            TextScope::Shown,
            TextForm::Raw,
            TextTo::File(Some("/tmp/x".into()))
        )]
    );
}

#[test]
fn a_pause_holds_the_picture_until_somebody_moves() {
    let mut person = looking();
    person.press("p");
    let held = Arc::clone(person.ui.lens.shown());
    let mut newer = picture();
    newer.lines = 99;
    lens_pictured(&mut person.ui, Arc::new(newer));
    assert_eq!(*person.ui.lens.shown(), held);
    assert_eq!(person.press("k"), [order(LensOrder::Move(-1))]);
    assert_eq!(person.ui.lens.shown().lines, 99);
    assert!(person.ui.paused.is_none());
    person.press("p p");
    assert!(person.ui.paused.is_none() && person.ui.lens.held.is_none());
}

#[test]
fn long_lines_are_wrapped_or_seen_from_the_side() {
    let mut person = looking();
    person.press("right right left");
    assert_eq!(person.ui.lens.long, LongLines::Cut(16));
    person.press("w");
    assert_eq!(person.ui.lens.long, LongLines::Wrap);
    person.press("right w");
    assert_eq!(person.ui.lens.long, LongLines::Cut(0));
}

#[test]
fn a_line_is_read_in_full() {
    let mut person = looking();
    person.press("enter");
    let Some(Layer::Text { lines, .. }) = person.ui.layers.last() else {
        panic!("nothing is open");
    };
    for wanted in ["spark-1/vllm", "standard error", "two", "queue  7"] {
        assert!(
            lines.iter().any(|line| line == wanted),
            "{wanted}: {lines:?}"
        );
    }
}

#[test]
fn an_alert_leads_to_its_second_once_its_lines_are_there() {
    let mut person = Person::new();
    person.change(|fleet| {
        fleet.at = At(90_000);
        fleet.wall = Wall(1_000_000);
        fleet.alerts = Arc::new(VecDeque::from([Alert {
            host: HostId::new("spark-1"),
            word: HealthWord::Hot,
            detail: "".into(),
            since: At(60_000),
            until: None,
        }]));
    });
    let at = Stamp(970_000_000_000);
    let begin = LogBegin::Since(Stamp(670_000_000_000));
    let sources = addresses(&["spark-1/kernel"]);
    let command = Command::OpenLens { sources, begin };
    assert_eq!(person.press("L"), [ask(command.clone())]);
    // The lens before may still speak while this one is being opened.
    assert_eq!(lens_pictured(&mut person.ui, Arc::new(picture())), []);
    reply(&mut person.ui, &command, Reply::Lens(LensId(1)));
    // Nothing is there yet; then some lines while a source is being opened; then all.
    let mut coming = picture();
    coming.sources[0].state = SourceState::Opening;
    coming.lines = 0;
    assert_eq!(lens_pictured(&mut person.ui, Arc::new(coming.clone())), []);
    coming.lines = 5;
    let to = || vec![order(LensOrder::To(at))];
    assert_eq!(
        lens_pictured(&mut person.ui, Arc::new(coming.clone())),
        to()
    );
    assert_eq!(lens_pictured(&mut person.ui, Arc::new(coming)), []);
    assert_eq!(lens_pictured(&mut person.ui, Arc::new(picture())), to());
    assert_eq!(lens_pictured(&mut person.ui, Arc::new(picture())), []);
}

#[test]
fn sources_are_found_ticked_and_applied() {
    let mut person = looking();
    let asked = person.press("o");
    assert_eq!(asked.len(), 5);
    let offer = |text: &str, refused: bool| SourceOffer {
        spec: text.parse().unwrap(),
        detail: "".into(),
        refused: refused.then(|| ("no permission".into(), None)),
    };
    let host = HostId::new("spark-2");
    let known = vec![
        offer("unit:ssh.service", false),
        offer("file:/var/log/x", true),
    ];
    reply(
        &mut person.ui,
        &Command::Sources { host },
        Reply::Sources(known),
    );
    // What can't be read is not ticked, and says why.
    person.press("'varlogx space");
    assert_eq!(
        person.flash(),
        "spark-2/file:/var/log/x can't be read: no permission"
    );
    let set = ask(Command::SetSources {
        lens: LensId(1),
        sources: addresses(&[
            "spark-1/container:vllm",
            "spark-1/kernel",
            "spark-2/unit:ssh.service",
        ]),
    });
    assert_eq!(person.press("ctrl-u 'sshserv space enter"), [set]);
    assert!(person.ui.layers.is_empty());
    // Nothing changed: nothing is asked.
    person.press("o");
    assert_eq!(person.press("enter"), []);
}

#[test]
fn sources_are_named_on_the_command_line() {
    let mut person = Person::new();
    assert_eq!(
        person.press(": 'logs_spark-1/container:a_kernel enter"),
        [open(&["spark-1/container:a", "kernel"])]
    );
    assert_eq!(person.press(": 'logs_tiny enter"), [open(&["tiny/kernel"])]);
    assert_eq!(person.press(": 'logs_nobody/kernel enter"), []);
    assert_eq!(person.flash(), "no host is called `nobody`");
    person.press("esc");
    assert_eq!(person.press(": 'logs_container: enter"), []);
    assert_eq!(person.flash(), "`` is no name of a container");
}

#[test]
fn the_mouse_puts_the_cursor_and_finds_the_way_in_the_minimap() {
    let mut person = looking();
    let mut click = |spot| person.send(Input::Mouse(MouseKind::Click, spot));
    assert_eq!(click(Spot::LensRow(0)), [order(LensOrder::Row(0))]);
    // The cursor is on row 9 of 10, counted from 0; the middle of the map is row 5.
    assert_eq!(click(Spot::LensMap(10, 20)), [order(LensOrder::Move(-4))]);
    let wheel = person.send(Input::Mouse(MouseKind::ScrollUp, Spot::LensRow(1)));
    assert_eq!(wheel, [order(LensOrder::Move(-3))]);
}

#[test]
fn a_lens_that_ended_can_be_opened_anew() {
    let mut person = looking();
    lens_ended(&mut person.ui);
    assert_eq!(person.ui.lens.state, LensState::Ended);
    assert_eq!(person.press("j"), []);
    assert_eq!(person.flash(), "no logs are open; o chooses sources");
    person.press("1");
    let sources = ["spark-1/container:vllm", "spark-1/kernel"];
    assert_eq!(person.press("5"), [open(&sources)]);
}
