//! The power switch of a host: the script on its hypervisor, the ways to it, and the plan of a power cycle. No model is in
//! its path, and nothing that the sick machine has to answer.

mod progress;
mod report;

pub use progress::{PowerAct, PowerStep, StepKind, StepState};
pub use report::{MachineState, Operation, OperationState, PowerReport};
