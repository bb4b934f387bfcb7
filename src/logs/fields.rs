//! A line of JSON or logfmt as its message and its fields, in the order in which they were written. Anything else has none.

use serde::de::IgnoredAny;

use super::level::is_level_key;

/// A line taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The message; empty where no field is one.
    pub message: String,
    /// The others: key and value.
    pub rest: Vec<(String, String)>,
}

/// The names under which loggers write the message, the likelier first.
const MESSAGES: [&str; 6] = ["msg", "message", "event", "@message", "textPayload", "body"];

/// The names under which loggers write the time.
const TIMES: [&str; 4] = ["time", "ts", "timestamp", "@timestamp"];

impl Fields {
    /// Without what stands in a column of its own: the time, and the level where it is known. A line that holds nothing else
    /// keeps it.
    pub(super) fn without_columns(mut self, level_known: bool) -> Self {
        let in_column = |key: &str, value: &str| {
            (TIMES.contains(&key) && is_moment(value)) || (level_known && is_level_key(key))
        };
        let is_more = |(key, value): &(String, String)| !in_column(key, value);
        if !self.message.is_empty() || self.rest.iter().any(is_more) {
            self.rest.retain(is_more);
        }
        self
    }
}

/// A date, or a count of at least seconds since the epoch; `time=12ms` is how long something took.
fn is_moment(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let is_date = matches!(value.as_bytes().get(4), Some(b'-' | b'/'));
    let is_number = || value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (digits == 4 && is_date) || (digits >= 10 && is_number())
}

/// Takes a line apart, where it is one JSON object or nothing but `key=value`.
pub fn fields_of(line: &str) -> Option<Fields> {
    let line = line.trim();
    let pairs = if line.starts_with('{') {
        json_pairs(line)?
    } else {
        logfmt_pairs(line)?
    };
    let message = MESSAGES
        .iter()
        .find_map(|name| pairs.iter().position(|(key, _)| key == name));
    let mut fields = Fields::default();
    for (at, (key, value)) in pairs.into_iter().enumerate() {
        if message == Some(at) {
            fields.message = value;
        } else {
            fields.rest.push((key, value));
        }
    }
    Some(fields)
}

fn json_pairs(line: &str) -> Option<Vec<(String, String)>> {
    // What walks the fields takes the object to be a sound one.
    serde_json::from_str::<IgnoredAny>(line).ok()?;
    let pairs =
        json_fields(line).map(|(key, value)| (unquoted(&format!("\"{key}\"")), unquoted(value)));
    Some(pairs.collect())
}

/// A value as text: strings without their quotes, the rest as it was written, without blanks.
fn unquoted(value: &str) -> String {
    if value.starts_with('"')
        && let Ok(text) = serde_json::from_str::<String>(value)
    {
        return text;
    }
    let mut quoted = false;
    let mut escaped = false;
    value
        .chars()
        .filter(|c| {
            let keep = quoted || !c.is_ascii_whitespace();
            if *c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = quoted && *c == '\\' && !escaped;
            keep
        })
        .collect()
}

/// The fields of a JSON object: the inside of each key's quotes, and each value as it was written. Of an object that is
/// not sound some may be missing.
pub(super) fn json_fields(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = line.trim_start().strip_prefix('{').unwrap_or_default();
    std::iter::from_fn(move || {
        let key_and_on = rest
            .trim_start_matches(BLANKS_AND_COMMA)
            .strip_prefix('"')?;
        let key_end = string_end(key_and_on)?;
        let key = key_and_on.get(..key_end)?;
        let value_and_on = key_and_on
            .get(key_end + 1..)?
            .trim_start()
            .strip_prefix(':')?
            .trim_start();
        let end = value_end(value_and_on)?;
        rest = value_and_on.get(end..)?;
        Some((key, value_and_on.get(..end)?.trim_end()))
    })
}

const BLANKS_AND_COMMA: [char; 5] = [' ', ',', '\t', '\r', '\n'];

