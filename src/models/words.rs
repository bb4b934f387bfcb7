//! What may stand in a field of a recipe (pure). Each grammar is narrower than what quoting could carry: a value passes through
//! `docker`, `ssh` and scripts of others, and not each of them quotes.

use crate::text::SafeText;

/// The longest key of a recipe.
const LONGEST_KEY: usize = 64;

/// The longest word of an argument or value.
const LONGEST_WORD: usize = 4096;

/// Characters that no shell, no `docker` option and no word splitting treats in a way of its own.
fn is_inert(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._:/@%+=,-".contains(c)
}

/// The key of a recipe: it names containers, labels and jobs. Small letters, digits, `.`, `_` and `-`.
pub(super) fn is_key(text: &str) -> bool {
    text.len() <= LONGEST_KEY
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
}

/// The name of an image, with its registry, tag or digest.
pub(super) fn is_image(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._:/@-".contains(c))
}

/// The name of a container.
pub(super) fn is_container(text: &str) -> bool {
    (2..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// A path without blanks, shell characters, `.` and `..`.
pub(super) fn is_plain_path(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 1024
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._+/-".contains(c))
        && text
            .split('/')
            .all(|part| part != "." && part != ".." && !part.starts_with('-'))
}

/// A word that survives being expanded without quotes, once and twice.
pub(super) fn is_inert_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_WORD && text.chars().all(is_inert)
}

/// A word of a command: no control characters, none that can't be seen.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && is_value(text)
}

/// A value; it may be empty.
pub(super) fn is_value(text: &str) -> bool {
    text.len() <= LONGEST_WORD && SafeText::new(text).as_str() == text
}

/// The name of a setting, as the flag without its dashes: `max_model_len`.
pub(super) fn is_knob(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with(['_', '-', '.'])
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c))
}

/// The name of a `.gguf` file, or its path below the folder of the weights.
pub(super) fn is_gguf(text: &str) -> bool {
    is_plain_path(text) && !text.starts_with('/') && text.strip_suffix(".gguf").is_some()
}

/// Some line for people, clean and not too long.
pub(super) fn is_line(text: &str, longest: usize) -> bool {
    is_word(text) && text.chars().count() <= longest
}
