//! When a new fleet is shown: at most once a frame, at once for what a person waits for, and a little later for
//! readings, so that one picture shows those of many hosts.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use super::state::Fleet;

/// Shortest time between two fleets.
const FRAME: Duration = Duration::from_millis(16);

/// How long readings wait for those of other hosts.
const GATHER: Duration = Duration::from_millis(50);

/// How soon a change should be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    /// Nothing changed.
    None,
    /// Readings, time.
    Readings,
    /// Something that a person may be waiting for.
    Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// A frame has just gone out.
    Frame,
    /// Readings wait for company.
    Gathering,
}

/// The outlet of fleets.
#[derive(Debug)]
pub(super) struct Publisher {
    out: watch::Sender<Arc<Fleet>>,
    news: News,
    gate: Gate,
    timer: Pin<Box<Sleep>>,
}

impl Publisher {
    /// An outlet that has shown what it begins with.
    pub(super) fn new(out: watch::Sender<Arc<Fleet>>) -> Self {
        Self {
            out,
            news: News::None,
            gate: Gate::Open,
            timer: Box::pin(sleep(Duration::ZERO)),
        }
    }

    /// Waits until the timer that is set has run out; for ever when none is.
    pub(super) async fn due(&mut self) {
        match self.gate {
            Gate::Open => std::future::pending().await,
            Gate::Frame | Gate::Gathering => self.timer.as_mut().await,
        }
    }

    /// The timer has run out.
    pub(super) fn timer_ran_out(&mut self, fleet: &Fleet) {
        match (self.gate, self.news) {
            (Gate::Gathering, _) | (_, News::Facts) => self.publish(fleet),
            (_, News::Readings) => self.wait(Gate::Gathering, GATHER),
            (_, News::None) => self.gate = Gate::Open,
        }
    }

    /// Something changed.
    pub(super) fn offer(&mut self, news: News, fleet: &Fleet) {
        self.news = self.news.max(news);
        match (self.gate, self.news) {
            (Gate::Open | Gate::Gathering, News::Facts) => self.publish(fleet),
            (Gate::Open, News::Readings) => self.wait(Gate::Gathering, GATHER),
            _ => {}
        }
    }

    fn publish(&mut self, fleet: &Fleet) {
        self.news = News::None;
        self.out.send_replace(Arc::new(fleet.clone()));
        self.wait(Gate::Frame, FRAME);
    }

    fn wait(&mut self, gate: Gate, length: Duration) {
        self.gate = gate;
        self.timer.set(sleep(length));
    }
}
