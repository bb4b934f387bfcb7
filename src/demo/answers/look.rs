//! Which question a command line asks (pure), and who answers it. The scripts are known by a word that only they hold.

use super::logs::Slice;
use super::network::Sockets;
use super::scene::Scene;
use super::tasks::Order;
use super::{disks, gpus, host, logs, network, tasks, units};

/// One of the console's read-only questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) enum Look {
    Uptime,
    /// So many lines of each of these files below `/proc`.
    Heads(usize, Vec<String>),
    Disk,
    Inodes,
    BlockDevices,
    Mounts,
    /// So many lines, the titles among them.
    Tasks(Order, usize),
    Hung,
    Gpu,
    GpuTasks,
    Containers,
    Sockets(Sockets),
    FailedUnits,
    /// A unit, and so many lines of its journal.
    Unit(String, usize),
    Journal(Slice),
    /// So many lines.
    Kernel(usize),
    OomKills,
    Network,
    Time,
    /// A file, and so many lines of it.
    LogFile(String, usize),
}

/// What a program said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::demo) struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit status.
    pub status: u32,
}

impl Said {
    pub(super) fn fails(status: u32, err: impl Into<String>) -> Self {
        Self {
            err: err.into(),
            status,
            ..Self::default()
        }
    }
}

impl From<String> for Said {
    fn from(out: String) -> Self {
        Self {
            out,
            ..Self::default()
        }
    }
}

impl Look {
    /// Reads a command; none where it is no question.
    pub(in crate::demo) fn read(argv: &[&str]) -> Option<Self> {
        match argv {
            ["sh", "-c", script, "pilothouse", rest @ ..] => Self::script(script, rest),
            ["head", "-n", count, files @ ..]
                if files.iter().all(|file| file.starts_with("/proc/")) =>
            {
                let files = files.iter().map(|file| (*file).to_owned());
                Some(Self::Heads(count.parse().ok()?, files.collect()))
            }
            ["df", "-PhT", ..] => Some(Self::Disk),
            ["df", "-PiT", ..] => Some(Self::Inodes),
            ["lsblk", ..] => Some(Self::BlockDevices),
            ["findmnt", ..] => Some(Self::Mounts),
            ["nvidia-smi", what, ..] if what.starts_with("--query-gpu=") => Some(Self::Gpu),
            ["nvidia-smi", what, ..] if what.starts_with("--query-compute-apps=") => {
                Some(Self::GpuTasks)
            }
            ["ss", "-tulnp"] => Some(Self::Sockets(Sockets::Listening)),
            ["ss", "-tunp", ..] => Some(Self::Sockets(Sockets::Connected)),
            ["ss", "-s"] => Some(Self::Sockets(Sockets::Summary)),
            ["systemctl", "--failed", ..] => Some(Self::FailedUnits),
            ["systemctl", "status", flags @ .., "--", unit] => {
                let lines = flags.iter().find_map(|flag| flag.strip_prefix("--lines="));
                Some(Self::Unit((*unit).to_owned(), lines?.parse().ok()?))
            }
            ["journalctl", rest @ ..] if rest.contains(&"short-iso") => {
                Some(Self::Journal(Slice::read(rest)))
            }
            _ => None,
        }
    }

    fn script(text: &str, rest: &[&str]) -> Option<Self> {
        let count = |word: &&str| word.parse().ok();
        let has = |word: &str| text.contains(word);
        match rest {
            [] if has("boot_id") => Some(Self::Uptime),
            [] if has("wchan") => Some(Self::Hung),
            [] if has("ps -a --format") => Some(Self::Containers),
            [] if has("oom_reaper") => Some(Self::OomKills),
            [] if has("ip -br address") => Some(Self::Network),
            [] if has("timedatectl") => Some(Self::Time),
            [rows] if has("--sort=-rss") => Some(Self::Tasks(Order::Memory, count(rows)?)),
            [rows] if has("--sort=-pcpu") => Some(Self::Tasks(Order::Cpu, count(rows)?)),
            [lines] if has("dmesg") => Some(Self::Kernel(count(lines)?)),
            [path, lines] if has("/var/log/") => {
                Some(Self::LogFile((*path).to_owned(), count(lines)?))
            }
            _ => None,
        }
    }

    /// What the machine says to it.
    pub(in crate::demo) fn answer(&self, scene: &Scene<'_>) -> Said {
        match self {
            Self::Uptime => host::uptime(scene).into(),
            Self::Heads(count, files) => host::heads(scene, *count, files),
            Self::Disk => disks::space(scene).into(),
            Self::Inodes => disks::inodes(scene).into(),
            Self::BlockDevices => disks::block_devices(scene).into(),
            Self::Mounts => disks::mounts(scene).into(),
            Self::Tasks(order, lines) => tasks::greatest(scene, *order, *lines).into(),
            Self::Hung => tasks::hung(scene).into(),
            Self::Gpu => gpus::gpus(scene),
            Self::GpuTasks => gpus::tasks(scene),
            Self::Containers => units::containers(scene),
            Self::Sockets(which) => network::sockets(scene, *which).into(),
            Self::FailedUnits => units::failed(scene).into(),
            Self::Unit(unit, lines) => units::status(scene, unit, *lines),
            Self::Journal(slice) => logs::journal(scene, slice).into(),
            Self::Kernel(lines) => logs::kernel(scene, *lines).into(),
            Self::OomKills => logs::oom_kills(scene).into(),
            Self::Network => network::network(scene).into(),
            Self::Time => host::time(scene).into(),
            Self::LogFile(path, lines) => logs::file(scene, path, *lines),
        }
    }
}
