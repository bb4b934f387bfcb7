//! Answers what only has to be looked at: the disks and works of hosts, and what a swap would meet. Nothing on any host changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::preflight::gather;
use super::unlooked::seen;
use crate::domain::{At, HostId};
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::engine::host_state::{Host, Link};
use crate::engine::models_command::ModelsCommand;
use crate::engine::state::Fleet;

/// How long a host may take to be looked at anew.
const PATIENCE: Duration = Duration::from_secs(40);

/// Looks, and answers.
pub(in crate::engine) async fn look(command: ModelsCommand, shared: Arc<Shared>) -> Reply {
    match command {
        ModelsCommand::Refresh(host) => refresh(host, &shared).await,
        ModelsCommand::Watch => {
            shared.models.interest.look(shared.lanes.now());
            Reply::Done
        }
        ModelsCommand::Preflight(order) => match gather(&order, &shared).await {
            Ok(found) => Reply::Preflight(Box::new(found)),
            Err(reply) => reply,
        },
        ModelsCommand::Keep(recipe) => shared.models.book.keep(*recipe, &shared.lanes).await,
        command => Reply::Failed(Refusal {
            why: format!("nobody here can answer {command:?}"),
            hint: None,
        }),
    }
}

/// Has hosts looked at, and waits until the fleet shows what was found.
pub(super) async fn refresh(host: Option<HostId>, shared: &Shared) -> Reply {
    let now = shared.lanes.now();
    let mut fleet = shared.handle.fleet();
    let hosts: Vec<HostId> = match host {
        Some(host) => vec![host],
        None => linked(&fleet.borrow(), shared),
    };
    for host in &hosts {
        let Some(link) = shared.links.link(host) else {
            return Reply::Failed(Refusal {
                why: format!("{host} is not connected"),
                hint: Some("wait for the connection, or reconnect".into()),
            });
        };
        link.look_at_models();
    }
    let seen = |fleet: &Arc<Fleet>| hosts.iter().all(|host| is_seen(fleet, host, now));
    match timeout(PATIENCE, fleet.wait_for(seen)).await {
        Ok(Ok(_)) => Reply::Done,
        _ => Reply::Failed(Refusal {
            why: "not every host could be looked at in time".into(),
            hint: Some("look at which of them are slow, and ask again".into()),
        }),
    }
}

/// Has hosts tell what they serve now, and waits until the fleet shows it.
pub(in crate::engine) async fn look_at_serving(
    hosts: &[HostId],
    shared: &Shared,
) -> Result<(), Reply> {
    let now = shared.lanes.now();
    for host in hosts {
        if let Some(link) = shared.links.link(host) {
            link.serving.now();
        }
    }
    let mut fleet = shared.handle.fleet();
    let told = |fleet: &Arc<Fleet>| {
        hosts.iter().all(|host| {
            let host = fleet.host(host);
            host.is_none_or(|host| !is_up(host) || seen(host).is_some_and(|at| at >= now))
        })
    };
    match timeout(PATIENCE, fleet.wait_for(told)).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Reply::Failed(Refusal {
            why: format!(
                "what is served on {} could not be seen in time",
                hosts
                    .iter()
                    .map(HostId::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            hint: Some(
                "look at that host, or force it: nobody is asked then who uses the model".into(),
            ),
        })),
    }
}

fn linked(fleet: &Fleet, shared: &Shared) -> Vec<HostId> {
    let ids = fleet.hosts.iter().map(|host| &host.id);
    let open = ids.filter(|host| shared.links.link(host).is_some());
    open.cloned().collect()
}

/// Whether a host was looked at since, or can't be any more.
fn is_seen(fleet: &Fleet, host: &HostId, since: At) -> bool {
    let Some(host) = fleet.host(host) else {
        return true;
    };
    !is_up(host) || was_looked_at(host, since)
}

fn is_up(host: &Host) -> bool {
    matches!(host.link, Link::Local | Link::Up { .. })
}

fn was_looked_at(host: &Host, since: At) -> bool {
    let models = &host.models;
    let trouble = models.trouble.as_ref().map(|trouble| trouble.at);
    let looks = [
        models.weights.as_ref().map(|weights| weights.at),
        models.lock.as_ref().map(|lock| lock.at),
        models.serving.as_ref().map(|serving| serving.at),
    ];
    let is_new = |at: Option<At>| at.is_some_and(|at| at >= since);
    looks.into_iter().all(|at| is_new(at) || is_new(trouble))
}
