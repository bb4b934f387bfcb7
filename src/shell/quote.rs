//! Quoting that bash, zsh, dash, fish and busybox sh read alike.

/// Characters that no shell treats as syntax anywhere in a word. `=` is left out because zsh expands a leading one,
/// `~`, `^` and `%` because some shell gives each a meaning.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'@' | b'+')
}

/// Quotes one word. `'` and `\` are written outside of single quotes, because fish gives `\` a meaning inside them
/// and the POSIX shells do not.
pub fn quote(word: &str) -> String {
    if word.is_empty() {
        return "''".into();
    }
    if word.bytes().all(is_plain) {
        return word.into();
    }
    let mut quoted = String::with_capacity(word.len() + 8);
    let mut inside = false;
    for c in word.chars() {
        let escaped = matches!(c, '\'' | '\\');
        if inside == escaped {
            quoted.push('\'');
            inside = !inside;
        }
        if escaped {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    if inside {
        quoted.push('\'');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quoting_by_rows() {
        for (word, quoted) in [
            ("", "''"),
            ("plain-1.txt", "plain-1.txt"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            (r"a\b", r"'a'\\'b'"),
            (r"'\", r"\'\\"),
            ("$(reboot)", "'$(reboot)'"),
            ("=ls", "'=ls'"),
            ("~root", "'~root'"),
            ("line\nbreak", "'line\nbreak'"),
        ] {
            assert_eq!(quote(word), quoted, "{word:?}");
        }
    }
}
