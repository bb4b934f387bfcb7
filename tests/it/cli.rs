//! The real binary, run as a person runs it: with its own XDG folders, and nothing of the machine's.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A person with an empty home.
struct Person {
    home: TempDir,
}

impl Person {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("config/pilothouse/config.yaml")
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test starts the program itself"
    )]
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("TERM", "dumb")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        Ran::from(self.command(words).output().unwrap())
    }
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[test]
fn help_is_written_for_a_newcomer() {
    let person = Person::new();
    for (name, words) in [
        ("help", &["--help"][..]),
        ("help_short", &["-h"]),
        ("help_config", &["config", "--help"]),
        ("help_config_print", &["config", "print", "--help"]),
        ("help_demo", &["demo", "--help"]),
        ("help_once", &["once", "--help"]),
        ("help_probe", &["probe", "--help"]),
        ("help_replay", &["replay", "--help"]),
        ("help_ledger", &["ledger", "--help"]),
        ("help_ledger_show", &["ledger", "show", "--help"]),
        ("help_doctor", &["doctor", "--help"]),
    ] {
        let ran = person.run(words);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words:?}");
        insta::assert_snapshot!(name, ran.out);
    }
    assert!(person.run(&["--version"]).out.starts_with("pilothouse 0."));
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_do() {
    let person = Person::new();
    for (words, told) in [
        (&["--perod", "1s"][..], "--period"),
        (&["--period", "1"], "write 500ms, 1s or 2m"),
        (&["config", "prnt"], "print"),
        (&["confg"], "did you mean `pilothouse config`?"),
        (&["confg", "print"], "ssh://confg"),
        (
            &["spark-1", "config", "path"],
            "`spark-1` stands before the verb",
        ),
        (
            &["--record", "x", "doctor"],
            "`--record` stands before the verb",
        ),
        (
            &["--config", "/nonexistent/fleet.yaml", "config", "print"],
            "can't be read: No such file",
        ),
        (&["--", "-oProxyCommand=x"], "begins with a dash"),
    ] {
        let ran = person.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{words:?}");
        assert!(ran.err.contains(told), "{words:?}: {}", ran.err);
    }
}

