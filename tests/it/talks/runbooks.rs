//! Runbooks: without any program, on hosts that answer and on those that do not.

use pilothouse::domain::HostId;
use pilothouse::engine::sim::SimLink;
use pilothouse::engine::{AssistantCommand, CallState, Entry, Reply, Transcript};
use pilothouse::exec::Exit;

use super::stage::{Stage, words};

fn is_over(picture: &Transcript) -> bool {
    words(picture)
        .iter()
        .any(|word| word.starts_with("findings"))
}

async fn run(stage: &Stage, host: &str, name: &str) -> (super::stage::Talk, Reply) {
    let talk = stage.open().await;
    let reply = stage
        .ask(AssistantCommand::Runbook {
            session: talk.id,
            host: HostId::new(host),
            name: name.into(),
        })
        .await;
    (talk, reply)
}

#[tokio::test]
async fn a_runbook_asks_step_by_step_and_says_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.is_up().await;
    let Reply::Runbooks(list) = stage.ask(AssistantCommand::Runbooks).await else {
        panic!("no runbooks");
    };
    let memory = list.iter().find(|book| book.name == "memory").unwrap();
    let (mut talk, reply) = run(&stage, "sim-001", "memory").await;
    assert_eq!(reply, Reply::Done);
    let shown = talk.shows(is_over).await;
    let all = words(&shown);
    assert_eq!(all[0], "runbook memory sim-001");
    assert_eq!(all.len(), memory.steps.len() + 2, "{all:?}");
    assert_eq!(shown.title.as_str(), "runbook memory on sim-001");
    let ran = stage.sim.commands("sim-001");
    for (entry, step) in shown.entries.iter().skip(1).zip(&memory.steps) {
        let Entry::Call(call) = entry.as_ref() else {
            panic!("{entry:?}");
        };
        assert_eq!(call.tool.as_str(), step);
        assert!(call.what.is_empty(), "{}", call.what);
        let exact = call.exact.as_ref().unwrap();
        let first = exact.as_str().split('␊').next().unwrap();
        assert!(ran.iter().any(|ran| ran.contains(first)), "{first} {ran:?}");
        assert!(matches!(&call.state, CallState::Ended(ended) if ended.exit == Some(0)));
    }
    assert_eq!(
        stage.sessions().await[0].title.as_str(),
        "runbook memory on sim-001"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_host_that_is_down_is_told_in_words_and_a_command_that_fails_too() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.is_up().await;
    stage.sim.exits("sim-001", Exit::Status(1));
    let (mut talk, _) = run(&stage, "sim-001", "disk").await;
    let all = words(&talk.shows(is_over).await.clone());
    assert!(all.last().unwrap().contains("no answer"), "{all:?}");

    stage.sim.set("sim-002", SimLink::Refused);
    let mut fleet = stage.handle.fleet();
    let down =
        fleet.wait_for(|fleet| !matches!(fleet.hosts[1].link, pilothouse::engine::Link::Up { .. }));
    drop(down.await.unwrap());
    let (mut talk, reply) = run(&stage, "sim-002", "wedge").await;
    assert_eq!(reply, Reply::Done);
    let all = words(&talk.shows(is_over).await.clone());
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[1].contains("sim-002 is "), "{all:?}");
    assert!(all[1].contains("power switch"), "{all:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_runbook_that_is_not_there_is_refused_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("runbooks")).unwrap();
    let own = "name: mine\nwhat: my own\nsteps: [disk]\n";
    std::fs::write(folder.path().join("runbooks/mine.yaml"), own).unwrap();
    let stage = Stage::new(folder.path());
    let (_, reply) = run(&stage, "sim-001", "nonesuch").await;
    let Reply::Failed(refusal) = reply else {
        panic!("{reply:?}");
    };
    assert!(
        refusal.hint.unwrap().contains("mine, wedge"),
        "{}",
        refusal.why
    );
    stage.end().await;
}
