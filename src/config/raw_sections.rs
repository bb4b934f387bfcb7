//! The mirror of the file's sections about acting: a host's `power`, and `arming` and `assistant` of the whole fleet.

use super::node::{Node, Value};
use super::reader::{Lined, Reader, Table};

/// `power` of a host.
#[derive(Debug, Default)]
pub(super) struct RawPower {
    pub(super) line: u64,
    pub(super) method: Option<Lined<String>>,
    pub(super) host: Option<Lined<String>>,
    pub(super) identity: Vec<Lined<String>>,
    pub(super) known_hosts: Option<Lined<String>>,
    pub(super) host_keys: Option<Lined<String>>,
    pub(super) on: Option<Lined<String>>,
    pub(super) verbs: Option<Lined<Vec<RawVerb>>>,
    pub(super) wake: Option<RawWake>,
}

/// One entry under `verbs`: the words of a command.
#[derive(Debug)]
pub(super) struct RawVerb {
    pub(super) line: u64,
    pub(super) verb: &'static str,
    pub(super) words: Vec<Lined<String>>,
}

/// `wake` of a power switch.
#[derive(Debug)]
pub(super) struct RawWake {
    pub(super) line: u64,
    pub(super) mac: Option<Lined<String>>,
    pub(super) to: Option<Lined<String>>,
}

/// `arming`.
#[derive(Debug, Default)]
pub(super) struct RawArming {
    pub(super) needed: Option<Lined<Vec<Lined<String>>>>,
    pub(super) minutes: Option<Lined<f64>>,
    pub(super) idle: Option<Lined<String>>,
    pub(super) window: Option<Lined<String>>,
    pub(super) restart: Option<Lined<String>>,
}

/// `assistant`.
#[derive(Debug, Default)]
pub(super) struct RawAssistant {
    pub(super) program: Option<Lined<String>>,
    pub(super) model: Option<Lined<String>>,
    pub(super) budget: Option<Lined<f64>>,
    pub(super) turns: Option<Lined<f64>>,
    pub(super) limit: Option<Lined<String>>,
    pub(super) base_url: Option<Lined<String>>,
    pub(super) login: Option<RawLogin>,
    pub(super) ask_for: Option<Lined<Vec<Lined<String>>>>,
}

/// `login` of the assistant.
#[derive(Debug)]
pub(super) enum RawLogin {
    /// One word.
    Word(Lined<String>),
    /// A table, with its line: where each kind of secret is to be had.
    Table(u64, Vec<RawSecret>),
}

/// Where a secret is to be had.
#[derive(Debug)]
pub(super) struct RawSecret {
    pub(super) line: u64,
    pub(super) key: &'static str,
    /// A path, or the words of a command.
    pub(super) words: Vec<Lined<String>>,
}

const POWER: &[&str] = &[
    "method",
    "host",
    "identity",
    "known_hosts",
    "host_keys",
    "on",
    "verbs",
    "wake",
];
const VERBS: &[&str] = &["status", "forensics", "start", "stop", "reset", "cycle"];
const WAKE: &[&str] = &["mac", "to"];
const ARMING: &[&str] = &["needed", "minutes", "idle", "window", "restart"];
const ASSISTANT: &[&str] = &[
    "program", "model", "budget", "turns", "limit", "base_url", "login", "ask_for",
];
const LOGIN: &[&str] = &[
    "api_key_file",
    "oauth_token_file",
    "api_key_command",
    "oauth_token_command",
];

