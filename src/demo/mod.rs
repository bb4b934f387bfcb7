//! A simulated fleet behind real SSH servers in this process; also the double that tests dial. It plays the far side and
//! reads nothing of the console's engine or faces.

mod answers;
mod boxes;
mod cable;
mod command;
mod drills;
mod engine_api;
mod engine_json;
mod error;
mod faults;
mod fetched;
mod fleet;
mod gpu;
mod hypervisor;
mod journal;
mod keeps;
mod kernel_ring;
mod keys;
mod launched;
mod load;
mod machines;
mod node;
mod orders;
mod play;
mod profile;
mod readings;
mod reserved;
mod runaway;
mod sampler;
mod serving;
mod session;
mod supply;
mod swapped;
mod syslog;
mod topology;
mod voices;
mod weights;
mod work;
mod works;
mod world;
mod written;

pub use drills::{Drill, Stage, Strain};
pub use error::DemoError;
pub use faults::{Faults, Line, LoginRule};
pub use fleet::{Demo, DemoOptions};
