//! An act that a person has approved ends as it ends, whatever becomes of the conversation that proposed it.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::config::Settings;
use pilothouse::domain::HostSpec;
use pilothouse::engine::sim::SimFleet;
use pilothouse::engine::{
    Actor, AssistantCommand, Command, Connect, ConnectError, Connected, Decision, Reply, Transcript,
};
use pilothouse::exec::{BoxedIo, Exec, ExecError, HostSocket, LineStream, Output, RunLimits};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::ssh::Ask;
use pilothouse::store::Store;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::stage::{Puppet, Stage, Talk, words};

/// A way to simulated hosts on which a reboot takes until the test lets it end.
pub(super) struct Held(pub(super) Arc<SimFleet>, pub(super) Arc<Semaphore>);

#[async_trait]
impl Connect for Held {
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        let real = self.0.connect(spec, ask).await?;
        Ok(Connected {
            exec: Arc::new(Hands(real.exec, Arc::clone(&self.1))),
            ..real
        })
    }
}

struct Hands(Arc<dyn Exec>, Arc<Semaphore>);

#[async_trait]
impl Exec for Hands {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let output = self.0.run(command, limits).await;
        if command.render().contains("restart") {
            self.1.acquire().await.unwrap().forget();
        }
        output
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.0.stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, what: Bytes) -> Result<(), ExecError> {
        self.0.upload(path, mode, what).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.0.connect(socket).await
    }
}

/// How the conversation ends under an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Turn,
    Call,
    Program,
    Closed,
}

async fn act_goes_on(left: Left) {
    let folder = tempfile::tempdir().unwrap();
    let (sim, held) = (SimFleet::new(1, 2), Arc::new(Semaphore::new(0)));
    let ways = Arc::new(Held(Arc::clone(&sim), Arc::clone(&held)));
    let ways = (ways as Arc<dyn Connect>, sim.specs());
    let mut stage = Stage::over(folder.path(), None, (sim, ways), Settings::default());
    stage.is_up().await;
    let mut talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    let argv = ["systemctl", "restart", "ollama"];
    let run = json!({"host": "sim-001", "argv": argv, "why": "it hangs"});
    let answer = puppet.call("a", "run", run).await;
    let approved = approve(&stage).await;
    let shown = talk.shows(is_under_way).await;
    assert!(!is_decided(&shown), "{:?}", words(&shown));
    leave(&stage, (&mut talk, puppet, answer), left).await;
    let shown = talk.shows(|picture| picture.proposals.len() == 1).await;
    assert!(!is_decided(&shown), "{left:?}: {:?}", words(&shown));
    held.add_permits(1);
    let shown = talk.shows(is_decided).await;
    let decided = words(&shown).join("\n");
    assert!(decided.contains("decided Approved"), "{left:?}: {decided}");
    assert!(!decided.contains("Withdrawn"), "{left:?}: {decided}");
    assert!(!is_under_way(&shown), "{left:?}: {decided}");
    let reply = approved.await.unwrap();
    assert!(
        matches!(reply, Reply::Ran { exit: Some(0), .. }),
        "{reply:?}"
    );
    stage.end().await;
}

/// Approves what waits; gives its reply once the act is being carried out.
pub(super) async fn approve(stage: &Stage) -> tokio::sync::oneshot::Receiver<Reply> {
    let mut fleet = stage.handle.fleet();
    let waits = fleet.wait_for(|fleet| !fleet.proposals.is_empty()).await;
    let proposal = waits.unwrap().proposals[0].proposal.id;
    let command = Command::Decide {
        proposal,
        decision: Decision::Approve("sim-001".into()),
    };
    let (told, reply) = tokio::sync::oneshot::channel();
    let handle = stage.handle.clone();
    pilothouse::tasks::Tasks::new().spawn(async move {
        drop(told.send(handle.ask(Actor::Terminal, command).await));
    });
    let begun = fleet.wait_for(|fleet| fleet.proposals.is_empty());
    drop(
        timeout(std::time::Duration::from_secs(20), begun)
            .await
            .unwrap()
            .unwrap(),
    );
    reply
}

type Answer = tokio::sync::oneshot::Receiver<pilothouse::assistant::ToolAnswer>;

async fn leave(stage: &Stage, (talk, puppet, answer): (&mut Talk, Puppet, Answer), left: Left) {
    let ended = |word: &str| {
        let word = word.to_owned();
        move |picture: &Transcript| words(picture).iter().any(|said| said.starts_with(&word))
    };
    match left {
        Left::Turn => {
            puppet.done(0.1).await;
            talk.shows(ended("turn ")).await;
        }
        Left::Call => {
            drop(answer);
            let gone = |picture: &Transcript| {
                words(picture)
                    .iter()
                    .any(|word| word.starts_with("call ") && word.contains("Ended"))
            };
            talk.shows(gone).await;
        }
        Left::Program => {
            drop(puppet);
            talk.shows(ended("turn ")).await;
        }
        Left::Closed => {
            let closed = stage.ask(AssistantCommand::Close(talk.id)).await;
            assert_eq!(closed, Reply::Done);
            drop(puppet);
            talk.shows(ended("turn ")).await;
        }
    }
}

fn is_under_way(shown: &Transcript) -> bool {
    words(shown)
        .iter()
        .any(|word| word.starts_with("under way"))
}

pub(super) fn is_decided(picture: &Transcript) -> bool {
    words(picture)
        .iter()
        .any(|word| word.starts_with("decided "))
}

#[tokio::test]
async fn an_approved_act_is_told_as_it_ended_though_nobody_waits_for_it() {
    for left in [Left::Turn, Left::Call, Left::Program, Left::Closed] {
        act_goes_on(left).await;
    }
}

/// The disk of a console that was killed while it carried an approved act out.
async fn killed_in_the_act(stage: &Stage, talk: &Talk, (from, to): (&Path, &Path)) {
    let store = Store::new(&from.join("history.db"));
    let stored = async {
        loop {
            let (_, events) = store.session(talk.id).await.unwrap().unwrap();
            if events.iter().any(|(_, event)| event.contains("begun")) {
                return;
            }
        }
    };
    let limit = std::time::Duration::from_secs(20);
    timeout(limit, stored)
        .await
        .expect("nobody stores that it began");
    for name in ["history.db", "history.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    assert!(stage.handle.fleet().borrow().proposals.is_empty());
}

#[tokio::test]
async fn whoever_takes_over_in_the_midst_of_an_act_reads_that_nobody_knows() {
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (sim, held) = (SimFleet::new(1, 2), Arc::new(Semaphore::new(0)));
    let ways = Arc::new(Held(Arc::clone(&sim), Arc::clone(&held)));
    let ways = (ways as Arc<dyn Connect>, sim.specs());
    let store = Store::new(&first.path().join("history.db"));
    let mut stage = Stage::over(first.path(), Some(store), (sim, ways), Settings::default());
    stage.is_up().await;
    let talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    let argv = ["systemctl", "restart", "ollama"];
    let run = json!({"host": "sim-001", "argv": argv, "why": "it hangs"});
    let _answer = puppet.call("a", "run", run).await;
    let _approved = approve(&stage).await;
    killed_in_the_act(&stage, &talk, (first.path(), second.path())).await;
    let other = Stage::new(second.path());
    let mut taken = other.resume(talk.id).await;
    let shown = taken.shows(is_decided).await;
    let said = words(&shown).join("\n");
    assert!(
        said.contains("went: Unknown") && said.contains("`status`"),
        "{said}"
    );
    assert!(!said.contains("Withdrawn"), "{said}");
    held.add_permits(1);
    other.end().await;
    stage.end().await;
}
