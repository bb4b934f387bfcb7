//! One conversation's way into the store: one batch at a time, what comes meanwhile goes with the next. Where the store is
//! broken the conversation lives in memory, which is said once.

use std::sync::Arc;
use std::time::Duration;

use super::record::Record;
use super::room::Room;
use crate::domain::At;
use crate::store::{Pending, StoreError};

/// Time between two tries of a store that is broken.
const AGAIN: Duration = Duration::from_secs(10);

/// What is on its way to the store.
pub(super) struct Keeping {
    room: Arc<Room>,
    under_way: Option<Pending<()>>,
    /// How it went, not yet heeded.
    outcome: Option<Result<(), StoreError>>,
    /// The newest number that the store is known to have.
    kept: u64,
    /// The newest number on its way.
    handed: u64,
    /// Not before then.
    again: At,
}

impl Keeping {
    pub(super) fn new(room: &Arc<Room>) -> Self {
        Self {
            room: Arc::clone(room),
            under_way: None,
            outcome: None,
            kept: 0,
            handed: 0,
            again: At::default(),
        }
    }

    /// Waits until what is on its way has arrived, or could not.
    pub(super) async fn done(&mut self) {
        match &mut self.under_way {
            Some(under_way) => {
                let outcome = under_way.await;
                self.under_way = None;
                self.outcome = Some(outcome);
            }
            None => std::future::pending().await,
        }
    }

    /// Hands over what is new.
    pub(super) fn keep(&mut self, record: &mut Record) {
        match self.outcome.take() {
            Some(Ok(())) => {
                self.kept = self.handed;
                self.room.trouble.passed();
            }
            Some(Err(error)) => {
                record.is_kept_up_to(self.kept);
                self.again = self.room.clock.at().plus(AGAIN);
                self.fails(error);
            }
            None => {}
        }
        let Some(store) = &self.room.store else {
            return;
        };
        if self.under_way.is_some() || self.room.clock.at() < self.again {
            return;
        }
        if let Some(batch) = record.batch() {
            self.handed = record.number();
            self.under_way = Some(store.append_session(batch));
        }
    }

    /// Whether nothing would be lost with this record.
    pub(super) fn has_all(&self, record: &Record) -> bool {
        let is_kept = self.room.store.is_some()
            && self.under_way.is_none()
            && !matches!(self.outcome, Some(Err(_)))
            && record.is_handed();
        is_kept || record.number() == 0
    }

    fn fails(&self, error: StoreError) {
        let trouble = self.room.trouble.clone();
        self.room.shared.tasks.spawn(async move {
            let sentence = format!(
                "conversations are kept in memory only, until this console ends: {}",
                error.what
            );
            trouble.tell(sentence, error.hint).await;
        });
    }
}
