//! The power switch when everything else is broken: in each set-up the verb reaches a real sshd with the forced-command key at once.
//!
//! Each prints its figure as `power|SET-UP|MILLISECONDS`, from before the program starts, or before the last key of the
//! confirmation, until the far side has the verb. `tests/bench/run power` collects them.

#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the program and the far side itself"
)]

use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pilothouse::clock::Clock;
use pilothouse::power::Installation;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode};

use crate::power::stage::Stage;
use crate::sshd::{self, Sshd};

/// From the confirmation until the verb is there.
const BOUND: Duration = Duration::from_secs(2);

/// The name of the machine that hangs.
pub(crate) const SICK: &str = "sick";

/// A hypervisor: a real sshd whose one key can do nothing but run the script that is installed for it.
pub(crate) struct Hypervisor {
    // Held so that the machine stays there.
    _stage: Stage,
    sshd: Sshd,
    /// Takes connections and says nothing, as a machine does that hangs.
    sick: TcpListener,
    /// Has a byte for every verb that has arrived: whoever waits for one leaves the processor to those who bring it.
    bell: File,
}

impl Hypervisor {
    pub(crate) fn start() -> Self {
        let stage = Stage::new("dash");
        stage.act("start");
        let folder = tempfile::tempdir().unwrap();
        sshd::prepare(folder.path());
        authorize(&stage.installed, folder.path());
        let bell = folder.path().join("bell");
        rustix::fs::mknodat(CWD, &bell, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let bell = File::options().read(true).write(true).open(bell).unwrap();
        // A login shell there reads nothing of whoever runs the tests: what that takes is not ours to measure.
        let more = "DisableForwarding yes\nPermitTunnel no\nSetEnv HOME={}";
        Self {
            _stage: stage,
            sshd: Sshd::in_folder(folder, more),
            sick: TcpListener::bind(("127.0.0.1", 0)).unwrap(),
            bell,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.sshd.path(name)
    }

    /// The sick machine and its switch, as a configuration lists them.
    pub(crate) fn host(&self) -> String {
        self.sshd.target();
        format!(
            "  - name: {SICK}\n    address: 127.0.0.1\n    port: {}\n    user: nobody\n    ssh_config: false\n    identity: {id}\n    \
             power:\n      host: {user}@127.0.0.1:{port}\n      identity: {id}\n      known_hosts: {known}\n      host_keys: refuse\n",
            self.sick.local_addr().unwrap().port(),
            id = self.path("id").display(),
            user = sshd::whoami(),
            port = self.sshd.port,
            known = self.path("known_hosts").display(),
        )
    }

    /// Writes a configuration with the sick machine and more of everything; its path.
    pub(crate) fn config(&self, top: &str, hosts: &str) -> String {
        let path = self.path("config.yaml");
        let text = format!("{top}\nhosts:\n{}{hosts}", self.host());
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// When each verb arrived, in milliseconds since the epoch.
    pub(crate) fn arrivals(&self, verb: &str) -> Vec<u128> {
        let text = fs::read_to_string(self.path("arrivals")).unwrap_or_default();
        let of_verb = |line: &str| {
            let (nanoseconds, word) = line.split_once(' ')?;
            (word == verb).then(|| nanoseconds.parse::<u128>().unwrap() / 1_000_000)
        };
        text.lines().filter_map(of_verb).collect()
    }

    /// Waits for a verb, whichever, for so long.
    fn rings(&mut self, patience: Duration) -> bool {
        let left = Timespec::try_from(patience).unwrap();
        let rung = poll(&mut [PollFd::new(&self.bell, PollFlags::IN)], Some(&left));
        rung.unwrap() > 0 && self.bell.read(&mut [0; 1]).unwrap() == 1
    }

    /// Waits until a verb has arrived, tells how long after `begun` that was, and holds it against the bound.
    #[expect(clippy::print_stdout, reason = "the figure is collected by a bench")]
    pub(crate) fn assert_reached(&mut self, set_up: &str, verb: &str, begun: u128) {
        let clock = Clock::system();
        let arrived = loop {
            if let Some(arrived) = self.arrivals(verb).first() {
                break *arrived;
            }
            let left = Duration::from_secs(30).saturating_sub(Duration::from_millis(clock.at().0));
            assert!(self.rings(left), "{set_up}: {verb} never arrived");
        };
        let took = arrived.saturating_sub(begun);
        println!("power|{set_up}|{took}");
        assert!(took <= BOUND.as_millis(), "{set_up}: {took} ms");
        assert_eq!(self.arrivals(verb).len(), 1, "{set_up}: sent once");
    }
}

/// The line that `pilothouse power install` prints, for the key of this sshd, with something before the script that writes down
/// what comes and when.
fn authorize(installed: &Installation, folder: &Path) {
    let recorder = folder.join("recorder");
    let script = &installed.script_path;
    let text = format!(
        "#!/bin/sh\nprintf '%s %s\\n' \"$(date +%s%N)\" \"$SSH_ORIGINAL_COMMAND\" >>{}\nprintf . 1<>{}\n\
         exec {script} \"$@\"\n",
        folder.join("arrivals").display(),
        folder.join("bell").display(),
    );
    program(&recorder, &text);
    let (options, _) = installed.authorized_keys_line.split_once(" ssh-").unwrap();
    let options = options.replace(script, &recorder.display().to_string());
    assert!(options.starts_with("restrict,from="), "{options}");
    assert!(options.contains("recorder"), "{options}");
    let line = format!("{options} {}\n", sshd::public(&folder.join("id")));
    fs::write(folder.join("authorized_keys"), line).unwrap();
}

pub(crate) fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    sshd::chmod(path, 0o755);
}

/// Milliseconds since the epoch, as the far side counts them.
pub(crate) fn now() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis()
}

/// The program, with a state of its own in this folder.
fn pilothouse(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
    at_home(&mut command, state);
    command
}

fn at_home(command: &mut Command, state: &Path) {
    command
        .env("XDG_STATE_HOME", state.join("state"))
        .env("XDG_DATA_HOME", state.join("data"))
        .env("XDG_CONFIG_HOME", state.join("config"))
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null());
}

