//! The whole engine on simulated hosts, on the runtime's paused clock: ups and downs, questions, changes, crowds.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::clock::Clock;
use pilothouse::config::{AlertSettings, Config, Settings};
use pilothouse::domain::{
    Answer, GpuCondition, HealthWord, HostId, Question, QuestionId, Rung, Secret, Wall,
};
use pilothouse::engine::sim::{SimFleet, SimLink};
use pilothouse::engine::{
    Acting, Actor, Assisting, Challenge, Command, ConfirmationId, Engine, Fleet, Handle, Host,
    Link, Recorder, Recording, Replay, Reply, Setup, Signal,
};
use pilothouse::exec::Exit;
use pilothouse::store::Store;
use pilothouse::tasks::Tasks;

/// An engine on simulated hosts.
struct Stage {
    sim: Arc<SimFleet>,
    engine: Engine,
    handle: Handle,
    tasks: Tasks,
}

fn config(sim: &SimFleet, read_only: bool) -> Config {
    Config {
        fleet: "home".into(),
        hosts: sim.specs(),
        settings: Settings {
            read_only,
            alerts: AlertSettings::default(),
            ..Settings::default()
        },
        file: None,
        problems: Vec::new(),
    }
}

impl Stage {
    fn new(hosts: usize) -> Self {
        Self::with(hosts, false)
    }

    fn with(hosts: usize, read_only: bool) -> Self {
        Self::keeping(hosts, read_only, None, None)
    }

    fn keeping(
        hosts: usize,
        read_only: bool,
        store: Option<Store>,
        record: Option<Recorder>,
    ) -> Self {
        let sim = SimFleet::new(42, hosts);
        let tasks = Tasks::new();
        let engine = Engine::start(Setup {
            config: config(&sim, read_only),
            clock: Clock::timers(Wall(1_800_000_000_000)),
            tasks: tasks.clone(),
            connect: sim.clone(),
            store,
            record,
            acting: Acting::unrecorded(),
            assisting: Assisting::default(),
        });
        let handle = engine.handle();
        Self {
            sim,
            engine,
            handle,
            tasks,
        }
    }

    fn now(&self) -> Arc<Fleet> {
        self.handle.fleet().borrow().clone()
    }

    fn word(&self, host: &str) -> HealthWord {
        self.host(host).word
    }

    fn host(&self, host: &str) -> Arc<Host> {
        self.now().host(&HostId::new(host)).unwrap().clone()
    }

    /// Waits until a published fleet shows this; paused time runs as fast as it can.
    async fn until(&self, what: &str, holds: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let mut fleet = self.handle.fleet();
        let limit = Duration::from_mins(10);
        let found = tokio::time::timeout(limit, fleet.wait_for(|fleet| holds(fleet))).await;
        let Ok(found) = found else {
            panic!("never came: {what}\n{:#?}", self.now().hosts);
        };
        Arc::clone(&found.unwrap())
    }

    async fn until_word(&self, host: &str, word: HealthWord) -> Arc<Host> {
        let id = HostId::new(host);
        let fleet = self
            .until(word.word(), |fleet| {
                fleet.host(&id).is_some_and(|host| host.word == word)
            })
            .await;
        Arc::clone(fleet.host(&id).unwrap())
    }

    async fn ask(&self, command: Command) -> Reply {
        self.handle.ask(Actor::Terminal, command).await
    }

    async fn confirm(&self, id: ConfirmationId, answer: &str) -> Reply {
        let answer = answer.to_owned();
        self.ask(Command::Confirm { id, answer }).await
    }

    /// The signals that were sent on a host, as their exact commands.
    fn signals(&self, host: &str) -> Vec<String> {
        let mut commands = self.sim.commands(host);
        commands.retain(|command| command.contains("pilothouse-signal"));
        commands
    }

    async fn end(self) {
        assert!(self.engine.shutdown(Duration::from_secs(5)).await);
        assert!(self.tasks.shutdown(Duration::from_secs(5)).await);
    }
}

fn signal(host: &str, signal: Signal) -> Command {
    Command::Signal {
        host: HostId::new(host),
        pid: 4_000,
        started: Some(77_000),
        signal,
    }
}

