//! The words of the trade: identifiers, units, times, readings, states. Plain data that every floor may use; no I/O, no clock.

mod app;
mod checks;
mod container;
mod health;
mod host;
mod id;
mod ledger;
mod machine;
mod metric;
mod model;
mod net;
mod place;
mod power;
mod question;
mod reading;
mod rung;
mod sample;
mod secret;
mod service;
mod severity;
mod time;
mod units;

pub use app::{AppKind, AppName, Framework, InvalidAppName, InvalidTreePath, TreePath};
pub use checks::CHECKS;
pub use container::{
    ComposePlace, Container, ContainerAct, ContainerDetail, ContainerHealth, ContainerState,
    ContainerStats, ContainerTop, Daemon, DaemonFlavour, PortMap, PrunePreview,
};
pub use health::{HealthChange, HealthWord, Thresholds};
pub use host::{GpuSourceChoice, HostAddress, HostSpec, SshSpec, StrictHostKeys};
pub use id::{
    ActId, ContainerId, GpuId, HostId, LensId, ModelKey, ProposalId, QuestionId, RequestId,
    ServiceName, SessionId, TaskId, TerminalId,
};
pub use ledger::{ActOutcome, Intent, LedgerEntry, LedgerEvent};
pub use machine::{Disk, MachineReading, Memory, Network, Pressure};
pub use metric::{Metric, Missing};
pub use model::{InvalidRepo, RepoId};
pub use net::{Endpoint, HostName, InvalidName, Port, UserName};
pub use place::{Cluster, ClusterNode, Place};
pub use power::{ActClass, Armed, NoPowerVerb, PowerMethod, PowerSpec, PowerVerb, WakeOnLan};
pub use question::{Answer, HostKeyFacts, Prompt, Question, Telling};
pub use reading::{
    Ecc, GpuCondition, GpuHealth, GpuMemory, GpuProcess, GpuReading, GpuReport, GpuSourceKind,
    MigInstance, Throttle,
};
pub use rung::Rung;
pub use sample::Sample;
pub use secret::Secret;
pub use service::{
    BuildContext, DeepProbe, Install, InstallImage, Managed, Overlay, ServiceAct, ServicePreset,
    ServiceSpec, ShallowProbe,
};
pub use severity::Severity;
pub use time::{Age, At, Wall};
pub use units::{Bytes, BytesPerSecond, Celsius, Mhz, Mib, Percent, Watts};
