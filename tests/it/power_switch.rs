//! The way to the switch before it is needed: `doctor` asks it and tells each lack with its mend, and a key that nobody knows is
//! put to the person at the terminal.

#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the program itself"
)]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::console::Console;
use crate::power::stage::Stage;
use crate::sshd::{self, Sshd, free_port, keygen};

/// A hypervisor with a key for each way to set it up.
struct Place {
    stage: Stage,
    sshd: Sshd,
    hosts: String,
}

impl Place {
    fn new() -> Self {
        let stage = Stage::new("dash");
        let sshd = Sshd::start();
        // Writes known_hosts.
        sshd.target();
        fs::write(sshd.path("authorized_keys"), "").unwrap();
        fs::write(sshd.path("strange_hosts"), "").unwrap();
        Self {
            stage,
            sshd,
            hosts: String::new(),
        }
    }

    /// A host whose switch is a key of its own, with this line there.
    fn host(&mut self, name: &str, line: impl FnOnce(String) -> String) {
        let more = format!("known_hosts: {}", self.path("known_hosts"));
        self.host_at(name, self.sshd.port, &more, line);
    }

    fn host_at(&mut self, name: &str, port: u16, more: &str, line: impl FnOnce(String) -> String) {
        let key = self.sshd.path(name);
        keygen(&["-t", "ed25519", "-f", &sshd::arg(&key)]);
        let file = self.sshd.path("authorized_keys");
        let mut lines = fs::read_to_string(&file).unwrap();
        lines.push_str(&line(self.stage.line(&sshd::public(&key), "127.0.0.1")));
        fs::write(&file, lines).unwrap();
        let host = format!(
            "  - name: {name}\n    address: 127.0.0.1\n    port: {}\n    ssh_config: false\n    power:\n      \
             host: {}@127.0.0.1:{port}\n      identity: {}\n      {more}\n",
            free_port(),
            sshd::whoami(),
            key.display(),
        );
        self.hosts.push_str(&host);
    }

    fn path(&self, name: &str) -> String {
        self.sshd.path(name).display().to_string()
    }

    fn config(&self) -> String {
        let path = self.sshd.path("config.yaml");
        fs::write(&path, format!("hosts:\n{}", self.hosts)).unwrap();
        path.display().to_string()
    }

