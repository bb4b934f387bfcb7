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
use pilothouse::domain::Secret;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::jobs::{JobErrorKind, JobId, JobSpec, JobState, Jobs, LeaseKey, Work};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use super::dressed::Dressed;
use super::follow::{drop_sessions, over};
use super::sshd::{Sshd, chmod};

const KINDS: [&str; 4] = ["dash", "bash", "busybox", "zsh"];

const LONG: Duration = Duration::from_mins(1);

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
        Jobs::at(Arc::new(Dressed::new(exec, path)), &base)
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
    let command = ShellCommand::new("sh")
        .arg("-c")
        .word(ShellWord::new(script).unwrap())
        .word(ShellWord::new(here.display().to_string()).unwrap());
    JobSpec::new(Work::Command(command), "a job; $(reboot) \u{1b}[31m\nx")
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
        let command = ShellCommand::new("printf")
            .arg("%s|")
            .word(ShellWord::new(odd).unwrap());
        let spec = JobSpec::new(Work::Command(command), odd);
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
        let spec = JobSpec::new(Work::Command(ShellCommand::new("no-such-program")), "");
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

fn script(text: &str, arguments: &[&str]) -> Work {
    Work::Script {
        text: text.to_owned(),
        arguments: arguments
            .iter()
            .map(|word| ShellWord::new(*word).unwrap())
            .collect(),
    }
}

/// Waits until a job has said this of itself.
async fn marked(jobs: &Jobs, id: &JobId, key: &str, value: &str) {
    let look = async {
        loop {
            let job = jobs.look(id).await.unwrap();
            if job
                .marks
                .get(key)
                .is_some_and(|mark| mark.value.as_str() == value)
            {
                return;
            }
        }
    };
    timeout(LONG, look).await.expect("it never said so");
}

#[tokio::test]
async fn a_script_says_how_far_it_is_and_no_line_of_another_program_does() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let id = JobId::fresh();
        let here = yard.folder.path().display().to_string();
        let text = r#"set -eu
mark phase "lo'ading
$2"
mark progress 1/9
mark progress 3/9
# What another program says is said by another program.
printf 'mark phase done\nmark progress 9/9\nmark x 1 2\nstate ended 0\nend\n'
sh -c 'mark phase done' || echo "no such word: $?"
mark 'a b' c || echo "no key"
until [ -e "$1/go" ]; do sleep 0.05; done
mark phase ready
exit 3
"#;
        let spec = JobSpec::new(script(text, &[&here, "a  b; $(reboot)"]), "swap");
        yard.jobs().begin(&id, &spec).await.unwrap();
        // Another console.
        let jobs = yard.jobs();
        marked(&jobs, &id, "progress", "3/9").await;
        let said = async {
            loop {
                let part = jobs.follow(&id, 0).await.unwrap();
                let said = String::from_utf8_lossy(&part.bytes).into_owned();
                if said.contains("no key") {
                    return (said, part.marks);
                }
            }
        };
        let (said, marks) = timeout(LONG, said).await.unwrap();
        assert!(said.contains("no such word: 127"), "{kind}: {said}");
        let seen: Vec<_> = marks
            .iter()
            .map(|(key, mark)| (key, mark.value.as_str()))
            .collect();
        let phase = "lo'ading a  b; $(reboot)";
        assert_eq!(seen, [("phase", phase), ("progress", "3/9")], "{kind}");
        let list = jobs.list().await.unwrap();
        assert_eq!(list[0].marks, marks, "{kind}");
        assert!(marks.get("phase").unwrap().at >= list[0].begun);
        fs::write(yard.path("go"), "").unwrap();
        let (_, state) = whole(&jobs, &id).await;
        assert_eq!(state, JobState::Ended(3), "{kind}");
        let job = jobs.look(&id).await.unwrap();
        assert_eq!(job.marks.get("phase").unwrap().value.as_str(), "ready");
        assert_eq!(job.state, JobState::Ended(3));
    }
}

/// Whether any process has this among its words or in its environment, other than this one.
fn is_in_a_process(words: &str) -> bool {
    let here = std::process::id().to_string();
    fs::read_dir("/proc").unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let other = !path.ends_with(&here);
        other
            && ["cmdline", "environ"].iter().any(|name| {
                let bytes = fs::read(path.join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(words)
            })
    })
}

/// Whether any file below this folder holds these words.
fn is_in_a_file(folder: &Path, words: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            return is_in_a_file(&entry.path(), words);
        }
        kind.is_file()
            && String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default()).contains(words)
    })
}

