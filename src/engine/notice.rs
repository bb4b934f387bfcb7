//! What a person should hear once, and what stays up until it passes.

use serde::{Deserialize, Serialize};

use crate::domain::{At, HealthWord, HostId, Severity};
use crate::text::SafeText;

/// Something a person should hear: one sentence and its mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub at: At,
    /// How much it matters.
    pub severity: Severity,
    /// The host it is about.
    pub host: Option<HostId>,
    /// One sentence.
    pub sentence: SafeText,
    /// The mend, where we know one.
    pub hint: Option<SafeText>,
}

/// A state of a host that crossed a threshold and still holds, or did for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The host.
    pub host: HostId,
    /// The state.
    pub word: HealthWord,
    /// What exactly, in words: `gpu 0 at 93 °C`.
    pub detail: SafeText,
    /// Since when.
    pub since: At,
    /// Until when, if it has passed.
    pub until: Option<At>,
}
