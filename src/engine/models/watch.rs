//! The watches of one host's models while its link is open. Each looks at its own pace, so that a slow disk delays no swap.

use std::sync::Arc;

use super::{serving_watch, weights_watch, works_watch};
use crate::domain::HostId;
use crate::engine::host_actor::Shared;
use crate::engine::links::OpenLink;
use crate::engine::models_state::ModelsMsg;
use crate::engine::msg::HostMsg;
use crate::tasks::Tasks;

/// Watches the models of one host.
#[derive(Clone)]
pub(in crate::engine) struct ModelWatch {
    pub(in crate::engine) host: HostId,
    pub(in crate::engine) link: Arc<OpenLink>,
    pub(in crate::engine) shared: Arc<Shared>,
}

impl ModelWatch {
    /// Begins to watch; it ends with the link.
    pub(in crate::engine) fn start(self, tasks: &Tasks) {
        tasks.spawn(weights_watch::run(self.clone()));
        tasks.spawn(works_watch::run(self.clone()));
        tasks.spawn(serving_watch::run(self));
    }

    pub(super) async fn say(&self, msg: ModelsMsg) {
        let msg = HostMsg::Models(msg);
        self.shared.lanes.host(&self.host, msg).await;
    }
}
