//! Places by name (pure): a host, or the nodes of a cluster. A cluster of the name of a host comes first.

use std::sync::Arc;

use crate::domain::{Cluster, HostId, Place};
use crate::engine::state::Fleet;

/// The place of this name.
pub(in crate::engine) fn place(fleet: &Fleet, name: &str) -> Option<Place> {
    let cluster = fleet.clusters.iter().find(|cluster| cluster.name == name);
    if let Some(cluster) = cluster {
        return Some(Place::Cluster(Cluster::clone(cluster)));
    }
    let host = HostId::new(name);
    fleet.host(&host).map(|_| Place::Solo(host))
}

/// The name of a place.
pub(in crate::engine) fn name(place: &Place) -> &str {
    match place {
        Place::Solo(host) => host.as_str(),
        Place::Cluster(cluster) => &cluster.name,
    }
}

/// The cluster that a host is the head of.
pub(super) fn headed<'a>(fleet: &'a Fleet, host: &HostId) -> Option<&'a Arc<Cluster>> {
    let mut clusters = fleet.clusters.iter();
    clusters.find(|cluster| cluster.head.host == *host)
}
