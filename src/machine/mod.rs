//! The sampler: one POSIX script in one exec on a host, paced by newlines that we send, and the reader of what it says.

mod far;
pub mod wire;

pub use far::{Counters, FarSide, World};
