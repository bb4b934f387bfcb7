//! Containers and acts by keys: what is chosen, what is asked of the engine, what stays hidden.

use super::person::*;
use crate::domain::{
    ActOutcome, Container, ContainerAct, ContainerDetail, ContainerId, ContainerState, Daemon,
    DaemonFlavour, Intent, LedgerEntry, LedgerEvent, PrunePreview, TerminalId,
};
use crate::engine::{Containers, DaemonState, SourceAddress, SourceSpec};
use crate::tui::ui::Screen;
use crate::tui::ui_tables::{Chosen, ContainerRef, ContainerTab};

fn container(name: &str, state: ContainerState) -> Container {
    Container {
        id: ContainerId::new(format!("{name:0<64}")),
        name: name.into(),
        image: "busybox".into(),
        state,
        health: None,
        ports: Vec::new(),
        created: Wall(0),
        started: None,
        finished: None,
        restarts: Metric::Is(0),
        project: None,
        owner: None,
        labels: std::collections::BTreeMap::new(),
    }
}

fn up(list: &[(&str, ContainerState)]) -> Arc<Containers> {
    let made = |(name, state): &(&str, ContainerState)| Arc::new(container(name, *state));
    Arc::new(Containers {
        daemon: DaemonState::Up {
            daemon: Arc::new(Daemon {
                flavour: DaemonFlavour::Docker,
                version: "28".into(),
                api: "1.51".into(),
                socket: "/var/run/docker.sock".into(),
                rootless: false,
            }),
            since: At(0),
        },
        list: list.iter().map(made).collect(),
        ..Containers::default()
    })
}

const ALL: [(&str, ContainerState); 5] = [
    ("cache", ContainerState::Running),
    ("db", ContainerState::Running),
    ("old", ContainerState::Exited(1)),
    ("proxy", ContainerState::Paused),
    ("web", ContainerState::Running),
];

/// A person in the table of spark-1's containers.
fn person() -> Person {
    let mut fleet = fleet(&["spark-1", "spark-2"]);
    Arc::make_mut(&mut fleet.hosts[0]).containers = up(&ALL);
    Arc::make_mut(&mut fleet.hosts[1]).containers = up(&[("web", ContainerState::Running)]);
    let mut person = Person::with(fleet);
    person.press("enter ] ]");
    person
}

fn chosen(person: &Person) -> String {
    match &person.ui.containers.chosen {
        Chosen::One(of) => format!("{}/{}", of.host, of.id.as_str().trim_end_matches('0')),
        other => format!("{other:?}"),
    }
}

fn shown(person: &Person) -> Vec<String> {
    let rows = person.ui.containers.rows.rows();
    rows.iter()
        .map(|row| row.container.name.to_string())
        .collect()
}

fn does(name: &str, act: ContainerAct) -> UiEffect {
    ask(Command::Container {
        host: HostId::new("spark-1"),
        id: container(name, ContainerState::Running).id,
        act,
    })
}

fn set(person: &mut Person, list: &[(&str, ContainerState)]) {
    let list = up(list);
    person.change(|fleet| Arc::make_mut(&mut fleet.hosts[0]).containers = list);
}

#[test]
fn what_runs_stands_first_and_what_ended_can_be_hidden_and_is_counted() {
    let mut person = person();
    assert_eq!(shown(&person), ["cache", "db", "proxy", "web", "old"]);
    person.press("e");
    assert_eq!(shown(&person), ["cache", "db", "proxy", "web"]);
    assert_eq!(person.ui.containers.rows.hidden(), 1);
    person.press("e O");
    assert_eq!(shown(&person), ["web", "proxy", "db", "cache", "old"]);
    person.press("/ 'paused enter");
    assert_eq!(shown(&person), ["proxy"]);
    person.press("esc");
    assert_eq!(shown(&person).len(), 5);
}

#[test]
fn the_choice_stays_with_its_container_and_is_never_handed_on() {
    let mut person = person();
    assert_eq!(chosen(&person), "spark-1/cache");
    person.press("j");
    assert_eq!(chosen(&person), "spark-1/db");
    set(
        &mut person,
        &[("a", ContainerState::Running), ALL[0], ALL[1], ALL[4]],
    );
    assert_eq!(chosen(&person), "spark-1/db");
    set(&mut person, &[ALL[0], ALL[4]]);
    assert_eq!(chosen(&person), "Gone");
    assert_eq!(person.press("x"), []);
    assert_eq!(person.flash(), "no container is selected");
    person.press("j");
    assert_eq!(chosen(&person), "spark-1/cache");
}

