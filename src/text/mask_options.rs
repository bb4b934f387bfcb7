//! Which words of a command line are passwords by the option before them (pure): `-P x`, `-Px`, `--password x`, `-u me:x`.

use std::ops::Range;

use super::mask::Masking;
use super::secret_words::names_secret;

/// The short options of a program that take a secret.
struct Program {
    /// Its name; one that ends in `*` is the beginning of several.
    name: &'static str,
    /// Options whose value is a secret.
    secret: &'static str,
    /// Options whose value is a user and, behind a colon or a percent sign, a secret.
    login: &'static str,
    /// Options whose value is a secret where it stands in the same word.
    joined: &'static str,
    /// Options that take no value and may stand before another in one word.
    bare: &'static str,
}

const fn program(name: &'static str, secret: &'static str, bare: &'static str) -> Program {
    Program {
        name,
        secret,
        login: "",
        joined: "",
        bare,
    }
}

const PROGRAMS: [Program; 20] = [
    program("ipmitool", "Pky", "vcVha"),
    program("ipmi*", "Ppky", ""),
    program("snmp*", "cAX3", ""),
    program("sshpass", "p", "ev"),
    program("fence_*", "p", "v"),
    program("racadm", "p", ""),
    program("upscmd", "p", ""),
    program("upsrw", "p", ""),
    program("wsman", "p", ""),
    program("esxcli", "p", ""),
    program("redis-cli", "a", ""),
    program("ldapsearch", "w", "xLv"),
    program("zip", "P", "rq9"),
    program("unzip", "P", "oqn"),
    Program {
        login: "uU",
        ..program("curl", "b", "sSkfLvigIGjlnNOpqRZJ#046a123")
    },
    login("http"),
    login("https"),
    joined("mysql*"),
    joined("mariadb*"),
    joined("7z*"),
];

const fn login(name: &'static str) -> Program {
    Program {
        login: "a",
        ..program(name, "", "")
    }
}

const fn joined(name: &'static str) -> Program {
    Program {
        joined: "p",
        ..program(name, "", "")
    }
}

/// Nobody knows this program: what power switches mostly call their passwords.
const UNKNOWN: Program = program("", "Pky", "");

/// Options with a long name that `names_secret` does not know.
const LONG: [&str; 7] = [
    "-pw",
    "--pw",
    "--community",
    "--snmp-community",
    "--auth-pass",
    "--priv-pass",
    "--kg",
];

/// What the next word, or the rest of this one, is.
#[derive(Clone, Copy)]
enum Value {
    /// A secret, whatever it looks like.
    Secret,
    /// A secret, unless it is an option: `--token --port 80`.
    NoOption,
    /// A user and a secret, unless they are numbers.
    Login,
    /// A user and a secret.
    Password,
}

impl Value {
    fn is_option(self, word: &str) -> bool {
        matches!(self, Self::NoOption) && word.starts_with('-')
    }

    fn in_word(self, word: &str, from: usize) -> Option<Range<usize>> {
        let value = word.get(from..)?;
        let colon = || value.find([':', '%']).map(|at| from + at + 1);
        let start = match self {
            Self::Secret | Self::NoOption => from,
            Self::Login if value.bytes().all(|b| b.is_ascii_digit() || b == b':') => return None,
            Self::Login | Self::Password => colon()?,
        };
        (start < word.len()).then_some(start..word.len())
    }
}

/// What is secret in each of these words.
pub(super) fn secrets(words: &[&str], masking: Masking) -> Vec<Option<Range<usize>>> {
    let mut of = match masking {
        Masking::Generous => Some(&UNKNOWN),
        Masking::Sparing => None,
    };
    let mut next: Option<Value> = None;
    let secret = |word: &&str| {
        let given = next.take();
        if let Some(value) = given.filter(|value| !value.is_option(word)) {
            return value.in_word(word, 0);
        }
        if let Some(known) = known(word) {
            of = Some(known);
            return None;
        }
        let (value, from) = named(word).or_else(|| short(word, of?))?;
        if from < word.len() {
            return value.in_word(word, from);
        }
        next = Some(value);
        None
    };
    words.iter().map(secret).collect()
}

fn known(word: &str) -> Option<&'static Program> {
    let name = word.rsplit('/').next()?;
    PROGRAMS
        .iter()
        .find(|program| match program.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == program.name,
        })
}

/// `--password x`, `--password=x`, `PASSWORD=x`: what comes, and where in this word, or behind it.
fn named(word: &str) -> Option<(Value, usize)> {
    let (name, from) = match word.split_once('=') {
        Some((name, _)) => (name, name.len() + 1),
        None if word.starts_with('-') => (word, word.len()),
        None => return None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let value = match name {
        _ if !name.chars().all(plain) => return None,
        "--user" | "--proxy-user" => Value::Login,
        _ if !LONG.contains(&name) && !names_secret(name) => return None,
        _ if from < word.len() => Value::Secret,
        _ => Value::NoOption,
    };
    Some((value, from))
}

/// `-P x`, `-Px`, `-vPx`.
fn short(word: &str, of: &Program) -> Option<(Value, usize)> {
    let letters = word.strip_prefix('-')?;
    let (at, letter) = letters
        .char_indices()
        .find(|(_, letter)| !of.bare.contains(*letter))?;
    let from = 1 + at + letter.len_utf8();
    let value = match letter {
        _ if of.secret.contains(letter) => Value::Secret,
        _ if of.login.contains(letter) => Value::Password,
        _ if of.joined.contains(letter) && from < word.len() => Value::Secret,
        _ => return None,
    };
    Some((value, from))
}
