//! JSON that may be looked at on a terminal (pure): what a terminal obeys, or what can't be seen, is written by its number.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::class::Class;

/// The same JSON with every control, bidi and invisible character as `\uXXXX`. Line ends are JSON's own and stay; a program
/// that reads it gets the text as it was.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_risky) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_risky(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn is_risky(c: char) -> bool {
    c != '\n' && matches!(Class::of(c), Class::Control | Class::Hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::vectors::SEQUENCES;

    #[test]
    fn a_terminal_obeys_none_of_it_and_a_program_reads_all_of_it() {
        for text in SEQUENCES.iter().copied().chain([
            "rm \u{202e}txt.exe",
            "a\u{9b}2Jb\u{7f}",
            "tag\u{e0041}",
            "zero\u{200b}width",
            "日本 👩\u{200d}👩 é",
        ]) {
            let json = serde_json::to_string(text).unwrap();
            let shown = escape_json(&json);
            assert!(!shown.chars().any(is_risky), "{shown:?}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
        assert!(matches!(
            escape_json("{\n  \"a\": \"é\"\n}"),
            Cow::Borrowed(_)
        ));
    }
}
