//! A simulated fleet behind real SSH servers in this process; also the double that tests dial. It plays the far side and
//! reads nothing of the console's engine or faces.

mod cable;
mod command;
mod docker;
mod drills;
mod error;
mod faults;
mod fleet;
mod gpu;
mod keys;
mod load;
mod machines;
mod node;
mod profile;
mod readings;
mod sampler;
mod session;
mod work;
mod world;
mod written;

pub use drills::{Drill, Stage, Strain};
pub use error::DemoError;
pub use faults::{Faults, Line, LoginRule};
pub use fleet::{Demo, DemoOptions};
