//! The container engine of a host, through its [`crate::exec::Exec`]: containers, their events, stats, processes and logs,
//! and what can be done with them. No docker program, agent or open port is needed there.

mod act;
mod bounded;
mod client;
mod detail;
mod error;
mod events;
mod facts;
mod find;
mod greet;
mod image;
mod log_body;
mod log_frames;
mod log_past;
mod log_window;
mod logs;
mod look;
mod row;
mod stats;
mod terminal;
mod wire;

pub use act::{GRACE, order, removals};
pub use client::Docker;
pub use error::{DockerError, DockerErrorKind};
pub use events::{ContainerChange, ContainerEvent, Events};
pub use image::Image;
pub use log_frames::{Frames as LogFrames, Lines as LogLines};
pub use logs::follow;
pub use stats::{Stats, StatsReading};
pub use terminal::{Terminal, TerminalControl};
