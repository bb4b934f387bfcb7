//! What fills the screen, which side of it has the keys, and the small choices of what is shown there.

use crate::domain::{Age, HostId};

/// What fills the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Screen {
    /// The hosts, and beside them the selected one's detail.
    #[default]
    Hosts,
    /// What is served, what could be, and what is under way.
    Models,
    /// The containers of every host.
    Containers,
    /// The services of every host.
    Services,
    /// The log lens.
    Logs,
    /// What was done: the ledger.
    Actions,
}

impl Screen {
    /// All screens in the order in which they are named.
    pub const ALL: [Self; 6] = [
        Self::Hosts,
        Self::Models,
        Self::Containers,
        Self::Services,
        Self::Logs,
        Self::Actions,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Hosts => "Hosts",
            Self::Models => "Models",
            Self::Containers => "Containers",
            Self::Services => "Services",
            Self::Logs => "Logs",
            Self::Actions => "Actions",
        }
    }
}

/// Where the person was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPlace {
    /// The screen.
    pub screen: Screen,
    /// The host that was selected.
    pub host: Option<HostId>,
}

/// Which side has the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list.
    #[default]
    List,
    /// The detail.
    Detail,
}

/// A tab of the host detail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tab {
    /// Memory, GPUs, graphs, the top processes.
    #[default]
    Meters,
    /// The process table.
    Processes,
    /// The containers.
    Containers,
    /// The services.
    Services,
    /// What of it can be followed.
    Logs,
    /// What was done on it.
    Actions,
    /// The ladder, the connection, ups and downs, alerts.
    Link,
}

impl Tab {
    /// All tabs in the order they are shown.
    pub const ALL: [Self; 7] = [
        Self::Meters,
        Self::Processes,
        Self::Containers,
        Self::Services,
        Self::Logs,
        Self::Actions,
        Self::Link,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Meters => "Meters",
            Self::Processes => "Processes",
            Self::Containers => "Containers",
            Self::Services => "Services",
            Self::Logs => "Logs",
            Self::Actions => "Actions",
            Self::Link => "Link",
        }
    }
}

/// How much time the graphs show across their width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GraphSpan {
    /// Two minutes.
    #[default]
    Short,
    /// Fifteen minutes.
    Middle,
    /// An hour.
    Long,
}

impl GraphSpan {
    /// The time across the whole width, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Short => "2 min",
            Self::Middle => "15 min",
            Self::Long => "1 h",
        }
    }

    /// The time across the whole width.
    pub fn age(self) -> Age {
        Age(1000
            * match self {
                Self::Short => 120,
                Self::Middle => 900,
                Self::Long => 3600,
            })
    }
}

/// What the process table is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortKey {
    /// GPU memory, most first.
    #[default]
    Memory,
    /// Process id.
    Pid,
    /// Owner.
    User,
    /// Command.
    Command,
    /// GPU.
    Gpu,
}
