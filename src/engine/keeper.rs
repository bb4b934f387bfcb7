//! The engine's side of the store: what earlier sessions saw is told at the start, changes are written down as they come.

use super::lanes::Lanes;
use super::msg::HostMsg;
use super::trouble::Trouble;
use crate::domain::{HealthChange, HostId};
use crate::store::{Opened, Store, StoreError};
use crate::tasks::Tasks;

/// Changes of a host that are told at the start.
const PAST: u32 = 200;

/// The store in use.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    store: Store,
    lanes: Lanes,
    trouble: Trouble,
}

impl Keeper {
    pub(super) fn new(store: Store, lanes: Lanes) -> Self {
        Self {
            store,
            trouble: Trouble::new(lanes.clone()),
            lanes,
        }
    }

    /// Tells what earlier sessions saw of these hosts.
    pub(super) async fn recall(self, hosts: Vec<HostId>) {
        match self.store.prepare().await {
            Err(error) => return self.fails(error).await,
            Ok(Opened::Fine) => {}
            Ok(Opened::SetAside(place)) => {
                let sentence = format!(
                    "the history was damaged: it is kept as {}, and a new one has begun",
                    place.display()
                );
                self.trouble.tell(sentence, None).await;
            }
        }
        for host in hosts {
            match self.store.past(&host, PAST).await {
                Ok(past) if past.is_empty() => {}
                Ok(past) => self.lanes.host(&host, HostMsg::Past(past)).await,
                Err(error) => return self.fails(error).await,
            }
        }
    }

    /// Writes a change down, in the order of the calls; how it went is heeded in a task.
    pub(super) fn remember(&self, host: &HostId, change: &HealthChange, tasks: &Tasks) {
        let written = self.store.remember(host, change);
        let keeper = self.clone();
        tasks.spawn(async move {
            match written.await {
                Ok(()) => keeper.trouble.passed(),
                Err(error) => keeper.fails(error).await,
            }
        });
    }

    async fn fails(&self, error: StoreError) {
        let sentence = format!("no history: {}", error.what);
        self.trouble.tell(sentence, error.hint).await;
    }
}
