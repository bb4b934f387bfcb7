//! The models of a host, message by message (pure).

use std::sync::Arc;

use crate::domain::At;
use crate::engine::host_state::Timed;
use crate::engine::models_state::{HostModels, ModelsMsg};
use crate::engine::state::{Fleet, KnownPreflight};
use crate::models::{Catalog, Preflight, menu};

/// Preflights that are kept.
const PREFLIGHTS: usize = 16;

/// Folds one message in.
pub(super) fn update(models: &mut Arc<HostModels>, at: At, msg: ModelsMsg) {
    let models = Arc::make_mut(models);
    match msg {
        ModelsMsg::Weights(report) => {
            let value = Arc::new(report);
            models.weights = Some(Timed { at, value });
            models.trouble = None;
        }
        ModelsMsg::Serving(serving) => {
            let value = Arc::new(serving);
            models.serving = Some(Timed { at, value });
        }
        ModelsMsg::Lock(value) => models.lock = Some(Timed { at, value }),
        ModelsMsg::Swap(report) => models.swap = Some(Arc::new(*report)),
        ModelsMsg::Work(work) => models.work = Arc::new(work),
        ModelsMsg::Trouble(value) => models.trouble = Some(Timed { at, value }),
    }
}

/// Takes the catalogue as it was read.
pub(super) fn read(fleet: &mut Fleet, catalog: Arc<Catalog>) {
    fleet.catalog = catalog;
    join(fleet);
}

/// Joins what is on the disks to the recipes anew: after one of the two changed, never for a picture.
pub(super) fn join(fleet: &mut Fleet) {
    let reports = fleet.hosts.iter().filter_map(|host| {
        let report = host.models.weights.as_ref()?;
        Some((&host.id, report.value.as_ref()))
    });
    let menu = menu(&fleet.catalog, reports);
    if *fleet.menu != menu {
        fleet.menu = Arc::new(menu);
    }
}

/// Takes what was found before a swap; of the same model and place the newest counts.
pub(super) fn looked(fleet: &mut Fleet, found: Preflight) {
    let at = fleet.at;
    let known = Arc::make_mut(&mut fleet.preflights);
    known.retain(|known| {
        known.preflight.model != found.model || known.preflight.place != found.place
    });
    known.push(KnownPreflight {
        at,
        preflight: Arc::new(found),
    });
    let over = known.len().saturating_sub(PREFLIGHTS);
    known.drain(..over);
}
