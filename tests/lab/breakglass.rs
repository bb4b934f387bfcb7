//! A machine wedges at night: a person sees it, asks Claude (the real program, whose API is a script), decides, uses the power
//! switch, sees the machine come back, and reads it all in the ledger. And the same without Claude.

use std::fs;
use std::path::{Path, PathBuf};

use pilothouse::clock::Clock;
use serde_json::{Value, json};

use crate::console::Console;
use crate::lab::{Hypervisor, Lab};
use crate::logs::journal;
use crate::messages_api::{MessagesApi, Reply};

/// What the log keeper of another host has seen of the machine that hangs, and a secret that must not leave.
const SEEN: &str = "guest: soft lockup - CPU#3 stuck for 22s; token=sk-ant-canary-0123456789abcdef";
const CANARY: &str = "canary-0123456789abcdef";

/// The configuration of this story: two hosts, a switch, an assistant.
struct Story<'a> {
    lab: &'a Lab,
    hypervisor: Hypervisor<'a>,
    folder: tempfile::TempDir,
}

impl<'a> Story<'a> {
    fn begin(lab: &'a Lab) -> Self {
        let hypervisor = lab.hypervisor();
        journal(lab, "watchdog.service", Clock::system().wall().0, SEEN);
        Self {
            lab,
            hypervisor,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A console on this fleet whose assistant is this program, with its API there.
    fn console(&self, program: &Path, api: &str) -> Console {
        let key = self.folder.path().join("key");
        fs::write(&key, "not-a-real-key").unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&key, private).unwrap();
        let fleet = fs::read_to_string(self.lab.setting("LAB_DRILL")).unwrap();
        let config = self.folder.path().join("config.yaml");
        let text = format!(
            "{fleet}assistant:\n  program: {}\n  base_url: {api}\n  login:\n    api_key_file: {}\n",
            program.display(),
            key.display()
        );
        fs::write(&config, text).unwrap();
        let words = ["--config", config.to_str().unwrap()];
        let agent = ("SSH_AUTH_SOCK", self.lab.setting("SSH_AUTH_SOCK"));
        let mut console = Console::open(&words, &[agent]);
        console.shows("guest ● ok");
        console
    }

    /// What a command line over the same state prints, and its exit status.
    fn pilothouse(&self, console: &Console, words: &[&str]) -> (String, Option<i32>) {
        let config = self.folder.path().join("config.yaml");
        let ran = self
            .lab
            .command(env!("CARGO_BIN_EXE_pilothouse"))
            .arg("--config")
            .arg(config)
            .args(words)
            .env("XDG_STATE_HOME", console.state().join("state"))
            .env("XDG_DATA_HOME", console.state().join("data"))
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&ran.stdout).into_owned();
        let err = String::from_utf8_lossy(&ran.stderr);
        (format!("{out}{err}"), ran.status.code())
    }

    /// Every act in the ledger, whole.
    fn acts(&self, console: &Console) -> Vec<Value> {
        let (said, code) = self.pilothouse(console, &["ledger", "verify"]);
        assert_eq!(code, Some(0), "{said}");
        let (shown, code) = self.pilothouse(console, &["ledger", "show", "--json"]);
        assert_eq!(code, Some(0), "{shown}");
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown.as_array().unwrap().clone()
    }
}

/// The real program: `PILOTHOUSE_TEST_CLAUDE`, or where `tests/run` puts it.
fn claude() -> PathBuf {
    let named = pilothouse::config::Environment::of_process().path("PILOTHOUSE_TEST_CLAUDE");
    let here = Path::new(env!("CARGO_BIN_EXE_pilothouse"));
    let target = here.ancestors().nth(2).unwrap();
    let path = named.unwrap_or_else(|| target.join("tools/claude/node_modules/.bin/claude"));
    assert!(
        path.exists(),
        "{} is missing: tests/run installs it",
        path.display()
    );
    path
}

/// How many answers of tools the model has been given.
fn answers(request: &Value) -> Vec<Value> {
    let messages = request["messages"].as_array().unwrap();
    let blocks = messages
        .iter()
        .filter_map(|message| message["content"].as_array());
    let results = blocks
        .flatten()
        .filter(|block| block["type"] == "tool_result");
    results.cloned().collect()
}

/// A model that looks, proposes what is refused, proposes what is approved, and says that it is over.
fn model(request: &Value) -> Reply {
    let propose = |verb: &str, why: &str| {
        let evidence = json!([{"what": "soft lockup", "source": "unit:watchdog.service"}]);
        let act =
            json!({"host": "guest", "act": {"power": verb}, "why": why, "evidence": evidence});
        Reply::tool("propose", act)
    };
    match answers(request).len() {
        0 => Reply::tool("fleet", json!({})),
        1 => {
            let log = json!({"host": "h200", "source": "unit:watchdog.service", "since": "1h"});
            Reply::tool("read_logs", log)
        }
        2 => propose("stop", "It need not run."),
        3 => propose("cycle", "A fresh QEMU."),
        _ => Reply::text(&[
            "## It is back\n\n",
            "The machine **guest** ",
            "answers again.\n",
        ]),
    }
}

