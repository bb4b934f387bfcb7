//! A second console of the same person watches, asks, and takes over when the first is gone.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pilothouse::assistant::{Proposal, SessionEvent};
use pilothouse::domain::{ActId, ProposalId, SessionId, Wall};
use pilothouse::engine::{AssistantCommand, Decided, EventKind, MindWish, Reply, Went};
use pilothouse::store::{SessionBatch, Store, StoredSession};

use super::stage::{Stage, words};

#[tokio::test]
async fn a_second_console_sees_what_has_been_and_what_comes_and_may_ask() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (Stage::new(folder.path()), Stage::new(folder.path()));
    let mut talk = one.open().await;
    one.say(&talk, "first").await;
    let mut puppet = one.puppet().await;
    assert_eq!(puppet.wish().await, MindWish::Say("first".into()));
    puppet.asked("first").await;
    puppet.text("m1.0", "an answer").await;
    puppet.done(0.1).await;
    puppet.asked("second").await;
    puppet.draft("m2.0", "begun ").await;
    talk.shows_text("draft begun ").await;

    // What the first has handed to the store is on the disk a moment later.
    let listed = loop {
        let listed = two.sessions().await;
        if !listed.is_empty() {
            break listed;
        }
    };
    let pid = std::process::id();
    let elsewhere = format!("this machine, pid {pid}");
    assert_eq!(
        listed[0]
            .elsewhere
            .as_ref()
            .map(pilothouse::text::SafeText::as_str),
        Some(elsewhere.as_str())
    );
    let mut there = two.resume(talk.id).await;
    let shown = there.shows_text("draft begun ").await;
    assert_eq!(
        words(&shown),
        [
            "ask first",
            "say an answer",
            "turn Done",
            "ask second",
            "draft begun "
        ]
    );
    assert_eq!(
        shown
            .elsewhere
            .as_ref()
            .map(pilothouse::text::SafeText::as_str),
        Some(elsewhere.as_str())
    );
    puppet.draft("m2.0", "and going on").await;
    there.shows_text("draft begun and going on").await;
    puppet.text("m2.0", "all of it").await;
    there.shows_text("say all of it").await;

    assert_eq!(two.say(&there, "from there").await, Reply::Done);
    assert_eq!(puppet.wish().await, MindWish::Say("from there".into()));
    let stop = two.ask(AssistantCommand::Interrupt(talk.id)).await;
    assert_eq!(stop, Reply::Done);
    assert_eq!(puppet.wish().await, MindWish::Interrupt);
    let refused = two.say(&there, " ").await;
    assert!(matches!(refused, Reply::Refused(_)), "{refused:?}");
    let refused = two.ask(AssistantCommand::Forget(talk.id)).await;
    assert!(matches!(refused, Reply::Refused(_)), "{refused:?}");

    // The first console goes away; the second may go on by asking.
    one.end().await;
    there.shows(|picture| picture.elsewhere.is_none()).await;
    assert_eq!(two.say(&there, "go on").await, Reply::Done);
    let mut puppet = two.puppet().await;
    assert_eq!(puppet.start.program.as_deref(), Some("0b5c-77"));
    assert_eq!(puppet.wish().await, MindWish::Say("go on".into()));
    puppet.asked("go on").await;
    let shown = there.shows_text("ask go on").await;
    let said = words(&shown);
    assert!(said[said.len() - 2].contains("Died"), "{said:?}");
    two.end().await;
}

#[tokio::test]
async fn nobody_else_gets_in_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let talk = stage.open().await;
    let talks = folder.path().join("talks");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&talks) & 0o777, 0o700);
    let socket = talks.join(format!("{}.sock", talk.id));
    assert_eq!(mode(&socket) & 0o777, 0o600);
    // Who says anything else than what it wants is hung up on.
    let stream = UnixStream::connect(&socket).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let heard = tokio::task::spawn_blocking(move || {
        let mut stream = stream;
        stream.write_all(b"GET / HTTP/1.1\n").unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).map(|_| heard)
    });
    let heard = heard.await.unwrap();
    assert!(heard.is_err() || heard.is_ok_and(|heard| heard.is_empty()));
    stage.end().await;
    assert_eq!(std::fs::read_dir(&talks).unwrap().count(), 0);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_let_go_and_told_and_the_others_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let mut talk = stage.open().await;
    stage.say(&talk, "one").await;
    let puppet = stage.puppet().await;
    puppet.asked("one").await;
    talk.shows_text("ask one").await;
    let socket = folder.path().join(format!("talks/{}.sock", talk.id));
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream
        .write_all(b"{\"attach\":{\"version\":1,\"after\":0}}\n")
        .unwrap();
    // It reads its greeting, so that it is known to watch, and then no more.
    let greeted = tokio::task::spawn_blocking(move || {
        let mut greeting = vec![0; 64];
        stream.read_exact(&mut greeting).unwrap();
        stream
    });
    let mut stream = greeted.await.unwrap();
    let long = "x".repeat(2000);
    for n in 0..2000 {
        puppet
            .tell(EventKind::Denied {
                tool: format!("{n}").into(),
                why: long.as_str().into(),
            })
            .await;
    }
    talk.shows_text("denied 1999").await;
    let rest = tokio::task::spawn_blocking(move || {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).map(|_| rest)
    });
    let rest = rest.await.unwrap().unwrap();
    assert!(
        rest.ends_with("\"too_slow\"\n"),
        "{}",
        &rest[rest.len() - 200..]
    );
    assert!(!rest.contains("\"1999\""));
    stage.end().await;
}

