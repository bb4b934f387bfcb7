//! One host's container engine: found, and asked what it runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::detail::Inspected;
use super::error::DockerError;
use super::events::{Events, WANTED};
use super::greet::Greeting;
use super::row::{Listed, Summary};
use super::stats::{Stats, StatsReading};
use super::wire::{Call, LARGE, Wire, escape, parse};
use crate::domain::{Container, ContainerDetail, ContainerId, Daemon, DaemonFlavour, Wall};

/// Longest wait for a list. One of thousands of ended containers takes an engine its time.
const LIST: Duration = Duration::from_secs(30);

/// A container engine that was found on a host; cheap to clone. Its connections end with the last clone.
#[derive(Clone)]
pub struct Docker {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) wire: Wire,
    pub(super) daemon: Daemon,
    /// Memory of the whole machine in bytes, where the engine says it.
    pub(super) memory: Option<u64>,
}

impl Docker {
    pub(super) fn new(wire: Wire, greeting: Greeting) -> Self {
        let Greeting { daemon, memory } = greeting;
        Self {
            inner: Arc::new(Inner {
                wire,
                daemon,
                memory,
            }),
        }
    }

    /// Which engine it is.
    pub fn daemon(&self) -> &Daemon {
        &self.inner.daemon
    }

    /// Whether it still answers: the one question that costs it nothing.
    pub async fn ping(&self) -> Result<(), DockerError> {
        self.wire().call(&Call::get("/_ping")).await.map(drop)
    }

    /// All containers, those that have ended included, in the engine's order: one question, however many there are. When
    /// they were started and how often is not said here, see [`Self::container`].
    pub async fn list(&self) -> Result<Vec<Container>, DockerError> {
        let all: Listed = self
            .wire()
            .json(&self.list_of("/containers/json?all=1"))
            .await?;
        Ok(rows(all))
    }

    /// One container, with all that its row can tell. `id` may also be its name.
    pub async fn container(&self, id: &ContainerId) -> Result<Container, DockerError> {
        let answer = self.inspected(id).await?;
        Ok(parse::<Inspected>(&answer)?.row())
    }

    /// What a container is made of. `id` may also be its name.
    pub async fn inspect(&self, id: &ContainerId) -> Result<ContainerDetail, DockerError> {
        let answer = self.inspected(id).await?;
        Ok(parse::<Inspected>(&answer)?.detail(&answer))
    }

    /// What happens from now on; with `since`, also what happened from that moment on as far as the engine still knows it
    /// (Docker keeps its last 256 events, and none over a restart).
    pub async fn events(&self, since: Option<Wall>) -> Result<Events, DockerError> {
        // Podman refuses names of events that it does not know.
        let filters = match self.inner.daemon.flavour {
            DaemonFlavour::Docker => json!({"type": ["container"], "event": WANTED}),
            DaemonFlavour::Podman => json!({"type": ["container"]}),
        };
        let since = since.map_or_else(String::new, |Wall(ms)| {
            format!("&since={}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
        });
        let filters = escape(&filters.to_string());
        let path = format!("/events?filters={filters}{since}");
        let chunks = self.wire().open(&self.get(&path)).await?;
        Ok(Events::new(chunks))
    }

    /// One reading of what a container takes; two of them tell rates.
    pub async fn stats(&self, id: &ContainerId) -> Result<StatsReading, DockerError> {
        let path = format!(
            "/containers/{}/stats?stream=false&one-shot=true",
            escape(id.as_str())
        );
        let answer = self.wire().call(&self.get(&path)).await?;
        StatsReading::read(&answer, self.inner.memory)
    }

    /// What a container takes, second by second, until it is gone.
    pub async fn stats_stream(&self, id: &ContainerId) -> Result<Stats, DockerError> {
        let path = format!("/containers/{}/stats?stream=true", escape(id.as_str()));
        let chunks = self.wire().open(&self.get(&path)).await?;
        Ok(Stats::new(chunks, self.inner.memory))
    }

    /// A question whose answer is a list of everything.
    pub(super) fn list_of(&self, path: &str) -> Call {
        Call {
            limit: LIST,
            most: LARGE,
            ..self.get(path)
        }
    }

    async fn inspected(&self, id: &ContainerId) -> Result<bytes::Bytes, DockerError> {
        let path = format!("/containers/{}/json", escape(id.as_str()));
        self.wire().call(&self.get(&path)).await
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.inner.wire
    }

    /// A question in the API version that was agreed on.
    pub(super) fn get(&self, path: &str) -> Call {
        Call::get(self.path(path))
    }

    pub(super) fn path(&self, path: &str) -> String {
        format!("/v{}{path}", self.inner.daemon.api)
    }
}

/// The rows of a list. One without an identity can't be asked about, and an identity means one container.
fn rows(all: Listed) -> Vec<Container> {
    let mut known = HashSet::new();
    let mut rows: Vec<Container> = all.0.into_iter().map(Summary::row).collect();
    rows.retain(|row| !row.id.as_str().is_empty() && known.insert(row.id.clone()));
    rows
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker")
            .field("daemon", &self.inner.daemon)
            .field("route", self.inner.wire.route())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_means_one_container() {
        let listed = r#"[{"Id":"a1","Names":["/web"]},{"Id":"a1","Names":["/db"]},{"Id":"../","Names":["/x"]},
                         {"Names":["/y"]},{"Id":"b2","Names":["/web"]}]"#;
        let rows = rows(serde_json::from_str(listed).unwrap());
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.id.as_str(), row.name.as_str()))
            .collect();
        assert_eq!(told, [("a1", "web"), ("b2", "web")]);
    }
}
