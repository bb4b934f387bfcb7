//! `SafeText`: the only foreign text a widget takes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::clean::{clean, decode, is_clean};

/// Text without control characters, escape sequences, bidi or invisible characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SafeText(Arc<str>);

impl SafeText {
    /// Cleans text from outside. Escape sequences are taken out and leave `␛` (colours leave nothing), controls show as
    /// their pictures, a tab as a space, a line end inside the text as `␊`; characters that can't be seen or that turn
    /// the direction of text show by their number, as `‹U+202E›`.
    pub fn new(foreign: &str) -> Self {
        if is_clean(foreign) {
            Self(foreign.into())
        } else {
            Self(clean(foreign).into())
        }
    }

    /// Cleans bytes from outside; what is not UTF-8 becomes U+FFFD.
    pub fn from_bytes(foreign: &[u8]) -> Self {
        match std::str::from_utf8(foreign) {
            Ok(text) => Self::new(text),
            Err(_) => Self::new(&decode(foreign)),
        }
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for SafeText {
    fn default() -> Self {
        Self("".into())
    }
}

impl From<&str> for SafeText {
    fn from(foreign: &str) -> Self {
        Self::new(foreign)
    }
}

impl From<String> for SafeText {
    fn from(foreign: String) -> Self {
        Self::new(&foreign)
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A recording is foreign text like any other.
impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::class::Class;
    use crate::text::vectors::SEQUENCES;
    use proptest::prelude::*;

    fn is_safe(text: &str) -> bool {
        text.chars()
            .all(|c| matches!(Class::of(c), Class::Plain | Class::Mark))
    }

    #[test]
    fn sequences_go_whole() {
        for sequence in SEQUENCES {
            let text = SafeText::from(format!("a{sequence}b"));
            assert_eq!(text.as_str(), "a␛b", "{sequence:?}");
        }
        let colours = "\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[m\x1b[K";
        assert_eq!(SafeText::new(colours).as_str(), "red true");
    }

    #[test]
    fn sequences_cut_anywhere_stay_harmless() {
        for sequence in SEQUENCES {
            for cut in 0..sequence.len() {
                let bytes = &sequence.as_bytes()[..cut];
                for tail in ["", "b", "\n", "\x1b[31m", "é"] {
                    let text = SafeText::from_bytes(&[b"a", bytes, tail.as_bytes()].concat());
                    assert!(is_safe(text.as_str()), "{sequence:?} {cut} {text:?}");
                    assert!(text.as_str().starts_with('a'));
                }
            }
        }
    }

    #[test]
    fn characters_by_rows() {
        for (foreign, shown) in [
            ("", ""),
            ("plain [red] {{}} %s {0}", "plain [red] {{}} %s {0}"),
            ("a\tb", "a b"),
            ("one\ntwo\r\nthree\rfour\r\n", "one␊two␊three␊four"),
            ("bell\x07 back\x08 nul\0 del\x7f", "bell␇ back␈ nul␀ del␡"),
            ("so\x0esi\x0fenq\x05vt\x0bff\x0c", "so␎si␏enq␅vt␋ff␌"),
            ("nel\u{85}x", "nel‹U+0085›x"),
            ("rm\u{202e}txt", "rm‹U+202E›txt"),
            ("pay\u{200b}\u{200b}\u{200b}pal", "pay‹U+200B›×3pal"),
            ("a\u{ad}b\u{34f}c\u{feff}", "a‹U+00AD›b‹U+034F›c‹U+FEFF›"),
            ("x\u{e0041}\u{e0042}", "x‹U+E0041›‹U+E0042›"),
            (
                "\u{3164}\u{2800}\u{2028}\u{2029}",
                "‹U+3164›‹U+2800›‹U+2028›‹U+2029›",
            ),
            (
                "\u{e000}\u{fdd0}\u{fffe}\u{fff9}",
                "‹U+E000›‹U+FDD0›‹U+FFFE›‹U+FFF9›",
            ),
            ("no\u{a0}break\u{3000}wide", "no break wide"),
            ("👩\u{200d}👩\u{200d}👧 ☺\u{fe0f}", "👩👩👧 ☺"),
            ("a\u{200d}b a\u{fe0f}", "a‹U+200D›b a‹U+FE0F›"),
            ("é e\u{301} 日本 ไทย", "é e\u{301} 日本 ไทย"),
            ("\u{301}alone", "◌\u{301}alone"),
            // An escape inside a title is no end of it: what follows is read anew (the less case).
            ("\x1b]0;a\x1b]8;;x\x07b", "␛␛b"),
            // A string without an end hides nothing.
            ("\x1b]0;all of this stays", "␛0;all of this stays"),
        ] {
            assert_eq!(SafeText::new(foreign).as_str(), shown, "{foreign:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text() {
        for (bytes, shown) in [
            (&b"a\xffb"[..], "a\u{fffd}b"),
            (b"a\x9b31mb", "ab"),
            (b"a\x9d0;t\x07b", "a␛b"),
            (b"a\x85b", "a‹U+0085›b"),
            (b"a\xc0\xafb", "a\u{fffd}\u{fffd}b"),
            (b"a\xed\xa0\x80b", "a\u{fffd}\u{fffd}‹U+0080›b"),
        ] {
            assert_eq!(SafeText::from_bytes(bytes).as_str(), shown, "{bytes:?}");
        }
    }

    #[test]
    fn every_control_and_every_hidden_character_is_seen() {
        for c in ('\0'..=char::MAX).filter(|c| {
            matches!(
                Class::of(*c),
                Class::Control | Class::Hidden | Class::Joiner
            )
        }) {
            let text = SafeText::from(format!("a{c}b"));
            assert!(is_safe(text.as_str()), "{c:?}");
            assert_ne!(text.as_str(), "ab", "{c:?}");
        }
    }

    #[test]
    fn piles_are_cut_and_hostile_text_costs_one_pass() {
        let zalgo = format!("a{}b", "\u{301}".repeat(60));
        assert_eq!(
            SafeText::from(zalgo).as_str(),
            format!("a{}b", "\u{301}".repeat(4))
        );
        let many = 1 << 17;
        assert_eq!(
            SafeText::from("\u{200b}".repeat(many)).as_str(),
            "‹U+200B›×131072"
        );
        for hostile in ["\u{9d}", "\x1b]", "\x1b[", "\x1bP", "\x1b"] {
            assert!(is_safe(SafeText::from(hostile.repeat(many)).as_str()));
        }
        let unterminated = format!("\x1b]0;{}", "x".repeat(10 << 20));
        assert_eq!(
            SafeText::from(unterminated).as_str().len(),
            "␛0;".len() + (10 << 20)
        );
    }

    fn nasty() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(
            SEQUENCES
                .iter()
                .copied()
                .chain([
                    "\x1b", "\x1b]", "\x1bP", "\u{9d}", "\u{9b}", "\\", "\x07", "\u{200d}",
                    "\u{301}", "👩", "\n", "a",
                ])
                .collect::<Vec<_>>(),
        );
        let piece = prop_oneof![pieces.prop_map(str::to_owned), any::<String>()];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_unsafe_comes_out(text in nasty()) {
            let safe = SafeText::new(&text);
            prop_assert!(is_safe(safe.as_str()), "{:?}", safe);
            prop_assert_eq!(SafeText::new(safe.as_str()), safe);
        }

        #[test]
        fn nothing_unsafe_comes_out_of_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(is_safe(SafeText::from_bytes(&bytes).as_str()));
        }

        #[test]
        fn printable_ascii_stays_as_it_is(text in "[ -~]{0,600}") {
            let safe = SafeText::new(&text);
            prop_assert_eq!(safe.as_str(), text);
        }
    }
}
