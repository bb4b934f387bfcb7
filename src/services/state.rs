//! How a service stands (pure).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{At, ServiceSpec, Wall};
use crate::text::SafeText;

/// One service and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// What it is.
    pub spec: Arc<ServiceSpec>,
    /// Its word.
    pub word: ServiceWord,
    /// What the word means here.
    pub detail: SafeText,
    /// Since when it has this word.
    pub since: At,
    /// The last quick look.
    pub shallow: Option<Probed>,
    /// The last real request.
    pub deep: Option<Probed>,
    /// The model it has loaded, where it tells.
    pub model: Option<SafeText>,
    /// What was restarted by the deep look.
    pub restarts: RestartCount,
    /// What happened to it, newest last, at most 200.
    pub events: Arc<VecDeque<ServiceEvent>>,
}

/// The state of a service in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceWord {
    /// Nothing has been looked at yet.
    Unknown,
    /// It is there and does its work.
    Healthy,
    /// It is there and has nothing loaded: no failure.
    Idle,
    /// It comes up.
    Starting,
    /// It answers, and not as it should.
    Unhealthy,
    /// It takes requests and fails them in the way that only a restart mends.
    Wedged,
    /// It is not there.
    Stopped,
    /// Its host can't be reached.
    Unreachable,
}

/// How deep a look was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// The quick look.
    Shallow,
    /// The real request.
    Deep,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// When.
    pub at: At,
    /// How long it took.
    pub took: Duration,
    /// What was found.
    pub outcome: ProbeOutcome,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeOutcome {
    /// As it should; with what was seen.
    Good(SafeText),
    /// It has nothing loaded: no failure.
    Idle(SafeText),
    /// It comes up.
    Starting(SafeText),
    /// Not as it should.
    Bad(SafeText),
    /// In the way that only a restart mends; with the pattern that was seen.
    Wedged(SafeText),
    /// It is not there.
    Absent(SafeText),
}

/// Restarts by the deep look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartCount {
    /// In the last half hour.
    pub recent: u32,
    /// The last one.
    pub last: Option<Wall>,
    /// Why the next one is not done now: `3 restarts in 30 min`.
    pub held: Option<SafeText>,
}

/// Something that happened to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// When.
    pub wall: Wall,
    /// What.
    pub kind: EventKind,
    /// In words.
    pub words: SafeText,
}

/// What kind of thing happened to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Its word changed.
    Transition {
        /// Whether for the better.
        up: bool,
        /// How long it had been down, on the way up.
        down_for: Option<Duration>,
    },
    /// Somebody told that it failed or worked. It never changes the word.
    Report {
        /// Whether it worked.
        ok: bool,
    },
    /// It was restarted by the deep look.
    Healed,
}
