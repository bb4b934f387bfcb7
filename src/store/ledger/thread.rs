//! The door to the ledger, and the thread that writes it: its own, so that a slow history never delays an act.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::anchor::LedgerPaths;
use super::book::{self, Appended};
use super::{fault, read};
use crate::domain::{ActId, ActOutcome, LedgerEntry, LedgerEvent, Wall};
use crate::store::thread::Pending;
use crate::store::{StoreError, StoreErrorKind};

/// Records that wait for the disk. Beyond it they are refused, and so is what they are about.
const WAITING: usize = 256;

/// A ledger that is written to; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Files(SyncSender<Work>),
    Memory(Arc<Mutex<Vec<LedgerEntry>>>),
    Nowhere(StoreError),
}

type Answer = oneshot::Sender<Result<Vec<LedgerEntry>, StoreError>>;

#[derive(Debug)]
enum Work {
    Tail(usize, Answer),
    /// The last: what is written of an intent that nobody waits for any more.
    Write(Wall, LedgerEvent, Answer, ActOutcome),
    Settle(Answer),
}

impl Ledger {
    /// A ledger in these files. Nothing is opened yet.
    pub fn in_files(paths: LedgerPaths) -> Self {
        let (work, waiting) = sync_channel(WAITING);
        let scribe = Scribe { paths, seen: 0 };
        let thread = std::thread::Builder::new().name("ledger".into());
        if let Err(error) = thread.spawn(move || scribe.serve(&waiting)) {
            // Without a thread every record is refused as `Ended`, and so every act.
            tracing::error!(%error, "no thread for the ledger");
        }
        Self(Kind::Files(work))
    }

    /// A ledger that ends with the session: for simulated fleets and tests.
    pub fn in_memory() -> Self {
        Self(Kind::Memory(Arc::default()))
    }

    /// No ledger, for this reason: every record is refused with it.
    pub fn nowhere(what: &str, hint: &str) -> Self {
        let error = StoreError::new(StoreErrorKind::Unwritable, what).hint(hint);
        Self(Kind::Nowhere(error))
    }

    /// Whether what is written outlives the session.
    pub fn outlives(&self) -> bool {
        !matches!(self.0, Kind::Memory(_))
    }

    /// The last entries that are there, oldest first.
    pub fn tail(&self, most: usize) -> Pending<Vec<LedgerEntry>> {
        match &self.0 {
            Kind::Files(work) => submit(work, |answer| Work::Tail(most, answer)),
            // What is in memory was told when it was written; without a ledger there is nothing to tell.
            Kind::Memory(_) | Kind::Nowhere(_) => Pending::ready(Ok(Vec::new())),
        }
    }

    /// Writes one record. Gives every entry that is new since the last answer, those of other programs included; the last
    /// is this one, and it is on the disk.
    ///
    /// An intent that comes to the disk when nobody waits for it any more is closed at once: it was not begun.
    pub fn write(&self, wall: Wall, event: LedgerEvent) -> Pending<Vec<LedgerEntry>> {
        let given_up =
            ActOutcome::Failed("not begun: it was given up before it was written".into());
        self.write_or(wall, event, given_up)
    }

    /// The same, for an act that is done even where its intent comes to the disk too late: then it is closed with `given_up`.
    pub fn write_or(
        &self,
        wall: Wall,
        event: LedgerEvent,
        given_up: ActOutcome,
    ) -> Pending<Vec<LedgerEntry>> {
        match &self.0 {
            Kind::Files(work) => submit(work, |answer| Work::Write(wall, event, answer, given_up)),
            Kind::Memory(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = LedgerEntry {
                    number: kept.len() as u64 + 1,
                    wall,
                    event,
                };
                kept.push(entry.clone());
                Pending::ready(Ok(vec![entry]))
            }
            Kind::Nowhere(error) => Pending::ready(Err(error.clone())),
        }
    }

    /// Waits until everything that was handed over before is done.
    pub async fn settle(&self) {
        if let Kind::Files(work) = &self.0
            && let Err(error) = submit(work, Work::Settle).await
        {
            tracing::warn!(%error, "the ledger did not settle");
        }
    }
}

fn submit(
    work: &SyncSender<Work>,
    order: impl FnOnce(Answer) -> Work,
) -> Pending<Vec<LedgerEntry>> {
    let (answer, outcome) = oneshot::channel();
    Pending::submitted(&work.try_send(order(answer)), outcome, || {
        StoreError::new(
            StoreErrorKind::Behind,
            "the disk does not keep up with the ledger",
        )
        .hint("look what the disk is doing, then try again")
    })
}

/// What the thread owns.
struct Scribe {
    paths: LedgerPaths,
    /// The ledger has been told up to this byte.
    seen: u64,
}

impl Scribe {
    fn serve(mut self, waiting: &Receiver<Work>) {
        while let Ok(work) = waiting.recv() {
            match work {
                Work::Tail(most, answer) => {
                    let tail = self.tail(most);
                    if answer.send(tail).is_err() {
                        tracing::trace!("nobody waits for the ledger's tail");
                    }
                }
                Work::Write(wall, event, answer, given_up) => {
                    self.write(wall, event, answer, given_up);
                }
                Work::Settle(answer) => drop(answer.send(Ok(Vec::new()))),
            }
        }
    }

    fn tail(&mut self, most: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut kept = std::collections::VecDeque::new();
        let seen = read::walk(&self.paths.ledger, 0, u64::MAX, |entry| {
            kept.extend(entry);
            if kept.len() > most {
                kept.pop_front();
            }
        });
        self.seen = seen.map_err(|error| self.unreadable(&error))?;
        Ok(kept.into())
    }

    fn write(&mut self, wall: Wall, event: LedgerEvent, answer: Answer, given_up: ActOutcome) {
        let told = self.seen;
        let is_intent = matches!(event, LedgerEvent::Intent(_));
        let outcome = book::append(&self.paths, wall, event).map(|own| self.new_with(own));
        let Err(Ok(unheard)) = answer.send(outcome) else {
            return;
        };
        // Nobody has heard of these: the next answer tells them.
        self.seen = told;
        if let Some(intent) = unheard.last().filter(|_| is_intent) {
            let event = LedgerEvent::Outcome {
                act: ActId(intent.number),
                outcome: given_up,
                verification: None,
            };
            if let Err(error) = book::append(&self.paths, wall, event) {
                tracing::error!(%error, act = intent.number, "an act that was given up stays open in the ledger");
            }
        }
    }

    /// What is new since the last answer; at least what was written now.
    fn new_with(&mut self, own: Appended) -> Vec<LedgerEntry> {
        let mut new = Vec::new();
        let from = std::mem::replace(&mut self.seen, own.end);
        let walked = read::walk(&self.paths.ledger, from, own.end, |entry| new.extend(entry));
        let wanted = own.entries.last();
        if walked.is_ok() && new.last() == wanted {
            return new;
        }
        own.entries
    }

    fn unreadable(&self, error: &std::io::Error) -> StoreError {
        fault::io(&self.paths.ledger, error)
    }
}
