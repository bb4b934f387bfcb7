//! Simulated hosts for tests and benches: seeded, repeatable, without SSH, files or processes. Nothing else uses them.

mod machine;

pub use machine::{SimGpu, SimMachine};
