//! The record of what was done: an intent before each act, an outcome after it. How it is kept safe is the store's.

use serde::{Deserialize, Serialize};

use super::id::{ActId, HostId};
use super::time::Wall;
use crate::text::SafeText;

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its number; without a gap.
    pub number: u64,
    /// When it was written.
    pub wall: Wall,
    /// What it tells.
    pub event: LedgerEvent,
}

/// What a line of the ledger tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEvent {
    /// Something is about to be done. The line's number is the act's.
    Intent(Intent),
    /// It was done, or not, or nobody knows.
    Outcome {
        /// The act.
        act: ActId,
        /// How it went.
        outcome: ActOutcome,
        /// What was looked at afterwards, and what was seen.
        verification: Option<SafeText>,
    },
    /// What an interrupted program had left of the ledger was put right.
    Recovered {
        /// What was found, and what became of it.
        what: SafeText,
    },
}

/// What is about to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Who: the login name on this machine.
    pub who: SafeText,
    /// From where: the face, and the far end of the person's own SSH connection or the terminal.
    pub from: SafeText,
    /// On which host.
    pub host: Option<HostId>,
    /// One sentence.
    pub what: SafeText,
    /// The exact request: the remote command, or method and path of the API.
    pub request: SafeText,
    /// How it was confirmed: `yes`, `typed spark-1`, `--yes spark-1`, `typed spark-1 --now`.
    pub confirmed: SafeText,
    /// Who proposed it, where that was not the person who confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<SafeText>,
    /// Since when the host was armed for it, where it had to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Wall>,
}

/// How an act went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActOutcome {
    /// Done.
    Done,
    /// Tried and failed, for this reason.
    Failed(SafeText),
    /// It may or may not have happened, for this reason.
    Unknown(SafeText),
}
