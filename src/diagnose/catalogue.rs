//! The catalogue: every question that may be asked without a person, with its arguments and their bounds. It is closed:
//! what is not here can't be asked (pure).

use serde_json::Value;
use thiserror::Error;

use super::arguments::{Argument, Given, Kind, schema};
use super::values::{LogPath, Priority, Since, UnitName};

/// A question to a host. Asking it changes nothing there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Boot time, load, kernel.
    Uptime,
    /// Main memory, swap and the pressure on them.
    Memory,
    /// What waits for CPU, memory and disks.
    Pressure,
    /// How full the local file systems are.
    Disk,
    /// How many of their inodes are used.
    Inodes,
    /// Block devices and what stands on them.
    BlockDevices,
    /// What is mounted, and how.
    Mounts,
    /// The processes that take the most.
    Processes {
        /// Of what.
        by: Order,
        /// How many.
        rows: u32,
    },
    /// Processes that wait and can't be interrupted, with where in the kernel.
    HungTasks,
    /// The NVIDIA GPUs.
    Gpu,
    /// Processes on the NVIDIA GPUs.
    GpuProcesses,
    /// Containers, those that ended included.
    Containers,
    /// Sockets.
    Sockets(Sockets),
    /// Units that failed.
    FailedUnits,
    /// One unit.
    UnitStatus {
        /// Which.
        unit: UnitName,
        /// Lines of its journal.
        lines: u32,
    },
    /// A slice of the journal.
    Journal {
        /// Of one unit.
        unit: Option<UnitName>,
        /// How far back.
        since: Since,
        /// The newest so many.
        lines: u32,
        /// Nothing that matters less.
        priority: Option<Priority>,
    },
    /// What the kernel said.
    Kernel {
        /// The newest so many lines.
        lines: u32,
    },
    /// Processes that the kernel killed for want of memory.
    OomKills,
    /// Addresses, routes and counters of the network.
    Network,
    /// Whether the clock is in step.
    TimeSync,
    /// The end of a file below `/var/log`.
    LogFile {
        /// Which.
        path: LogPath,
        /// How many lines.
        lines: u32,
    },
}

/// By what processes are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Memory that they hold.
    Memory,
    /// CPU that they have used over their life.
    Cpu,
}

/// Which sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sockets {
    /// Those that wait for connections.
    Listening,
    /// Those that are connected.
    Connected,
    /// How many of each sort.
    Summary,
}

/// Why a question can't be asked: one sentence, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct InvalidQuestion {
    /// The sentence.
    pub what: String,
}

impl InvalidQuestion {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// One entry of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// What it is asked by.
    pub name: &'static str,
    /// What it tells, one line.
    pub what: &'static str,
    pub(super) arguments: &'static [Argument],
    read: fn(&Given<'_>) -> Result<Question, InvalidQuestion>,
}

impl Entry {
    /// The JSON schema of its arguments.
    pub fn schema(&self) -> Value {
        schema(self.arguments)
    }

