//! The way to the switch over a real sshd: the key can do nothing else, and no lost connection, lost answer or limit of ours
//! leaves a machine half-way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::clock::Clock;
use pilothouse::domain::PowerVerb;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, HostSocket, LineStream, RemoteExec, RunLimits,
};
use pilothouse::power::{
    Carried, CarryLimits, Dial, MachineState, PowerErrorKind, carry, carry_fixed, look,
};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::ssh::connect;

use super::stage::{KEY, Stage};
use crate::dressed::Dressed;
use crate::follow::{drop_sessions, over};
use crate::sshd::{Person, Sshd, arg, context, whoami};

/// A hypervisor behind a real sshd.
struct Switch {
    stage: Stage,
    sshd: Sshd,
}

impl Switch {
    fn new() -> Self {
        Self::from("127.0.0.1")
    }

    fn from(address: &str) -> Self {
        let stage = Stage::new("dash");
        let sshd = Sshd::start();
        let line = stage.line(&sshd.public("id"), address);
        fs::write(sshd.path("authorized_keys"), line).unwrap();
        Self { stage, sshd }
    }

    /// OpenSSH's own client, with the key of the switch.
    fn ssh(&self, more: &[&str]) -> Output {
        // Writes known_hosts.
        self.sshd.target();
        Command::new("ssh")
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentitiesOnly=yes",
            ])
            .args([
                "-o",
                &format!("UserKnownHostsFile={}", arg(&self.sshd.path("known_hosts"))),
            ])
            .args(["-p", &self.sshd.port.to_string(), "-l", &whoami()])
            .args(["-i", &arg(&self.sshd.path("id"))])
            .args(more)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

#[async_trait]
impl Dial for Switch {
    async fn dial(&self) -> Result<Arc<dyn Exec>, ExecError> {
        let session = connect(&self.sshd.target(), &context(), Person::silent())
            .await
            .map_err(|error| ExecError::new(ExecErrorKind::Unreachable, error.to_string()))?;
        Ok(Arc::new(RemoteExec::new(session)))
    }
}

fn limits() -> CarryLimits {
    CarryLimits {
        pace: Duration::from_millis(100),
        search: Duration::from_secs(3),
        ..CarryLimits::default()
    }
}

async fn send(dial: &dyn Dial, verb: PowerVerb, limits: CarryLimits) -> (Carried, Vec<String>) {
    let mut seen = Vec::new();
    let carried = carry(dial, verb, &limits, &Clock::system(), &mut |words| {
        seen.push(words.to_string());
    })
    .await;
    (carried, seen)
}

#[tokio::test]
async fn verbs_are_carried_and_looks_are_taken_over_a_real_sshd() {
    let switch = Switch::new();
    let report = look(&switch, PowerVerb::Status, &limits()).await.unwrap();
    assert_eq!(report.state, MachineState::Stopped);
    for verb in [PowerVerb::Start, PowerVerb::Cycle, PowerVerb::Reset] {
        let (carried, seen) = send(&switch, verb, limits()).await;
        let Carried::Done(report) = carried else {
            panic!("{verb}: {carried:?} {}", switch.stage.notes())
        };
        assert_eq!(report.state, MachineState::Running, "{verb}");
        // How many of its phases are seen in between is a matter of pace.
        assert!(seen.iter().any(|words| words == "begun"), "{seen:?}");
    }
    assert_eq!(switch.stage.boots(), 2);
    let report = look(&switch, PowerVerb::Forensics, &limits())
        .await
        .unwrap();
    assert!(
        report
            .lines
            .iter()
            .any(|line| line.as_str() == "end of evidence")
    );
    assert!(report.operation.is_some());
    let wrong = look(&switch, PowerVerb::Stop, &limits()).await.unwrap_err();
    assert_eq!(wrong.kind, PowerErrorKind::Setup);
}

