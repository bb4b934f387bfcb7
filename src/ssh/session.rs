//! A logged-in host: one *control* connection at once, a *bulk* connection when it is first needed, channels on both.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::DropGuard;

use super::ask::Ask;
use super::channel::{Running, Sink, drain};
use super::connect::dial;
use super::context::SshContext;
use super::error::{SshError, SshErrorKind};
use super::handler::{Ending, Gatekeeper};
use super::socket::{HostStream, Ring};
use super::target::SshTarget;
use crate::domain::{Endpoint, Rung};
use crate::tasks::Tasks;

/// Session channels (commands, shells) at a time on one connection; sshd's `MaxSessions` is 10.
const SESSIONS: usize = 9;

/// How long a server may think about a new channel. Longer than a daemon needs that a socket on the host leads to.
const CHANNEL_OPENS: Duration = Duration::from_secs(10);

/// Waits for an sshd to free the place of a session that has ended.
const FREED: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
];

/// What a session channel is called in a sentence.
const SESSION: &str = "a command";

/// Which connection a channel lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The connection that is always there, with a small window: samples, commands, probes.
    Control,
    /// A second connection with a large window: uploads, downloads. Dialled when it is first used.
    Bulk,
}

impl Lane {
    /// Receive window of a channel in bytes.
    pub(super) fn window(self) -> u32 {
        match self {
            Self::Control => 256 * 1024,
            Self::Bulk => 16 * 1024 * 1024,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Control => Self::Bulk,
            Self::Bulk => Self::Control,
        }
    }

    /// Most bytes that a slow reader of a socket may leave lying.
    fn ring(self) -> usize {
        match self {
            Self::Control => 4 * 1024 * 1024,
            Self::Bulk => 64 * 1024 * 1024,
        }
    }
}

/// A logged-in host; cheap to clone. The connections end with the last clone.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    target: SshTarget,
    context: SshContext,
    ask: Arc<dyn Ask>,
    control: Arc<Connection>,
    bulk: tokio::sync::Mutex<Option<Arc<Connection>>>,
}

/// One SSH connection, with those to its jump hosts beneath it.
pub(super) struct Connection {
    pub(super) handle: Handle<Gatekeeper>,
    /// Connections to jump hosts, the outermost first; they live as long as what runs through them.
    pub(super) _hops: Vec<Handle<Gatekeeper>>,
    pub(super) ended: watch::Receiver<Option<Ending>>,
    pub(super) sessions: Arc<Semaphore>,
    pub(super) _cut: DropGuard,
}

impl Connection {
    pub(super) fn new(
        mut hops: Vec<Handle<Gatekeeper>>,
        ended: watch::Receiver<Option<Ending>>,
        cut: DropGuard,
    ) -> Option<Self> {
        Some(Self {
            handle: hops.pop()?,
            _hops: hops,
            ended,
            sessions: Arc::new(Semaphore::new(SESSIONS)),
            _cut: cut,
        })
    }

    /// Resolves when the connection is gone.
    async fn ended(&self) -> Ending {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(ending) => ending.clone().unwrap_or(Ending::Broken(String::new())),
            Err(_) => Ending::Broken("the connection was closed".into()),
        }
    }

    /// Session channels that are open or being opened.
    fn in_use(&self) -> usize {
        SESSIONS.saturating_sub(self.sessions.available_permits())
    }

    fn is_gone(&self) -> bool {
        self.handle.is_closed() || self.ended.borrow().is_some()
    }
}

