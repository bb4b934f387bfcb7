//! Hubs that lie, disks that are full, and what is left behind.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pilothouse::domain::Secret;
use pilothouse::models::{
    Completeness, DownloadOrder, Patience, WeightsScan, WorkState, download, work_state,
};
use tokio::time::timeout;

use super::download::{LONG, ended, fetch, jobs, repo, until, why};
use super::host::Host;
use super::hub::Hub;
use super::liar::{Asked, Liar, Said, Then, listing};
use super::tight::Tight;

const WEIGHTS: &[u8] = &[7; 20_000];

type Says = fn(&Asked) -> Said;

fn order(address: String) -> DownloadOrder {
    DownloadOrder {
        hub: Some(address),
        patience: Patience {
            stall: Duration::from_secs(1),
            tries: 2,
        },
        ..DownloadOrder::new(repo())
    }
}

/// A hub of one file, which says this of it.
fn of_one_file(says: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Liar {
    Liar::new(move |asked| {
        if asked.path.starts_with("/api/") {
            return listing(&[("m.gguf", WEIGHTS)]);
        }
        says(asked)
    })
}

/// Bytes below the cache, the largest file's.
fn largest(host: &Host) -> u64 {
    let blobs = host.hub().join("models--ann--m/blobs");
    let files = fs::read_dir(blobs).into_iter().flatten();
    files
        .map(|entry| entry.unwrap().metadata().map_or(0, |m| m.len()))
        .max()
        .unwrap_or(0)
}

async fn completeness(host: &Host) -> Option<Completeness> {
    let report = WeightsScan::default().look(host).await.unwrap();
    let first = report.weights.into_iter().next();
    first.map(|weights| weights.completeness)
}

#[tokio::test]
async fn a_hub_that_keeps_no_promise_is_told_and_fills_no_disk() {
    let short = |asked: &Asked| Said::part(&WEIGHTS[..9000], asked);
    let endless = |_: &Asked| Said {
        headers: String::new(),
        then: Then::More,
        ..Said::new("200 OK", WEIGHTS)
    };
    let denied = |_: &Asked| Said::new("403 Forbidden", r#"{"error":"Ask its author"}"#);
    let away = |_: &Asked| Said::moved("file:///etc/hostname");
    let round = |_: &Asked| Said::moved("/again");
    let rows: [(Says, &str); 5] = [
        (
            short,
            "the hub sent 9000 of the 20000 bytes that it promised, 2 times, at m.gguf",
        ),
        (
            endless,
            "the hub sent more than the 20000 bytes that it promised, 2 times, at m.gguf",
        ),
        (
            denied,
            "the hub gives ann/m only to those it knows (HTTP 403)",
        ),
        (
            away,
            "the hub leads to an address that is not followed, 2 times, at m.gguf",
        ),
        (
            round,
            "the hub leads from one address to another without end, 2 times, at m.gguf",
        ),
    ];
    let mut rows_at_work = tokio::task::JoinSet::new();
    for kind in ["dash", "busybox"] {
        for (says, expected) in rows {
            rows_at_work.spawn(async move {
                let hub = of_one_file(says);
                let host = Host::new(kind);
                let state = fetch(&host, &order(hub.address())).await;
                assert_eq!(why(&state), expected, "{kind}");
                assert!(largest(&host) <= WEIGHTS.len() as u64, "{kind} {expected}");
                assert_ne!(completeness(&host).await, Some(Completeness::Complete));
            });
        }
    }
    rows_at_work.join_all().await;
}

#[tokio::test]
async fn a_hub_that_does_not_say_all_that_it_has_is_not_taken_at_its_word() {
    let silent = |_: &Asked| Said {
        headers: String::new(),
        then: Then::Silence,
        ..Said::new("200 OK", "")
    };
    // Where no length is said only the text itself tells.
    let torn = |_: &Asked| {
        let whole = listing(&[("m.gguf", WEIGHTS), ("n.gguf", WEIGHTS)]);
        let end = whole.body.len() - 40;
        Said {
            headers: String::new(),
            body: whole.body[..end].to_vec(),
            ..whole
        }
    };
    let rows: [(Says, &str); 2] = [
        (silent, "the hub does not answer: curl: (28)"),
        (torn, "what the hub says of ann/m is not understood"),
    ];
    for (says, expected) in rows {
        let host = Host::new("dash");
        let begun = std::time::Instant::now();
        let hub = Liar::new(says);
        let state = fetch(&host, &order(hub.address())).await;
        assert!(why(&state).starts_with(expected), "{state:?}");
        // Two tries of a second each, with what this machine does meanwhile.
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
}

#[tokio::test]
async fn another_host_that_the_hub_leads_to_gets_the_file_asked_for_but_never_the_token() {
    for kind in ["dash", "busybox"] {
        let store = Liar::new(|asked| Said::part(WEIGHTS, asked));
        // The same machine by another name is another host.
        let there = format!("http://localhost:{}/blob", store.port);
        let hub = of_one_file(move |_| Said::moved(&there));
        let host = Host::new(kind);
        let order = DownloadOrder {
            token: Some(Secret::new("s3cret".to_owned())),
            ..order(hub.address())
        };
        assert_eq!(fetch(&host, &order).await, WorkState::Done, "{kind}");
        assert_eq!(completeness(&host).await, Some(Completeness::Complete));
        assert!(hub.heard().iter().all(|asked| asked.token), "{kind}");
        let heard = store.heard();
        assert!(
            !heard.is_empty() && heard.iter().all(|asked| !asked.token),
            "{kind} {heard:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_changes_between_two_tries_is_whole_in_the_end_and_nothing_is_left_of_the_old()
{
    let turn = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&turn);
    let hub = Liar::new(move |asked| {
        let is_new = now.load(Ordering::SeqCst) > 0;
        let content = if is_new { &WEIGHTS[..15_000] } else { WEIGHTS };
        match (asked.path.starts_with("/api/"), is_new) {
            (true, _) => listing(&[("m.gguf", content)]),
            (_, false) => Said {
                body: content[asked.from.unwrap_or(0)..9000].to_vec(),
                ..Said::part(content, asked)
            },
            (_, true) => Said::part(content, asked),
        }
    });
    let host = Host::new("dash");
    let state = fetch(&host, &order(hub.address())).await;
    assert!(matches!(state, WorkState::Failed { .. }), "{state:?}");
    assert!(matches!(
        completeness(&host).await,
        None | Some(Completeness::Partial(_))
    ));
    turn.store(1, Ordering::SeqCst);
    assert_eq!(
        fetch(&host, &order(hub.address())).await,
        WorkState::Done,
        "the new one"
    );
    assert_eq!(completeness(&host).await, Some(Completeness::Complete));
    let blobs = fs::read_dir(host.hub().join("models--ann--m/blobs")).unwrap();
    let sizes: Vec<u64> = blobs
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(sizes, [15_000]);
}

#[tokio::test]
async fn a_disk_without_room_is_told_before_a_byte_is_fetched() {
    let hub = Hub::with(3_000_000);
    let host = Host::new("dash");
    let disk = Tight::new(2_000_000, &host.hub());
    host.before.set(disk.enter()).unwrap();
    let state = fetch(&host, &super::download::order(&hub)).await;
    assert_eq!(
        why(&state),
        "ann/m needs 3 MiB more, and the disk has 2 MiB"
    );
    assert_eq!(hub.large().len(), 0);
}

#[tokio::test]
async fn a_disk_that_fills_up_in_mid_download_is_told_and_it_goes_on_once_there_is_room() {
    let hub = Hub::with(3_000_000);
    // Once the cache alone is full, and once with it the home, where a job writes down how it ended.
    for home_too in [false, true] {
        let host = Host::new("dash");
        let at = if home_too { host.home() } else { host.hub() };
        let disk = Tight::new(8_000_000, &at);
        host.before.set(disk.enter()).unwrap();
        hub.switch("rate 1500000");
        let jobs = jobs(&host);
        let work = download(&jobs, &super::download::order(&hub))
            .await
            .unwrap();
        until(
            &jobs,
            &work,
            |state| matches!(state, WorkState::Running { done, .. } if done.0 > 200_000),
        )
        .await;
        disk.fill_but(100_000);
        let job = until(&jobs, &work, ended).await;
        let state = work_state(&job);
        assert!(
            why(&state).starts_with("the disk is full, or a limit of the login is reached: "),
            "{home_too} {state:?}"
        );
        assert_ne!(completeness(&host).await, Some(Completeness::Complete));
        disk.make_room();
        hub.behave();
        let asked = hub.large().len();
        let state = fetch(&host, &super::download::order(&hub)).await;
        assert_eq!(state, WorkState::Done, "{home_too}");
        assert!(hub.large()[asked].starts_with("bytes="), "{home_too}");
        assert_eq!(completeness(&host).await, Some(Completeness::Complete));
    }
}

#[tokio::test]
async fn a_cancelled_download_leaves_no_process_and_no_token() {
    let hub = Hub::with(3_000_000);
    hub.switch("gated s3cret\nrate 500000");
    for kind in ["dash", "busybox"] {
        let host = Host::new(kind);
        let order = DownloadOrder {
            token: Some(Secret::new("s3cret".to_owned())),
            ..super::download::order(&hub)
        };
        let jobs = jobs(&host);
        let work = download(&jobs, &order).await.unwrap();
        until(
            &jobs,
            &work,
            |state| matches!(state, WorkState::Running { done, .. } if done.0 > 100_000),
        )
        .await;
        let id = pilothouse::jobs::JobId::new(&work.0).unwrap();
        jobs.cancel(&id).await.unwrap();
        let here = host.folder.path().display().to_string();
        let left = || {
            let entries = fs::read_dir("/proc").unwrap().map_while(Result::ok);
            entries
                .filter_map(|entry| {
                    let words = fs::read(entry.path().join("cmdline")).ok()?;
                    let words = String::from_utf8_lossy(&words).replace('\0', " ");
                    words.contains(&here).then_some(words)
                })
                .collect::<Vec<_>>()
        };
        let gone = async {
            while !left().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let ended = timeout(LONG, gone).await;
        assert!(ended.is_ok(), "{kind}: {:?}", left());
        let told = std::process::Command::new("grep")
            .args(["-rl", "s3cret", &here])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), "", "{kind}");
    }
}
