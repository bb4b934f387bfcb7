//! Answers questions about containers. Nothing on any host changes.

use std::sync::Arc;

use super::command::Reply;
use super::daemon_watch::refusal;
use super::links::Links;
use crate::docker::DockerError;
use crate::domain::{At, ContainerId, HostId};

/// What a container is made of.
pub(super) async fn inspect(links: &Links, host: &HostId, id: &ContainerId) -> Reply {
    match links.docker(host) {
        Ok(docker) => answer(docker.inspect(id).await, |detail| {
            Reply::Detail(Arc::new(detail))
        }),
        Err(refusal) => Reply::Failed(refusal),
    }
}

/// Its processes.
pub(super) async fn top(links: &Links, host: &HostId, id: &ContainerId) -> Reply {
    match links.docker(host) {
        Ok(docker) => answer(docker.top(id).await, Reply::Top),
        Err(refusal) => Reply::Failed(refusal),
    }
}

/// What a prune would take.
pub(super) async fn prune_preview(links: &Links, host: &HostId) -> Reply {
    match links.docker(host) {
        Ok(docker) => answer(docker.prune_preview().await, Reply::Preview),
        Err(refusal) => Reply::Failed(refusal),
    }
}

/// Somebody looks at what containers take.
pub(super) fn watch_stats(
    links: &Links,
    host: &HostId,
    only: Option<ContainerId>,
    now: At,
) -> Reply {
    if let Some(link) = links.link(host) {
        link.interest.look(only, now);
    }
    match links.docker(host) {
        Ok(_) => Reply::Done,
        Err(refusal) => Reply::Failed(refusal),
    }
}

fn answer<T>(outcome: Result<T, DockerError>, reply: impl FnOnce(T) -> Reply) -> Reply {
    match outcome {
        Ok(value) => reply(value),
        Err(error) => Reply::Failed(refusal(&error)),
    }
}
