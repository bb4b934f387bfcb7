//! Measures the containers of one host while somebody looks, and nothing otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;

use super::containers::ContainersMsg;
use super::lanes::Lanes;
use super::links::OpenLink;
use super::msg::HostMsg;
use super::stats_interest::Due;
use crate::docker::StatsReading;
use crate::domain::{ContainerId, HostId};

/// Containers that are measured at once.
const AT_ONCE: usize = 4;

/// The reading before, of each.
type Readings = BTreeMap<ContainerId, StatsReading>;

/// Measures the containers of one host.
pub(super) struct StatsWatch {
    pub(super) host: HostId,
    pub(super) link: Arc<OpenLink>,
    pub(super) lanes: Lanes,
}

impl StatsWatch {
    /// Runs until it is dropped, with the link.
    pub(super) async fn run(self) {
        let interest = &self.link.interest;
        let mut before = Readings::new();
        loop {
            let now = self.lanes.now();
            match interest.due(now) {
                Due::Nobody => {
                    // Rates over the time in which nobody looked would be those of the past.
                    before.clear();
                    interest.news().await;
                }
                Due::At(next) => {
                    tokio::select! {
                        () = sleep(next.since(now).duration()) => {}
                        () = interest.news() => {}
                    }
                }
                Due::All => {
                    let ids = self.link.running().clone();
                    before.retain(|id, _| ids.contains(id));
                    self.measure(ids, &mut before).await;
                }
                Due::Only(mut ids) => {
                    ids.retain(|id| self.link.running().contains(id));
                    self.measure(ids, &mut before).await;
                }
            }
        }
    }

    /// Reads what these take. One that ended meanwhile, or an engine that is gone, is told by whoever hears the engine.
    async fn measure(&self, ids: impl IntoIterator<Item = ContainerId>, before: &mut Readings) {
        let Ok(docker) = self.link.docker() else {
            return;
        };
        let docker = &docker;
        let mut reads = stream::iter(ids)
            .map(async |id| {
                let read = docker.stats(&id).await;
                (id, read)
            })
            .buffer_unordered(AT_ONCE);
        let mut stats = Vec::new();
        while let Some((id, read)) = reads.next().await {
            match read {
                Ok(read) => {
                    stats.push((id.clone(), read.since(before.get(&id))));
                    before.insert(id, read);
                }
                Err(error) => {
                    tracing::debug!(host = %self.host, container = %id, %error, "it can't be measured");
                }
            }
        }
        if !stats.is_empty() {
            let msg = HostMsg::Containers(ContainersMsg::Stats(stats));
            self.lanes.host(&self.host, msg).await;
        }
    }
}
