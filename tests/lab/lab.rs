//! The lab as a test sees it: what `tests/lab/up` wrote down, and the script that does to a host what happens to machines.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

use pilothouse::clock::Clock;
use serde_json::Value;

/// The lab that is up.
pub(crate) struct Lab {
    settings: HashMap<String, String>,
}

/// One line of the lab's list of hosts.
pub(crate) struct LabHost {
    pub(crate) name: String,
    pub(crate) shell: String,
    pub(crate) gpu: String,
    pub(crate) way_in: String,
}

impl Lab {
    /// The lab that `PILOTHOUSE_LAB` names.
    pub(crate) fn open() -> Self {
        let file = std::env::vars()
            .find_map(|(name, value)| (name == "PILOTHOUSE_LAB").then_some(value))
            .expect("PILOTHOUSE_LAB is not set: start the lab with tests/lab/up and set it to tests/lab/run/lab.env");
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|why| panic!("{file}: {why}; is the lab up (tests/lab/up)?"));
        let settings = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect();
        Self { settings }
    }

    /// One line of `lab.env`.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings
            .get(name)
            .unwrap_or_else(|| panic!("lab.env has no {name}"))
    }

    /// Every host, in the order of the configuration.
    pub(crate) fn hosts(&self) -> Vec<LabHost> {
        fs::read_to_string(self.setting("LAB_HOSTS"))
            .unwrap()
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                LabHost {
                    name: words[0].into(),
                    shell: words[4].into(),
                    gpu: words[5].into(),
                    way_in: words[6].into(),
                }
            })
            .collect()
    }

    /// A command that finds the lab's agent and nobody else's.
    #[expect(
        clippy::disallowed_methods,
        reason = "a lab test drives programs from outside"
    )]
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SSH_AUTH_SOCK", self.setting("SSH_AUTH_SOCK"));
        command
    }

    /// What OpenSSH makes of one host of the lab.
    pub(crate) fn ssh(&self, host: &str, command: &str) -> Output {
        self.command("ssh")
            .args(["-o", "BatchMode=yes", "-F", self.setting("LAB_SSH_CONFIG")])
            .args([&format!("lab-{host}"), command])
            .output()
            .unwrap()
    }

    /// One order to the lab's container engine, as a login of h200 gives it; what the engine answers after its head.
    ///
    /// In the HTTP of old, whose answer ends with the connection.
    pub(crate) fn engine(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let socket = self.setting("LAB_DOCKER");
        assert_ne!(
            socket, "none",
            "the lab has no container engine: start it as root or with sudo"
        );
        let mut ssh = self
            .command("ssh")
            .args(["-o", "BatchMode=yes", "-F", self.setting("LAB_SSH_CONFIG")])
            .args(["lab-h200", "socat", "-t", "0.1"])
            .args(["-,ignoreeof", &format!("UNIX-CONNECT:{socket}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let size = body.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n{body}"
        );
        let mut stdin = ssh.stdin.take().unwrap();
        stdin.write_all(request.as_bytes()).unwrap();
        let answer = ssh.wait_with_output().unwrap().stdout;
        drop(stdin);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("{method} {path}: no answer"));
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let said = answer[end + 4..].to_vec();
        let status = head.split(' ').nth(1).unwrap_or_default();
        assert!(
            status.starts_with('2') || (method, status) == ("DELETE", "404"),
            "{method} {path}: {head} {}",
            String::from_utf8_lossy(&said)
        );
        said
    }

    /// The lab's container engine and the sessions of `boxes`, for one test at a time.
    pub(crate) fn alone(&self) -> File {
        let lock = format!("{}.lock", self.setting("LAB_CONFIG"));
        let lock = File::create(lock).unwrap();
        lock.lock().unwrap();
        lock
    }

    /// The one host of the lab whose sshd dies and comes back, for one test at a time.
    pub(crate) fn flappy(&self) -> File {
        let lock = format!("{}.flappy.lock", self.setting("LAB_CONFIG"));
        let lock = File::create(lock).unwrap();
        lock.lock().unwrap();
        lock
    }

    /// Does to a host what happens to machines: `kill`, `drop`, `start`, `wedge`, `release`.
    pub(crate) fn host(&self, verb: &str, name: &str) {
        let done = self
            .command(self.setting("LAB_HOST_SCRIPT"))
            .args([verb, name])
            .output()
            .unwrap();
        assert!(done.status.success(), "{verb} {name}: {done:?}");
    }
}

/// The hypervisor of the lab and its one machine, `guest`, for one test at a time.
pub(crate) struct Hypervisor<'a> {
    lab: &'a Lab,
    _alone: File,
}

