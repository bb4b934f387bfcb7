//! Nothing that is kept holds a secret: sessions with planted ones in their files, logs and answers, with everything logged
//! and recorded, and then every byte below the state and data directories.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::assistant::claude;
use crate::console::Console;
use crate::messages_api::{MessagesApi, Reply};
use crate::payloads::canaries;
use crate::power_broken::program;
use crate::sshd::chmod;

/// A person whose files hold secrets, and whose assistant's program leaves a copy of what it is told of our tools.
struct Person {
    home: TempDir,
    api: MessagesApi,
    planted: Vec<(&'static str, String)>,
}

impl Person {
    fn new(replies: impl FnOnce(&Path) -> Vec<Reply>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        let key = "sk-ant-api03-k0K0plantedKEYplantedKEYplantedKEYplanted-0123456789AA".to_owned();
        fs::write(path("key"), &key).unwrap();
        chmod(&path("key"), 0o600);
        let mut planted = vec![("API key", key)];
        let lines: Vec<String> = canaries(424_242)
            .into_iter()
            .map(|(line, secret)| {
                planted.push(("output", secret));
                line
            })
            .collect();
        fs::write(
            path("leak"),
            format!("begins\n{}\nends\n", lines.join("\n")),
        )
        .unwrap();
        let token = "ghp_l0gL1nEpLaNtEdl0gL1nEpLaNtEd0123456789".to_owned();
        fs::write(
            path("app.log"),
            format!("the log begins\npushed with token={token}\n"),
        )
        .unwrap();
        planted.push(("log line", token));
        let copies = format!(
            "#!/bin/sh\nbefore=\nfor word; do\n[ \"$before\" = --mcp-config ] && cp \"$word\" '{}'\nbefore=$word\ndone\nexec '{}' \"$@\"\n",
            path("mcp").display(),
            claude().display()
        );
        program(&path("claude"), &copies);
        let api = MessagesApi::scripted(replies(home.path()));
        let config = format!(
            "hosts:\n  - local\nassistant:\n  program: {}\n  base_url: {}\n  login:\n    api_key_file: {}\n",
            path("claude").display(),
            api.url(),
            path("key").display()
        );
        fs::write(path("config.yaml"), config).unwrap();
        Self { home, api, planted }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// Starts the program on these words.
    fn opens(&self, words: &[&str]) -> Console {
        let (home, config) = (self.path(""), self.path("config.yaml"));
        let words = [&["--config", &config], words].concat();
        Console::open(&words, &[("HOME", &home), ("PILOTHOUSE_LOG", "trace")])
    }

    /// The word that let our tools in.
    fn token(&self) -> String {
        let told: Value =
            serde_json::from_str(&fs::read_to_string(self.path("mcp")).unwrap()).unwrap();
        let token = &told["mcpServers"]["pilothouse"]["env"]["PILOTHOUSE_MCP_TOKEN"];
        token.as_str().unwrap().to_owned()
    }

    /// Whether no file below this place holds a planted secret; gives all that is there in one.
    fn assert_clean(&self, place: &Path) -> String {
        let mut planted = self.planted.clone();
        planted.push(("token of our tools", self.token()));
        let mut all = String::new();
        for file in files(place) {
            let bytes = fs::read(&file).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            for (what, secret) in &planted {
                assert!(
                    !text.contains(secret),
                    "the {what} is in {}",
                    file.display()
                );
            }
            all.push_str(&text);
        }
        all
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata().unwrap().file_type() {
            kind if kind.is_dir() => found.extend(files(&path)),
            kind if kind.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn a_question_whose_commands_answer_with_secrets_keeps_none() {
    let person = Person::new(|home| {
        let argv = ["cat".to_owned(), home.join("leak").display().to_string()];
        vec![
            Reply::tool(
                "run",
                json!({"host": "local", "argv": argv, "why": "to see it"}),
            ),
            Reply::text(&["That was it."]),
        ]
    });
    let mut console = person.opens(&["ask", "why?"]);
    console.shows("type local to approve it");
    console.press("local\r");
    console.shows("That was it.");
    let kept = console.state().to_owned();
    assert_eq!(console.ends(), 0);
    let all = person.assert_clean(&kept);
    // It was run and written down, and the model had its answer with the secrets masked.
    assert!(
        all.contains("leak") && all.contains("[redacted: "),
        "{}",
        all.len()
    );
    let told = Value::Array(person.api.requests()).to_string();
    assert!(
        told.contains("begins") && told.contains("[redacted: "),
        "{told}"
    );
}

#[test]
fn a_console_that_logs_and_records_everything_keeps_none() {
    let person = Person::new(|home| {
        let argv = ["cat".to_owned(), home.join("leak").display().to_string()];
        vec![
            Reply::tool("host_facts", json!({"host": "local", "question": "uptime"})),
            Reply::tool(
                "run",
                json!({"host": "local", "argv": argv, "why": "to see it"}),
            ),
            Reply::text(&["That was it."]),
        ]
    });
    let recording = person.path("recording");
    let mut console = person.opens(&["--record", &recording]);
    console.shows("local ");
    console.lens(&[format!("local/file:{}", person.path("app.log"))]);
    console.shows("pushed with");
    console.press("b");
    console.shows("ask Claude");
    console.press("why?\r");
    console.shows("to see it");
    let kept = console.state().to_owned();
    let recorded = loop {
        let text = fs::read_to_string(&recording).unwrap();
        if text.contains("to see it") {
            break text;
        }
        std::thread::yield_now();
    };
    for (what, secret) in &person.planted {
        assert!(!recorded.contains(secret), "the {what} is recorded");
    }
    // While it runs the token lies in a file for the program alone; nothing else does.
    let token = person.token();
    assert!(!recorded.contains(&token));
    console.press("\u{1b}");
    console.until("the draft is left", |text| !text.contains("Alt-Enter"));
    console.quit();
    let all = person.assert_clean(&kept);
    assert!(
        fs::metadata(kept.join("state/pilothouse/pilothouse.log"))
            .unwrap()
            .len()
            > 0
    );
    assert!(all.contains("uptime"), "{}", all.len());
    assert!(!fs::read_to_string(&recording).unwrap().contains(&token));
}
