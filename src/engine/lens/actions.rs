//! Our own acts as a log source: the ledger's lines, read from the fleet as they are written.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::{ActOutcome, Intent, LedgerEntry, LedgerEvent};
use crate::engine::Fleet;
use crate::follow::{
    Follow, FollowEvent, Level, LineBatch, Place, Stamp, Start, StartAt, StreamKind,
};

const NANOS: i64 = 1_000_000;

/// The ledger, followed.
pub(super) struct Actions {
    fleet: watch::Receiver<Arc<Fleet>>,
    until: Option<Stamp>,
    follow: bool,
    /// The number of the first line that was given.
    first: Option<u64>,
    /// Lines up to this number have been given, or are not wanted.
    last: Option<u64>,
    phase: Phase,
}

/// What comes next.
enum Phase {
    /// The first lines, from this place of the ledger.
    Begin(StartAt),
    /// Lines that are written from now on.
    Later,
    /// Nothing.
    Ended,
}

impl Actions {
    /// The ledger from this place on.
    pub(super) fn new(fleet: watch::Receiver<Arc<Fleet>>, start: Start) -> Self {
        Self {
            fleet,
            until: start.until,
            follow: start.follow,
            first: None,
            last: None,
            phase: Phase::Begin(start.from),
        }
    }

    fn begin(&mut self, from: &StartAt) -> Option<FollowEvent> {
        let fleet = Arc::clone(&self.fleet.borrow_and_update());
        self.last = fleet.ledger.back().map(|entry| entry.number);
        let wanted = select(&fleet.ledger, from);
        if let StartAt::After(Place::Action(number)) = from {
            self.first = self.first.or(Some(number + 1));
            return self.newer(&fleet.ledger, *number);
        }
        self.lines(&wanted)
    }

    /// Lines after this number; those that the fleet no longer holds are told as missing.
    fn newer(&mut self, ledger: &VecDeque<LedgerEntry>, after: u64) -> Option<FollowEvent> {
        let oldest = ledger.front().map_or(after + 1, |entry| entry.number);
        if oldest > after + 1 {
            self.last = Some(oldest - 1);
            return Some(FollowEvent::Missing {
                lines: Some(oldest - after - 1),
                why: "more was done than is kept in memory".into(),
            });
        }
        let newer: Vec<_> = ledger.iter().filter(|entry| entry.number > after).collect();
        self.last = newer.last().map_or(Some(after), |entry| Some(entry.number));
        self.lines(&newer)
    }

    fn lines(&mut self, entries: &[&LedgerEntry]) -> Option<FollowEvent> {
        let mut lines = LineBatch::default();
        for entry in entries {
            let stamp = stamp(entry);
            if self.until.is_none_or(|until| stamp < until) {
                let (level, text) = words(entry);
                lines.push(text.as_bytes(), stamp, StreamKind::Out, Some(level));
            }
        }
        if lines.is_empty() {
            return None;
        }
        let oldest = entries.first().map(|entry| entry.number);
        self.first = self.first.or(oldest);
        Some(FollowEvent::Lines(lines))
    }
}

#[async_trait]
impl Follow for Actions {
    async fn next(&mut self) -> FollowEvent {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Later) {
                Phase::Begin(from) if !self.fleet.borrow_and_update().ledger_read => {
                    self.phase = Phase::Begin(from);
                    if self.fleet.changed().await.is_err() {
                        self.phase = Phase::Ended;
                    }
                }
                Phase::Begin(from) => {
                    let event = self.begin(&from);
                    if !self.follow {
                        self.phase = Phase::Ended;
                    }
                    if let Some(event) = event {
                        return event;
                    }
                }
                Phase::Later => {
                    let fleet = Arc::clone(&self.fleet.borrow_and_update());
                    if let Some(event) = self.newer(&fleet.ledger, self.last.unwrap_or_default()) {
                        return event;
                    }
                    if self.fleet.changed().await.is_err() {
                        self.phase = Phase::Ended;
                    }
                }
                Phase::Ended => {
                    self.phase = Phase::Ended;
                    return FollowEvent::Ended {
                        why: "that is all that was done so far".into(),
                        hint: None,
                        retry: false,
                    };
                }
            }
        }
    }

    fn first(&self) -> Option<Place> {
        self.first.map(Place::Action)
    }

    fn last(&self) -> Option<Place> {
        self.first?;
        self.last.map(Place::Action)
    }
}

