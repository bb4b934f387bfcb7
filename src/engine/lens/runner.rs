//! The task of one lens: orders first, then lines in short slices, then what the lens still has to work through; pictures as
//! often as they are of use. It never holds its thread for more than a few milliseconds.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;

use super::feeder::{Fed, Feed};
use super::handle::LensWish;
use super::lenses::Lenses;
use super::pace::Pace;
use super::roster::{Fetched, Roster};
use super::words;
use crate::clock::Clock;
use crate::domain::Mib;
use crate::follow::{LineBatch, SourceAddress, Stamp, StartAt};
use crate::logs::{Lens, LensPicture, RowKind, SourceNumber, SourceState};

/// Bytes of a MiB.
const MIB: u64 = 1024 * 1024;

/// Lines and bytes that are taken in at once: below two milliseconds.
const SLICE: (usize, usize) = (512, 128 * 1024);

/// Handfuls that wait to be taken in; a feeder beyond them waits.
const LANE: usize = 4;

/// Orders that are carried out before the picture that follows from them.
const ORDERS: usize = 32;

/// The lens's ends of its channels.
pub(super) struct Ends {
    pub(super) wishes: mpsc::Receiver<LensWish>,
    pub(super) changes: mpsc::Receiver<Vec<SourceAddress>>,
}

/// Lines on their way into the lens.
struct Ingest {
    source: SourceNumber,
    lines: LineBatch,
    next: usize,
}

/// What happens next.
enum Step {
    Wish(LensWish),
    Sources(Vec<SourceAddress>),
    Show,
    Work,
    Fed(Fed),
    Fetched(Fetched),
    Closed,
}

/// One lens at work.
pub(super) struct Runner {
    lens: Lens,
    roster: Roster,
    clock: Clock,
    feeds: mpsc::Receiver<Fed>,
    fetched: mpsc::Receiver<Fetched>,
    pictures: watch::Sender<Arc<LensPicture>>,
    pace: Pace,
    ingest: VecDeque<Ingest>,
    part: LineBatch,
    /// Whether the lens has something to work through.
    behind: bool,
}

impl Runner {
    /// An empty lens.
    pub(super) fn new(
        lenses: &Lenses,
        buffer: Mib,
        begin: StartAt,
        pictures: watch::Sender<Arc<LensPicture>>,
    ) -> Self {
        let (out, feeds) = mpsc::channel(LANE);
        let (past, fetched) = mpsc::channel(LANE);
        let cap = usize::try_from(buffer.0.saturating_mul(MIB)).unwrap_or(usize::MAX);
        let mut lens = Lens::new(cap);
        lens.set_explain(words::explain);
        Self {
            lens,
            roster: Roster::new(lenses, begin, out, past),
            clock: lenses.clock.clone(),
            feeds,
            fetched,
            pictures,
            pace: Pace::default(),
            ingest: VecDeque::new(),
            part: LineBatch::default(),
            behind: false,
        }
    }

    /// Runs until nobody looks any more.
    pub(super) async fn run(mut self, sources: Vec<SourceAddress>, mut ends: Ends) {
        self.sources(&sources);
        loop {
            match self.step(&mut ends).await {
                Step::Wish(wish) => self.wishes(wish, &mut ends.wishes),
                Step::Sources(sources) => self.sources(&sources),
                Step::Show => self.show(),
                Step::Work => {
                    self.work();
                    yield_now().await;
                }
                Step::Fed(fed) => self.fed(fed),
                Step::Fetched(fetched) => self.fetched(&fetched),
                Step::Closed => return,
            }
        }
    }

    async fn step(&mut self, ends: &mut Ends) -> Step {
        let busy = self.behind || !self.ingest.is_empty();
        tokio::select! {
            biased;
            wish = ends.wishes.recv() => wish.map_or(Step::Closed, Step::Wish),
            Some(sources) = ends.changes.recv() => Step::Sources(sources),
            () = self.pace.due() => Step::Show,
            Some(fetched) = self.fetched.recv() => Step::Fetched(fetched),
            Some(fed) = self.feeds.recv(), if self.ingest.is_empty() => Step::Fed(fed),
            () = ready(()), if busy => Step::Work,
        }
    }

    /// Carries out an order and those behind it: all of them make one picture.
    fn wishes(&mut self, first: LensWish, more: &mut mpsc::Receiver<LensWish>) {
        self.wish(first);
        for _ in 1..ORDERS {
            let Ok(wish) = more.try_recv() else {
                break;
            };
            self.wish(wish);
        }
        // What an order leaves to be worked through makes a picture of its own; what it did is in the one it made.
        self.behind |= self.lens.work(0);
        self.fetch_if_wanted();
    }

