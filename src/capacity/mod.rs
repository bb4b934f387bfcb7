//! What fits where (all pure): GPU memory that a model needs, by measurement or by estimate with its reasoning; ports that are free;
//! the GPUs that it goes on. Models, apps and sandboxes all claim these.

mod fit;
mod ports;
mod vram;

pub use fit::{Claim, Fit, NoFit, Room, fit};
pub use ports::{Listener, PortOwner, PortVerdict, free_port, port};
pub use vram::{Basis, Ceiling, Estimate, KvCache, Measured, Need, estimate};
