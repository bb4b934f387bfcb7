//! The engine on real links: the demo fleet over real SSH on the loopback, and this machine without it.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::clock::Clock;
use pilothouse::config::{Config, Settings};
use pilothouse::demo::{Demo, DemoOptions, Faults, Line, LoginRule};
use pilothouse::domain::{
    Answer, GpuSourceChoice, HealthWord, HostAddress, HostId, HostSpec, Question, Rung, Secret,
};
use pilothouse::engine::{
    Acting, Actor, Assisting, Command, Engine, Fleet, Handle, Host, Link, Outcome, Reply, Setup,
    Ways,
};
use pilothouse::ssh::Defaults;
use pilothouse::tasks::Tasks;

/// Nothing on the loopback takes this long; a test that meets it has failed.
const LIMIT: Duration = Duration::from_secs(30);

/// An engine that dials for real.
struct Console {
    engine: Engine,
    handle: Handle,
    tasks: Tasks,
    _home: tempfile::TempDir,
}

impl Console {
    fn start(config: Config) -> Self {
        let (tasks, clock) = (Tasks::new(), Clock::system());
        let home = tempfile::tempdir().unwrap();
        let defaults = Defaults {
            home: home.path().to_owned(),
            user: "somebody".parse().unwrap(),
            agent: None,
        };
        let period = config.settings.period;
        let ways = Ways::new(&tasks, &clock, defaults, period);
        let engine = Engine::start(Setup {
            config,
            clock,
            tasks: tasks.clone(),
            connect: Arc::new(ways),
            store: None,
            record: None,
            acting: Acting::unrecorded(),
            assisting: Assisting::default(),
        });
        Self {
            handle: engine.handle(),
            engine,
            tasks,
            _home: home,
        }
    }

    async fn until(&self, what: &str, holds: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let mut fleet = self.handle.fleet();
        let found = tokio::time::timeout(LIMIT, fleet.wait_for(|fleet| holds(fleet))).await;
        let Ok(found) = found else {
            panic!(
                "never came: {what}\n{:#?}",
                self.handle.fleet().borrow().hosts
            );
        };
        Arc::clone(&found.unwrap())
    }

    async fn until_host(&self, name: &str, holds: impl Fn(&Host) -> bool) -> Arc<Host> {
        let id = HostId::new(name);
        let fleet = self
            .until(name, |fleet| {
                fleet.host(&id).is_some_and(|host| holds(host))
            })
            .await;
        Arc::clone(fleet.host(&id).unwrap())
    }

    async fn ask(&self, command: Command) -> Reply {
        self.handle.ask(Actor::Terminal, command).await
    }

    async fn end(self) {
        assert!(self.engine.shutdown(LIMIT).await);
        assert!(self.tasks.shutdown(LIMIT).await);
    }
}

async fn demo() -> (Demo, Tasks) {
    let tasks = Tasks::new();
    let demo = Demo::start(&tasks, &Clock::system(), DemoOptions::default()).await;
    (demo.unwrap(), tasks)
}

fn is_up(host: &Host) -> bool {
    host.ladder.holds(Rung::Command) && host.machine.is_some()
}

#[tokio::test]
async fn the_demo_fleet_comes_up_over_ssh_and_comes_back_when_it_was_cut() {
    let (demo, demo_tasks) = demo().await;
    let console = Console::start(demo.config());
    let fleet = console
        .until("all up", |fleet| fleet.hosts.iter().all(|host| is_up(host)))
        .await;
    let gpus = |name: &str| {
        let host = fleet.host(&HostId::new(name)).unwrap();
        host.gpus.as_ref().map(|gpus| gpus.value.gpus.len())
    };
    assert_eq!(fleet.hosts.len(), 4);
    assert!(gpus("h200-a").is_none_or(|gpus| gpus == 8));
    console
        .until_host("spark-1", |host| host.ladder.holds(Rung::Containers))
        .await;
    let name = HostId::new("spark-1");
    assert!(demo.set_line(&name, Line::Cut));
    let down = console
        .until_host("spark-1", |host| host.word == HealthWord::Down)
        .await;
    assert!(!down.detail.is_empty());
    assert!(demo.set_line(&name, Line::Carries));
    // The loss and the next dial are two moments; ask until the dial has come through.
    loop {
        assert_eq!(
            console.ask(Command::Reconnect(name.clone())).await,
            Reply::Done
        );
        let back = console.until_host("spark-1", |host| {
            is_up(host) || matches!(host.link, Link::Waiting { .. })
        });
        if is_up(back.await.as_ref()) {
            break;
        }
    }
    console.end().await;
    drop(demo);
    assert!(demo_tasks.shutdown(LIMIT).await);
}