    fn wish(&mut self, wish: LensWish) {
        match wish {
            LensWish::Order(order) => {
                self.lens.set_now(words::now(&self.clock));
                self.lens.order(order);
                self.pace.ordered();
            }
            LensWish::Text(scope, form, reply) => {
                self.lens.set_now(words::now(&self.clock));
                // Whoever asked has left.
                let _ = reply.send(self.lens.text(scope, form));
            }
        }
    }

    fn sources(&mut self, wanted: &[SourceAddress]) {
        for gone in self.roster.dismiss(wanted) {
            self.ingest.retain(|ingest| ingest.source != gone);
            self.lens.remove(gone);
        }
        for address in wanted {
            if !self.roster.has(address) {
                let number = self.lens.add_source(words::label(address));
                self.roster.engage(number, address.clone());
            }
        }
        self.lens.set_past(self.roster.past());
        self.behind = true;
        self.pace.ordered();
    }

    fn fed(&mut self, Fed { source, feed }: Fed) {
        if !self.roster.knows(source) {
            return;
        }
        self.pace.news();
        match feed {
            Feed::State(state) => {
                if matches!(state, SourceState::Ended(_) | SourceState::Refused(..)) {
                    self.roster.over(source);
                    self.lens.set_past(self.roster.past());
                }
                self.lens.set_state(source, state);
            }
            Feed::Offset(milliseconds) => {
                self.roster.ahead(source, milliseconds);
                self.lens.set_skew(source, milliseconds);
            }
            Feed::First(place) => {
                self.roster.begins(source, place);
                self.lens.set_past(self.roster.past());
            }
            Feed::Lines(handful) => {
                let ingest = |lines| Ingest {
                    source,
                    lines,
                    next: 0,
                };
                self.ingest.extend(handful.into_iter().map(ingest));
            }
            Feed::Gap(length) => {
                let text = words::gap(length, self.clock.wall());
                self.note(source, RowKind::Gap, &text);
            }
            Feed::Missing(lines, why) => {
                let text = words::missing(lines, &why);
                self.note(source, RowKind::Gap, &text);
            }
            Feed::Note(note) => self.note(source, RowKind::Note, &note),
        }
        self.behind = true;
    }

    /// A row of our own behind the source's last line.
    fn note(&mut self, source: SourceNumber, kind: RowKind, text: &crate::text::SafeText) {
        let now = words::stamp(self.clock.wall());
        let stamp = self
            .roster
            .last(source)
            .map_or(now, |last| Stamp(last.0.saturating_add(1)).min(now));
        self.lens.note(source, kind, stamp, text);
    }

    fn work(&mut self) {
        if let Some(ingest) = self.ingest.front_mut() {
            cut(ingest, &mut self.part);
            self.lens.ingest(ingest.source, &self.part);
            if let Some(line) = self.part.line(self.part.len().saturating_sub(1)) {
                self.roster.ends(ingest.source, line.head.stamp);
            }
            if ingest.next >= ingest.lines.len() {
                self.ingest.pop_front();
            }
            self.behind = true;
            return;
        }
        self.behind = self.lens.work(Lens::SLICE);
        self.pace.news();
        self.fetch_if_wanted();
    }

    fn fetch_if_wanted(&mut self) {
        if self.lens.wants_past() {
            let past = self.roster.fetch();
            self.lens.set_past(past);
        }
    }

    fn fetched(&mut self, fetched: &Fetched) {
        if !self.roster.knows(fetched.source) {
            return;
        }
        for lines in fetched.lines.iter().rev() {
            self.lens.ingest_past(fetched.source, lines);
        }
        self.roster.fetched(fetched);
        self.lens.set_past(self.roster.past());
        self.behind = true;
        self.pace.news();
    }

    fn show(&mut self) {
        self.lens.set_now(words::now(&self.clock));
        self.pictures.send_replace(Arc::new(self.lens.picture()));
        self.pace.shown();
    }
}

/// Cuts the next slice of lines off.
fn cut(ingest: &mut Ingest, part: &mut LineBatch) {
    part.clear();
    let (most, bytes) = SLICE;
    while part.len() < most && part.bytes() < bytes {
        let Some(line) = ingest.lines.line(ingest.next) else {
            break;
        };
        let head = line.head;
        part.push(line.bytes, head.stamp, head.stream, head.level);
        ingest.next += 1;
    }
}
