//! How far a host's clock is ahead of ours.

use std::sync::Arc;

use super::error::FollowError;
use crate::clock::Clock;
use crate::exec::{Exec, RunLimits};
use crate::shell::ShellCommand;

/// Smaller differences are within what a second and a round trip hide.
const COUNTS: i64 = 2000;

/// How far a host's clock is ahead of ours in milliseconds, where that is more than two seconds either way.
///
/// # Errors
/// When the host can't be asked.
pub async fn clock_offset(exec: &Arc<dyn Exec>) -> Result<Option<i64>, FollowError> {
    let clock = Clock::system();
    let before = clock.wall().0;
    let command = ShellCommand::new("date").arg("+%s");
    let output = exec.run(&command, RunLimits::default()).await?;
    let after = clock.wall().0;
    let said = String::from_utf8_lossy(&output.stdout);
    let there = said.trim().parse::<i64>().ok();
    Ok(there.and_then(|there| offset(before, there, after)))
}

/// The host looked at its clock somewhere between `before` and `after`, and left out up to a second.
fn offset(before: i64, there: i64, after: i64) -> Option<i64> {
    let earliest = there.checked_mul(1000)?;
    let ahead = earliest + 500 - before.midpoint(after);
    let unsure = (after - before) / 2;
    (ahead.abs() > COUNTS + unsure).then_some(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_by_rows() {
        for (before, there, after, wanted) in [
            (10_000, 10, 10_040, None),
            (10_000, 11, 10_040, None),
            (10_000, 14, 10_000, Some(4500)),
            (10_000, 5, 10_000, Some(-4500)),
            (10_000, 14, 18_000, None),
            (10_000, i64::MAX, 10_000, None),
        ] {
            assert_eq!(
                offset(before, there, after),
                wanted,
                "{before} {there} {after}"
            );
        }
    }
}
