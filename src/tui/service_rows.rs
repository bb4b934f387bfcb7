//! Which services the table shows (pure): those of one host in the order of the config, or the fleet's. Made once per change of
//! facts or wishes, not once per frame.

use std::sync::Arc;

use super::rows::Filter;
use super::ui::{Screen, Ui};
use super::ui_models::ServiceRef;
use crate::domain::HostId;
use crate::engine::{Fleet, Host, Service, ServiceWord};

/// The rows of the table, and what they were made from.
#[derive(Debug, Clone, Default)]
pub struct ServiceRows {
    made_from: MadeFrom,
    rows: Vec<ServiceRow>,
    all: usize,
    well: usize,
}

/// One service of the table.
#[derive(Debug, Clone)]
pub struct ServiceRow {
    /// Its host.
    pub host: HostId,
    /// The service as it stands.
    pub service: Service,
}

impl ServiceRow {
    /// Which service it is.
    pub fn of(&self) -> ServiceRef {
        ServiceRef {
            host: self.host.clone(),
            name: self.service.spec.name.clone(),
        }
    }

    /// Whether it is this service.
    pub fn is(&self, of: &ServiceRef) -> bool {
        self.service.spec.name == of.name && self.host == of.host
    }
}

#[derive(Debug, Clone, Default)]
struct MadeFrom {
    hosts: Vec<(HostId, Arc<Vec<Service>>)>,
    filter: String,
}

impl MadeFrom {
    fn is_same(&self, other: &Self) -> bool {
        self.filter == other.filter
            && self.hosts.len() == other.hosts.len()
            && (self.hosts.iter().zip(&other.hosts))
                .all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1))
    }
}

/// The hosts whose services are shown: all on their own screen, the selected one in a tab.
fn scope<'a>(fleet: &'a Fleet, ui: &'a Ui) -> impl Iterator<Item = &'a Arc<Host>> {
    let fleet_wide = ui.screen == Screen::Services;
    fleet
        .hosts
        .iter()
        .filter(move |host| fleet_wide || Some(&host.id) == ui.selected.as_ref())
}

impl ServiceRows {
    /// The rows, in their order.
    pub fn rows(&self) -> &[ServiceRow] {
        &self.rows
    }

    /// The place of a service.
    pub fn position(&self, of: &ServiceRef) -> Option<usize> {
        self.rows.iter().position(|row| row.is(of))
    }

    /// How many there are in all, and how many of them are well.
    pub fn counts(&self) -> (usize, usize) {
        (self.all, self.well)
    }
}

/// Makes the rows anew if anything about them has changed.
pub(super) fn refresh(ui: &mut Ui, fleet: &Fleet) {
    let now = MadeFrom {
        hosts: scope(fleet, ui)
            .map(|host| (host.id.clone(), Arc::clone(&host.services)))
            .collect(),
        filter: ui.services.filter.text.clone(),
    };
    if !now.is_same(&ui.services.rows.made_from) {
        ui.services.rows = make(now);
    }
}

fn make(from: MadeFrom) -> ServiceRows {
    let filter = Filter::new(&from.filter);
    let mut made = ServiceRows::default();
    for (host, services) in &from.hosts {
        for service in services.iter().filter(|service| !service.spec.hidden) {
            made.all += 1;
            let well = matches!(service.word, ServiceWord::Healthy | ServiceWord::Idle);
            made.well += usize::from(well);
            let wanted = filter.matches([
                service.spec.name.as_str(),
                host.as_str(),
                super::service_words::state(service).1,
                service.model.as_ref().map_or("", |model| model.as_str()),
            ]);
            if wanted {
                made.rows.push(ServiceRow {
                    host: host.clone(),
                    service: service.clone(),
                });
            }
        }
    }
    made.made_from = from;
    made
}

/// The service, as the fleet knows it now.
pub(super) fn find<'a>(fleet: &'a Fleet, of: &ServiceRef) -> Option<&'a Service> {
    let services = &fleet.host(&of.host)?.services;
    services
        .iter()
        .find(|service| service.spec.name == of.name && !service.spec.hidden)
}