#[tokio::test]
async fn a_secret_comes_by_the_input_and_is_nowhere_else() {
    let sshd = Sshd::start();
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs_over(over(&sshd).await);
        let id = JobId::fresh();
        let canary = format!("canary-{:016x}", fastrand::u64(..));
        let text = r#". /dev/stdin
mark length "${#TOKEN}"
until [ -e "$1/go" ]; do sleep 0.05; done
[ "$(sed -n 's/^TOKEN=//p')" = "$TOKEN" ] && echo "again"
"#;
        let here = yard.folder.path().display().to_string();
        let mut spec = JobSpec::new(script(text, &[&here]), "deploy");
        spec.input = Some(Secret::new(format!("A='b c'\nTOKEN={canary}\n")));
        assert!(!format!("{spec:?}").contains(&canary));
        jobs.begin(&id, &spec).await.unwrap();
        marked(&jobs, &id, "length", &canary.len().to_string()).await;
        assert!(!is_in_a_process(&canary), "{kind}");
        assert!(!is_in_a_file(&yard.path("base"), &canary), "{kind}");
        fs::write(yard.path("go"), "").unwrap();
        assert_eq!(
            whole(&jobs, &id).await,
            ("again\n".to_owned(), JobState::Ended(0)),
            "{kind}"
        );
        spec.input = Some(Secret::new("a\0b".to_owned()));
        let odd = jobs.begin(&JobId::fresh(), &spec).await.unwrap_err();
        assert_eq!(odd.kind, JobErrorKind::Name);
    }
}

/// A connection that is lost while the input is on its way looks to the host like its end.
struct Cut(Arc<dyn Exec>);

#[async_trait]
impl Exec for Cut {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.0.run(command, limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.0.stream(command).await
    }

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        let command = ShellCommand::new("sh")
            .arg("-c")
            .arg("head -c 10 | \"$@\"")
            .arg("cut")
            .command(command.clone());
        self.0.pipe(&command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.0.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.0.connect(socket).await
    }
}

#[tokio::test]
async fn a_job_whose_input_did_not_arrive_whole_is_not_begun_and_leaves_nothing() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let cut = yard.jobs_over(Arc::new(Cut(Arc::new(LocalExec::new(Tasks::new())))));
        let mut spec = sh("touch \"$0/ran\"", yard.folder.path());
        spec.input = Some(Secret::new("secret-words-that-are-long".to_owned()));
        let refused = cut.begin(&JobId::fresh(), &spec).await.unwrap_err();
        assert_eq!(refused.kind, JobErrorKind::Refused, "{kind}: {refused}");
        assert!(yard.jobs().list().await.unwrap().is_empty(), "{kind}");
        assert!(!yard.path("ran").exists(), "{kind}");
        assert!(!is_in_a_file(&yard.path("base"), "secret-wor"), "{kind}");
    }
}