/// Where the string ends whose opening quote was just passed.
fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// Where the value ends that begins here: at the comma or the bracket that is not its own.
fn value_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => at += 1 + string_end(text.get(at + 1..)?)?,
            b'{' | b'[' => depth += 1,
            b',' if depth == 0 => return Some(at),
            b'}' | b']' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Some(at),
            },
            _ => {}
        }
        at += 1;
    }
}

/// logfmt: nothing but pairs, at least two.
fn logfmt_pairs(line: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let sound = |b: u8| b.is_ascii_alphanumeric() || b"_-.@/".contains(&b);
        if key.is_empty() || !key.bytes().all(sound) {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = string_end(quoted)?;
                (logfmt_string(quoted.get(..end)?), quoted.get(end + 1..)?)
            }
            None => {
                let end = after.find(' ').unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.to_owned(), after)
            }
        };
        if !after.is_empty() && !after.starts_with(' ') {
            return None;
        }
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    (pairs.len() >= 2).then_some(pairs)
}

fn logfmt_string(inside: &str) -> String {
    serde_json::from_str(&format!("\"{inside}\"")).unwrap_or_else(|_| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(line: &str) -> Option<String> {
        fields_of(line).map(|fields| {
            let rest: Vec<_> = fields
                .rest
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            format!("{}|{}", fields.message, rest.join(" "))
        })
    }

    #[test]
    fn fields_by_rows() {
        for (line, fields) in [
            ("", None),
            ("plain", None),
            ("a=1", None),
            ("word a=1 b=2", None),
            ("a=1 word b=2", None),
            ("https://x/?a=1 b=2", None),
            (
                "level=info msg=\"hello \\\"you\\\"\" n=3",
                Some("hello \"you\"|level=info n=3"),
            ),
            ("a=1 b= c=\"\"", Some("|a=1 b= c=")),
            ("a=\"1\"b=2", None),
            ("a=\"open b=2", None),
            (
                r#"{"a":1,"msg":"hi","b":{"c": [1, "x y"]}}"#,
                Some(r#"hi|a=1 b={"c":[1,"x y"]}"#),
            ),
            (
                r#" {"z":null,"message":"a\nb","a":true} "#,
                Some("a\nb|z=null a=true"),
            ),
            (r#"{"msg":"m","message":"n"}"#, Some("m|message=n")),
            (r#"{"q\"k":"v"}"#, Some("|q\"k=v")),
            (
                r#"{"e":"a\\","f":"\u001b[31m"}"#,
                Some("|e=a\\ f=\u{1b}[31m"),
            ),
            ("{}", Some("|")),
            ("{\"a\":1", None),
            ("{\"a\":1} x", None),
            ("{not json}", None),
        ] {
            assert_eq!(written(line).as_deref(), fields, "{line:?}");
        }
    }

    #[test]
    fn what_has_a_column_is_left_out_by_rows() {
        for (line, level_known, rest) in [
            (
                "time=2026-11-21T14:05:06Z level=info msg=x n=3",
                true,
                "n=3",
            ),
            ("ts=1795269907.5 level=odd msg=x", false, "level=odd"),
            (r#"{"time":1795269907125,"level":30,"msg":"x"}"#, true, ""),
            ("time=12ms msg=x", true, "time=12ms"),
            ("time=12 msg=x", true, "time=12"),
            // Nothing would be left to see.
            ("ts=1795269907 level=info", true, "ts=1795269907 level=info"),
        ] {
            let fields = fields_of(line).unwrap().without_columns(level_known);
            let seen: Vec<_> = fields
                .rest
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            assert_eq!(seen.join(" "), rest, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(line in "[{}\\[\\]\",:=\\\\ a-c0-9é]{0,40}") {
            let _ = fields_of(&line);
            let _ = json_fields(&line).count();
        }

        #[test]
        fn every_field_of_an_object_is_found(values in prop::collection::btree_map("[a-z]{1,6}", any::<String>(), 0..6)) {
            let line = serde_json::to_string(&values).unwrap();
            let found: std::collections::BTreeMap<_, _> = json_pairs(&line).unwrap().into_iter().collect();
            prop_assert_eq!(found, values);
        }
    }
}
