//! How far a power verb is: its steps, as a person watches them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{ActOutcome, At, HostId, PowerVerb};
use crate::text::SafeText;

/// A power verb on its way, or the last one of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerAct {
    /// The host.
    pub host: HostId,
    /// The verb.
    pub verb: PowerVerb,
    /// Since when.
    pub since: At,
    /// Its steps in order.
    pub steps: Vec<PowerStep>,
    /// When it ended, and how. Unknown is loud: it offers `status`.
    pub ended: Option<(At, ActOutcome)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerStep {
    /// What.
    pub kind: StepKind,
    /// How far.
    pub state: StepState,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Time for a change of mind: nothing has left yet.
    Window,
    /// Look at who is served, and what the far side can tell, before it is lost.
    Evidence,
    /// Let the machine write down what it has in memory.
    Drain,
    /// Ask the machine to restart by itself.
    Graceful,
    /// The verb itself.
    Hard,
    /// Wait until the ladder of the host holds again (or is down, after a stop).
    Verify,
}

impl StepKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Window => "cancel window",
            Self::Evidence => "evidence",
            Self::Drain => "drain",
            Self::Graceful => "graceful",
            Self::Hard => "hard",
            Self::Verify => "verify",
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Its turn has not come.
    Waiting,
    /// It is at work.
    Running {
        /// Since when.
        since: At,
        /// It ends at this moment at the latest.
        until: Option<At>,
        /// What is seen of it.
        words: SafeText,
    },
    /// It did what it should.
    Done {
        /// How long it took.
        took: Duration,
        /// What was seen.
        words: SafeText,
    },
    /// It was not needed or not possible.
    Skipped {
        /// Why.
        why: SafeText,
    },
    /// It failed; what follows may go on all the same.
    Failed {
        /// Why.
        why: SafeText,
    },
    /// A person stopped the act before it.
    Aborted,
}