#[tokio::test]
async fn whoever_holds_a_lease_is_listed_and_named_and_a_late_step_sees_that_it_is_late() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let (first, second) = (JobId::fresh(), JobId::fresh());
        let here = yard.folder.path().display().to_string();
        let text = "holds && mark mine yes; until [ -e \"$1/go\" ]; do sleep 0.05; done; holds || touch \"$1/late\"";
        let mut spec = JobSpec::new(script(text, &[&here]), "swap to llama");
        let key = LeaseKey::new("model").unwrap();
        spec.lease = Some(key.clone());
        jobs.begin(&first, &spec).await.unwrap();
        marked(&jobs, &first, "mine", "yes").await;
        let held = jobs.begin(&second, &spec).await.unwrap_err();
        assert_eq!(held.kind, JobErrorKind::Held(first.clone()), "{kind}");
        assert!(held.what.contains("swap to llama") && held.what.contains(first.as_str()));
        let list = jobs.list().await.unwrap();
        assert_eq!(list[0].holds(), Some((&key, 1)), "{kind}");
        // As after a boot of the host: its processes are of another one.
        timeout(LONG, async {
            while !yard.is_written(&first, "program.is") {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        for name in ["runner.is", "program.is"] {
            let file = yard.file(&first, name);
            let now = fs::read_to_string(&file).unwrap();
            let (process, _) = now.trim().rsplit_once(' ').unwrap();
            fs::write(&file, format!("{process} of-an-earlier-boot\n")).unwrap();
        }
        assert_eq!(jobs.state(&first).await.unwrap(), JobState::Lost, "{kind}");
        let begun = jobs.begin(&second, &spec).await.unwrap();
        assert_eq!(begun.generation, 2, "{kind}");
        marked(&jobs, &second, "mine", "yes").await;
        let list = jobs.list().await.unwrap();
        let holders: Vec<_> = list.iter().filter(|job| job.holds().is_some()).collect();
        assert_eq!(holders.len(), 1, "{kind}");
        assert_eq!(holders[0].id, second, "{kind}");
        fs::write(yard.path("go"), "").unwrap();
        timeout(LONG, async {
            while !yard.path("late").exists() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the first does not know that it is late");
        until(&jobs, &second, JobState::Ended(0)).await;
    }
}

#[tokio::test]
async fn a_full_list_is_one_command_and_at_most_four_kib_for_each_job_and_old_ones_go() {
    let yard = Yard::new("dash");
    let id = JobId::fresh();
    let text = "long=$(head -c 500 /dev/zero | tr '\\0' x); for key in a b c d e f g h i j k l m; do mark \"$key-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" \"$long\" || echo \"no $key\"; done";
    let mut spec = JobSpec::new(script(text, &[]), "x".repeat(500));
    spec.lease = Some(LeaseKey::new(&"k".repeat(64)).unwrap());
    let jobs = yard.jobs();
    jobs.begin(&id, &spec).await.unwrap();
    let (said, _) = whole(&jobs, &id).await;
    assert!(
        said.contains("thirteenth") && said.ends_with("no m\n"),
        "{said}"
    );
    let counted = Arc::new(Counted::default());
    let list = yard.jobs_over(Arc::clone(&counted) as Arc<dyn Exec>);
    let list = list.list().await.unwrap();
    assert_eq!(list[0].marks.iter().count(), 12);
    let asked = counted.said.lock().unwrap().clone();
    assert!(matches!(asked[..], [bytes] if bytes < 4096), "{asked:?}");
    // As many others have ended.
    for number in 0..120 {
        let other = yard.path("base/jobs").join(format!("other-{number}"));
        fs::create_dir(&other).unwrap();
        fs::write(other.join("outcome"), "ended 0\n").unwrap();
    }
    spec.work = script("exit 0", &[]);
    jobs.begin(&JobId::new("last").unwrap(), &spec)
        .await
        .unwrap();
    let left = jobs.list().await.unwrap();
    assert!((100..=101).contains(&left.len()), "{}", left.len());
    assert!(left.iter().all(|job| job.id != id), "the oldest goes first");
}

/// This machine, and how much each command said.
#[derive(Default)]
struct Counted {
    said: std::sync::Mutex<Vec<usize>>,
}

#[async_trait]
impl Exec for Counted {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let output = LocalExec::new(Tasks::new()).run(command, limits).await?;
        self.said.lock().unwrap().push(output.stdout.len());
        Ok(output)
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        LocalExec::new(Tasks::new()).stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        LocalExec::new(Tasks::new())
            .upload(path, mode, content)
            .await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        LocalExec::new(Tasks::new()).connect(socket).await
    }
}

#[tokio::test]
async fn a_job_writes_files_as_its_login_would() {
    for kind in KINDS {
        let yard = Yard::new(kind);
        let jobs = yard.jobs();
        let id = JobId::fresh();
        jobs.begin(&id, &sh("umask", yard.folder.path()))
            .await
            .unwrap();
        let (said, _) = whole(&jobs, &id).await;
        let own = ShellCommand::new("sh").arg("-c").arg("umask");
        let here = LocalExec::new(Tasks::new());
        let own = here.run(&own, RunLimits::default()).await.unwrap();
        let own = String::from_utf8(own.stdout.to_vec()).unwrap();
        let mode = |text: &str| u32::from_str_radix(text.trim(), 8).unwrap();
        assert_eq!(mode(&said), mode(&own), "{kind}");
    }
}

#[tokio::test]
async fn a_host_without_setsid_begins_no_job_and_says_so() {
    let sshd = Sshd::start();
    let yard = Yard::new("dash");
    for tool in ["cat", "mkdir", "flock", "mkfifo", "stat"] {
        symlink(
            Path::new("/usr/bin").join(tool),
            yard.path("bin").join(tool),
        )
        .unwrap();
    }
    let base = RemotePath::new(yard.path("base").display().to_string()).unwrap();
    let path = format!("PATH={}", yard.path("bin").display());
    let bare = Dressed::new(over(&sshd).await, path);
    let jobs = Jobs::at(Arc::new(bare), &base);
    let spec = sh("touch \"$0/ran\"", yard.folder.path());
    let refused = jobs.begin(&JobId::fresh(), &spec).await.unwrap_err();
    assert_eq!(refused.kind, JobErrorKind::Refused);
    assert_eq!(refused.what, "setsid is missing on this host");
    assert!(refused.hint.is_some());
    assert!(!yard.path("base").exists());
}
