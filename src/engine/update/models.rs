//! The models of a host, message by message (pure).

use std::sync::Arc;

use crate::domain::At;
use crate::engine::host_state::Timed;
use crate::engine::models_state::{HostModels, ModelsMsg};

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