    /// Its arguments in one line, with what each may be: `unit, since=1h, lines=200 (to 1000)`.
    pub fn argument_words(&self) -> String {
        let words: Vec<String> = self.arguments.iter().map(Argument::words).collect();
        words.join(", ")
    }
}

const fn plain(
    name: &'static str,
    what: &'static str,
    read: fn(&Given<'_>) -> Result<Question, InvalidQuestion>,
) -> Entry {
    Entry {
        name,
        what,
        arguments: &[],
        read,
    }
}

const fn lines(most: u32, usual: u32) -> Argument {
    Argument {
        name: "lines",
        what: "the newest so many lines",
        kind: Kind::Count { most, usual },
    }
}

const CATALOGUE: &[Entry] = &[
    plain(
        "uptime",
        "boot time, load, kernel, the host's own clock",
        |_| Ok(Question::Uptime),
    ),
    plain("memory", "main memory, swap and memory pressure", |_| {
        Ok(Question::Memory)
    }),
    plain(
        "pressure",
        "how much work waits for CPU, memory and disks (PSI)",
        |_| Ok(Question::Pressure),
    ),
    plain("disk", "how full the local file systems are", |_| {
        Ok(Question::Disk)
    }),
    plain(
        "inodes",
        "how many inodes of the local file systems are used",
        |_| Ok(Question::Inodes),
    ),
    plain(
        "block_devices",
        "block devices, their state and what stands on them",
        |_| Ok(Question::BlockDevices),
    ),
    plain(
        "mounts",
        "what is mounted and how; read-only ones among them",
        |_| Ok(Question::Mounts),
    ),
    Entry {
        name: "processes",
        what: "the processes that take the most memory or CPU",
        arguments: &[
            Argument {
                name: "by",
                what: "what they are put in order by",
                kind: Kind::Choice(&["memory", "cpu"]),
            },
            Argument {
                name: "rows",
                what: "how many processes",
                kind: Kind::Count {
                    most: 100,
                    usual: 20,
                },
            },
        ],
        read: |given| {
            Ok(Question::Processes {
                by: match given.choice("by")? {
                    "cpu" => Order::Cpu,
                    _ => Order::Memory,
                },
                rows: given.count("rows")?,
            })
        },
    },
    plain(
        "hung_tasks",
        "processes in uninterruptible sleep (state D), with the kernel function they wait in",
        |_| Ok(Question::HungTasks),
    ),
    plain(
        "gpu",
        "NVIDIA GPUs: load, memory, temperature, power, uncorrected errors",
        |_| Ok(Question::Gpu),
    ),
    plain(
        "gpu_processes",
        "processes that hold memory of the NVIDIA GPUs",
        |_| Ok(Question::GpuProcesses),
    ),
    plain(
        "containers",
        "containers of Docker or Podman, those that ended included",
        |_| Ok(Question::Containers),
    ),
    Entry {
        name: "sockets",
        what: "TCP and UDP sockets with their processes",
        arguments: &[Argument {
            name: "state",
            what: "which sockets, or only how many there are",
            kind: Kind::Choice(&["listening", "connected", "summary"]),
        }],
        read: |given| {
            Ok(Question::Sockets(match given.choice("state")? {
                "connected" => Sockets::Connected,
                "summary" => Sockets::Summary,
                _ => Sockets::Listening,
            }))
        },
    },
    plain("failed_units", "systemd units that failed", |_| {
        Ok(Question::FailedUnits)
    }),
    Entry {
        name: "unit_status",
        what: "one systemd unit: state, main process, last journal lines",
        arguments: &[
            Argument {
                name: "unit",
                what: "the unit, such as ssh.service",
                kind: Kind::NeededUnit,
            },
            lines(200, 20),
        ],
        read: |given| {
            Ok(Question::UnitStatus {
                unit: given.needed("unit")?,
                lines: given.count("lines")?,
            })
        },
    },
    Entry {
        name: "journal",
        what: "a slice of the systemd journal",
        arguments: &[
            Argument {
                name: "unit",
                what: "only this unit",
                kind: Kind::Unit,
            },
            Argument {
                name: "since",
                what: "how far back: 30m, 2h, 3d, or a moment such as 2026-01-31T04:05:06Z",
                kind: Kind::Since { usual: "1h" },
            },
            lines(1000, 200),
            Argument {
                name: "priority",
                what: "nothing that matters less",
                kind: Kind::Priority,
            },
        ],
        read: |given| {
            Ok(Question::Journal {
                unit: given.maybe("unit")?,
                since: given.since("since")?,
                lines: given.count("lines")?,
                priority: given.priority("priority")?,
            })
        },
    },
    Entry {
        name: "kernel",
        what: "the newest lines of the kernel log (dmesg)",
        arguments: &[lines(1000, 200)],
        read: |given| {
            Ok(Question::Kernel {
                lines: given.count("lines")?,
            })
        },
    },
    plain(
        "oom_kills",
        "processes that the kernel killed for want of memory",
        |_| Ok(Question::OomKills),
    ),
    plain(
        "network",
        "addresses, routes and error counters of the network",
        |_| Ok(Question::Network),
    ),
    plain(
        "time_sync",
        "whether the host's clock is in step, and with whom",
        |_| Ok(Question::TimeSync),
    ),
    Entry {
        name: "log_file",
        what: "the end of a file below /var/log",
        arguments: &[
            Argument {
                name: "path",
                what: "the file, such as /var/log/syslog",
                kind: Kind::LogPath,
            },
            lines(1000, 200),
        ],
        read: |given| {
            Ok(Question::LogFile {
                path: given.needed("path")?,
                lines: given.count("lines")?,
            })
        },
    },
];

/// All entries, in the order in which they are shown.
pub fn catalogue() -> &'static [Entry] {
    CATALOGUE
}

/// The entry of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

impl Question {
    /// Reads a question: the name of an entry and its arguments, an object or nothing.
    pub fn parse(name: &str, arguments: &Value) -> Result<Self, InvalidQuestion> {
        let Some(entry) = entry(name) else {
            let names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
            return Err(InvalidQuestion::new(format!(
                "no question is called {name:?}; there are {}",
                names.join(", ")
            )));
        };
        (entry.read)(&Given::new(entry.name, entry.arguments, arguments)?)
    }

