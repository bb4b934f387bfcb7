//! Weights are copied to a peer over a real sshd: whole, or told why not; and nobody's host key is waved through.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::{Bytes, HostId};
use pilothouse::jobs::Job;
use pilothouse::models::{
    Completeness, Patience, Peer, WeightsScan, WorkId, WorkState, copy, work_state,
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::task::JoinSet;

use super::download::{ended, jobs, repo, until, why};
use super::host::{Host, cached};
use super::tight::Tight;
use crate::sshd::Sshd;

const SIZE: usize = 3_000_000;

/// A host with weights, and a peer that it reaches by ssh.
struct Pair {
    here: Arc<Host>,
    there: Arc<Host>,
    sshd: Option<Sshd>,
}

impl Pair {
    fn new(kind: &str, there: Arc<Host>) -> Self {
        let here = Host::new(kind);
        cached(
            &here.hub(),
            "models--ann--m",
            &[
                ("config.json", br#"{"num_hidden_layers":2}"#),
                ("model.gguf", &vec![7; SIZE]),
            ],
        );
        let mut pair = Self {
            here,
            there,
            sshd: None,
        };
        pair.listen();
        pair
    }

    /// The peer's sshd, a new one where there was one. Whoever logs in is on the peer.
    fn listen(&mut self) {
        let line = format!(
            "ForceCommand {} sh -c \"$SSH_ORIGINAL_COMMAND\"",
            self.there.words().join(" ")
        );
        let sshd = Sshd::with(&line);
        sshd.target();
        let config = format!(
            "Port {}\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile none\n",
            sshd.port,
            sshd.path("id").display(),
            sshd.path("known_hosts").display()
        );
        let file = sshd.path("config");
        fs::write(&file, config).unwrap();
        let ssh = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n",
            file.display()
        );
        self.here.program("ssh", &ssh);
        self.sshd = Some(sshd);
    }

    /// As it is over a network that is not endless.
    fn slow(self) -> Self {
        let rsync = "#!/bin/sh\nexec /usr/bin/rsync --bwlimit=700 \"$@\"\n";
        self.here.program("rsync", rsync);
        self
    }

    fn known_hosts(&self) -> PathBuf {
        self.sshd.as_ref().unwrap().path("known_hosts")
    }

    /// Begins the copy, waits until it stands so.
    async fn copied(&self, holds: impl Fn(&WorkState) -> bool) -> Job {
        let jobs = jobs(&self.here);
        let peer = Peer {
            host: HostId::new("spark-2"),
            address: "127.0.0.1".parse().unwrap(),
            user: None,
        };
        let patience = Patience {
            stall: Duration::from_secs(2),
            tries: 2,
        };
        let work = copy(&jobs, &repo(), &peer, patience).await.unwrap();
        until(&jobs, &work, holds).await
    }

    async fn copy(&self) -> WorkState {
        work_state(&self.copied(ended).await)
    }

    async fn is_whole(&self) -> bool {
        let report = WeightsScan::default().look(&*self.there).await.unwrap();
        let whole = report
            .weights
            .iter()
            .filter(|w| w.completeness == Completeness::Complete);
        whole.map(|w| w.size).eq([Bytes(SIZE as u64 + 23)])
    }

    /// Bytes of blobs that the peer has.
    fn there_has(&self, disk: Option<&Tight>) -> u64 {
        let below = "models--ann--m/blobs";
        let blobs = disk.map_or_else(|| self.there.hub().join(below), |disk| disk.path(below));
        let files = fs::read_dir(blobs).into_iter().flatten();
        files
            .map(|entry| entry.unwrap().metadata().map_or(0, |m| m.len()))
            .sum()
    }
}

/// A peer on which this one program is not installed, and the folder of those that are.
fn without(program: &str) -> (Arc<Host>, Option<tempfile::TempDir>) {
    let tools = tempfile::tempdir().unwrap();
    for entry in fs::read_dir("/usr/bin").unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != program {
            let link = tools.path().join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), link).unwrap();
        }
    }
    let path = format!("PATH={}", tools.path().display());
    (Host::with("dash", &[&path]), Some(tools))
}

