//! What is at stake in a change of models: the sentence, the exact request, what a person should know first, and what stands in its
//! way. Pure.

use std::time::Duration;

use super::fetch::Download;
use super::stakes_weights;
use super::swapping::{Swapping, at_work, head_of, known_place, rollback, stopping, swapping};
use crate::domain::{ActClass, Age, HostId, RepoId, Secret};
use crate::engine::command::{Challenge, Plan, Refusal, Reply};
use crate::engine::host_state::{Host, Link};
use crate::engine::models_command::ModelsCommand;
use crate::engine::policy::{Change, Wish};
use crate::engine::state::{Fleet, KnownPreflight};
use crate::models::{
    Finding, LockOrder, LockState, PlaceName, Preflight, SwapOrder, WorkId, WorkState,
};

/// A preflight that is older is made anew.
const FRESH: Duration = Duration::from_secs(30);

/// A change of models that may be carried out.
#[derive(Debug)]
pub(in crate::engine) enum ModelsChange {
    /// A swap, or a stop.
    Swap {
        swapping: Box<Swapping>,
        token: Option<Secret<String>>,
    },
    /// The end of a work.
    Cancel { host: HostId, work: WorkId },
    /// Something with the reservation of a head.
    Lock { head: HostId, order: LockOrder },
    /// Weights that are fetched.
    Download(Download),
    /// Weights that go, from these hosts.
    Remove { repo: RepoId, hosts: Vec<HostId> },
}

/// A change of models, before anybody has confirmed it.
pub(in crate::engine) fn wish(fleet: &Fleet, command: &ModelsCommand) -> Result<Wish, Reply> {
    match command {
        ModelsCommand::Swap(order) => swap(fleet, order),
        ModelsCommand::Rollback(place) => {
            let order = rollback(fleet, place).map_err(Reply::Refused)?;
            swap(fleet, &order)
        }
        ModelsCommand::Stop { place, force } => stop(fleet, place, *force),
        ModelsCommand::Cancel { host, work } => cancel(fleet, host, work),
        ModelsCommand::Lock { place, order } => lock(fleet, place, order),
        ModelsCommand::Download { repo, place } => stakes_weights::download(fleet, repo, place),
        ModelsCommand::Remove { repo, hosts } => stakes_weights::remove(fleet, repo, hosts),
        _ => Err(refused("that changes nothing on any host", None)),
    }
}

pub(super) fn known<'a>(
    fleet: &'a Fleet,
    order: &SwapOrder,
    swapping: &Swapping,
) -> Option<&'a Preflight> {
    let is_fresh = |known: &&KnownPreflight| {
        let seen = &known.preflight;
        fleet.at.since(known.at).duration() < FRESH
            && seen.model == order.model
            && seen.place == swapping.place
    };
    let found = fleet.preflights.iter().rev().find(is_fresh)?;
    Some(&found.preflight)
}

fn swap(fleet: &Fleet, order: &SwapOrder) -> Result<Wish, Reply> {
    let swapping = swapping(fleet, order).map_err(Reply::Refused)?;
    let head = changeable(fleet, swapping.head())?;
    if let Some(refusal) = at_work(head) {
        return Err(Reply::Refused(refusal));
    }
    if let Some(refusal) = reserved(fleet, head, &order.place, order.token.as_ref()) {
        return Err(Reply::Refused(refusal));
    }
    let mut notes = notes(fleet, &swapping);
    let seen = known(fleet, order, &swapping);
    let doubts = seen.map_or(Ok(Vec::new()), |seen| doubts(seen, order))?;
    notes.extend(doubts);
    if seen.is_none() {
        notes.push("nobody has looked whether it fits".into());
    }
    let takes = !swapping.users.is_empty() || order.force;
    let mut wish = wish_of(swapping, order.token.clone());
    wish.plan.notes = notes;
    wish.challenge = Some(challenge(&order.place, takes));
    Ok(wish)
}

fn stop(fleet: &Fleet, place: &PlaceName, force: bool) -> Result<Wish, Reply> {
    let swapping = stopping(fleet, place, force).map_err(Reply::Refused)?;
    let head = changeable(fleet, swapping.head())?;
    if let Some(refusal) = at_work(head) {
        return Err(Reply::Refused(refusal));
    }
    if let Some(refusal) = reserved(fleet, head, place, None) {
        return Err(Reply::Refused(refusal));
    }
    let takes = !swapping.users.is_empty();
    let mut notes = notes(fleet, &swapping);
    if head.models.serving.is_none() {
        notes.push(format!("nobody can see now what {} serves", head.id));
    }
    let mut wish = wish_of(swapping, None);
    wish.plan.notes = notes;
    wish.challenge = Some(challenge(place, takes));
    Ok(wish)
}

