//! A YAML text as a tree in which every value knows its line. The text is hostile until proven otherwise: each bound
//! below is far above any real file and far below what would hurt.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};

/// Longest file that is read, in bytes.
pub(crate) const LONGEST_FILE: usize = 1024 * 1024;

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) value: Value,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) line: u64,
    pub(crate) name: String,
}

/// Why a text is no YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadYaml {
    pub(crate) line: Option<u64>,
    pub(crate) what: String,
}

/// Reads one YAML document.
pub(crate) fn parse(text: &str) -> Result<Node, BadYaml> {
    if text.len() > LONGEST_FILE {
        return Err(BadYaml {
            line: None,
            what: format!("the file is longer than {} KiB", LONGEST_FILE / 1024),
        });
    }
    if holds_nothing(text) {
        return Ok(Node {
            line: 1,
            value: Value::Null,
        });
    }
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: 16,
            flow_nesting_limit: 16,
            max_nodes: 100_000,
            max_events: 200_000,
            max_aliases: 200,
            max_anchors: 200,
            max_documents: 1,
            max_merge_keys: 200,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Merge,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        emit_comments: false,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options::<Spanned<Value>>(text, options)
        .map(Node::from)
        .map_err(|error| BadYaml::new(&error))
}

/// A document of comments and blank lines holds no value, which is no mistake.
fn holds_nothing(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line == "---" || line.starts_with('#')
    })
}

impl BadYaml {
    fn new(error: &serde_yaml::Error) -> Self {
        let line = error.location().map(|at| at.line()).filter(|n| *n > 0);
        if let serde_yaml::Error::Budget { .. } = error.without_snippet() {
            return Self {
                line,
                what: "the file is larger, deeper or more tangled than one document of a configuration can be".into(),
            };
        }
        let words = error.without_snippet().to_string();
        let first = words.lines().next().unwrap_or_default();
        Self {
            line,
            what: without_place(first).to_owned(),
        }
    }
}

/// The library's sentence without its own `at line 3, column 1`: the place is told apart.
fn without_place(words: &str) -> &str {
    [" at line ", " at byte ", " (line "]
        .iter()
        .find_map(|mark| words.find(mark).and_then(|at| words.get(..at)))
        .unwrap_or(words)
        .trim_end_matches(':')
}

impl Value {
    /// What sort of value it is, with its article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self {
            line: spanned.referenced.line(),
            value: spanned.value,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Value>>()? {
            items.push(Node::from(item));
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = table.next_key::<Spanned<String>>()? {
            let value = table.next_value::<Spanned<Value>>()?;
            let key = Key {
                line: key.referenced.line(),
                name: key.value,
            };
            entries.push((key, Node::from(value)));
        }
        Ok(Value::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_key_knows_its_line() {
        let root =
            parse("# a fleet\nfleet: home\nhosts:\n  - spark-1\n  - name: a\n    port: 22\n")
                .unwrap();
        let Value::Table(entries) = root.value else {
            panic!("no table");
        };
        let lines: Vec<(u64, &str, u64)> = entries
            .iter()
            .map(|(key, node)| (key.line, key.name.as_str(), node.line))
            .collect();
        assert_eq!(lines, [(2, "fleet", 2), (3, "hosts", 4)]);
    }

    #[test]
    fn hostile_texts_end_in_an_error_and_not_in_a_dead_process() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for n in 1..40 {
            let before = n - 1;
            let six = vec![format!("*a{before}"); 6].join(", ");
            bomb = format!("{bomb}a{n}: &a{n} [{six}]\n");
        }
        for text in [
            bomb,
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "a: ".repeat(10_000),
            "x: &a [*a]".into(),
            "? ".repeat(10_000),
            format!("a: {}", "x".repeat(LONGEST_FILE)),
            "a: !!binary x".into(),
            "\u{0}".into(),
            "--- a\n--- b\n".into(),
        ] {
            let head: String = text.chars().take(20).collect();
            assert!(parse(&text).is_err(), "{head:?} was read");
        }
    }

    #[test]
    fn a_file_of_comments_is_empty_and_not_wrong() {
        for text in ["", "\n", "# only a comment\n", "---\n# x\n"] {
            assert_eq!(parse(text).unwrap().value, Value::Null, "{text:?}");
        }
    }
}
