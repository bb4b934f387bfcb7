//! How the person looks at models and services: what is chosen, scrolled, sorted, filtered and opened, and what was checked.

use super::model_rows::ModelRows;
use super::service_rows::ServiceRows;
use super::ui::{Focus, LineEdit};
use super::ui_tables::{Awaited, Chosen};
use crate::domain::{At, HostId, ModelKey, ServiceName};
use crate::engine::{PlaceName, Preflight};

/// A row of the models: a model, and where it is served if it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelRef {
    /// The model.
    pub model: ModelKey,
    /// Where it is served, or on its way to be.
    pub place: Option<PlaceName>,
}

/// What the models are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ModelSort {
    /// What they do: those that serve first, those that are on no disk last.
    #[default]
    State,
    /// Name.
    Name,
    /// Where they are.
    Place,
    /// Size of the weights, the biggest first.
    Size,
    /// Tokens per second, most first.
    Tokens,
}

impl ModelSort {
    /// All of them in the order in which `o` goes through them.
    pub const ALL: [Self; 5] = [
        Self::State,
        Self::Name,
        Self::Place,
        Self::Size,
        Self::Tokens,
    ];
}

/// What of a model is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ModelTab {
    /// What it is, how it is launched, where its weights are, how it serves.
    #[default]
    Overview,
    /// What a swap would meet.
    Preflight,
    /// The swap at work, or the last one.
    Swap,
    /// The last lines of its log.
    Log,
}

impl ModelTab {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Preflight, Self::Swap, Self::Log];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Preflight => "Preflight",
            Self::Swap => "Swap",
            Self::Log => "Log",
        }
    }
}

/// How the models are looked at.
#[derive(Debug, Clone, Default)]
pub struct ModelsUi {
    /// The chosen model.
    pub chosen: Chosen<ModelRef>,
    /// First row shown.
    pub scroll: usize,
    /// What they are sorted by.
    pub sort: ModelSort,
    /// Turned round.
    pub reverse: bool,
    /// Filter by name, repository, state or place.
    pub filter: LineEdit,
    /// The rows, made when something about them has changed.
    pub rows: ModelRows,
    /// Which side has the keys.
    pub focus: Focus,
    /// What of the chosen one is shown.
    pub tab: ModelTab,
    /// First row shown of it.
    pub detail_scroll: usize,
    /// When it was last said that somebody looks.
    pub watched: Option<At>,
    /// What was last checked.
    pub check: Option<Check>,
}

/// What a swap to a place would meet, as it was last asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The model.
    pub model: ModelKey,
    /// The place.
    pub place: PlaceName,
    /// When it was last asked.
    pub asked: At,
    /// What was found, and when. It stays while it is asked anew.
    pub found: Awaited<(At, Box<Preflight>)>,
}

/// A service of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRef {
    /// Its host.
    pub host: HostId,
    /// Its name there.
    pub name: ServiceName,
}

/// How the services are looked at, on a host and fleet-wide alike.
#[derive(Debug, Clone, Default)]
pub struct ServicesUi {
    /// The chosen service.
    pub chosen: Chosen<ServiceRef>,
    /// First row shown.
    pub scroll: usize,
    /// Filter by name, host, state or model.
    pub filter: LineEdit,
    /// The rows, made when something about them has changed.
    pub rows: ServiceRows,
}
