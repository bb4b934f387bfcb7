//! The services of a host, message by message (pure).

use std::sync::Arc;

use crate::domain::At;
use crate::engine::services_state::ServicesMsg;
use crate::services::Service;

/// Folds one message in. One about a service that the config does not name falls on the floor.
pub(super) fn update(services: &mut Arc<Vec<Service>>, _at: At, msg: ServicesMsg) {
    let named = |name| {
        services
            .iter()
            .position(|service| service.spec.name == name)
    };
    match msg {
        ServicesMsg::Model(name, model) => {
            if let Some(place) = named(name)
                && let Some(service) = Arc::make_mut(services).get_mut(place)
            {
                service.model = model;
            }
        }
        ServicesMsg::Restarts(name, restarts) => {
            if let Some(place) = named(name)
                && let Some(service) = Arc::make_mut(services).get_mut(place)
            {
                service.restarts = restarts;
            }
        }
        ServicesMsg::Probed { .. } | ServicesMsg::Past(..) | ServicesMsg::Reported { .. } => {}
    }
}
