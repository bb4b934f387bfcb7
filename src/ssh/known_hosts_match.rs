//! Whether the host field of a known_hosts line covers a name (pure): lists, wildcards, negation, hashes, as OpenSSH's
//! `match_hostname` and `match_maybe_hashed` do it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;

/// Longest pattern OpenSSH reads; a list with a longer one matches nothing from there on.
const LONGEST_PATTERN: usize = 1023;
/// Length of the salt: that of a SHA-1 digest.
const SALT: usize = 20;

/// How a host field covers a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostMatch {
    /// Not at all, or it is excluded by a negation.
    No,
    /// By the name itself, or its hash.
    Exact,
    /// By a wildcard.
    Pattern,
}

/// Matches the whole field of a line against a lowercased name.
pub(super) fn match_names(field: &[u8], name: &str) -> HostMatch {
    if field.starts_with(b"|") {
        return if hashed_like(field, name) {
            HostMatch::Exact
        } else {
            HostMatch::No
        };
    }
    let mut found = HostMatch::No;
    for pattern in field.split(|b| *b == b',') {
        let (negated, pattern) = match pattern.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        if pattern.len() > LONGEST_PATTERN {
            return HostMatch::No;
        }
        let pattern = pattern.to_ascii_lowercase();
        if !glob(&pattern, name.as_bytes()) {
            continue;
        }
        if negated {
            return HostMatch::No;
        }
        if pattern == name.as_bytes() {
            found = HostMatch::Exact;
        } else if found == HostMatch::No {
            found = HostMatch::Pattern;
        }
    }
    found
}

/// `|1|salt|hash` for a name, as `ssh-keygen -H` writes it.
pub(super) fn hash_name(salt: &[u8; SALT], name: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
    let hash = hmac::sign(&key, name.as_bytes());
    format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(hash))
}

fn hashed_like(field: &[u8], name: &str) -> bool {
    let Some(salt) = field
        .strip_prefix(b"|1|")
        .and_then(|rest| rest.split(|b| *b == b'|').next())
        .and_then(|salt| BASE64.decode(salt).ok())
        .and_then(|salt| <[u8; SALT]>::try_from(salt).ok())
    else {
        return false;
    };
    hash_name(&salt, name).as_bytes() == field
}

/// `*` and `?`, nothing else; linear in the name for each star.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                n += 1;
            }
            Some(wanted) if wanted == byte => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((star_p, star_n)) = star else {
                    return false;
                };
                p = star_p + 1;
                n = star_n + 1;
                star = Some((star_p, n));
            }
        }
    }
    pattern.iter().skip(p).all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_by_rows() {
        use HostMatch::{Exact, No, Pattern};
        for (field, name, expected) in [
            ("spark", "spark", Exact),
            ("SPARK", "spark", Exact),
            ("a,spark,b", "spark", Exact),
            ("spark", "spark2", No),
            ("*", "spark", Pattern),
            ("sp*", "spark", Pattern),
            ("*.lan", "spark.lan", Pattern),
            ("*.lan", "spark.lan.evil", No),
            ("s?ark", "spark", Pattern),
            ("s?ark", "sark", No),
            ("!spark,*", "spark", No),
            ("*,!spark", "spark", No),
            ("!other,*", "spark", Pattern),
            ("[spark]:2222", "[spark]:2222", Exact),
            ("[spark]:*", "[spark]:2222", Pattern),
            ("", "spark", No),
            ("|2|x|y", "spark", No),
            ("|1|bad|bad", "spark", No),
            ("a*b*c", "a-b-b-c", Pattern),
            ("a*b*c", "a-b-b-d", No),
        ] {
            assert_eq!(
                match_names(field.as_bytes(), name),
                expected,
                "{field:?} {name:?}"
            );
        }
    }

    #[test]
    fn a_hash_covers_its_name_only() {
        let field = hash_name(&[7; SALT], "spark");
        assert_eq!(match_names(field.as_bytes(), "spark"), HostMatch::Exact);
        assert_eq!(match_names(field.as_bytes(), "spark2"), HostMatch::No);
    }

    #[test]
    fn hashes_are_those_of_ssh_keygen() {
        // ssh-keygen -H on a line for `spark`.
        let field = b"|1|knNbtjqHd4s/S7bD13os6TOnRuM=|OkR+cSD7f5gpflLLvRlOW4WF/x8=";
        assert_eq!(match_names(field, "spark"), HostMatch::Exact);
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "*a".repeat(300);
        let name = "a".repeat(250);
        assert_eq!(match_names(pattern.as_bytes(), &name), HostMatch::No);
    }
}
