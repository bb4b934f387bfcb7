//! What is at stake when weights are fetched or deleted: where, how much, and who uses them. Pure.

use super::fetch::Download;
use super::stakes::{ModelsChange, changeable, is_up, refused};
use super::swapping::{head_of, known_place};
use super::usage::in_use;
use crate::domain::{ActClass, Bytes, HostAddress, HostId, Mib, Place, RepoId};
use crate::engine::command::{Challenge, Plan, Reply};
use crate::engine::policy::{Change, Wish};
use crate::engine::state::Fleet;
use crate::models::{Completeness, ModelSource, Peer, WorkState};

/// Fetches weights on the head of a place, then copies them to its other hosts.
pub(super) fn download(fleet: &Fleet, repo: &RepoId, name: &str) -> Result<Wish, Reply> {
    let place = known_place(fleet, name).map_err(Reply::Refused)?;
    let head = head_of(fleet, &place).map_err(Reply::Refused)?;
    changeable(fleet, &head.id)?;
    let at_work = head.models.work.iter().any(|work| {
        work.subject.as_str() == repo.as_str() && matches!(work.state, WorkState::Running { .. })
    });
    if at_work {
        return Err(refused(
            &format!("{repo} is being worked on on {}", head.id),
            Some("wait for its end, or cancel it"),
        ));
    }
    let peers = peers(fleet, &place);
    let mut what = format!("fetch {repo} on {}", head.id);
    if !peers.is_empty() {
        let names: Vec<&str> = peers.iter().map(|peer| peer.host.as_str()).collect();
        what.push_str(", then copy it to ");
        what.push_str(&names.join(", "));
    }
    Ok(Wish {
        host: head.id.clone(),
        class: ActClass::Deploy,
        challenge: Some(Challenge::YesNo),
        plan: Plan {
            what,
            command: format!("download {repo} into the hub's cache of {}", head.id),
            notes: download_notes(fleet, repo, &place),
        },
        name: repo.to_string(),
        change: Change::Models(ModelsChange::Download(Download {
            repo: repo.clone(),
            host: head.id.clone(),
            peers,
        })),
    })
}

fn download_notes(fleet: &Fleet, repo: &RepoId, place: &Place) -> Vec<String> {
    let source = ModelSource::Repo(repo.clone());
    let mut recipes = fleet.catalog.recipes.values();
    let recipe = recipes.find(|recipe| recipe.source == source);
    let size = recipe.and_then(|recipe| recipe.size);
    let mut notes: Vec<String> = size
        .map(|size| format!("about {size}"))
        .into_iter()
        .collect();
    for host in place.hosts() {
        let report = fleet
            .host(host)
            .and_then(|host| host.models.weights.as_ref());
        let Some(report) = report else { continue };
        if let Some(free) = report.value.free {
            notes.push(format!("{} are free on {host}", Mib::from_bytes(free.0)));
        }
        match report
            .value
            .of(&source)
            .map(|weights| &weights.completeness)
        {
            Some(Completeness::Complete) => notes.push(format!("{host} has all of it already")),
            Some(Completeness::Partial(missing)) => {
                notes.push(format!("{host} has part of it ({missing}), which is kept"));
            }
            None => {}
        }
    }
    notes
}

/// The other hosts, as the head sees them.
fn peers(fleet: &Fleet, place: &Place) -> Vec<Peer> {
    let Place::Cluster(cluster) = place else {
        return Vec::new();
    };
    let peer = |node: &crate::domain::ClusterNode| {
        let spec = fleet.host(&node.host).map(|host| &host.spec.address);
        let user = match spec {
            Some(HostAddress::Ssh(ssh)) => ssh.user.as_ref().map(ToString::to_string),
            _ => None,
        };
        Peer {
            host: node.host.clone(),
            address: node.address,
            user,
        }
    };
    cluster.workers.iter().map(peer).collect()
}

/// Deletes a repository from hosts: from those that are named, or from all that have it.
pub(super) fn remove(fleet: &Fleet, repo: &RepoId, hosts: &[HostId]) -> Result<Wish, Reply> {
    let source = ModelSource::Repo(repo.clone());
    let mut found: Vec<(HostId, Bytes)> = Vec::new();
    for host in &fleet.hosts {
        if !hosts.is_empty() && !hosts.contains(&host.id) {
            continue;
        }
        let report = host.models.weights.as_ref();
        if let Some(weights) = report.and_then(|report| report.value.of(&source)) {
            found.push((host.id.clone(), weights.size));
        }
    }
    if let Some(strange) = hosts
        .iter()
        .find(|host| !found.iter().any(|(id, _)| id == *host))
    {
        return Err(refused(
            &format!("{strange} does not have {repo}, as far as is known"),
            Some("look at its disk again"),
        ));
    }
    let Some((first, _)) = found.first().cloned() else {
        return Err(refused(&format!("no host has {repo}"), None));
    };
    for (host, _) in &found {
        changeable(fleet, host)?;
        if let Some(refusal) = in_use(fleet, host, &source) {
            return Err(Reply::Refused(refusal));
        }
    }
    let names: Vec<&str> = found.iter().map(|(host, _)| host.as_str()).collect();
    let names = names.join(", ");
    let mut notes: Vec<String> = found
        .iter()
        .map(|(host, size)| format!("{} on {host}", Mib::from_bytes(size.0)))
        .collect();
    notes.extend(elsewhere(fleet, repo, &source, &found));
    Ok(Wish {
        host: first,
        class: ActClass::Deploy,
        challenge: Some(Challenge::TypeName(repo.to_string())),
        plan: Plan {
            what: format!("delete {repo} from {names}"),
            command: format!("delete {} from the hub's cache of {names}", repo.folder()),
            notes,
        },
        name: repo.to_string(),
        change: Change::Models(ModelsChange::Remove {
            repo: repo.clone(),
            hosts: found.into_iter().map(|(host, _)| host).collect(),
        }),
    })
}

/// What stays, and what can't be seen now.
fn elsewhere(
    fleet: &Fleet,
    repo: &RepoId,
    source: &ModelSource,
    gone: &[(HostId, Bytes)],
) -> Vec<String> {
    let mut notes = Vec::new();
    let rest = fleet
        .hosts
        .iter()
        .filter(|host| !gone.iter().any(|(id, _)| *id == host.id));
    let (mut kept, mut unseen) = (false, Vec::new());
    for host in rest {
        let report = host.models.weights.as_ref();
        kept |= report.is_some_and(|report| report.value.of(source).is_some());
        if !is_up(host) {
            unseen.push(host.id.as_str());
        }
    }
    if !kept {
        notes.push(format!(
            "no other host has {repo}: it would have to be fetched anew"
        ));
    }
    if !unseen.is_empty() {
        notes.push(format!(
            "not connected, and left as they are: {}",
            unseen.join(", ")
        ));
    }
    notes
}
