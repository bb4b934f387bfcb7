//! Services in the engine: each is looked at while its host's link is open, what happens to it is remembered, and every change goes
//! through the door, the restarts of the rule that mends wedges too.

mod carry;
mod heal;
mod look;
mod stakes;
mod watch;
mod works;

pub(super) use carry::carry;
pub(super) use look::{look, report};
pub(super) use stakes::{ServiceChange, mended, wish};
pub(super) use watch::{Looking, ServiceWatch};
pub(super) use works::works;
