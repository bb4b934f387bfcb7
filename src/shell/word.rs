//! Values that are fit to stand in a command. NUL can't travel in an argument and is the only thing a word refuses.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text can't be a word, a name or a path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidWord {
    /// An argument ends at NUL.
    #[error("a command argument can't hold a NUL character")]
    Nul,
    /// Not `[A-Za-z_][A-Za-z0-9_]*`.
    #[error("{0:?} is no environment variable name")]
    EnvName(String),
    /// A remote path is absolute: nothing depends on where a login starts.
    #[error("{0:?} is no absolute path on the host")]
    RemotePath(String),
}

/// What is read back from a recording is checked like anything else from outside.
macro_rules! checked_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidWord;
            fn try_from(text: String) -> Result<Self, InvalidWord> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }
    };
}

checked_text!(ShellWord);
checked_text!(EnvName);
checked_text!(RemotePath);

/// One argument of a command: any text without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShellWord(String);

impl ShellWord {
    /// Takes any text but NUL.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWord> {
        let text = text.into();
        if text.contains('\0') {
            return Err(InvalidWord::Nul);
        }
        Ok(Self(text))
    }

    /// A word that stands in our source: NUL in it is a programming error and is dropped.
    pub fn literal(text: &'static str) -> Self {
        Self(text.replace('\0', ""))
    }

    /// The text, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for ShellWord {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl From<RemotePath> for ShellWord {
    fn from(path: RemotePath) -> Self {
        Self(path.0)
    }
}

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvName(String);

impl EnvName {
    /// Takes `[A-Za-z_][A-Za-z0-9_]*`.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWord> {
        let text = text.into();
        let mut bytes = text.bytes();
        let head = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if head && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            Ok(Self(text))
        } else {
            Err(InvalidWord::EnvName(text))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An absolute path on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RemotePath(String);

impl RemotePath {
    /// Takes an absolute path without NUL.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWord> {
        let text = text.into();
        if text.contains('\0') {
            return Err(InvalidWord::Nul);
        }
        if !text.starts_with('/') {
            return Err(InvalidWord::RemotePath(text));
        }
        Ok(Self(text))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_rules_when_they_are_read_back() {
        let written = serde_json::to_string(&ShellWord::new("a b").unwrap()).unwrap();
        assert_eq!(written, r#""a b""#);
        assert_eq!(
            serde_json::from_str::<ShellWord>(&written).unwrap(),
            ShellWord::new("a b").unwrap()
        );
        assert!(serde_json::from_str::<ShellWord>(r#""a\u0000b""#).is_err());
        assert!(serde_json::from_str::<EnvName>(r#""A=B""#).is_err());
        assert!(serde_json::from_str::<RemotePath>(r#""../x""#).is_err());
    }

    #[test]
    fn names_and_paths_by_rows() {
        for name in ["A", "_x", "LC_ALL2"] {
            assert!(EnvName::new(name).is_ok(), "{name}");
        }
        for name in ["", "2A", "A-B", "A=B", "é", "A B"] {
            assert!(EnvName::new(name).is_err(), "{name}");
        }
        assert!(RemotePath::new("/srv/a b").is_ok());
        for path in ["", "srv", "~/x", "/a\0b"] {
            assert!(RemotePath::new(path).is_err(), "{path:?}");
        }
    }
}
