//! A proposal ends as it ended: also one that nobody decides on, and one whose console is killed in the instant of its approval.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::config::Settings;
use pilothouse::engine::sim::SimFleet;
use pilothouse::engine::{Acting, Actor, Command, Connect, Decision, Reply};
use pilothouse::store::{Ledger, Store};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::approved::{Held, approve, is_decided};
use super::stage::{Stage, Talk, commands, words};
use crate::ledger;

const LIMIT: Duration = Duration::from_secs(20);

/// A console with this conversation store, whose ledger is the person's own: another console on this machine has the same.
fn console(disk: &Path, state: &Path) -> (Stage, Arc<Semaphore>) {
    let (sim, held) = (SimFleet::new(1, 2), Arc::new(Semaphore::new(0)));
    let ways = Arc::new(Held(Arc::clone(&sim), Arc::clone(&held)));
    let ways = (ways as Arc<dyn Connect>, sim.specs());
    let acting = Acting {
        ledger: Ledger::in_files(ledger::paths(state)),
        who: "ada".into(),
        from: "tty1".into(),
    };
    let store = Store::new(&disk.join("history.db"));
    let settings = Settings::default();
    let stage = Stage::writing(disk, Some(store), (sim, ways), settings, acting);
    (stage, held)
}

/// The disk of the conversation as it was before anybody decided.
async fn killed_before_it_was_kept(talk: &Talk, (from, to): (&Path, &Path)) {
    let store = Store::new(&from.join("history.db"));
    let stored = async {
        loop {
            let stored = store.session(talk.id).await.unwrap();
            let mut events = stored.into_iter().flat_map(|(_, events)| events);
            if events.any(|(_, event)| event.contains("proposed")) {
                return;
            }
        }
    };
    timeout(LIMIT, stored).await.expect("the proposal is kept");
    for name in ["history.db", "history.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// Waits until the ledger has so many records.
async fn recorded(state: &Path, records: usize) {
    let ledger = Ledger::in_files(ledger::paths(state));
    let written = async { while ledger.tail(10).await.unwrap().len() < records {} };
    timeout(LIMIT, written).await.expect("never written down");
}

/// What the next console reads of a proposal whose console was killed when so many records of it stood in the ledger.
async fn read_by_the_next(records: usize) -> String {
    let [first, second, state] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (mut stage, held) = console(first.path(), state.path());
    stage.is_up().await;
    let talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    let argv = ["systemctl", "restart", "ollama"];
    let run = json!({"host": "sim-001", "argv": argv, "why": "it hangs"});
    let _answer = puppet.call("a", "run", run).await;
    let mut fleet = stage.handle.fleet();
    let waits = fleet.wait_for(|fleet| !fleet.proposals.is_empty()).await;
    drop(waits.unwrap());
    killed_before_it_was_kept(&talk, (first.path(), second.path())).await;
    if records > 0 {
        let _approved = approve(&stage).await;
        held.add_permits(records - 1);
        recorded(state.path(), records).await;
    }
    let (other, _) = console(second.path(), state.path());
    let mut taken = other.resume(talk.id).await;
    let shown = taken.shows(is_decided).await;
    assert!(shown.proposals.is_empty());
    held.add_permits(1);
    other.end().await;
    stage.end().await;
    let said = words(&shown);
    said.into_iter()
        .find(|said| said.starts_with("decided "))
        .unwrap()
}

#[tokio::test]
async fn an_act_that_left_in_the_instant_of_the_kill_is_told_from_the_ledger() {
    // Nobody had approved it: it is taken back, and that is true.
    let said = read_by_the_next(0).await;
    assert!(said.contains("Withdrawn"), "{said}");
    // Its intent stands in the ledger, and no outcome.
    let said = read_by_the_next(1).await;
    assert!(!said.contains("Withdrawn"), "{said}");
    assert!(
        said.contains("Approved") && said.contains("ActId(1)") && said.contains("went: Unknown"),
        "{said}"
    );
    assert!(said.contains("nobody knows whether it happened"), "{said}");
    // Its outcome stands there as well.
    let said = read_by_the_next(2).await;
    assert!(
        said.contains("ActId(1)") && said.contains("went: Done"),
        "{said}"
    );
}

#[tokio::test]
async fn where_the_ledger_can_t_be_read_nobody_says_that_nothing_was_done() {
    let [disk, state] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (mut stage, _) = console(disk.path(), state.path());
    stage.is_up().await;
    let talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    let run = json!({"host": "sim-001", "argv": ["true"], "why": "it hangs"});
    let _answer = puppet.call("a", "run", run).await;
    let second = tempfile::tempdir().unwrap();
    killed_before_it_was_kept(&talk, (disk.path(), second.path())).await;
    // A folder stands where the records should.
    let broken = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(ledger::paths(broken.path()).ledger).unwrap();
    let (other, _) = console(second.path(), broken.path());
    let mut taken = other.resume(talk.id).await;
    let shown = taken.shows(is_decided).await;
    let shown = words(&shown).join("\n");
    assert!(
        shown.contains("whether it was approved is not known here"),
        "{shown}"
    );
    assert!(!shown.contains("Withdrawn"), "{shown}");
    other.end().await;
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_decides_on_in_ten_minutes_is_a_no() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::with(folder.path(), None);
    stage.is_up().await;
    let mut talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    let argv = ["systemctl", "restart", "ollama"];
    let run = json!({"host": "sim-001", "argv": argv, "why": "it hangs"});
    let answer = puppet.call("a", "run", run).await;
    let mut fleet = stage.handle.fleet();
    let waits = fleet.wait_for(|fleet| !fleet.proposals.is_empty()).await;
    let proposal = waits.unwrap().proposals[0].proposal.id;
    // It waits for as long as it says, and the model with it.
    tokio::time::advance(Duration::from_secs(590)).await;
    assert_eq!(stage.handle.fleet().borrow().proposals.len(), 1);
    tokio::time::advance(Duration::from_secs(11)).await;
    // The model is told, the transcript keeps it, and the card is gone.
    let answer = answer.await.unwrap();
    assert!(
        answer.is_error && answer.text.contains("Nobody decided on it in time"),
        "{answer:?}"
    );
    let shown = talk.shows(is_decided).await;
    let said = words(&shown).join("\n");
    assert!(said.contains("decided Expired"), "{said}");
    assert!(shown.proposals.is_empty());
    let gone = fleet.wait_for(|fleet| fleet.proposals.is_empty());
    drop(timeout(LIMIT, gone).await.unwrap().unwrap());
    // A Yes that comes now opens nothing.
    let late = Command::Decide {
        proposal,
        decision: Decision::Approve("sim-001".into()),
    };
    let reply = stage.handle.ask(Actor::Terminal, late).await;
    assert!(
        matches!(&reply, Reply::Refused(refusal) if refusal.why.contains("no such proposal")),
        "{reply:?}"
    );
    assert_eq!(commands(&stage, "sim-001"), Vec::<String>::new());
    assert!(stage.handle.fleet().borrow().ledger.is_empty());
    stage.end().await;
}