/// The words of the verb that all of this is about.
fn cycle(config: &str) -> [&str; 8] {
    [
        "--config", config, "power", SICK, "cycle", "--now", "--yes", SICK,
    ]
}

/// Runs the verb until it has arrived; what it does afterwards is another matter.
fn assert_cycles(hypervisor: &mut Hypervisor, set_up: &str, command: &mut Command) {
    let begun = now();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Ended(child);
    hypervisor.assert_reached(set_up, "cycle", begun);
    child.0.kill().unwrap();
}

/// A child that does not outlive its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// Whether this machine lets one have namespaces: a root that may.
fn namespaces(kinds: &[&str]) -> bool {
    let tried = Command::new("unshare").args(kinds).arg("true").output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// A ledger that can't be written refuses the act in words, and takes it with the word that says so.
fn assert_cycles_only_without_ledger(
    hypervisor: &mut Hypervisor,
    set_up: &str,
    command: impl Fn(&[&str]) -> Command,
) {
    let config = hypervisor.config("", "");
    let refused = command(&cycle(&config)).output().unwrap();
    assert_eq!(
        refused.status.code(),
        Some(3),
        "{set_up}: {}",
        said(&refused)
    );
    assert!(said(&refused).contains("--no-ledger"), "{}", said(&refused));
    assert_eq!(hypervisor.arrivals("cycle"), Vec::<u128>::new(), "{set_up}");
    let words = [&cycle(&config)[..], &["--no-ledger"]].concat();
    assert_cycles(hypervisor, set_up, &mut command(&words));
}

#[test]
fn nothing_is_broken_but_the_machine() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let config = hypervisor.config("", "");
    let mut command = pilothouse(state.path());
    assert_cycles(
        &mut hypervisor,
        "the machine alone",
        command.args(cycle(&config)),
    );
}

#[test]
fn without_dns() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let hosts: Vec<String> = (1..=5)
        .map(|n| {
            format!("  - name: named-{n}\n    address: host-{n}.example\n    ssh_config: false\n")
        })
        .collect();
    let config = hypervisor.config("", &hosts.concat());
    // A name server that swallows every question.
    let resolv = state.path().join("resolv.conf");
    fs::write(&resolv, "nameserver 192.0.2.1\n").unwrap();
    let mut command = if namespaces(&["--mount"]) {
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "sh",
            "-c",
            "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"",
        ]);
        command.arg(&resolv).arg(env!("CARGO_BIN_EXE_pilothouse"));
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_pilothouse"))
    };
    at_home(&mut command, state.path());
    assert_cycles(&mut hypervisor, "no DNS", command.args(cycle(&config)));
}

