//! What a service is (pure): how it is run, how it is looked at, and what may be done with it. From the config's `services`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::id::{HostId, ServiceName};
use super::net::{Endpoint, Port};
use crate::shell::RemotePath;

/// One service of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its host.
    pub host: HostId,
    /// Its name.
    pub name: ServiceName,
    /// How it is run.
    pub managed: Managed,
    /// The quick look.
    pub shallow: ShallowProbe,
    /// The real request. `None`: only the quick look.
    pub deep: Option<DeepProbe>,
    /// The port of its API on that host, where it has one.
    pub port: Option<Port>,
    /// It is neither shown nor probed.
    pub hidden: bool,
    /// A wedge that the deep look finds is mended by a restart, within the limits.
    pub heals: bool,
    /// Files that are put into its container again by `reapply`.
    pub overlays: Vec<Overlay>,
}

/// A file that is put into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The file on this machine.
    pub from: PathBuf,
    /// Its place in the container. What is there is kept beside it once.
    pub to: RemotePath,
}

/// How a service is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Managed {
    /// A container, by name.
    Container(String),
    /// A systemd unit.
    Unit(String),
    /// A checkout that is updated from its remote and brought up by compose, in its own folder, as its owner.
    Git {
        /// The folder.
        folder: RemotePath,
        /// The container that tells how it stands.
        container: String,
    },
    /// Only looked at.
    Watched,
}

/// The quick look: every ten seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShallowProbe {
    /// Its container runs, and is healthy where it has a health check.
    Container,
    /// Its unit is active.
    Unit,
    /// A GET answers with 2xx.
    Http {
        /// The address as seen from the host.
        endpoint: Endpoint,
        /// The path.
        path: String,
    },
    /// The port takes a connection.
    Tcp(Endpoint),
    /// A command ends with 0.
    Command(Vec<String>),
}

/// The real request: every five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeepProbe {
    /// One token; nothing loaded is idle and no failure.
    Completion,
    /// One embedding.
    Embedding,
    /// Half a second of speech.
    Transcription,
    /// Two letters.
    Speech,
    /// Qdrant's collections.
    Collections,
}

/// What may be done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAct {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart it.
    Restart,
    /// Fetch its sources and bring it up again.
    Update,
    /// Put its overlay files in again, and restart it.
    Reapply,
    /// Install its container, or build its image.
    Install,
}

impl ServiceAct {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Update,
        Self::Reapply,
        Self::Install,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Update => "update",
            Self::Reapply => "reapply",
            Self::Install => "install",
        }
    }
}