#[test]
fn the_key_opens_nothing_but_the_six_words() {
    let switch = Switch::new();
    let listening = switch.sshd.port.to_string();
    let there = format!("127.0.0.1:{listening}");
    assert_eq!(switch.ssh(&["127.0.0.1", "status"]).status.code(), Some(0));
    for sent in [
        "id",
        "status;id",
        "status\nid",
        "cycle stop",
        "sh",
        "scp -t /tmp",
        "Status",
    ] {
        let output = switch.ssh(&["127.0.0.1", sent]);
        assert_eq!(output.status.code(), Some(2), "{sent:?}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("uid="));
    }
    assert_eq!(switch.ssh(&["127.0.0.1"]).status.code(), Some(2), "a shell");
    assert!(!switch.ssh(&["-s", "127.0.0.1", "sftp"]).status.success());
    let terminal = switch.ssh(&["-tt", "127.0.0.1", "status"]);
    let said = String::from_utf8_lossy(&terminal.stderr).into_owned();
    assert!(said.contains("PTY allocation request failed"), "{said}");
    let through = switch.ssh(&["-W", &there, "127.0.0.1"]);
    assert!(
        !through.status.success() && through.stdout.is_empty(),
        "{through:?}"
    );
    let back = format!("0:{there}");
    let back = switch.ssh(&[
        "-o",
        "ExitOnForwardFailure=yes",
        "-R",
        &back,
        "127.0.0.1",
        "status",
    ]);
    assert_eq!(back.status.code(), Some(255), "{back:?}");
    let named = switch.ssh(&[
        "-o",
        "SetEnv=STATES=/nowhere LC_ALL=x",
        "127.0.0.1",
        "status",
    ]);
    assert_eq!(named.status.code(), Some(0), "{named:?}");
    assert_eq!(switch.stage.boots(), 0);
}

#[tokio::test]
async fn a_key_from_elsewhere_is_not_let_in() {
    let switch = Switch::from("192.0.2.1");
    let error = look(&switch, PowerVerb::Status, &limits())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PowerErrorKind::Unreachable);
    let (carried, _) = send(&switch, PowerVerb::Start, limits()).await;
    assert!(matches!(carried, Carried::Failed { .. }), "{carried:?}");
    assert_eq!(switch.stage.boots(), 0);
}

#[tokio::test]
async fn a_connection_that_dies_in_the_middle_of_a_cycle_leaves_it_on() {
    let switch = Switch::new();
    switch.stage.done("start");
    switch.stage.switch("slow-stop", "1");
    let limits = limits();
    let clock = Clock::system();
    let mut cut = false;
    let carried = carry(&switch, PowerVerb::Cycle, &limits, &clock, &mut |words| {
        if !cut && words.as_str() == "stopping" {
            cut = true;
            drop_sessions(&switch.sshd);
        }
    })
    .await;
    assert!(cut);
    assert!(matches!(carried, Carried::Done(_)), "{carried:?}");
    assert_eq!(switch.stage.boots(), 2);
    assert_eq!(switch.stage.called("stop 102"), 1);
}

#[tokio::test]
async fn our_own_limit_ends_our_waiting_and_not_the_cycle() {
    let switch = Switch::new();
    switch.stage.done("start");
    switch.stage.switch("slow-stop", "2");
    let limits = CarryLimits {
        whole: Duration::from_secs(1),
        ..limits()
    };
    let (carried, _) = send(&switch, PowerVerb::Cycle, limits).await;
    let Carried::Unknown { why, hint } = carried else {
        panic!("{carried:?}")
    };
    assert!(why.as_str().contains("it goes on there"), "{why}");
    assert!(hint.as_str().contains("status"), "{hint}");
    switch.stage.newest_ended();
    assert!(switch.stage.pid().is_some());
    assert_eq!(switch.stage.boots(), 2);
}

#[tokio::test]
async fn a_switch_that_is_busy_says_with_what() {
    let switch = Switch::new();
    switch.stage.done("start");
    switch.stage.switch("slow-stop", "2");
    assert!(switch.stage.ask("cycle").0.begun.is_some());
    let (carried, _) = send(&switch, PowerVerb::Stop, limits()).await;
    let Carried::Failed { why, .. } = carried else {
        panic!("{carried:?}")
    };
    assert!(why.as_str().contains("busy with cycle"), "{why}");
    switch.stage.newest_ended();
    assert!(switch.stage.pid().is_some());
}

/// What becomes of a verb on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// It arrives, its answer doesn't.
    Answer,
    /// It does not arrive.
    Verb,
    /// It arrives, and from then on nobody can be reached.
    Everything,
}

/// A way that loses something, once.
struct Lossy<'a> {
    switch: &'a Switch,
    loss: Loss,
    dialled: AtomicU32,
}

#[async_trait]
impl Dial for Lossy<'_> {
    async fn dial(&self) -> Result<Arc<dyn Exec>, ExecError> {
        let first = self.dialled.fetch_add(1, Ordering::AcqRel) == 0;
        match self.loss {
            _ if first => Ok(Arc::new(LossyExec {
                exec: self.switch.dial().await?,
                loss: self.loss,
            })),
            Loss::Everything => Err(ExecError::new(ExecErrorKind::Unreachable, "no route")),
            _ => self.switch.dial().await,
        }
    }
}

struct LossyExec {
    exec: Arc<dyn Exec>,
    loss: Loss,
}