fn select<'a>(ledger: &'a VecDeque<LedgerEntry>, from: &StartAt) -> Vec<&'a LedgerEntry> {
    let last = |entries: Vec<&'a LedgerEntry>, most: u32| {
        let skipped = entries.len().saturating_sub(most as usize);
        entries.into_iter().skip(skipped).collect()
    };
    match from {
        StartAt::Tail(most) => last(ledger.iter().collect(), *most),
        StartAt::Since(since) => ledger.iter().filter(|e| stamp(e) >= *since).collect(),
        StartAt::Before(Place::Action(number), most) => {
            let before = ledger.iter().filter(|e| e.number < *number).collect();
            last(before, *most)
        }
        StartAt::After(_) | StartAt::Before(..) => Vec::new(),
    }
}

fn stamp(entry: &LedgerEntry) -> Stamp {
    Stamp(entry.wall.0.saturating_mul(NANOS))
}

fn words(entry: &LedgerEntry) -> (Level, String) {
    match &entry.event {
        LedgerEvent::Intent(intent) => (Level::Info, intent_words(entry.number, intent)),
        LedgerEvent::Outcome {
            act,
            outcome,
            verification,
        } => {
            let (level, how) = match outcome {
                ActOutcome::Done => (Level::Info, "done".into()),
                ActOutcome::Failed(why) => (Level::Error, format!("failed: {why}")),
                ActOutcome::Unknown(why) => (Level::Warning, format!("outcome unknown: {why}")),
            };
            let seen = verification.as_ref().map(|seen| format!(" ({seen})"));
            (level, format!("#{act} {how}{}", seen.unwrap_or_default()))
        }
        LedgerEvent::Recovered { what } => (Level::Warning, what.to_string()),
    }
}

fn intent_words(number: u64, intent: &Intent) -> String {
    let host = intent.host.as_ref().map(|host| format!(" on {host}"));
    format!(
        "#{number} {}{}: {} [{}] confirmed: {}",
        intent.who,
        host.unwrap_or_default(),
        intent.what,
        intent.request,
        intent.confirmed
    )
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::config::Settings;
    use crate::domain::{ActId, Wall};

    fn entry(number: u64, outcome: ActOutcome) -> LedgerEntry {
        LedgerEntry {
            number,
            wall: Wall(number.cast_signed() * 1000),
            event: LedgerEvent::Outcome {
                act: ActId(number),
                outcome,
                verification: None,
            },
        }
    }

    fn fleet(numbers: std::ops::RangeInclusive<u64>) -> Arc<Fleet> {
        let mut fleet = Fleet::new("home", &Settings::default());
        fleet.ledger = Arc::new(numbers.map(|n| entry(n, ActOutcome::Done)).collect());
        fleet.ledger_read = true;
        Arc::new(fleet)
    }

    fn start(from: StartAt, follow: bool) -> Start {
        Start {
            from,
            until: None,
            follow,
        }
    }

    fn texts(event: FollowEvent) -> Vec<String> {
        let FollowEvent::Lines(lines) = event else {
            panic!("no lines: {event:?}");
        };
        lines
            .iter()
            .map(|line| String::from_utf8(line.bytes.to_vec()).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn acts_come_as_they_are_written_and_go_on_after_a_place() {
        let (out, fleet_in) = watch::channel(fleet(1..=5));
        let mut actions = Actions::new(fleet_in.clone(), start(StartAt::Tail(2), true));
        assert_eq!(texts(actions.next().await), ["#4 done", "#5 done"]);
        out.send_replace(fleet(1..=6));
        assert_eq!(texts(actions.next().await), ["#6 done"]);
        assert_eq!(actions.first(), Some(Place::Action(4)));
        let place = actions.last().unwrap();
        assert_eq!(place, Place::Action(6));
        out.send_replace(fleet(9..=9));
        let mut again = Actions::new(fleet_in, start(StartAt::After(place), true));
        let missing = again.next().await;
        let FollowEvent::Missing { lines: Some(2), .. } = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(texts(again.next().await), ["#9 done"]);
    }

    #[tokio::test]
    async fn a_look_at_the_start_waits_until_the_ledger_has_been_read() {
        let unread = Arc::new(Fleet::new("home", &Settings::default()));
        let (out, fleet_in) = watch::channel(unread);
        let mut actions = Actions::new(fleet_in, start(StartAt::Tail(2), false));
        let mut next = actions.next();
        assert!((&mut next).now_or_never().is_none());
        out.send_replace(fleet(1..=5));
        assert_eq!(texts(next.await), ["#4 done", "#5 done"]);
    }

    #[tokio::test]
    async fn older_acts_are_fetched_and_their_end_is_told() {
        let (_out, fleet_in) = watch::channel(fleet(1..=9));
        let before = StartAt::Before(Place::Action(4), 2);
        let mut actions = Actions::new(fleet_in, start(before, false));
        assert_eq!(texts(actions.next().await), ["#2 done", "#3 done"]);
        assert_eq!(actions.first(), Some(Place::Action(2)));
        assert!(matches!(
            actions.next().await,
            FollowEvent::Ended { retry: false, .. }
        ));
    }
}
