//! Our own log: to a file, never to the screen.

mod file;
mod start;

pub use file::LogFile;
pub use start::{Log, TelemetryError, start};
