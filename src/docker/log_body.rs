//! The bytes of a container's log, read in gulps. Asked in HTTP/1.0, so that they come bare: an engine flushes after each
//! line, and a chunk for each line would cost more than all that is done with it.

use std::time::Duration;

use futures_util::FutureExt as _;
use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::client::Docker;
use super::error::{DockerError, DockerErrorKind};
use super::wire::{Call, SOON, escape};
use crate::exec::BoxedIo;

/// Between two gulps, so that lines gather. Nobody sees so small a delay.
const PACE: Duration = Duration::from_millis(6);

/// What one gulp may hold.
const GULP: usize = 256 * 1024;

/// A gulp of this size is followed by the next at once.
const LARGE: usize = 64 * 1024;

/// Longest head of an answer.
const HEAD: usize = 64 * 1024;

/// The log of a container as it comes. Dropping it closes the connection.
pub(super) struct LogBody {
    io: BoxedIo,
    buffer: Box<[u8]>,
    /// What is read and not taken.
    filled: usize,
    pace: Interval,
    hurry: bool,
}

impl LogBody {
    /// Asks for the log of a container.
    pub(super) async fn open(docker: &Docker, id: &str, query: &str) -> Result<Self, DockerError> {
        let path = docker.path(&format!("/containers/{}/logs?{query}", escape(id)));
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut body = Self {
            io: docker.wire().dial().await?,
            buffer: vec![0; GULP].into_boxed_slice(),
            filled: 0,
            pace,
            hurry: true,
        };
        let begun = timeout(SOON, body.begin(&path)).await;
        let begun = begun.unwrap_or_else(|_| {
            let what = "the engine does not answer a question for a log";
            Err(DockerError::new(DockerErrorKind::Timeout, what))
        });
        if begun? {
            return Ok(body);
        }
        // The same question in the usual way tells why not.
        docker.wire().open(&Call::get(path)).await?;
        let what = "the engine does not give this log";
        Err(DockerError::new(DockerErrorKind::Protocol, what))
    }

    /// Asks, and reads the head of the answer: whether a log follows.
    async fn begin(&mut self, path: &str) -> Result<bool, DockerError> {
        let request = format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n");
        self.io
            .write_all(request.as_bytes())
            .await
            .map_err(broken)?;
        self.io.flush().await.map_err(broken)?;
        loop {
            let space = self.buffer.get_mut(self.filled..HEAD).unwrap_or_default();
            let count = self.io.read(space).await.map_err(broken)?;
            self.filled += count;
            let said = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(end) = memmem::find(said, b"\r\n\r\n") {
                let well = said.get(8..12) == Some(b" 200");
                self.buffer.copy_within(end + 4..self.filled, 0);
                self.filled -= end + 4;
                return Ok(well);
            }
            if count == 0 || self.filled == HEAD {
                let what = "the engine's answer could not be read";
                return Err(DockerError::new(DockerErrorKind::Protocol, what));
            }
        }
    }

    /// The next bytes; none at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<&[u8], DockerError> {
        if self.filled > 0 {
            let filled = std::mem::take(&mut self.filled);
            return Ok(self.buffer.get(..filled).unwrap_or_default());
        }
        if !self.hurry {
            self.pace.tick().await;
        }
        let mut count = self.io.read(&mut self.buffer).await.map_err(broken)?;
        self.hurry = false;
        if count == 0 {
            return Ok(&[]);
        }
        // A connection through others gives one packet at a time; what lies ready is one gulp.
        while let Some(space) = self
            .buffer
            .get_mut(count..)
            .filter(|space| space.len() > LARGE)
        {
            match tokio::task::unconstrained(self.io.read(space)).now_or_never() {
                Some(Ok(more)) if more > 0 => count += more,
                // What is wrong is said again by the next read.
                _ => break,
            }
        }
        self.hurry = count >= LARGE;
        Ok(self.buffer.get(..count).unwrap_or_default())
    }
}

fn broken(error: std::io::Error) -> DockerError {
    DockerError::new(
        DockerErrorKind::Lost,
        "the connection to the container engine ended meanwhile",
    )
    .source(error)
}
