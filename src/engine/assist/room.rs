//! What every conversation needs, and whoever starts an engine gives for them.

use std::path::PathBuf;
use std::sync::Arc;

use super::mind::Minds;
use super::program::ProgramPlaces;
use crate::clock::Clock;
use crate::config::AssistantSettings;
use crate::engine::Handle;
use crate::engine::host_actor::Shared;
use crate::engine::trouble::Trouble;
use crate::store::{Ledger, Store};

/// What conversations with the assistant are given.
#[derive(Clone, Default)]
pub struct Assisting {
    /// The folder of the state directory in which consoles find each other's conversations. `None`: none is attached to.
    pub folder: Option<PathBuf>,
    /// Where the program of this machine finds what it needs. `None`: it can't be had.
    pub program: Option<ProgramPlaces>,
    /// Where the programs behind conversations come from instead.
    pub minds: Option<Arc<dyn Minds>>,
    /// The folder of the person's own runbooks.
    pub runbooks: Option<PathBuf>,
}

/// What every conversation needs.
pub(super) struct Room {
    pub(super) shared: Arc<Shared>,
    pub(super) handle: Handle,
    pub(super) settings: AssistantSettings,
    pub(super) clock: Clock,
    pub(super) store: Option<Store>,
    /// Knows of every act whether it was begun, also of those of consoles that have ended.
    pub(super) ledger: Ledger,
    pub(super) folder: Option<PathBuf>,
    pub(super) minds: Arc<dyn Minds>,
    /// Told once where conversations can't be kept.
    pub(super) trouble: Trouble,
}
