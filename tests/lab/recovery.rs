//! A running engine on the lab: hosts die, wedge, hang and return, and each is seen, named and recovered from.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::clock::Clock;
use pilothouse::config::{Environment, Flags, Paths, load};
use pilothouse::domain::{GpuCondition, HealthWord};
use pilothouse::engine::{Acting, Assisting, Engine, Fleet, Handle, Host, Setup, Ways};
use pilothouse::ssh::Defaults;
use pilothouse::tasks::Tasks;

use crate::lab::Lab;

/// Longer than any back-off and every patience of the program together.
const PATIENCE: Duration = Duration::from_secs(90);

fn engine(lab: &Lab, hosts: &[&str], tasks: &Tasks) -> Engine {
    let flags = Flags {
        config: Some(lab.setting("LAB_CONFIG").into()),
        hosts: hosts.iter().map(|name| (*name).to_owned()).collect(),
        ..Flags::default()
    };
    let environment = Environment::of_process();
    let config = load(&flags, &environment, &Paths::of_process())
        .unwrap()
        .config;
    assert_eq!(config.problems, []);
    let clock = Clock::system();
    let person = Defaults {
        home: "/nonexistent".into(),
        user: "nobody".parse().unwrap(),
        agent: None,
    };
    Engine::start(Setup {
        connect: Arc::new(Ways::new(tasks, &clock, person, config.settings.period)),
        config,
        clock,
        tasks: tasks.clone(),
        store: None,
        record: None,
        acting: Acting::unrecorded(),
        assisting: Assisting::default(),
    })
}

/// Waits until this host is as wished, and says what it was when it never is.
async fn until(handle: &Handle, name: &str, wish: &str, is: impl Fn(&Host) -> bool) {
    let find = |fleet: &Fleet| {
        let host = fleet.hosts.iter().find(|host| host.id.as_str() == name);
        Arc::clone(host.unwrap())
    };
    let mut fleet = handle.fleet();
    let wished = fleet.wait_for(|fleet| is(&find(fleet)));
    if tokio::time::timeout(PATIENCE, wished).await.is_err() {
        let host = find(&handle.fleet().borrow());
        panic!(
            "{name} is never {wish}; it is {:?}: {}",
            host.word, host.detail
        );
    }
}

fn answers(host: &Host) -> bool {
    !matches!(
        host.word,
        HealthWord::Connecting | HealthWord::Stale | HealthWord::Down | HealthWord::Wedged
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sshd_and_its_return_and_a_wedged_one_are_seen() {
    let lab = Lab::open();
    let _flappy = lab.flappy();
    let tasks = Tasks::new();
    let engine = engine(&lab, &["flappy", "h200"], &tasks);
    let handle = engine.handle();
    until(&handle, "flappy", "up", answers).await;
    until(&handle, "h200", "up", answers).await;

    lab.host("kill", "flappy");
    until(&handle, "flappy", "down", |host| {
        host.word == HealthWord::Down
    })
    .await;
    until(&handle, "h200", "still up", answers).await;

    lab.host("start", "flappy");
    until(&handle, "flappy", "up again", |host| {
        answers(host) && host.gpus.is_some()
    })
    .await;

    lab.host("wedge", "flappy");
    until(&handle, "flappy", "wedged", |host| {
        host.word == HealthWord::Wedged
    })
    .await;
    lab.host("release", "flappy");
    until(&handle, "flappy", "up after the wedge", answers).await;

    assert!(engine.shutdown(Duration::from_secs(5)).await);
    assert!(tasks.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mig_instances_are_listed_below_their_gpu() {
    let lab = Lab::open();
    let tasks = Tasks::new();
    let engine = engine(&lab, &["mig"], &tasks);
    until(&engine.handle(), "mig", "listed in two parts", |host| {
        let gpus = host.gpus.as_ref().map(|gpus| &gpus.value.gpus);
        gpus.and_then(|gpus| gpus.first())
            .is_some_and(|gpu| gpu.mig.len() == 2)
    })
    .await;
    assert!(engine.shutdown(Duration::from_secs(5)).await);
    assert!(tasks.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_nvidia_smi_is_a_state_in_words_and_the_machine_goes_on() {
    let lab = Lab::open();
    let tasks = Tasks::new();
    let engine = engine(&lab, &["hang"], &tasks);
    let handle = engine.handle();
    until(&handle, "hang", "reported hung", |host| {
        host.gpus
            .as_ref()
            .is_some_and(|gpus| gpus.value.condition == GpuCondition::Hung)
            && host.word == HealthWord::Driver
            && host.machine.is_some()
    })
    .await;
    assert!(engine.shutdown(Duration::from_secs(5)).await);
    assert!(tasks.shutdown(Duration::from_secs(5)).await);
}
