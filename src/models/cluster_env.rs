//! The environment that engines of a cluster need on each node (pure), from the launcher's and NVIDIA's guides: which address
//! and interface is the fast one, and that page cache is no pressure.

use crate::domain::{Cluster, ClusterNode};

/// The variables of one node. The Spark launcher sets them by itself.
pub fn cluster_env(cluster: &Cluster, node: &ClusterNode) -> Vec<(String, String)> {
    let address = node.address.to_string();
    let mut env: Vec<(&str, String)> = [
        "VLLM_HOST_IP",
        "RAY_NODE_IP_ADDRESS",
        "RAY_OVERRIDE_NODE_IP_ADDRESS",
    ]
    .map(|name| (name, address.clone()))
    .to_vec();
    env.push(("MASTER_ADDR", cluster.head.address.to_string()));
    if let Some(interface) = &cluster.interface {
        env.extend(
            [
                "MN_IF_NAME",
                "UCX_NET_DEVICES",
                "NCCL_SOCKET_IFNAME",
                "OMPI_MCA_btl_tcp_if_include",
                "GLOO_SOCKET_IFNAME",
                "TP_SOCKET_IFNAME",
            ]
            .map(|name| (name, interface.clone())),
        );
    }
    if !cluster.devices.is_empty() {
        // Both twins of a port: each is half of its bandwidth.
        env.push(("NCCL_IB_HCA", cluster.devices.join(",")));
        env.push(("NCCL_IB_DISABLE", "0".into()));
    }
    env.extend(
        [
            ("NCCL_IGNORE_CPU_AFFINITY", "1"),
            // Ray takes page cache for pressure and kills the engine.
            ("RAY_memory_monitor_refresh_ms", "0"),
            ("RAY_num_prestart_python_workers", "0"),
        ]
        .map(|(name, value)| (name, value.to_owned())),
    );
    env.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