impl Reader<'_> {
    /// The power switch of a host. Slips in its keys are told and forgiven: nobody should have to mend a file at 3 a.m.
    pub(super) fn power(&mut self, node: &Node) -> Option<RawPower> {
        let table = self.forgiving_table(node, "`power`", POWER, POWER)?;
        Some(RawPower {
            line: node.line,
            method: self.text(table.get("method"), "method"),
            host: self.text(table.get("host"), "host"),
            identity: self.texts(table.get("identity"), "identity"),
            known_hosts: self.text(table.get("known_hosts"), "known_hosts"),
            host_keys: self.text(table.get("host_keys"), "host_keys"),
            on: self.text(table.get("on"), "on"),
            verbs: table.get("verbs").and_then(|node| self.verbs(node)),
            wake: table.get("wake").and_then(|node| self.wake(node)),
        })
    }

    fn verbs(&mut self, node: &Node) -> Option<Lined<Vec<RawVerb>>> {
        // No slip is forgiven here: one letter parts a reset from a rest.
        let table = self.table(node, "`verbs`", VERBS)?;
        let verbs = VERBS
            .iter()
            .filter_map(|verb| {
                let node = table.get(verb)?;
                Some(RawVerb {
                    line: node.line,
                    verb,
                    words: self.words(node, verb)?,
                })
            })
            .collect();
        Some(Lined::at(node, verbs))
    }

    /// The words of a command: a list, so that nobody has to guess where a word ends.
    pub(super) fn words(&mut self, node: &Node, key: &str) -> Option<Vec<Lined<String>>> {
        let Value::List(items) = &node.value else {
            self.problems.at(
                node.line,
                format!(
                    "`{key}` is a command, word by word, and this is {}",
                    node.value.kind()
                ),
                "write a list: [program, first, second]",
            );
            return None;
        };
        let words: Vec<Lined<String>> = items
            .iter()
            .filter_map(|item| self.text(Some(item), key))
            .collect();
        // A command without one of its words is another command.
        (words.len() == items.len()).then_some(words)
    }

    fn wake(&mut self, node: &Node) -> Option<RawWake> {
        if let Value::Text(_) = node.value {
            return Some(RawWake {
                line: node.line,
                mac: self.text(Some(node), "wake"),
                to: None,
            });
        }
        let table = self.forgiving_table(node, "`wake`", WAKE, WAKE)?;
        Some(RawWake {
            line: node.line,
            mac: self.text(table.get("mac"), "mac"),
            to: self.text(table.get("to"), "to"),
        })
    }

    pub(super) fn arming(&mut self, top: &Table<'_>) -> RawArming {
        let table = self.part(top, "arming", ARMING);
        RawArming {
            needed: self.listed(table.get("needed"), "needed"),
            minutes: self.number(table.get("minutes"), "minutes"),
            idle: self.text(table.get("idle"), "idle"),
            window: self.text(table.get("window"), "window"),
            restart: self.text(table.get("restart"), "restart"),
        }
    }

    pub(super) fn assistant(&mut self, top: &Table<'_>) -> RawAssistant {
        let table = self.part(top, "assistant", ASSISTANT);
        RawAssistant {
            program: self.text(table.get("program"), "program"),
            model: self.text(table.get("model"), "model"),
            budget: self.number(table.get("budget"), "budget"),
            turns: self.number(table.get("turns"), "turns"),
            limit: self.text(table.get("limit"), "limit"),
            base_url: self.text(table.get("base_url"), "base_url"),
            login: table.get("login").and_then(|node| self.login(node)),
            ask_for: self.listed(table.get("ask_for"), "ask_for"),
        }
    }

    /// A list of texts that knows its line, and that it was written at all.
    fn listed(&mut self, node: Option<&Node>, key: &str) -> Option<Lined<Vec<Lined<String>>>> {
        node.map(|node| Lined::at(node, self.texts(Some(node), key)))
    }

    fn login(&mut self, node: &Node) -> Option<RawLogin> {
        if let Value::Text(_) = node.value {
            return self.text(Some(node), "login").map(RawLogin::Word);
        }
        let table = self.table(node, "`login`", LOGIN)?;
        let secrets = LOGIN
            .iter()
            .filter_map(|key| {
                let node = table.get(key)?;
                let words = if key.ends_with("_command") {
                    self.words(node, key)?
                } else {
                    vec![self.text(Some(node), key)?]
                };
                Some(RawSecret {
                    line: node.line,
                    key,
                    words,
                })
            })
            .collect();
        Some(RawLogin::Table(node.line, secrets))
    }
}
