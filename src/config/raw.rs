//! The mirror of the file: which keys there are and what shape each value has. What a value means is for `resolve`.

use super::node::{Node, Value};
use super::problems::Problems;
use super::raw_models::{RawModels, RawService};
use super::raw_sections::{RawArming, RawAssistant, RawPower};
use super::reader::{Lined, Reader};

/// The file, key by key.
#[derive(Debug, Default)]
pub(super) struct RawConfig {
    pub(super) fleet: Option<Lined<String>>,
    pub(super) hosts: Vec<RawHost>,
    pub(super) read_only: Option<Lined<bool>>,
    pub(super) period: Option<Lined<String>>,
    pub(super) tight_percent: Option<Lined<f64>>,
    pub(super) tight_left: Option<Lined<String>>,
    pub(super) hot: Option<Lined<f64>>,
    pub(super) theme: Option<Lined<String>>,
    pub(super) mouse: Option<Lined<bool>>,
    pub(super) keys: Vec<RawKey>,
    pub(super) bell: Option<Lined<bool>>,
    pub(super) webhook: Option<Lined<String>>,
    pub(super) buffer: Option<Lined<String>>,
    pub(super) tail: Option<Lined<f64>>,
    pub(super) arming: RawArming,
    pub(super) assistant: RawAssistant,
    pub(super) sink: Option<Lined<String>>,
    pub(super) models: RawModels,
    pub(super) services: Option<Lined<Vec<RawService>>>,
}

/// One entry under `hosts`.
#[derive(Debug)]
pub(super) enum RawHost {
    /// `- user@host:port`
    Short(Lined<String>),
    /// `- name: …`
    Full(Box<RawEntry>),
}

/// A host written out.
#[derive(Debug, Default)]
pub(super) struct RawEntry {
    pub(super) line: u64,
    /// Whether all that says where it is could be read: a host is never dialled on half of its address.
    pub(super) whole: bool,
    pub(super) name: Option<Lined<String>>,
    pub(super) address: Option<Lined<String>>,
    pub(super) user: Option<Lined<String>>,
    pub(super) port: Option<Lined<i64>>,
    pub(super) jump: Vec<Lined<String>>,
    pub(super) identity: Vec<Lined<String>>,
    pub(super) known_hosts: Option<Lined<String>>,
    pub(super) tags: Vec<Lined<String>>,
    pub(super) gpu: Option<Lined<String>>,
    pub(super) ssh_config: Option<Lined<bool>>,
    pub(super) host_keys: Option<Lined<String>>,
    pub(super) local: Option<Lined<bool>>,
    pub(super) power: Option<RawPower>,
}

/// One entry under `keys`.
#[derive(Debug)]
pub(super) struct RawKey {
    pub(super) line: u64,
    pub(super) action: String,
    pub(super) keys: Vec<Lined<String>>,
}

const TOP: &[&str] = &[
    "fleet",
    "hosts",
    "read_only",
    "period",
    "thresholds",
    "theme",
    "mouse",
    "keys",
    "alerts",
    "logs",
    "arming",
    "assistant",
    "ledger",
    "models",
    "services",
];
const THRESHOLDS: &[&str] = &["tight_percent", "tight_left", "hot"];
const ALERTS: &[&str] = &["bell", "webhook"];
const LOGS: &[&str] = &["buffer", "tail"];
const LEDGER: &[&str] = &["sink"];
const HOST: &[&str] = &[
    "name",
    "address",
    "user",
    "port",
    "jump",
    "identity",
    "known_hosts",
    "tags",
    "gpu",
    "ssh_config",
    "host_keys",
    "local",
    POWER,
];
/// A slip in this key may not cost the switch.
const POWER: &str = "power";

