//! SSH: from a target to a logged-in session, with host keys checked as OpenSSH would.
//!
//! [`resolve`] turns a host's description and the answers of `ssh -G` into an [`SshTarget`]; [`connect`] dials it.

mod ask;
mod backoff;
mod chain;
mod channel;
mod connect;
mod context;
mod desk;
mod error;
mod greeting;
mod handler;
mod host_key;
mod identity;
mod keyring;
mod known_hosts;
mod known_hosts_file;
mod known_hosts_match;
mod login;
pub mod openssh;
mod prompts;
mod session;
mod signer;
mod socket;
mod target;
mod tokens;
mod transport;
mod trust;
mod wire;

pub use ask::{Ask, Step};
pub use backoff::Backoff;
pub use chain::{Answered, Defaults, ResolveError, resolve};
pub use channel::{End, Running, Sink, Source};
pub use connect::connect;
pub use context::{Proxy, SshContext, Transport};
pub use error::{SshError, SshErrorKind};
pub use known_hosts::{KnownHosts, KnownHostsText, LookupName, Place, Verdict};
pub use session::{Lane, Session};
pub use socket::HostStream;
pub use target::SshTarget;
