//! The Meters tab: memory, GPUs, their past on one time axis, the machine, the top processes.

mod draw;
mod gpu;
mod history;
mod machine;
mod memory;
mod plan;
mod verdict;

pub(super) use draw::meters;
pub(in crate::tui) use plan::plan;
