//! The models that hosts serve: the catalogue of recipes, the weights on disk, what a launch would look like, whether it fits, the
//! swap as a detached job of the host, and what is served. Files marked *pure* decide; the others have hands.

mod catalog;
mod catalog_fields;
mod catalog_files;
mod catalog_load;
mod catalog_read;
mod catalog_salvage;
#[cfg(test)]
mod catalog_tests;
mod cluster_env;
mod flags;
mod import;
mod launch;
mod launch_docker;
mod launch_llama;
mod launch_spark;
#[cfg(test)]
mod launch_tests;
mod lock;
mod menu;
mod preflight;
mod recipe_file;
mod serving;
mod shell_words;
mod suggest;
mod swap;
mod weights;
mod words;

pub use catalog::{
    Catalog, CatalogProblem, EngineKind, HostFolder, InvalidFolder, Knob, LauncherForm, Mode,
    ModelSource, Recipe,
};
pub use catalog_files::{KeepError, keep, read_catalog};
pub use catalog_load::BUNDLED_NAME;
pub use cluster_env::cluster_env;
pub use import::import;
pub use launch::{Lasting, Launch, LaunchError, MODEL_LABEL, halt, launch};
pub use lock::{LockOrder, LockState};
pub use menu::{MenuRow, MenuState, OnHost, absent, menu};
pub use preflight::{Check, Finding, Preflight, Verdict};
pub use recipe_file::{recipe_problems, recipe_yaml};
pub use serving::{Latency, Served, ServedBy, ServedState, Serving};
pub use suggest::{Ground, suggest};
pub use swap::{
    Phase, PhaseState, PlaceName, SwapEnd, SwapOrder, SwapPhase, SwapReport, WorkId, WorkKind,
    WorkReport, WorkState,
};
pub use weights::{Completeness, ModelConfig, Weights, WeightsReport};
