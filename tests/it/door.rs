//! The door of the engine, on simulated hosts: what is written before and after an act, and what happens without a ledger.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::clock::Clock;
use pilothouse::config::{Config, Settings};
use pilothouse::domain::{
    ActId, ActOutcome, HostId, Intent, LedgerEntry, LedgerEvent, Severity, Wall,
};
use pilothouse::engine::sim::SimFleet;
use pilothouse::engine::{
    Acting, Actor, Assisting, Challenge, Command, Engine, Fleet, Handle, Reply, Setup, Signal,
};
use pilothouse::exec::Exit;
use pilothouse::store::Ledger;
use pilothouse::tasks::Tasks;

use crate::ledger::{check, folder, paths};

pub(crate) const HOST: &str = "sim-001";

pub(crate) struct Stage {
    pub(crate) sim: Arc<SimFleet>,
    pub(crate) engine: Engine,
    pub(crate) handle: Handle,
}

impl Stage {
    pub(crate) async fn new(ledger: Ledger) -> Self {
        Self::with(ledger, Settings::default()).await
    }

    pub(crate) async fn with(ledger: Ledger, settings: Settings) -> Self {
        let sim = SimFleet::new(42, 1);
        let engine = Engine::start(Setup {
            config: Config {
                fleet: "home".into(),
                hosts: sim.specs(),
                settings,
                file: None,
                problems: Vec::new(),
            },
            clock: Clock::timers(Wall(1_800_000_000_000)),
            tasks: Tasks::new(),
            connect: sim.clone(),
            store: None,
            record: None,
            acting: Acting {
                ledger,
                who: "ops".into(),
                from: "ssh from 10.0.0.5, /dev/pts/3".into(),
            },
            assisting: Assisting::default(),
        });
        let handle = engine.handle();
        let stage = Self {
            sim,
            engine,
            handle,
        };
        stage
            .until(|fleet| fleet.hosts[0].processes.is_some())
            .await;
        stage
    }

    pub(crate) async fn until(&self, holds: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let mut fleet = self.handle.fleet();
        let found = fleet.wait_for(|fleet| holds(fleet)).await;
        Arc::clone(&found.unwrap())
    }

    /// The lines of the ledger, as soon as there are so many.
    pub(crate) async fn ledger(&self, lines: usize) -> Vec<LedgerEvent> {
        let fleet = self.until(|fleet| fleet.ledger.len() >= lines).await;
        fleet.ledger.iter().map(|line| line.event.clone()).collect()
    }

    pub(crate) async fn ask(&self, actor: Actor, command: Command) -> Reply {
        self.handle.ask(actor, command).await
    }

    /// Asks for something and answers its challenge.
    pub(crate) async fn act(
        &self,
        actor: Actor,
        command: Command,
        answer: &str,
    ) -> (String, Reply) {
        let Reply::NeedsConfirmation { id, plan, .. } = self.ask(actor, command).await else {
            panic!("nobody is asked");
        };
        let answer = answer.to_owned();
        let reply = self.ask(actor, Command::Confirm { id, answer }).await;
        (plan.command, reply)
    }

    fn signals(&self) -> usize {
        let commands = self.sim.commands(HOST);
        let signals = commands
            .iter()
            .filter(|line| line.contains("pilothouse-signal"));
        signals.count()
    }

    pub(crate) async fn end(self) {
        assert!(self.engine.shutdown(Duration::from_secs(5)).await);
    }
}

pub(crate) fn host() -> HostId {
    HostId::new(HOST)
}

pub(crate) fn signal(signal: Signal) -> Command {
    Command::Signal {
        host: host(),
        pid: 4_000,
        started: Some(77_000),
        signal,
    }
}

pub(crate) fn intents(events: &[LedgerEvent]) -> Vec<&Intent> {
    events
        .iter()
        .filter_map(|event| match event {
            LedgerEvent::Intent(intent) => Some(intent),
            _ => None,
        })
        .collect()
}