fn challenged(reply: Reply) -> (ConfirmationId, Challenge, String) {
    match reply {
        Reply::NeedsConfirmation {
            id,
            challenge,
            plan,
            ..
        } => (id, challenge, plan.command),
        other => panic!("no challenge: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_fleet_has_all_hosts_before_anything_is_awaited() {
    let stage = Stage::new(3);
    let fleet = stage.now();
    assert_eq!(fleet.hosts.len(), 3);
    assert_eq!(fleet.wall, Wall(1_800_000_000_000));
    assert!(fleet.hosts.iter().all(|h| h.word == HealthWord::Connecting));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn hosts_come_up_go_down_and_come_back() {
    let stage = Stage::new(2);
    let host = stage.until_word("sim-001", HealthWord::Ok).await;
    assert!(matches!(host.link, Link::Up { .. }));
    stage.until_word("sim-002", HealthWord::Ok).await;
    stage.sim.set("sim-001", SimLink::Refused);
    let host = stage.until_word("sim-001", HealthWord::Down).await;
    assert_eq!(host.detail.as_str(), "command: connection reset");
    let fleet = stage
        .until("the ladder shows tcp", |fleet| {
            fleet.hosts[0].ladder.first_failure() == Some(Rung::Tcp)
        })
        .await;
    assert_eq!(fleet.hosts[0].detail.as_str(), "tcp: connection refused");
    assert_eq!(fleet.hosts[1].word, HealthWord::Ok);
    stage.sim.set("sim-001", SimLink::Up);
    stage.until_word("sim-001", HealthWord::Ok).await;
    let told = stage
        .until("the way back is told", |fleet| {
            fleet.notices.iter().any(|notice| {
                notice
                    .sentence
                    .as_str()
                    .starts_with("sim-001 is back after")
            })
        })
        .await;
    let words: Vec<_> = told.hosts[0].changes.iter().map(|c| c.word).collect();
    assert_eq!(words, [HealthWord::Ok, HealthWord::Down, HealthWord::Ok]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_tcp_answers_and_whose_ssh_is_silent_is_wedged() {
    let stage = Stage::new(1);
    stage.until_word("sim-001", HealthWord::Ok).await;
    stage.sim.set("sim-001", SimLink::Wedged);
    // First values grow old, then the link counts as lost, then the dial shows what it is.
    stage.until_word("sim-001", HealthWord::Stale).await;
    stage.until_word("sim-001", HealthWord::Down).await;
    let host = stage.until_word("sim-001", HealthWord::Wedged).await;
    assert_eq!(host.detail.as_str(), "ssh banner");
    stage.sim.set("sim-001", SimLink::Up);
    let host = stage.until_word("sim-001", HealthWord::Ok).await;
    assert!(host.ladder.holds(Rung::Banner));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_dial_can_mend_waits_for_a_person() {
    let stage = Stage::new(1);
    stage.sim.set("sim-001", SimLink::Changed);
    stage
        .until("held", |fleet| {
            matches!(fleet.hosts[0].link, Link::Held { .. })
        })
        .await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(stage.sim.dials("sim-001"), 1);
    stage.sim.set("sim-001", SimLink::Up);
    let reply = stage.ask(Command::Reconnect(HostId::new("sim-001"))).await;
    assert_eq!(reply, Reply::Done);
    stage.until_word("sim-001", HealthWord::Ok).await;
    assert_eq!(stage.sim.dials("sim-001"), 2);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_dialled_ever_less_and_at_once_when_asked() {
    let stage = Stage::new(1);
    stage.sim.set("sim-001", SimLink::Refused);
    tokio::time::sleep(Duration::from_mins(10)).await;
    let dials = stage.sim.dials("sim-001");
    assert!((8..=20).contains(&dials), "{dials} dials in ten minutes");
    stage.sim.set("sim-001", SimLink::Up);
    stage.ask(Command::Reconnect(HostId::new("sim-001"))).await;
    let asked = stage.now().at;
    let fleet = stage
        .until("up", |fleet| fleet.hosts[0].word == HealthWord::Ok)
        .await;
    assert!(fleet.at.since(asked).duration() <= Duration::from_secs(2));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_reaches_a_person_and_the_answer_the_connection() {
    let stage = Stage::new(2);
    let question = Question::Passphrase {
        key: "id_ed25519".into(),
        again: false,
    };
    stage.sim.set("sim-001", SimLink::Asks(question.clone()));
    let fleet = stage
        .until("the question", |fleet| !fleet.questions.is_empty())
        .await;
    assert_eq!(fleet.questions[0].question, question);
    assert_eq!(stage.word("sim-001"), HealthWord::Asking);
    // The other host does not wait for the person.
    stage.until_word("sim-002", HealthWord::Ok).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let answer = |question| Command::Answer {
        question,
        answer: Answer::Texts(vec![Secret::new("correct horse".into())]),
    };
    let asked = fleet.questions[0].id;
    assert_eq!(stage.ask(answer(asked)).await, Reply::Done);
    stage.until_word("sim-001", HealthWord::Ok).await;
    assert!(stage.now().questions.is_empty());
    for stale in [asked, QuestionId(99)] {
        assert!(matches!(stage.ask(answer(stale)).await, Reply::Failed(_)));
    }
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_signal_takes_a_confirmation_and_tells_what_became_of_it() {
    let stage = Stage::new(1);
    stage
        .until("processes", |fleet| fleet.hosts[0].processes.is_some())
        .await;
    let (id, challenge, command) = challenged(stage.ask(signal("sim-001", Signal::Term)).await);
    assert_eq!(challenge, Challenge::YesNo);
    assert_eq!(stage.confirm(id, "yes").await, Reply::Done);
    assert_eq!(stage.signals("sim-001"), [command]);
    // A confirmation is used up.
    assert!(matches!(stage.confirm(id, "yes").await, Reply::Refused(_)));
    let (id, challenge, _) = challenged(stage.ask(signal("sim-001", Signal::Kill)).await);
    assert_eq!(challenge, Challenge::TypeName("sim-001".into()));
    assert!(matches!(stage.confirm(id, "yes").await, Reply::Refused(_)));
    let (id, ..) = challenged(stage.ask(signal("sim-001", Signal::Kill)).await);
    stage.sim.exits("sim-001", Exit::Status(73));
    let denied = stage.confirm(id, "sim-001").await;
    assert!(
        format!("{denied:?}").contains("no permission"),
        "{denied:?}"
    );
    stage.sim.exits("sim-001", Exit::Unknown);
    let (id, ..) = challenged(stage.ask(signal("sim-001", Signal::Hup)).await);
    assert!(matches!(stage.confirm(id, "yes").await, Reply::Unknown(_)));
    assert_eq!(stage.signals("sim-001").len(), 3);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_lapses_with_time_withdrawal_and_the_link() {
    let stage = Stage::new(1);
    stage
        .until("processes", |fleet| fleet.hosts[0].processes.is_some())
        .await;
    let (late, ..) = challenged(stage.ask(signal("sim-001", Signal::Term)).await);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let (gone, ..) = challenged(stage.ask(signal("sim-001", Signal::Term)).await);
    assert_eq!(stage.ask(Command::Withdraw(gone)).await, Reply::Done);
    let (cut, ..) = challenged(stage.ask(signal("sim-001", Signal::Term)).await);
    let (other, ..) = challenged(stage.ask(signal("sim-001", Signal::Term)).await);
    let by_another = stage
        .handle
        .ask(
            Actor::CommandLine,
            Command::Confirm {
                id: other,
                answer: "yes".into(),
            },
        )
        .await;
    assert!(matches!(by_another, Reply::Refused(_)));
    stage.sim.set("sim-001", SimLink::Refused);
    stage.until_word("sim-001", HealthWord::Down).await;
    for id in [late, gone, cut, other] {
        assert!(matches!(stage.confirm(id, "yes").await, Reply::Refused(_)));
    }
    let unreachable = stage.ask(signal("sim-001", Signal::Term)).await;
    assert!(matches!(unreachable, Reply::Failed(_)), "{unreachable:?}");
    assert!(stage.signals("sim-001").is_empty());
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn read_only_refuses_every_change_in_words() {
    let stage = Stage::with(1, true);
    stage.until_word("sim-001", HealthWord::Ok).await;
    let shell = Command::Shell {
        host: HostId::new("sim-001"),
    };
    for command in [signal("sim-001", Signal::Hup), shell] {
        match stage.ask(command).await {
            Reply::Refused(refusal) => {
                assert!(refusal.why.starts_with("read-only: "), "{refusal:?}");
                assert!(refusal.hint.is_some());
            }
            other => panic!("not refused: {other:?}"),
        }
    }
    // Our own connections are no change.
    let reconnect = Command::Reconnect(HostId::new("sim-001"));
    assert_eq!(stage.ask(reconnect).await, Reply::Done);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shell_takes_a_confirmation_that_shows_its_exact_command() {
    let stage = Stage::new(1);
    let shell = Command::Shell {
        host: HostId::new("sim-001"),
    };
    let (id, challenge, command) = challenged(stage.ask(shell).await);
    assert_eq!(challenge, Challenge::YesNo);
    match stage.confirm(id, "yes").await {
        Reply::Shell { command: line, .. } => assert_eq!(line.render(), command),
        other => panic!("no shell: {other:?}"),
    }
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_hung_host_delays_no_other() {
    let stage = Stage::new(40);
    for number in 1..40 {
        let link = match number % 2 {
            0 => SimLink::Wedged,
            _ => SimLink::Slow(Duration::from_hours(1)),
        };
        stage.sim.set(&format!("sim-{number:03}"), link);
    }
    let fleet = stage
        .until("the healthy one", |fleet| {
            fleet.hosts[39].word == HealthWord::Ok
        })
        .await;
    let waited = Duration::from_millis(fleet.at.0);
    assert!(waited <= Duration::from_secs(3), "{waited:?}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_hosts_at_one_hertz_are_few_pictures() {
    let stage = Stage::new(200);
    stage
        .until("all up", |fleet| {
            fleet.hosts.iter().all(|host| host.word == HealthWord::Ok)
        })
        .await;
    let mut fleets = stage.handle.fleet();
    let (began, mut pictures) = (stage.now().at, 0);
    // A reader that never lets go of an old fleet holds nobody up.
    let held = stage.now();
    let seconds = 20;
    loop {
        fleets.changed().await.unwrap();
        pictures += 1;
        let fleet = fleets.borrow_and_update();
        let since = fleet.at.since(began).duration();
        let fresh = fleet
            .hosts
            .iter()
            .all(|host| host.machine.as_ref().unwrap().age(fleet.at).0 <= 2_000);
        assert!(fresh, "a host fell behind");
        if since >= Duration::from_secs(seconds) {
            break;
        }
    }
    let most = seconds * 4;
    assert!(pictures <= most, "{pictures} pictures in {seconds} s");
    assert_eq!(held.at, began);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_driver_and_little_memory_are_words() {
    let stage = Stage::new(2);
    stage
        .sim
        .turn("sim-001", |machine| machine.condition = GpuCondition::Hung);
    stage.sim.turn("sim-002", |machine| {
        machine.left = pilothouse::domain::Mib(3_000);
    });
    let host = stage.until_word("sim-001", HealthWord::Driver).await;
    assert_eq!(
        host.detail.as_str(),
        "the gpu tool hangs: the driver is wedged"
    );
    let host = stage.until_word("sim-002", HealthWord::Tight).await;
    assert_eq!(host.detail.as_str(), "gpu 0: 2.9 GiB left");
    let mut notices = stage.handle.notices();
    stage.sim.turn("sim-001", |machine| {
        machine.condition = GpuCondition::Working;
    });
    let heard = notices.recv().await.unwrap();
    assert!(
        heard
            .sentence
            .as_str()
            .starts_with("sim-001: driver no more")
    );
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_recording_gives_the_same_fleet_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.jsonl");
    let recorder = Recorder::create(&path).unwrap();
    let stage = Stage::keeping(3, false, None, Some(recorder));
    stage.until_word("sim-001", HealthWord::Ok).await;
    stage.sim.set("sim-002", SimLink::Refused);
    stage.until_word("sim-002", HealthWord::Down).await;
    let (id, ..) = challenged(stage.ask(signal("sim-001", Signal::Kill)).await);
    stage.confirm(id, "sim-001").await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    stage.sim.set("sim-002", SimLink::Up);
    stage.until_word("sim-002", HealthWord::Ok).await;
    // Between two beats everything that was folded has been shown.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let lived = stage.now();
    // The recorder's thread knows nothing of paused time.
    tokio::time::resume();
    stage.end().await;
    let mut replay = Replay::new(Recording::open(&path).unwrap()).unwrap();
    // Not its end: on a busy machine a second may pass between the look and the stop.
    replay.seek(lived.at).unwrap();
    assert_eq!(format!("{:#?}", replay.fleet()), format!("{lived:#?}"));
}

#[tokio::test]
async fn the_history_outlives_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(&folder.path().join("history.db"));
    let first = Stage::keeping(1, false, Some(store.clone()), None);
    first.until_word("sim-001", HealthWord::Ok).await;
    first.sim.set("sim-001", SimLink::Changed);
    first.until_word("sim-001", HealthWord::Down).await;
    first.end().await;
    let second = Stage::keeping(1, false, Some(store), None);
    let fleet = second
        .until("the past", |fleet| fleet.hosts[0].changes.len() >= 3)
        .await;
    let words: Vec<_> = fleet.hosts[0].changes.iter().map(|c| c.word).collect();
    assert_eq!(words, [HealthWord::Ok, HealthWord::Down, HealthWord::Ok]);
    second.end().await;
}

#[tokio::test]
async fn without_a_history_the_engine_goes_on_and_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("state");
    std::fs::write(&blocked, "").unwrap();
    let store = Store::new(&blocked.join("history.db"));
    let stage = Stage::keeping(2, false, Some(store), None);
    stage.until_word("sim-002", HealthWord::Ok).await;
    stage.sim.set("sim-001", SimLink::Changed);
    stage.until_word("sim-001", HealthWord::Down).await;
    let fleet = stage
        .until("the trouble", |fleet| {
            let down = |n: &pilothouse::engine::Notice| n.sentence.as_str().contains("is down");
            let none = |n: &pilothouse::engine::Notice| n.sentence.as_str().contains("no history");
            fleet.notices.iter().any(down) && fleet.notices.iter().any(none)
        })
        .await;
    let told = fleet
        .notices
        .iter()
        .filter(|notice| notice.sentence.as_str().contains("no history"));
    assert_eq!(told.count(), 1);
    stage.end().await;
}
