//! Logs of real containers: followed, broken off, restarted, removed; each line exactly once.

use std::sync::Arc;

use pilothouse::docker::{self, Docker, DockerErrorKind};
use pilothouse::exec::Exec;
use pilothouse::follow::{Follow, FollowEvent, Place, StartAt, StreamKind};
use pilothouse::tasks::Tasks;
use serde_json::json;

use super::docker::Here;
use super::dockerd::Dockerd;
use super::follow::{Heard, from, once};

async fn engine(daemon: &Dockerd) -> Docker {
    let tasks = Tasks::new();
    let exec: Arc<dyn Exec> = Here::at(&daemon.socket(), &tasks);
    Docker::find(exec, &tasks).await.unwrap()
}

async fn open(docker: &Docker, name: &str, at: StartAt) -> Box<dyn Follow> {
    docker::follow(docker, name, from(at)).await.unwrap()
}

fn numbers(upto: u32) -> Vec<String> {
    (1..=upto).map(|n| n.to_string()).collect()
}

#[tokio::test]
async fn a_container_is_followed_through_its_life() {
    let daemon = Dockerd::start();
    let docker = engine(&daemon).await;
    // Both streams; then it waits for a word that never comes.
    let id = daemon.run(
        "life",
        "echo out; echo err >&2; printf 'a\\tb\\r\\n'; sleep 1000",
    );
    let mut follow = open(&docker, "life", StartAt::Tail(100)).await;
    let mut heard = Heard::default();
    let mut streams = Vec::new();
    while heard.lines.len() < 3 {
        let event = follow.next().await;
        if let FollowEvent::Lines(batch) = &event {
            streams.extend(
                batch
                    .iter()
                    .map(|line| (line.bytes.to_vec(), line.head.stream)),
            );
            assert!(
                batch
                    .iter()
                    .all(|line| line.head.stamp.0 > 1_600_000_000_000_000_000)
            );
        }
        heard.event(event);
    }
    assert!(streams.contains(&(b"out".to_vec(), StreamKind::Out)));
    assert!(streams.contains(&(b"err".to_vec(), StreamKind::Err)));
    assert!(streams.contains(&(b"a\tb".to_vec(), StreamKind::Out)));
    daemon.post(&format!("/containers/{id}/kill"));
    heard.note(&mut *follow, "stopped, exit 137").await;
    daemon.post(&format!("/containers/{id}/start"));
    heard.note(&mut *follow, "started").await;
    while heard.lines.len() < 6 {
        heard.event(follow.next().await);
    }
    assert_eq!(heard.lines.iter().filter(|line| *line == "err").count(), 2);
    daemon.post(&format!("/containers/{id}/kill"));
    heard.notes.clear();
    heard.note(&mut *follow, "stopped").await;
    assert_eq!(
        docker.daemon().socket.as_str(),
        daemon.socket().to_str().unwrap()
    );
    daemon.delete(&format!("/containers/{id}?force=1"));
    heard.until(&mut *follow, "no such line").await;
    assert_eq!(
        heard.ended,
        Some(("the container was removed".into(), false))
    );
    assert_eq!(heard.lines.len(), 6);
}

#[tokio::test]
async fn a_run_that_nobody_saw_is_read_all_the_same() {
    let daemon = Dockerd::start();
    let docker = engine(&daemon).await;
    let id = daemon.run("brief", "echo here");
    let mut follow = open(&docker, "brief", StartAt::Tail(100)).await;
    let mut heard = Heard::default();
    heard.note(&mut *follow, "stopped, exit 0").await;
    assert_eq!(heard.lines, ["here"]);
    for runs in 2..4 {
        // It begins and ends while nobody listens.
        daemon.post(&format!("/containers/{id}/start"));
        daemon.post(&format!("/containers/{id}/wait"));
        heard.notes.clear();
        heard.note(&mut *follow, "stopped, exit 0").await;
        assert_eq!(heard.notes.first().map(String::as_str), Some("started"));
        assert_eq!(heard.lines, vec!["here"; runs]);
    }
}

