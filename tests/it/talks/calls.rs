//! The assistant's tools through the real door: what looks is answered, what changes something waits for a person.

use std::time::Duration;

use pilothouse::engine::{Decision, Entry, Reply, Transcript};
use serde_json::json;

use super::stage::{Puppet, Stage, Talk, commands, words};

async fn asked(stage: &mut Stage) -> (Talk, Puppet) {
    stage.is_up().await;
    let talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    (talk, puppet)
}

fn is_called(picture: &Transcript, calls: usize) -> bool {
    let ended = |word: &&String| word.starts_with("call ") && word.contains("Ended");
    words(picture).iter().filter(ended).count() == calls
}

#[tokio::test]
async fn what_only_looks_is_answered_and_marked_as_untrusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let (mut talk, puppet) = asked(&mut stage).await;
    let facts = json!({"host": "sim-001", "question": "disk"});
    let metrics = json!({"host": "sim-001", "minutes": 5});
    let fleet = puppet.call("a", "fleet", json!({})).await;
    let facts = puppet.call("b", "host_facts", facts).await;
    let metrics = puppet.call("c", "metrics", metrics).await;
    for (answer, holds) in [
        (fleet.await.unwrap(), "| sim-002: "),
        (facts.await.unwrap(), "exit status 0"),
        (metrics.await.unwrap(), "sim-001"),
    ] {
        assert!(!answer.is_error, "{}", answer.text);
        assert!(
            answer.text.contains("<untrusted-data id="),
            "{}",
            answer.text
        );
        assert!(answer.text.contains(holds), "{}", answer.text);
    }
    let shown = talk.shows(|picture| is_called(picture, 3)).await;
    let Entry::Call(call) = shown.entries[2].as_ref() else {
        panic!("{:?}", words(&shown));
    };
    assert_eq!(call.tool.as_str(), "host_facts");
    assert_eq!(call.what.as_str(), "disk space");
    let exact = call.exact.as_ref().unwrap();
    assert!(exact.as_str().contains("df "), "{exact}");
    // What is not understood, or not there, is told in words.
    for (tool, input, holds) in [
        ("shell", json!({}), "no tool is called"),
        ("fleet", json!({"x": 1}), "x"),
        (
            "host_facts",
            json!({"host": "sim-009", "question": "disk"}),
            "there is no host sim-009",
        ),
        (
            "read_logs",
            json!({"host": "sim-001", "source": "file:/etc/shadow"}),
            "/var/log",
        ),
    ] {
        let answer = puppet.call(tool, tool, input).await.await.unwrap();
        assert!(
            answer.is_error && answer.text.contains(holds),
            "{}",
            answer.text
        );
    }
    assert_eq!(commands(&stage, "sim-001").len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_person_approves_by_typing_and_the_assistant_is_told_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let (mut talk, puppet) = asked(&mut stage).await;
    let run =
        json!({"host": "sim-001", "argv": ["systemctl", "restart", "ollama"], "why": "it hangs"});
    let answer = puppet.call("a", "run", run.clone()).await;
    let shown = talk.shows(|picture| !picture.proposals.is_empty()).await;
    let proposal = &shown.proposals[0];
    assert_eq!(proposal.word.as_str(), "sim-001");
    assert_eq!(proposal.why.as_str(), "it hangs");
    assert!(commands(&stage, "sim-001").is_empty(), "nobody has decided");
    let wrong = stage.decide(Decision::Approve("yes".into())).await;
    assert!(matches!(wrong, Reply::Refused(_)), "{wrong:?}");
    assert!(commands(&stage, "sim-001").is_empty());
    let word = "sim-001".to_owned();
    let reply = stage.decide(Decision::Approve(word)).await;
    assert!(
        matches!(reply, Reply::Ran { exit: Some(0), .. }),
        "{reply:?}"
    );
    let answer = answer.await.unwrap();
    assert!(!answer.is_error, "{}", answer.text);
    assert!(
        answer.text.contains("A person approved it"),
        "{}",
        answer.text
    );
    assert!(commands(&stage, "sim-001")[0].contains("systemctl restart ollama"));
    let shown = talk.shows(|picture| is_called(picture, 1)).await;
    assert!(shown.proposals.is_empty());
    assert!(
        words(&shown)
            .iter()
            .any(|word| word.starts_with("decided Approved"))
    );

    let answer = puppet.call("b", "run", run).await;
    let reply = stage
        .decide(Decision::Refuse(Some("too early".into())))
        .await;
    assert_eq!(reply, Reply::Done);
    let answer = answer.await.unwrap();
    assert_eq!(answer.text, "A person refused it: too early.");
    assert!(answer.is_error);
    assert_eq!(commands(&stage, "sim-001").len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_proposal_that_nobody_waits_for_is_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let (mut talk, puppet) = asked(&mut stage).await;
    let run = json!({"host": "sim-001", "argv": ["reboot"], "why": "it hangs"});
    let waits = |picture: &Transcript| picture.proposals.len() == 1;
    let withdrawn = |count| {
        move |picture: &Transcript| {
            let gone = |word: &&String| word.as_str() == "decided Withdrawn";
            words(picture).iter().filter(gone).count() == count
        }
    };
    // The program takes its call back, its turn ends, it dies.
    drop(puppet.call("a", "run", run.clone()).await);
    talk.shows(withdrawn(1)).await;
    let _answer = puppet.call("b", "run", run.clone()).await;
    talk.shows(waits).await;
    puppet.done(0.1).await;
    talk.shows(withdrawn(2)).await;
    let _answer = puppet.call("c", "run", run).await;
    talk.shows(waits).await;
    drop(puppet);
    let shown = talk.shows(withdrawn(3)).await;
    assert!(shown.proposals.is_empty());
    let mut fleet = stage.handle.fleet();
    drop(
        fleet
            .wait_for(|fleet| fleet.proposals.is_empty())
            .await
            .unwrap(),
    );
    assert!(commands(&stage, "sim-001").is_empty());
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_proposal_expires_after_ten_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::with(folder.path(), None);
    let (_talk, puppet) = asked(&mut stage).await;
    let run = json!({"host": "sim-001", "argv": ["reboot"], "why": "it hangs"});
    let answer = puppet.call("a", "run", run).await;
    let answer = tokio::time::timeout(Duration::from_secs(700), answer).await;
    let answer = answer.expect("it waits for ever").unwrap();
    assert!(answer.text.contains("Nobody decided"), "{}", answer.text);
    assert!(commands(&stage, "sim-001").is_empty());
    stage.end().await;
}
