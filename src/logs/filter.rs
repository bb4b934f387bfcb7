//! The filter as a person types it. Words apart by blanks, all of which must hold: `WORD` (a regular expression, smart case),
//! `"AS IT STANDS"`, `level>=warn` (`=` `!=` `>` `<` `<=`), `host:NAME`, `source:NAME`, `since:10m`, `until:14:05`,
//! `since:2026-11-21T14:05`; `!` before a word, host or source turns it round; of several hosts or sources one must hold.

use thiserror::Error;

use super::level::by_word;
use super::pattern::Pattern;
use super::picture::SourceLabel;
use super::when::{Now, moment};
use crate::follow::{Level, Stamp};

/// A filter that was read.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What must be found, and what must not.
    pub(super) words: Vec<(Pattern, bool)>,
    levels: Vec<(Relation, Level)>,
    hosts: Names,
    sources: Names,
    since: Option<Stamp>,
    until: Option<Stamp>,
}

/// A filter that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("column {column}: {what}")]
pub struct InvalidFilter {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong, in words.
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Not,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// Names of which one must be part of what is asked, and names that must not.
#[derive(Debug, Clone, Default)]
struct Names {
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Names {
    fn add(&mut self, name: &str, wanted: bool) {
        let name = name.to_lowercase();
        if wanted {
            self.wanted.push(name);
        } else {
            self.unwanted.push(name);
        }
    }

    fn let_through(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let is_in = |part: &String| name.contains(part.as_str());
        (self.wanted.is_empty() || self.wanted.iter().any(is_in))
            && !self.unwanted.iter().any(is_in)
    }
}

impl Filter {
    /// Reads a filter; times count from now.
    pub fn new(typed: &str, now: Now) -> Result<Self, InvalidFilter> {
        let mut filter = Self::default();
        for word in words(typed)? {
            filter.add(&word, now)?;
        }
        Ok(filter)
    }

    fn add(&mut self, word: &Word<'_>, now: Now) -> Result<(), InvalidFilter> {
        let wanted = !word.not;
        let plain = word.text.as_str();
        let key = if word.quoted { None } else { word.key };
        match key {
            Some("level") => {
                let (relation, name) =
                    relation(plain).ok_or_else(|| word.wrong("write level>=warn"))?;
                let level = by_word(name).ok_or_else(|| {
                    word.wrong("levels are trace debug info notice warn error fatal")
                })?;
                let relation = if word.not {
                    relation.turned()
                } else {
                    relation
                };
                self.levels.push((relation, level));
            }
            Some("host") => self.hosts.add(word.named("host")?, wanted),
            Some("source") => self.sources.add(word.named("source")?, wanted),
            Some(edge @ ("since" | "until")) => {
                if word.not {
                    return Err(word.wrong("a time can't be turned round"));
                }
                let at = moment(plain, now).ok_or_else(|| {
                    word.wrong("a time is 10m, 2h30m, 14:05, 14:05:22 or 2026-11-21T14:05")
                })?;
                let slot = if edge == "since" {
                    &mut self.since
                } else {
                    &mut self.until
                };
                *slot = Some(at);
            }
            _ => {
                let pattern = if word.quoted {
                    Pattern::literal(plain)
                } else {
                    Pattern::new(plain)
                };
                let pattern = pattern.map_err(|error| InvalidFilter {
                    column: word.column + plain.get(..error.at).map_or(0, |t| t.chars().count()),
                    what: error.what,
                })?;
                self.words.push((pattern, wanted));
            }
        }
        Ok(())
    }

    /// Whether lines of this source may pass at all.
    pub fn passes_source(&self, label: &SourceLabel) -> bool {
        self.hosts.let_through(label.host.as_str()) && self.sources.let_through(label.name.as_str())
    }

    /// Whether the moment lies in its window.
    pub fn passes_time(&self, stamp: Stamp) -> bool {
        self.since.is_none_or(|since| stamp >= since)
            && self.until.is_none_or(|until| stamp < until)
    }

    /// Whether lines of this level may pass. A line without one is neither above nor below another.
    pub fn passes_level(&self, level: Option<Level>) -> bool {
        self.levels.iter().all(|(relation, bound)| match level {
            None => *relation == Relation::Not,
            Some(level) => match relation {
                Relation::Equal => level == *bound,
                Relation::Not => level != *bound,
                Relation::AtLeast => level >= *bound,
                Relation::AtMost => level <= *bound,
                Relation::Above => level > *bound,
                Relation::Below => level < *bound,
            },
        })
    }

    /// Whether the words hold for this text.
    pub fn passes_text(&self, text: &str) -> bool {
        self.words
            .iter()
            .all(|(pattern, wanted)| pattern.is_in(text) == *wanted)
    }
}

impl Relation {
    fn turned(self) -> Self {
        match self {
            Self::Equal => Self::Not,
            Self::Not => Self::Equal,
            Self::AtLeast => Self::Below,
            Self::Below => Self::AtLeast,
            Self::AtMost => Self::Above,
            Self::Above => Self::AtMost,
        }
    }
}

fn relation(text: &str) -> Option<(Relation, &str)> {
    [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        ("!=", Relation::Not),
        ("=", Relation::Equal),
        (":", Relation::Equal),
        (">", Relation::Above),
        ("<", Relation::Below),
    ]
    .into_iter()
    .find_map(|(sign, relation)| text.strip_prefix(sign).map(|rest| (relation, rest)))
}

/// One word of a filter.
struct Word<'a> {
    /// Where it stands, in characters from 1.
    column: usize,
    not: bool,
    /// What stands before the sign, if it is one of ours.
    key: Option<&'a str>,
    /// What is looked for, or the value behind the key; a level keeps its sign.
    text: String,
    quoted: bool,
}

impl Word<'_> {
    fn wrong(&self, what: &str) -> InvalidFilter {
        InvalidFilter {
            column: self.column,
            what: what.to_owned(),
        }
    }

