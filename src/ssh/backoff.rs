//! When to dial again (pure): spread out, growing, capped, so that a fleet that comes back together is not stormed.

use std::time::Duration;

/// Waits between attempts on one host. sshd 9.8 and later punishes sources that come back too fast, and older ones drop
/// connections beyond `MaxStartups`, so no host is tried more than once in [`Backoff::LEAST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff;

impl Backoff {
    /// The shortest wait.
    pub const LEAST: Duration = Duration::from_secs(5);
    /// The longest wait.
    pub const MOST: Duration = Duration::from_mins(1);

    /// The wait after the `attempt`-th failure in a row (from 0). `seed` is any number that differs from host to host
    /// and from attempt to attempt; it places the wait within 1 to 1.5 times the doubled base.
    pub fn delay(attempt: u32, seed: u64) -> Duration {
        let least = Self::LEAST.as_millis() as u64;
        let most = Self::MOST.as_millis() as u64;
        let doubled = least.saturating_mul(1_u64 << attempt.min(16));
        let high = (doubled.saturating_mul(3) / 2).min(most);
        let low = doubled.min(high / 3 * 2);
        Duration::from_millis(low + scatter(seed) % (high - low + 1))
    }
}

/// Spreads neighbouring seeds far apart (the finaliser of SplitMix64).
fn scatter(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_by_rows() {
        for (attempt, low, high) in [
            (0, 5_000, 7_500),
            (1, 10_000, 15_000),
            (2, 20_000, 30_000),
            (3, 40_000, 60_000),
            (4, 40_000, 60_000),
            (31, 40_000, 60_000),
            (u32::MAX, 40_000, 60_000),
        ] {
            let waits: Vec<u64> = (0..200)
                .map(|seed| Backoff::delay(attempt, seed).as_millis() as u64)
                .collect();
            assert!(
                waits.iter().all(|w| (low..=high).contains(w)),
                "{attempt}: {waits:?}"
            );
            let spread = waits.iter().max().unwrap() - waits.iter().min().unwrap();
            assert!(
                spread > (high - low) / 2,
                "{attempt}: hosts would come back together"
            );
        }
    }

    #[test]
    fn the_same_seed_waits_the_same() {
        assert_eq!(Backoff::delay(2, 7), Backoff::delay(2, 7));
    }
}
