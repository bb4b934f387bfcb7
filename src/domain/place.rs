//! Where a model is served (pure): one host, or a cluster whose nodes see each other on a fast network.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::id::HostId;

/// Where a model is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On one host.
    Solo(HostId),
    /// On all nodes of a cluster.
    Cluster(Cluster),
}

impl Place {
    /// The host on which it is launched, and on which its job runs.
    pub fn head(&self) -> &HostId {
        match self {
            Self::Solo(host) => host,
            Self::Cluster(cluster) => &cluster.head.host,
        }
    }

    /// Every host that has to have the weights, the head first.
    pub fn hosts(&self) -> impl Iterator<Item = &HostId> {
        let (head, workers) = match self {
            Self::Solo(host) => (host, &[][..]),
            Self::Cluster(cluster) => (&cluster.head.host, cluster.workers.as_slice()),
        };
        std::iter::once(head).chain(workers.iter().map(|node| &node.host))
    }
}

/// Hosts that serve one model together. From the config: `models.clusters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The node on which it is launched.
    pub head: ClusterNode,
    /// The others.
    pub workers: Vec<ClusterNode>,
    /// The Ethernet interface of the fast network, the same on every node: `enp1s0f1np1`.
    pub interface: Option<String>,
    /// The RoCE devices of the fast network: `rocep1s0f1`, `roceP2p1s0f1`.
    pub devices: Vec<String>,
}

/// One host of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterNode {
    /// The host.
    pub host: HostId,
    /// Its address on the fast network, as the others see it.
    pub address: IpAddr,
}
