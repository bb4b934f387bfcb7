//! Reads values off the tree of a file: tables with known keys, texts, numbers. Which tables there are is for `raw`.

use super::nearest::nearest;
use super::node::{Node, Value};
use super::problems::Problems;

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lined<T> {
    pub(crate) line: u64,
    pub(crate) value: T,
}

impl<T> Lined<T> {
    pub(crate) fn at(node: &Node, value: T) -> Self {
        Self {
            line: node.line,
            value,
        }
    }
}

/// Words of ssh_config and of other tools that mean one of our keys.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("hostname", "address"),
    ("host", "name"),
    ("ip", "address"),
    ("username", "user"),
    ("login", "user"),
    ("proxyjump", "jump"),
    ("proxy_jump", "jump"),
    ("bastion", "jump"),
    ("identityfile", "identity"),
    ("identity_file", "identity"),
    ("key", "identity"),
    ("userknownhostsfile", "known_hosts"),
    ("stricthostkeychecking", "host_keys"),
    ("groups", "tags"),
    ("labels", "tags"),
    ("interval", "period"),
    ("readonly", "read_only"),
];

/// The known key that a mistyped one was probably meant to be.
fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    OTHER_WORDS
        .iter()
        .find(|(word, ours)| key.eq_ignore_ascii_case(word) && known.contains(ours))
        .map(|(_, ours)| *ours)
        .or_else(|| nearest(key, known.iter().copied()))
}

/// One entry of a table: a known key, its line, its value.
#[derive(Debug)]
struct Entry<'a> {
    key: &'a str,
    line: u64,
    node: &'a Node,
}

/// The entries of a table whose keys are known and stand once.
#[derive(Debug, Default)]
pub(crate) struct Table<'a>(Vec<Entry<'a>>);

impl<'a> Table<'a> {
    /// The value of a key; a key without a value counts as left out.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.0
            .iter()
            .find(|entry| entry.key == name)
            .map(|entry| entry.node)
            .filter(|node| node.value != Value::Null)
    }
}

/// Reads, and reports what can't be read.
pub(crate) struct Reader<'p> {
    pub(crate) problems: &'p mut Problems,
}

impl Reader<'_> {
    /// A table with these keys; others are refused with the nearest one.
    pub(crate) fn table<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&'static str],
    ) -> Option<Table<'a>> {
        self.forgiving_table(node, what, known, &[])
    }

    /// A table with these keys. A slip of the pen in a forgiven one is told, and read as what it was meant to be.
    pub(crate) fn forgiving_table<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&'static str],
        forgiven: &[&'static str],
    ) -> Option<Table<'a>> {
        let entries = match &node.value {
            Value::Null => return Some(Table::default()),
            Value::Table(entries) => entries,
            other => {
                let kind = other.kind();
                self.problems.at(
                    node.line,
                    format!("{what} is a table of `key: value` lines, and this is {kind}"),
                    format!("known keys: {}", known.join(", ")),
                );
                return None;
            }
        };
        let mut kept: Vec<Entry<'a>> = Vec::new();
        let mut slips = Vec::new();
        for (key, node) in entries {
            if let Some(first) = kept.iter().find(|other| other.key == key.name) {
                self.problems.at(
                    key.line,
                    format!("`{}` stands twice; the first is used", key.name),
                    format!("the first is on line {}; remove one", first.line),
                );
            } else if known.contains(&key.name.as_str()) {
                kept.push(Entry {
                    key: &key.name,
                    line: key.line,
                    node,
                });
            } else {
                slips.push((key, node));
            }
        }
        for (key, node) in slips {
            let meant = meant(&key.name, known);
            let free = |meant: &&str| {
                forgiven.contains(meant) && !kept.iter().any(|entry| entry.key == *meant)
            };
            let taken = meant.filter(free);
            let hint = match (taken, meant) {
                (Some(meant), _) => format!("it is read as `{meant}`"),
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => format!("known keys: {}", known.join(", ")),
            };
            self.problems
                .at(key.line, format!("{what} has no key `{}`", key.name), hint);
            kept.extend(taken.map(|meant| Entry {
                key: meant,
                line: key.line,
                node,
            }));
        }
        Some(Table(kept))
    }

    /// A table below a key; empty where the key is left out or wrong.
    pub(crate) fn part<'a>(
        &mut self,
        top: &Table<'a>,
        key: &str,
        known: &[&'static str],
    ) -> Table<'a> {
        top.get(key)
            .and_then(|node| self.table(node, &format!("`{key}`"), known))
            .unwrap_or_default()
    }

    pub(crate) fn wrong_kind(&mut self, node: &Node, key: &str, wanted: &str) {
        let kind = node.value.kind();
        self.problems.at(
            node.line,
            format!("`{key}` is {wanted}, and this is {kind}"),
            "",
        );
    }

    /// A text. Whole numbers are taken as they are written: a host may be called `7`.
    pub(crate) fn text(&mut self, node: Option<&Node>, key: &str) -> Option<Lined<String>> {
        let node = node?;
        let value = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(_) | Value::Bool(_) => {
                self.problems.at(
                    node.line,
                    format!(
                        "`{key}` is a text, and YAML reads this as {}",
                        node.value.kind()
                    ),
                    "put it in quotes",
                );
                return None;
            }
            _ => {
                self.wrong_kind(node, key, "a text");
                return None;
            }
        };
        Some(Lined::at(node, value))
    }

    pub(crate) fn flag(&mut self, node: Option<&Node>, key: &str) -> Option<Lined<bool>> {
        let node = node?;
        if let Value::Bool(value) = node.value {
            return Some(Lined::at(node, value));
        }
        self.wrong_kind(node, key, "true or false");
        None
    }

    /// A flag that protects: where it can't be read it counts as set.
    pub(crate) fn safeguard(&mut self, node: Option<&Node>, key: &str) -> Option<Lined<bool>> {
        let node = node?;
        if let Value::Bool(value) = node.value {
            return Some(Lined::at(node, value));
        }
        self.problems.at(
            node.line,
            format!(
                "`{key}` is true or false, and this is {}",
                node.value.kind()
            ),
            "until it is mended it counts as true",
        );
        Some(Lined::at(node, true))
    }

    pub(crate) fn number(&mut self, node: Option<&Node>, key: &str) -> Option<Lined<f64>> {
        let node = node?;
        let value = match node.value {
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => {
                self.wrong_kind(node, key, "a number");
                return None;
            }
        };
        Some(Lined::at(node, value))
    }

    /// One text, or a list of texts.
    pub(crate) fn texts(&mut self, node: Option<&Node>, key: &str) -> Vec<Lined<String>> {
        match node {
            None => Vec::new(),
            Some(Node {
                value: Value::List(items),
                ..
            }) => items
                .iter()
                .filter_map(|item| self.text(Some(item), key))
                .collect(),
            Some(one) => self.text(Some(one), key).into_iter().collect(),
        }
    }

    pub(crate) fn port(&mut self, node: Option<&Node>) -> Option<Lined<i64>> {
        let node = node?;
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong_kind(node, "port", "a number from 1 to 65535");
        }
        number.map(|value| Lined::at(node, value))
    }
}
