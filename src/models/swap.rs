//! A swap in words (pure): what is ordered, its phases, and how it stands, read from the job that does it on the head. Other long
//! work with models (downloads, copies) is told the same way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Bytes, BytesPerSecond, HostId, ModelKey, Place, Secret, Wall};
use crate::text::SafeText;

/// A swap that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapOrder {
    /// What is to be served.
    pub model: ModelKey,
    /// Where: a host, or a cluster by name.
    pub place: PlaceName,
    /// It is done although a check says that it will not work.
    pub force: bool,
    /// The token of the reservation, where somebody holds one.
    pub token: Option<Secret<String>>,
}

/// A host or a cluster, by name; a cluster of the name of a host comes first.
pub type PlaceName = String;

/// The phases of a swap, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapPhase {
    /// Take the lease of the place.
    Lock,
    /// Stop what is served: asked first, then forced.
    Stop,
    /// Start the new one.
    Launch,
    /// Load its weights.
    Load,
    /// Health, then one real token.
    Ready,
}

impl SwapPhase {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::Lock,
        Self::Stop,
        Self::Launch,
        Self::Load,
        Self::Ready,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Stop => "stop",
            Self::Launch => "launch",
            Self::Load => "load",
            Self::Ready => "ready",
        }
    }
}

/// One phase as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Which.
    pub phase: SwapPhase,
    /// How far.
    pub state: PhaseState,
    /// How long it took the last times, where that is known.
    pub expected: Option<Duration>,
}

/// How far a phase is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// Its turn has not come.
    Waiting,
    /// It is at work.
    Running {
        /// Since when, by the host's clock.
        since: Wall,
        /// What is seen of it: `shard 12 of 16`.
        words: SafeText,
    },
    /// Done.
    Done {
        /// How long it took.
        took: Duration,
        /// What was seen: `26 GiB came back`.
        words: SafeText,
    },
    /// It failed.
    Failed {
        /// Why.
        why: SafeText,
    },
    /// It was not needed, or somebody cancelled before it.
    Skipped {
        /// Why.
        why: SafeText,
    },
}

/// A swap that is at work on a host, or the last one there. Read from the host: every console shows the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwapReport {
    /// Its job.
    pub work: WorkId,
    /// Where.
    pub place: Place,
    /// What it brings; `None`: nothing, the present model is only stopped.
    pub model: Option<ModelKey>,
    /// What was served before it: what a rollback brings back.
    pub before: Option<ModelKey>,
    /// Who began it, as that console said: `ann@desk`.
    pub by: SafeText,
    /// When it began, by the host's clock.
    pub began: Wall,
    /// Its phases in order.
    pub phases: Vec<Phase>,
    /// The last lines of its log, oldest first.
    pub log: Vec<SafeText>,
    /// How it ended.
    pub end: Option<SwapEnd>,
}

/// How a swap ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapEnd {
    /// The model answers.
    Served,
    /// What was served is stopped, and nothing else was wanted.
    Stopped,
    /// It failed in this phase.
    Failed {
        /// Where.
        phase: SwapPhase,
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// In which phase.
        phase: SwapPhase,
    },
    /// Its runner is gone without an outcome (killed, or the host restarted).
    Lost,
}

/// The job of a long work on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkId(pub String);

/// Long work with models on a host that is no swap. Read from the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkReport {
    /// Its job.
    pub work: WorkId,
    /// What it is.
    pub kind: WorkKind,
    /// What it is about: the repository.
    pub subject: SafeText,
    /// When it began, by the host's clock.
    pub began: Wall,
    /// How far it is.
    pub state: WorkState,
}

/// What a long work does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// Fetches weights.
    Download,
    /// Copies weights to another host.
    Copy {
        /// To which.
        to: HostId,
    },
    /// Installs a container or builds an image for a service.
    Install,
}

/// How far a long work is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    /// At work.
    Running {
        /// What it does now: `fetching`, `verifying`.
        words: SafeText,
        /// Bytes that are there.
        done: Bytes,
        /// Bytes in all, where that is known.
        total: Option<Bytes>,
        /// Bytes per second over the last seconds.
        rate: Option<BytesPerSecond>,
    },
    /// It did what it should, and the file system says so too.
    Done,
    /// It failed.
    Failed {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// Somebody cancelled it; what is there stays for the next try.
    Cancelled,
    /// Its runner is gone without an outcome.
    Lost,
}