    fn named(&self, what: &str) -> Result<&str, InvalidFilter> {
        if self.text.is_empty() {
            return Err(self.wrong(&format!("which {what}?")));
        }
        Ok(&self.text)
    }
}

fn words(typed: &str) -> Result<Vec<Word<'_>>, InvalidFilter> {
    let mut words = Vec::new();
    let mut rest = typed;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(words);
        }
        let column = typed.chars().count() - rest.chars().count() + 1;
        let wrong = |what: &str| InvalidFilter {
            column,
            what: what.to_owned(),
        };
        let not = rest.starts_with('!');
        rest = rest.strip_prefix('!').unwrap_or(rest);
        let key = key_of(rest);
        let value = rest.get(key.map_or(0, str::len)..).unwrap_or_default();
        let value = match key {
            Some("level") | None => value,
            Some(_) => value.strip_prefix(':').unwrap_or(value),
        };
        let (text, quoted, on) = match value.strip_prefix('"') {
            Some(inside) => {
                let (text, on) = unquote(inside).ok_or_else(|| wrong("the quote is not closed"))?;
                (text, true, on)
            }
            None => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                let (text, on) = value.split_at_checked(end).unwrap_or((value, ""));
                (text.to_owned(), false, on)
            }
        };
        if text.is_empty() && key.is_none() {
            return Err(wrong("nothing stands here"));
        }
        words.push(Word {
            column,
            not,
            // A name may be quoted; a quoted word is no name.
            key,
            quoted: quoted && key.is_none(),
            text,
        });
        rest = on;
    }
}

fn key_of(word: &str) -> Option<&'static str> {
    if word
        .strip_prefix("level")
        .is_some_and(|rest| relation(rest).is_some())
    {
        return Some("level");
    }
    ["host", "source", "since", "until"]
        .into_iter()
        .find(|key| {
            word.strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(':'))
        })
}

/// What stands up to the closing quote, and what comes behind it.
fn unquote(inside: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = inside.chars();
    loop {
        match chars.next()? {
            '"' => return Some((text, chars.as_str())),
            '\\' => match chars.next()? {
                c @ ('"' | '\\') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SafeText;

    const NOW: Now = Now {
        // 2026-11-21 14:30:00 UTC
        stamp: Stamp(1_795_271_400_000_000_000),
        zone: 3600,
    };

    fn passes(filter: &str, text: &str, level: Option<Level>) -> bool {
        let filter = Filter::new(filter, NOW).unwrap();
        let label = SourceLabel {
            host: SafeText::new("spark-1"),
            name: SafeText::new("vllm"),
        };
        filter.passes_source(&label)
            && filter.passes_level(level)
            && filter.passes_time(Stamp(NOW.stamp.0 - 60_000_000_000))
            && filter.passes_text(text)
    }

    #[test]
    fn filters_by_rows() {
        let (warn, info) = (Some(Level::Warning), Some(Level::Info));
        for (filter, text, level, passed) in [
            ("", "x", None, true),
            ("  ", "x", None, true),
            ("load", "Loading", None, true),
            ("Load", "loading", None, false),
            ("load shard", "shard load", None, true),
            ("load shard", "load", None, false),
            ("!shard", "load", None, true),
            ("!shard", "shard", None, false),
            ("sh.rd", "shard", None, true),
            ("\"sh.rd\"", "shard", None, false),
            ("\"a b\"", "xa by", None, true),
            ("!\"a b\"", "xa by", None, false),
            (r#""a\"b""#, "a\"b", None, true),
            ("\"host:x\"", "a host:x b", None, true),
            ("level>=warn", "x", warn, true),
            ("level>=warn", "x", info, false),
            ("level>=warn", "x", None, false),
            ("!level>=warn", "x", info, true),
            ("level=info", "x", info, true),
            ("level:info", "x", info, true),
            ("level!=info", "x", None, true),
            ("level<warn", "x", info, true),
            ("level>info level<=warning", "x", warn, true),
            ("host:spark", "x", None, true),
            ("host:SPARK-1", "x", None, true),
            ("host:rtx", "x", None, false),
            ("host:rtx host:spark", "x", None, true),
            ("!host:spark", "x", None, false),
            ("source:vllm", "x", None, true),
            ("source:\"vllm\" !x", "x", None, false),
            ("since:10m", "x", None, true),
            ("since:30s", "x", None, false),
            ("until:30s", "x", None, true),
            ("since:15:28", "x", None, true),
            ("since:15:29:30", "x", None, false),
            ("until:15:29", "x", None, false),
            (
                "since:2026-11-21 until:2026-11-21T15:29:01",
                "x",
                None,
                true,
            ),
            ("levels", "levels", None, true),
            ("foo:bar", "foo:bar", None, true),
        ] {
            assert_eq!(
                passes(filter, text, level),
                passed,
                "{filter:?} {text:?} {level:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (filter, said) in [
            ("é a(b", "column 4: unclosed group"),
            (
                "x level>=loud",
                "column 3: levels are trace debug info notice warn error fatal",
            ),
            (
                "since:soon",
                "column 1: a time is 10m, 2h30m, 14:05, 14:05:22 or 2026-11-21T14:05",
            ),
            ("!since:1m", "column 1: a time can't be turned round"),
            ("host:", "column 1: which host?"),
            ("a \"open", "column 3: the quote is not closed"),
            ("a ! b", "column 3: nothing stands here"),
            ("\"\"", "column 1: nothing stands here"),
        ] {
            let error = Filter::new(filter, NOW).unwrap_err();
            assert_eq!(error.to_string(), said, "{filter:?}");
        }
    }
}
