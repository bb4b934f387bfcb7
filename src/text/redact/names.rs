//! Which names are given to secrets, beyond what `is_secret` knows of environments and command lines: the fields of JSON,
//! YAML and XML, in any spelling.

use crate::text::is_secret;

/// Ends that say how a value is written, not what it is.
const ENDS: [&str; 7] = [
    "_DATA",
    "_BASE64",
    "_B64",
    "_VALUE",
    "_PLAINTEXT",
    "_STRING",
    "_ID",
];

/// Names that are secret as a whole, without their separators.
const WHOLE: [&str; 14] = [
    "PRIVATEKEY",
    "PRESHAREDKEY",
    "ACCOUNTKEY",
    "SHAREDACCESSKEY",
    "SIGNINGKEY",
    "ENCRYPTIONKEY",
    "CLIENTKEY",
    "CONNECTION",
    "PSK",
    "SIG",
    "JWT",
    "SESSIONID",
    "SESSID",
    "BEARER",
];

/// Values that say that there is none, or where it comes from.
const HARMLESS: [&str; 13] = [
    "true",
    "false",
    "null",
    "none",
    "nil",
    "yes",
    "no",
    "on",
    "off",
    "undefined",
    "required",
    "optional",
    "disabled",
];

/// What a name makes of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// It is a secret.
    Secret,
    /// It is a secret unless it is a number: the tokens of a model are (`eos_token_id=2`).
    Token,
    /// It is one where it looks random: a bare `key` may be any.
    Key,
}

/// What this name makes of its value, if anything.
pub(super) fn suspicion(name: &str) -> Option<Suspicion> {
    let words = words(name);
    if words == "KEY" {
        return Some(Suspicion::Key);
    }
    let stem = ENDS
        .iter()
        .find_map(|end| words.strip_suffix(end))
        .unwrap_or(&words);
    let joined = stem.replace('_', "");
    let whole = |whole: &str| joined.ends_with(whole) && is_word_end(stem, whole);
    let known =
        is_secret(stem, "x") || is_secret(&words, "x") || WHOLE.iter().any(|name| whole(name));
    let kind = if words.contains("TOKEN") {
        Suspicion::Token
    } else {
        Suspicion::Secret
    };
    known.then_some(kind)
}

impl Suspicion {
    /// Longest value that is looked at.
    pub(super) fn reach(self) -> usize {
        match self {
            Self::Secret | Self::Token => 8 * 1024,
            Self::Key => 256,
        }
    }

    /// Whether this value is a secret.
    pub(super) fn convicts(self, value: &str) -> bool {
        let bare = value.trim_matches(|c: char| "*•<>.,;)]}".contains(c));
        let harmless = bare.is_empty()
            || value.starts_with("${")
            || HARMLESS.iter().any(|word| bare.eq_ignore_ascii_case(word));
        !harmless
            && match self {
                Self::Secret => true,
                Self::Token => bare.len() > 9 || !bare.bytes().all(|b| b.is_ascii_digit()),
                Self::Key => looks_random(value),
            }
    }
}

/// Short words only count as words of their own: `PSK`, not `TPSK`.
fn is_word_end(stem: &str, whole: &str) -> bool {
    whole.len() > 7 || stem.rsplit('_').next() == Some(whole)
}

/// `clientSecret`, `client-secret` and `client.secret` as `CLIENT_SECRET`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.trim_start_matches('-').chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push('_');
        }
        words.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        });
        before = c;
    }
    words
}

/// Long, with letters and digits: an id of one's own making is shorter or has blanks.
fn looks_random(value: &str) -> bool {
    value.len() >= 16
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
        && !value.contains([' ', '/', ':'])
}
