//! What can be done with containers. Whether it may be done was decided before.

use std::time::Duration;

use futures_util::StreamExt as _;
use hyper::Method;
use serde::Deserialize;

use super::bounded::Few;
use super::client::Docker;
use super::error::{DockerError, DockerErrorKind};
use super::image::{self, Image};
use super::row::{Listed, Summary};
use super::wire::{Call, escape};
use crate::domain::{Bytes, ContainerAct, ContainerId, ContainerTop, PrunePreview};
use crate::text::SafeText;

/// How long a container that is asked to end may take before it is ended.
pub const GRACE: Duration = Duration::from_secs(10);

/// Longest wait beyond the grace; removing a large container takes a busy disk its time.
const SLACK: Duration = Duration::from_secs(50);

/// Longest wait for sizes: the engine walks over all that the containers have written.
const SIZES: Duration = Duration::from_mins(2);

/// Removals at a time; an engine does little more at once.
const AT_ONCE: usize = 4;

/// Most processes that are shown of one container.
const PROCESSES: usize = 5000;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Top {
    titles: Few<String, 64>,
    processes: Few<Few<String, 64>, PROCESSES>,
}

/// The exact request of an act: its method, and its path without the version prefix.
pub fn order(id: &ContainerId, act: ContainerAct) -> (&'static str, String) {
    let id = escape(id.as_str());
    let grace = GRACE.as_secs();
    match act {
        ContainerAct::Stop | ContainerAct::Restart => {
            ("POST", format!("/containers/{id}/{}?t={grace}", act.word()))
        }
        ContainerAct::Kill => ("POST", format!("/containers/{id}/kill?signal=KILL")),
        ContainerAct::Start | ContainerAct::Pause | ContainerAct::Unpause => {
            ("POST", format!("/containers/{id}/{}", act.word()))
        }
        ContainerAct::Remove => ("DELETE", format!("/containers/{id}")),
    }
}

impl Docker {
    /// Does it. What is so already is done: starting what runs, stopping what has ended. After [`DockerErrorKind::Lost`]
    /// and [`DockerErrorKind::Timeout`] nobody knows: look at the container.
    pub async fn act(&self, id: &ContainerId, act: ContainerAct) -> Result<(), DockerError> {
        let (method, path) = order(id, act);
        let limit = match act {
            ContainerAct::Stop | ContainerAct::Restart => GRACE + SLACK,
            _ => SLACK,
        };
        let call = Call {
            method: if method == "DELETE" {
                Method::DELETE
            } else {
                Method::POST
            },
            ..Call::post(self.path(&path), limit)
        };
        self.wire().call(&call).await.map_err(|e| mended(e, act))?;
        Ok(())
    }

    /// The processes of a container that runs.
    pub async fn top(&self, id: &ContainerId) -> Result<ContainerTop, DockerError> {
        let path = format!("/containers/{}/top", escape(id.as_str()));
        let top: Top = self.wire().json(&self.get(&path)).await?;
        let safe = |words: Few<String, 64>| words.0.into_iter().map(SafeText::from).collect();
        Ok(ContainerTop {
            titles: safe(top.titles),
            rows: top.processes.0.into_iter().map(safe).collect(),
        })
    }

    /// What could be removed without being missed: containers that have ended, and images without a name that nothing else
    /// uses. Sizes are what the engine counts; layers that images share are counted in each.
    pub async fn prune_preview(&self) -> Result<PrunePreview, DockerError> {
        let call = Call {
            limit: SIZES,
            ..self.list_of("/containers/json?all=1&size=1")
        };
        let all: Listed = self.wire().json(&call).await?;
        let (over, staying): (Vec<_>, Vec<_>) = all.0.into_iter().partition(Summary::is_over);
        let images = self.images().await?;
        let used = |image: &Image| staying.iter().any(|one| one.image_id == image.id.as_str());
        let unused: Vec<_> = images
            .into_iter()
            .filter(|image| image.names.is_empty() && !used(image))
            .collect();
        let written = over
            .iter()
            .filter_map(|one| u64::try_from(one.size_rw?).ok());
        let bytes = written
            .map(Bytes)
            .chain(unused.iter().map(|i| i.size))
            .sum();
        Ok(PrunePreview {
            containers: over.iter().map(|one| (one.id(), one.name())).collect(),
            images: unused.into_iter().map(|i| (i.id, i.size)).collect(),
            bytes,
        })
    }

    /// Removes what a preview named, and nothing else: what has ended since then was not agreed to, and what runs again or
    /// is used again stays. Gives back what is gone; its bytes are those of the images, and of all where all of it went.
    pub async fn prune(&self, agreed: &PrunePreview) -> Result<PrunePreview, DockerError> {
        let containers = agreed.containers.iter().cloned().map(|pair| async move {
            let path = format!("/containers/{}", escape(pair.0.as_str()));
            self.removed(&path).await.map(|gone| gone.then_some(pair))
        });
        let containers = all_of(containers).await?;
        let images = agreed.images.iter().cloned().map(|pair| async move {
            let path = format!("/images/{}", escape(pair.0.as_str()));
            self.removed(&path).await.map(|gone| gone.then_some(pair))
        });
        let images = all_of(images).await?;
        let everything =
            containers.len() == agreed.containers.len() && images.len() == agreed.images.len();
        let bytes = if everything {
            agreed.bytes
        } else {
            images.iter().map(|(_, size)| *size).sum()
        };
        Ok(PrunePreview {
            containers,
            images,
            bytes,
        })
    }

    /// Whether it was removed; what somebody uses again, or is gone by now, was not.
    async fn removed(&self, path: &str) -> Result<bool, DockerError> {
        let call = Call {
            method: Method::DELETE,
            ..Call::post(self.path(path), SLACK)
        };
        match self.wire().call(&call).await {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.kind,
                    DockerErrorKind::NotFound | DockerErrorKind::Conflict
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// All images that are not only layers of others.
    pub async fn images(&self) -> Result<Vec<Image>, DockerError> {
        let call = self.list_of("/images/json");
        let all: image::Listed = self.wire().json(&call).await?;
        Ok(all.0.into_iter().map(Image::from).collect())
    }
}

async fn all_of<T>(
    work: impl Iterator<Item = impl Future<Output = Result<Option<T>, DockerError>>>,
) -> Result<Vec<T>, DockerError> {
    let mut work = futures_util::stream::iter(work).buffer_unordered(AT_ONCE);
    let mut gone = Vec::new();
    while let Some(one) = work.next().await {
        gone.extend(one?);
    }
    Ok(gone)
}

/// The mend of a refusal that a person can do something about.
fn mended(error: DockerError, act: ContainerAct) -> DockerError {
    match (error.kind, act) {
        (DockerErrorKind::Conflict, ContainerAct::Remove) => error.hint("stop it first"),
        (
            DockerErrorKind::Conflict | DockerErrorKind::Failed,
            ContainerAct::Kill | ContainerAct::Pause,
        ) => error.hint("only a container that runs can be killed or paused"),
        (DockerErrorKind::NotFound, _) => error.hint("it may have been removed meanwhile"),
        _ => error,
    }
}
