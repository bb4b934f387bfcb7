//! Log lines of several sources for a reader who keeps none of them: in one order, handed out as fast as they are taken.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::feeder::{Fed, Feed, Feeder, Order};
use super::lenses::Lenses;
use super::merge::{Merge, Piece, Silence};
use crate::domain::Age;
use crate::follow::{LineBatch, SourceAddress, Stamp, StartAt};
use crate::logs::{SourceNumber, SourceState};
use crate::tasks::Tasks;
use crate::text::SafeText;

/// Handfuls that wait between two hands.
const LANE: usize = 2;

/// A followed source that says nothing from one of these beats to the next has nothing older to say.
const HOLD: Duration = Duration::from_millis(150);

/// Something of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    /// Lines, stamped by our clock.
    Lines(LineBatch),
    /// How the source stands.
    State(SourceState),
    /// Nothing was read for so long; it goes on behind the last line.
    Gap(Age),
    /// Lines are missing here: how many, where that is known, and why.
    Missing(Option<u64>, SafeText),
    /// Something that belongs between the lines.
    Note(SafeText),
}

/// Log lines of several sources, in one order. Dropping it ends what runs for it.
#[derive(Debug)]
pub struct LogStream {
    items: mpsc::Receiver<(SourceNumber, LogItem)>,
}

impl LogStream {
    /// What comes next, and of which source, counted as they were asked for; `None` when all have ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<(SourceNumber, LogItem)> {
        self.items.recv().await
    }
}

/// What is wanted of every source.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) from: StartAt,
    pub(super) until: Option<Stamp>,
    pub(super) follow: bool,
}

/// Starts reading.
pub(super) fn read(lenses: &Lenses, sources: &[SourceAddress], wanted: &Wanted) -> LogStream {
    let (out, items) = mpsc::channel(LANE);
    let tasks = lenses.tasks.child();
    let feeds = (0..).map(SourceNumber).zip(sources);
    let feeds = feeds.map(|(source, address)| {
        let (out, feed) = mpsc::channel(LANE);
        let feeder = Feeder {
            source,
            order: Order {
                address: address.clone(),
                from: wanted.from.clone(),
                until: wanted.until,
                follow: wanted.follow,
            },
            sources: Arc::clone(&lenses.sources),
            clock: lenses.clock.clone(),
            out,
        };
        tasks.spawn(feeder.run());
        Some(feed)
    });
    let reader = Reader {
        feeds: feeds.collect(),
        moods: vec![Mood::Opening; sources.len()],
        merge: Merge::new(sources.len()),
        follow: wanted.follow,
        out,
        tasks: tasks.clone(),
    };
    lenses.tasks.spawn(reader.run());
    LogStream { items }
}

/// Joins the sources into one order.
struct Reader {
    /// Where the sources speak; `None`: it has ended.
    feeds: Vec<Option<mpsc::Receiver<Fed>>>,
    moods: Vec<Mood>,
    merge: Merge,
    follow: bool,
    out: mpsc::Sender<(SourceNumber, LogItem)>,
    tasks: Tasks,
}

/// Whether a source may be overtaken by those that have lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// It is being opened: its first lines are waited for.
    Opening,
    /// It has spoken since the last beat.
    Talking,
    /// It has not.
    Quiet,
}

/// The reader has left.
struct Unwanted;

impl Reader {
    async fn run(mut self) {
        // An error means that nobody reads any more.
        drop(self.read().await);
    }

    async fn read(&mut self) -> Result<(), Unwanted> {
        let mut beat = interval(HOLD);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let out = self.out.clone();
        loop {
            while let Some((source, piece)) = self.merge.next() {
                self.tell(source, item(piece)).await?;
            }
            if self.feeds.iter().all(Option::is_none) && self.merge.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = out.closed() => return Err(Unwanted),
                (source, feed) = self.fed() => self.take(source, feed).await?,
                _ = beat.tick(), if self.follow => self.overtake(),
            }
        }
    }

    /// What the next of the sources says that may speak.
    async fn fed(&mut self) -> (SourceNumber, Option<Feed>) {
        poll_fn(|context| {
            for (source, feed) in (0..).map(SourceNumber).zip(&mut self.feeds) {
                let wanted = self.merge.wants(source);
                if let Some(lane) = feed.as_mut().filter(|_| wanted)
                    && let Poll::Ready(fed) = lane.poll_recv(context)
                {
                    return Poll::Ready((source, fed.map(|fed| fed.feed)));
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn take(&mut self, source: SourceNumber, feed: Option<Feed>) -> Result<(), Unwanted> {
        let Some(feed) = feed else {
            if let Some(feed) = self.feeds.get_mut(usize::from(source.0)) {
                *feed = None;
            }
            self.merge.silent(source, Silence::Newest);
            return Ok(());
        };
        let mood = match feed {
            Feed::State(SourceState::Opening) => Mood::Opening,
            Feed::State(SourceState::Waiting(_)) => Mood::Quiet,
            _ => Mood::Talking,
        };
        self.mood(source, mood);
        match feed {
            Feed::Lines(handful) => {
                for lines in handful {
                    self.merge.push(source, Piece::Lines(lines));
                }
            }
            Feed::Gap(length) => self.merge.push(source, Piece::Gap(length)),
            Feed::Missing(lines, why) => self.merge.push(source, Piece::Missing(lines, why)),
            Feed::Note(note) => self.merge.push(source, Piece::Note(note)),
            Feed::Offset(milliseconds) => self.merge.offset(source, milliseconds),
            Feed::State(state) => self.tell(source, LogItem::State(state)).await?,
            Feed::First(_) => {}
        }
        Ok(())
    }

    fn mood(&mut self, source: SourceNumber, mood: Mood) {
        if let Some(slot) = self.moods.get_mut(usize::from(source.0)) {
            *slot = mood;
        }
        self.merge.silent(source, Silence::Unclear);
    }

    /// Those that have been quiet since the last beat do not hold the others up.
    fn overtake(&mut self) {
        for (source, mood) in (0..).map(SourceNumber).zip(&mut self.moods) {
            match mood {
                Mood::Opening => {}
                Mood::Talking => *mood = Mood::Quiet,
                Mood::Quiet => self.merge.silent(source, Silence::Newest),
            }
        }
    }

    async fn tell(&self, source: SourceNumber, item: LogItem) -> Result<(), Unwanted> {
        self.out.send((source, item)).await.map_err(|_| Unwanted)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

fn item(piece: Piece) -> LogItem {
    match piece {
        Piece::Lines(lines) => LogItem::Lines(lines),
        Piece::Gap(length) => LogItem::Gap(length),
        Piece::Missing(lines, why) => LogItem::Missing(lines, why),
        Piece::Note(note) => LogItem::Note(note),
    }
}
