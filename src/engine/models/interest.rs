//! Whether somebody looks at what is served, and who wants a host looked at now. Looking has to be renewed: for a face that left
//! nothing is read.

use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::domain::At;

/// So long a look lasts.
const EXPIRY: Duration = Duration::from_secs(15);

/// Whether somebody looks at what is served.
#[derive(Debug)]
pub(in crate::engine) struct Interest(watch::Sender<At>);

impl Default for Interest {
    fn default() -> Self {
        Self(watch::Sender::new(At(0)))
    }
}

impl Interest {
    /// Somebody looks.
    pub(super) fn look(&self, now: At) {
        self.0.send_replace(now.plus(EXPIRY));
    }

    /// Whether somebody looks now.
    pub(super) fn holds(&self, now: At) -> bool {
        *self.0.borrow() > now
    }

    /// Waits until somebody looks.
    pub(super) async fn begins(&self, clock: &Clock) {
        let mut until = self.0.subscribe();
        // The sender is this: it is not gone while somebody waits here.
        drop(until.wait_for(|until| *until > clock.at()).await);
    }
}

/// Somebody wants one thing looked at now. What is wanted while nobody waits is kept, once.
#[derive(Debug, Default)]
pub(in crate::engine) struct Nudge(Notify);

impl Nudge {
    /// It is to be looked at now.
    pub(in crate::engine) fn now(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody wants it.
    pub(super) async fn wanted(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_holds_for_its_time_and_is_waited_for() {
        let clock = Clock::timers(crate::domain::Wall(0));
        let interest = Interest::default();
        assert!(!interest.holds(clock.at()));
        let waits = interest.begins(&clock);
        tokio::pin!(waits);
        let early = tokio::time::timeout(EXPIRY, &mut waits).await;
        assert!(early.is_err(), "nobody looks");
        interest.look(clock.at());
        waits.await;
        assert!(interest.holds(clock.at()));
        assert!(!interest.holds(clock.at().plus(EXPIRY)));
    }
}
