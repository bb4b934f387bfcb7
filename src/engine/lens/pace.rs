//! When a lens shows a new picture: at once after an order, seldom while lines pour in, never when nothing has changed.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Least time between two pictures that follow from orders: a frame.
const FRAME: Duration = Duration::from_millis(16);

/// Least time between two pictures that nobody asked for.
const LEISURE: Duration = Duration::from_millis(50);

/// What a picture is waited for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Want {
    /// Nothing has changed.
    Nothing,
    /// Lines, states.
    News,
    /// Somebody's order.
    Order,
}

/// When the next picture is due.
pub(super) struct Pace {
    want: Want,
    frame: Pin<Box<Sleep>>,
    leisure: Pin<Box<Sleep>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            want: Want::Nothing,
            frame: Box::pin(sleep(Duration::ZERO)),
            leisure: Box::pin(sleep(Duration::ZERO)),
        }
    }
}

impl Pace {
    /// Something has changed by itself.
    pub(super) fn news(&mut self) {
        self.want = self.want.max(Want::News);
    }

    /// Something was ordered.
    pub(super) fn ordered(&mut self) {
        self.want = Want::Order;
    }

    /// Waits until a picture is due; for ever while nothing has changed. Cancel-safe.
    pub(super) async fn due(&mut self) {
        match self.want {
            Want::Nothing => pending().await,
            Want::News => self.leisure.as_mut().await,
            Want::Order => self.frame.as_mut().await,
        }
    }

    /// The picture was shown.
    pub(super) fn shown(&mut self) {
        if self.want == Want::Order {
            self.frame.set(sleep(FRAME));
        }
        self.leisure.set(sleep(LEISURE));
        self.want = Want::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[expect(clippy::disallowed_methods, reason = "the paused runtime's own time")]
    fn now() -> Instant {
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_is_answered_at_once_and_a_flood_at_leisure() {
        let begin = now();
        let mut pace = Pace::default();
        let mut shown = Vec::new();
        for ordered in [false, false, true, true, false] {
            pace.news();
            if ordered {
                pace.ordered();
            }
            pace.due().await;
            pace.shown();
            shown.push((now() - begin).as_millis());
        }
        // A timer of the runtime is due with the millisecond after its time.
        let wanted = [0, 50, 50, 66, 116];
        let near = shown
            .iter()
            .zip(wanted)
            .all(|(at, wanted)| at.abs_diff(wanted) <= 4);
        assert!(near, "{shown:?}");
    }
}
