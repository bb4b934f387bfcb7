//! The engine's side of the store: what earlier sessions saw is told at the start, changes are written down as they come.

use std::collections::BTreeMap;

use super::lanes::Lanes;
use super::msg::HostMsg;
use super::services_state::ServicesMsg;
use super::trouble::Trouble;
use crate::domain::{HealthChange, HostId, ServiceName};
use crate::services::ServiceEvent;
use crate::store::{Opened, Store, StoreError, StoredServiceEvent};
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
            if let Err(error) = self.tell_services(&host).await {
                return self.fails(error).await;
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

    /// Writes down what happened to a service; how it went is heeded in a task.
    pub(super) fn remember_service(
        &self,
        (host, service): (&HostId, &ServiceName),
        event: &ServiceEvent,
        tasks: &Tasks,
    ) {
        let kind = serde_json::to_string(&event.kind).unwrap_or_default();
        let stored = StoredServiceEvent {
            wall: event.wall,
            kind,
            words: event.words.to_string(),
        };
        let written = self.store.remember_service(host, service, stored);
        let keeper = self.clone();
        tasks.spawn(async move {
            match written.await {
                Ok(()) => keeper.trouble.passed(),
                Err(error) => keeper.fails(error).await,
            }
        });
    }

    async fn tell_services(&self, host: &HostId) -> Result<(), StoreError> {
        let mut past: BTreeMap<ServiceName, Vec<ServiceEvent>> = BTreeMap::new();
        for (service, stored) in self.store.past_services(host).await? {
            // A kind that only another version knows is not ours to show.
            if let Ok(kind) = serde_json::from_str(&stored.kind) {
                past.entry(service).or_default().push(ServiceEvent {
                    wall: stored.wall,
                    kind,
                    words: stored.words.into(),
                });
            }
        }
        for (service, events) in past {
            let msg = HostMsg::Services(ServicesMsg::Past(service, events));
            self.lanes.host(host, msg).await;
        }
        Ok(())
    }

    async fn fails(&self, error: StoreError) {
        let sentence = format!("no history: {}", error.what);
        self.trouble.tell(sentence, error.hint).await;
    }
}