#[test]
fn without_internet() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let hosts: Vec<String> = (1..=5)
        .map(|n| format!("  - name: away-{n}\n    address: 203.0.113.{n}\n    ssh_config: false\n"))
        .collect();
    let config = hypervisor.config(
        "assistant:\n  base_url: https://203.0.113.99\n",
        &hosts.concat(),
    );
    let apart = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let mut command = if namespaces(&apart) {
        let mut command = Command::new("unshare");
        // Nothing but a loopback, and on it a second server of the same configuration.
        let script = "ip link set lo up && { /usr/sbin/sshd -D -f \"$0\" & } && \
            until grep -q ' 0A ' /proc/net/tcp; do :; done; \"$@\" & wait $!";
        command.args(apart).args(["sh", "-c", script]);
        command.arg(hypervisor.path("sshd_config"));
        command.arg(env!("CARGO_BIN_EXE_pilothouse"));
        command
    } else {
        // The addresses of the others lead nowhere all the same.
        Command::new(env!("CARGO_BIN_EXE_pilothouse"))
    };
    at_home(&mut command, state.path());
    assert_cycles(&mut hypervisor, "no internet", command.args(cycle(&config)));
}

#[test]
fn with_a_corrupt_database() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let config = hypervisor.config("", "");
    let folder = state.path().join("state/pilothouse");
    fs::create_dir_all(&folder).unwrap();
    let noise: Vec<u8> = (0..64 * 1024).map(|_| fastrand::u8(..)).collect();
    for name in ["history.db", "history.db-wal", "history.db-shm"] {
        fs::write(folder.join(name), &noise).unwrap();
    }
    let mut command = pilothouse(state.path());
    assert_cycles(
        &mut hypervisor,
        "corrupt database",
        command.args(cycle(&config)),
    );
}

#[test]
fn with_a_full_disk() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let full = |words: &[&str]| {
        let script = if namespaces(&["--mount"]) {
            "mount -t tmpfs -o size=64k full \"$0\" && { cat /dev/zero >\"$0/rest\" 2>/dev/null; exec \"$@\"; }"
        } else {
            // No file may get any longer.
            "trap '' XFSZ; ulimit -f 0; exec \"$@\""
        };
        let program: &[&str] = if namespaces(&["--mount"]) {
            &["unshare", "--mount"]
        } else {
            &["env"]
        };
        let mut command = Command::new(program[0]);
        command
            .args(&program[1..])
            .args(["sh", "-c", script])
            .arg(state.path());
        command.arg(env!("CARGO_BIN_EXE_pilothouse")).args(words);
        at_home(&mut command, state.path());
        command
    };
    assert_cycles_only_without_ledger(&mut hypervisor, "disk full", full);
}

#[test]
fn with_a_state_directory_that_can_only_be_read() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let read_only = |words: &[&str]| {
        let mut command = if namespaces(&["--mount"]) {
            let mut command = Command::new("unshare");
            let script =
                "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"";
            command
                .args(["--mount", "sh", "-c", script])
                .arg(state.path());
            command.arg(env!("CARGO_BIN_EXE_pilothouse"));
            command
        } else {
            sshd::chmod(state.path(), 0o555);
            Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        };
        command.args(words);
        at_home(&mut command, state.path());
        command
    };
    assert_cycles_only_without_ledger(&mut hypervisor, "read-only state directory", read_only);
    sshd::chmod(state.path(), 0o755);
}

#[test]
fn with_nineteen_of_twenty_hosts_dead() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let hosts: Vec<String> = (1..=19)
        .map(|n| {
            // Half of them refuse, half of them swallow everything.
            let address = if n % 2 == 0 {
                format!("127.0.0.{n}\n    port: 9")
            } else {
                format!("192.0.2.{n}")
            };
            format!("  - name: dead-{n}\n    address: {address}\n    ssh_config: false\n")
        })
        .collect();
    let config = hypervisor.config("", &hosts.concat());
    let mut command = pilothouse(state.path());
    assert_cycles(
        &mut hypervisor,
        "19 of 20 hosts dead",
        command.args(cycle(&config)),
    );
}

#[test]
fn with_a_config_that_has_unknown_keys() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let top = "fleeet: home\nthem: dark\narming:\n  minuets: 3\n  minutes: never\nassistant: 7\n";
    let hosts = "  - nam: nobody\n  - name: odd\n    adress: 192.0.2.9\n    powr: {}\n";
    let config = hypervisor.config(top, hosts);
    let mut command = pilothouse(state.path());
    assert_cycles(
        &mut hypervisor,
        "config with unknown keys",
        command.args(cycle(&config)),
    );
}

#[test]
fn with_a_clock_that_jumps() {
    let mut hypervisor = Hypervisor::start();
    let state = tempfile::tempdir().unwrap();
    let config = hypervisor.config("", "");
    let library = state.path().join("jump.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/clock_jump.c");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .expect("cc is missing: install gcc (tests/run does)");
    assert!(made.status.success(), "{}", said(&made));
    // Back by a year at its seventh look, and on by a year before that.
    let mut command = pilothouse(state.path());
    command.env("LD_PRELOAD", &library);
    assert_cycles(
        &mut hypervisor,
        "clock jumped",
        command.args(cycle(&config)),
    );
}
