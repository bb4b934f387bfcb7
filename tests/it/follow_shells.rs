//! Log sources under every kind of `sh` and of login shell, with a played journal and a played kernel ring: they are read
//! alike, and nothing of them is left when the connection is.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::follow::{self, Follow, SourceSpec, StartAt};
use pilothouse::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use super::follow::{Heard, Log, append, drop_sessions, entry, file, from, once, over};
use super::quoting::{SHELLS, by_login_shell};
use super::sshd::{Sshd, chmod};

/// How long something may be left on a host whose connection is lost.
const FAREWELL: Duration = Duration::from_secs(2);

const LONG: Duration = Duration::from_secs(30);

const KINDS: [&str; 4] = ["dash", "bash", "zsh", "busybox"];

/// Programs that busybox has as well, and that a source is read by.
const TOOLS: [&str; 6] = ["date", "find", "head", "sort", "stat", "tail"];

/// Whose programs a host has.
#[derive(Debug, Clone, Copy)]
enum Tools {
    Gnu,
    Busybox,
}

/// Which ring a shell reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ring {
    /// The stage's.
    Played,
    /// The one of this machine: busybox has a dd within, that nothing on the path stands in for.
    Own,
}

impl Ring {
    fn of(sh: &str) -> Self {
        match sh {
            "busybox" => Self::Own,
            _ => Self::Played,
        }
    }
}

/// What stands in for a host's tools, in a folder of it.
struct Stage(PathBuf);

impl Stage {
    /// Programs first on the path, a journal of the unit `demo`, and a ring. `dd` reads the ring from a file, so that no
    /// test writes into the one of this machine.
    fn set(folder: &Path, sh: &str, tools: Tools) -> Self {
        let bin = folder.join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(program(sh), bin.join("sh")).unwrap();
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/bin/journalctl");
        // It is written for GNU's tail.
        let journalctl = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin exec {} \"$@\"\n",
            lab.display()
        );
        fs::write(bin.join("journalctl"), journalctl).unwrap();
        chmod(&bin.join("journalctl"), 0o755);
        let busybox = program("busybox");
        let real = match tools {
            Tools::Gnu => program("dd").display().to_string(),
            Tools::Busybox => {
                for tool in TOOLS {
                    symlink(&busybox, bin.join(tool)).unwrap();
                }
                format!("{} dd", busybox.display())
            }
        };
        let ring = folder.join("ring");
        let dd = format!(
            "#!/bin/sh\ncase $* in\n*/dev/kmsg*count=1) exec /usr/bin/head -n 1 {0} ;;\n\
             *count=*) exec {real} \"$@\" ;;\n*) exec /usr/bin/tail -n +1 -s 0.1 -f {0} ;;\nesac\n",
            ring.display()
        );
        fs::write(bin.join("dd"), dd).unwrap();
        chmod(&bin.join("dd"), 0o755);
        fs::create_dir(folder.join("journal")).unwrap();
        Self(folder.to_owned())
    }

    fn tell_journal(&self, number: u32) {
        let mut journal = append(&self.0.join("journal/demo.json"));
        writeln!(journal, "{}", entry(number)).unwrap();
    }

    fn tell_ring(&self, number: u32) {
        let mut ring = append(&self.0.join("ring"));
        writeln!(ring, "4,{number},5140900,-;record {number}\n SUBSYSTEM=x").unwrap();
    }

    /// Processes that were started for this stage and still run.
    fn left(&self) -> BTreeMap<i32, String> {
        let mark = format!("PILOTHOUSE_STUB_JOURNAL={}/journal", self.0.display());
        let marked = |folder: &Path| {
            fs::read(folder.join("environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|v| v == mark.as_bytes()))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.ok()?.path();
            let pid = path.file_name()?.to_str()?.parse().ok()?;
            let words = fs::read(path.join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            marked(&path).then_some((pid, words))
        });
        processes.collect()
    }

    async fn all_gone(&self) {
        let gone = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while !self.left().is_empty() {
                pace.tick().await;
            }
        };
        let in_time = timeout(FAREWELL, gone).await.is_ok();
        assert!(in_time, "still there: {:#?}", self.left());
    }

    fn journal(&self) -> String {
        self.0.join("journal").display().to_string()
    }

    fn path(&self) -> String {
        format!("{}/bin:/usr/local/bin:/usr/bin:/bin", self.0.display())
    }
}

