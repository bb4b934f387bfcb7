//! Everything known about one host.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::containers::Containers;
use super::history::History;
use super::models_state::HostModels;
use crate::domain::{
    Age, At, Disk, GpuProcess, GpuReport, HealthChange, HealthWord, HostAddress, HostId, HostSpec,
    MachineReading,
};
use crate::reach::Ladder;
use crate::services::Service;
use crate::text::SafeText;

/// A value and the moment it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<T> {
    /// When it was read.
    pub at: At,
    /// The value.
    pub value: T,
}

impl<T> Timed<T> {
    /// How old it is now.
    pub fn age(&self, now: At) -> Age {
        now.since(self.at)
    }
}

/// One host. Everything big in it is shared, so that a copy for a new fleet is cheap.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name.
    pub id: HostId,
    /// How it is reached, its tags.
    pub spec: Arc<HostSpec>,
    /// The state of our connection.
    pub link: Link,
    /// How far we get.
    pub ladder: Ladder,
    /// Its state in one word, as of the last update.
    pub word: HealthWord,
    /// What the word means here: `6 GiB left`, `ssh banner`, `gpu 0 at 93 °C`; empty when ok.
    pub detail: SafeText,
    /// Since when it has this word.
    pub since: At,
    /// When it last answered anything.
    pub seen: Option<At>,
    /// The last round trip of a command.
    pub round_trip: Option<Duration>,
    /// The machine.
    pub machine: Option<Timed<Arc<MachineReading>>>,
    /// Its GPUs.
    pub gpus: Option<Timed<Arc<GpuReport>>>,
    /// Processes on its GPUs.
    pub processes: Option<Timed<Arc<Vec<GpuProcess>>>>,
    /// Its disks.
    pub disks: Option<Timed<Arc<Vec<Disk>>>>,
    /// Its containers.
    pub containers: Arc<Containers>,
    /// Its models.
    pub models: Arc<HostModels>,
    /// Its services, in the order of the config; those that are hidden left out.
    pub services: Arc<Vec<Service>>,
    /// The past of its readings.
    pub history: History,
    /// Its ups and downs, newest last, those of earlier sessions included.
    pub changes: Arc<VecDeque<HealthChange>>,
}

impl Host {
    /// A host that nothing is known of yet.
    pub fn new(spec: Arc<HostSpec>, at: At) -> Self {
        let link = match spec.address {
            HostAddress::Local => Link::Local,
            HostAddress::Ssh(_) => Link::Dialing {
                attempt: 1,
                since: at,
            },
        };
        Self {
            id: spec.id.clone(),
            spec,
            link,
            ladder: Ladder::default(),
            word: HealthWord::Connecting,
            detail: SafeText::default(),
            since: at,
            seen: None,
            round_trip: None,
            machine: None,
            gpus: None,
            processes: None,
            disks: None,
            containers: Arc::default(),
            models: Arc::default(),
            services: Arc::default(),
            history: History::default(),
            changes: Arc::default(),
        }
    }
}

/// The state of our connection to a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// This machine: nothing to dial.
    Local,
    /// Being dialled.
    Dialing {
        /// The how manyth without success, from 1.
        attempt: u32,
        /// Since when.
        since: At,
    },
    /// Open.
    Up {
        /// Since when.
        since: At,
    },
    /// Closed; dialled again by itself.
    Waiting {
        /// When.
        until: At,
        /// Why it is closed.
        why: SafeText,
    },
    /// Closed until a person does something (changed key, refused login).
    Held {
        /// Why.
        why: SafeText,
    },
}
