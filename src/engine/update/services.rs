//! The services of a host, message by message (pure). What a look means for a service is decided in its trade.

use std::sync::Arc;

use crate::domain::{At, HostId, ServiceName, ServiceSpec, Wall};
use crate::engine::services_state::ServicesMsg;
use crate::engine::{Effect, Host};
use crate::services::{Service, ServiceEvent};
use crate::text::SafeText;

/// When something happened.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) at: At,
    pub(super) wall: Wall,
}

/// Folds one message in. One about a service that the config does not name falls on the floor.
pub(super) fn update(host: &mut Host, now: Now, msg: ServicesMsg, effects: &mut Vec<Effect>) {
    let Now { wall, .. } = now;
    let id = host.id.clone();
    let services = &mut host.services;
    match msg {
        ServicesMsg::Are(specs) => name(services, specs),
        ServicesMsg::Probed {
            service,
            depth,
            probed,
        } => {
            let event = change(services, &service, |it| it.probed(depth, probed, wall));
            keep(&id, &service, event.flatten(), effects);
        }
        ServicesMsg::Model(service, model) => {
            change(services, &service, |it| it.model = model);
        }
        ServicesMsg::Restarts(service, restarts) => {
            change(services, &service, |it| it.restarts = restarts);
        }
        ServicesMsg::Healed(service, why) => {
            let event = change(services, &service, |it| it.healed(&why, wall));
            keep(&id, &service, event, effects);
        }
        ServicesMsg::Past(service, events) => {
            change(services, &service, |it| it.past(events));
        }
        ServicesMsg::Reported { service, ok, words } => {
            let event = change(services, &service, |it| it.reported(ok, &words, wall));
            keep(&id, &service, event, effects);
        }
    }
}

/// The link to a host is gone: nobody sees its services.
pub(super) fn link_lost(host: &mut Host, now: Now, why: &SafeText, effects: &mut Vec<Effect>) {
    if host.services.is_empty() {
        return;
    }
    let id = host.id.clone();
    for service in Arc::make_mut(&mut host.services) {
        let event = service.unreachable(why.clone(), now.at, now.wall);
        let name = service.spec.name.clone();
        keep(&id, &name, event, effects);
    }
}

/// Takes the services of the config; those that are known keep what is known of them.
fn name(services: &mut Arc<Vec<Service>>, specs: Vec<Arc<ServiceSpec>>) {
    let known = Arc::clone(services);
    let shown = specs.into_iter().filter(|spec| !spec.hidden);
    *services = Arc::new(
        shown
            .map(|spec| {
                let before = known.iter().find(|service| service.spec == spec);
                before.cloned().unwrap_or_else(|| Service::new(spec))
            })
            .collect(),
    );
}

fn change<T>(
    services: &mut Arc<Vec<Service>>,
    name: &ServiceName,
    by: impl FnOnce(&mut Service) -> T,
) -> Option<T> {
    let place = services
        .iter()
        .position(|service| service.spec.name == *name)?;
    Arc::make_mut(services).get_mut(place).map(by)
}

fn keep(
    host: &HostId,
    service: &ServiceName,
    event: Option<ServiceEvent>,
    effects: &mut Vec<Effect>,
) {
    if let Some(event) = event {
        effects.push(Effect::RememberService {
            host: host.clone(),
            service: service.clone(),
            event,
        });
    }
}
