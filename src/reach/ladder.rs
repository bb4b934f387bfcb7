//! The ladder of one host (pure): each rung presumes the one below; the first that fails names the trouble.

use serde::{Deserialize, Serialize};

use crate::domain::{At, Rung};
use crate::text::SafeText;

/// How far one rung got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not tried yet, or nothing to try (no GPU, no container daemon).
    #[default]
    Untried,
    /// It holds.
    Holds {
        /// Since when without a break.
        since: At,
    },
    /// It failed.
    Failed {
        /// Since when without a break.
        since: At,
        /// Silence is worse than a refusal: the far side took the connection and says nothing.
        silent: bool,
        /// The reason.
        why: SafeText,
        /// The mend, where we know one.
        hint: Option<SafeText>,
    },
}

/// One host's ladder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    outcomes: [Outcome; Rung::ALL.len()],
}

/// What the ladder says in one word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing has been tried.
    Unknown,
    /// Up to the command rung everything holds.
    Up,
    /// It does not answer at this rung.
    Down {
        /// The first rung that fails.
        rung: Rung,
        /// Since when.
        since: At,
    },
    /// TCP answers, and then silence: a hand on the power switch may be needed.
    Wedged {
        /// The first rung that fails.
        rung: Rung,
        /// Since when.
        since: At,
    },
}

impl Ladder {
    /// How far this rung got.
    pub fn outcome(&self, rung: Rung) -> &Outcome {
        self.outcomes
            .get(rung as usize)
            .unwrap_or(&Outcome::Untried)
    }
}
