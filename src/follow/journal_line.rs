//! One line of `journalctl -o json` to a log line: message, time, level, cursor. Pure.
//! The format is systemd's "Journal JSON Format": values are strings; arrays of numbers where they are not printable; null
//! where they are too large; arrays of values where a field came more than once.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line::{Level, Stamp};

/// An entry of the journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    pub(super) level: Option<Level>,
    pub(super) cursor: String,
    /// Who wrote it, then what: `sshd[812]: …`, as syslog has it.
    pub(super) text: Vec<u8>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "__CURSOR")]
    cursor: Option<String>,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    received: Option<Value>,
    #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP")]
    written: Option<Value>,
    #[serde(rename = "PRIORITY")]
    priority: Option<Value>,
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Value>,
    #[serde(rename = "_PID")]
    pid: Option<Value>,
}

/// A field as JSON has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Many(Vec<Value>),
    Other(IgnoredAny),
}

impl Value {
    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            // A field that came more than once: the first is the writer's own.
            Self::Many(values) => values.into_iter().next()?.into_bytes(),
            Self::Other(IgnoredAny) => None,
        }
    }

    fn into_number(self) -> Option<i64> {
        let bytes = self.into_bytes()?;
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    }
}

/// Reads one line; `None` for what is no entry. With `names`, the writer stands before the message.
pub(super) fn read(line: &[u8], names: bool) -> Option<Entry> {
    let raw: Raw = serde_json::from_slice(line).ok()?;
    let micros = raw
        .written
        .and_then(Value::into_number)
        .or_else(|| raw.received.and_then(Value::into_number))?;
    let mut text = Vec::new();
    if names && let Some(name) = raw.identifier.and_then(Value::into_bytes) {
        text.extend(name);
        if let Some(pid) = raw.pid.and_then(Value::into_bytes) {
            text.push(b'[');
            text.extend(pid);
            text.push(b']');
        }
        text.extend(b": ");
    }
    match raw.message {
        Some(message) => match message.into_bytes() {
            Some(bytes) => text.extend(bytes),
            None => text.extend(b"(a message too large for the journal's own output)"),
        },
        None => text.extend(b"(an entry without a message)"),
    }
    Some(Entry {
        stamp: Stamp(micros.checked_mul(1000)?),
        level: raw.priority.and_then(Value::into_number).and_then(level),
        cursor: raw.cursor?,
        text,
    })
}

/// A priority of syslog (RFC 5424 §6.2.1).
pub(super) fn level(priority: i64) -> Option<Level> {
    Some(match priority {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        7 => Level::Debug,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(line: &str) -> Option<(String, i64, Option<Level>, String)> {
        let entry = read(line.as_bytes(), true)?;
        let text = String::from_utf8_lossy(&entry.text).into_owned();
        Some((text, entry.stamp.0, entry.level, entry.cursor))
    }

    #[test]
    fn entries_by_rows() {
        let row = |line: &str| told(line).map(|(text, ..)| text);
        let base = r#""__CURSOR":"c","__REALTIME_TIMESTAMP":"1795271517778142""#;
        let entry = told(&format!(
            r#"{{{base},"PRIORITY":"3","MESSAGE":"hello","SYSLOG_IDENTIFIER":"a","_PID":"7"}}"#
        ));
        assert_eq!(
            entry,
            Some((
                "a[7]: hello".into(),
                1_795_271_517_778_142_000,
                Some(Level::Error),
                "c".into()
            ))
        );
        assert_eq!(
            row(&format!(r#"{{{base},"MESSAGE":[104,105,255]}}"#)).unwrap(),
            "hi\u{fffd}"
        );
        assert_eq!(
            row(&format!(r#"{{{base},"MESSAGE":["one","two"]}}"#)).unwrap(),
            "one"
        );
        assert!(
            row(&format!(r#"{{{base},"MESSAGE":null}}"#))
                .unwrap()
                .contains("message")
        );
        assert_eq!(
            row(&format!(r#"{{{base},"MESSAGE":"x","PRIORITY":["5","6"]}}"#)).unwrap(),
            "x"
        );
        for junk in [
            "",
            "{}",
            "[1]",
            "-- No entries --",
            r#"{"MESSAGE":"x"}"#,
            r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"x"}"#,
        ] {
            assert_eq!(told(junk), None, "{junk}");
        }
    }

    #[test]
    fn a_real_journal_is_read_whole() {
        let recorded = include_str!("../../tests/it/fixtures/journal/systemd-252.json");
        let all: Vec<Entry> = recorded
            .lines()
            .filter_map(|line| read(line.as_bytes(), true))
            .collect();
        assert_eq!(all.len(), recorded.lines().count());
        assert!(all.iter().any(|entry| entry.level == Some(Level::Error)));
        assert!(all.iter().all(|entry| entry.cursor.starts_with("s=")));
    }

    proptest! {
        #[test]
        fn junk_is_borne(junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&junk, true);
        }
    }
}
