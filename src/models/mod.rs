//! The models that hosts serve: the catalogue of recipes, the weights on disk, what a launch would look like, whether it fits, the
//! swap as a detached job of the host, and what is served. Files marked *pure* decide; the others have hands.

mod catalog;
mod failure;
mod lock;
mod preflight;
mod reservation;
mod serving;
mod swap;
mod swap_fold;
mod swap_job;
mod timeline;
mod weights;

pub use catalog::{
    Catalog, CatalogProblem, EngineKind, Knob, LauncherForm, Mode, ModelSource, Recipe,
};
pub use lock::{LockOrder, LockState};
pub use preflight::{Check, Finding, Preflight, Verdict};
pub use reservation::{
    LOCK_TTL, LONGEST_LOCK, LockError, LockOutcome, fresh_token, order_lock, read_lock,
};
pub use serving::{Latency, Served, ServedBy, ServedState, Serving};
pub use swap::{
    Phase, PhaseState, PlaceName, SwapEnd, SwapOrder, SwapPhase, SwapReport, WorkId, WorkKind,
    WorkReport, WorkState,
};
pub use swap_fold::{LOG_LINES, fold, is_swap, swap_place};
pub use swap_job::{
    Runs, SWAP_LEASE, StopWay, SwapLaunch, SwapLimits, SwapPlan, SwapPlanError, launch_print,
    swap_job,
};
pub use timeline::{Expected, PastSwap, expected, measured, parse_history};
pub use weights::{Completeness, ModelConfig, Weights, WeightsReport};
