//! The engine's side of the store: what it knew is told at the start, and its troubles once each.

use std::sync::{Arc, Mutex, PoisonError};

use super::lanes::Lanes;
use super::msg::{HostMsg, Msg};
use super::notice::Notice;
use crate::domain::{HostId, Severity};
use crate::store::{Opened, Store, StoreError};

/// Changes of a host that are told at the start.
const PAST: u32 = 200;

/// The store, and what was last told of its troubles.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    pub(super) store: Store,
    lanes: Lanes,
    told: Arc<Mutex<Option<String>>>,
}

impl Keeper {
    pub(super) fn new(store: Store, lanes: Lanes) -> Self {
        Self {
            store,
            lanes,
            told: Arc::default(),
        }
    }

    /// Tells what earlier sessions saw of these hosts.
    pub(super) async fn recall(self, hosts: Vec<HostId>) {
        match self.store.prepare().await {
            Err(error) => return self.tell(error).await,
            Ok(Opened::Fine) => {}
            Ok(Opened::SetAside(place)) => {
                let sentence = format!(
                    "the history was damaged: it is kept as {}, and a new one has begun",
                    place.display()
                );
                self.notice(sentence, None).await;
            }
        }
        for host in hosts {
            match self.store.past(&host, PAST).await {
                Ok(past) if past.is_empty() => {}
                Ok(past) => self.lanes.host(&host, HostMsg::Past(past)).await,
                Err(error) => return self.tell(error).await,
            }
        }
    }

    /// Takes in how writing went: a trouble is told once, until something is written again.
    pub(super) async fn heed(&self, outcome: Result<(), StoreError>) {
        match outcome {
            Ok(()) => *self.told() = None,
            Err(error) => self.tell(error).await,
        }
    }

    async fn tell(&self, error: StoreError) {
        let news = self.told().replace(error.what.clone()) != Some(error.what.clone());
        if news {
            self.notice(format!("no history: {}", error.what), error.hint)
                .await;
        }
    }

    async fn notice(&self, sentence: String, hint: Option<String>) {
        let notice = Notice {
            at: self.lanes.now(),
            severity: Severity::Warning,
            host: None,
            sentence: sentence.into(),
            hint: hint.map(Into::into),
        };
        self.lanes.fact(Msg::Noticed(notice)).await;
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
