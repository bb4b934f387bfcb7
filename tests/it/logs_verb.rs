//! `pilothouse logs`, the real binary on this machine's files: what is printed, what is told aside, and how it ends.
#![allow(
    clippy::disallowed_methods,
    reason = "the test starts the program itself"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A person with an empty home and a log.
struct Person {
    home: tempfile::TempDir,
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Person {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let person = Self { home };
        person.write("2026-11-21T14:00:00Z INFO begun\n2026-11-21T14:00:01Z ERROR \x1b[31mbad\x1b[0m\x07 day\n");
        person
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn source(&self) -> String {
        format!("file:{}", self.log().display())
    }

    fn write(&self, text: &str) {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log());
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        command
            .arg("logs")
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TZ", "UTC")
            .env("TERM", "xterm-256color")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Follows the log; also its first two lines.
    fn follow(&self) -> (Child, BufReader<std::process::ChildStdout>) {
        let mut child = self
            .command(&["-f", "--raw", &self.source()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..2 {
            out.read_line(&mut String::new()).unwrap();
        }
        (child, out)
    }
}

#[test]
fn lines_are_printed_clean_chosen_and_as_objects() {
    let person = Person::new();
    let source = person.source();
    let all = person.run(&[&source]);
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    let lines: Vec<&str> = all.out.lines().collect();
    let [first, second] = lines.as_slice() else {
        panic!("{}", all.out);
    };
    assert!(
        first.ends_with(" | 2026-11-21T14:00:00Z INFO begun"),
        "{first}"
    );
    assert!(second.ends_with("ERROR bad␇ day"), "{second}");
    assert!(
        first.contains(&format!("14:00:00.000 local {source}")),
        "{first}"
    );

    let coloured = person.run(&["--raw", "--color", "always", "--level", "error", &source]);
    assert_eq!(
        coloured.out,
        "2026-11-21T14:00:01Z ERROR \x1b[0;31mbad\x1b[0m␇ day\n"
    );
    let none = person.run(&["--grep", "BEGUN", &source]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));

    let json = person.run(&["--json", "--tail", "1", &source]);
    let object: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(object["time"], "2026-11-21T14:00:01Z");
    assert_eq!(object["level"], "error");
    assert_eq!(object["text"], "2026-11-21T14:00:01Z ERROR bad␇ day");
}

#[test]
fn what_can_t_be_read_is_told_with_its_exit_code() {
    let person = Person::new();
    for (words, code, said) in [
        (&["vllm"][..], 2, "`vllm` is no source of log lines"),
        (&["file:/nowhere/log"], 1, "/nowhere/log"),
        (&["--since", "soon", "kernel"], 2, "`soon` is no moment"),
        (&["--grep", "(", "kernel"], 2, "no regular expression"),
        (&["no-such-host.invalid/kernel"], 4, "no-such-host.invalid"),
        (
            &["--until", "10m", "-f", "kernel"],
            2,
            "cannot be used with",
        ),
    ] {
        let ran = person.run(words);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (code, ""),
            "{words:?} {}",
            ran.err
        );
        assert!(ran.err.contains(said), "{words:?} {}", ran.err);
    }
    // One that can't be read does not keep the others back.
    let source = person.source();
    let both = person.run(&["file:/nowhere/log", &source]);
    assert_eq!(
        (both.code, both.out.lines().count()),
        (1, 2),
        "{}",
        both.err
    );
}

#[test]
fn it_follows_until_it_is_interrupted_or_its_reader_leaves() {
    let person = Person::new();
    let (mut child, mut out) = person.follow();
    person.write("later\n");
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "later\n");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let (mut child, out) = person.follow();
    drop(out);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_rotated_file_goes_on_in_the_new_one() {
    let person = Person::new();
    let (mut child, mut out) = person.follow();
    fs::rename(person.log(), person.home.path().join("log.1")).unwrap();
    person.write("new\n");
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "new\n");
    child.kill().unwrap();
    child.wait().unwrap();
}
