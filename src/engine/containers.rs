//! What is known of one host's containers: the engine there, the list, what each takes, and what changed while nobody saw.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::host_state::Timed;
use crate::domain::{At, Container, ContainerId, ContainerState, ContainerStats, Daemon};
use crate::text::SafeText;

/// The containers of one host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Containers {
    /// The engine there.
    pub daemon: DaemonState,
    /// The containers, by name.
    pub list: Vec<Arc<Container>>,
    /// What each took when it was last asked. Only while somebody looks.
    pub stats: BTreeMap<ContainerId, Timed<ContainerStats>>,
    /// Changes that were only found afterwards, by comparing.
    pub after_gap: Vec<GapChange>,
}

/// How a host's container engine stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DaemonState {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answers, and the list is what it says.
    Up {
        /// Which it is.
        daemon: Arc<Daemon>,
        /// Since when it has answered without a break.
        since: At,
    },
    /// There is none, or we may not ask it. The list is empty.
    Absent {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It answered before. The list is the last one it gave.
    Lost {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
        /// Since when.
        since: At,
    },
}

/// A change that happened while the engine could not be heard; it keeps its events in memory only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapChange {
    /// When it was found.
    pub at: At,
    /// Which container.
    pub id: ContainerId,
    /// Its name.
    pub name: SafeText,
    /// What it did before the gap; `None`: it was not there.
    pub was: Option<ContainerState>,
    /// What it does now; `None`: it is gone.
    pub is: Option<ContainerState>,
}

/// What a host's container engine told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainersMsg {
    /// It answers; this is all there is. After a break what differs from before is a [`GapChange`].
    Listed {
        /// Which engine.
        daemon: Arc<Daemon>,
        /// All containers.
        list: Vec<Container>,
    },
    /// One is new or has changed.
    Changed(Box<Container>),
    /// One is gone.
    Gone(ContainerId),
    /// What some take now.
    Stats(Vec<(ContainerId, ContainerStats)>),
    /// There is no engine, or we may not ask it.
    Absent {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It does not answer any more.
    Lost {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
}
