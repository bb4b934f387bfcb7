//! What all connections of the program share: tasks, clock, the gate for handshakes, unlocked keys.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::desk::Desk;
use super::keyring::Keyring;
use crate::clock::Clock;
use crate::tasks::Tasks;

/// Most handshakes that run at a time; sshd drops connections beyond `MaxStartups` (10 by default), and a jump host
/// sees one for every host behind it.
const HANDSHAKES: usize = 8;

/// How long a handshake keeps its place: enough for the work of one, and so little that hosts which say nothing hold
/// nobody up.
pub(super) const TURN: Duration = Duration::from_millis(250);

/// A byte stream that SSH can run over.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Starts a `ProxyCommand`. Processes belong to another room, so whoever builds the context brings this.
#[async_trait]
pub trait Proxy: Send + Sync {
    /// Runs `exec COMMAND_LINE` through the person's shell, as OpenSSH does, and hands out its standard input and
    /// output as one stream; its standard error goes nowhere. Dropping the stream must end the process. The line comes
    /// from the person's own configuration; the names in it have passed the strict grammar.
    async fn open(&self, command_line: &str) -> io::Result<Pin<Box<dyn Transport>>>;
}

/// What all connections share; cheap to clone.
#[derive(Clone)]
pub struct SshContext {
    pub(super) tasks: Tasks,
    pub(super) clock: Clock,
    pub(super) proxy: Option<Arc<dyn Proxy>>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) host_keys: Arc<HostKeyDesk>,
    handshakes: Arc<Semaphore>,
}

/// Who asks about which host key, and what was trusted without a file to write it to.
#[derive(Debug, Default)]
pub(super) struct HostKeyDesk {
    pub(super) line: Desk,
    trusted: Mutex<Vec<(String, Vec<u8>)>>,
}

impl HostKeyDesk {
    /// Trusts a key until the program ends: for a known_hosts that keeps nothing (`none`, `/dev/null`).
    pub(super) fn trust(&self, name: &str, blob: &[u8]) {
        self.trusted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name.to_owned(), blob.to_owned()));
    }

    pub(super) fn trusts(&self, name: &str, blob: &[u8]) -> bool {
        self.trusted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|(n, b)| n == name && b == blob)
    }
}

impl SshContext {
    /// A context without a way to run a `ProxyCommand`.
    pub fn new(tasks: Tasks, clock: Clock) -> Self {
        Self {
            tasks,
            clock,
            proxy: None,
            keyring: Arc::default(),
            host_keys: Arc::default(),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
        }
    }

    /// Brings the way to run a `ProxyCommand`.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Arc<dyn Proxy>) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Waits for a place among the handshakes that may run.
    pub(super) async fn place(&self) -> Place {
        let permit = Arc::clone(&self.handshakes).acquire_owned().await.ok();
        Place(Arc::new(Mutex::new(permit)))
    }
}

impl std::fmt::Debug for SshContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshContext").finish_non_exhaustive()
    }
}

/// A place among the handshakes. A handshake that waits for a person gives its place away.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    pub(super) fn give_away(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