    /// The name of its entry.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uptime => "uptime",
            Self::Memory => "memory",
            Self::Pressure => "pressure",
            Self::Disk => "disk",
            Self::Inodes => "inodes",
            Self::BlockDevices => "block_devices",
            Self::Mounts => "mounts",
            Self::Processes { .. } => "processes",
            Self::HungTasks => "hung_tasks",
            Self::Gpu => "gpu",
            Self::GpuProcesses => "gpu_processes",
            Self::Containers => "containers",
            Self::Sockets(_) => "sockets",
            Self::FailedUnits => "failed_units",
            Self::UnitStatus { .. } => "unit_status",
            Self::Journal { .. } => "journal",
            Self::Kernel { .. } => "kernel",
            Self::OomKills => "oom_kills",
            Self::Network => "network",
            Self::TimeSync => "time_sync",
            Self::LogFile { .. } => "log_file",
        }
    }

    /// What is asked, as a person reads it: `journal of ssh.service, 1h back, 200 lines`.
    pub fn words(&self) -> String {
        match self {
            Self::Uptime => "uptime and load".into(),
            Self::Memory => "memory".into(),
            Self::Pressure => "pressure on CPU, memory and disks".into(),
            Self::Disk => "disk space".into(),
            Self::Inodes => "inodes".into(),
            Self::BlockDevices => "block devices".into(),
            Self::Mounts => "mounts".into(),
            Self::Processes { by, rows } => match by {
                Order::Memory => format!("{rows} processes by memory"),
                Order::Cpu => format!("{rows} processes by CPU"),
            },
            Self::HungTasks => "processes that hang in the kernel".into(),
            Self::Gpu => "GPUs".into(),
            Self::GpuProcesses => "processes on the GPUs".into(),
            Self::Containers => "containers".into(),
            Self::Sockets(Sockets::Listening) => "listening sockets".into(),
            Self::Sockets(Sockets::Connected) => "connected sockets".into(),
            Self::Sockets(Sockets::Summary) => "how many sockets there are".into(),
            Self::FailedUnits => "failed units".into(),
            Self::UnitStatus { unit, .. } => format!("status of {unit}"),
            Self::Journal {
                unit,
                since,
                lines,
                priority,
            } => {
                let of = unit
                    .as_ref()
                    .map_or(String::new(), |unit| format!(" of {unit}"));
                let from = match since {
                    Since::Ago(_) => format!("{since} back"),
                    Since::Moment(_) => format!("since {since}"),
                };
                let least = priority.map_or(String::new(), |priority| {
                    format!(", {} and worse", priority.word())
                });
                format!("journal{of}, {from}, {lines} lines{least}")
            }
            Self::Kernel { lines } => format!("kernel log, {lines} lines"),
            Self::OomKills => "processes killed for want of memory".into(),
            Self::Network => "network".into(),
            Self::TimeSync => "time synchronisation".into(),
            Self::LogFile { path, lines } => format!("{path}, {lines} lines"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CHECKS;

    #[test]
    fn a_configuration_can_name_every_entry_and_nothing_else() {
        let names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
        assert_eq!(names, CHECKS);
    }
}
