//! Sources for tests: hosts and logs that do what a test has them do, and remember how they were opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;

use super::sources::{Again, Shut, Sources};
use crate::domain::HostId;
use crate::follow::{
    Follow, FollowEvent, LineBatch, Place, SourceAddress, Stamp, Start, StartAt, StreamKind,
};

/// Logs of numbered lines: the line N is stamped N milliseconds after the epoch, and its place is N.
pub(super) struct Script {
    state: watch::Sender<State>,
    opened: Mutex<Vec<String>>,
}

#[derive(Default)]
struct State {
    /// How many lines each log has.
    logs: HashMap<String, u64>,
    /// Hosts that are away.
    away: Vec<String>,
    /// Counts up whenever all that is open breaks.
    breaks: u64,
    /// How far clocks are ahead.
    ahead: i64,
    /// Logs that can't be opened.
    refused: Vec<String>,
}

impl Script {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(State::default()),
            opened: Mutex::default(),
        })
    }

    /// The log has so many lines from now on.
    pub(super) fn grow(&self, log: &str, lines: u64) {
        self.state.send_modify(|state| {
            state.logs.insert(log.into(), lines);
        });
    }

    /// All that is open breaks, and the hosts stay away.
    pub(super) fn lose(&self, hosts: &[&str]) {
        self.state.send_modify(|state| {
            state.breaks += 1;
            state.away = hosts.iter().map(ToString::to_string).collect();
        });
    }

    pub(super) fn refuse(&self, log: &str) {
        self.state
            .send_modify(|state| state.refused.push(log.into()));
    }

    pub(super) fn ahead(&self, milliseconds: i64) {
        self.state.send_modify(|state| state.ahead = milliseconds);
    }

    /// How logs were opened, in order.
    pub(super) fn opened(&self) -> Vec<String> {
        self.opened.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sources for Script {
    async fn open(&self, address: &SourceAddress, start: Start) -> Result<Box<dyn Follow>, Shut> {
        let log = address.to_string();
        let words = format!("{log} {:?}", start.from);
        self.opened.lock().unwrap().push(words);
        let state = self.state.borrow();
        if state.refused.contains(&log) {
            return Err(Shut {
                why: "no such log".into(),
                hint: Some("look at the list".into()),
                again: Again::Never,
            });
        }
        let lines = state.logs.get(&log).copied().unwrap_or_default();
        let (next, end) = match start.from {
            StartAt::Tail(most) => (lines.saturating_sub(u64::from(most)) + 1, None),
            StartAt::Since(stamp) => ((stamp.0.max(1) as u64).div_ceil(1_000_000), None),
            StartAt::After(Place::Action(number)) => (number + 1, None),
            StartAt::Before(Place::Action(number), most) => {
                (number.saturating_sub(u64::from(most)).max(1), Some(number))
            }
            other => panic!("{other:?}"),
        };
        Ok(Box::new(Numbered {
            state: self.state.subscribe(),
            breaks: state.breaks,
            end: end.or((!start.follow).then_some(lines + 1)),
            first: None,
            next,
            log,
        }))
    }

    fn knows(&self, host: Option<&HostId>) -> bool {
        host.is_none_or(|host| host.as_str() != "nowhere")
    }

    fn connected(&self, host: Option<&HostId>) -> bool {
        let state = self.state.borrow();
        host.is_none_or(|host| !state.away.iter().any(|away| away == host.as_str()))
    }

    async fn connects(&self, host: Option<&HostId>) {
        let mut state = self.state.subscribe();
        while !self.connected(host) {
            state.changed().await.unwrap();
        }
    }

    async fn clock_offset(&self, host: Option<&HostId>) -> Option<i64> {
        host.map(|_| self.state.borrow().ahead)
    }
}

/// A log of numbered lines, followed.
struct Numbered {
    state: watch::Receiver<State>,
    breaks: u64,
    log: String,
    first: Option<u64>,
    next: u64,
    end: Option<u64>,
}

#[async_trait]
impl Follow for Numbered {
    async fn next(&mut self) -> FollowEvent {
        loop {
            {
                let state = self.state.borrow_and_update();
                let there = state.logs.get(&self.log).copied().unwrap_or_default() + 1;
                let end = self.end.unwrap_or(there);
                if self.next < end {
                    let mut lines = LineBatch::default();
                    // A few at a time, so that a break can fall between any two batches.
                    for number in self.next..end.min(self.next + 1000) {
                        let stamp = Stamp(number.cast_signed() * 1_000_000);
                        let text = format!("{} {number}", self.log);
                        lines.push(text.as_bytes(), stamp, StreamKind::Out, None);
                    }
                    self.first = self.first.or(Some(self.next));
                    self.next += lines.len() as u64;
                    return FollowEvent::Lines(lines);
                }
                let ended = |retry, why: &str| FollowEvent::Ended {
                    why: why.into(),
                    hint: None,
                    retry,
                };
                if self.end.is_some() {
                    return ended(false, "that is all");
                }
                if state.breaks != self.breaks {
                    return ended(true, "the link was lost");
                }
            }
            self.state.changed().await.unwrap();
        }
    }

    fn first(&self) -> Option<Place> {
        self.first.map(Place::Action)
    }

    fn last(&self) -> Option<Place> {
        self.first?;
        Some(Place::Action(self.next - 1))
    }
}
