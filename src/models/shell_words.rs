//! The words of a command template (pure): settings in braces filled in, then split as a POSIX shell splits. What a shell would do
//! beyond that is refused: nothing is expanded, nothing is run.

use std::collections::BTreeMap;

use thiserror::Error;

/// Why a template has no words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum BadTemplate {
    #[error("the command names `{{{0}}}`, which `defaults` does not say")]
    Unknown(String),
    #[error("a brace of the command is never closed")]
    Brace,
    #[error("a quote of the command is never closed")]
    Quote,
    #[error("the command holds `{0}`, which only a shell makes sense of")]
    Shell(char),
}

impl BadTemplate {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "add it under `defaults`",
            Self::Brace => "a brace that is meant stands twice: {{ and }}",
            Self::Quote => "close it, or write a backslash before it",
            Self::Shell(_) => "put the word into single quotes, or take it out",
        }
    }
}

/// The template with each `{name}` filled in; `{{` and `}}` are braces.
pub(super) fn substitute(
    template: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, BadTemplate> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '{' if rest.next_if_eq(&'{').is_some() => filled.push('{'),
            '}' if rest.next_if_eq(&'}').is_some() => filled.push('}'),
            '}' => return Err(BadTemplate::Brace),
            '{' => {
                let mut name = String::new();
                loop {
                    match rest.next() {
                        Some('}') => break,
                        Some(c) if c == '_' || c.is_ascii_alphanumeric() => name.push(c),
                        _ => return Err(BadTemplate::Brace),
                    }
                }
                match values.get(&name) {
                    Some(value) => filled.push_str(value),
                    None => return Err(BadTemplate::Unknown(name)),
                }
            }
            c => filled.push(c),
        }
    }
    Ok(filled)
}

/// Where the next character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Single,
    Double,
}

/// The words of a line, as a POSIX shell splits them.
pub(super) fn split(line: &str) -> Result<Vec<String>, BadTemplate> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut within = Within::Nothing;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match (within, c) {
            (Within::Single, '\'') | (Within::Double, '"') => within = Within::Nothing,
            (Within::Single, c) => word.get_or_insert_default().push(c),
            (Within::Double, '\\') => match rest.next() {
                Some('\n') => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => word.get_or_insert_default().push(c),
                Some(c) => word.get_or_insert_default().extend(['\\', c]),
                None => return Err(BadTemplate::Quote),
            },
            (_, '$' | '`') => return Err(BadTemplate::Shell(c)),
            (Within::Nothing, '\\') => match rest.next() {
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err(BadTemplate::Quote),
            },
            (Within::Nothing, '\'') => {
                word.get_or_insert_default();
                within = Within::Single;
            }
            (Within::Nothing, '"') => {
                word.get_or_insert_default();
                within = Within::Double;
            }
            (Within::Nothing, '#') if word.is_none() => {
                while rest.next_if(|c| *c != '\n').is_some() {}
            }
            (Within::Nothing, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            (Within::Nothing, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '*' | '?' | '~') => {
                return Err(BadTemplate::Shell(c));
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if within != Within::Nothing {
        return Err(BadTemplate::Quote);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shell::quote;

    #[test]
    fn words_by_rows() {
        for (line, words) in [
            ("a b\n", vec!["a", "b"]),
            (
                "vllm serve x \\\n  --a 1",
                vec!["vllm", "serve", "x", "--a", "1"],
            ),
            (
                r#"--x '{"a": "b c"}' "d \"e\" \n" ''"#,
                vec!["--x", r#"{"a": "b c"}"#, r#"d "e" \n"#, ""],
            ),
            ("a'b'\"c\" # said", vec!["abc"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line:?}");
        }
        for line in [
            "a; b", "$(id)", "\"`id`\"", "a > b", "'a", "\"a", "a\\", "~/x", "*", "a & b",
        ] {
            assert!(split(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn settings_are_filled_in() {
        let values = BTreeMap::from([("port".to_owned(), "8000".to_owned())]);
        assert_eq!(
            substitute("--port {port} '{{\"a\": 1}}'", &values).unwrap(),
            "--port 8000 '{\"a\": 1}'"
        );
        for bad in ["{x}", "{", "}", "{a b}", "{port"] {
            assert!(substitute(bad, &values).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_split_again(words in prop::collection::vec("\\PC{0,12}|[ '\"\\\\$`;\n]{0,6}", 0..6)) {
            let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
            // Only what stands outside of quotes is refused, and quoting leaves nothing there.
            prop_assert_eq!(split(&line).unwrap(), words);
        }

        #[test]
        fn no_text_ends_the_process(text in "\\PC{0,40}|[{}'\"\\\\ a\n]{0,20}") {
            // Without braces nothing is filled in.
            if let Ok(filled) = substitute(&text, &BTreeMap::new()) && !text.contains(['{', '}']) {
                prop_assert_eq!(split(&filled), split(&text));
            }
        }
    }
}
