//! Names that become words of commands (pure): letters, digits and a few more characters, the first a letter or a digit; and words of
//! which only some are known.

use std::ops::RangeInclusive;

use super::layers::Layers;
use super::nearest::nearest;
use super::reader::Lined;

/// Whether a name is so long, begins with a letter or a digit, and has nothing beside those but `more`.
pub(super) fn is_plain(name: &str, length: RangeInclusive<usize>, more: &str) -> bool {
    length.contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

impl Layers<'_> {
    /// A name as it was written; one that does not fit is told with the mend.
    pub(super) fn plain(
        &mut self,
        text: &Lined<String>,
        (key, length, more): (&str, RangeInclusive<usize>, &str),
        hint: &str,
    ) -> Option<String> {
        if is_plain(&text.value, length, more) {
            return Some(text.value.clone());
        }
        self.problems.at(
            text.line,
            format!("`{key}` can't be `{}`", text.value),
            hint,
        );
        None
    }

    /// Tells that a word is none of those that are known.
    pub(super) fn unknown_word(
        &mut self,
        word: &Lined<String>,
        key: &str,
        known: &[&'static str],
        otherwise: &str,
    ) {
        let hint = match nearest(&word.value, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write one of {}{otherwise}", known.join(", ")),
        };
        self.problems
            .at(word.line, format!("`{key}` is `{}`", word.value), hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_by_rows() {
        for (name, plain) in [
            ("a", true),
            ("a.b-c_1", true),
            ("1a", true),
            ("", false),
            (".a", false),
            ("-a", false),
            ("a b", false),
            ("a;b", false),
            ("a/b", false),
            ("é", false),
            ("abcdefghi", false),
        ] {
            assert_eq!(is_plain(name, 1..=8, "._-"), plain, "{name:?}");
        }
    }
}
