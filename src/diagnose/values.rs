//! What may stand in a question: names, paths and times with a grammar of their own, so that none can be an option, leave
//! its folder or hide a second command (pure).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::shell::ShellWord;

/// Why a text can't stand in a question: one sentence, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

/// Longest name or path that is taken, in bytes.
const LONGEST: usize = 255;

/// Longest time to look back.
const FARTHEST: Duration = Duration::from_hours(24 * 366);

macro_rules! text_value {
    ($name:ident) => {
        impl $name {
            /// The text, as checked.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(super) fn word(&self) -> ShellWord {
                // The grammar holds no NUL, the only thing that a word refuses.
                ShellWord::new(self.0.as_str()).unwrap_or_else(|_| ShellWord::literal(""))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;
            fn try_from(text: String) -> Result<Self, InvalidValue> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

/// The name of a systemd unit, as `systemd.unit(5)` spells them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName(String);

text_value!(UnitName);

impl FromStr for UnitName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let sound = !text.is_empty()
            && text.len() <= LONGEST
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b":_.@\\-".contains(&b));
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue(format!(
                "{text:?} is no name of a unit, such as ssh.service"
            )))
        }
    }
}

/// A file below `/var/log`. A link that leads out of there is refused on the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogPath(String);

text_value!(LogPath);

impl FromStr for LogPath {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let below = text.strip_prefix("/var/log/").unwrap_or_default();
        let sound = text.len() <= LONGEST
            && below
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/_.@+=:,-".contains(&b))
            && below
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."));
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue(format!(
                "{text:?} is no file below /var/log, such as /var/log/syslog"
            )))
        }
    }
}

/// How far back lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Since {
    /// So long before now.
    Ago(Duration),
    /// From this moment on.
    Moment(Timestamp),
}

impl Since {
    /// As `journalctl --since` takes it.
    pub(super) fn word(self) -> String {
        match self {
            Self::Ago(ago) => format!("--since=-{}s", ago.as_secs()),
            Self::Moment(at) => format!("--since=@{}", at.as_second()),
        }
    }
}

impl FromStr for Since {
    type Err = InvalidValue;

    /// `30m`, `2h`, `3d`, or a moment as RFC 3339 writes it.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || {
            InvalidValue(format!(
                "{text:?} is no time to look back, such as 30m, 2h, 3d or 2026-01-31T04:05:06Z"
            ))
        };
        if text.len() > 40 {
            return Err(invalid());
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::Moment(at));
        }
        let unit = text.chars().next_back().ok_or_else(invalid)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(invalid()),
        };
        let number = text.strip_suffix(unit).unwrap_or_default();
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let ago = Duration::from_secs(number.saturating_mul(seconds));
        if ago.is_zero() || ago > FARTHEST {
            return Err(invalid());
        }
        Ok(Self::Ago(ago))
    }
}

impl TryFrom<String> for Since {
    type Error = InvalidValue;
    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<Since> for String {
    fn from(since: Since) -> Self {
        since.to_string()
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moment(at) => write!(f, "{at}"),
            Self::Ago(ago) => {
                let seconds = ago.as_secs();
                let (unit, word) = [(86_400, 'd'), (3600, 'h'), (60, 'm')]
                    .into_iter()
                    .find(|(unit, _)| seconds % unit == 0)
                    .unwrap_or((1, 's'));
                write!(f, "{}{word}", seconds / unit)
            }
        }
    }
}

/// How much a line of the journal matters, by syslog's names; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// The system is unusable.
    Emerg,
    /// Act at once.
    Alert,
    /// Critical.
    Crit,
    /// Error.
    Err,
    /// Warning.
    Warning,
    /// Worth a look.
    Notice,
    /// Ordinary.
    Info,
    /// Everything.
    Debug,
}

impl Priority {
    /// All of them, the worst first.
    pub const ALL: [Self; 8] = [
        Self::Emerg,
        Self::Alert,
        Self::Crit,
        Self::Err,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// Syslog's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Err => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_paths_by_rows() {
        for unit in ["ssh", "vllm@0.service", "dev-sda1.swap", "a\\x2db.mount"] {
            assert_eq!(unit.parse::<UnitName>().unwrap().as_str(), unit);
        }
        for unit in [
            "",
            "-f",
            "a b",
            "a;b",
            "a\nb",
            "é",
            "a/b",
            "*",
            &"x".repeat(256),
        ] {
            assert!(unit.parse::<UnitName>().is_err(), "{unit:?}");
        }
        for path in [
            "/var/log/syslog",
            "/var/log/nginx/error.log",
            "/var/log/a..b",
        ] {
            assert_eq!(path.parse::<LogPath>().unwrap().as_str(), path);
        }
        for path in [
            "",
            "/var/log",
            "/var/log/",
            "/var/log/../../etc/shadow",
            "/var/log/a/./b",
            "/var/log//b",
            "/var/logs/x",
            "var/log/x",
            "/etc/shadow",
            "/var/log/a b",
            "/var/log/a;b",
            "/var/log/$(id)",
            "/var/log/a\nb",
            "/var/log/*",
        ] {
            assert!(path.parse::<LogPath>().is_err(), "{path:?}");
        }
    }

    #[test]
    fn times_by_rows() {
        for (text, word, shown) in [
            ("30m", "--since=-1800s", "30m"),
            ("90s", "--since=-90s", "90s"),
            ("120m", "--since=-7200s", "2h"),
            ("3d", "--since=-259200s", "3d"),
            (
                "2026-01-31T04:05:06Z",
                "--since=@1769832306",
                "2026-01-31T04:05:06Z",
            ),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.word(), word);
            assert_eq!(since.to_string(), shown);
        }
        for text in [
            "",
            "m",
            "0m",
            "-5m",
            "5",
            "5 m",
            "5w",
            "1e3s",
            "+5m",
            "5m;id",
            "400d",
            "yesterday",
            "99999999999999999999d",
            "é",
        ] {
            assert!(text.parse::<Since>().is_err(), "{text:?}");
        }
    }
}