fn program(name: &str) -> PathBuf {
    let found = ["/usr/bin", "/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed"))
}

/// This machine behind a login shell.
struct Shelled {
    exec: LocalExec,
    login: &'static [&'static str],
    env: Vec<(&'static str, String)>,
}

impl Shelled {
    fn on(stage: &Stage, login: &'static [&'static str]) -> Arc<dyn Exec> {
        let env = vec![
            ("PATH", stage.path()),
            ("HOME", stage.0.display().to_string()),
            ("PILOTHOUSE_STUB_JOURNAL", stage.journal()),
        ];
        let exec = LocalExec::new(Tasks::new());
        Arc::new(Self { exec, login, env })
    }

    fn line(&self, command: &ShellCommand) -> ShellCommand {
        let line = by_login_shell(self.login, &command.render());
        self.env.iter().fold(line, |line, (name, value)| {
            let value = ShellWord::new(value.clone()).unwrap();
            line.env(EnvName::new(*name).unwrap(), value)
        })
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

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        self.exec.pipe(&self.line(command)).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.exec.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.exec.connect(socket).await
    }
}

fn demo() -> SourceSpec {
    SourceSpec::Unit("demo".into())
}

/// A file through a rotation, a unit, the ring and the list of what there is, each read and let go.
async fn every_source(stage: &Stage, exec: Arc<dyn Exec>, ring: Ring) {
    fs::create_dir(stage.0.join(".pilothouse")).unwrap();
    let mut log = Log::new(&stage.0.join(".pilothouse/app.log"));
    log.write(5);
    let spec = file(&log.path);
    let mut tail = follow::open(Arc::clone(&exec), &spec, from(StartAt::Tail(3)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *tail, &log.last()).await;
    log.write(2);
    heard.until(&mut *tail, &log.last()).await;
    fs::rename(&log.path, log.path.with_extension("log.1")).unwrap();
    log.reopen();
    log.write(2);
    heard.until(&mut *tail, &log.last()).await;
    assert_eq!(heard.lines, log.all()[2..]);

    stage.tell_journal(0);
    stage.tell_ring(0);
    let offers = follow::discover(&exec).await.unwrap();
    assert!(
        offers
            .iter()
            .any(|offer| offer.spec == spec && offer.refused.is_none()),
        "{offers:?}"
    );
    let mut unit = follow::open(Arc::clone(&exec), &demo(), from(StartAt::Tail(9)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *unit, "line 0").await;
    stage.tell_journal(1);
    heard.until(&mut *unit, "line 1").await;
    assert_eq!(heard.lines, ["line 0", "line 1"]);

    assert!(stage.left().len() > 1, "{:?}", stage.left());
    if ring == Ring::Own {
        return;
    }
    let mut ring = follow::open(exec, &SourceSpec::Kernel, from(StartAt::Tail(9)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *ring, "record 0").await;
    stage.tell_ring(1);
    heard.until(&mut *ring, "record 1").await;
    assert_eq!(heard.lines, ["record 0", "record 1"]);
}

async fn by(sh: &str, tools: Tools, login: &'static [&'static str]) {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), sh, tools);
    // A busybox that is logged in to takes itself for every sh.
    let ring = match Ring::of(login[0]) {
        Ring::Own => Ring::Own,
        Ring::Played => Ring::of(sh),
    };
    every_source(&stage, Shelled::on(&stage, login), ring).await;
    stage.all_gone().await;
}

#[tokio::test]
async fn every_login_shell_reads_every_source() {
    for login in SHELLS {
        by("dash", Tools::Gnu, login).await;
    }
}

#[tokio::test]
async fn every_sh_reads_every_source() {
    for sh in KINDS {
        by(sh, Tools::Gnu, SHELLS[2]).await;
    }
}

#[tokio::test]
async fn busybox_and_its_own_tools_read_every_source() {
    by("busybox", Tools::Busybox, SHELLS[4]).await;
}

