//! The lanes between hands and engine: facts wait their turn and are never dropped; of samples the newest lies over the
//! older. Hands may wait here for the engine, the engine never for hands.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::connect::Beat;
use super::msg::{HostMsg, Msg};
use crate::clock::Clock;
use crate::domain::{At, HostId};

/// Facts that wait for the engine; a sender beyond them waits.
const FACTS: usize = 1024;

/// The hands' end; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    facts: mpsc::Sender<Msg>,
    samples: Arc<Samples>,
    clock: Clock,
}

/// The engine's end.
#[derive(Debug)]
pub(super) struct LaneEnds {
    pub(super) facts: mpsc::Receiver<Msg>,
    pub(super) samples: Arc<Samples>,
}

/// Both ends of new lanes.
pub(super) fn lanes(clock: Clock) -> (Lanes, LaneEnds) {
    let (sender, facts) = mpsc::channel(FACTS);
    let samples = Arc::new(Samples::default());
    let hands = Lanes {
        facts: sender,
        samples: Arc::clone(&samples),
        clock,
    };
    (hands, LaneEnds { facts, samples })
}

impl Lanes {
    /// The clock that messages are stamped by.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Now, as messages are stamped.
    pub(super) fn now(&self) -> At {
        self.clock.at()
    }

    /// Hands over a fact; waits while the engine is behind. An engine that has ended needs no facts.
    pub(super) async fn fact(&self, msg: Msg) {
        if self.facts.send(msg).await.is_err() {
            tracing::trace!("a fact came after the engine had ended");
        }
    }

    /// Hands over what a host did.
    pub(super) async fn host(&self, host: &HostId, msg: HostMsg) {
        let (at, host) = (self.now(), host.clone());
        self.fact(Msg::Host { at, host, msg }).await;
    }

    /// Hands over a beat; never waits.
    pub(super) fn sample(&self, host: &HostId, beat: Beat) {
        self.samples.lay(host, self.now(), beat);
    }
}

/// One slot per host, in the order in which they filled.
#[derive(Debug, Default)]
pub(super) struct Samples {
    slots: Mutex<Vec<(HostId, At, Beat)>>,
    news: Notify,
}

impl Samples {
    fn lay(&self, host: &HostId, at: At, beat: Beat) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.iter_mut().find(|(of, ..)| of == host) {
            Some((_, when, older)) => {
                *when = at;
                older.sample.absorb(beat.sample);
                older.round_trip = beat.round_trip;
            }
            None => slots.push((host.clone(), at, beat)),
        }
        drop(slots);
        self.news.notify_one();
    }

    /// Waits until a slot fills.
    pub(super) async fn filled(&self) {
        self.news.notified().await;
    }

    /// Empties the slots.
    pub(super) fn take(&self) -> Vec<(HostId, At, Beat)> {
        std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::sim::{SimGpu, SimMachine};

    #[test]
    fn newest_wins_part_by_part() {
        let samples = Samples::default();
        let mut machine = SimMachine::new(1, SimGpu::Gb10, 1);
        let (first, second) = (machine.sample(), machine.sample());
        assert!(first.disks.is_some() && second.disks.is_none());
        let host = HostId::new("spark-1");
        for (at, sample) in [(1, first.clone()), (2, second.clone())] {
            let beat = Beat {
                sample,
                round_trip: Duration::from_millis(at),
            };
            samples.lay(&host, At(at), beat);
        }
        let taken = samples.take();
        let [(_, at, beat)] = taken.as_slice() else {
            panic!("one slot per host, not {}", taken.len());
        };
        assert_eq!((*at, beat.round_trip), (At(2), Duration::from_millis(2)));
        assert_eq!(beat.sample.machine, second.machine);
        assert_eq!(beat.sample.disks, first.disks);
        assert!(samples.take().is_empty());
    }
}
