//! Everything needed to dial one host: what the config says and `ssh -G` filled in.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{Endpoint, HostName, UserName};

/// One destination, fully resolved. Jumps are targets of their own, in the order they are passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// The name as the person wrote it (`%n`).
    pub alias: HostName,
    /// Where to dial.
    pub endpoint: Endpoint,
    /// Login name.
    pub user: UserName,
    /// Hops before this one.
    pub jumps: Vec<SshTarget>,
    /// `ProxyCommand`, with its tokens still in it.
    pub proxy_command: Option<String>,
    /// Key files to offer, in order; `~` and tokens expanded.
    pub identities: Vec<PathBuf>,
    /// Certificate files to offer.
    pub certificates: Vec<PathBuf>,
    /// Offer only the identities named above, even if the agent has more.
    pub identities_only: bool,
    /// Socket of the agent; none: no agent is asked.
    pub agent: Option<PathBuf>,
    /// known_hosts files of the person; the first takes new keys.
    pub known_hosts: Vec<PathBuf>,
    /// known_hosts files of the machine; only read.
    pub global_known_hosts: Vec<PathBuf>,
    /// Name to look the key up by instead of the endpoint.
    pub host_key_alias: Option<HostName>,
    /// Write new names hashed.
    pub hash_known_hosts: bool,
    /// Refuse unknown keys instead of asking.
    pub refuse_unknown: bool,
    /// How long TCP, banner and key exchange may take together.
    pub connect_timeout: Duration,
    /// Time between keep-alives.
    pub keep_alive: Duration,
}
