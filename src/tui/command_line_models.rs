//! What the `:` line says about models and services (pure): the same verbs as their acts, with names behind them.

use super::action;
use super::command_line::Misunderstood;
use super::model_forms::place_named;
use super::model_rows::place_name;
use super::ui_models::ServiceRef;
use crate::domain::{Place, RepoId, ServiceAct};
use crate::engine::{Fleet, LockOrder, ModelSource, ModelsCommand, PlaceName};

/// A line about models or services that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkOrder {
    /// Open the dialog of a swap to this model, at this place.
    Swap(String, Option<PlaceName>),
    /// Look at what a swap to this model would meet.
    Preflight(String),
    /// Open the form that fetches these weights.
    Download(String, Option<PlaceName>),
    /// What can be done with the reservation of a place.
    Reserve(Place),
    /// Ask the engine.
    Ask(ModelsCommand),
    /// Look into a service; with an act, ask for that.
    Service(ServiceRef, Option<ServiceAct>),
}

/// The verbs that take words, and how they are written.
pub(super) const VERBS: [(&str, &str); 10] = [
    ("swap", " MODEL [HOST|CLUSTER]"),
    ("preflight", " MODEL"),
    ("download", " ORGANISATION/NAME [HOST|CLUSTER]"),
    ("stop", " HOST|CLUSTER [force]"),
    ("rollback", " HOST|CLUSTER"),
    ("reserve", " HOST|CLUSTER"),
    ("release", " HOST|CLUSTER"),
    ("break", " HOST|CLUSTER"),
    ("remove", " ORGANISATION/NAME"),
    (
        "service",
        " [HOST/]NAME [start|stop|restart|update|reapply|install]",
    ),
];

/// Reads the words behind a verb. `None`: they are not used like this.
pub(super) fn parse(
    verb: &str,
    words: &[&str],
    fleet: &Fleet,
) -> Result<Option<WorkOrder>, Misunderstood> {
    let named = |name: &str| place(name, fleet).map(|place| place_name(&place));
    Ok(Some(match (verb, words) {
        ("swap", [model]) => WorkOrder::Swap((*model).to_owned(), None),
        ("swap", [model, place]) => WorkOrder::Swap((*model).to_owned(), Some(named(place)?)),
        ("preflight", [model]) => WorkOrder::Preflight((*model).to_owned()),
        ("download", [repo]) => WorkOrder::Download(self::repo(repo)?.to_string(), None),
        ("download", [repo, place]) => {
            WorkOrder::Download(self::repo(repo)?.to_string(), Some(named(place)?))
        }
        ("stop", [place]) => WorkOrder::Ask(ModelsCommand::Stop {
            place: named(place)?,
            force: false,
        }),
        ("stop", [place, "force"]) => WorkOrder::Ask(ModelsCommand::Stop {
            place: named(place)?,
            force: true,
        }),
        ("rollback", [place]) => WorkOrder::Ask(ModelsCommand::Rollback(named(place)?)),
        ("reserve", [name]) => WorkOrder::Reserve(place(name, fleet)?),
        ("release", [place]) => lock(named(place)?, LockOrder::Release { token: None }),
        ("break", [place]) => lock(named(place)?, LockOrder::Break),
        ("remove", [repo]) => WorkOrder::Ask(ModelsCommand::Remove {
            repo: self::repo(repo)?,
            hosts: Vec::new(),
        }),
        ("service", [name]) => WorkOrder::Service(service(name, fleet)?, None),
        ("service", [name, act]) => {
            WorkOrder::Service(service(name, fleet)?, Some(service_act(act)?))
        }
        _ => return Ok(None),
    }))
}

fn lock(place: PlaceName, order: LockOrder) -> WorkOrder {
    WorkOrder::Ask(ModelsCommand::Lock { place, order })
}

fn unknown(what: &str, name: &str, known: &[String]) -> Misunderstood {
    let near = action::nearest(name, known.iter().map(String::as_str));
    Misunderstood {
        what: format!("no {what} is called `{name}`"),
        hint: near.map(|near| format!("did you mean `{near}`?")),
    }
}

fn place(name: &str, fleet: &Fleet) -> Result<Place, Misunderstood> {
    place_named(fleet, name).ok_or_else(|| unknown("host or cluster", name, &places(fleet)))
}

fn repo(text: &str) -> Result<RepoId, Misunderstood> {
    text.parse()
        .map_err(|error: crate::domain::InvalidRepo| Misunderstood {
            what: error.to_string(),
            hint: Some("as it stands in the hub's address".into()),
        })
}

/// `NAME` where one host alone has a service of that name, else `HOST/NAME`.
fn service(text: &str, fleet: &Fleet) -> Result<ServiceRef, Misunderstood> {
    let all = services(fleet);
    let fits = |of: &&ServiceRef| match text.split_once('/') {
        Some((host, name)) => of.host.as_str() == host && of.name.as_str() == name,
        None => of.name.as_str() == text,
    };
    let mut found = all.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(of), None) => Ok(of.clone()),
        (Some(of), Some(_)) => Err(Misunderstood {
            what: format!("several hosts have a service `{text}`"),
            hint: Some(format!("write `{}/{}`", of.host, of.name)),
        }),
        (None, _) => {
            let names: Vec<String> = all.iter().map(|of| of.name.to_string()).collect();
            Err(unknown("service", text, &names))
        }
    }
}

