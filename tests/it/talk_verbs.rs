//! `ask` and `runbook`, run as a person runs them: answers, words and exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::assistant::claude;
use crate::messages_api::{MessagesApi, Reply};

/// A person with a fleet of this machine and a stand-in for the assistant's program.
struct Person {
    home: TempDir,
}

/// What a command left behind.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Person {
    fn new() -> Self {
        let person = Self {
            home: tempfile::tempdir().unwrap(),
        };
        let config = person.path("config/pilothouse");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("config.yaml"), "hosts:\n  - local\n").unwrap();
        person
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A program that answers every question so.
    fn program(&self, answers: &str) -> PathBuf {
        let path = self.path("claude");
        fs::write(&path, format!("#!/bin/sh\n{answers}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn run(&self, program: &str, words: &[&str]) -> Ran {
        self.run_with(program, "http://127.0.0.1:9", words)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test starts the program itself"
    )]
    fn run_with(&self, program: &str, api: &str, words: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TERM", "dumb")
            .env("ANTHROPIC_API_KEY", "sk-none")
            .env("PILOTHOUSE_ASSISTANT", program)
            .env("ANTHROPIC_BASE_URL", api)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Tells what it is, thinks of one answer, and waits for its end.
const ANSWERS: &str = r#"
while read -r line; do
printf '%s\n' '{"type":"system","subtype":"init","session_id":"0b5c-77","model":"sonnet","claude_code_version":"2.1.197","permissionMode":"default","tools":["mcp__pilothouse__fleet","mcp__pilothouse__host_facts","mcp__pilothouse__read_logs","mcp__pilothouse__metrics","mcp__pilothouse__run","mcp__pilothouse__propose"],"mcp_servers":[{"name":"pilothouse","status":"connected"}]}'
printf '%s\n' '{"type":"assistant","message":{"id":"m1","role":"assistant","content":[{"type":"text","text":"The disk\nis full."}]},"session_id":"0b5c-77"}'
printf '%s\n' '{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"The disk","total_cost_usd":0.02,"usage":{"input_tokens":12,"output_tokens":5},"session_id":"0b5c-77"}'
done
"#;

#[test]
fn an_answer_is_data_and_what_it_took_a_message_and_it_goes_on_by_its_number() {
    let person = Person::new();
    let program = person.program(ANSWERS);
    let program = program.to_str().unwrap();
    let ran = person.run(program, &["ask", "why", "is it slow?"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "The disk\nis full.\n"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("sonnet, 1 turns"), "{}", ran.err);
    assert!(ran.err.contains("$0.02"), "{}", ran.err);
    let number = ran.err.trim().rsplit(' ').next().unwrap().to_owned();
    let ran = person.run(
        program,
        &["ask", "--session", &number, "--json", "and now?"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["session"].to_string(), number);
    assert_eq!(answer["answer"], "The disk\nis full.\n");
    assert_eq!(answer["ending"], "done");
    let ran = person.run(program, &["ask", "--session", "1", "x"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("no such conversation"), "{}", ran.err);
}

#[test]
fn without_a_program_the_trouble_is_told_and_nothing_hangs() {
    let person = Person::new();
    let ran = person.run("/nonexistent/claude", &["ask", "why?"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert!(ran.err.contains("/nonexistent/claude"), "{}", ran.err);
    for words in [&["ask"][..], &["ask", "--host", "nobody", "why?"]] {
        let ran = person.run("/nonexistent/claude", words);
        assert_eq!(ran.code, 2, "{words:?} {}", ran.err);
    }
}

#[test]
fn a_program_with_other_tools_than_ours_is_ended() {
    let person = Person::new();
    let program = person.program(&ANSWERS.replace("mcp__pilothouse__run", "Bash"));
    let ran = person.run(program.to_str().unwrap(), &["ask", "why?"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert!(ran.err.contains("Bash"), "{}", ran.err);
}

#[test]
fn a_runbook_runs_without_any_program() {
    let person = Person::new();
    let none = "/nonexistent/claude";
    let ran = person.run(none, &["runbook"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("memory"), "{}", ran.out);
    let ran = person.run(none, &["runbook", "list", "--json"]);
    let books: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(books.as_array().unwrap().len(), 4);
    let ran = person.run(none, &["runbook", "local", "disk", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        (&told["host"], &told["runbook"]),
        (&"local".into(), &"disk".into())
    );
    assert_eq!(told["steps"][0]["exit"], 0, "{told}");
    let ran = person.run(none, &["runbook", "local", "disk"]);
    assert!(ran.out.contains("\nfindings\n"), "{}", ran.out);
    for words in [&["runbook", "local", "nonesuch"][..], &["runbook", "local"]] {
        let ran = person.run(none, words);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (2, ""),
            "{words:?} {}",
            ran.err
        );
    }
}

#[test]
fn what_is_proposed_where_nobody_can_type_is_refused_with_its_own_status() {
    let person = Person::new();
    let config = "hosts:\n  - local\nassistant:\n  ask_for: [uptime]\n";
    fs::write(person.path("config/pilothouse/config.yaml"), config).unwrap();
    let mark = person.path("mark");
    let argv = serde_json::json!(["touch", mark.to_str().unwrap()]);
    let api = MessagesApi::scripted(vec![
        Reply::tool(
            "host_facts",
            serde_json::json!({"host": "local", "question": "uptime"}),
        ),
        Reply::tool(
            "run",
            serde_json::json!({"host": "local", "argv": argv, "why": "to leave a mark"}),
        ),
        Reply::text(&["Nobody is there."]),
    ]);
    let program = claude();
    let ran = person.run_with(program.to_str().unwrap(), &api.url(), &["ask", "why?"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.ends_with("Nobody is there.\n"), "{}", ran.out);
    let refused = ran.err.matches("refused: nobody is at a terminal").count();
    assert_eq!(refused, 2, "{}", ran.err);
    assert!(
        ran.err.contains("a person's leave is wanted"),
        "{}",
        ran.err
    );
    assert!(!mark.exists());
    let told = serde_json::Value::Array(api.requests()).to_string();
    assert!(
        told.contains("A person refused it: nobody is at a terminal"),
        "{told}"
    );
}
