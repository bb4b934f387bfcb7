//! Models in the engine: what each host has on disk, serves and works at is watched while its link is open, and every change goes
//! through the door. What a swap is, and whether it fits, is the trade's.

mod book;
mod carry;
mod ended;
mod fetch;
#[cfg(test)]
mod fixture;
mod ground;
mod interest;
mod look;
mod places;
mod preflight;
mod ready;
mod room;
mod secrets;
mod serving_watch;
mod stakes;
mod stakes_weights;
mod swapping;
mod tokens;
mod unlooked;
mod usage;
mod watch;
mod weights_watch;
mod works_watch;

pub(super) use carry::{carry, not_begun};
pub(super) use ended::Witness;
pub use ground::ground;
pub(super) use interest::Nudge;
pub(super) use look::{look, look_at_serving};
pub(super) use preflight::gather;
pub(super) use room::Models;
pub(super) use secrets::read as read_secret;
pub(super) use stakes::{ModelsChange, wish};
pub(super) use unlooked::{Unlooked, unlooked};
pub(super) use watch::ModelWatch;
