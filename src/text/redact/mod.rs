//! Takes secrets out of foreign text before it leaves this machine (pure): by their shape, by the name they are given to,
//! and by the block they stand in. One pass per rule, linear in the text; it errs on the side of hiding.

mod blocks;
mod encoded;
mod named;
mod names;
#[cfg(test)]
pub(crate) mod set;
mod shapes;
mod spans;

pub(super) use spans::places;
pub use spans::{Redacted, redact};