fn outcome(act: u64, outcome: ActOutcome) -> LedgerEvent {
    LedgerEvent::Outcome {
        act: ActId(act),
        outcome,
        verification: None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_act_stands_between_two_records_that_say_who_what_and_how() {
    let stage = Stage::new(Ledger::in_memory()).await;
    let (line, reply) = stage
        .act(Actor::Terminal, signal(Signal::Term), "yes")
        .await;
    assert_eq!(reply, Reply::Done);
    let events = stage.ledger(2).await;
    let intent = intents(&events)[0];
    assert_eq!(
        (intent.who.as_str(), intent.host.clone()),
        ("ops", Some(host()))
    );
    assert_eq!(
        intent.from.as_str(),
        "console, ssh from 10.0.0.5, /dev/pts/3"
    );
    assert!(
        intent
            .what
            .as_str()
            .starts_with("send TERM to process 4000")
    );
    assert_eq!(intent.request, line.into());
    assert_eq!(events[1], outcome(1, ActOutcome::Done));

    stage.act(Actor::Terminal, signal(Signal::Kill), HOST).await;
    stage
        .act(Actor::CommandLine, signal(Signal::Term), HOST)
        .await;
    stage.sim.exits(HOST, Exit::Unknown);
    stage
        .act(Actor::CommandLine, signal(Signal::Kill), HOST)
        .await;
    let events = stage.ledger(8).await;
    let how: Vec<&str> = intents(&events)
        .iter()
        .map(|i| i.confirmed.as_str())
        .collect();
    assert_eq!(
        how,
        ["yes", "typed sim-001", "--yes sim-001", "--yes sim-001"]
    );
    assert!(
        matches!(
            &events[7],
            LedgerEvent::Outcome {
                outcome: ActOutcome::Unknown(_),
                ..
            }
        ),
        "{:?}",
        events[7]
    );
    // A refusal is no act.
    let (_, reply) = stage
        .act(Actor::Terminal, signal(Signal::Kill), "yes")
        .await;
    assert!(matches!(reply, Reply::Refused(_)));
    assert_eq!((stage.ledger(8).await.len(), stage.signals()), (8, 4));
    let said = stage.handle.fleet().borrow().notices.clone();
    assert!(
        said.iter()
            .any(|notice| notice.sentence.as_str().contains("in memory only"))
    );
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_written_down_is_not_done() {
    let stage = Stage::new(Ledger::nowhere("no home directory is known", "set HOME")).await;
    let (_, reply) = stage
        .act(Actor::Terminal, signal(Signal::Term), "yes")
        .await;
    let Reply::Refused(refusal) = reply else {
        panic!("not refused: {reply:?}");
    };
    assert!(
        refusal.why.contains("no home directory is known"),
        "{}",
        refusal.why
    );
    assert_eq!(refusal.hint.as_deref(), Some("set HOME"));
    assert_eq!((stage.signals(), stage.ledger(0).await.len()), (0, 0));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_says_what_would_be_done_and_does_nothing() {
    let stage = Stage::new(Ledger::in_memory()).await;
    let rehearsal = Command::Rehearse(Box::new(signal(Signal::Kill)));
    let reply = stage.ask(Actor::CommandLine, rehearsal).await;
    let Reply::WouldDo { plan, challenge } = reply else {
        panic!("no plan: {reply:?}");
    };
    assert!(plan.command.contains("KILL"), "{}", plan.command);
    assert_eq!(challenge, Some(Challenge::TypeName(HOST.into())));
    let nothing = Command::Rehearse(Box::new(Command::Reconnect(host())));
    let reply = stage.ask(Actor::CommandLine, nothing).await;
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    assert_eq!((stage.signals(), stage.ledger(0).await.len()), (0, 0));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shell_is_open_until_its_end_is_told() {
    let stage = Stage::new(Ledger::in_memory()).await;
    let open = async || {
        let shell = Command::Shell { host: host() };
        match stage.act(Actor::Terminal, shell, "yes").await.1 {
            Reply::Shell { terminal, .. } => terminal,
            other => panic!("no shell: {other:?}"),
        }
    };
    let ended = async |terminal, failed: Option<&str>| {
        let failed = failed.map(str::to_owned);
        let command = Command::TerminalEnded { terminal, failed };
        stage.ask(Actor::Terminal, command).await
    };
    let (one, two) = (open().await, open().await);
    assert_eq!(stage.ledger(2).await.len(), 2);
    assert_eq!(ended(two, Some("ssh could not connect")).await, Reply::Done);
    assert_eq!(ended(one, None).await, Reply::Done);
    let events = stage.ledger(4).await;
    let failed = ActOutcome::Failed("ssh could not connect".into());
    assert_eq!(
        events[2..],
        [outcome(2, failed), outcome(1, ActOutcome::Done)]
    );
    assert!(
        matches!(ended(one, None).await, Reply::Failed(_)),
        "it has ended already"
    );
    stage.end().await;
}

#[tokio::test]
async fn what_earlier_sessions_did_is_told_and_what_a_crash_left_is_put_right_aloud() {
    let folder = folder();
    let paths = paths(folder.path());
    let stage = Stage::new(Ledger::in_files(paths.clone())).await;
    stage
        .act(Actor::Terminal, signal(Signal::Term), "yes")
        .await;
    stage
        .act(Actor::Terminal, Command::Shell { host: host() }, "yes")
        .await;
    stage.end().await;
    let report = check(&paths);
    assert_eq!(
        (report.records, report.broken, report.open.len()),
        (3, None, 1)
    );

    let torn = [std::fs::read(&paths.ledger).unwrap(), b"{\"mac\":".to_vec()].concat();
    std::fs::write(&paths.ledger, torn).unwrap();
    let stage = Stage::new(Ledger::in_files(paths.clone())).await;
    assert_eq!(stage.ledger(3).await.len(), 3);
    stage
        .act(Actor::Terminal, signal(Signal::Term), "yes")
        .await;
    let fleet = stage.until(|fleet| fleet.ledger.len() == 6).await;
    let numbers: Vec<u64> = fleet
        .ledger
        .iter()
        .map(|line: &LedgerEntry| line.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert!(matches!(
        fleet.ledger[3].event,
        LedgerEvent::Recovered { .. }
    ));
    let told = fleet
        .notices
        .iter()
        .find(|notice| notice.severity == Severity::Warning);
    assert!(
        told.unwrap().sentence.as_str().contains("put right"),
        "{told:?}"
    );
    stage.end().await;
    assert_eq!(check(&paths).broken, None);

    // A broken one lets nothing be done.
    std::fs::write(&paths.ledger, "").unwrap();
    let stage = Stage::new(Ledger::in_files(paths.clone())).await;
    let (_, reply) = stage
        .act(Actor::Terminal, signal(Signal::Term), "yes")
        .await;
    assert!(
        format!("{reply:?}").contains("records are missing"),
        "{reply:?}"
    );
    assert_eq!(stage.signals(), 0);
    stage.end().await;
}
