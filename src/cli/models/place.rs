//! Places by name (pure): which hosts a place means, and where a recipe may be served.

use crate::config::{Config, nearest};
use crate::domain::{Cluster, HostId, Place};
use crate::engine::{Fleet, Mode, ModelSource, Recipe};

/// The hosts of a place, the head first: the nodes of a cluster, or the one host of this name.
pub(super) fn hosts(place: &str, config: &Config) -> Vec<String> {
    let cluster = config
        .settings
        .models
        .clusters
        .iter()
        .find(|cluster| cluster.name == place);
    match cluster {
        Some(cluster) => Place::Cluster(Cluster::clone(cluster))
            .hosts()
            .map(ToString::to_string)
            .collect(),
        None => vec![place.to_owned()],
    }
}

/// The place of this name. A cluster of the name of a host comes first.
pub(super) fn named(name: &str, fleet: &Fleet) -> Option<Place> {
    let cluster = fleet.clusters.iter().find(|cluster| cluster.name == name);
    match cluster {
        Some(cluster) => Some(Place::Cluster(Cluster::clone(cluster))),
        None => {
            let host = fleet.host(&HostId::new(name))?;
            Some(Place::Solo(host.id.clone()))
        }
    }
}

/// The name of a place, as it is written on the command line.
pub(super) fn name(place: &Place) -> &str {
    match place {
        Place::Solo(host) => host.as_str(),
        Place::Cluster(cluster) => &cluster.name,
    }
}

/// Every place of the fleet: the clusters, then the hosts.
pub(super) fn all(fleet: &Fleet) -> Vec<Place> {
    let clusters = fleet
        .clusters
        .iter()
        .map(|cluster| Place::Cluster(Cluster::clone(cluster)));
    let hosts = fleet.hosts.iter().map(|host| Place::Solo(host.id.clone()));
    clusters.chain(hosts).collect()
}

/// The mend for a name that is no place.
pub(super) fn mend(name: &str, fleet: &Fleet) -> String {
    let places = all(fleet);
    let words: Vec<&str> = places.iter().map(self::name).collect();
    match nearest(name, words.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the places are: {}", words.join(", ")),
    }
}

/// Where this recipe may be served, those that have its weights first.
pub(super) fn of_recipe(recipe: &Recipe, fleet: &Fleet) -> Vec<Place> {
    let mut places: Vec<Place> = all(fleet)
        .into_iter()
        .filter(|place| fits(recipe, place, fleet))
        .collect();
    // Stable: clusters stay before hosts where both have, or lack, the weights.
    places.sort_by_key(|place| !has_weights(&recipe.source, place, fleet));
    places
}

/// Whether every host of a place has something of these weights.
pub(super) fn has_weights(source: &ModelSource, place: &Place, fleet: &Fleet) -> bool {
    place.hosts().all(|host| {
        let weights = fleet
            .host(host)
            .and_then(|host| host.models.weights.as_ref());
        weights.is_some_and(|timed| timed.value.of(source).is_some())
    })
}

fn fits(recipe: &Recipe, place: &Place, fleet: &Fleet) -> bool {
    let mode = match (recipe.mode, place) {
        (Mode::Solo, Place::Cluster(_)) | (Mode::Cluster, Place::Solo(_)) => false,
        (Mode::Solo | Mode::Cluster | Mode::Either, _) => true,
    };
    mode && place.hosts().all(|host| {
        fleet
            .host(host)
            .is_some_and(|host| recipe.may_run_on(&host.spec))
    })
}