/// Focuses the card and types into its first field.
fn approve(console: &mut Console, word: &str) {
    console.shows("approve  type guest");
    console.press("\t");
    console.shows("› approve");
    console.press(&format!("{word}\r"));
}

/// Takes the keys away from the pane's draft.
fn leave_pane(console: &mut Console) {
    console.press("\u{1b}");
    console.until("the draft is left", |text| !text.contains("Alt-Enter"));
}

/// Arms the selected host for power.
fn arm(console: &mut Console) {
    console.line(':', "arm guest");
    console.shows("Arm guest");
    console.shows("› power");
    console.press("\r");
    console.shows("ARMED");
}

#[test]
fn a_wedged_machine_is_brought_back_with_claude_asked_and_a_person_deciding() {
    let lab = Lab::open();
    let story = Story::begin(&lab);
    let first = story.hypervisor.boot();
    let api = MessagesApi::answering(|request, _| model(request));
    let mut console = story.console(&claude(), &api.url());
    lab.host("wedge", "guest");
    console.shows("WEDGED");
    let before = story.hypervisor.calls().len();

    console.press("b");
    console.shows("ask Claude");
    console.press("is guest wedged?\r");
    console.shows("read_logs");

    // The first proposal is refused: nothing happens.
    console.shows("It need not run.");
    console.press("\t");
    console.shows("› approve");
    console.press("\t");
    console.shows("› refuse");
    console.press("it has to run\r");

    // The second is approved, which takes an armed host and the typed word.
    console.shows("A fresh QEMU.");
    assert_eq!(story.hypervisor.changes(before), Vec::<String>::new());
    leave_pane(&mut console);
    arm(&mut console);
    console.press("b");
    approve(&mut console, "guest --now");
    console.shows("answers again.");
    console.shows("guest ● ok");
    assert_eq!(story.hypervisor.changes(before), ["stop 102", "start 102"]);
    if lab.setting("LAB_BOOTS") == "yes" {
        assert_ne!(story.hypervisor.boot(), first);
    }

    // What the model was told: the log without its secret, the refusal in the person's words, the outcome.
    let last = api.requests().pop().unwrap();
    let told: Vec<String> = answers(&last).iter().map(ToString::to_string).collect();
    assert!(told[1].contains("soft lockup"), "{told:?}");
    assert!(!last.to_string().contains(CANARY), "{last}");
    assert!(told[2].contains("it has to run"), "{told:?}");
    assert_eq!(told.len(), 4);

    // And the ledger, which verifies: one act, who proposed it, when the host was armed, how it went.
    let acts = story.acts(&console);
    assert_eq!(acts.len(), 1, "{acts:?}");
    let cycle = &acts[0];
    assert!(cycle["what"].as_str().unwrap().starts_with("cycle guest"));
    assert!(!cycle["proposed"].is_null(), "{cycle}");
    assert!(!cycle["armed"].is_null(), "{cycle}");
    assert_eq!(cycle["outcome"], "done", "{cycle}");
    console.leave();
}

#[test]
fn the_same_machine_is_brought_back_where_there_is_no_claude() {
    let lab = Lab::open();
    let story = Story::begin(&lab);
    let first = story.hypervisor.boot();
    let nowhere = Path::new("/nonexistent/claude");
    let mut console = story.console(nowhere, "http://127.0.0.1:9");
    lab.host("wedge", "guest");
    console.shows("WEDGED");
    let before = story.hypervisor.calls().len();

    // The pane says so at once, and offers what needs nobody.
    console.press("b");
    console.shows("is not on this machine");
    console.shows("without Claude, on guest");
    leave_pane(&mut console);
    arm(&mut console);
    console.line(':', "power guest cycle");
    console.shows("10 s to change your mind");
    console.press("guest --now\r\t\r");
    console.shows("guest ● ok");
    assert_eq!(story.hypervisor.changes(before), ["stop 102", "start 102"]);
    if lab.setting("LAB_BOOTS") == "yes" {
        assert_ne!(story.hypervisor.boot(), first);
    }
    let acts = story.acts(&console);
    assert_eq!(acts.len(), 1, "{acts:?}");
    assert!(acts[0]["proposed"].is_null(), "{acts:?}");
    assert_eq!(acts[0]["outcome"], "done", "{acts:?}");
    console.leave();
}
