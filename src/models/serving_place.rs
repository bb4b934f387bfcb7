//! Where engines are looked for on a host (pure): the ports of containers that serve models, those that recipes expect, and those
//! that are only watched.

use std::collections::BTreeMap;

use super::launch::MODEL_LABEL;
use crate::domain::{Container, ContainerState, Endpoint, ModelKey, Port};
use crate::text::SafeText;

/// The label with the port, for containers on the host's own network.
pub const PORT_LABEL: &str = "pilothouse.port";

/// The label of a container that only answers a question about its engine.
const ASKS_LABEL: &str = "pilothouse.asks";

/// What a recipe expects of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The recipe.
    pub recipe: ModelKey,
    /// What its engine calls the model where nothing else is said: the repository, or the folder.
    pub model: String,
    /// The port.
    pub port: Port,
    /// The container's name.
    pub container: String,
}

/// A port on which an engine is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ServingPlace {
    /// As the host sees it.
    pub endpoint: Endpoint,
    /// Its container.
    pub container: Option<Container>,
    /// The recipe that its container's label names.
    pub recipe: Option<ModelKey>,
    /// It is looked at and never touched.
    pub watched_only: bool,
}

/// What engines are made of, by a part of the image's name, with the port inside.
const IMAGES: [(&str, u16); 4] = [
    ("vllm", 8000),
    ("llama.cpp", 8080),
    ("llama-server", 8080),
    ("sglang", 30000),
];

/// The places, in the order of their ports: at most one for each.
pub fn places(
    containers: &[Container],
    expected: &[Expected],
    watched: &[Port],
) -> Vec<ServingPlace> {
    let mut found: BTreeMap<Port, ServingPlace> = BTreeMap::new();
    for container in containers {
        let Some(place) = serves(container, expected) else {
            continue;
        };
        let port = place.endpoint.port;
        // Of two that claim one port, the one that runs has it.
        let better = found
            .get(&port)
            .is_none_or(|known| !runs(known.container.as_ref()) && runs(Some(container)));
        if better {
            found.insert(port, place);
        }
    }
    for port in watched {
        if let Some(endpoint) = Endpoint::local(*port) {
            found
                .entry(*port)
                .or_insert_with(|| bare(endpoint))
                .watched_only = true;
        }
    }
    for one in expected {
        if let Some(endpoint) = Endpoint::local(one.port) {
            found.entry(one.port).or_insert_with(|| bare(endpoint));
        }
    }
    found.into_values().collect()
}

fn bare(endpoint: Endpoint) -> ServingPlace {
    ServingPlace {
        endpoint,
        container: None,
        recipe: None,
        watched_only: false,
    }
}

/// Whether its processes may answer, or will.
pub(super) fn runs(container: Option<&Container>) -> bool {
    container.is_some_and(|container| {
        matches!(
            container.state,
            ContainerState::Running | ContainerState::Restarting | ContainerState::Paused
        )
    })
}

/// The place of a container that serves a model, by its label, its name or its image.
fn serves(container: &Container, expected: &[Expected]) -> Option<ServingPlace> {
    let label = |name: &str| {
        let text = container.labels.get(&SafeText::new(name))?.as_str();
        (!text.is_empty()).then(|| text.to_owned())
    };
    if label(ASKS_LABEL).is_some() {
        return None;
    }
    let recipe = label(MODEL_LABEL).map(ModelKey::new);
    let named = expected.iter().find(|one| match &recipe {
        Some(recipe) => one.recipe == *recipe,
        None => one.container == container.name.as_str(),
    });
    let image = container.image.as_str().to_ascii_lowercase();
    let inside = IMAGES.iter().find(|(part, _)| image.contains(part));
    // What has ended is told of only where we had launched it.
    let ours = recipe.is_some() && container.state != ContainerState::Exited(0);
    let theirs = (named.is_some() || inside.is_some()) && runs(Some(container));
    if !ours && !theirs {
        return None;
    }
    let endpoint = label(PORT_LABEL)
        .and_then(|port| port.parse().ok())
        .and_then(Endpoint::local)
        .or_else(|| published(container, inside.map(|(_, port)| *port)))
        .or_else(|| Endpoint::local(named?.port))
        .or_else(|| Endpoint::local(Port::try_from(inside?.1).ok()?))?;
    Some(ServingPlace {
        endpoint,
        container: Some(container.clone()),
        recipe,
        watched_only: false,
    })
}

/// The published port of the API: the one that is known for the image, else the only one there is.
fn published(container: &Container, inside: Option<u16>) -> Option<Endpoint> {
    let mut ports: Vec<_> = container
        .ports
        .iter()
        .filter(|port| port.protocol.as_str() == "tcp")
        .filter_map(|port| Some((port.inside, port.published.as_ref()?)))
        .collect();
    // One port is published once for each family of addresses.
    ports.dedup_by_key(|(inside, published)| (*inside, published.1));
    let known = ports.iter().find(|(port, _)| Some(*port) == inside);
    let only = (ports.len() == 1).then(|| ports.first()).flatten();
    let (_, (address, port)) = known.or(only)?;
    let host = match address.as_str() {
        "" | "0.0.0.0" | "::" => "127.0.0.1",
        other => other,
    };
    Some(Endpoint {
        host: host.parse().ok()?,
        port: Port::try_from(*port).ok()?,
    })
}
