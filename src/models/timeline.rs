//! How long the phases of a swap took and what it held (pure), read from the history that each head keeps of its own swaps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SwapPhase;
use crate::domain::{Mib, ModelKey, Wall};

/// How many of the last runs count.
const RUNS: usize = 5;

/// One swap that came to its end, as its head wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSwap {
    /// When it ended.
    pub at: Wall,
    /// The fingerprint of its launch.
    pub print: String,
    /// What its phases took, in the order of [`SwapPhase::ALL`].
    pub took: [Duration; 5],
    /// The most that was held on the head while it loaded.
    pub peak: Mib,
    /// What was held once it answered.
    pub steady: Mib,
    /// The model.
    pub model: ModelKey,
}

/// What is expected of each phase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected(pub Option<[Duration; 5]>);

impl Expected {
    /// How long a phase took before.
    pub fn of(&self, phase: SwapPhase) -> Option<Duration> {
        let at = SwapPhase::ALL.iter().position(|one| *one == phase)?;
        self.0.as_ref()?.get(at).copied()
    }
}

/// Reads a head's history; a line that is not ours is passed over.
pub fn parse_history(text: &str) -> Vec<PastSwap> {
    text.lines().filter_map(past).collect()
}

/// `SECONDS PRINT LOCK STOP LAUNCH LOAD READY PEAK STEADY MODEL…`, the phases in hundredths of a second, memory in MiB.
fn past(line: &str) -> Option<PastSwap> {
    let mut words = line.splitn(10, ' ');
    let at: i64 = words.next()?.parse().ok()?;
    let print = words.next()?.to_owned();
    let mut took = [Duration::ZERO; 5];
    for phase in &mut took {
        let hundredths: u64 = words.next()?.parse().ok()?;
        *phase = Duration::from_millis(hundredths.saturating_mul(10));
    }
    // Less may be in use than before: somebody else ended meanwhile.
    let mib = |word: &str| {
        word.parse::<i64>()
            .ok()
            .map(|n| Mib(u64::try_from(n).unwrap_or(0)))
    };
    let peak = mib(words.next()?)?;
    let steady = mib(words.next()?)?;
    let model = words.next().filter(|model| !model.is_empty())?;
    Some(PastSwap {
        at: Wall(at.saturating_mul(1000)),
        print,
        took,
        peak,
        steady,
        model: ModelKey::new(model),
    })
}

/// What a model's swap is expected to take: the middle of its last runs, phase by phase.
pub fn expected(history: &[PastSwap], model: &ModelKey) -> Expected {
    let runs: Vec<&PastSwap> = history
        .iter()
        .rev()
        .filter(|past| past.model == *model)
        .take(RUNS)
        .collect();
    if runs.is_empty() {
        return Expected(None);
    }
    let mut middle = [Duration::ZERO; 5];
    for (at, phase) in middle.iter_mut().enumerate() {
        let mut took: Vec<Duration> = runs
            .iter()
            .filter_map(|past| past.took.get(at).copied())
            .collect();
        took.sort_unstable();
        *phase = took.get(took.len() / 2).copied().unwrap_or_default();
    }
    Expected(Some(middle))
}

/// The most that earlier loads of this very launch held on the head, and how many those were.
pub fn measured(history: &[PastSwap], model: &ModelKey, print: &str) -> Option<(Mib, usize)> {
    let same = || {
        history
            .iter()
            .rev()
            .filter(|past| past.model == *model && past.print == print && past.peak > Mib(0))
            .take(RUNS)
    };
    let peak = same().map(|past| past.peak.max(past.steady)).max()?;
    Some((peak, same().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_read_line_by_line_and_what_is_not_ours_is_passed_over() {
        let text = "1700000000 ab 1 200 300 4000 50 61440 60000 qwen coder\nrubbish\n1700000001 ab 1 2 3\n\
                    1700000002 ab 3 400 300 6000 50 62000 -3 qwen coder\n1700000003 cd 2 300 300 5000 50 10 10 other\n";
        let history = parse_history(text);
        assert_eq!(history.len(), 3);
        let qwen = ModelKey::new("qwen coder");
        let known = expected(&history, &qwen);
        assert_eq!(known.of(SwapPhase::Load), Some(Duration::from_mins(1)));
        assert_eq!(measured(&history, &qwen, "ab"), Some((Mib(62_000), 2)));
        assert_eq!(measured(&history, &qwen, "cd"), None);
        assert_eq!(
            expected(&history, &ModelKey::new("new")).of(SwapPhase::Load),
            None
        );
    }
}
