//! Which places could serve a model (pure): those with whole weights first.

use std::cmp::Reverse;
use std::sync::Arc;

use super::model_rows::ModelRow;
use super::model_state::is_whole;
use crate::domain::{Cluster, HostId, Place};
use crate::engine::{Fleet, Host, Mode, Recipe};

/// The places that a model could be served at, the likeliest first: where it is served, then where all weights are.
pub(super) fn places(fleet: &Fleet, row: &ModelRow) -> Vec<Place> {
    let mode = row
        .recipe
        .as_ref()
        .map_or(Mode::Either, |recipe| recipe.mode);
    let solo = fleet
        .hosts
        .iter()
        .filter(|host| mode != Mode::Cluster && may_serve(row.recipe.as_deref(), host))
        .map(|host| Place::Solo(host.id.clone()));
    let clusters = fleet
        .clusters
        .iter()
        .filter(|cluster| mode != Mode::Solo && nodes_may(row.recipe.as_deref(), fleet, cluster))
        .map(|cluster| Place::Cluster((**cluster).clone()));
    let mut all: Vec<Place> = clusters.chain(solo).collect();
    let whole = |place: &Place| {
        let has = |host: &HostId| row.on.iter().any(|on| on.host == *host && is_whole(on));
        place.hosts().all(has)
    };
    all.sort_by_key(|place| {
        let serves = row.place.as_ref() == Some(place);
        (Reverse(serves), Reverse(whole(place)))
    });
    all
}

fn nodes_may(recipe: Option<&Recipe>, fleet: &Fleet, cluster: &Arc<Cluster>) -> bool {
    let mut nodes = std::iter::once(&cluster.head).chain(&cluster.workers);
    nodes.all(|node| {
        fleet
            .host(&node.host)
            .is_some_and(|host| may_serve(recipe, host))
    })
}

/// Whether a recipe's hosts name it; one that names none takes every host that has a GPU, or may have one.
fn may_serve(recipe: Option<&Recipe>, host: &Host) -> bool {
    match recipe {
        Some(recipe) if !recipe.hosts.is_empty() => recipe.may_run_on(&host.spec),
        _ => {
            let gpus = host.gpus.as_ref();
            gpus.is_none_or(|read| !read.value.gpus.is_empty())
        }
    }
}