impl Lab {
    /// Puts on the hypervisor what `pilothouse power install` prints, and gives the machine power and health.
    pub(crate) fn hypervisor(&self) -> Hypervisor<'_> {
        let lock = format!("{}.lock", self.setting("LAB_POWER"));
        let lock = File::create(lock).unwrap();
        lock.lock().unwrap();
        let public = format!("{}.pub", self.setting("LAB_POWER_KEY"));
        let printed = self
            .command(env!("CARGO_BIN_EXE_pilothouse"))
            .args(["--config", self.setting("LAB_POWER"), "--json"])
            .args(["power", "install", "--target", self.setting("LAB_MACHINE")])
            .args(["--from", self.setting("LAB_POWER_FROM"), "--key", &public])
            .output()
            .unwrap();
        assert!(printed.status.success(), "{printed:?}");
        let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
        let part = |name: &str| printed[name].as_str().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let (script, line) = (folder.path().join("script"), folder.path().join("line"));
        fs::write(&script, part("script")).unwrap();
        fs::write(&line, part("authorized_keys") + "\n").unwrap();
        let done = self
            .command(self.setting("LAB_HOST_SCRIPT"))
            .args(["install".as_ref(), script.as_os_str(), line.as_os_str()])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        let hypervisor = Hypervisor {
            lab: self,
            _alone: lock,
        };
        hypervisor.ail("");
        self.host("start", "guest");
        hypervisor
    }
}

impl Hypervisor<'_> {
    /// What it answers to whatever is sent, and its exit status.
    pub(crate) fn send(&self, words: &[&str]) -> (String, Option<i32>) {
        let sent = self
            .lab
            .command("ssh")
            .args([
                "-o",
                "BatchMode=yes",
                "-F",
                self.lab.setting("LAB_SSH_CONFIG"),
            ])
            .arg("lab-pve")
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(sent.stdout).unwrap();
        (text, sent.status.code())
    }

    /// Sends a verb that changes something; the name of its operation.
    pub(crate) fn begin(&self, verb: &str) -> String {
        let (said, code) = self.send(&[verb]);
        let begun = said.lines().find_map(|line| line.strip_prefix("begun "));
        let begun = begun.unwrap_or_else(|| panic!("{verb} was not begun ({code:?}): {said}"));
        begun.to_owned()
    }

    /// Asks until an operation has ended: how, in the words of the script.
    pub(crate) fn end_of(&self, operation: &str) -> String {
        let clock = Clock::system();
        loop {
            let (said, _) = self.send(&["status"]);
            let line = said
                .lines()
                .find_map(|line| line.strip_prefix(&format!("operation {operation} ")))
                .unwrap_or_else(|| panic!("it does not know {operation}: {said}"));
            let how = line.splitn(3, ' ').nth(2).unwrap();
            if !how.starts_with("running") {
                return how.to_owned();
            }
            assert!(clock.at().0 < 90_000, "{operation} has no end: {said}");
        }
    }

    /// Every call of its `qm`, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        let log = format!("{}/vm/qm.log", self.lab.setting("LAB_GROUND"));
        let text = fs::read_to_string(log).unwrap_or_default();
        let calls = text.lines().filter_map(|line| line.split_once(' '));
        calls.map(|(_, call)| call.to_owned()).collect()
    }

    /// Of its calls since then, those that change something.
    pub(crate) fn changes(&self, from: usize) -> Vec<String> {
        let calls = self.calls().split_off(from);
        let changes = |call: &String| {
            ["start", "stop", "reset", "unlock"]
                .iter()
                .any(|verb| call.starts_with(verb))
        };
        calls.into_iter().filter(changes).collect()
    }

    /// Makes the machine ill, or well without a word.
    pub(crate) fn ail(&self, ill: &str) {
        let done = self
            .lab
            .command(self.lab.setting("LAB_HOST_SCRIPT"))
            .args(["ail", "guest", ill])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// Which boot of the machine this is, once it can be reached.
    pub(crate) fn boot(&self) -> String {
        let clock = Clock::system();
        loop {
            let seen = self.lab.ssh("guest", "cat /proc/sys/kernel/random/boot_id");
            if seen.status.success() {
                return String::from_utf8(seen.stdout).unwrap().trim().to_owned();
            }
            assert!(clock.at().0 < 60_000, "it can't be reached: {seen:?}");
        }
    }
}

impl Drop for Hypervisor<'_> {
    /// Whatever became of the test, the next one meets a machine that runs.
    fn drop(&mut self) {
        for words in [
            ["ail", "guest", ""],
            ["kill", "guest", ""],
            ["start", "guest", ""],
        ] {
            let done = self
                .lab
                .command(self.lab.setting("LAB_HOST_SCRIPT"))
                .args(words)
                .output();
            let fine = done.is_ok_and(|done| done.status.success());
            assert!(
                fine || words[0] == "kill" || thread::panicking(),
                "{words:?}"
            );
        }
    }
}
