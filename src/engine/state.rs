//! The fleet: what is known of everything, as one value that readers share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::Command;
use super::host_state::Host;
use super::notice::{Alert, Notice};
use crate::assistant::Proposal;
use crate::config::{ArmingSettings, ScheduleEntry, Settings};
use crate::domain::{
    ActClass, Armed, At, Cluster, HostId, LedgerEntry, PowerVerb, Question, QuestionId, SessionId,
    Thresholds, Wall,
};
use crate::models::{Catalog, MenuRow, Preflight};
use crate::power::PowerAct;

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
    /// What has to be armed, and for how long it then is.
    pub arming: Arc<ArmingSettings>,
    /// What is armed.
    pub armed: Arc<Vec<Armed>>,
    /// The last power verb of each host that had one.
    pub power: Arc<Vec<PowerAct>>,
    /// The power verbs that may or may not have happened, apart from the pictures of the last ones.
    pub doubts: Arc<Vec<PowerDoubt>>,
    /// What is known of how models are launched.
    pub catalog: Arc<Catalog>,
    /// What can be served: the weights on the hosts, joined to the recipes that launch them.
    pub menu: Arc<Vec<MenuRow>>,
    /// What swaps would meet, as far as somebody has looked; the newest last.
    pub preflights: Arc<Vec<KnownPreflight>>,
    /// Hosts that serve one model together.
    pub clusters: Arc<Vec<Arc<Cluster>>>,
    /// What other schedulers intend to run.
    pub schedule: Arc<Vec<ScheduleEntry>>,
    /// What was proposed and waits for a person, oldest first.
    pub proposals: Arc<Vec<PendingProposal>>,
    /// What people were told, newest last.
    pub notices: Arc<VecDeque<Notice>>,
}

/// What a swap would meet, and when that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownPreflight {
    /// When.
    pub at: At,
    /// What was found.
    pub preflight: Arc<Preflight>,
}

/// What nobody knows of the power of a host. Only an answer of its switch ends it, or a verb that is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerDoubt {
    /// The host.
    pub host: HostId,
    /// The verb that this session sent, and whose outcome it does not know.
    pub verb: Option<PowerVerb>,
    /// The switch has told its status since: what the ledger holds up to this entry is no longer open.
    pub looked: u64,
}

/// A proposal that waits for a person, and the change that it would be. Approving it asks the policy as if the person had
/// asked for that change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingProposal {
    /// The conversation that it comes from.
    pub session: SessionId,
    /// What a person sees of it.
    pub proposal: Arc<Proposal>,
    /// The change.
    pub command: Command,
    /// After this moment the answer is No.
    pub expires: At,
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
            arming: Arc::new(settings.arming.clone()),
            armed: Arc::default(),
            power: Arc::default(),
            doubts: Arc::default(),
            catalog: Arc::default(),
            menu: Arc::default(),
            preflights: Arc::default(),
            clusters: Arc::new(settings.models.clusters.clone()),
            schedule: Arc::new(settings.models.schedule.clone()),
            proposals: Arc::default(),
            notices: Arc::default(),
        }
    }

    /// The host of this name.
    pub fn host(&self, id: &HostId) -> Option<&Arc<Host>> {
        self.hosts.iter().find(|host| host.id == *id)
    }

    /// Whether a host has to be armed for this class of acts. For the power switch it always has to be.
    pub fn needs_arming(&self, class: ActClass) -> bool {
        class == ActClass::Power || self.arming.needed.contains(&class)
    }

    /// Whether a host is armed for this class of acts now, and since when.
    pub fn armed(&self, host: &HostId, class: ActClass) -> Option<&Armed> {
        let now = self.at;
        let holds = |armed: &&Armed| {
            armed.host == *host && armed.class == class && now < armed.until && now < armed.idle
        };
        self.armed.iter().find(holds)
    }
}
