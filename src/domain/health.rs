//! The one word of state that a host shows, and the thresholds that decide it.

use serde::{Deserialize, Serialize};

use super::{Celsius, Mib, Percent, Rung, Wall};
use crate::text::SafeText;

/// The state of a host in one word, best first; the worst that holds is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthWord {
    /// Everything answers and nothing is short.
    Ok,
    /// The first connection is being made.
    Connecting,
    /// A person has to answer something before it goes on.
    Asking,
    /// The values shown are older than two sample periods.
    Stale,
    /// Throttling, or at the temperature threshold.
    Hot,
    /// Little GPU or unified memory left.
    Tight,
    /// The host answers, its GPU driver does not.
    Driver,
    /// It does not answer.
    Down,
    /// TCP answers, the SSH banner or commands do not.
    Wedged,
}

impl HealthWord {
    /// The word as it is shown. Wedged is written large because it is the one that needs a hand on the power switch.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Connecting => "connecting",
            Self::Asking => "asking",
            Self::Stale => "stale",
            Self::Hot => "hot",
            Self::Tight => "tight",
            Self::Driver => "driver",
            Self::Down => "down",
            Self::Wedged => "WEDGED",
        }
    }
}

/// A host's word changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthChange {
    /// When, on the wall, because it outlives this program.
    pub wall: Wall,
    /// What it became.
    pub word: HealthWord,
    /// The first failing rung, if one failed.
    pub rung: Option<Rung>,
    /// In words.
    pub detail: SafeText,
}

/// When a reading becomes a state worth words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Tight below this share of memory left …
    pub tight_percent: Percent,
    /// … or below this much left, whichever is smaller.
    pub tight_left: Mib,
    /// Hot from this temperature on.
    pub hot: Celsius,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            tight_percent: Percent(10.0),
            tight_left: Mib(8 * 1024),
            hot: Celsius(90.0),
        }
    }
}

impl Thresholds {
    /// Whether so much left of so much is tight.
    pub fn is_tight(&self, left: Mib, total: Mib) -> bool {
        let share = (total.0 as f64 * f64::from(self.tight_percent.0) / 100.0) as u64;
        left.0 < share.min(self.tight_left.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tight_takes_the_smaller_of_share_and_amount() {
        let at = Thresholds::default();
        // A 24 GiB card: 10 % is 2.4 GiB.
        assert!(at.is_tight(Mib(2_000), Mib(24_576)));
        assert!(!at.is_tight(Mib(3_000), Mib(24_576)));
        // A 141 GiB card: 10 % would be 14 GiB, 8 GiB counts.
        assert!(!at.is_tight(Mib(9_000), Mib(144_384)));
        assert!(at.is_tight(Mib(8_000), Mib(144_384)));
    }
}
