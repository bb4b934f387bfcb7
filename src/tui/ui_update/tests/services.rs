//! Services by keys, fleet-wide and in the tab of a host.

use super::serving::*;
use crate::engine::{ProbeOutcome, Probed};

fn container(name: &str, word: ServiceWord) -> Service {
    service(name, word, Managed::Container(name.into()))
}

fn person() -> Person {
    let mut fleet = fleet(&["spark-1", "spark-2"]);
    let mut hidden = container("hidden", ServiceWord::Healthy);
    Arc::make_mut(&mut hidden.spec).hidden = true;
    let mut git = service(
        "bridge",
        ServiceWord::Stopped,
        Managed::Git {
            folder: RemotePath::new("/srv/bridge").unwrap(),
            container: "bridge".into(),
        },
    );
    Arc::make_mut(&mut git.spec).deep = None;
    Arc::make_mut(&mut fleet.hosts[1]).services = Arc::new(vec![
        container("vllm", ServiceWord::Healthy),
        hidden,
        git,
        service("elsewhere", ServiceWord::Unhealthy, Managed::Watched),
    ]);
    let mut person = Person::with(fleet);
    person.room.table = 10;
    person.press("S");
    person
}

fn names(person: &Person) -> Vec<String> {
    let rows = person.ui.services.rows.rows().iter();
    rows.map(|row| row.service.spec.name.to_string()).collect()
}

fn act(name: &str, act: ServiceAct) -> Vec<Command> {
    vec![Command::Service {
        host: HostId::new("spark-2"),
        service: ServiceName::new(name),
        act,
    }]
}

fn probe(name: &str, depth: Depth) -> Command {
    Command::Probe {
        host: HostId::new("spark-2"),
        service: ServiceName::new(name),
        depth,
    }
}

#[test]
fn the_fleets_are_listed_without_hidden_ones_and_a_hosts_in_its_tab() {
    let mut person = person();
    assert_eq!(names(&person), ["vllm", "bridge", "elsewhere"]);
    assert_eq!(person.ui.services.rows.counts(), (3, 1));
    person.press("/ 'wat enter");
    assert_eq!(names(&person), Vec::<String>::new());
    person.press("esc / 'unhealthy enter");
    assert_eq!(names(&person), ["elsewhere"]);
    person.press("esc 1 g enter ] ] ]");
    assert_eq!(person.ui.tab, Tab::Services);
    assert_eq!(names(&person), Vec::<String>::new());
    assert_eq!(asks(&person.press("r")), []);
    assert_eq!(person.flash(), "no service is chosen");
}

#[test]
fn enter_opens_its_card_and_from_there_what_can_be_done() {
    let mut person = person();
    person.press("enter");
    assert!(
        matches!(layer(&person), Some(WorkLayer::Service { of, .. }) if of.name.as_str() == "vllm")
    );
    person.press("enter");
    let Some(WorkLayer::Choose(choose)) = layer(&person) else {
        panic!("{:?}", layer(&person));
    };
    assert_eq!(words(choose), ["stop", "restart", "look", "probe"]);
    assert_eq!(
        asks(&person.press("j enter")),
        act("vllm", ServiceAct::Restart)
    );
    assert_eq!(layer(&person), None);
}

#[test]
fn what_is_offered_fits_how_it_is_run_and_how_it_stands() {
    for (row, offers) in [
        (0, vec!["stop", "restart", "look", "probe"]),
        (1, vec!["start", "stop", "restart", "update", "look"]),
        (2, vec!["look", "probe"]),
    ] {
        let mut person = person();
        person.press("g");
        (0..row).for_each(|_| drop(person.press("j")));
        person.press("x");
        let Some(WorkLayer::Choose(choose)) = layer(&person) else {
            panic!("{:?}", layer(&person));
        };
        assert_eq!(words(choose), offers);
    }
}

#[test]
fn a_look_is_as_deep_as_it_can_be() {
    let mut person = person();
    assert_eq!(asks(&person.press("i")), [probe("vllm", Depth::Deep)]);
    assert_eq!(
        asks(&person.press("j i")),
        [probe("bridge", Depth::Shallow)]
    );
}

#[test]
fn logs_are_those_of_what_runs_it() {
    let mut person = person();
    person.press("G l");
    assert!(
        person.flash().contains("only watched"),
        "{}",
        person.flash()
    );
    person.press("g l");
    assert_eq!(person.ui.screen, Screen::Logs);
}

#[test]
fn read_only_looks_and_changes_nothing() {
    let mut person = person();
    person.change(|fleet| fleet.read_only = true);
    for key in ["x", "r"] {
        person.ui.flash = None;
        assert_eq!(asks(&person.press(key)), [], "{key}");
        assert_eq!(person.flash(), "read-only: nothing is changed");
        assert_eq!(layer(&person), None);
    }
    assert_eq!(asks(&person.press("i")), [probe("vllm", Depth::Deep)]);
}

#[test]
fn what_a_look_found_is_said_with_its_word() {
    let mut person = person();
    for (outcome, words) in [
        (
            ProbeOutcome::Good("one token".into()),
            "vllm is well: one token (1.2 s)",
        ),
        (
            ProbeOutcome::Idle("nothing".into()),
            "vllm is idle: nothing (1.2 s)",
        ),
        (
            ProbeOutcome::Wedged("CUDA".into()),
            "vllm is wedged: CUDA (1.2 s)",
        ),
        (
            ProbeOutcome::Absent("gone".into()),
            "vllm is not there: gone (1.2 s)",
        ),
    ] {
        let probed = Probed {
            at: At(0),
            took: Duration::from_millis(1_200),
            outcome,
        };
        let origin = probe("vllm", Depth::Deep);
        reply(&mut person.ui, &origin, Reply::Probed(Box::new(probed)));
        assert_eq!(person.flash(), words);
    }
}

#[test]
fn a_service_that_is_no_longer_there_is_nothing_to_act_on() {
    let mut person = person();
    person.press("enter");
    person.change(|fleet| Arc::make_mut(&mut fleet.hosts[1]).services = Arc::default());
    assert_eq!(asks(&person.press("enter")), []);
    assert_eq!(layer(&person), None);
}
