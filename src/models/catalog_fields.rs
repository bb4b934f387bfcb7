//! Fields of a recipe as they are read (pure): one grammar each, and a sentence with an example where a value does not fit.

use super::words;
use crate::config::{Node, Reader, Table, Value, nearest};
use crate::domain::Port;

/// Most words of one list.
const MOST_WORDS: usize = 200;

impl Reader<'_> {
    /// The entries of a table whose keys are names; each name stands once.
    pub(super) fn named<'a>(
        &mut self,
        node: Option<&'a Node>,
        what: &str,
        form: &str,
    ) -> Vec<(&'a str, u64, &'a Node)> {
        let entries = match node.map(|node| (&node.value, node)) {
            None | Some((Value::Null, _)) => return Vec::new(),
            Some((Value::Table(entries), _)) => entries,
            Some((_, node)) => {
                self.wrong_kind(node, what, &format!("a table of `{form}`"));
                return Vec::new();
            }
        };
        let mut kept: Vec<(&str, u64, &Node)> = Vec::new();
        for (key, node) in entries {
            match kept.iter().find(|(name, ..)| *name == key.name) {
                Some((_, first, _)) => {
                    let hint = format!("the first is on line {first}; remove one");
                    let what = format!("`{}` stands twice; the first is used", key.name);
                    self.problems.at(key.line, what, hint);
                }
                None => kept.push((&key.name, key.line, node)),
            }
        }
        kept
    }

    /// A text that one of these words has to be.
    pub(super) fn choice<T: Copy>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(table.get(key), key)?;
        if let Some((_, choice)) = known.iter().find(|(word, _)| *word == text.value) {
            return Some(*choice);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let hint = match nearest(&text.value, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write one of {}", words.join(", ")),
        };
        self.problems.at(
            text.line,
            format!("`{key}` is `{}`", shortened(&text.value)),
            hint,
        );
        None
    }

    pub(super) fn parsed<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        example: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(table.get(key), key)?;
        let parsed = parse(&text.value);
        if parsed.is_none() {
            self.problems.at(
                text.line,
                format!("`{key}` can't be `{}`", shortened(&text.value)),
                format!("write something like {example}"),
            );
        }
        parsed
    }

    pub(super) fn checked(
        &mut self,
        table: &Table<'_>,
        key: &str,
        example: &str,
        fits: impl FnOnce(&str) -> bool,
    ) -> Option<String> {
        self.parsed(table, key, example, |text| {
            fits(text).then(|| text.to_owned())
        })
    }

    pub(super) fn line_of_text(
        &mut self,
        table: &Table<'_>,
        key: &str,
        longest: usize,
    ) -> Option<String> {
        let text = self.text(table.get(key), key)?;
        let value = text.value.trim();
        if words::is_line(value, longest) {
            return Some(value.to_owned());
        }
        self.problems.at(
            text.line,
            format!("`{key}` is empty, longer than {longest} characters, or holds characters that can't be seen"),
            "write one line",
        );
        None
    }

    pub(super) fn port_of(&mut self, table: &Table<'_>, key: &str) -> Option<Port> {
        self.whole(table, key, 1, u16::MAX.into())
            .and_then(|number: u16| Port::try_from(number).ok())
    }

    pub(super) fn whole<N: TryFrom<u64>>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        least: u64,
        most: u64,
    ) -> Option<N> {
        let node = table.get(key)?;
        let number = match &node.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let fitting = number
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| N::try_from(number).ok());
        if fitting.is_none() {
            self.problems.at(
                node.line,
                format!("`{key}` is a whole number from {least} to {most}"),
                "",
            );
        }
        fitting
    }

    /// A list of which every item fits; one text counts as a list of one.
    pub(super) fn list(
        &mut self,
        table: &Table<'_>,
        key: &str,
        example: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        let node = table.get(key)?;
        let items = self.texts(Some(node), key);
        if items.len() > MOST_WORDS {
            self.problems.at(
                node.line,
                format!("`{key}` holds more than {MOST_WORDS} items"),
                "",
            );
        }
        for item in items.iter().filter(|item| !fits(&item.value)) {
            self.problems.at(
                item.line,
                format!("`{}` can't stand under `{key}`", shortened(&item.value)),
                format!("write something like {example}"),
            );
        }
        Some(items.into_iter().map(|item| item.value).collect())
    }
}

/// As much of a foreign value as a sentence can carry.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
