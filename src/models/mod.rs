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
mod exposition;
mod facts;
mod failure;
mod flags;
mod import;
mod judge;
mod judge_memory;
mod launch;
mod launch_docker;
mod launch_llama;
mod launch_spark;
#[cfg(test)]
mod launch_tests;
mod loading;
mod lock;
mod menu;
mod meter;
mod preflight;
mod recipe_file;
mod reservation;
mod serving;
mod serving_look;
#[cfg(test)]
mod serving_look_tests;
mod serving_place;
mod shell_words;
mod suggest;
mod swap;
mod swap_fold;
mod swap_job;
mod swap_secrets;
mod timeline;
mod webhook;
mod weights;
mod weights_config;
mod weights_error;
mod weights_judge;
mod weights_local;
mod weights_scan;
mod weights_told;
mod weights_wire;
mod weights_work;
mod words;

pub use catalog::{
    Catalog, CatalogProblem, EngineKind, HostFolder, InvalidFolder, Knob, LauncherForm, Mode,
    ModelSource, Recipe,
};
pub use catalog_files::{KeepError, keep, read_catalog};
pub use catalog_load::BUNDLED_NAME;
pub use cluster_env::cluster_env;
pub use facts::{AppFact, BoxFact, FactsAsk, Flags, GpuFact, HostFacts, host_facts};
pub use import::import;
pub use judge::{HostLook, PreflightInput, preflight};
pub use launch::{Lasting, Launch, LaunchError, MODEL_LABEL, halt, launch};
pub use loading::{Loading, loading};
pub use lock::{LockOrder, LockState};
pub use menu::{MenuRow, MenuState, OnHost, absent, menu};
pub use meter::Meter;
pub use preflight::{Check, Finding, Preflight, Verdict};
pub use recipe_file::{recipe_problems, recipe_yaml};
pub use reservation::{
    LOCK_TTL, LONGEST_LOCK, LockError, LockOutcome, fresh_token, order_lock, read_lock,
};
pub use serving::{Latency, Served, ServedBy, ServedState, Serving};
pub use serving_look::{Asked as ServingAsked, ServingWatch};
pub use serving_place::{Expected as ExpectedServing, PORT_LABEL, ServingPlace, places};
pub use suggest::{Ground, suggest};
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
pub use webhook::{SwapNote, TELL_AGAIN, Turn, found_ready, signature, take_turn, tell, turn_done};
pub use weights::{Completeness, ModelConfig, Weights, WeightsReport};
pub use weights_error::{WeightsError, WeightsErrorKind};
pub use weights_scan::WeightsScan;
pub use weights_told::{freed, is_in_use, work_reports, work_state};
pub use weights_work::{DownloadOrder, Patience, Peer, copy, download, remove};
