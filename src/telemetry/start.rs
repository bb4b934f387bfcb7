//! Turns the log on. Writing happens on a thread of its own, and a full queue drops events rather than hold up a caller.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::LogFile;

/// What is logged where nobody says otherwise.
const USUAL: &str = "warn,pilothouse=info";

/// Events that may wait for the disk.
const QUEUE: usize = 4096;

/// Why nothing is logged.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The file can't be opened.
    #[error("the log {} can't be opened", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// PILOTHOUSE_LOG is no filter.
    #[error("PILOTHOUSE_LOG is no filter such as `debug` or `warn,pilothouse=trace`")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Somebody else logs in this process.
    #[error("another log is on already")]
    Taken,
}

/// The log, on. Dropping it writes what still waits.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct Log {
    _writer: WorkerGuard,
}

/// Turns the log on, into this file; `filter` is what PILOTHOUSE_LOG says.
pub fn start(file: &Path, filter: Option<&str>) -> Result<Log, TelemetryError> {
    let filter = EnvFilter::try_new(filter.unwrap_or(USUAL)).map_err(TelemetryError::Filter)?;
    let open = LogFile::open(file).map_err(|source| TelemetryError::File {
        file: file.to_owned(),
        source,
    })?;
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUE)
        .thread_name("log")
        .finish(open);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Taken)?;
    Ok(Log { _writer: guard })
}
