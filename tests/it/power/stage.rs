//! A hypervisor of our own: the script as it is installed, a stand-in for `qm`, and a machine that is a real process.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use pilothouse::power::protocol::{self, Answer};
use pilothouse::power::{HostLayout, Installation, OperationState, install};
use tempfile::TempDir;

use crate::sshd::chmod;

/// Any key: the line is only parsed where no sshd reads it.
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here";

pub(crate) const SHELLS: [&str; 3] = ["dash", "bash", "busybox"];

/// A hypervisor with the machine 102 on it, off.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) shell: PathBuf,
    pub(crate) installed: Installation,
    layout: HostLayout,
}

impl Stage {
    pub(crate) fn new(shell: &str) -> Self {
        Self::with(shell, |_| ())
    }

    pub(crate) fn with(shell: &str, change: impl FnOnce(&mut HostLayout)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        for name in ["bin", "run", "vm/102", "sh"] {
            fs::create_dir_all(here.join(name)).unwrap();
        }
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/power/qm");
        symlink(lab, here.join("bin/qm")).unwrap();
        fs::copy("/usr/bin/dash", here.join("bin/qemu-system-x86_64")).unwrap();
        let sh = here.join("sh/sh");
        symlink(Path::new("/usr/bin").join(shell), &sh).unwrap();
        let mut layout = HostLayout {
            script: text(&here.join("pilothouse-power")),
            shell: text(&sh),
            path: format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", text(&here.join("bin"))),
            states: text(&here.join("states")),
            logs: text(&here.join("logs")),
            pids: text(&here.join("run")),
            budget: Duration::from_secs(2),
            step: Duration::from_millis(500),
            wait: Duration::from_secs(2),
            ..HostLayout::default()
        };
        change(&mut layout);
        let from = ["127.0.0.1".to_owned()];
        let installed = install("102", &from, KEY, &layout).unwrap();
        fs::write(&installed.script_path, &installed.script).unwrap();
        chmod(Path::new(&installed.script_path), 0o755);
        Self {
            folder,
            shell: sh,
            installed,
            layout,
        }
    }

    /// The line for `authorized_keys` that lets this key in from these addresses.
    pub(crate) fn line(&self, key: &str, from: &str) -> String {
        let installed = install("102", &[from.to_owned()], key, &self.layout).unwrap();
        format!("{}\n", installed.authorized_keys_line)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a switch of the machine 102.
    pub(crate) fn switch(&self, name: &str, value: &str) {
        fs::write(self.path("vm/102").join(name), value).unwrap();
    }

    pub(crate) fn unswitch(&self, name: &str) {
        fs::remove_file(self.path("vm/102").join(name)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn log(&self) -> String {
        self.read("logs/102.log")
    }

    /// How often the machine was started, and whether its process is there.
    pub(crate) fn boots(&self) -> usize {
        self.read("vm/102/boots").lines().count()
    }

    pub(crate) fn pid(&self) -> Option<i32> {
        let pid = self.read("run/102.pid").trim().parse().ok()?;
        is_there(pid).then_some(pid)
    }

    /// The script as sshd calls it.
    pub(crate) fn call(&self, sent: Option<&[u8]>) -> Command {
        use std::os::unix::ffi::OsStrExt as _;
        let mut command = Command::new(&self.installed.script_path);
        command
            .arg("102")
            .env("SSH_CONNECTION", "192.0.2.7 4711 192.0.2.1 22")
            .stdin(Stdio::null());
        if let Some(sent) = sent {
            command.env("SSH_ORIGINAL_COMMAND", std::ffi::OsStr::from_bytes(sent));
        }
        command
    }

    pub(crate) fn ask(&self, verb: &str) -> (Answer, Output) {
        let output = self.call(Some(verb.as_bytes())).output().unwrap();
        (protocol::parse(&output.stdout), output)
    }

    /// Sends a verb and waits until its operation ended.
    pub(crate) fn act(&self, verb: &str) -> OperationState {
        let (answer, output) = self.ask(verb);
        let id = answer
            .begun
            .unwrap_or_else(|| panic!("{verb}: {}", String::from_utf8_lossy(&output.stdout)));
        loop {
            let (answer, _) = self.ask("status");
            match &answer.operation(&id).unwrap().state {
                OperationState::Running(_) => std::thread::yield_now(),
                ended => return ended.clone(),
            }
        }
    }

    pub(crate) fn done(&self, verb: &str) {
        let ended = self.act(verb);
        let shell = text(&self.shell);
        assert_eq!(
            ended,
            OperationState::Done,
            "{shell}: {verb}: {}",
            self.notes()
        );
    }

    /// How the newest operation ended.
    pub(crate) fn newest_ended(&self) -> OperationState {
        loop {
            match self.ask("status").0.report.operation {
                Some(operation) if !matches!(operation.state, OperationState::Running(_)) => {
                    return operation.state;
                }
                _ => std::thread::yield_now(),
            }
        }
    }

    /// Waits until the stand-in was called with these words.
    pub(crate) fn until_called(&self, words: &str) {
        while !self.read("calls").lines().any(|line| line == words) {
            std::thread::yield_now();
        }
    }

    /// How often it was.
    pub(crate) fn called(&self, words: &str) -> usize {
        self.read("calls")
            .lines()
            .filter(|line| *line == words)
            .count()
    }

    /// Somebody at the hypervisor.
    pub(crate) fn qm(&self, words: &[&str]) {
        let status = Command::new(self.path("bin/qm")).args(words).status();
        assert!(status.unwrap().success());
    }

    /// What the newest operation wrote down.
    pub(crate) fn notes(&self) -> String {
        let mut ops: Vec<PathBuf> = fs::read_dir(self.path("states/102/ops"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        ops.sort();
        fs::read_to_string(ops.last().unwrap().join("log")).unwrap_or_default()
    }
}

impl Drop for Stage {
    /// Nothing of it is left: the machine, and whatever hangs on purpose.
    fn drop(&mut self) {
        let here = text(self.folder.path());
        for entry in fs::read_dir("/proc").unwrap() {
            let Ok(pid) = entry.unwrap().file_name().to_string_lossy().parse::<i32>() else {
                continue;
            };
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            let named = String::from_utf8_lossy(&words).contains(&here);
            if (named || exe.starts_with(&here)) && u32::try_from(pid) != Ok(std::process::id()) {
                end(pid);
            }
        }
    }
}

pub(crate) fn end(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // It may have ended by itself meanwhile.
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// Whether a process is there and has not ended.
pub(crate) fn is_there(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
