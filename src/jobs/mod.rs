//! Detached jobs on a host: they survive our connection and our exit, leave a log and an outcome, and can be followed,
//! cancelled and kept to one at a time by a lease.

mod functions;

pub use functions::FUNCTIONS;