/// The lines that one who attaches behind a number is told, until the events of `until` have come; then it drops off.
async fn reads(socket: &std::path::Path, after: u64, until: usize) -> Vec<serde_json::Value> {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    let hello = format!("{{\"attach\":{{\"version\":1,\"after\":{after}}}}}\n");
    stream.write_all(hello.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut events = Vec::new();
    while events.len() < until {
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line());
        let line = line.await.expect("nothing more").unwrap().unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(event) = said.get("event") {
            events.push(event.clone());
        }
    }
    events
}

#[tokio::test]
async fn a_reader_that_drops_and_attaches_again_has_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let talk = stage.open().await;
    stage.say(&talk, "one").await;
    let puppet = stage.puppet().await;
    puppet.asked("one").await;
    let socket = folder.path().join(format!("talks/{}.sock", talk.id));
    let mut told = 0;
    let mut events: Vec<serde_json::Value> = Vec::new();
    // Some of it has been when it attaches, and some comes while it reads; it leaves in the midst of both.
    for (tells, reads_on) in [(40, 15), (40, 60), (40, 1), (40, 40), (40, 86)] {
        let tell = async {
            for n in told..told + tells {
                puppet
                    .tell(EventKind::Denied {
                        tool: format!("n{n}").into(),
                        why: "x".into(),
                    })
                    .await;
            }
        };
        let after = events
            .last()
            .map_or(0, |event| event["number"].as_u64().unwrap());
        let ((), more) = tokio::join!(tell, reads(&socket, after, reads_on));
        told += tells;
        events.extend(more);
    }
    let numbers: Vec<u64> = events
        .iter()
        .map(|event| event["number"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let denied: Vec<String> = events
        .iter()
        .filter_map(|event| event["kind"]["denied"]["tool"].as_str().map(str::to_owned))
        .collect();
    let all: Vec<String> = (0..told).map(|n| format!("n{n}")).collect();
    assert_eq!(denied, all);
    // It has everything, and is told nothing twice.
    let last = *numbers.last().unwrap();
    puppet.text("m9.0", "the end").await;
    let more = reads(&socket, last, 1).await;
    assert_eq!(more[0]["kind"]["text"]["lines"][0], "the end");
    stage.end().await;
}

/// A conversation as another version kept it.
fn kept_before(id: SessionId) -> SessionBatch {
    let event = |number, kind| SessionEvent {
        number,
        wall: Wall(9),
        kind,
    };
    let proposal = |id| {
        EventKind::Proposed(Proposal {
            id: ProposalId(id),
            host: None,
            what: "restart it".into(),
            command: "systemctl restart it".into(),
            notes: Vec::new(),
            why: "it hangs".into(),
            evidence: Vec::new(),
            word: "sim-001".into(),
            expires: Wall(9),
        })
    };
    let decided = |id| EventKind::Decided {
        proposal: ProposalId(id),
        decided: Decided::Approved {
            act: Some(ActId(id)),
            outcome: "so".into(),
            went: Went::Done,
        },
    };
    let row = |number, kind| serde_json::to_string(&event(number, kind)).unwrap();
    let rows = [
        row(1, proposal(1)),
        row(2, decided(1)).replace("\"went\":\"done\"", "\"done\":true"),
        row(3, proposal(2)),
        row(4, decided(2)).replace("\"went\":\"done\"", "\"done\":false"),
        row(5, proposal(3)),
        row(6, decided(3)).replace(",\"went\":\"done\"", ""),
        row(7, proposal(4)),
        row(8, decided(4)),
        r#"{"number":9,"wall":9,"kind":{"sung":{"song":"a"}}}"#.to_owned(),
        row(10, EventKind::Unqueued),
    ];
    SessionBatch {
        head: StoredSession {
            session: id,
            title: "from before".into(),
            began: Wall(1),
            last: Wall(9),
            questions: 1,
            cost: 0.0,
            program: None,
            bytes: 10,
        },
        first: 1,
        events: (1..).zip(rows).collect(),
    }
}

#[tokio::test]
async fn what_versions_before_kept_is_read_and_what_is_not_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(&folder.path().join("history.db"));
    let id = SessionId(1_700_000_000_000_000);
    store.append_session(kept_before(id)).await.unwrap();
    let stage = Stage::with(folder.path(), Some(store));
    let listed = stage.sessions().await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let mut talk = stage.resume(id).await;
    let shown = talk.shows(|picture| picture.number >= 10).await;
    let said = words(&shown);
    let went = |n: usize, how: &str| assert!(said[n].contains(how), "{n}: {said:?}");
    assert_eq!(said.len(), 5, "{said:?}");
    went(0, "went: Done");
    went(1, "went: Unknown");
    went(2, "went: Unknown");
    went(3, "went: Done");
    assert!(said[4].contains("can't be read"), "{said:?}");
    stage.end().await;
}
