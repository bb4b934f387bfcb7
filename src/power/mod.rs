//! The power switch of a host: the script on its hypervisor, the ways to it, and the plan of a power cycle. No model is in
//! its path, and nothing that the sick machine has to answer.

mod carry;
mod error;
mod fixed;
mod install;
mod plan;
mod progress;
pub mod protocol;
mod report;
mod wake;

pub use carry::{Carried, CarryLimits, Dial, carry, look};
pub use error::{PowerError, PowerErrorKind};
pub use fixed::{carry_fixed, command, look_fixed};
pub use install::{HostLayout, Installation, install};
pub use plan::{Aborted, PowerPlan, StepLimits, StepReport, Todo, steps_of, was_done};
pub use progress::{PowerAct, PowerStep, StepKind, StepState};
pub use report::{MachineState, Operation, OperationState, PowerReport};
pub use wake::{magic_packet, wake};
