//! The container engine of a host, through its [`crate::exec::Exec`]: containers, their events, stats, processes and logs,
//! and what can be done with them. No docker program, agent or open port is needed there.

mod bounded;
mod client;
mod detail;
mod error;
mod events;
mod facts;
mod find;
mod greet;
mod look;
mod row;
mod wire;

pub use client::Docker;
pub use error::{DockerError, DockerErrorKind};
pub use events::{ContainerChange, ContainerEvent, Events};
