//! What can be followed on a host: its containers, then what else writes lines there.

use crate::domain::{Container, ContainerState, HostId};
use crate::engine::links::Links;
use crate::engine::{Refusal, Reply};
use crate::follow::{self, SourceOffer, SourceSpec};

/// The sources of a host; a host without containers has the others all the same.
pub(in crate::engine) async fn offers(links: &Links, host: &HostId) -> Reply {
    let Some(exec) = links.exec(host) else {
        return Reply::Failed(Refusal {
            why: format!("{host} is not connected"),
            hint: Some("wait for the connection, or reconnect".into()),
        });
    };
    let containers = async {
        let docker = links.docker(host).ok()?;
        docker.list().await.ok()
    };
    let (containers, others) = tokio::join!(containers, follow::discover(&exec));
    let mut offers = of_containers(containers.unwrap_or_default());
    match others {
        Ok(others) => offers.extend(others),
        Err(error) if offers.is_empty() => {
            return Reply::Failed(Refusal {
                why: error.to_string(),
                hint: error.hint,
            });
        }
        Err(error) => tracing::warn!(%host, %error, "only containers are offered"),
    }
    Reply::Sources(offers)
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
