//! Draining a channel. The SSH driver awaits a full channel queue inside its read loop, so one unread channel would stall
//! all others: every channel is emptied at once, by a task of its own, into a sink that can't wait.

use std::sync::Arc;

use bytes::Bytes;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::error::{SshError, SshErrorKind};
use crate::domain::Rung;
use crate::tasks::Tasks;

/// The extended data type of standard error (RFC 4254 §5.2).
const STDERR: u32 = 1;

/// Where a channel's output goes. Taking bytes never waits: what there is no room for is dropped and counted.
pub trait Sink: Send + 'static {
    /// Bytes arrived.
    fn data(&mut self, from: Source, bytes: Bytes);

    /// The far side sends nothing more, but may still read.
    fn eof(&mut self) {}

    /// The channel is closed; nothing follows. This may wait: nobody else does.
    fn end(self, ending: End) -> impl Future<Output = ()> + Send;
}

/// Which output bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Standard output, or a socket's bytes.
    Out,
    /// Standard error.
    Err,
}

/// How a channel ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The command ended with this status.
    Status(u32),
    /// The command was ended by this signal (its name without `SIG`).
    Signal(String),
    /// The server refused to start the command.
    Refused,
    /// The channel or the connection ended without a word about the command.
    Unknown,
}

/// Our hold on a running command or shell. Dropping it closes the channel.
#[derive(Debug)]
pub struct Running {
    write: Arc<ChannelWriteHalf<Msg>>,
    closed: CancellationToken,
    _hang_up: DropGuard,
}

impl Running {
    /// Writes to the command's standard input; waits while the server's window is full.
    pub async fn send(&self, bytes: Bytes) -> Result<(), SshError> {
        // A channel that is closed while its window is full would be waited for in vain.
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(ended()),
            sent = self.write.data_bytes(bytes) => sent.map_err(|_| ended()),
        }
    }

    /// Resolves when the channel is closed.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Ends the command's standard input.
    pub async fn eof(&self) -> Result<(), SshError> {
        self.write.eof().await.map_err(|_| ended())
    }

    /// Tells a shell its new size in characters.
    pub async fn resize(&self, columns: u16, rows: u16) -> Result<(), SshError> {
        self.write
            .window_change(u32::from(columns), u32::from(rows), 0, 0)
            .await
            .map_err(|_| ended())
    }
}

fn ended() -> SshError {
    SshError::new(
        SshErrorKind::Lost,
        Rung::Command,
        "the command no longer reads its input",
    )
}

/// Both halves of a channel whose output flows into a sink.
pub(super) struct Drained {
    pub(super) write: Arc<ChannelWriteHalf<Msg>>,
    /// Falls when the channel is closed.
    pub(super) closed: CancellationToken,
    /// Closes the channel when dropped.
    pub(super) hang_up: DropGuard,
}

impl From<Drained> for Running {
    fn from(drained: Drained) -> Self {
        Self {
            write: drained.write,
            closed: drained.closed,
            _hang_up: drained.hang_up,
        }
    }
}

/// Starts to drain a channel, until the server closes it or nobody wants it any more. The permit is given back after our
/// own close: russh forgets a channel that we close first, so the server's answer to it never comes through.
pub(super) fn drain(
    tasks: &Tasks,
    channel: Channel<Msg>,
    sink: impl Sink,
    permit: Option<OwnedSemaphorePermit>,
) -> Drained {
    let (read, write) = channel.split();
    let write = Arc::new(write);
    let hang_up = CancellationToken::new();
    let closed = CancellationToken::new();
    let finished = closed.clone().drop_guard();
    let (ours, hung_up) = (Arc::clone(&write), hang_up.clone());
    tasks.spawn(async move {
        // The reading half is gone when we close: what still arrives is dropped and can't stall the connection.
        let (sink, ending) = pour(read, sink, &hung_up).await;
        if let Err(error) = ours.close().await {
            tracing::trace!(%error, "closing a channel of a connection that is gone");
        }
        drop((finished, permit));
        sink.end(ending).await;
    });
    Drained {
        write,
        closed,
        hang_up: hang_up.drop_guard(),
    }
}

async fn pour<S: Sink>(
    mut read: ChannelReadHalf,
    mut sink: S,
    hung_up: &CancellationToken,
) -> (S, End) {
    let mut ending = End::Unknown;
    // The hang-up first: a flood always has a next message.
    while let Some(message) = tokio::select! {
        biased;
        () = hung_up.cancelled() => None,
        message = read.wait() => message,
    } {
        match message {
            ChannelMsg::Data { data } => sink.data(Source::Out, data),
            ChannelMsg::ExtendedData { data, ext: STDERR } => sink.data(Source::Err, data),
            ChannelMsg::ExitStatus { exit_status } => ending = End::Status(exit_status),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                ending = End::Signal(signal_word(&signal_name));
            }
            ChannelMsg::Failure => ending = End::Refused,
            ChannelMsg::Eof => sink.eof(),
            ChannelMsg::Close => break,
            _ => {}
        }
        // A refused command leaves its channel open: it is ours to close.
        if ending == End::Refused {
            break;
        }
    }
    (sink, ending)
}

/// A signal's name without `SIG`, clean: it comes from the server.
fn signal_word(signal: &russh::Sig) -> String {
    let name = match signal {
        russh::Sig::Custom(name) => name.clone(),
        known => format!("{known:?}"),
    };
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(16)
        .collect()
}
