//! This machine as a host of its own: another `sh`, another home, and a cache of the hub in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;

pub(super) const KINDS: [&str; 4] = ["dash", "bash", "busybox", "zsh"];

/// A host whose `sh` is of this kind.
pub(super) struct Host {
    pub(super) folder: tempfile::TempDir,
    exec: LocalExec,
    env: Vec<String>,
    /// Words before each of its commands.
    pub(super) before: OnceLock<Vec<String>>,
    /// Commands that it was given.
    pub(super) asked: AtomicUsize,
}

impl Host {
    pub(super) fn new(sh: &str) -> Arc<Self> {
        Self::with(sh, &[])
    }

    /// With these in its environment beside `PATH` and `HOME`.
    pub(super) fn with(sh: &str, env: &[&str]) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(Path::new("/usr/bin").join(sh), bin.join("sh")).unwrap();
        let path = match sh {
            "busybox" => {
                // Its own tools too, as on a machine that has no others.
                for tool in [
                    "stat",
                    "df",
                    "head",
                    "grep",
                    "sort",
                    "sed",
                    "tr",
                    "ls",
                    "date",
                    "tail",
                    "awk",
                    "sleep",
                    "cat",
                    "mkdir",
                    "mv",
                    "rm",
                    "ln",
                    "sha256sum",
                    "sha1sum",
                    "cut",
                    "find",
                    "dirname",
                ] {
                    symlink("/usr/bin/busybox", bin.join(tool)).unwrap();
                }
                format!("{}:/usr/bin:/bin", bin.display())
            }
            _ => format!("{}:/usr/bin:/bin", bin.display()),
        };
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let mut all = vec![
            "-i".to_owned(),
            format!("PATH={path}"),
            format!("HOME={}", home.display()),
        ];
        all.extend(env.iter().map(|&pair| pair.to_owned()));
        Arc::new(Self {
            folder,
            exec: LocalExec::new(Tasks::new()),
            env: all,
            before: OnceLock::new(),
            asked: AtomicUsize::new(0),
        })
    }

    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(super) fn hub(&self) -> PathBuf {
        self.home().join(".cache/huggingface/hub")
    }

    /// From now on this is a program of it.
    pub(super) fn program(&self, name: &str, text: &str) {
        let file = self.folder.path().join("bin").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What begins each of its commands.
    pub(super) fn words(&self) -> Vec<String> {
        let before = self.before.get().into_iter().flatten().cloned();
        let env = std::iter::once("/usr/bin/env".to_owned());
        before.chain(env).chain(self.env.iter().cloned()).collect()
    }

    fn line(&self, command: &ShellCommand) -> ShellCommand {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let words = self.words();
        let mut words = words.iter().map(|word| ShellWord::new(word).unwrap());
        let first = ShellCommand::from_word(words.next().unwrap());
        words
            .fold(first, ShellCommand::word)
            .command(command.clone())
    }
}

#[async_trait]
impl Exec for Host {
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

/// The commit of every snapshot here.
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A repository in a cache, as the hub's own programs lay it out. Each file is named and filled.
pub(super) fn cached(hub: &Path, folder: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let at = hub.join(folder);
    let snapshot = at.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(at.join("blobs")).unwrap();
    fs::create_dir_all(at.join("refs")).unwrap();
    fs::write(at.join("refs/main"), COMMIT).unwrap();
    for (number, (name, content)) in files.iter().enumerate() {
        let blob = format!("{number:040x}");
        fs::write(at.join("blobs").join(&blob), content).unwrap();
        let link = snapshot.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let up = "../".repeat(2 + name.matches('/').count());
        symlink(format!("{up}blobs/{blob}"), link).unwrap();
    }
    at
}

/// Everything below, as it would be if nobody had touched it for a day.
pub(super) fn age(path: &Path) {
    let then = SystemTime::now() - Duration::from_hours(24);
    let mut todo = vec![path.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        fs::File::open(&path).unwrap().set_modified(then).unwrap();
    }
}
