//! The fleet: what is known of everything, as one value that readers share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host_state::Host;
use super::notice::{Alert, Notice};
use crate::config::Settings;
use crate::domain::{At, HostId, LedgerEntry, Question, QuestionId, Thresholds, Wall};

/// What is known of everything. Cloning it copies pointers.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Name of the fleet.
    pub name: Arc<str>,
    /// Now.
    pub at: At,
    /// Now on the wall.
    pub wall: Wall,
    /// Whether every change is refused.
    pub read_only: bool,
    /// Time between two samples.
    pub period: Duration,
    /// When a reading becomes a state worth words.
    pub thresholds: Thresholds,
    /// The hosts in the order they are shown.
    pub hosts: Vec<Arc<Host>>,
    /// What connections ask, oldest first.
    pub questions: Arc<Vec<PendingQuestion>>,
    /// Alerts, newest last; those without an end still hold.
    pub alerts: Arc<VecDeque<Alert>>,
    /// The last lines of the ledger, newest last.
    pub ledger: Arc<VecDeque<LedgerEntry>>,
    /// Whether the ledger has been read: before that an empty one says nothing.
    pub ledger_read: bool,
    /// What people were told, newest last.
    pub notices: Arc<VecDeque<Notice>>,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingQuestion {
    /// To answer it by.
    pub id: QuestionId,
    /// Whose connection asks.
    pub host: HostId,
    /// Since when.
    pub at: At,
    /// What it asks.
    pub question: Question,
}

impl Fleet {
    /// A fleet without hosts, before its first message.
    pub fn new(name: &str, settings: &Settings) -> Self {
        Self {
            name: name.into(),
            at: At::default(),
            wall: Wall::default(),
            read_only: settings.read_only,
            period: settings.period,
            thresholds: settings.thresholds,
            hosts: Vec::new(),
            questions: Arc::default(),
            alerts: Arc::default(),
            ledger: Arc::default(),
            ledger_read: false,
            notices: Arc::default(),
        }
    }

    /// The host of this name.
    pub fn host(&self, id: &HostId) -> Option<&Arc<Host>> {
        self.hosts.iter().find(|host| host.id == *id)
    }
}
