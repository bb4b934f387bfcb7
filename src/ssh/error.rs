//! Why a connection could not be made, or was lost: the rung, a kind for programs, a sentence and a mend for people.

use thiserror::Error;

use crate::domain::Rung;

/// Why SSH failed.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct SshError {
    kind: SshErrorKind,
    rung: Rung,
    what: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshErrorKind {
    /// The name has no address.
    Name,
    /// TCP, a jump or a ProxyCommand could not be opened.
    Unreachable,
    /// Nothing came in the time allowed.
    Timeout,
    /// The far side does not speak SSH as we do.
    Protocol,
    /// The server has too many logins under way.
    Crowded,
    /// The host key is in no known_hosts file, and nobody may be asked or the answer was No.
    KeyUnknown,
    /// Another key is known for this name.
    KeyChanged,
    /// The key is marked `@revoked`.
    KeyRevoked,
    /// A known_hosts file can't be read or written.
    KnownHosts,
    /// The host's certificate does not hold.
    Certificate,
    /// The server takes none of what we can offer.
    Login,
    /// A person said No.
    UserRefused,
    /// A key file can't be used.
    KeyFile,
    /// The connection is gone.
    Lost,
    /// The server opens no such channel.
    ChannelRefused,
    /// Nothing listens there on the host.
    NotFound,
    /// All channels of the connection are in use.
    Busy,
}

impl SshError {
    pub(super) fn new(kind: SshErrorKind, rung: Rung, what: impl Into<String>) -> Self {
        Self {
            kind,
            rung,
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    #[must_use]
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same trouble, seen from a host behind the jump that has it: what is behind was never reached.
    #[must_use]
    pub(super) fn behind_jump(mut self, jump: &str) -> Self {
        self.what = format!("jump host {jump}: {}", self.what);
        self.rung = Rung::Tcp;
        if self.kind == SshErrorKind::Timeout {
            self.kind = SshErrorKind::Unreachable;
        }
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> SshErrorKind {
        self.kind
    }

    /// The rung of the liveness ladder that did not hold.
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// Whether the far side took the connection and then said nothing.
    pub fn silent(&self) -> bool {
        self.kind == SshErrorKind::Timeout && self.rung >= Rung::Banner
    }

    /// What a person can do about it, where we know.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether trying again by itself is useless: it waits for a person.
    pub fn is_final(&self) -> bool {
        use SshErrorKind as Kind;
        matches!(
            self.kind,
            Kind::KeyUnknown
                | Kind::KeyChanged
                | Kind::KeyRevoked
                | Kind::KnownHosts
                | Kind::Certificate
                | Kind::Login
                | Kind::UserRefused
                | Kind::KeyFile
        )
    }
}
