//! Looks at a service because somebody wants it, and hears how it fared. Nothing on any host changes.

use crate::domain::{HostId, ServiceName};
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::engine::msg::{HostMsg, Msg};
use crate::engine::services_state::ServicesMsg;
use crate::services::Depth;
use crate::text::{SafeText, cut};

/// Cells of a report that are kept.
const REPORT: usize = 400;

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

/// Somebody tells how a service fared: it goes into its history.
pub(in crate::engine) async fn report(
    host: HostId,
    service: ServiceName,
    (ok, words): (bool, String),
    shared: &Shared,
) -> Reply {
    let fleet = shared.handle.fleet().borrow().clone();
    let known = fleet.host(&host).is_some_and(|host| {
        let mut services = host.services.iter();
        services.any(|known| known.spec.name == service)
    });
    if !known {
        return Reply::Failed(Refusal {
            why: format!("the config names no service {service} on {host}, or hides it"),
            hint: Some("services are named in the config, under `services`".into()),
        });
    }
    let words = SafeText::new(&cut(SafeText::new(&words).as_str(), REPORT));
    let msg = HostMsg::Services(ServicesMsg::Reported { service, ok, words });
    let at = shared.lanes.now();
    shared.lanes.fact(Msg::Host { at, host, msg }).await;
    Reply::Done
}
