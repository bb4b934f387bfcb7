//! What the demo's configuration says beside its machines (pure): the pair of Sparks, and the services that are watched.

use std::path::Path;
use std::sync::Arc;

use super::node::Node;
use crate::config::Settings;
use crate::domain::{
    Cluster, ClusterNode, HostId, Managed, Port, ServiceName, ServicePreset, ServiceSpec,
};

/// Services by machine: name, container, kind, port.
const SERVICES: &[(&str, &str, &str, ServicePreset, u16)] = &[
    ("spark-1", "vllm", "vllm_node", ServicePreset::Vllm, 8888),
    ("spark-2", "vllm", "vllm_node", ServicePreset::Vllm, 8888),
    (
        "spark-2",
        "whisper",
        "whisper",
        ServicePreset::SpeechToText,
        9000,
    ),
    (
        "h200-a",
        "vllm-qwen3",
        "vllm-qwen3",
        ServicePreset::Vllm,
        8001,
    ),
    (
        "h200-a",
        "sglang",
        "sglang-llama",
        ServicePreset::Vllm,
        30_000,
    ),
];

/// The settings of a demo with these machines. What a person keeps goes into its folder, which goes with it.
pub(super) fn settings(nodes: &[Arc<Node>], folder: &Path) -> Settings {
    let mut settings = Settings {
        services: services(nodes),
        ..Settings::default()
    };
    settings.models.recipes = Some(folder.join("recipes"));
    settings.models.tokens = Some(folder.join("reservations"));
    settings.models.clusters = pair(nodes).into_iter().collect();
    settings
}

fn is_there(nodes: &[Arc<Node>], name: &str) -> bool {
    nodes.iter().any(|node| node.name() == name)
}

fn services(nodes: &[Arc<Node>]) -> Vec<Arc<ServiceSpec>> {
    let there = SERVICES
        .iter()
        .filter(|(host, ..)| is_there(nodes, host))
        .map(|(host, name, container, preset, port)| {
            let spec = preset.spec(
                HostId::new(*host),
                ServiceName::new(*name),
                Port::try_from(*port).ok(),
                Managed::Container((*container).to_owned()),
            );
            Arc::new(spec)
        });
    there.collect()
}

/// The addresses of the two Sparks on the cable between them.
const PAIR: [(&str, u8); 2] = [("spark-1", 11), ("spark-2", 12)];

/// The address of a machine on the fast network.
pub(super) fn address(name: &str) -> Option<String> {
    let (_, last) = PAIR.iter().find(|(known, _)| *known == name)?;
    Some(format!("192.168.177.{last}"))
}

/// The two Sparks are cabled to each other.
fn pair(nodes: &[Arc<Node>]) -> Option<Arc<Cluster>> {
    let node = |(name, last): (&str, u8)| {
        is_there(nodes, name).then(|| ClusterNode {
            host: HostId::new(name),
            address: [192, 168, 177, last].into(),
        })
    };
    let [head, worker] = PAIR;
    Some(Arc::new(Cluster {
        name: "pair".into(),
        head: node(head)?,
        workers: vec![node(worker)?],
        interface: Some("enp1s0f1np1".into()),
        devices: vec!["rocep1s0f1".into(), "roceP2p1s0f1".into()],
    }))
}
