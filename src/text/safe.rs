//! `SafeText`: the only foreign text a widget takes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// Text without control characters, escape sequences, bidi or invisible characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SafeText(Arc<str>);

impl SafeText {
    /// Cleans text from outside.
    pub fn new(foreign: &str) -> Self {
        // The state machine that drops whole escape sequences comes with the sanitiser.
        Self(
            foreign
                .chars()
                .filter(|c| !c.is_control())
                .collect::<String>()
                .into(),
        )
    }

    /// Cleans bytes from outside; invalid UTF-8 becomes U+FFFD.
    pub fn from_bytes(foreign: &[u8]) -> Self {
        Self::new(&String::from_utf8_lossy(foreign))
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for SafeText {
    fn default() -> Self {
        Self("".into())
    }
}

impl From<&str> for SafeText {
    fn from(foreign: &str) -> Self {
        Self::new(foreign)
    }
}

impl From<String> for SafeText {
    fn from(foreign: String) -> Self {
        Self::new(&foreign)
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A recording is foreign text like any other.
impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}
