//! A running command's output as lines. A reader that is slow costs a counted gap, never a stalled connection.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{ExecError, ExecErrorKind};

/// Which output a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fd {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// With this status.
    Status(u32),
    /// By this signal (its name without `SIG`).
    Signal(String),
    /// The host did not start it.
    Refused,
    /// The connection was gone before it could say.
    Unknown,
}

impl Exit {
    /// Whether it ended with status 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Status(0)
    }
}

/// Something a running command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// A line without its newline; invalid UTF-8 is kept as it came.
    Line {
        /// Where it was written.
        fd: Fd,
        /// Its bytes, at most [`LineStream::LONGEST_LINE`].
        bytes: Bytes,
        /// Bytes of this line that were over the bound and dropped.
        dropped: u64,
    },
    /// Lines that the reader was too slow for.
    Gap {
        /// How many.
        lines: u64,
    },
    /// The command ended; nothing follows.
    Exit(Exit),
}

/// A running command. Dropping it hangs up: the command sees the end of its input and of its channel.
#[derive(Debug)]
pub struct LineStream {
    events: mpsc::Receiver<StreamEvent>,
    input: mpsc::Sender<Bytes>,
}

impl LineStream {
    /// Longest line that is kept; a 100 MB line costs this much and a count.
    pub const LONGEST_LINE: usize = 64 * 1024;

    /// Joins the two ends that an implementation holds the others of.
    pub fn new(events: mpsc::Receiver<StreamEvent>, input: mpsc::Sender<Bytes>) -> Self {
        Self { events, input }
    }

    /// The next event; `None` after [`StreamEvent::Exit`] or when the connection is gone.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        self.events.recv().await
    }

    /// Writes to the command's standard input.
    pub async fn send(&self, bytes: Bytes) -> Result<(), ExecError> {
        self.input.send(bytes).await.map_err(|_| {
            ExecError::new(ExecErrorKind::Lost, "the command no longer reads its input")
        })
    }
}
