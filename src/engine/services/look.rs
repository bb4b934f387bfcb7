//! Looks at a service because somebody wants it. Nothing on any host changes.

use crate::domain::{HostId, ServiceName};
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::services::Depth;

/// Looks at a service now, and answers with what was found.
pub(in crate::engine) async fn look(
    host: &HostId,
    service: &ServiceName,
    depth: Depth,
    shared: &Shared,
) -> Reply {
    let failed = |why: String, hint: Option<&str>| {
        Reply::Failed(Refusal {
            why,
            hint: hint.map(str::to_owned),
        })
    };
    let Some(link) = shared.links.link(host) else {
        return failed(
            format!("{host} is not connected"),
            Some("wait for the connection, or reconnect"),
        );
    };
    match link.looking_at(service) {
        Some(looking) => Reply::Probed(Box::new(looking.look(depth).await.probed)),
        None => failed(
            format!("the config names no service {service} on {host}"),
            Some("services are named in the config, under `services`"),
        ),
    }
}
