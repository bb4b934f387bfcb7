//! The models that hosts serve: the catalogue of recipes, the weights on disk, what a launch would look like, whether it fits, the
//! swap as a detached job of the host, and what is served. Files marked *pure* decide; the others have hands.

mod catalog;
mod catalog_load;
mod catalog_read;
#[cfg(test)]
mod catalog_tests;
mod cluster_env;
mod exposition;
mod flags;
mod launch;
mod launch_docker;
mod launch_llama;
mod launch_spark;
#[cfg(test)]
mod launch_tests;
mod loading;
mod lock;
mod meter;
mod preflight;
mod serving;
mod serving_look;
#[cfg(test)]
mod serving_look_tests;
mod serving_place;
mod swap;
mod weights;
mod words;

pub use catalog::{
    Catalog, CatalogProblem, EngineKind, HostFolder, InvalidFolder, Knob, LauncherForm, Mode,
    ModelSource, Recipe,
};
pub use catalog_load::BUNDLED_NAME;
pub use cluster_env::cluster_env;
pub use launch::{Lasting, Launch, LaunchError, MODEL_LABEL, halt, launch};
pub use loading::{Loading, loading};
pub use lock::{LockOrder, LockState};
pub use meter::Meter;
pub use preflight::{Check, Finding, Preflight, Verdict};
pub use serving::{Latency, Served, ServedBy, ServedState, Serving};
pub use serving_look::{Asked, ServingWatch};
pub use serving_place::{Expected, PORT_LABEL, ServingPlace, places};
pub use swap::{
    Phase, PhaseState, PlaceName, SwapEnd, SwapOrder, SwapPhase, SwapReport, WorkId, WorkKind,
    WorkReport, WorkState,
};
pub use weights::{Completeness, ModelConfig, Weights, WeightsReport};
