//! What has to be looked at before anything can be said of a change (pure): what a swap would meet, and what hosts serve now.

use std::time::Duration;

use super::places::place;
use super::stakes::{is_up, known};
use super::swapping::{rollback, swapping};
use crate::domain::{At, HostId, RepoId};
use crate::engine::command::{Command, Decision};
use crate::engine::host_state::Host;
use crate::engine::models_command::ModelsCommand;
use crate::engine::state::Fleet;
use crate::models::{ModelSource, SwapOrder};

/// Who uses a model is looked at anew where that was seen longer ago.
const FRESH: Duration = Duration::from_secs(15);

/// What nobody has looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Unlooked {
    /// Everything that this swap would meet.
    Swap(SwapOrder),
    /// What these hosts serve, and to whom.
    Serving(Vec<HostId>),
}

/// What has to be looked at before this command.
pub(in crate::engine) fn unlooked(fleet: &Fleet, command: &Command) -> Option<Unlooked> {
    match command {
        Command::Models(command) if !fleet.read_only => before(fleet, command),
        Command::Rehearse(inner) => unlooked(fleet, inner),
        Command::Decide {
            proposal,
            decision: Decision::Approve(_),
        } => {
            let mut waiting = fleet.proposals.iter();
            let pending = waiting.find(|pending| pending.proposal.id == *proposal)?;
            unlooked(fleet, &pending.command)
        }
        _ => None,
    }
}

fn before(fleet: &Fleet, command: &ModelsCommand) -> Option<Unlooked> {
    match command {
        ModelsCommand::Swap(order) => swap(fleet, order.clone()),
        ModelsCommand::Rollback(place) => swap(fleet, rollback(fleet, place).ok()?),
        // Whoever forces it does not ask who uses it: it also ends what can't be looked at.
        ModelsCommand::Stop { place: name, force } if !force => {
            let place = place(fleet, name)?;
            let head = fleet.host(place.head())?;
            serving(fleet, [head.as_ref()])
        }
        ModelsCommand::Remove { repo, hosts } => {
            let all = fleet.hosts.iter().map(AsRef::as_ref);
            serving(fleet, all.filter(|host| has(host, repo, hosts)))
        }
        _ => None,
    }
}

fn has(host: &Host, repo: &RepoId, hosts: &[HostId]) -> bool {
    let source = ModelSource::Repo(repo.clone());
    let report = host.models.weights.as_ref();
    (hosts.is_empty() || hosts.contains(&host.id))
        && report.is_some_and(|report| report.value.of(&source).is_some())
}

fn swap(fleet: &Fleet, order: SwapOrder) -> Option<Unlooked> {
    let swapping = swapping(fleet, &order).ok()?;
    let head = fleet.host(swapping.head())?;
    let needed = is_up(head) && known(fleet, &order, &swapping).is_none();
    needed.then_some(Unlooked::Swap(order))
}

fn serving<'a>(fleet: &Fleet, hosts: impl IntoIterator<Item = &'a Host>) -> Option<Unlooked> {
    let since = |at: At| fleet.at.since(at).duration();
    let stale = |host: &&Host| is_up(host) && seen(host).is_none_or(|at| since(at) >= FRESH);
    let hosts: Vec<HostId> = hosts
        .into_iter()
        .filter(stale)
        .map(|host| host.id.clone())
        .collect();
    (!hosts.is_empty()).then_some(Unlooked::Serving(hosts))
}

/// When it was seen what a host serves.
pub(super) fn seen(host: &Host) -> Option<At> {
    host.models.serving.as_ref().map(|serving| serving.at)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{fleet, host, serving, with};
    use super::*;
    use crate::domain::{Bytes, Wall};
    use crate::engine::host_state::Link;
    use crate::engine::models_state::ModelsMsg;
    use crate::engine::msg::{HostMsg, Msg};
    use crate::engine::update;
    use crate::models::{Completeness, ServedState, Weights, WeightsReport};
    use crate::shell::RemotePath;

    /// A fleet of which a host that is connected has told something, so many seconds ago.
    fn told(id: &str, msg: Option<ModelsMsg>, ago: u64) -> Fleet {
        let mut fleet = msg.map_or_else(fleet, |msg| with(id, msg));
        let disk = ModelsMsg::Weights(WeightsReport {
            weights: vec![Weights {
                source: ModelSource::Repo("x/bee".parse().unwrap()),
                path: RemotePath::new("/w").unwrap(),
                size: Bytes(1),
                files: 1,
                changed: Wall(0),
                completeness: Completeness::Complete,
                config: None,
            }],
            ..WeightsReport::default()
        });
        let seen = Msg::Host {
            at: At(2),
            host: host(id),
            msg: HostMsg::Models(disk),
        };
        update(&mut fleet, seen);
        let at = At(2 + ago * 1000);
        let wall = Wall(0);
        update(&mut fleet, Msg::Tick { at, wall });
        fleet
    }

    fn bee() -> ModelsMsg {
        serving(Some("bee"), None, ServedState::Ready)
    }

    fn stop(name: &str, force: bool) -> ModelsCommand {
        ModelsCommand::Stop {
            place: name.into(),
            force,
        }
    }

    fn remove(hosts: &[&str]) -> ModelsCommand {
        ModelsCommand::Remove {
            repo: "x/bee".parse().unwrap(),
            hosts: hosts.iter().map(|id| host(id)).collect(),
        }
    }

    #[test]
    fn who_uses_a_model_is_looked_at_before_it_is_taken_away_by_rows() {
        for (fleet, command, looks) in [
            (told("a", None, 1), stop("a", false), true),
            (told("a", Some(bee()), 1), stop("a", false), false),
            (told("a", Some(bee()), 20), stop("a", false), true),
            (told("a", Some(bee()), 20), stop("pair", false), true),
            (told("a", Some(bee()), 20), stop("a", true), false),
            (told("a", Some(bee()), 20), stop("nowhere", false), false),
            (told("a", None, 1), remove(&[]), true),
            (told("a", Some(bee()), 20), remove(&["a"]), true),
            (told("a", Some(bee()), 1), remove(&["a"]), false),
            (told("a", Some(bee()), 20), remove(&["b"]), false),
        ] {
            let asked = Command::Models(command.clone());
            let wanted = looks.then(|| Unlooked::Serving(vec![host("a")]));
            assert_eq!(unlooked(&fleet, &asked), wanted, "{command:?}");
            let rehearsed = Command::Rehearse(Box::new(asked));
            assert_eq!(unlooked(&fleet, &rehearsed), wanted, "{command:?}");
        }
        // Nobody can be asked where there is no connection.
        let mut away = told("a", Some(bee()), 20);
        let first = away.hosts.first_mut().unwrap();
        std::sync::Arc::make_mut(first).link = Link::Dialing {
            attempt: 1,
            since: At(3),
        };
        let asked = Command::Models(stop("a", false));
        assert_eq!(unlooked(&away, &asked), None);
    }
}
