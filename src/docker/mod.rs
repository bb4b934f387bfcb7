//! The container engine of a host, through its [`crate::exec::Exec`]: containers, their events, stats, processes and logs,
//! and what can be done with them. No docker program, agent or open port is needed there.

mod error;

pub use error::{DockerError, DockerErrorKind};