impl Session {
    pub(super) fn new(
        target: SshTarget,
        context: SshContext,
        ask: Arc<dyn Ask>,
        control: Connection,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                target,
                context,
                ask,
                control: Arc::new(control),
                bulk: tokio::sync::Mutex::new(None),
            }),
        }
    }

    /// What was dialled.
    pub fn target(&self) -> &SshTarget {
        &self.inner.target
    }

    /// The family of tasks that serve this session.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.context.tasks
    }

    /// Resolves when the control connection is gone, with the reason.
    pub async fn closed(&self) -> SshError {
        match self.inner.control.ended().await {
            Ending::Silent => SshError::new(
                SshErrorKind::Timeout,
                Rung::Command,
                "no answer to three keep-alives",
            ),
            Ending::Broken(why) => SshError::new(SshErrorKind::Lost, Rung::Tcp, why),
        }
    }

    /// Runs a line in the login shell, its output flowing into `sink`. Waits while all session channels are in use.
    pub async fn exec(&self, lane: Lane, line: &str, sink: impl Sink) -> Result<Running, SshError> {
        let (channel, permit) = self.session_channel(lane).await?;
        let drained = drain(&self.inner.context.tasks, channel, sink, Some(permit));
        drained
            .write
            .exec(true, line)
            .await
            .map_err(|_| self.lost())?;
        Ok(drained.into())
    }

    /// Runs a line in the login shell, its standard input and output as one byte stream.
    pub async fn pipe(&self, lane: Lane, line: &str) -> Result<HostStream, SshError> {
        let (channel, permit) = self.session_channel(lane).await?;
        let ring = Ring::new(lane.ring());
        let sink = ring.sink();
        let drained = drain(&self.inner.context.tasks, channel, sink, Some(permit));
        let started = drained.write.exec(true, line).await;
        started.map_err(|_| self.lost())?;
        Ok(HostStream::new(ring, drained))
    }

    /// Opens a login shell on a terminal of this size, its output flowing into `sink`.
    pub async fn shell(
        &self,
        term: &str,
        columns: u16,
        rows: u16,
        sink: impl Sink,
    ) -> Result<Running, SshError> {
        let (channel, permit) = self.session_channel(Lane::Control).await?;
        let drained = drain(&self.inner.context.tasks, channel, sink, Some(permit));
        let (columns, rows) = (u32::from(columns), u32::from(rows));
        drained
            .write
            .request_pty(true, term, columns, rows, 0, 0, &[])
            .await
            .map_err(|_| self.lost())?;
        drained
            .write
            .request_shell(true)
            .await
            .map_err(|_| self.lost())?;
        Ok(drained.into())
    }

    /// A TCP connection as seen from the host.
    pub async fn tcp(&self, lane: Lane, to: &Endpoint) -> Result<HostStream, SshError> {
        let connection = self.connection(lane).await?;
        let opening = connection.handle.channel_open_direct_tcpip(
            to.host.as_str(),
            u32::from(to.port.get()),
            "127.0.0.1",
            0,
        );
        let channel = self.opened(opening, &to.to_string()).await?;
        Ok(self.stream(lane, channel))
    }

    /// A connection to a Unix socket on the host.
    pub async fn unix(&self, lane: Lane, path: &str) -> Result<HostStream, SshError> {
        let connection = self.connection(lane).await?;
        let opening = connection.handle.channel_open_direct_streamlocal(path);
        let channel = self.opened(opening, path).await?;
        Ok(self.stream(lane, channel))
    }

    /// Time for a question and its answer on the control connection, in whole milliseconds.
    pub async fn round_trip(&self) -> Result<Duration, SshError> {
        let before = self.inner.context.clock.at();
        let control = &self.inner.control;
        control.handle.send_ping().await.map_err(|_| self.lost())?;
        if control.is_gone() {
            return Err(self.lost());
        }
        Ok(self.inner.context.clock.at().since(before).duration())
    }

    fn stream(&self, lane: Lane, channel: Channel<Msg>) -> HostStream {
        let ring = Ring::new(lane.ring());
        let drained = drain(&self.inner.context.tasks, channel, ring.sink(), None);
        HostStream::new(ring, drained)
    }

    /// A session channel on the wanted connection; where that is fully used, on the other one; else waits for whichever
    /// is free first.
    async fn session_channel(
        &self,
        lane: Lane,
    ) -> Result<(Channel<Msg>, OwnedSemaphorePermit), SshError> {
        let connection = self.connection(lane).await?;
        let (connection, permit) = match Arc::clone(&connection.sessions).try_acquire_owned() {
            Ok(permit) => (connection, permit),
            Err(_) => self.next_free(connection, lane).await?,
        };
        let other = lane.other();
        match self.open_session(&connection).await {
            // A server with a low `MaxSessions` counts by connection. With none open here, it takes none anywhere.
            Err(error) if error.kind() == SshErrorKind::Busy && connection.in_use() > 1 => {
                let connection = self.connection(other).await?;
                let permit = Arc::clone(&connection.sessions).acquire_owned().await;
                let permit = permit.map_err(|_| self.lost())?;
                Ok((self.open_freed_session(&connection).await?, permit))
            }
            opened => Ok((opened?, permit)),
        }
    }

    /// An sshd frees the place of a session a moment after it has closed its channel.
    async fn open_freed_session(&self, connection: &Connection) -> Result<Channel<Msg>, SshError> {
        for pause in FREED {
            match self.open_session(connection).await {
                Err(error) if error.kind() == SshErrorKind::Busy => sleep(pause).await,
                opened => return opened,
            }
        }
        self.open_session(connection).await
    }

    async fn open_session(&self, connection: &Connection) -> Result<Channel<Msg>, SshError> {
        let opening = connection.handle.channel_open_session();
        let opened = self.opened(opening, SESSION).await;
        opened.map_err(|error| match error.kind() {
            SshErrorKind::NotFound => self.busy(SESSION),
            _ => error,
        })
    }

    /// Waits for a channel, but not for ever: a server may answer keep-alives and nothing else.
    async fn opened(
        &self,
        opening: impl Future<Output = Result<Channel<Msg>, russh::Error>>,
        what: &str,
    ) -> Result<Channel<Msg>, SshError> {
        match timeout(CHANNEL_OPENS, opening).await {
            Ok(opened) => opened.map_err(|error| self.open_error(&error, what)),
            Err(_) => Err(SshError::new(
                SshErrorKind::Timeout,
                Rung::Command,
                format!("no channel for {what} in {} s", CHANNEL_OPENS.as_secs()),
            )),
        }
    }

    async fn next_free(
        &self,
        wanted: Arc<Connection>,
        lane: Lane,
    ) -> Result<(Arc<Connection>, OwnedSemaphorePermit), SshError> {
        let other = self.connection(lane.other()).await?;
        tokio::select! {
            biased;
            permit = Arc::clone(&other.sessions).acquire_owned() => {
                Ok((other, permit.map_err(|_| self.lost())?))
            }
            permit = Arc::clone(&wanted.sessions).acquire_owned() => {
                Ok((wanted, permit.map_err(|_| self.lost())?))
            }
        }
    }

    async fn connection(&self, lane: Lane) -> Result<Arc<Connection>, SshError> {
        if self.inner.control.is_gone() {
            return Err(self.lost());
        }
        if lane == Lane::Control {
            return Ok(Arc::clone(&self.inner.control));
        }
        let mut bulk = self.inner.bulk.lock().await;
        if let Some(open) = bulk.as_ref()
            && !open.is_gone()
        {
            return Ok(Arc::clone(open));
        }
        let Inner {
            target,
            context,
            ask,
            ..
        } = &*self.inner;
        let dialled = Arc::new(dial(target, context, ask, Lane::Bulk).await?);
        *bulk = Some(Arc::clone(&dialled));
        Ok(dialled)
    }

    fn lost(&self) -> SshError {
        SshError::new(
            SshErrorKind::Lost,
            Rung::Command,
            format!("the connection to {} is gone", self.inner.target.alias),
        )
    }

    fn open_error(&self, error: &russh::Error, what: &str) -> SshError {
        use ChannelOpenFailure as Failure;
        let russh::Error::ChannelOpenFailure(reason) = error else {
            return self.lost();
        };
        let host = &self.inner.target.alias;
        let at = |kind, words: String| SshError::new(kind, Rung::Command, words);
        match reason {
            Failure::ConnectFailed => at(
                SshErrorKind::NotFound,
                format!("nothing answers at {what} on {host}"),
            ),
            Failure::AdministrativelyProhibited => at(
                SshErrorKind::ChannelRefused,
                format!("{host} does not allow connections to {what}"),
            )
            .with_hint(
                "its sshd_config may forbid it: AllowTcpForwarding, AllowStreamLocalForwarding",
            ),
            _ => self.busy(what),
        }
    }

    fn busy(&self, what: &str) -> SshError {
        let host = &self.inner.target.alias;
        SshError::new(
            SshErrorKind::Busy,
            Rung::Command,
            format!("{host} opens no channel for {what}"),
        )
        .with_hint("its sshd_config may set MaxSessions too low; 10 is the default")
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("target", &self.inner.target.alias)
            .finish_non_exhaustive()
    }
}
