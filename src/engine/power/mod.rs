//! Power acts in the engine: what is at stake, the way to the switch, and the driver of the plan. What the plan is, and what
//! is said over the wire, is the trade's.

mod drive;
mod keep;
mod served;
mod stakes;
mod steps;
mod switch;
mod unsure;
mod voice;

pub(super) use drive::{Powers, announced, carry};
pub(super) use keep::Unwritten;
pub(super) use stakes::{PowerChange, hindrance, in_all, wish};
pub(super) use switch::look;
pub(super) use unsure::{doubt, last_written};

pub use switch::NO_SWITCH;
