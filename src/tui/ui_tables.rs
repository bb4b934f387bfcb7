//! How the person looks at the ledger, containers and log sources: what is chosen, scrolled, sorted, filtered and opened.

use std::collections::VecDeque;
use std::sync::Arc;

use super::container_rows::ContainerRows;
use super::ui::LineEdit;
use crate::domain::{ActId, At, ContainerDetail, ContainerId, ContainerTop, HostId};
use crate::engine::{Command, Refusal, Series, SourceSpec};
use crate::text::SafeText;

/// Which row of a table is chosen. It stays with its thing, not with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Chosen<T> {
    /// The first row, whichever it is.
    #[default]
    First,
    /// This one.
    One(T),
    /// The chosen one is gone. Its neighbour is not chosen in its place: the next key may be `x`.
    Gone,
}

/// Selection, scroll and filter of the ledger. Chosen first, it follows what is newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerUi {
    /// The chosen act.
    pub chosen: Chosen<ActId>,
    /// First row shown.
    pub scroll: usize,
    /// Filter by host, person, words or outcome.
    pub filter: LineEdit,
}

/// A container of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerRef {
    /// Its host.
    pub host: HostId,
    /// Its id there.
    pub id: ContainerId,
}

impl ContainerRef {
    /// The container of this id on this host.
    pub fn new(host: &HostId, id: &ContainerId) -> Self {
        Self {
            host: host.clone(),
            id: id.clone(),
        }
    }
}

/// What the containers are sorted by. Those that run stand before those that ended, whatever it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContainerSort {
    /// Name.
    #[default]
    Name,
    /// What they do, and their health.
    State,
    /// How long they have done that, the newest first.
    Age,
    /// CPU, most first.
    Cpu,
    /// Memory, most first.
    Memory,
    /// GPU memory, most first.
    Gpu,
    /// Image.
    Image,
    /// Compose project.
    Project,
}

impl ContainerSort {
    /// All of them in the order in which `o` goes through them.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::State,
        Self::Age,
        Self::Cpu,
        Self::Memory,
        Self::Gpu,
        Self::Image,
        Self::Project,
    ];
}

/// How the containers are looked at, on a host and fleet-wide alike.
#[derive(Debug, Clone, Default)]
pub struct ContainersUi {
    /// The chosen container.
    pub chosen: Chosen<ContainerRef>,
    /// First row shown.
    pub scroll: usize,
    /// What they are sorted by.
    pub sort: ContainerSort,
    /// Turned round.
    pub reverse: bool,
    /// Filter by name, image, state, project, owner, port or host.
    pub filter: LineEdit,
    /// Whether those that ended are left out.
    pub hide_ended: bool,
    /// Marked containers.
    pub marked: Vec<ContainerRef>,
    /// Acts on marked containers that are asked for one after the other.
    pub queue: VecDeque<Command>,
    /// The rows, made when something about them has changed.
    pub rows: ContainerRows,
    /// When it was last said that somebody looks.
    pub watched: Option<At>,
    /// The container that is looked into.
    pub open: Option<OpenContainer>,
}

/// One container that is looked into.
#[derive(Debug, Clone)]
pub struct OpenContainer {
    /// Which.
    pub of: ContainerRef,
    /// Its name when it was opened.
    pub name: SafeText,
    /// What of it is shown.
    pub tab: ContainerTab,
    /// First row shown.
    pub scroll: usize,
    /// What it is made of.
    pub detail: Awaited<Arc<ContainerDetail>>,
    /// Its processes.
    pub top: Awaited<ContainerTop>,
    /// When its processes were last asked for.
    pub top_asked: Option<At>,
    /// What it took while it was looked at.
    pub past: StatsPast,
    /// How much of its environment is seen.
    pub env: EnvShown,
}

/// An answer, on its way or here.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Awaited<T> {
    /// On its way.
    #[default]
    Waiting,
    /// Here.
    Got(T),
    /// It was refused or failed.
    Failed(Refusal),
}

/// What of a container is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContainerTab {
    /// What it takes, over time.
    #[default]
    Stats,
    /// Its environment.
    Env,
    /// What it is made of.
    Config,
    /// Its processes.
    Top,
}

impl ContainerTab {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Stats, Self::Env, Self::Config, Self::Top];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Stats => "Stats",
            Self::Env => "Env",
            Self::Config => "Config",
            Self::Top => "Top",
        }
    }
}

/// How much of an environment is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EnvShown {
    /// Names only.
    #[default]
    Names,
    /// Values, but of those whose names sound like secrets.
    Plain,
    /// All values.
    All,
}

/// What one container took while it was looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatsPast {
    /// CPU, percent of the machine.
    pub cpu: Series,
    /// Memory, percent of what it may use.
    pub memory: Series,
    /// Received and sent, bytes per second.
    pub network: [Series; 2],
    /// Read and written, bytes per second.
    pub disk: [Series; 2],
    /// The newest reading taken in.
    pub last: Option<At>,
}

/// Which of the sources that a host offers is chosen; what it offers is in the lens's looks.
#[derive(Debug, Clone, Default)]
pub struct SourcesUi {
    /// The chosen source.
    pub chosen: Chosen<SourceSpec>,
    /// First row shown.
    pub scroll: usize,
    /// Marked sources.
    pub marked: Vec<SourceSpec>,
    /// Filter by kind, name or detail.
    pub filter: LineEdit,
}
