//! The sampler: one POSIX script in one exec on a host, paced by newlines that we send, and the reader of what it says.

mod disks;
mod far;
mod frame;
mod owners;
mod reader;
mod sampler;
pub mod wire;

pub use far::{Counters, FarSide, World, container_id};
pub use reader::{Heard, Reader};
pub use sampler::{Beat, PATIENCE, Sampler, SamplerError, SamplerSettings};
