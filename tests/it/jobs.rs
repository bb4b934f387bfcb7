//! Detached jobs under every kind of `sh`: they outlive whoever began them, end when told to, and never work on one thing at
//! the same time.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the host, and has no ground floor beneath it"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::jobs::{JobErrorKind, JobId, JobSpec, JobState, Jobs, LeaseKey};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use super::follow::{drop_sessions, over};
use super::sshd::{Sshd, chmod};

const KINDS: [&str; 4] = ["dash", "bash", "busybox", "zsh"];

const LONG: Duration = Duration::from_mins(1);

/// This machine with another `sh`.
struct Shelled {
    exec: Arc<dyn Exec>,
    path: String,
}

impl Shelled {
    fn line(&self, command: &ShellCommand) -> ShellCommand {
        ShellCommand::new("env")
            .word(ShellWord::new(self.path.as_str()).unwrap())
            .command(command.clone())
    }
}

#[async_trait]
impl Exec for Shelled {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.exec.run(&self.line(command), limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.exec.stream(&self.line(command)).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.exec.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.exec.connect(socket).await
    }
}

struct Yard {
    folder: tempfile::TempDir,
    sh: &'static str,
}

impl Yard {
    fn new(sh: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(Path::new("/usr/bin").join(sh), folder.path().join("bin/sh")).unwrap();
        Self { folder, sh }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn jobs_over(&self, exec: Arc<dyn Exec>) -> Jobs {
        let path = format!("PATH={}:/usr/bin:/bin", self.path("bin").display());
        let base = RemotePath::new(self.path("base").display().to_string()).unwrap();
        Jobs::at(Arc::new(Shelled { exec, path }), &base)
    }

    /// A console of its own each time.
    fn jobs(&self) -> Jobs {
        self.jobs_over(Arc::new(LocalExec::new(Tasks::new())))
    }

    fn runner(&self, id: &JobId) -> i32 {
        self.pid(id, "runner.is")
    }

    fn file(&self, id: &JobId, name: &str) -> PathBuf {
        self.path("base/jobs").join(id.as_str()).join(name)
    }

    fn is_written(&self, id: &JobId, name: &str) -> bool {
        fs::read_to_string(self.file(id, name)).is_ok_and(|text| !text.is_empty())
    }

    fn pid(&self, id: &JobId, name: &str) -> i32 {
        let file = self.file(id, name);
        let text = fs::read_to_string(file).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Yard {
    /// Whatever a test that failed has left.
    fn drop(&mut self) {
        let here = self.folder.path().display().to_string();
        for entry in fs::read_dir("/proc").unwrap() {
            let Ok(pid) = entry.unwrap().file_name().to_string_lossy().parse::<i32>() else {
                continue;
            };
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&words).contains(&here)
                && u32::try_from(pid) != Ok(std::process::id())
            {
                kill(pid);
            }
        }
    }
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn is_there(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn sh(script: &str, here: &Path) -> JobSpec {
    JobSpec {
        command: ShellCommand::new("sh")
            .arg("-c")
            .word(ShellWord::new(script).unwrap())
            .word(ShellWord::new(here.display().to_string()).unwrap()),
        label: "a job; $(reboot) \u{1b}[31m\nx".to_owned(),
        lease: None,
        limit: None,
    }
}

/// Reads the whole log until the job ended.
async fn whole(jobs: &Jobs, id: &JobId) -> (String, JobState) {
    let mut said = Vec::new();
    let mut from = 0;
    let read = async {
        loop {
            let part = jobs.follow(id, from).await.unwrap();
            assert!(part.from >= from);
            from = part.next();
            said.extend_from_slice(&part.bytes);
            if part.state != JobState::Running && from == part.end {
                return part.state;
            }
        }
    };
    let state = timeout(LONG, read).await.expect("the job has no end");
    (String::from_utf8_lossy(&said).into_owned(), state)
}

async fn until(jobs: &Jobs, id: &JobId, wanted: JobState) {
    let look = async { while jobs.state(id).await.unwrap() != wanted {} };
    timeout(LONG, look).await.expect("it never stood so");
}

#[tokio::test]
async fn a_job_is_begun_followed_listed_and_forgotten() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let id = JobId::fresh();
        let script = "echo one; echo \"$PILOTHOUSE_JOB $PILOTHOUSE_GENERATION\" >&2; cat; printf end; exit 7";
        let begun = jobs
            .begin(&id, &sh(script, yard.folder.path()))
            .await
            .unwrap();
        assert_eq!(begun.generation, 0);
        let (said, state) = whole(&jobs, &id).await;
        assert_eq!(said, format!("one\n{id} 0\nend"), "{kind}");
        assert_eq!(state, JobState::Ended(7), "{kind}");
        // The same name again begins nothing.
        jobs.begin(&id, &sh("echo twice", yard.folder.path()))
            .await
            .unwrap();
        assert_eq!(jobs.state(&id).await.unwrap(), JobState::Ended(7));
        let list = jobs.list().await.unwrap();
        assert_eq!(list.len(), 1, "{kind}");
        assert_eq!(list[0].id, id);
        assert!(
            list[0]
                .label
                .as_str()
                .starts_with("a job; $(reboot) ?[31m?x"),
            "{:?}",
            list[0]
        );
        jobs.forget(&id).await.unwrap();
        let gone = jobs.state(&id).await.unwrap_err();
        assert_eq!(gone.kind, JobErrorKind::Missing);
        assert!(jobs.list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_job_outlives_its_console_and_is_cancelled_with_all_it_started() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let id = JobId::fresh();
        let tasks = Tasks::new();
        let first = yard.jobs_over(Arc::new(LocalExec::new(tasks.clone())));
        // One that does not listen is ended after a while.
        let script = match kind {
            "dash" => "sleep 600 & echo $!; trap '' TERM; while :; do sleep 600; done",
            _ => "sleep 600 & echo $!; sleep 600",
        };
        first
            .begin(&id, &sh(script, yard.folder.path()))
            .await
            .unwrap();
        drop(first);
        assert!(tasks.shutdown(LONG).await);
        let second = yard.jobs();
        let part = timeout(LONG, async {
            loop {
                let part = second.follow(&id, 0).await.unwrap();
                if !part.bytes.is_empty() {
                    return part;
                }
            }
        })
        .await
        .unwrap();
        assert_eq!(part.state, JobState::Running, "{kind}");
        let child: i32 = String::from_utf8_lossy(&part.bytes).trim().parse().unwrap();
        // A program may speak before its runner has written down which process it is.
        timeout(LONG, async {
            while !yard.is_written(&id, "program.is") {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let (runner, program) = (yard.runner(&id), yard.pid(&id, "program.is"));
        assert!(is_there(child) && is_there(runner) && is_there(program));
        let refused = second.forget(&id).await.unwrap_err();
        assert_eq!(refused.kind, JobErrorKind::Refused);
        assert_eq!(
            second.cancel(&id).await.unwrap(),
            JobState::Cancelled,
            "{kind}"
        );
        for pid in [child, runner, program] {
            assert!(!is_there(pid), "{kind}: {pid}");
        }
        assert_eq!(
            second.cancel(&id).await.unwrap(),
            JobState::Cancelled,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_runner_that_is_killed_leaves_a_lost_job_and_no_false_end() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let (id, other) = (JobId::fresh(), JobId::fresh());
        let mut spec = sh("exec sleep 600", yard.folder.path());
        spec.lease = Some(LeaseKey::new("model").unwrap());
        jobs.begin(&id, &spec).await.unwrap();
        timeout(LONG, async {
            while !yard
                .path("base/jobs")
                .join(id.as_str())
                .join("program.is")
                .exists()
            {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let program = yard.pid(&id, "program.is");
        kill(yard.runner(&id));
        // Its program is still there, and so is its hold on the lease.
        assert_eq!(jobs.state(&id).await.unwrap(), JobState::Running, "{kind}");
        let held = jobs.begin(&other, &spec).await.unwrap_err();
        assert_eq!(held.kind, JobErrorKind::Held(id.clone()), "{kind}");
        kill(program);
        until(&jobs, &id, JobState::Lost).await;
        let begun = jobs.begin(&other, &spec).await.unwrap();
        assert_eq!(begun.generation, 2, "{kind}");
        assert_eq!(jobs.cancel(&other).await.unwrap(), JobState::Cancelled);
    }
}

#[tokio::test]
async fn of_many_who_want_a_lease_at_once_one_has_it() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let mut spec = sh("exec sleep 600", yard.folder.path());
        spec.lease = Some(LeaseKey::new("gpu-0").unwrap());
        let ids: Vec<JobId> = (0..6).map(|_| JobId::fresh()).collect();
        let jobs = yard.jobs();
        let all = futures_util::future::join_all(ids.iter().map(|id| jobs.begin(id, &spec))).await;
        let begun: Vec<_> = all.iter().filter_map(|one| one.as_ref().ok()).collect();
        assert_eq!(begun.len(), 1, "{kind}: {all:?}");
        let holder = begun[0].id.clone();
        for one in &all {
            if let Err(error) = one {
                assert_eq!(error.kind, JobErrorKind::Held(holder.clone()), "{kind}");
                assert!(error.hint.is_some());
            }
        }
        assert_eq!(jobs.cancel(&holder).await.unwrap(), JobState::Cancelled);
        // Free for the next, who knows that it is not the first.
        let next = jobs
            .begin(&JobId::new("next").unwrap(), &spec)
            .await
            .unwrap();
        assert_eq!(next.generation, 2, "{kind}");
        assert_eq!(jobs.cancel(&next.id).await.unwrap(), JobState::Cancelled);
    }
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let id = JobId::fresh();
        let mut spec = sh("echo here; exec sleep 600", yard.folder.path());
        spec.limit = Some(Duration::from_secs(1));
        jobs.begin(&id, &spec).await.unwrap();
        let (said, state) = whole(&jobs, &id).await;
        assert_eq!(
            (said.as_str(), state),
            ("here\n", JobState::Expired),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_flood_keeps_its_end_and_takes_no_more_than_its_bound() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let id = JobId::fresh();
        let script = "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last";
        jobs.begin(&id, &sh(script, yard.folder.path()))
            .await
            .unwrap();
        until(&jobs, &id, JobState::Ended(0)).await;
        let part = jobs.follow(&id, 0).await.unwrap();
        assert_eq!(part.end, 20_000_006, "{kind}");
        assert!(part.from > 10_000_000, "{kind}: {}", part.from);
        let (said, _) = whole(&jobs, &id).await;
        assert!(said.ends_with("x\nlast\n"), "{kind}");
        let kept: u64 = fs::read_dir(yard.path("base/jobs").join(id.as_str()))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(kept < 9 * 1024 * 1024, "{kind}: {kept}");
    }
}

#[tokio::test]
async fn words_of_a_job_stay_words() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let id = JobId::fresh();
        let odd = "a b'c\"d$(touch x)`y`\\;*\n--é";
        let spec = JobSpec {
            command: ShellCommand::new("printf")
                .arg("%s|")
                .word(ShellWord::new(odd).unwrap()),
            label: odd.to_owned(),
            lease: None,
            limit: None,
        };
        jobs.begin(&id, &spec).await.unwrap();
        let (said, state) = whole(&jobs, &id).await;
        assert_eq!(
            (said, state),
            (format!("{odd}|"), JobState::Ended(0)),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_and_a_folder_that_is_not_to_be_had_are_told() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let id = JobId::fresh();
        let spec = JobSpec {
            command: ShellCommand::new("no-such-program"),
            label: String::new(),
            lease: None,
            limit: None,
        };
        jobs.begin(&id, &spec).await.unwrap();
        let (said, state) = whole(&jobs, &id).await;
        assert_eq!(state, JobState::Ended(127), "{kind}: {said}");
        assert!(said.contains("no-such-program"), "{kind}: {said}");
        fs::remove_dir_all(yard.path("base")).unwrap();
        fs::write(yard.path("base"), "").unwrap();
        let refused = jobs.begin(&JobId::fresh(), &spec).await.unwrap_err();
        assert_eq!(
            refused.kind,
            JobErrorKind::Refused,
            "{}: {refused}",
            yard.sh
        );
        assert!(refused.hint.is_some());
    }
}

#[tokio::test]
async fn a_runner_that_can_not_write_who_it_is_runs_nothing_and_that_is_told() {
    // busybox has a `mv` of its own and looks for no other.
    for kind in ["dash", "bash", "zsh"] {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let mv = yard.path("bin/mv");
        fs::write(
            &mv,
            "#!/bin/sh\ncase $* in */runner.is) exit 1 ;; esac\nexec /usr/bin/mv \"$@\"\n",
        )
        .unwrap();
        chmod(&mv, 0o755);
        let spec = sh("touch \"$0/ran\"", yard.folder.path());
        let refused = jobs.begin(&JobId::fresh(), &spec).await.unwrap_err();
        assert_eq!(refused.kind, JobErrorKind::Refused, "{kind}: {refused}");
        assert!(!yard.path("ran").exists(), "{kind}");
    }
}

#[tokio::test]
async fn a_job_outlives_the_connection_that_began_it() {
    let sshd = Sshd::start();
    let yard = Yard::new("dash");
    let id = JobId::fresh();
    let go = yard.path("go");
    let script = "until [ -e \"$0/go\" ]; do sleep 0.05; done; echo still here";
    yard.jobs_over(over(&sshd).await)
        .begin(&id, &sh(script, yard.folder.path()))
        .await
        .unwrap();
    assert!(drop_sessions(&sshd) > 0);
    let jobs = yard.jobs_over(over(&sshd).await);
    assert_eq!(jobs.state(&id).await.unwrap(), JobState::Running);
    fs::write(go, "").unwrap();
    let (said, state) = whole(&jobs, &id).await;
    assert_eq!((said.as_str(), state), ("still here\n", JobState::Ended(0)));
}