fn service_act(word: &str) -> Result<ServiceAct, Misunderstood> {
    let mut all = ServiceAct::ALL.into_iter();
    all.find(|act| act.word() == word)
        .ok_or_else(|| Misunderstood {
            what: format!("`{word}` is nothing that is done with a service"),
            hint: Some(format!(
                "there are: {}",
                ServiceAct::ALL.map(ServiceAct::word).join(", ")
            )),
        })
}

fn services(fleet: &Fleet) -> Vec<ServiceRef> {
    let of = |host: &std::sync::Arc<crate::engine::Host>| {
        let shown = host.services.iter().filter(|service| !service.spec.hidden);
        let named = shown.map(|service| ServiceRef {
            host: host.id.clone(),
            name: service.spec.name.clone(),
        });
        named.collect::<Vec<_>>()
    };
    fleet.hosts.iter().flat_map(of).collect()
}

fn places(fleet: &Fleet) -> Vec<String> {
    let clusters = fleet.clusters.iter().map(|cluster| cluster.name.clone());
    let hosts = fleet.hosts.iter().map(|host| host.id.to_string());
    clusters.chain(hosts).collect()
}

/// What may follow a verb and the words behind it.
pub(super) fn completions(words: &[&str], fleet: &Fleet) -> Vec<String> {
    let repos = || {
        let of = |source: &ModelSource| match source {
            ModelSource::Repo(repo) => Some(repo.to_string()),
            ModelSource::Local(_) => None,
        };
        let recipes = fleet.catalog.recipes.values().map(|recipe| &recipe.source);
        let menu = fleet.menu.iter().map(|row| &row.source);
        let mut all: Vec<String> = recipes.chain(menu).filter_map(of).collect();
        all.sort();
        all.dedup();
        all
    };
    match words {
        ["swap" | "preflight"] => {
            let keys = fleet.catalog.recipes.keys();
            keys.map(ToString::to_string).collect()
        }
        ["download" | "remove"] => repos(),
        ["swap" | "download", _] | ["stop" | "rollback" | "reserve" | "release" | "break"] => {
            places(fleet)
        }
        ["stop", _] => vec!["force".into()],
        ["service"] => {
            let all = services(fleet).into_iter();
            all.map(|of| format!("{}/{}", of.host, of.name)).collect()
        }
        ["service", _] => ServiceAct::ALL.map(|act| act.word().to_owned()).to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Cluster, ClusterNode, HostId};
    use crate::tui::ui_update::test_fleet;

    fn fleet() -> Fleet {
        let mut fleet = test_fleet(&["spark-1", "spark-2"]);
        let head = ClusterNode {
            host: HostId::new("spark-1"),
            address: [10, 0, 0, 1].into(),
        };
        fleet.clusters = Arc::new(vec![Arc::new(Cluster {
            name: "pair".into(),
            head,
            workers: Vec::new(),
            interface: None,
            devices: Vec::new(),
        })]);
        fleet
    }

    fn read(line: &str) -> Result<Option<WorkOrder>, Misunderstood> {
        let words: Vec<&str> = line.split(' ').collect();
        let (verb, rest) = words.split_first().unwrap();
        parse(verb, rest, &fleet())
    }

    #[test]
    fn lines_are_read_by_rows() {
        let ask = |command| Some(WorkOrder::Ask(command));
        let stop = |force| {
            ask(ModelsCommand::Stop {
                place: "pair".into(),
                force,
            })
        };
        for (line, order) in [
            ("swap m", Some(WorkOrder::Swap("m".into(), None))),
            (
                "swap m pair",
                Some(WorkOrder::Swap("m".into(), Some("pair".into()))),
            ),
            ("preflight m", Some(WorkOrder::Preflight("m".into()))),
            (
                "download a/b",
                Some(WorkOrder::Download("a/b".into(), None)),
            ),
            (
                "download a/b spark-2",
                Some(WorkOrder::Download("a/b".into(), Some("spark-2".into()))),
            ),
            ("stop pair", stop(false)),
            ("stop pair force", stop(true)),
            ("rollback pair", ask(ModelsCommand::Rollback("pair".into()))),
            (
                "break spark-1",
                ask(ModelsCommand::Lock {
                    place: "spark-1".into(),
                    order: LockOrder::Break,
                }),
            ),
            // Used in another way than it is meant.
            ("swap", None),
            ("swap m pair now", None),
            ("stop pair gently", None),
        ] {
            assert_eq!(read(line).unwrap(), order, "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_said_with_the_nearest() {
        for (line, what, hint) in [
            (
                "stop pairr",
                "no host or cluster is called `pairr`",
                Some("did you mean `pair`?"),
            ),
            (
                "swap m nowhere-at-all",
                "no host or cluster is called `nowhere-at-all`",
                None,
            ),
            ("service vllm", "no service is called `vllm`", None),
        ] {
            let error = read(line).unwrap_err();
            assert_eq!(
                (error.what.as_str(), error.hint.as_deref()),
                (what, hint),
                "{line}"
            );
        }
        for line in ["download nonsense", "remove ../x", "download a/b/c"] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn places_and_acts_are_completed() {
        let fleet = fleet();
        assert_eq!(
            completions(&["stop"], &fleet),
            ["pair", "spark-1", "spark-2"]
        );
        assert_eq!(completions(&["stop", "pair"], &fleet), ["force"]);
        assert!(completions(&["service", "vllm"], &fleet).contains(&"restart".to_owned()));
        assert!(completions(&["rollback", "pair"], &fleet).is_empty());
    }
}
