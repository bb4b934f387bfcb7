//! Containers as their engine tells them: what runs, what it takes, and whether the engine itself answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::id::ContainerId;
use super::metric::Metric;
use super::reading::GpuProcess;
use super::time::Wall;
use super::units::{Bytes, BytesPerSecond, Percent};
use crate::text::{MASK, Masking, SafeText, mask_command};

/// One container of one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its identity.
    pub id: ContainerId,
    /// Its name, without the slash that the API puts before it.
    pub name: SafeText,
    /// The image as it was asked for.
    pub image: SafeText,
    /// What it does.
    pub state: ContainerState,
    /// What its own check says; `None`: it has no check.
    pub health: Option<ContainerHealth>,
    /// Ports, those that are published first.
    pub ports: Vec<PortMap>,
    /// When it was made.
    pub created: Wall,
    /// When it was last started.
    pub started: Option<Wall>,
    /// When it last ended.
    pub finished: Option<Wall>,
    /// How often its engine has started it anew by itself. Missing where nobody has asked yet.
    pub restarts: Metric<u32>,
    /// The compose project and service it belongs to.
    pub project: Option<ComposePlace>,
    /// Who says it is theirs (label `pilothouse.owner`).
    pub owner: Option<SafeText>,
    /// All of its labels.
    pub labels: BTreeMap<SafeText, SafeText>,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// Runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Ended, and its engine is about to start it anew.
    Restarting,
    /// Made and never started.
    Created,
    /// Ended with this status.
    Exited(i32),
    /// Being removed.
    Removing,
    /// Could not be removed whole.
    Dead,
}

impl ContainerState {
    /// The word for it, as the engine's own tools say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Created => "created",
            Self::Exited(_) => "exited",
            Self::Removing => "removing",
            Self::Dead => "dead",
        }
    }
}

/// What a container's own check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerHealth {
    /// Not decided yet.
    Starting,
    /// Fine.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMap {
    /// The port inside.
    pub inside: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: SafeText,
    /// Address and port on the host, where it is published.
    pub published: Option<(SafeText, u16)>,
}

/// Where a container stands in a compose project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposePlace {
    /// The project.
    pub project: SafeText,
    /// The service in it.
    pub service: Option<SafeText>,
}

/// What one container takes, at one moment. Rates are over the time since the reading before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerStats {
    /// CPU of the whole machine, not of one core. Missing in the first reading of a container.
    pub cpu: Metric<Percent>,
    /// Memory in use, the page cache that can be had back left out.
    pub memory: Metric<Bytes>,
    /// The most it may use; missing where that is the whole machine.
    pub limit: Metric<Bytes>,
    /// Bytes received and sent over all networks.
    pub network: Metric<[BytesPerSecond; 2]>,
    /// Bytes read from and written to disks.
    pub disk: Metric<[BytesPerSecond; 2]>,
    /// Processes and threads.
    pub pids: Metric<u64>,
}

/// A container engine that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Whose it is.
    pub flavour: DaemonFlavour,
    /// Its version, as it says.
    pub version: SafeText,
    /// The API version that was agreed on.
    pub api: SafeText,
    /// The socket on the host.
    pub socket: SafeText,
    /// Whether it runs without root's rights.
    pub rootless: bool,
}

/// Whose container engine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DaemonFlavour {
    /// Docker Engine.
    Docker,
    /// Podman's compatible service.
    Podman,
}

/// Something to do with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerAct {
    /// Start it.
    Start,
    /// Ask it to end; end it after its grace.
    Stop,
    /// Stop and start.
    Restart,
    /// End it now.
    Kill,
    /// Freeze its processes.
    Pause,
    /// Let them go on.
    Unpause,
    /// Remove it; one that runs is refused by its engine.
    Remove,
}

impl ContainerAct {
    /// The verb, as typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Remove => "remove",
        }
    }
}

/// Digits of an identity that are enough to know a container by.
const SHORT_ID: usize = 12;

impl Container {
    /// Whether a GPU process is one of its own: a process knows its container by name, or by the first digits of its
    /// identity where the host told no name.
    pub fn holds(&self, process: &GpuProcess) -> bool {
        process.container.value().is_some_and(|told| {
            *told == self.name
                || (told.as_str().len() >= SHORT_ID && self.id.as_str().starts_with(told.as_str()))
        })
    }
}

/// What a container is made of, for reading. Where it is written down (a recording), secrets are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerDetail {
    /// Its row.
    pub container: Container,
    /// Its environment, in the order it was set. Values are foreign text and may be secrets: faces mask them.
    #[serde(serialize_with = "names_only")]
    pub env: Vec<(SafeText, SafeText)>,
    /// What it runs.
    #[serde(serialize_with = "masked")]
    pub command: Vec<SafeText>,
    /// Where its log goes: `json-file`, `journald`, `none` …
    pub log_driver: SafeText,
    /// Whether it has a terminal: then there is one output only.
    pub tty: bool,
    /// Its restart policy.
    pub restart_policy: SafeText,
    /// The facts in the order they are shown: mounts, networks, limits, devices.
    pub facts: Vec<(SafeText, SafeText)>,
    /// The whole answer of the engine, indented, line by line; values of the environment are left out.
    #[serde(skip)]
    pub raw: Vec<SafeText>,
}

fn names_only<S: Serializer>(env: &[(SafeText, SafeText)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(env.iter().map(|(name, _)| (name, MASK)))
}

fn masked<S: Serializer>(command: &[SafeText], to: S) -> Result<S::Ok, S::Error> {
    let words = command.iter().map(SafeText::as_str);
    to.collect_seq(mask_command(words, Masking::Sparing))
}

/// Processes of a container, as its engine lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerTop {
    /// Column heads.
    pub titles: Vec<SafeText>,
    /// Rows.
    pub rows: Vec<Vec<SafeText>>,
}

/// What a prune would take, or took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunePreview {
    /// Containers that have ended, with their names.
    pub containers: Vec<(ContainerId, SafeText)>,
    /// Images that no container uses and no name points to, with their size.
    pub images: Vec<(SafeText, Bytes)>,
    /// Bytes that come back.
    pub bytes: Bytes,
}
