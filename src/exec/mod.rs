//! The seam of the whole program: running commands on a host, wherever it is. Local process, SSH and a scripted machine
//! look alike from above.

mod error;
mod feed;
mod lines;
mod local;
mod orphans;
mod post;
mod proxy;
mod remote;
mod sim;
mod stream;

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::domain::{HostName, Port};
use crate::shell::{RemotePath, ShellCommand};

pub use error::{ExecError, ExecErrorKind};
pub use feed::feed;
pub use lines::{LineSink, LineSplitter};
pub use local::LocalExec;
pub use orphans::adopt_orphans;
pub(crate) use orphans::started_here;
pub use post::{Post, post};
pub use remote::RemoteExec;
pub use sim::{SimExec, SimReply};
pub use stream::{Exit, Fd, LineStream, StreamEvent};

/// A host that can run commands. Implementations keep one host's slowness away from every other.
#[async_trait]
pub trait Exec: Send + Sync {
    /// Runs a command to its end, with its output collected up to the limits.
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError>;

    /// Starts a command and hands out its output line by line, and its standard input.
    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError>;

    /// Starts a command and hands out its standard input and output as one byte stream; what it writes to standard error
    /// goes to the log. Dropping the stream ends the command. A machine that only plays its commands has none.
    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        let what = format!("{command} can't be started here as a byte stream");
        Err(ExecError::new(ExecErrorKind::Refused, what))
    }

    /// Writes a file on the host: beside its place first, then renamed over it.
    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError>;

    /// Opens a socket as seen from the host.
    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError>;
}

/// What a command may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Longest run; the command is hung up on after it.
    pub timeout: Duration,
    /// Most bytes kept of each of stdout and stderr; the rest is counted and dropped.
    pub output: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            output: 1024 * 1024,
        }
    }
}

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, up to the limit.
    pub stdout: Bytes,
    /// Standard error, up to the limit.
    pub stderr: Bytes,
    /// Bytes dropped over the limit, both together.
    pub dropped: u64,
}

/// A socket as the host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSocket {
    /// TCP from the host: `127.0.0.1` is the host's own loopback.
    Tcp {
        /// Name or address.
        host: HostName,
        /// Port.
        port: Port,
    },
    /// A Unix socket on the host.
    Unix(RemotePath),
}

/// A byte stream in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Any byte stream in both directions.
pub type BoxedIo = Pin<Box<dyn Io>>;
