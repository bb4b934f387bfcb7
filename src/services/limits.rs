//! When a service may be restarted without a person (pure). The same rule stands in `limits.sh`, where the host keeps it for
//! every console; this one tells what it will say.

use std::time::Duration;

use super::state::RestartCount;
use crate::domain::Wall;
use crate::text::SafeText;

/// Restarts within [`WINDOW`].
pub const MOST: usize = 3;

/// The time in which restarts are counted.
pub const WINDOW: Duration = Duration::from_mins(30);

/// Between two restarts.
pub const BETWEEN: Duration = Duration::from_mins(2);

/// After the console began to look, and after its container started.
pub const GRACE: Duration = Duration::from_mins(1);

/// Whether one more restart may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// It may.
    Go,
    /// Not now.
    Held {
        /// Why.
        why: SafeText,
        /// For how long still.
        wait: Duration,
    },
}

/// The rule: `restarts` are those that are known, by the host's clock, `now` is the same clock. One that lies ahead (a clock was
/// set back) counts as just done.
pub fn leave(restarts: &[Wall], now: Wall) -> Leave {
    let ages = ages(restarts, now);
    let held = |why: &str, wait: Duration| Leave::Held {
        why: why.into(),
        wait,
    };
    let recent: Vec<_> = ages.iter().filter(|age| **age < WINDOW).collect();
    if let Some(oldest) = recent.iter().rev().nth(MOST - 1) {
        return held("3 restarts in 30 min", WINDOW.saturating_sub(**oldest));
    }
    match ages.last() {
        Some(last) if *last < BETWEEN => held(
            "the last restart was less than 120 s ago",
            BETWEEN.saturating_sub(*last),
        ),
        _ => Leave::Go,
    }
}

/// What is shown of the restarts that are known.
pub fn count(restarts: &[Wall], now: Wall) -> RestartCount {
    let recent = ages(restarts, now)
        .iter()
        .filter(|age| **age < WINDOW)
        .count();
    RestartCount {
        recent: u32::try_from(recent).unwrap_or(u32::MAX),
        last: restarts.iter().max().copied(),
        held: match leave(restarts, now) {
            Leave::Go => None,
            Leave::Held { why, .. } => Some(why),
        },
    }
}

/// How long ago each was, the longest first.
fn ages(restarts: &[Wall], now: Wall) -> Vec<Duration> {
    let age = |one: &Wall| {
        let ago = now.0.saturating_sub(one.0).try_into().unwrap_or_default();
        Duration::from_millis(ago)
    };
    let mut ages: Vec<_> = restarts.iter().map(age).collect();
    ages.sort_unstable_by(|a, b| b.cmp(a));
    ages
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walls(seconds: &[i64]) -> Vec<Wall> {
        seconds.iter().map(|s| Wall(s * 1000)).collect()
    }

    #[test]
    fn the_rule_by_rows() {
        let rows: &[(&[i64], i64, Option<u64>)] = &[
            (&[], 0, None),
            (&[0], 60, Some(60)),
            (&[0], 119, Some(1)),
            (&[0], 120, None),
            (&[0, 200], 400, None),
            (&[0, 200, 400], 700, Some(1100)),
            (&[0, 200, 400], 1799, Some(1)),
            (&[0, 200, 400], 1800, None),
            (&[0, 200, 400, 600], 1800, Some(200)),
            // The clock was set back by a day.
            (&[86_400], 0, Some(120)),
        ];
        for (restarts, now, wait) in rows {
            let left = leave(&walls(restarts), Wall(now * 1000));
            let waits = match left {
                Leave::Go => None,
                Leave::Held { wait, .. } => Some(wait.as_secs()),
            };
            assert_eq!(waits, *wait, "{restarts:?} at {now}");
        }
        let count = count(&walls(&[0, 200, 400]), Wall(500_000));
        assert_eq!((count.recent, count.last), (3, Some(Wall(400_000))));
        assert_eq!(count.held.unwrap().as_str(), "3 restarts in 30 min");
    }

    proptest! {
        #[test]
        fn whoever_asks_at_every_moment_never_gets_a_fourth(steps in prop::collection::vec(1_i64..400, 1..200)) {
            let (mut now, mut done) = (0, Vec::new());
            for step in steps {
                now += step * 1000;
                if leave(&done, Wall(now)) == Leave::Go {
                    done.push(Wall(now));
                }
            }
            let ms = |length: Duration| i64::try_from(length.as_millis()).unwrap();
            for pair in done.windows(2) {
                prop_assert!(pair[1].0 - pair[0].0 >= ms(BETWEEN));
            }
            for four in done.windows(MOST + 1) {
                prop_assert!(four[MOST].0 - four[0].0 >= ms(WINDOW));
            }
        }
    }
}
