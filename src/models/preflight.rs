//! What is looked at before a swap (pure): each check with its verdict and the reasoning behind it.

use serde::{Deserialize, Serialize};

use crate::domain::{HostId, ModelKey, Place};
use crate::text::SafeText;

/// Everything that was looked at before a swap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preflight {
    /// The model.
    pub model: ModelKey,
    /// The place.
    pub place: Place,
    /// What was found, in the order of [`Check`].
    pub verdicts: Vec<Verdict>,
    /// The exact command that would be run.
    pub command: String,
    /// What is served there now, with who uses it: a line each.
    pub users: Vec<SafeText>,
}

impl Preflight {
    /// Whether nothing stands against it.
    pub fn passes(&self) -> bool {
        self.verdicts
            .iter()
            .all(|verdict| !matches!(verdict.finding, Finding::Fail { .. }))
    }
}

/// One check on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was looked at.
    pub check: Check,
    /// On which host.
    pub host: HostId,
    /// What was found.
    pub finding: Finding,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Nobody else reserved the place, and no swap is at work.
    Lock,
    /// The weights are there and whole.
    Weights,
    /// They fit into the memory that is free once the present model is gone.
    Memory,
    /// The port is free, or held by what is stopped.
    Port,
    /// So is the name of the container.
    Container,
    /// The driver is new enough.
    Driver,
    /// The other nodes answer on the fast network.
    Peers,
    /// The engine of that build knows every flag.
    Flags,
}

impl Check {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Weights => "weights",
            Self::Memory => "memory",
            Self::Port => "port",
            Self::Container => "container",
            Self::Driver => "driver",
            Self::Peers => "peers",
            Self::Flags => "flags",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// All is well; with the reasoning.
    Pass(SafeText),
    /// It may work; with the reasoning.
    Warn {
        /// The reasoning.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It will not work; with the reasoning.
    Fail {
        /// The reasoning.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It could not be looked at; with why.
    Unknown(SafeText),
}
