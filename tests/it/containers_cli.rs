//! `pilothouse containers`, `logs` and `ledger` in the real binary, on a real container engine: what is shown, what is asked
//! before anything is changed, what is done, and what is written down of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::dockerd::Dockerd;

/// A person at a machine that runs containers.
struct Operator {
    home: tempfile::TempDir,
    daemon: Dockerd,
}

impl Operator {
    fn new() -> Self {
        let desk = Self {
            home: tempfile::tempdir().unwrap(),
            daemon: Dockerd::start(),
        };
        fs::write(desk.path("config.yaml"), "hosts:\n  - local\n").unwrap();
        desk
    }

    fn done(&self, words: &[&str]) -> Value {
        self.json(words, 0)
    }

    fn is_running(&self, name: &str) -> bool {
        let seen = self.daemon.get(&format!("/containers/{name}/json"));
        seen["State"]["Running"].as_bool().unwrap()
    }

    fn acts(&self) -> Vec<Value> {
        let acts = self.done(&["ledger", "show", "--json"]);
        acts.as_array().unwrap().clone()
    }
}

impl Desk for Operator {
    fn home(&self) -> &Path {
        self.home.path()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let config = self.path("config.yaml").display().to_string();
        let socket = format!("unix://{}", self.daemon.socket().display());
        vec![
            ("PILOTHOUSE_CONFIG", config),
            ("DOCKER_HOST", socket),
            ("TZ", "UTC".to_owned()),
        ]
    }
}

#[test]
fn containers_are_listed_shown_and_changed_only_when_it_was_meant() {
    let desk = Operator::new();
    let secret = json!({"Env": ["PATH=/bin", "API_TOKEN=not-a-real-secret"]});
    let id = desk
        .daemon
        .run_with("web", "echo hello; exec sleep 600", &secret);
    desk.daemon
        .create("ended", "exit 0", &serde_json::json!({}));

    desk.says(
        &["containers"],
        0,
        &["web", "running", "pilothouse/busybox"],
    );
    assert!(!desk.run(&["containers"]).out.contains("ended"));
    desk.says(&["containers", "--all"], 0, &["web", "ended", "created"]);
    let all = desk.done(&["containers", "--all", "--json"]);
    let listed = all["hosts"][0]["containers"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(all["hosts"][0]["engine"]["state"], "up");
    let web = listed.iter().find(|one| one["name"] == "web").unwrap();
    assert_eq!(
        (web["id"].as_str(), web["state"].as_str()),
        (Some(id.as_str()), Some("running"))
    );

    let shown = desk.says(&["containers", "show", "web"], 0, &["API_TOKEN="]);
    assert!(!shown.contains("not-a-real-secret"), "{shown}");
    let shown = desk.run(&["containers", "show", "web", "--json"]).out;
    assert!(!shown.contains("not-a-real-secret"), "{shown}");
    desk.says(
        &["containers", "show", "web", "--show-secrets"],
        0,
        &["API_TOKEN=not-a-real-secret"],
    );

    let stop = ["containers", "stop", "web"];
    let with = |more: &[&'static str]| [&stop[..], more].concat();
    let request = format!("POST /containers/{id}/stop");
    desk.says(&stop, 3, &["not confirmed", "--yes and its name", &request]);
    desk.says(&with(&["--dry-run"]), 0, &["would stop", &request]);
    desk.says(&with(&["--yes", "wbe"]), 3, &["stop container web"]);
    desk.says(&with(&["--yes", "web", "--read-only"]), 3, &["read-only"]);
    assert!(desk.is_running("web"), "nothing of this was meant");
    // What was not confirmed is no act.
    assert_eq!(desk.run(&["ledger", "show"]).out, "");

    desk.says(&with(&["--yes", "web"]), 0, &[]);
    assert!(!desk.is_running("web"));
    let acts = desk.acts();
    assert_eq!(acts.len(), 1);
    assert_eq!(acts[0]["outcome"], "done");
    let written = acts[0]["request"].as_str().unwrap();
    assert!(written.contains(&request), "{written}");
    assert!(!acts[0]["ended"].is_null());
    desk.says(&["ledger", "verify"], 0, &["2 records, all sound"]);

    let said = desk.says(
        &["containers", "start", "wbe"],
        2,
        &["no container wbe", "web"],
    );
    assert!(said.contains("did you mean `web`?"), "{said}");
}

#[test]
fn logs_of_this_machine_are_read_picked_and_missed_in_words() {
    let desk = Operator::new();
    let script = "echo one; echo TWO; echo three >&2; exec sleep 600";
    desk.daemon.run("web", script);
    let file = desk.path("log");
    let lines = "2026-01-01T00:00:00Z old\n2026-01-02T00:00:00Z ERROR new\n";
    fs::write(&file, lines).unwrap();
    let file = format!("file:{}", file.display());

    let both = desk.run(&["logs", "container:web", &file, "--raw"]);
    assert_eq!(both.code, Some(0), "{}", both.err);
    let mut said: Vec<&str> = both.out.lines().collect();
    let of_file = said.iter().position(|line| line.ends_with("old"));
    assert_eq!(of_file, Some(0), "the oldest comes first: {said:?}");
    said.sort_unstable();
    assert_eq!(said.len(), 5, "{said:?}");
    assert_eq!(said[2..], ["TWO", "one", "three"]);

    let picked = desk.run(&["logs", "container:web", "--raw", "--grep", "two|three"]);
    let mut picked: Vec<&str> = picked.out.lines().collect();
    picked.sort_unstable();
    assert_eq!(picked, ["TWO", "three"]);
    let since = ["logs", &file, "--raw", "--since", "2026-01-01T12:00:00Z"];
    assert_eq!(desk.run(&since).out, "2026-01-02T00:00:00Z ERROR new\n");

    let objects = desk.run(&["logs", "container:web", &file, "--json"]).out;
    let objects: Vec<Value> = objects
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |text: &str| {
        let found = objects.iter().find(|line| line["text"] == text);
        found.unwrap_or_else(|| panic!("no {text}: {objects:?}"))
    };
    assert_eq!(of("three")["stream"], "err");
    assert_eq!(of("one")["stream"], "out");
    assert_eq!(of("one")["source"], "container:web");
    assert_eq!(of("2026-01-02T00:00:00Z ERROR new")["level"], "error");

    // A kernel ring is there or it is not; either is said.
    let kernel = desk.run(&["logs", "kernel", "-n", "3", "--raw"]);
    match kernel.code {
        Some(0) => assert!(kernel.out.lines().count() <= 3),
        code => {
            assert_eq!(code, Some(1));
            assert!(kernel.err.contains("kernel: "), "{}", kernel.err);
        }
    }
    for (source, code, told) in [
        ("container:nobody", 1, "nobody"),
        ("file:/nonexistent/log", 1, "there is no file"),
        ("file:relative", 2, "does not begin at the root"),
    ] {
        let ran = desk.run(&["logs", source]);
        assert_eq!(ran.code, Some(code), "{source}: {}", ran.err);
        assert_eq!(ran.out, "");
        assert!(ran.err.contains(told), "{source}: {}", ran.err);
    }
}
