//! Who uses weights (pure): what serves them, the swap that brings them, and the work that fetches or copies them. What is used is
//! not deleted.

use super::places;
use super::swapping::{place_of, user};
use crate::domain::{HostId, ModelKey};
use crate::engine::command::Refusal;
use crate::engine::host_state::Host;
use crate::engine::state::Fleet;
use crate::models::{ModelSource, Served, ServedState, WorkKind, WorkState};

/// Who uses these weights on this host, as a refusal of their deletion. A cluster serves from the disks of all its nodes, so every
/// host of the fleet is asked.
pub(super) fn in_use(fleet: &Fleet, id: &HostId, source: &ModelSource) -> Option<Refusal> {
    fleet.hosts.iter().find_map(|host| {
        let host = host.as_ref();
        served(fleet, host, id, source)
            .or_else(|| swapped(fleet, host, id, source))
            .or_else(|| worked(fleet, host, id, source))
    })
}

fn served(fleet: &Fleet, host: &Host, id: &HostId, source: &ModelSource) -> Option<Refusal> {
    let serving = host.models.serving.as_ref()?;
    let mut all = serving.value.served.iter();
    let served = all.find(|served| {
        served.state != ServedState::Idle
            && is_of(fleet, served, source)
            && place_of(fleet, host, served).hosts().any(|node| node == id)
    })?;
    let place = place_of(fleet, host, served);
    let place = places::name(&place);
    let by = match &served.container {
        Some(_) => format!("the container {}", served.name),
        None => served.name.to_string(),
    };
    Some(Refusal {
        why: format!("{by} of {place} serves it: {}", user(served)),
        hint: Some(match (&served.recipe, served.watched_only) {
            (Some(_), false) => {
                format!("stop it first (`pilothouse models stop {place}`), or swap to another")
            }
            // It was not launched from here, and is not stopped from here.
            _ => "have it stopped first by whoever runs it".to_owned(),
        }),
    })
}

/// By its recipe, or as the engine itself names what it has loaded.
fn is_of(fleet: &Fleet, served: &Served, source: &ModelSource) -> bool {
    let by_recipe = served.recipe.as_ref();
    by_recipe.is_some_and(|key| brings(fleet, key, source))
        || served
            .model
            .as_ref()
            .is_some_and(|model| model.as_str() == source.key().as_str())
}

fn brings(fleet: &Fleet, key: &ModelKey, source: &ModelSource) -> bool {
    let recipe = fleet.catalog.recipes.get(key);
    recipe.is_some_and(|recipe| recipe.source == *source)
}

fn swapped(fleet: &Fleet, host: &Host, id: &HostId, source: &ModelSource) -> Option<Refusal> {
    let swap = host.models.swap.as_ref()?;
    let model = swap.model.as_ref()?;
    let is_it = swap.end.is_none()
        && brings(fleet, model, source)
        && swap.place.hosts().any(|node| node == id);
    is_it.then(|| {
        let place = places::name(&swap.place);
        Refusal {
            why: format!(
                "a swap of {place} to {model} by {} is about to serve it",
                swap.by
            ),
            hint: Some(format!(
                "wait for its end, or cancel it: `pilothouse models cancel {place}`"
            )),
        }
    })
}

