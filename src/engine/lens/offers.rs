//! What can be followed on a host: its containers, then what else writes lines there.

use crate::domain::{Container, ContainerState, HostId};
use crate::engine::links::Links;
use crate::engine::{Refusal, Reply};
use crate::follow::{SourceOffer, SourceSpec};

/// The sources of a host; a host without containers has the others all the same.
pub(in crate::engine) async fn offers(links: &Links, host: &HostId) -> Reply {
    if links.exec(host).is_none() {
        return Reply::Failed(Refusal {
            why: format!("{host} is not connected"),
            hint: Some("wait for the connection, or reconnect".into()),
        });
    }
    let containers = match links.docker(host) {
        Ok(docker) => docker.list().await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    Reply::Sources(of_containers(containers))
}

/// Those that run first, then by name.
fn of_containers(mut containers: Vec<Container>) -> Vec<SourceOffer> {
    containers.sort_by(|a, b| {
        let order = |container: &Container| {
            let rests = container.state != ContainerState::Running;
            (rests, container.name.clone())
        };
        order(a).cmp(&order(b))
    });
    let offer = |container: &Container| SourceOffer {
        spec: SourceSpec::Container(container.name.to_string()),
        detail: container.state.word().into(),
        refused: None,
    };
    containers.iter().map(offer).collect()
}
