//! Weights are fetched by a job of the host: whole, gone on with where it stopped, and told why when they can't be.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::{Bytes, RepoId, Secret};
use pilothouse::jobs::{Job, JobId, Jobs};
use pilothouse::models::{
    Completeness, DownloadOrder, Patience, WeightsScan, WorkId, WorkState, download, freed,
    is_in_use, remove, work_reports, work_state,
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::timeout;

use super::host::{Host, KINDS};
use super::hub::Hub;

pub(super) const LONG: Duration = Duration::from_mins(1);
const SIZE: usize = 3_000_000;

pub(super) fn repo() -> RepoId {
    "ann/m".parse().unwrap()
}

pub(super) fn order(hub: &Hub) -> DownloadOrder {
    DownloadOrder {
        hub: Some(hub.address.clone()),
        patience: Patience {
            stall: Duration::from_secs(1),
            tries: 2,
        },
        ..DownloadOrder::new(repo())
    }
}

pub(super) fn jobs(host: &Arc<Host>) -> Jobs {
    Jobs::new(Arc::clone(host) as Arc<dyn pilothouse::exec::Exec>)
}

pub(super) async fn until(jobs: &Jobs, work: &WorkId, holds: impl Fn(&WorkState) -> bool) -> Job {
    let id = JobId::new(&work.0).unwrap();
    let look = async {
        loop {
            let job = jobs.look(&id).await.unwrap();
            if holds(&work_state(&job)) {
                return job;
            }
        }
    };
    timeout(LONG, look).await.expect("it never stood so")
}

pub(super) fn ended(state: &WorkState) -> bool {
    !matches!(state, WorkState::Running { .. })
}

pub(super) async fn fetch(host: &Arc<Host>, order: &DownloadOrder) -> WorkState {
    let jobs = jobs(host);
    let work = download(&jobs, order).await.unwrap();
    work_state(&until(&jobs, &work, ended).await)
}

pub(super) fn why(state: &WorkState) -> &str {
    match state {
        WorkState::Failed { why, .. } => why.as_str(),
        _ => panic!("{state:?}"),
    }
}

async fn is_whole(host: &Arc<Host>) -> bool {
    let report = WeightsScan::default().look(&**host).await.unwrap();
    let whole = report
        .weights
        .iter()
        .filter(|w| w.completeness == Completeness::Complete);
    whole
        .map(|weights| weights.size)
        .eq([Bytes(SIZE as u64 + 28)])
}

#[tokio::test]
async fn weights_are_fetched_under_every_shell_and_deleted_again() {
    let hub = Hub::with(SIZE);
    // Whoever works with it on this machine counts: a name of its own.
    let repo: RepoId = "ann/deleted".parse().unwrap();
    let at = |name: &str| hub.folder.path().join(name);
    fs::rename(at("ann/m"), at("ann/deleted")).unwrap();
    let order = DownloadOrder {
        repo: repo.clone(),
        ..order(&hub)
    };
    for kind in KINDS {
        let host = Host::new(kind);
        let state = fetch(&host, &order).await;
        assert_eq!(state, WorkState::Done, "{kind}");
        assert!(is_whole(&host).await, "{kind}");
        let jobs = jobs(&host);
        let reports = work_reports(&jobs.list().await.unwrap());
        assert_eq!(reports.len(), 1, "{kind}");
        assert_eq!(reports[0].subject.as_str(), "ann/deleted");
        let work = remove(&jobs, &repo).await.unwrap();
        let job = until(&jobs, &work, ended).await;
        assert_eq!(work_state(&job), WorkState::Done, "{kind}");
        let ref_main = 40;
        assert_eq!(
            freed(&job),
            Some(Bytes(SIZE as u64 + 28 + ref_main)),
            "{kind}"
        );
        assert!(!host.hub().join("models--ann--deleted").exists());
        let work = remove(&jobs, &repo).await.unwrap();
        let state = work_state(&until(&jobs, &work, ended).await);
        assert_eq!(
            why(&state),
            "ann/deleted is not in the cache of this host",
            "{kind}"
        );
    }
}

#[tokio::test]
async fn what_breaks_is_gone_on_with_where_it_broke() {
    let mut kinds = tokio::task::JoinSet::new();
    for kind in KINDS {
        kinds.spawn(async move {
            let hub = Hub::with(SIZE);
            for (switch, requests) in [
                ("once\ncut 1000000", ["- 200", "bytes=1000000- 206"]),
                ("once\nstall 1000000", ["- 200", "bytes=1000000- 206"]),
                ("once\nwrong", ["- 200", "- 200"]),
            ] {
                let before = hub.large().len();
                hub.switch(switch);
                let host = Host::new(kind);
                assert_eq!(
                    fetch(&host, &order(&hub)).await,
                    WorkState::Done,
                    "{kind} {switch}"
                );
                assert_eq!(hub.large()[before..], requests, "{kind} {switch}");
                assert!(is_whole(&host).await, "{kind} {switch}");
            }
        });
    }
    kinds.join_all().await;
}

#[tokio::test]
async fn what_can_not_be_fetched_is_told_with_its_reason() {
    let hub = Hub::with(SIZE);
    let host = Host::new("dash");
    for (switch, expected) in [
        (
            "stall 0",
            "the hub sent nothing for 1 s, 2 times, at config.json",
        ),
        ("norange\ncut 500000", "the connection broke (curl "),
        (
            "wrong",
            "model.safetensors is not what the hub says it is: its hash differs, twice",
        ),
        (
            "gated s3cret",
            "the hub gives ann/m only to those it knows (HTTP 401)",
        ),
        ("missing", "the hub has no ann/m at main"),
        ("busy", "the hub does not answer: HTTP 503"),
    ] {
        let _none = fs::remove_dir_all(host.hub());
        hub.switch(switch);
        let state = fetch(&host, &order(&hub)).await;
        assert!(why(&state).starts_with(expected), "{switch}: {state:?}");
        assert!(!is_whole(&host).await, "{switch}");
    }
    hub.switch("gated s3cret");
    let token = Some(Secret::new("s3cret".to_owned()));
    let order = DownloadOrder {
        token,
        ..order(&hub)
    };
    assert_eq!(fetch(&host, &order).await, WorkState::Done);
    assert!(is_whole(&host).await);
    let home = host.folder.path().display().to_string();
    let told = std::process::Command::new("grep")
        .args(["-rl", "s3cret", &home])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout), "");
}

