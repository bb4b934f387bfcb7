//! The sources of one lens: a feeder for each, how far back each has been read, and older lines when they are wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::feeder::{Fed, Feeder, Order};
use super::lenses::Lenses;
use super::sources::Sources;
use crate::clock::Clock;
use crate::follow::{FollowEvent, LineBatch, Place, SourceAddress, Stamp, Start, StartAt};
use crate::logs::{Past, SourceNumber};
use crate::tasks::Tasks;

/// Older lines that are fetched at once of every source.
const OLDER: u32 = 500;

/// Older lines that could not be read are not asked for again before this.
const AGAIN: Duration = Duration::from_secs(2);

/// Older lines of a source.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The source.
    pub(super) source: SourceNumber,
    /// The lines, in order; none: there are no older ones.
    pub(super) lines: Vec<LineBatch>,
    /// The place before them.
    first: Option<Place>,
}

/// The sources of a lens.
pub(super) struct Roster {
    sources: Arc<dyn Sources>,
    clock: Clock,
    tasks: Tasks,
    begin: StartAt,
    out: mpsc::Sender<Fed>,
    past: mpsc::Sender<Fetched>,
    running: BTreeMap<SourceNumber, Running>,
}

struct Running {
    address: SourceAddress,
    tasks: Tasks,
    older: Older,
    /// Nanoseconds that its clock is ahead of ours.
    ahead: i64,
    /// The stamp of its last line, on its own clock.
    last: Option<Stamp>,
}

/// How far back a source has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Older {
    /// It has given nothing yet.
    Unknown,
    /// There may be lines before this place.
    Before(Place),
    /// They are being fetched.
    Fetching,
    /// There are none.
    Start,
}

impl Roster {
    pub(super) fn new(
        lenses: &Lenses,
        begin: StartAt,
        out: mpsc::Sender<Fed>,
        past: mpsc::Sender<Fetched>,
    ) -> Self {
        Self {
            sources: Arc::clone(&lenses.sources),
            clock: lenses.clock.clone(),
            tasks: lenses.tasks.child(),
            begin,
            out,
            past,
            running: BTreeMap::new(),
        }
    }

    /// Whether a source is among these.
    pub(super) fn has(&self, address: &SourceAddress) -> bool {
        self.running
            .values()
            .any(|running| running.address == *address)
    }

    /// Whether a number is that of one of these.
    pub(super) fn knows(&self, source: SourceNumber) -> bool {
        self.running.contains_key(&source)
    }

    /// Begins to read a source.
    pub(super) fn engage(&mut self, source: SourceNumber, address: SourceAddress) {
        let feeder = Feeder {
            source,
            order: Order {
                address: address.clone(),
                from: self.begin.clone(),
                until: None,
                follow: true,
            },
            sources: Arc::clone(&self.sources),
            clock: self.clock.clone(),
            out: self.out.clone(),
        };
        let tasks = self.tasks.child();
        tasks.spawn(feeder.run());
        let running = Running {
            address,
            tasks,
            older: Older::Unknown,
            ahead: 0,
            last: None,
        };
        self.running.insert(source, running);
    }

    /// Ends all that are not wanted, and names them.
    pub(super) fn dismiss(&mut self, wanted: &[SourceAddress]) -> Vec<SourceNumber> {
        let gone = |(number, running): (&SourceNumber, &Running)| {
            (!wanted.contains(&running.address)).then_some(*number)
        };
        let gone: Vec<SourceNumber> = self.running.iter().filter_map(gone).collect();
        for number in &gone {
            if let Some(running) = self.running.remove(number) {
                running.tasks.cancel();
            }
        }
        gone
    }

    /// A source's first line came: what lies before it is there.
    pub(super) fn begins(&mut self, source: SourceNumber, place: Place) {
        if let Some(running) = self.running.get_mut(&source) {
            running.older = Older::Before(place);
        }
    }

    /// A source gives nothing more: where it never gave anything, there is nothing before it.
    pub(super) fn over(&mut self, source: SourceNumber) {
        if let Some(running) = self.running.get_mut(&source)
            && running.older == Older::Unknown
        {
            running.older = Older::Start;
        }
    }

    /// A source's clock is so many milliseconds ahead of ours.
    pub(super) fn ahead(&mut self, source: SourceNumber, milliseconds: i64) {
        if let Some(running) = self.running.get_mut(&source) {
            running.ahead = milliseconds.saturating_mul(1_000_000);
        }
    }

    /// The last line of a source so far has this stamp, on its own clock.
    pub(super) fn ends(&mut self, source: SourceNumber, stamp: Stamp) {
        if let Some(running) = self.running.get_mut(&source) {
            running.last = Some(stamp);
        }
    }

    /// The moment of a source's last line, on our clock.
    pub(super) fn last(&self, source: SourceNumber) -> Option<Stamp> {
        let running = self.running.get(&source)?;
        let last = running.last?;
        Some(Stamp(last.0.saturating_sub(running.ahead)))
    }

    /// Fetches older lines of all sources that have some.
    pub(super) fn fetch(&mut self) -> Past {
        for (source, running) in &mut self.running {
            let Older::Before(place) = running.older.clone() else {
                continue;
            };
            running.older = Older::Fetching;
            let (sources, past) = (Arc::clone(&self.sources), self.past.clone());
            let (source, address) = (*source, running.address.clone());
            running.tasks.spawn(async move {
                let fetched = older(sources.as_ref(), source, &address, place).await;
                // An error means that the lens is closed.
                drop(past.send(fetched).await);
            });
        }
        self.past()
    }

    /// Notes how far back a source has been read now.
    pub(super) fn fetched(&mut self, fetched: &Fetched) {
        if let Some(running) = self.running.get_mut(&fetched.source) {
            running.older = fetched.first.clone().map_or(Older::Start, Older::Before);
        }
    }

    /// What lies before the first line.
    pub(super) fn past(&self) -> Past {
        let any = |wanted: fn(&Older) -> bool| self.running.values().any(|r| wanted(&r.older));
        if any(|older| *older == Older::Fetching) {
            Past::Fetching
        } else if any(|older| matches!(older, Older::Before(_) | Older::Unknown)) {
            Past::More
        } else {
            Past::Start
        }
    }
}

impl Drop for Roster {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Lines before a place. What can't be read now is tried again when it is wanted again.
async fn older(
    sources: &dyn Sources,
    source: SourceNumber,
    address: &SourceAddress,
    place: Place,
) -> Fetched {
    let mut fetched = Fetched {
        source,
        lines: Vec::new(),
        first: Some(place.clone()),
    };
    let start = Start {
        from: StartAt::Before(place, OLDER),
        until: None,
        follow: false,
    };
    let Ok(mut follow) = sources.open(address, start).await else {
        sleep(AGAIN).await;
        return fetched;
    };
    loop {
        match follow.next().await {
            FollowEvent::Lines(lines) => fetched.lines.push(lines),
            FollowEvent::Missing { .. } | FollowEvent::Note(_) => {}
            FollowEvent::Ended { retry: true, .. } => {
                fetched.lines.clear();
                sleep(AGAIN).await;
                return fetched;
            }
            FollowEvent::Ended { retry: false, .. } => break,
        }
    }
    fetched.first = follow.first().filter(|_| !fetched.lines.is_empty());
    fetched
}