fn wish_of(swapping: Swapping, token: Option<Secret<String>>) -> Wish {
    let place = swapping.name.clone();
    let what = match &swapping.brings {
        Some(brings) => format!("serve {} on {place}", brings.recipe.key),
        None => format!("stop what {place} serves, and serve nothing"),
    };
    let shown = swapping.shown();
    Wish {
        host: swapping.head().clone(),
        class: ActClass::Swap,
        challenge: None,
        plan: Plan {
            what,
            command: if shown.is_empty() {
                format!("stop what was launched last on {}", swapping.head())
            } else {
                shown
            },
            notes: Vec::new(),
        },
        name: place,
        change: Change::Models(ModelsChange::Swap {
            swapping: Box::new(swapping),
            token,
        }),
    }
}

/// What takes a model away from whoever uses it takes the name of the place.
fn challenge(place: &str, takes: bool) -> Challenge {
    if takes {
        Challenge::TypeName(place.to_owned())
    } else {
        Challenge::YesNo
    }
}

fn notes(fleet: &Fleet, swapping: &Swapping) -> Vec<String> {
    let mut notes: Vec<String> = swapping
        .users
        .iter()
        .map(|user| format!("stops {user}"))
        .collect();
    if notes.is_empty() && swapping.brings.is_some() {
        notes.push(format!("nothing is served on {} now", swapping.name));
    }
    if swapping.force {
        notes.push("it is not asked first: requests that run are cut off".into());
    }
    for worker in swapping.place.hosts().skip(1) {
        let link = fleet.host(worker).map(|host| is_up(host));
        if link != Some(true) {
            notes.push(format!("{worker} is not connected: nobody can look at it"));
        }
    }
    notes
}

/// What a preflight holds against it: told, or, where it will not work and nobody forces it, a refusal.
fn doubts(seen: &Preflight, order: &SwapOrder) -> Result<Vec<String>, Reply> {
    let mut told = Vec::new();
    for verdict in &seen.verdicts {
        let (check, host) = (verdict.check.word(), &verdict.host);
        match &verdict.finding {
            Finding::Pass(_) => {}
            Finding::Fail { why, hint } if !order.force => {
                let mend = hint.as_ref().map(|hint| format!("{hint}, or "));
                return Err(refused(
                    &format!("{check} on {host}: {why}"),
                    Some(&format!("{}force it", mend.unwrap_or_default())),
                ));
            }
            Finding::Fail { why, .. } => {
                told.push(format!("forced although {check} on {host}: {why}"));
            }
            Finding::Warn { why, .. } => told.push(format!("{check} on {host}: {why}")),
            Finding::Unknown(why) => told.push(format!("{check} on {host} is not known: {why}")),
        }
    }
    Ok(told)
}

/// The reservation that stands in the way.
fn reserved(
    fleet: &Fleet,
    head: &Host,
    place: &str,
    token: Option<&Secret<String>>,
) -> Option<Refusal> {
    let (lock, left) = held(fleet, head)?;
    // The host knows whether the token is the right one.
    (!lock.ours && token.is_none()).then(|| foreign(place, lock, left))
}

/// What somebody else holds is theirs for so long still.
pub(super) fn foreign(place: &str, lock: &LockState, left: Duration) -> Refusal {
    let note = match lock.note.as_str() {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    Refusal {
        why: format!(
            "{place} is reserved by {} for another {}{note}",
            lock.holder,
            Age::from(left).words()
        ),
        hint: Some(format!(
            "wait for its end, give its token, or break it: `pilothouse models unlock {place} --break`"
        )),
    }
}

/// The reservation that holds now, and how long still.
fn held<'a>(fleet: &Fleet, head: &'a Host) -> Option<(&'a LockState, Duration)> {
    let timed = head.models.lock.as_ref()?;
    let lock = timed.value.as_ref()?;
    let left = lock.left.checked_sub(timed.age(fleet.at).duration())?;
    Some((lock, left))
}

