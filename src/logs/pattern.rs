//! A pattern as a person types it -> a regular expression for many lines in one text, which never matches across a line end.
//! So a block of lines is searched in one go, and each line as if it stood alone.

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};
use regex_syntax::hir::{Hir, HirKind, Look};
use thiserror::Error;

/// Longest pattern, in bytes: who pastes a file into a search does not mean it.
const LONGEST: usize = 4096;

/// Room for a compiled pattern, in bytes: what needs more takes too long to compile while somebody types.
const PROGRAM: usize = 2 << 20;

/// Room for the automata of one pattern, in bytes.
const AUTOMATON: usize = 8 << 20;

/// A compiled pattern: a regular expression, smart case.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

/// A pattern that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct InvalidPattern {
    /// What is wrong, in words; the byte of the pattern, where that is known.
    pub what: String,
    /// Where in the pattern, in bytes.
    pub at: usize,
}

impl Pattern {
    /// Reads a regular expression. It matches either case unless it has a capital letter.
    pub fn new(typed: &str) -> Result<Self, InvalidPattern> {
        if typed.len() > LONGEST {
            return Err(InvalidPattern {
                what: format!("the pattern is longer than {LONGEST} bytes"),
                at: LONGEST,
            });
        }
        let hir = ParserBuilder::new()
            .case_insensitive(!has_capital(typed))
            .multi_line(true)
            .build()
            .parse(typed)
            .map_err(|error| InvalidPattern::from_syntax(&error))?;
        let regex = RegexBuilder::new(&within_lines(hir).to_string())
            .size_limit(PROGRAM)
            .dfa_size_limit(AUTOMATON)
            .build()
            .map_err(|_| InvalidPattern {
                what: "the pattern is too large".to_owned(),
                at: 0,
            })?;
        Ok(Self { regex })
    }

    /// Takes a text for what it is, smart case.
    pub fn literal(text: &str) -> Result<Self, InvalidPattern> {
        let escaped = regex_syntax::escape(text);
        let pattern = if has_capital(text) {
            escaped
        } else {
            format!("(?i){escaped}")
        };
        Self::new(&pattern)
    }

    /// Whether it is found in a line.
    pub fn is_in(&self, line: &str) -> bool {
        self.regex.is_match(line)
    }

    /// Where it is found in a line, in bytes; what is empty is left out.
    pub fn places(&self, line: &str) -> Vec<(u32, u32)> {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.regex
            .find_iter(line)
            .filter(|found| !found.is_empty())
            .map(|found| (narrow(found.start()), narrow(found.end())))
            .collect()
    }

    pub(super) fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl InvalidPattern {
    fn from_syntax(error: &regex_syntax::Error) -> Self {
        let (what, at) = match error {
            regex_syntax::Error::Parse(e) => (e.kind().to_string(), e.span().start.offset),
            regex_syntax::Error::Translate(e) => (e.kind().to_string(), e.span().start.offset),
            _ => ("the pattern can't be read".to_owned(), 0),
        };
        Self { what, at }
    }
}

/// Whether a capital letter is meant; one behind a backslash names a class.
fn has_capital(typed: &str) -> bool {
    let mut escaped = false;
    typed.chars().any(|c| {
        let meant = !std::mem::take(&mut escaped);
        escaped = meant && c == '\\';
        meant && c.is_uppercase()
    })
}

/// The same, for a line among many: nothing in it matches a line end, and its ends are those of the line.
/// Words end as in ASCII, since the rules of Unicode would make every search slow.
fn within_lines(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(look) => Hir::look(line_look(look)),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(within_lines(*repetition.sub));
            Hir::repetition(repetition)
        }
        // What is only found needs no groups.
        HirKind::Capture(capture) => within_lines(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(within_lines).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(within_lines).collect())
        }
    }
}

fn line_look(look: Look) -> Look {
    match look {
        Look::Start | Look::StartCRLF => Look::StartLF,
        Look::End | Look::EndCRLF => Look::EndLF,
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_by_rows() {
        for (pattern, line, found) in [
            ("error", "an ERROR", true),
            ("Error", "an ERROR", false),
            (r"\Serror", "xerror", true),
            (r"\AERR", "ERR x", true),
            (r"x\z", "a x", true),
            ("^a.*b$", "a to b", true),
            (r"a\nb", "a\nb", false),
            (r"a\sb", "a b", true),
            (r"a\sb", "a\nb", false),
            ("a[^x]b", "a\nb", false),
            ("(?s)a.b", "a\nb", false),
            (r"\bgpu\b", "gpu0", false),
            (r"(one|two) (three)", "two three", true),
            ("é", "É", true),
        ] {
            let pattern_read = Pattern::new(pattern).unwrap();
            assert_eq!(pattern_read.is_in(line), found, "{pattern:?} in {line:?}");
        }
        assert!(Pattern::literal("a.b(").unwrap().is_in("A.B("));
        assert!(!Pattern::literal("a.B").unwrap().is_in("a.b"));
        assert_eq!(Pattern::new("b*").unwrap().places("abba"), [(1, 3)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (pattern, at) in [("a(b", 1), ("[z-a]", 1), ("*", 0), (r"\q", 0)] {
            let error = Pattern::new(pattern).unwrap_err();
            assert_eq!(error.at, at, "{pattern:?}: {error}");
            assert!(!error.what.is_empty() && !error.what.contains('\n'));
        }
        assert!(Pattern::new("(a{1000}){1000}").is_err());
        assert!(Pattern::new(&"a".repeat(LONGEST + 1)).is_err());
    }

    proptest! {
        /// A text of many lines is searched as if each line stood alone.
        #[test]
        fn lines_together_match_as_they_do_alone(
            pattern in prop::sample::select(vec![
                "a", "^$", "a*", "b$", "^a", r"\s", r"\W", "[^a]", r"a\b", r"\Ab|a\z", "(a|b)+ ", "(?s).", r"\B",
            ]),
            lines in prop::collection::vec("[ab é]{0,4}", 1..8),
        ) {
            let pattern = Pattern::new(pattern).unwrap();
            let text = lines.join("\n");
            let mut alone = Vec::new();
            let mut start = 0;
            for line in &lines {
                alone.extend(pattern.regex.find_iter(line).map(|m| (start + m.start(), start + m.end())));
                start += line.len() + 1;
            }
            let together: Vec<_> = pattern.regex.find_iter(&text).map(|m| (m.start(), m.end())).collect();
            let line_of = |at: &(usize, usize)| text[..at.0].matches('\n').count();
            let mut alone: Vec<_> = alone.iter().map(line_of).collect();
            let mut together: Vec<_> = together.iter().map(line_of).collect();
            alone.dedup();
            together.dedup();
            prop_assert_eq!(alone, together);
        }
    }
}