#[tokio::test]
async fn hosts_that_say_nothing_hold_nobody_up() {
    let tasks = Tasks::new();
    let options = DemoOptions {
        hosts: 13,
        ..DemoOptions::default()
    };
    let demo = Demo::start(&tasks, &Clock::system(), options)
        .await
        .unwrap();
    let mut config = demo.config();
    // The one that answers stands last in the queue.
    let silent = config.hosts.len() - 1;
    for spec in config.hosts.iter().take(silent) {
        assert!(demo.set_line(&spec.id, Line::Silent));
    }
    config.settings.period = Duration::from_millis(200);
    let last = config.hosts[silent].id.clone();
    let console = Console::start(config);
    let up = console.until_host(last.as_str(), is_up).await;
    // A dial that is met with silence takes ten seconds to say so.
    assert!(up.seen.unwrap().0 < 8_000, "up at {:?}", up.seen);
    console.end().await;
    drop(demo);
    assert!(tasks.shutdown(LIMIT).await);
}

#[tokio::test]
async fn a_changed_key_is_held_and_a_prompt_reaches_the_person() {
    let (demo, demo_tasks) = demo().await;
    let (changed, asked) = (HostId::new("spark-1"), HostId::new("spark-2"));
    demo.set_faults(
        &changed,
        Faults {
            other_host_key: true,
            ..Faults::default()
        },
    );
    let login = LoginRule::Prompt {
        prompt: "Code: ".into(),
        answer: "12345".into(),
    };
    demo.set_faults(
        &asked,
        Faults {
            login,
            ..Faults::default()
        },
    );
    let console = Console::start(demo.config());
    let held = console
        .until_host("spark-1", |host| matches!(host.link, Link::Held { .. }))
        .await;
    assert_eq!(held.word, HealthWord::Down);
    match held.ladder.outcome(Rung::Banner) {
        Outcome::Failed { silent, hint, .. } => {
            let hint = hint.as_ref().map_or("", |hint| hint.as_str());
            assert!(
                !silent && hint.contains("ssh-keygen -f") && hint.contains(" -R "),
                "{hint}"
            );
        }
        other => panic!("{other:?}"),
    }
    let fleet = console
        .until("the prompt", |fleet| !fleet.questions.is_empty())
        .await;
    let pending = &fleet.questions[0];
    assert_eq!(pending.host, asked);
    assert!(matches!(&pending.question, Question::Prompts { prompts, .. } if prompts.len() == 1));
    let answer = Command::Answer {
        question: pending.id,
        answer: Answer::Texts(vec![Secret::new("12345".into())]),
    };
    assert_eq!(console.ask(answer).await, Reply::Done);
    console.until_host("spark-2", is_up).await;
    console.end().await;
    drop(demo);
    assert!(demo_tasks.shutdown(LIMIT).await);
}

#[tokio::test]
async fn this_machine_is_watched_without_ssh() {
    let spec = HostSpec {
        id: HostId::new("here"),
        address: HostAddress::Local,
        tags: Vec::new(),
        gpu: GpuSourceChoice::None,
        power: None,
    };
    let console = Console::start(Config {
        fleet: "home".into(),
        hosts: vec![Arc::new(spec)],
        settings: Settings {
            period: Duration::from_millis(200),
            ..Settings::default()
        },
        file: None,
        problems: Vec::new(),
    });
    let here = console.until_host("here", is_up).await;
    assert_eq!(here.link, Link::Local);
    let memory = here.machine.as_ref().unwrap().value.memory.value().copied();
    assert!(memory.unwrap().total.0 > 0);
    console.end().await;
}