#[test]
fn a_configuration_begins_with_init_and_is_never_overwritten() {
    let person = Person::new();
    Person::write(
        &person.path(".ssh/config"),
        "Host spark-1 *.lan\n  User ops\nHost rtx\n",
    );
    let path = person.run(&["config", "path"]);
    assert_eq!(path.out.trim(), person.config().to_str().unwrap());

    let ran = person.run(&["config", "init"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, path.out);
    let mode = fs::metadata(person.config()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(person.config()).unwrap();
    assert!(text.contains("# - rtx\n  # - spark-1\n"), "{text}");
    assert_eq!(person.run(&["config", "validate"]).code, 0);

    let again = person.run(&["config", "init"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!(fs::read_to_string(person.config()).unwrap(), text);
}

#[test]
fn init_writes_through_no_link() {
    let person = Person::new();
    let victim = person.path("victim");
    fs::create_dir_all(person.config().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&victim, person.config()).unwrap();
    assert_eq!(person.run(&["config", "init"]).code, 2);
    assert!(!victim.exists());
}

#[test]
fn validate_fails_on_any_problem_and_names_every_line() {
    let person = Person::new();
    assert_eq!(person.run(&["config", "validate"]).code, 0);
    Person::write(
        &person.config(),
        "flet: x\nhosts:\n  - name: a\n    prot: 1\n",
    );
    let ran = person.run(&["config", "validate"]);
    assert_eq!(ran.code, 1);
    let file = person.config();
    assert_eq!(
        ran.out.replace(file.to_str().unwrap(), "FILE"),
        "FILE:1: the file has no key `flet`\n    did you mean `fleet`?\n\
         FILE:4: a host has no key `prot`\n    did you mean `port`?\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&person.run(&["config", "validate", "--json"]).out).unwrap();
    assert_eq!(json["problems"][1]["line"], 4);
}

#[test]
fn print_shows_what_holds_where_it_came_from_and_no_secret() {
    let person = Person::new();
    let text = include_str!("fixtures/config/valid/full.yaml");
    Person::write(&person.config(), text);
    let mut command = person.command(&["config", "print", "--theme", "mono"]);
    let ran = Ran::from(command.env("PILOTHOUSE_PERIOD", "3s").output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(!ran.out.contains("s3cret"));
    let home = person.home.path().to_str().unwrap();
    insta::assert_snapshot!("config_print", ran.out.replace(home, "HOME"));

    let json = person.run(&["config", "print", "--json"]).out;
    assert!(!json.contains("s3cret"));
    insta::assert_snapshot!("config_print_json", json.replace(home, "HOME"));
}

#[test]
fn doctor_tells_each_lack_with_its_mend() {
    let person = Person::new();
    let key = person.path(".ssh/id_ed25519");
    Person::write(&key, "not a real key\n");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    Person::write(&person.config(), "hots: []\n");
    let ran = person.run(&["doctor"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    // What follows is the machine's own: its driver, how quick it is.
    let (ours, machine) = ran.out.split_once("PASS  gpu.driver").unwrap();
    assert!(machine.contains("PASS  host.local"), "{machine}");
    insta::assert_snapshot!(
        "doctor",
        ours.replace(person.home.path().to_str().unwrap(), "HOME")
    );

    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(person.config()).unwrap();
    let ran = person.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["worst"], "WARN");
    assert_eq!(json["checks"][0]["id"], "terminal.tty");
}

#[test]
fn completions_and_the_manual_come_from_the_same_table() {
    let person = Person::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = person.run(&["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(
            ran.out.contains("doctor") && ran.out.contains("read-only"),
            "{shell}"
        );
    }
    let ran = person.run(&["man"]);
    assert_eq!(ran.code, 0);
    for part in [
        ".TH pilothouse",
        ".SH \"EXIT STATUS\"",
        "config validate",
        "write\\-config",
        "PILOTHOUSE_LOG",
    ] {
        assert!(ran.out.contains(part), "{part}");
    }
    assert!(
        !ran.out.contains("(1)"),
        "it names a page that is not there"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let person = Person::new();
    for words in [
        &["completions", "bash"][..],
        &["--help"],
        &["config", "print"],
    ] {
        let mut child = person
            .command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let status = child.wait().unwrap();
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{words:?}");
    }
}

/// Ends the program when a test fails half-way.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

#[test]
fn a_headless_demo_serves_until_it_is_told_to_stop_and_leaves_nothing_behind() {
    let person = Person::new();
    let file = person.path("demo.yaml");
    let file = file.to_str().unwrap();
    let mut demo = Running(
        person
            .command(&["demo", "--headless", "--write-config", file])
            .env("TMPDIR", person.home.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut said = String::new();
    BufReader::new(demo.0.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.contains("serving 4 machines"), "{said}");

    let validate = person.run(&["--config", file, "config", "validate"]);
    assert_eq!(validate.code, 0, "{}", validate.out);
    let printed = person.run(&["--config", file, "config", "print", "--json"]);
    let printed: serde_json::Value = serde_json::from_str(&printed.out).unwrap();
    let host = &printed["hosts"][0];
    let key = PathBuf::from(host["identity"][0].as_str().unwrap());
    assert!(key.exists());
    let port = u16::try_from(host["port"].as_u64().unwrap()).unwrap();
    let mut banner = [0; 8];
    TcpStream::connect((host["address"].as_str().unwrap(), port))
        .unwrap()
        .read_exact(&mut banner)
        .unwrap();
    assert_eq!(&banner, b"SSH-2.0-");

    let once = person.run(&["--config", file, "once", "--json"]);
    assert_eq!(once.code, 0, "{}{}", once.out, once.err);
    let fleet: serde_json::Value = serde_json::from_str(&once.out).unwrap();
    assert_eq!(fleet["hosts"][0]["gpus"][0]["name"], "NVIDIA GB10");
    assert_eq!(fleet["hosts"][2]["gpus"].as_array().unwrap().len(), 8);
    let table = person
        .run(&["--config", file, "once", "spark-1", "plain"])
        .out;
    assert!(table.starts_with("HOST     STATE  GPU"), "{table}");
    assert_eq!(table.matches("\nplain").count(), 1, "{table}");
    let whole = person.run(&["--config", file, "once"]).out;
    for line in whole.lines() {
        assert!(pilothouse::text::width(line) <= 80, "{line}");
    }

    let doctor = person
        .run(&["--config", file, "doctor", "spark-1", "plain"])
        .out;
    assert!(
        doctor.contains("PASS  host.spark-1") && doctor.contains("1 GPU by nvidia-smi"),
        "{doctor}"
    );
    assert!(doctor.contains("PASS  host.plain"), "{doctor}");

    let pid = rustix::process::Pid::from_child(&demo.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(demo.0.wait().unwrap().code(), Some(0));
    assert!(!key.exists(), "the demo left its key behind");
}

#[test]
fn once_shows_this_machine_and_ends_with_4_where_a_host_is_unreachable() {
    let person = Person::new();
    let mut command = person.command(&["once", "--json"]);
    let here = Ran::from(command.env("PATH", "/usr/bin:/bin").output().unwrap());
    assert_eq!(here.code, 0, "{}", here.err);
    let fleet: serde_json::Value = serde_json::from_str(&here.out).unwrap();
    assert_eq!(fleet["hosts"][0]["name"], "local");
    assert!(fleet["hosts"][0]["machine"]["memory"]["total_mib"].as_u64() > Some(0));

    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = person.run(&["once", &closed.to_string()]);
    assert_eq!(gone.code, 4, "{}", gone.err);
    assert!(gone.out.contains("down: tcp"), "{}", gone.out);
}

#[test]
fn probe_prints_a_line_that_the_console_reads_and_says_why_there_is_no_gpu() {
    let person = Person::new();
    // A configuration that can't be read must not blind a console elsewhere.
    Person::write(&person.config(), "hosts: {\n");
    for words in [&["probe", "--once"][..], &["probe", "--period", "200ms"]] {
        let mut child = Running(
            person
                .command(words)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut lines = BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let read: pilothouse::gpu::ProbeLine = serde_json::from_str(&line).unwrap();
        let works = read.report.condition == pilothouse::domain::GpuCondition::Working;
        assert_eq!(works, !read.report.gpus.is_empty(), "{line}");
        // With a driver it goes on until its reader leaves; without one it ends by itself.
        drop(lines);
        let code = child.0.wait().unwrap().code();
        assert_eq!(code, Some(i32::from(!works)), "{words:?}");
    }
}

#[test]
fn without_a_terminal_the_console_is_one_look_in_plain_lines() {
    let person = Person::new();
    let mut command = person.command(&[]);
    let ran = Ran::from(command.env("PATH", "/usr/bin:/bin").output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("HOST"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
}

#[test]
fn keys_and_themes_that_can_t_be_are_problems_of_the_configuration() {
    let person = Person::new();
    Person::write(
        &person.config(),
        "theme: drak\nkeys:\n  quti: x\n  palette: wrong-key\n",
    );
    let ran = person.run(&["config", "validate"]);
    assert_eq!(ran.code, 1);
    for told in [
        ":1: no theme is called `drak`",
        "`dark`",
        ":3: no action is called `quti`",
        ":4: ",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
}

#[test]
fn a_file_that_is_no_recording_is_refused_in_words() {
    let person = Person::new();
    let file = person.path("notes.txt");
    Person::write(&file, "hello\n");
    let ran = person.run(&["replay", file.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("is no recording") && ran.err.contains("--record"),
        "{}",
        ran.err
    );
}

#[test]
fn an_unknown_drill_names_the_drills() {
    let ran = Person::new().run(&[
        "demo",
        "--headless",
        "--write-config",
        "x",
        "--drill",
        "fire",
    ]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("wedge, oom, flap, thermal"), "{}", ran.err);
}

#[test]
fn the_breakglass_drill_recovers_a_wedged_machine_and_times_each_step() {
    let person = Person::new();
    let ran = person.run(&["--json", "demo", "--drill", "breakglass"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    let steps: Vec<serde_json::Value> = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(steps.len(), 10, "{}", ran.out);
    for step in &steps {
        assert_eq!(step["ok"], true, "{step}");
        assert!(step["seconds"].as_f64().unwrap() >= 0.0);
    }
}