fn worked(fleet: &Fleet, host: &Host, id: &HostId, source: &ModelSource) -> Option<Refusal> {
    let ModelSource::Repo(repo) = source else {
        return None;
    };
    // The same job fetches on the head and copies to its workers.
    let reaches = |kind: &WorkKind| {
        let to = matches!(kind, WorkKind::Copy { to } if to == id);
        let cluster = places::headed(fleet, &host.id);
        let worker = cluster.is_some_and(|cluster| cluster.workers.iter().any(|w| w.host == *id));
        host.id == *id || to || worker
    };
    let mut works = host.models.work.iter();
    let work = works.find(|work| {
        work.subject.as_str() == repo.as_str()
            && matches!(work.state, WorkState::Running { .. })
            && reaches(&work.kind)
    })?;
    let what = match &work.kind {
        WorkKind::Copy { to } => format!("copies it to {to}"),
        WorkKind::Download | WorkKind::Install => "fetches it".to_owned(),
    };
    Some(Refusal {
        why: format!("{} {what} now", host.id),
        hint: Some(format!(
            "wait for its end, or cancel it: `pilothouse models cancel {}`",
            host.id
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{fleet, host, serving, with};
    use super::*;
    use crate::domain::{Bytes, Cluster, Place, Wall};
    use crate::engine::models_state::ModelsMsg;
    use crate::models::{SwapEnd, SwapReport, WorkId, WorkReport};

    fn swap(model: &str, place: &Fleet, end: Option<SwapEnd>) -> ModelsMsg {
        ModelsMsg::Swap(Box::new(SwapReport {
            work: WorkId("swap-1".into()),
            place: Place::Cluster(Cluster::clone(&place.clusters[0])),
            model: Some(ModelKey::new(model)),
            before: None,
            by: "ann@desk".into(),
            began: Wall(0),
            phases: Vec::new(),
            log: Vec::new(),
            end,
        }))
    }

    fn work(kind: WorkKind, state: WorkState) -> ModelsMsg {
        ModelsMsg::Work(vec![WorkReport {
            work: WorkId("weights-1".into()),
            kind,
            subject: "x/bee".into(),
            began: Wall(0),
            state,
        }])
    }

    fn running() -> WorkState {
        WorkState::Running {
            words: "fetching".into(),
            done: Bytes(1),
            total: None,
            rate: None,
        }
    }

    /// Which of the three hosts keep these weights.
    fn kept(fleet: &Fleet, repo: &str) -> String {
        let source = ModelSource::Repo(repo.parse().unwrap());
        let used = |id: &&str| in_use(fleet, &host(id), &source).is_some();
        ["a", "b", "c"].into_iter().filter(used).collect()
    }

    #[test]
    fn weights_are_kept_where_somebody_uses_them_by_rows() {
        let ready = || ServedState::Ready;
        let one = fleet();
        for (fleet, repo, keeps) in [
            (fleet(), "x/bee", ""),
            (with("a", serving(Some("bee"), None, ready())), "x/bee", "a"),
            (with("a", serving(Some("bee"), None, ready())), "x/wide", ""),
            (
                with("c", serving(None, Some("x/bee"), ready())),
                "x/bee",
                "c",
            ),
            (
                with("a", serving(Some("bee"), None, ServedState::Idle)),
                "x/bee",
                "",
            ),
            // A model of a whole cluster is read from the disks of all its nodes.
            (
                with("a", serving(Some("wide"), None, ready())),
                "x/wide",
                "ab",
            ),
            (with("a", swap("bee", &one, None)), "x/bee", "ab"),
            (
                with("a", swap("bee", &one, Some(SwapEnd::Lost))),
                "x/bee",
                "",
            ),
            (
                with("a", work(WorkKind::Download, running())),
                "x/bee",
                "ab",
            ),
            (with("c", work(WorkKind::Download, running())), "x/bee", "c"),
            (
                with("b", work(WorkKind::Copy { to: host("c") }, running())),
                "x/bee",
                "bc",
            ),
            (
                with("b", work(WorkKind::Copy { to: host("c") }, WorkState::Done)),
                "x/bee",
                "",
            ),
        ] {
            assert_eq!(kept(&fleet, repo), keeps, "{repo} {fleet:#?}");
        }
    }

    #[test]
    fn the_refusal_names_who_uses_them_and_the_mend() {
        let source = ModelSource::Repo("x/bee".parse().unwrap());
        let said = |msg| {
            let refusal = in_use(&with("a", msg), &host("a"), &source).unwrap();
            (refusal.why, refusal.hint.unwrap())
        };
        let (why, hint) = said(serving(Some("bee"), None, ServedState::Ready));
        assert_eq!(
            why,
            "the container vllm_node of a serves it: bee on port 8000: 2 requests run"
        );
        assert!(hint.contains("`pilothouse models stop a`"), "{hint}");
        let (_, hint) = said(serving(None, Some("x/bee"), ServedState::Ready));
        assert_eq!(hint, "have it stopped first by whoever runs it");
        let (why, hint) = said(swap("bee", &fleet(), None));
        assert_eq!(
            why,
            "a swap of pair to bee by ann@desk is about to serve it"
        );
        assert!(hint.contains("models cancel pair"), "{hint}");
        let (why, hint) = said(work(WorkKind::Copy { to: host("c") }, running()));
        assert_eq!(why, "a copies it to c now");
        assert!(hint.contains("models cancel a"), "{hint}");
    }
}