    fn run(&self, words: &[&str]) -> Output {
        let home = tempfile::tempdir().unwrap();
        Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(["--config", &self.config()])
            .args(words)
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What doctor says of the switch of each host: state, words and mend.
    fn doctor(&self) -> impl Fn(&str) -> (String, String, String) {
        let ran = self.run(&["doctor", "--json"]);
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
        move |host: &str| {
            let id = format!("switch.{host}");
            let mut checks = told["checks"].as_array().unwrap().iter();
            let check = checks
                .find(|check| check["id"] == *id)
                .unwrap_or_else(|| panic!("no {id} in {told:#}"));
            let word = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            (word("state"), word("what"), word("mend"))
        }
    }

    fn fingerprint(&self) -> String {
        let told = keygen(&["-l", "-f", &self.path("host.pub")]);
        told.split_whitespace().nth(1).unwrap().to_owned()
    }

    fn strange(&self) -> PathBuf {
        self.sshd.path("strange_hosts")
    }
}

#[test]
fn doctor_asks_every_switch_and_tells_what_each_lacks() {
    let mut place = Place::new();
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let script = place.stage.installed.script_path.clone();
    let strange = format!("known_hosts: {}", place.path("strange_hosts"));
    let port = place.sshd.port;
    place.host("fine", |line| line);
    place.host("locked-out", |_| String::new());
    place.host("empty", |line| {
        line.replace(&script, "/nowhere/pilothouse-power")
    });
    place.host("wrong", |line| line.replace(" 102\"", " 999\""));
    place.host("old", |line| {
        line.replace(
            &format!("{script} 102"),
            "echo pilothouse-power 0; echo end 0",
        )
    });
    place.host_at("new", port, &strange, |line| line);
    let refuse = format!("{strange}\n      host_keys: refuse");
    place.host_at("strict", port, &refuse, |line| line);
    place.host_at(
        "silent",
        silent.local_addr().unwrap().port(),
        &strange,
        |line| line,
    );

    let begun = Instant::now();
    let told = place.doctor();
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "all at once: {:?}",
        begun.elapsed()
    );
    let fingerprint = place.fingerprint();
    for (host, state, what, mend) in [
        ("fine", "PASS", "machine 102 is stopped", ""),
        (
            "locked-out",
            "FAIL",
            "does not take our key",
            "`pilothouse power install` prints",
        ),
        ("empty", "FAIL", "no pilothouse-power", "power install"),
        (
            "wrong",
            "FAIL",
            "'nodes/lab/qemu-server/999.conf' does not exist",
            "qm list",
        ),
        (
            "old",
            "FAIL",
            "speaks version 0",
            "install the script again",
        ),
        (
            "new",
            "FAIL",
            &fingerprint,
            "`pilothouse power new status` at a terminal",
        ),
        ("strict", "FAIL", &fingerprint, "ssh-keygen -lf"),
        ("silent", "FAIL", "no answer within 5 s", "firewall"),
    ] {
        let (was, said, mended) = told(host);
        assert_eq!(was, state, "{host}: {said}");
        assert!(said.contains(what), "{host}: {said}");
        assert!(mended.contains(mend), "{host}: {mended}");
        assert_eq!(mended.is_empty(), state == "PASS", "{host}: {mended}");
    }
    assert_eq!(fs::read_to_string(place.strange()).unwrap(), "");
    let calls = place.stage.read("calls");
    assert!(
        calls.lines().all(|call| call.starts_with("status ")),
        "{calls}"
    );
}

#[test]
fn doctor_warns_of_two_hosts_with_one_machine() {
    let mut place = Place::new();
    place.host("left", |line| line);
    place.host("right", |line| line);
    let told = place.doctor();
    for (host, other) in [("left", "right"), ("right", "left")] {
        let (state, what, mend) = told(host);
        assert_eq!(state, "WARN", "{what}");
        assert!(what.contains(&format!("the switch of {other}")), "{what}");
        assert!(mend.contains("--target"), "{mend}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_refused_where_nobody_can_compare_it() {
    let mut place = Place::new();
    let strange = format!("known_hosts: {}", place.path("strange_hosts"));
    place.host_at("new", place.sshd.port, &strange, |line| line);
    for words in [
        &["power", "new", "status"][..],
        &["power", "new", "start", "--yes", "new"],
    ] {
        let ran = place.run(words);
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(4), "{err}");
        assert!(err.contains(&place.fingerprint()), "{err}");
        assert!(
            err.contains("run `pilothouse power new status` at one"),
            "{err}"
        );
    }
    assert_eq!(fs::read_to_string(place.strange()).unwrap(), "");
    assert_eq!(place.stage.read("calls"), "");
}

#[test]
fn a_person_at_a_terminal_compares_the_key_and_trusts_it_once() {
    let mut place = Place::new();
    let strange = format!("known_hosts: {}", place.path("strange_hosts"));
    place.host_at("new", place.sshd.port, &strange, |line| line);
    let config = place.config();
    let words = ["--config", &config, "power", "new", "status"];
    for (answer, code) in [("no", 4), ("", 4), ("yes", 0)] {
        let mut console = Console::open(&words, &[]);
        // Over the end of a line.
        let asked = console.shows("type yes to trust it");
        assert!(asked.contains(&place.fingerprint()), "{asked}");
        assert_eq!(fs::read_to_string(place.strange()).unwrap(), "");
        console.press(&format!("{answer}\r"));
        assert_eq!(console.ends(), code, "{answer:?}");
    }
    let known = fs::read_to_string(place.strange()).unwrap();
    assert!(known.contains(&place.sshd.public("host")), "{known}");
    let ran = place.run(&["power", "new", "status"]);
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "new stopped\n");
}