#[tokio::test]
async fn weights_are_whole_on_the_peer_with_rsync_and_without() {
    let mut pairs = JoinSet::new();
    for (kind, (there, tools)) in [
        ("dash", (Host::new("dash"), None)),
        ("busybox", (Host::new("busybox"), None)),
        ("dash", without("rsync")),
    ] {
        let pair = Pair::new(kind, there);
        pairs.spawn(async move {
            let _tools = tools;
            assert_eq!(pair.copy().await, WorkState::Done, "{kind}");
            assert!(pair.is_whole().await, "{kind}");
            // Nothing is left to copy.
            assert_eq!(pair.copy().await, WorkState::Done, "{kind}");
        });
    }
    pairs.join_all().await;
}

#[tokio::test]
async fn a_peer_whose_key_is_unknown_or_another_gets_nothing() {
    let pair = Pair::new("dash", Host::new("dash"));
    let key = fs::read_to_string(pair.known_hosts()).unwrap();
    let (name, _) = key.split_once(' ').unwrap();
    let mine = pair.sshd.as_ref().unwrap().public("id");
    for known in [String::new(), format!("{name} {mine}\n")] {
        fs::write(pair.known_hosts(), &known).unwrap();
        let state = pair.copy().await;
        assert_eq!(
            why(&state),
            "spark-2 can not be reached from here: Host key verification failed."
        );
        assert_eq!(fs::read_to_string(pair.known_hosts()).unwrap(), known);
        assert_eq!(pair.there_has(None), 0);
    }
}

#[tokio::test]
async fn a_peer_without_room_is_told_before_a_byte_is_copied() {
    for (there, _tools) in [(Host::new("dash"), None), without("rsync")] {
        let disk = Tight::new(2_000_000, &there.hub());
        there.before.set(disk.enter()).unwrap();
        let pair = Pair::new("dash", there);
        assert_eq!(
            why(&pair.copy().await),
            "spark-2 needs 3 MiB more, and its disk has 2 MiB"
        );
        assert_eq!(pair.there_has(Some(&disk)), 0);
    }
}

#[tokio::test]
async fn a_peer_whose_disk_fills_up_is_named() {
    let there = Host::new("dash");
    let disk = Tight::new(8_000_000, &there.hub());
    there.before.set(disk.enter()).unwrap();
    let pair = Pair::new("dash", there).slow();
    let begun =
        pair.copied(|state| matches!(state, WorkState::Running { done, .. } if done.0 > 100_000));
    let job = begun.await;
    disk.fill_but(100_000);
    let jobs = jobs(&pair.here);
    let work = WorkId(job.id.as_str().to_owned());
    let state = work_state(&until(&jobs, &work, ended).await);
    assert!(
        why(&state).starts_with("the disk of spark-2 is full"),
        "{state:?}"
    );
    assert!(!pair.is_whole().await);
    disk.make_room();
    assert_eq!(pair.copy().await, WorkState::Done);
    assert!(pair.is_whole().await);
}

#[tokio::test]
async fn a_peer_that_is_lost_in_mid_copy_is_named_and_the_next_copy_goes_on() {
    let mut pair = Pair::new("dash", Host::new("dash")).slow();
    let job = pair
        .copied(|state| matches!(state, WorkState::Running { done, .. } if done.0 > 100_000))
        .await;
    let sshd = pair.sshd.take().unwrap();
    let sessions = sshd.children();
    drop(sshd);
    for pid in sessions {
        let pid = Pid::from_raw(pid).unwrap();
        let _gone = kill_process_group(pid, Signal::KILL);
        let _gone = kill_process(pid, Signal::KILL);
    }
    let jobs = jobs(&pair.here);
    let work = WorkId(job.id.as_str().to_owned());
    let state = work_state(&until(&jobs, &work, ended).await);
    assert!(
        why(&state).starts_with("spark-2 can not be reached from here: "),
        "{state:?}"
    );
    assert!(!pair.is_whole().await);
    pair.listen();
    assert_eq!(pair.copy().await, WorkState::Done);
    assert!(pair.is_whole().await);
}
