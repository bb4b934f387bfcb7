//! Simulated hosts for tests and benches: seeded, repeatable, without SSH, files or processes. Nothing else uses them.

mod containers;
mod fleet;
mod machine;
mod switch;

pub use containers::{containers, daemon, listed, measured};
pub use fleet::{SimFleet, SimLink};
pub use machine::{SimGpu, SimMachine};
pub use switch::{SimPower, SimSwitch};
