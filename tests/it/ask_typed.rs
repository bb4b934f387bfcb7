//! `ask` at a terminal, with the real program behind it: only the word typed at the question approves, and only there.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::assistant::claude;
use crate::console::Console;
use crate::messages_api::{MessagesApi, Reply};

/// A person with a fleet of this machine, and a model that wishes to leave a mark.
struct Asker {
    home: TempDir,
    api: MessagesApi,
}

impl Asker {
    /// The model calls these many tools, and then says that it has done.
    fn new(proposals: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("config.yaml"), "hosts:\n  - local\n").unwrap();
        let mark = |n: usize| home.path().join(format!("mark-{n}"));
        let run = |n: usize| {
            let argv = ["touch", mark(n).to_str().unwrap()].map(str::to_owned);
            Reply::tool(
                "run",
                json!({"host": "local", "argv": argv, "why": "to leave a mark"}),
            )
        };
        let mut replies: Vec<Reply> = (0..proposals).map(run).collect();
        replies.push(Reply::text(&["That was it."]));
        Self {
            api: MessagesApi::scripted(replies),
            home,
        }
    }

    fn environment(&self) -> [(&'static str, String); 5] {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            ("HOME", path(self.home.path().into())),
            ("XDG_CONFIG_HOME", path(self.home.path().join("config"))),
            ("ANTHROPIC_API_KEY", "sk-none".into()),
            ("PILOTHOUSE_ASSISTANT", path(claude())),
            ("ANTHROPIC_BASE_URL", self.api.url()),
        ]
    }

    fn config(&self) -> String {
        self.home.path().join("config.yaml").display().to_string()
    }

    /// Asks at a terminal.
    fn asks(&self) -> Console {
        let environment = self.environment();
        let environment = environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        Console::open(&["--config", &self.config(), "ask", "why?"], &environment)
    }

    fn marks(&self) -> Vec<String> {
        let named = |name: &str| {
            self.home
                .path()
                .join(name)
                .exists()
                .then(|| name.to_owned())
        };
        ["mark-0", "mark-1"].into_iter().filter_map(named).collect()
    }

    /// What the ledger of a console says.
    fn ledger(console: &Console) -> String {
        let ledger = console.state().join("state/pilothouse/ledger.jsonl");
        fs::read_to_string(ledger).unwrap_or_default()
    }
}

const QUESTION: &str = "type local to approve it";

#[test]
fn the_typed_word_approves_and_another_refuses() {
    let asker = Asker::new(2);
    let mut console = asker.asks();
    console.shows(QUESTION);
    assert_eq!(asker.marks(), Vec::<String>::new());
    console.press("local\r");
    console.until("a second question", |text| {
        text.matches(QUESTION).count() == 2
    });
    assert_eq!(asker.marks(), ["mark-0"]);
    console.press("yes\r");
    console.shows("That was it.");
    assert_eq!(console.ends(), 0);
    assert_eq!(asker.marks(), ["mark-0"]);
    let told = serde_json::Value::Array(asker.api.requests()).to_string();
    assert!(told.contains("refused"), "{told}");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let asker = Asker::new(2);
    let mut console = asker.asks();
    console.press("local\rlocal\r");
    console.shows(QUESTION);
    // Two answers at once: the second is none to the question that follows.
    console.press("no\rlocal\r");
    console.until("a second question", |text| {
        text.matches(QUESTION).count() == 2
    });
    console.press("\r");
    console.shows("That was it.");
    let ledger = Asker::ledger(&console);
    assert_eq!(console.ends(), 0);
    assert_eq!(asker.marks(), Vec::<String>::new(), "{ledger}");
    assert!(!ledger.contains("touch"), "{ledger}");
}

#[test]
fn asked_to_stop_at_the_question_it_ends_without_a_change_and_says_so() {
    let asker = Asker::new(2);
    let mut console = asker.asks();
    console.shows(QUESTION);
    console.press("loc\u{3}");
    console.shows("refused: it is not done");
    let ledger = Asker::ledger(&console);
    assert_eq!(console.ends(), 130);
    assert_eq!(asker.marks(), Vec::<String>::new(), "{ledger}");
    assert!(!ledger.contains("touch"), "{ledger}");
}

#[test]
fn a_terminal_that_ends_at_the_question_approves_nothing() {
    let asker = Asker::new(1);
    let mut console = asker.asks();
    console.shows(QUESTION);
    // The end of the input, as Ctrl-D gives it.
    console.press("\u{4}");
    console.shows("That was it.");
    assert_eq!(console.ends(), 0);
    assert_eq!(asker.marks(), Vec::<String>::new());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts the program itself"
)]
fn the_word_from_a_pipe_or_a_file_approves_nothing() {
    for is_piped in [true, false] {
        let asker = Asker::new(1);
        let word = asker.home.path().join("word");
        fs::write(&word, "local\n").unwrap();
        let stdin = if is_piped {
            Stdio::piped()
        } else {
            Stdio::from(fs::File::open(&word).unwrap())
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(["--config", &asker.config(), "ask", "why?"])
            .env_clear()
            .envs(asker.environment())
            .env("XDG_STATE_HOME", asker.home.path().join("state"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(b"local\nlocal\n").unwrap();
        }
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert!(asker.marks().is_empty(), "{err}");
        assert_eq!(ended.status.code(), Some(3), "{err}");
        assert!(err.contains("nobody is at a terminal"), "{err}");
    }
}
