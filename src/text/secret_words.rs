//! Which values of an environment or a command line are probably secrets, by their names: they are shown on demand only.
//! A guess that errs on the side of hiding; what must never be shown is a `Secret` from the start.

/// Words of a name that make its value a secret, wherever they stand in it.
const WORDS: [&str; 15] = [
    "TOKEN",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "AUTH",
    "AUTHORIZATION",
    "COOKIE",
    "DSN",
];

/// Names that hold one of the words and no secret.
const HARMLESS: [&str; 3] = ["PWD", "OLDPWD", "SSH_AUTH_SOCK"];

/// What stands where a secret is.
pub const MASK: &str = "•••";

/// Whether the value of this name is probably a secret: by the name (`HF_TOKEN`, `--api-key`), or because it is an address
/// with a password in it.
pub fn is_secret(name: &str, value: &str) -> bool {
    !value.is_empty() && (names_secret(name) || has_password(value))
}

pub(super) fn names_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_uppercase();
    if HARMLESS.contains(&name.as_str()) {
        return false;
    }
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    // `API_KEY`, `KEY`: a key at the end. `KEY_FILE` and `KEYBOARD` are none.
    words.last() == Some(&"KEY")
        || words.iter().any(|word| WORDS.contains(word))
        || ["TOKEN", "PASSWORD", "SECRET", "APIKEY"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// `postgres://me:hunter2@db/x`
fn has_password(value: &str) -> bool {
    value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        let password = authority
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'));
        password.is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_or_by_a_password_in_an_address() {
        for (name, value, secret) in [
            ("HF_TOKEN", "hf_x", true),
            ("hf_token", "hf_x", true),
            ("AWS_SECRET_ACCESS_KEY", "x", true),
            ("OPENAI_API_KEY", "x", true),
            ("POSTGRES_PASSWORD", "x", true),
            ("PGPASSWORD", "x", true),
            ("DB_PASS", "x", true),
            ("AUTHTOKEN", "x", true),
            ("DATABASE_URL", "postgres://me:hunter2@db/x", true),
            ("DATABASE_URL", "postgres://me@db/x", false),
            ("DATABASE_URL", "postgres://db:5432/x", false),
            ("HF_TOKEN", "", false),
            ("PATH", "/usr/bin", false),
            ("PWD", "/srv", false),
            ("SSH_AUTH_SOCK", "/tmp/x", false),
            ("KEYBOARD", "de", false),
            ("KEY_FILE", "/run/x", false),
            ("MONKEY", "x", false),
            ("COMPASS", "x", false),
        ] {
            assert_eq!(is_secret(name, value), secret, "{name}={value}");
        }
    }
}