/// Reads the tree of a file.
pub(super) fn read(root: &Node, problems: &mut Problems) -> RawConfig {
    let mut reader = Reader { problems };
    let Some(top) = reader.table(root, "the file", TOP) else {
        return RawConfig::default();
    };
    let thresholds = reader.part(&top, "thresholds", THRESHOLDS);
    let alerts = reader.part(&top, "alerts", ALERTS);
    let logs = reader.part(&top, "logs", LOGS);
    let ledger = reader.part(&top, "ledger", LEDGER);
    RawConfig {
        fleet: reader.text(top.get("fleet"), "fleet"),
        hosts: reader.hosts(top.get("hosts")),
        read_only: reader.safeguard(top.get("read_only"), "read_only"),
        period: reader.text(top.get("period"), "period"),
        tight_percent: reader.number(thresholds.get("tight_percent"), "tight_percent"),
        tight_left: reader.text(thresholds.get("tight_left"), "tight_left"),
        hot: reader.number(thresholds.get("hot"), "hot"),
        theme: reader.text(top.get("theme"), "theme"),
        mouse: reader.flag(top.get("mouse"), "mouse"),
        keys: reader.keys(top.get("keys")),
        bell: reader.flag(alerts.get("bell"), "bell"),
        webhook: reader.text(alerts.get("webhook"), "webhook"),
        buffer: reader.text(logs.get("buffer"), "buffer"),
        tail: reader.number(logs.get("tail"), "tail"),
        arming: reader.arming(&top),
        assistant: reader.assistant(&top),
        sink: reader.text(ledger.get("sink"), "sink"),
        models: reader.models(&top),
        services: reader.services(&top),
    }
}

impl Reader<'_> {
    fn keys(&mut self, node: Option<&Node>) -> Vec<RawKey> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Value::Table(entries) = &node.value else {
            self.wrong_kind(node, "keys", "a table of `action: key` lines");
            return Vec::new();
        };
        let mut found: Vec<RawKey> = Vec::new();
        for (key, value) in entries {
            if let Some(first) = found.iter().find(|other| other.action == key.name) {
                let hint = format!(
                    "the first is on line {}; a list holds several keys",
                    first.line
                );
                self.problems
                    .at(key.line, format!("`{}` stands twice", key.name), hint);
                continue;
            }
            found.push(RawKey {
                line: key.line,
                action: key.name.clone(),
                keys: self.texts(Some(value), &key.name),
            });
        }
        found
    }

    fn hosts(&mut self, node: Option<&Node>) -> Vec<RawHost> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Value::List(items) = &node.value else {
            let kind = node.value.kind();
            self.problems.at(
                node.line,
                format!("`hosts` is a list, and this is {kind}"),
                "begin each host with a dash: `- spark-1`",
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| self.host(item)).collect()
    }

    fn host(&mut self, node: &Node) -> Option<RawHost> {
        if let Value::Text(_) | Value::Integer(_) = node.value {
            return self.text(Some(node), "hosts").map(RawHost::Short);
        }
        if node.value == Value::Null {
            self.problems
                .at(node.line, "an empty entry under `hosts`", "");
            return None;
        }
        let table = self.forgiving_table(node, "a host", HOST, &[POWER])?;
        let before = self.problems.all.len();
        let mut entry = RawEntry {
            line: node.line,
            whole: false,
            name: self.text(table.get("name"), "name"),
            address: self.text(table.get("address"), "address"),
            user: self.text(table.get("user"), "user"),
            port: self.port(table.get("port")),
            jump: self.texts(table.get("jump"), "jump"),
            identity: self.texts(table.get("identity"), "identity"),
            known_hosts: self.text(table.get("known_hosts"), "known_hosts"),
            ssh_config: self.flag(table.get("ssh_config"), "ssh_config"),
            local: self.flag(table.get("local"), "local"),
            ..RawEntry::default()
        };
        entry.whole = self.problems.all.len() == before;
        entry.tags = self.texts(table.get("tags"), "tags");
        entry.gpu = self.text(table.get("gpu"), "gpu");
        entry.host_keys = self.text(table.get("host_keys"), "host_keys");
        entry.power = table.get(POWER).and_then(|node| self.power(node));
        Some(RawHost::Full(Box::new(entry)))
    }
}
