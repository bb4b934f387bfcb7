//! A machine of the fleet as a person described it: name, way, tags. Parsed by `config`, dialled by `ssh`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{HostId, HostName, Port, PowerSpec, UserName};

/// One machine of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    /// The name it is shown by.
    pub id: HostId,
    /// How it is reached.
    pub address: HostAddress,
    /// Words to group and filter by.
    pub tags: Vec<String>,
    /// Who is asked about its GPUs.
    pub gpu: GpuSourceChoice,
    /// The way to its power switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerSpec>,
}

/// How a machine is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostAddress {
    /// This machine, without SSH.
    Local,
    /// Over SSH.
    Ssh(SshSpec),
}

/// What the file (or the argument `user@host:port`) says of an SSH host. What it leaves open, `ssh -G` fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshSpec {
    /// Host name, address or alias of the person's ssh configuration.
    pub host: HostName,
    /// Login name.
    pub user: Option<UserName>,
    /// Port.
    pub port: Option<Port>,
    /// Jump hosts in the order they are passed; each a host of this file or an ssh destination. Empty: what ssh says.
    pub jump: Vec<SshSpec>,
    /// Key files to offer. Empty: what ssh says.
    pub identity: Vec<PathBuf>,
    /// The known_hosts file to read and write. None: what ssh says.
    pub known_hosts: Option<PathBuf>,
    /// Whether the person's own ssh configuration is asked (`ssh -G`).
    pub use_ssh_config: bool,
    /// Whether unknown host keys are asked about or refused. Never accepted silently.
    pub strict: StrictHostKeys,
}

impl SshSpec {
    /// A destination with nothing but its name.
    pub fn new(host: HostName) -> Self {
        Self {
            host,
            user: None,
            port: None,
            jump: Vec::new(),
            identity: Vec::new(),
            known_hosts: None,
            use_ssh_config: true,
            strict: StrictHostKeys::Ask,
        }
    }
}

/// What happens with an unknown host key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrictHostKeys {
    /// A person is asked.
    #[default]
    Ask,
    /// It is refused.
    Refuse,
}

/// Who is asked about a host's GPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuSourceChoice {
    /// NVML here; there `pilothouse probe` where it is installed, else nvidia-smi, else rocm-smi.
    #[default]
    Auto,
    /// NVML in this process; this machine only.
    Nvml,
    /// `pilothouse probe` on the host.
    Probe,
    /// `nvidia-smi` on the host.
    NvidiaSmi,
    /// `rocm-smi` on the host.
    RocmSmi,
    /// Nobody: the host has no GPU worth asking.
    None,
}