#[test]
fn acts_fit_what_a_container_does_and_the_marked_ones_follow_one_by_one() {
    let mut person = person();
    person.press("G x");
    let Some(Dialog::Container { acts, .. }) = person.dialog() else {
        panic!("no dialog");
    };
    assert_eq!(
        acts,
        &[
            ContainerAct::Start,
            ContainerAct::Restart,
            ContainerAct::Remove
        ]
    );
    assert_eq!(person.press("enter"), [does("old", ContainerAct::Start)]);
    // Three are marked; stop means nothing to the one that has ended.
    person.press("g space space G space x");
    assert_eq!(person.press("j enter"), [does("cache", ContainerAct::Stop)]);
    let first = Command::Container {
        host: HostId::new("spark-1"),
        id: container("cache", ContainerState::Running).id,
        act: ContainerAct::Stop,
    };
    assert_eq!(
        reply(&mut person.ui, &first, Reply::Done),
        [does("db", ContainerAct::Stop)]
    );
    assert_eq!(person.flash(), "stop cache on spark-1: done");
    assert_eq!(person.press("r").len(), 1);
    assert_eq!(person.ui.containers.queue.len(), 2);
}

#[test]
fn no_to_one_of_several_is_no_to_those_after_it() {
    let mut person = person();
    person.press("g space space");
    let asked = person.press("r");
    let [UiEffect::Ask(first)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let question = Reply::NeedsConfirmation {
        id: ConfirmationId(7),
        challenge: Challenge::YesNo,
        expires: At(60_000),
        plan: Plan {
            what: "Restart it.".into(),
            command: "POST /containers/cache/restart".into(),
            notes: Vec::new(),
        },
    };
    assert_eq!(reply(&mut person.ui, first, question), []);
    assert_eq!(
        person.press("esc"),
        [ask(Command::Withdraw(ConfirmationId(7)))]
    );
    assert_eq!(
        person.flash(),
        "not done, nor the 1 that would have followed"
    );
    assert!(person.ui.containers.queue.is_empty());
}

#[test]
fn a_shell_inside_lends_the_terminal_and_read_only_offers_nothing() {
    let mut person = person();
    let asked = person.press("s");
    let [UiEffect::Ask(command @ Command::Terminal { size, .. })] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(*size, (120, 40));
    assert_eq!(
        reply(&mut person.ui, command, Reply::Terminal(TerminalId(4))),
        [UiEffect::Terminal {
            what: "cache on spark-1".into(),
            terminal: TerminalId(4)
        }]
    );
    assert_eq!(person.press("G s"), []);
    assert!(person.flash().starts_with("old does not run"));
    person.change(|fleet| fleet.read_only = true);
    assert_eq!(person.press("g x s r"), []);
    assert!(person.ui.layers.is_empty());
}

#[test]
fn logs_of_the_chosen_and_of_the_marked_open_the_lens() {
    let mut person = person();
    let address = |name: &str| SourceAddress {
        host: Some(HostId::new("spark-1")),
        spec: SourceSpec::Container(name.into()),
    };
    person.press("j space space");
    let effects = person.press("l");
    let [UiEffect::Ask(Command::OpenLens { sources, .. })] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(sources, &[address("db"), address("proxy")]);
    assert_eq!(person.ui.screen, Screen::Logs);
}

#[test]
fn values_of_the_environment_stay_hidden_until_asked_for_and_secrets_longer() {
    let mut person = person();
    let asked = person.press("enter");
    let [UiEffect::Ask(command)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let detail = ContainerDetail {
        container: container("cache", ContainerState::Running),
        env: vec![
            ("HOME".into(), "/root".into()),
            ("HF_TOKEN".into(), "hidden-value".into()),
        ],
        command: Vec::new(),
        log_driver: "json-file".into(),
        tty: false,
        restart_policy: "no".into(),
        facts: Vec::new(),
        raw: Vec::new(),
    };
    reply(&mut person.ui, command, Reply::Detail(Arc::new(detail)));
    person.press("]");
    assert_eq!(
        person.ui.containers.open.as_ref().unwrap().tab,
        ContainerTab::Env
    );
    for (keys, copied) in [
        ("y", "HOME=•••\nHF_TOKEN=•••"),
        ("v y", "HOME=/root\nHF_TOKEN=•••"),
        ("v y", "HOME=/root\nHF_TOKEN=hidden-value"),
        ("v y", "HOME=•••\nHF_TOKEN=•••"),
    ] {
        let effects = person.press(keys);
        let [UiEffect::Copy(Copied { text, .. })] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        assert_eq!(text, copied);
    }
    // It goes when the container goes.
    set(&mut person, &[ALL[1]]);
    assert!(person.ui.containers.open.is_none());
    assert_eq!(person.flash(), "cache is gone");
}

#[test]
fn while_somebody_looks_what_they_take_is_read_and_nobody_waits_for_it() {
    let mut person = person();
    let watch = |host: &str, only: Option<&str>| {
        ask(Command::WatchStats {
            host: HostId::new(host),
            only: only.map(|name| container(name, ContainerState::Running).id),
        })
    };
    assert_eq!(person.at(100), [watch("spark-1", None)]);
    assert_eq!(person.at(4_000), []);
    assert_eq!(person.at(5_200), [watch("spark-1", None)]);
    person.ui.waiting = 0;
    let command = Command::WatchStats {
        host: HostId::new("spark-1"),
        only: None,
    };
    let failed = Reply::Failed(Refusal {
        why: "not connected".into(),
        hint: None,
    });
    assert_eq!(reply(&mut person.ui, &command, failed), []);
    assert_eq!((person.ui.waiting, person.flash()), (0, ""));
    person.press("c");
    assert_eq!(
        person.at(11_000),
        [watch("spark-1", None), watch("spark-2", None)]
    );
    person.press("enter");
    assert_eq!(person.at(11_250), [watch("spark-1", Some("cache"))]);
    person.press("6");
    assert_eq!(person.at(30_000), []);
}

#[test]
fn the_fleet_shows_all_hosts_and_the_way_back_is_kept() {
    let mut person = person();
    person.press("c");
    assert_eq!(
        shown(&person),
        ["cache", "db", "proxy", "web", "web", "old"]
    );
    person.press("/ 'spark-2 enter");
    assert_eq!(chosen(&person), "spark-2/web");
    person.press("-");
    assert_eq!(
        (person.ui.screen, person.ui.tab),
        (Screen::Hosts, Tab::Containers)
    );
    person.press("-");
    assert_eq!(person.ui.screen, Screen::Containers);
    person.press("enter esc");
    assert_eq!(person.ui.screen, Screen::Containers);
    person.press("esc esc");
    assert_eq!(person.ui.screen, Screen::Hosts);
}

#[test]
fn a_prune_is_shown_before_anybody_is_asked() {
    let mut person = person();
    let host = HostId::new("spark-1");
    let preview = Command::PrunePreview { host: host.clone() };
    assert_eq!(person.press(": 'prune enter"), [ask(preview.clone())]);
    let none = Reply::Preview(PrunePreview::default());
    reply(&mut person.ui, &preview, none);
    assert_eq!(person.flash(), "spark-1 has nothing to prune");
    let agreed = PrunePreview {
        containers: vec![(container("old", ContainerState::Exited(1)).id, "old".into())],
        images: Vec::new(),
        bytes: crate::domain::Bytes(5_000),
    };
    let some = Reply::Preview(agreed.clone());
    reply(&mut person.ui, &preview, some.clone());
    // No has the focus.
    assert_eq!(person.press("enter"), []);
    reply(&mut person.ui, &preview, some);
    let prune = Command::Prune {
        host,
        agreed: agreed.clone(),
    };
    assert_eq!(person.press("tab enter"), [ask(prune.clone())]);
    reply(&mut person.ui, &prune, Reply::Pruned(agreed));
    let said = person.flash();
    assert!(
        said.starts_with("spark-1: 1 containers and 0 images removed, ")
            && said.ends_with(" came back"),
        "{said}"
    );
}

#[test]
fn the_ledger_follows_its_newest_act_until_another_is_chosen() {
    let mut person = person();
    let intent = |number, what: &str| LedgerEntry {
        number,
        wall: Wall(0),
        event: LedgerEvent::Intent(Intent {
            who: "anna".into(),
            from: "terminal".into(),
            host: Some(HostId::new("spark-1")),
            what: what.into(),
            request: "POST /containers/x/stop".into(),
            confirmed: "yes".into(),
            proposed: None,
            armed: None,
        }),
    };
    let end = LedgerEntry {
        number: 2,
        wall: Wall(5),
        event: LedgerEvent::Outcome {
            act: crate::domain::ActId(1),
            outcome: ActOutcome::Failed("no such container".into()),
            verification: None,
        },
    };
    let mut ledger: VecDeque<LedgerEntry> =
        [intent(1, "Stop x."), end, intent(3, "Stop y.")].into();
    let first = ledger.clone();
    person.change(|fleet| fleet.ledger = Arc::new(first));
    person.press("6 enter");
    let text = |person: &Person| match person.ui.layers.last() {
        Some(Layer::Text { lines, .. }) => lines.join("\n"),
        other => panic!("{other:?}"),
    };
    assert!(text(&person).starts_with("Stop y.") && text(&person).contains("open"));
    person.press("esc j enter");
    let whole = text(&person);
    assert!(
        whole.contains("failed: no such container") && whole.ends_with("POST /containers/x/stop")
    );
    person.press("esc");
    ledger.push_back(intent(4, "Stop z."));
    person.change(|fleet| fleet.ledger = Arc::new(ledger));
    person.press("enter");
    assert!(text(&person).starts_with("Stop x."));
    person.press("esc / 'y. enter enter");
    assert!(text(&person).starts_with("Stop y."));
}

#[test]
fn a_ledger_that_was_put_right_says_so_among_its_acts() {
    let mut person = person();
    let note = LedgerEntry {
        number: 1,
        wall: Wall(0),
        event: LedgerEvent::Recovered {
            what: "half a line was cut off".into(),
        },
    };
    person.change(|fleet| fleet.ledger = Arc::new([note].into()));
    person.press("6 enter");
    match person.ui.layers.last() {
        Some(Layer::Text { lines, .. }) => {
            assert_eq!(lines[0], "half a line was cut off");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reference_is_its_host_and_its_id() {
    let id = ContainerId::new("web");
    let one = ContainerRef::new(&HostId::new("spark-1"), &id);
    assert_ne!(one, ContainerRef::new(&HostId::new("spark-2"), &id));
}