/// A file so large that reading what comes before would take minutes.
#[tokio::test]
async fn the_end_of_a_large_file_is_near_for_every_tail() {
    for tools in [Tools::Gnu, Tools::Busybox] {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(folder.path(), "busybox", tools);
        let mut log = Log::new(&folder.path().join("log"));
        fs::File::options()
            .write(true)
            .open(&log.path)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        writeln!(append(&log.path)).unwrap();
        log.write(5);
        let exec = Shelled::on(&stage, SHELLS[4]);
        let mut follow = follow::open(exec, &file(&log.path), from(StartAt::Tail(3)))
            .await
            .unwrap();
        let mut heard = Heard::default();
        heard.until(&mut *follow, &log.last()).await;
        log.write(2);
        heard.until(&mut *follow, &log.last()).await;
        assert_eq!(heard.lines, log.all()[2..], "{tools:?}");
    }
}

#[tokio::test]
async fn the_kernel_ring_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), "dash", Tools::Gnu);
    (0..60).for_each(|number| stage.tell_ring(number));
    let exec = Shelled::on(&stage, SHELLS[0]);
    let open = async |start| {
        follow::open(Arc::clone(&exec), &SourceSpec::Kernel, start)
            .await
            .unwrap()
    };
    let mut ring = open(from(StartAt::Tail(50))).await;
    let mut heard = Heard::default();
    heard.until(&mut *ring, "record 59").await;
    stage.tell_ring(60);
    heard.until(&mut *ring, "record 60").await;
    let place = ring.last().unwrap();
    let before = ring.first().unwrap();
    drop(ring);
    // One is overwritten before it is read.
    stage.tell_ring(61);
    stage.tell_ring(63);
    let mut ring = open(from(StartAt::After(place))).await;
    heard.until(&mut *ring, "record 63").await;
    let wanted: Vec<_> = (10..=63)
        .filter(|number| *number != 62)
        .map(|number| format!("record {number}"))
        .collect();
    assert_eq!(heard.lines, wanted);
    heard.note(&mut *ring, "turned over").await;
    let mut older = open(once(StartAt::Before(before, 5))).await;
    let mut back = Heard::default();
    back.until(&mut *older, "no such line").await;
    let wanted: Vec<_> = (5..10).map(|number| format!("record {number}")).collect();
    assert_eq!(back.lines, wanted);
}

/// A lost connection ends what runs on the host without its writing another line: by a real sshd, whose session is
/// killed.
#[tokio::test]
async fn a_lost_connection_leaves_nothing_on_the_host() {
    for sh in KINDS {
        let folder = tempfile::tempdir().unwrap();
        super::sshd::prepare(folder.path());
        let stage = Stage::set(folder.path(), sh, Tools::Gnu);
        let sshd = Sshd::in_folder(
            folder,
            &format!(
                "SetEnv PATH={} PILOTHOUSE_STUB_JOURNAL={}",
                stage.path(),
                stage.journal()
            ),
        );
        stage.tell_journal(1);
        stage.tell_ring(1);
        let mut log = Log::new(&sshd.path("app.log"));
        log.write(1);
        let exec = over(&sshd).await;
        let mut follows: Vec<Box<dyn Follow>> = Vec::new();
        let mut words = vec!["journalctl -o json", "pilothouse-tail"];
        let mut specs = vec![demo(), file(&log.path)];
        if Ring::of(sh) == Ring::Played || fs::File::open("/dev/kmsg").is_ok() {
            specs.push(SourceSpec::Kernel);
            words.push("pilothouse-follow dd");
        }
        for spec in specs {
            let opened = follow::open(Arc::clone(&exec), &spec, from(StartAt::Tail(1))).await;
            let mut follow = opened.unwrap();
            let mut heard = Heard::default();
            if let SourceSpec::File(_) = spec {
                // What there is already is read before the file is followed.
                heard.silence(&mut *follow).await;
            } else {
                heard.event(timeout(LONG, follow.next()).await.unwrap());
            }
            assert_eq!(heard.lines.len(), 1, "{sh}, {spec}: {heard:?}");
            follows.push(follow);
        }
        let runs = stage.left();
        for words in words {
            assert!(
                runs.values().any(|run| run.contains(words)),
                "{sh}: no {words} in {runs:#?}"
            );
        }
        assert!(drop_sessions(&sshd) > 0);
        stage.all_gone().await;
    }
}
