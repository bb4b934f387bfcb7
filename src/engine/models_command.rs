//! What may be asked of the engine about models.

use serde::{Deserialize, Serialize};

use crate::domain::{HostId, RepoId};
use crate::models::{LockOrder, PlaceName, Recipe, SwapOrder, WorkId};

/// Something with models. What changes a host is confirmed as every change is: swaps, stops, cancels and reservations are of the
/// class `swap`, downloads and deletions of the class `deploy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelsCommand {
    /// Look at the weights, the reservation and the jobs of a host now; `None`: of all. Changes nothing.
    Refresh(Option<HostId>),
    /// Look at everything that a swap would meet. Changes nothing.
    Preflight(SwapOrder),
    /// Somebody looks at what is served: it is read every few seconds for the next quarter of a minute.
    Watch,
    /// Serve another model. A change.
    Swap(SwapOrder),
    /// Stop what is served, and serve nothing. A change.
    Stop {
        /// A host or a cluster, by name.
        place: PlaceName,
        /// Not asked first.
        force: bool,
    },
    /// Serve again what was served before the last swap of this place. A change.
    Rollback(PlaceName),
    /// End a swap, a download or a copy. A change: a swap that is cancelled may leave nothing served.
    Cancel {
        /// The host of its job.
        host: HostId,
        /// The job.
        work: WorkId,
    },
    /// Something with the reservation of a place. A change.
    Lock {
        /// A host or a cluster, by name.
        place: PlaceName,
        /// What.
        order: LockOrder,
    },
    /// Fetch weights on a host, then copy them to its peers. A change.
    Download {
        /// Which.
        repo: RepoId,
        /// A host or a cluster, by name.
        place: PlaceName,
    },
    /// Delete the weights of a repository from these hosts. A change; folders that are no repository are refused.
    Remove {
        /// Which.
        repo: RepoId,
        /// From where; empty: from every host that has them.
        hosts: Vec<HostId>,
    },
    /// Keep a recipe in the config directory: an imported one, or one that was suggested and confirmed. Changes no host.
    Keep(Box<Recipe>),
}
