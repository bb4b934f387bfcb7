//! How fast the program is read: as much in a frame as a console has time for. A program that prints more waits for its reader,
//! as at any pipe; one that prints what a model says never meets the bound.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// What is read between two pictures.
const FRAME: Duration = Duration::from_millis(33);

/// Bytes of a frame. A model says a few thousand in a second.
const BUDGET: usize = 512 * 1024;

/// The rest of a frame's budget.
#[derive(Debug)]
pub(super) struct Pace {
    frames: Interval,
    left: usize,
}

impl Pace {
    /// A whole budget. Needs a runtime with timers.
    pub(super) fn new() -> Self {
        let mut frames = interval(FRAME);
        // What was not read in a quiet hour is no reason to read more now.
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            frames,
            left: BUDGET,
        }
    }

    /// Pays for what was read: at once, or when as many frames have passed as it takes.
    pub(super) async fn pay(&mut self, mut price: usize) {
        while price > self.left {
            price -= self.left;
            self.frames.tick().await;
            self.left = BUDGET;
        }
        self.left -= price;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the time that is paused here")]
    async fn what_a_frame_can_hold_is_read_at_once_and_a_flood_frame_by_frame() {
        let begun = Instant::now();
        let mut pace = Pace::new();
        pace.pay(BUDGET).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // An hour of quiet saves nothing up.
        tokio::time::advance(Duration::from_hours(1)).await;
        let begun = Instant::now();
        pace.pay(BUDGET).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.pay(BUDGET / 10).await;
        }
        let frames = begun.elapsed().as_millis() / FRAME.as_millis();
        assert!((9..=11).contains(&frames), "{frames}");
        // What is dear alone takes its frames.
        let begun = Instant::now();
        pace.pay(BUDGET * 20).await;
        let frames = begun.elapsed().as_millis() / FRAME.as_millis();
        assert!((19..=21).contains(&frames), "{frames}");
    }
}