#[tokio::test]
async fn a_file_that_would_be_an_option_of_a_program_is_refused() {
    let hub = Hub::with(SIZE);
    fs::create_dir(hub.folder.path().join("ann/m/--local-dir=x")).unwrap();
    fs::write(hub.folder.path().join("ann/m/--local-dir=x/y"), "1").unwrap();
    for kind in KINDS {
        let state = fetch(&Host::new(kind), &order(&hub)).await;
        assert_eq!(
            why(&state),
            "ann/m has files with names or hashes that are refused",
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_download_that_is_killed_or_cancelled_is_gone_on_with() {
    let hub = Hub::with(SIZE);
    for kind in KINDS {
        let host = Host::new(kind);
        let part = || {
            let blobs = host.hub().join("models--ann--m/blobs");
            let files = fs::read_dir(blobs)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path());
            files
                .filter(|path| path.extension().is_some_and(|e| e == "incomplete"))
                .map(|path| fs::metadata(path).map_or(0, |m| m.len()))
                .max()
                .unwrap_or(0)
        };
        hub.switch("rate 1000000");
        let first = jobs(&host);
        let work = download(&first, &order(&hub)).await.unwrap();
        // A second console is told who is at it.
        let held = download(&jobs(&host), &order(&hub)).await.unwrap_err();
        assert!(held.to_string().contains("download ann/m"), "{kind} {held}");
        let held = remove(&jobs(&host), &repo()).await.unwrap_err();
        assert!(held.to_string().contains("download ann/m"), "{kind} {held}");
        timeout(LONG, async {
            while part() < 300_000 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let id = JobId::new(&work.0).unwrap();
        if kind == "dash" {
            first.cancel(&id).await.unwrap();
            assert_eq!(
                work_state(&first.look(&id).await.unwrap()),
                WorkState::Cancelled
            );
        } else {
            let folder = host.home().join(".pilothouse/jobs").join(&work.0);
            for (name, group) in [("runner.is", false), ("program.is", true)] {
                kill(&folder.join(name), group);
            }
            assert_eq!(
                work_state(&until(&first, &work, ended).await),
                WorkState::Lost,
                "{kind}"
            );
        }
        drop(first);
        assert!(!is_whole(&host).await);
        hub.behave();
        assert_eq!(fetch(&host, &order(&hub)).await, WorkState::Done, "{kind}");
        assert!(hub.large().last().unwrap().starts_with("bytes="), "{kind}");
        assert!(is_whole(&host).await, "{kind}");
    }
}

fn kill(file: &Path, group: bool) {
    let text = fs::read_to_string(file).unwrap();
    let pid: i32 = text.split(' ').next().unwrap().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    let kill = if group {
        kill_process_group
    } else {
        kill_process
    };
    kill(pid, Signal::KILL).unwrap();
}

#[tokio::test]
async fn what_is_served_or_lies_elsewhere_is_not_deleted() {
    // Whoever works with it on this machine counts: a name of its own.
    let repo: RepoId = "ann/served".parse().unwrap();
    for kind in KINDS {
        let host = Host::new(kind);
        let at = super::host::cached(&host.hub(), "models--ann--served", &[("m.gguf", b"1")]);
        let jobs = jobs(&host);
        let mut engine = std::process::Command::new("python3")
            .args(["-c", "import time; time.sleep(600)", "serve", "ann/served"])
            .spawn()
            .unwrap();
        let work = remove(&jobs, &repo).await.unwrap();
        let job = until(&jobs, &work, ended).await;
        engine.kill().unwrap();
        engine.wait().unwrap();
        assert!(is_in_use(&job), "{kind}");
        let state = work_state(&job);
        assert_eq!(
            why(&state),
            format!("process {} works with ann/served", engine.id()),
            "{kind}"
        );
        assert!(at.exists());
        let elsewhere = host.home().join("elsewhere");
        fs::rename(&at, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &at).unwrap();
        let work = remove(&jobs, &repo).await.unwrap();
        let job = until(&jobs, &work, ended).await;
        assert!(!is_in_use(&job), "{kind}");
        let state = work_state(&job);
        assert!(
            why(&state).ends_with("is a link to elsewhere, and is left alone"),
            "{kind} {state:?}"
        );
        assert!(elsewhere.join("snapshots").exists());
    }
}

#[tokio::test]
async fn whoever_asks_for_the_deletion_on_the_host_itself_does_not_stand_in_its_way() {
    let repo: RepoId = "ann/asked".parse().unwrap();
    for kind in KINDS {
        let host = Host::new(kind);
        let at = super::host::cached(&host.hub(), "models--ann--asked", &[("m.gguf", b"1")]);
        let mut console = std::process::Command::new("bash")
            .arg0("/usr/local/bin/pilothouse")
            .args(["-c", "read -r end", "models", "rm", "ann/asked"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let jobs = jobs(&host);
        let work = remove(&jobs, &repo).await.unwrap();
        let state = work_state(&until(&jobs, &work, ended).await);
        drop(console.stdin.take());
        console.wait().unwrap();
        assert_eq!(state, WorkState::Done, "{kind}");
        assert!(!at.exists(), "{kind}");
    }
}
