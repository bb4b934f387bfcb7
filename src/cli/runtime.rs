//! The tokio runtime: started once, and never waited for at the end (a name server that hangs must not hold the exit).

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::error::CliError;

/// How long tasks may take to end when the program does. Twice this and a frame are below the two seconds that a dead
/// terminal may cost.
pub(super) const FAREWELL: Duration = Duration::from_millis(800);

/// A runtime for the engine.
pub(super) fn start() -> Result<Runtime, CliError> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CliError::Runtime)
}

/// Runs one future to its end.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = start()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(outcome)
}
