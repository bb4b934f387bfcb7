//! What happens to the services of one host, as messages. How a service then stands is decided in the trade `services`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{ServiceName, ServiceSpec};
use crate::services::{Depth, Probed, RestartCount, ServiceEvent};
use crate::text::SafeText;

/// Something of one host's services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServicesMsg {
    /// The services that the config names there, in its order.
    Are(Vec<Arc<ServiceSpec>>),
    /// One was looked at.
    Probed {
        /// Which.
        service: ServiceName,
        /// How deep.
        depth: Depth,
        /// What was found.
        probed: Probed,
    },
    /// The model that one has loaded.
    Model(ServiceName, Option<SafeText>),
    /// Its restarts by the deep look, as its host knows them.
    Restarts(ServiceName, RestartCount),
    /// One was restarted by the rule that mends wedges; with what was wrong.
    Healed(ServiceName, SafeText),
    /// What the store knew of one from before.
    Past(ServiceName, Vec<ServiceEvent>),
    /// Somebody told how one fared.
    Reported {
        /// Which.
        service: ServiceName,
        /// Whether it worked.
        ok: bool,
        /// In words, with who tells.
        words: SafeText,
    },
}