#[async_trait]
impl Exec for LossyExec {
    async fn run(
        &self,
        command: &ShellCommand,
        limits: RunLimits,
    ) -> Result<pilothouse::exec::Output, ExecError> {
        if self.loss != Loss::Verb {
            self.exec.run(command, limits).await?;
        }
        Err(ExecError::new(ExecErrorKind::Lost, "the cable was pulled"))
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.exec.stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.exec.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.exec.connect(socket).await
    }
}

#[tokio::test]
async fn a_verb_whose_answer_is_lost_is_looked_for_and_never_sent_again() {
    for loss in [Loss::Answer, Loss::Verb, Loss::Everything] {
        let switch = Switch::new();
        switch.stage.done("start");
        let dialled = AtomicU32::new(0);
        let lossy = Lossy {
            switch: &switch,
            loss,
            dialled,
        };
        let (carried, _) = send(&lossy, PowerVerb::Cycle, limits()).await;
        let arrived = usize::from(loss != Loss::Verb);
        if arrived == 1 {
            switch.stage.newest_ended();
        }
        match loss {
            Loss::Answer => assert!(matches!(carried, Carried::Done(_)), "{carried:?}"),
            _ => assert!(matches!(carried, Carried::Unknown { .. }), "{carried:?}"),
        }
        assert_eq!(switch.stage.called("stop 102"), arrived, "{loss:?}");
        assert_eq!(switch.stage.boots(), 1 + arrived, "{loss:?}");
        assert!(switch.stage.pid().is_some());
    }
}

#[tokio::test]
async fn what_is_no_power_switch_is_told() {
    let switch = Switch::new();
    // A login that gives a shell.
    fs::copy(
        switch.sshd.path("id.pub"),
        switch.sshd.path("authorized_keys"),
    )
    .unwrap();
    let error = look(&switch, PowerVerb::Forensics, &limits())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PowerErrorKind::Protocol);
    assert!(error.hint.unwrap().contains("power install"));
    let (carried, _) = send(&switch, PowerVerb::Cycle, limits()).await;
    assert!(matches!(carried, Carried::Failed { .. }), "{carried:?}");
}

#[test]
fn the_line_is_exact() {
    let stage = Stage::new("dash");
    let line = stage.line(KEY, "192.0.2.0/24");
    let key = KEY.rsplit_once(' ').unwrap().0;
    let script = &stage.installed.script_path;
    assert_eq!(
        line,
        format!(
            "restrict,from=\"192.0.2.0/24\",command=\"{script} 102\" {key} pilothouse-power-102\n"
        )
    );
}

async fn until(what: &str, there: impl Fn() -> bool) {
    let wait = async {
        while !there() {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(30);
    let came = tokio::time::timeout(limit, wait).await;
    assert!(came.is_ok(), "{what}");
}

/// A machine that is off by then would stay off.
#[tokio::test]
async fn a_fixed_command_outlives_its_connection_on_hosts_with_setsid_and_without() {
    for (shell, more) in [
        ("dash", "setsid"),
        ("dash", "true"),
        ("bash", "true"),
        ("busybox", "true"),
    ] {
        let sshd = Sshd::start();
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(Path::new("/usr/bin").join(shell), bin.join("sh")).unwrap();
        for tool in [
            "mktemp", "nohup", "date", "sleep", "cat", "rm", "mv", "readlink", more,
        ] {
            symlink(Path::new("/usr/bin").join(tool), bin.join(tool)).unwrap();
        }
        let path = format!("PATH={}", bin.display());
        let host = Dressed::new(over(&sshd).await, path);
        let [said, off, go, on] = ["said", "off", "go", "on"].map(|name| place.path().join(name));
        let script = format!(
            "w=$(readlink /proc/$$/fd/1); echo \"$w\" >'{}'; echo off >'{}'; until [ -e '{}' ]; do sleep 0.05; done; echo on >'{}'",
            said.display(),
            off.display(),
            go.display(),
            on.display()
        );
        let argv = ["sh", "-c", &script].map(str::to_owned);
        let carry = carry_fixed(&host, PowerVerb::Cycle, &argv, Duration::from_mins(1));
        let cut = async {
            until("it did not begin", || off.exists()).await;
            assert!(drop_sessions(&sshd) > 0);
        };
        let (carried, ()) = tokio::join!(carry, cut);
        assert!(
            matches!(carried, Carried::Unknown { .. }),
            "{shell}, {more}: {carried:?}"
        );
        fs::write(&go, "").unwrap();
        until(&format!("{shell}, {more}: it stays off"), || on.exists()).await;
        let out = fs::read_to_string(&said).unwrap();
        let folder = Path::new(out.trim()).parent().unwrap();
        // Who waited for it may be there still, and clean up.
        let end = folder.join("end");
        until("it has no end", || end.exists() || !folder.exists()).await;
        drop(fs::remove_dir_all(folder));
    }
}