#[tokio::test]
async fn breaks_and_restarts_of_the_engine_lose_and_double_nothing() {
    let mut daemon = Dockerd::start();
    let docker = engine(&daemon).await;
    daemon.run(
        "count",
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; [ $i != 1500 ] || sleep 2; done",
    );
    let mut heard = Heard::default();
    let mut at = StartAt::Tail(10_000);
    for stop in [10, 700, 1500] {
        let mut follow = open(&docker, "count", at).await;
        while heard.lines.len() < stop {
            heard.event(follow.next().await);
        }
        at = StartAt::After(follow.last().unwrap());
    }
    let mut follow = open(&docker, "count", at).await;
    heard.until(&mut *follow, "3000").await;
    heard.note(&mut *follow, "stopped, exit 0").await;
    daemon.restart();
    heard.until(&mut *follow, "no such line").await;
    assert!(matches!(heard.ended.take(), Some((_, true))), "{heard:?}");
    let docker = engine(&daemon).await;
    daemon.post("/containers/count/start");
    let mut follow = open(&docker, "count", StartAt::After(follow.last().unwrap())).await;
    while heard.lines.len() < 6000 {
        heard.event(follow.next().await);
    }
    let (before, after) = heard.lines.split_at(3000);
    assert_eq!(before, numbers(3000));
    assert_eq!(after, numbers(3000));
}

#[tokio::test]
async fn older_lines_and_single_looks() {
    let daemon = Dockerd::start();
    let docker = engine(&daemon).await;
    daemon.run(
        "old",
        "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo $i; done",
    );
    let mut follow = open(&docker, "old", StartAt::Tail(20)).await;
    let mut heard = Heard::default();
    heard.until(&mut *follow, "5000").await;
    heard.note(&mut *follow, "stopped, exit 0").await;
    let Some(Place::Container { stamp, seen }) = follow.first() else {
        panic!("{:?}", follow.first());
    };
    // The tail may have been asked for before the last line was written.
    let begin = 5000 - heard.lines.len();
    let start = once(StartAt::Before(Place::Container { stamp, seen }, 30));
    let mut older = docker::follow(&docker, "old", start).await.unwrap();
    let mut back = Heard::default();
    back.until(&mut *older, "no such line").await;
    assert_eq!(back.lines, numbers(5000)[begin - 30..begin]);
    let start = once(StartAt::Before(older.first().unwrap(), 10_000));
    let mut oldest = docker::follow(&docker, "old", start).await.unwrap();
    let mut back = Heard::default();
    back.until(&mut *oldest, "no such line").await;
    assert_eq!(back.lines, numbers(5000)[..begin - 30]);

    let mut once = docker::follow(&docker, "old", once(StartAt::Tail(3)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *once, "no such line").await;
    assert_eq!(heard.lines, ["4998", "4999", "5000"]);
}

#[tokio::test]
async fn a_log_that_nobody_keeps_is_told_in_words() {
    let daemon = Dockerd::start();
    let docker = engine(&daemon).await;
    let none = json!({"HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}});
    daemon.run_with("mute", "sleep 1000", &none);
    let refused = docker::follow(&docker, "mute", from(StartAt::Tail(1))).await;
    let error = refused.map(|_| ()).unwrap_err();
    assert!(error.what.contains("log driver"), "{error}");
    assert!(error.hint.is_some());
    let refused = docker::follow(&docker, "nobody", from(StartAt::Tail(1))).await;
    let error = refused.map(|_| ()).unwrap_err();
    assert_eq!(error.kind, DockerErrorKind::NotFound);
}

#[tokio::test]
async fn a_terminal_and_a_huge_line() {
    let daemon = Dockerd::start();
    let docker = engine(&daemon).await;
    let script =
        "seq 1 100; dd if=/dev/zero bs=1000 count=10000 2>/dev/null; echo; echo end; sleep 1000";
    daemon.run("huge", script);
    daemon.run_with(
        "tty",
        "seq 1 100; echo end; sleep 1000",
        &json!({"Tty": true}),
    );
    for (name, most) in [("huge", 102), ("tty", 101)] {
        let mut follow = open(&docker, name, StartAt::Tail(1_000_000)).await;
        let mut heard = Heard::default();
        heard.until(&mut *follow, "end").await;
        assert_eq!(heard.lines[..100], numbers(100)[..]);
        assert_eq!(heard.lines.len(), most);
        if name == "huge" {
            let over = 10_000_000 - 64 * 1024;
            assert!(heard.lines[100].ends_with(&format!("{over} bytes more")));
        }
    }
}
