//! The power switch in words: its verbs, the ways to it, and the classes of acts that a host is armed for.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::host::HostSpec;
use super::id::HostId;
use super::time::{At, Wall};

/// A verb of the power switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerVerb {
    /// Whether the machine runs, and what became of the last operation. Changes nothing.
    Status,
    /// What the far side can tell about a machine that hangs. Changes nothing.
    Forensics,
    /// Start it.
    Start,
    /// Cut its power: nothing in it is asked.
    Stop,
    /// Restart it warm, as the reset button does: a virtual machine keeps its process and its old configuration.
    Reset,
    /// Cut its power and start it afresh: a virtual machine gets a new process and its staged configuration.
    Cycle,
}

impl PowerVerb {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Status,
        Self::Forensics,
        Self::Start,
        Self::Stop,
        Self::Reset,
        Self::Cycle,
    ];

    /// The one word that stands for it, everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Forensics => "forensics",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reset => "reset",
            Self::Cycle => "cycle",
        }
    }

    /// Whether it changes anything.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Status | Self::Forensics)
    }

    /// Whether it takes the machine away from whoever uses it, without asking anything in it.
    pub fn is_hard(self) -> bool {
        matches!(self, Self::Stop | Self::Reset | Self::Cycle)
    }
}

impl fmt::Display for PowerVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Not one of the six words, letter by letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no power verb; they are status, forensics, start, stop, reset and cycle")]
pub struct NoPowerVerb;

impl FromStr for PowerVerb {
    type Err = NoPowerVerb;

    /// Takes exactly one of the six words: no blanks, no other case, nothing after it.
    fn from_str(text: &str) -> Result<Self, NoPowerVerb> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.word() == text)
            .ok_or(NoPowerVerb)
    }
}

/// The way to a host's power switch, beside the host itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerSpec {
    /// How verbs are sent. `None`: it can only be woken.
    pub method: Option<PowerMethod>,
    /// How it is woken from the network, for `start`.
    pub wake: Option<WakeOnLan>,
}

/// How power verbs reach the machine under or beside a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerMethod {
    /// A login that can do nothing but the six verbs: a forced-command key on the hypervisor. It is dialled for each verb,
    /// with nothing but this key.
    ForcedCommand(Arc<HostSpec>),
    /// A fixed command for each verb that it knows, such as `ipmitool`, run without a shell around its words.
    Command {
        /// The host of the fleet on which it is run; `None`: this machine.
        on: Option<HostId>,
        /// The words per verb.
        verbs: BTreeMap<PowerVerb, Vec<String>>,
    },
}

/// A magic packet for a sleeping machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeOnLan {
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Where the packet is sent: a broadcast address and a port (9 by custom).
    pub to: SocketAddr,
}

/// A class of acts for which a host is armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActClass {
    /// What ends or restarts a process, a container, a service, or runs a command.
    Restart,
    /// What puts an app or sandbox there.
    Deploy,
    /// What changes the model that is served.
    Swap,
    /// The power switch.
    Power,
}

impl ActClass {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Restart, Self::Deploy, Self::Swap, Self::Power];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Deploy => "deploy",
            Self::Swap => "swap",
            Self::Power => "power",
        }
    }
}

impl fmt::Display for ActClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A host that is armed for one class of acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// The host.
    pub host: HostId,
    /// The class.
    pub class: ActClass,
    /// Since when, on the wall: the ledger says so with each act.
    pub since: Wall,
    /// It ends by itself at this moment.
    pub until: At,
    /// It ends at this moment when nobody touches a key before.
    pub idle: At,
}