fn cancel(fleet: &Fleet, id: &HostId, work: &WorkId) -> Result<Wish, Reply> {
    let host = changeable(fleet, id)?;
    let swap = host.models.swap.as_ref();
    let swap = swap.filter(|swap| swap.work == *work && swap.end.is_none());
    let (what, note) = match swap {
        Some(swap) => (
            format!("cancel the swap by {} on {id}", swap.by),
            Some("what was stopped stays stopped: roll back afterwards, or swap again"),
        ),
        None => (
            other_work(host, work)?,
            Some("what is there stays for the next try"),
        ),
    };
    Ok(Wish {
        host: id.clone(),
        class: if swap.is_some() {
            ActClass::Swap
        } else {
            ActClass::Deploy
        },
        challenge: Some(Challenge::YesNo),
        plan: Plan {
            what,
            command: format!("end the job {} on {id}", work.0),
            notes: note.map(str::to_owned).into_iter().collect(),
        },
        name: id.to_string(),
        change: Change::Models(ModelsChange::Cancel {
            host: id.clone(),
            work: work.clone(),
        }),
    })
}

fn other_work(host: &Host, work: &WorkId) -> Result<String, Reply> {
    let mut works = host.models.work.iter();
    let at_work =
        works.find(|known| known.work == *work && matches!(known.state, WorkState::Running { .. }));
    match at_work {
        Some(known) => Ok(format!("end the work on {} on {}", known.subject, host.id)),
        None => Err(Reply::Failed(Refusal {
            why: format!("no such work is at work on {}", host.id),
            hint: Some("it may have ended meanwhile: look again".into()),
        })),
    }
}

fn lock(fleet: &Fleet, name: &PlaceName, order: &LockOrder) -> Result<Wish, Reply> {
    let place = known_place(fleet, name).map_err(Reply::Refused)?;
    let head = head_of(fleet, &place).map_err(Reply::Refused)?;
    changeable(fleet, &head.id)?;
    let holder = held(fleet, head);
    let mut notes = Vec::new();
    let mut challenge = Challenge::YesNo;
    let what = match order {
        LockOrder::Take {
            holder: who,
            ttl,
            note,
            ..
        } => {
            if let Some((lock, _)) = holder.filter(|(lock, _)| lock.ours) {
                notes.push(format!(
                    "it is held already, by {}: it is held longer",
                    lock.holder
                ));
            }
            let words = Age::from(*ttl).words();
            let note = if note.is_empty() { "no note" } else { note };
            format!("reserve {name} for {who} for {words} ({note})")
        }
        // Whose it is, its host knows.
        LockOrder::Release { .. } => format!("give the reservation of {name} back"),
        LockOrder::Break => {
            if let Some((lock, left)) = holder {
                let left = Age::from(left).words();
                notes.push(format!(
                    "{} holds it for another {left}: {}",
                    lock.holder, lock.note
                ));
            }
            challenge = Challenge::TypeName(name.clone());
            format!("break the reservation of {name}")
        }
    };
    Ok(Wish {
        host: head.id.clone(),
        class: ActClass::Swap,
        challenge: Some(challenge),
        plan: Plan {
            what,
            command: format!("~/.pilothouse/models/lock on {}", head.id),
            notes,
        },
        name: name.clone(),
        change: Change::Models(ModelsChange::Lock {
            head: head.id.clone(),
            order: order.clone(),
        }),
    })
}

/// A host whose models may be changed now.
pub(super) fn changeable<'a>(fleet: &'a Fleet, id: &HostId) -> Result<&'a Host, Reply> {
    if fleet.read_only {
        return Err(refused(
            "read-only: no model is changed",
            Some(crate::engine::policy::READ_ONLY_MEND),
        ));
    }
    let host = fleet.host(id).ok_or_else(|| {
        Reply::Failed(Refusal {
            why: format!("no host is named {id}"),
            hint: None,
        })
    })?;
    if is_up(host) {
        return Ok(host);
    }
    Err(Reply::Failed(Refusal {
        why: format!("{id} is not connected"),
        hint: Some("wait for the connection, or reconnect".into()),
    }))
}

pub(super) fn is_up(host: &Host) -> bool {
    matches!(host.link, Link::Local | Link::Up { .. })
}

pub(super) fn refused(why: &str, hint: Option<&str>) -> Reply {
    Reply::Refused(Refusal {
        why: why.to_owned(),
        hint: hint.map(str::to_owned),
    })
}
