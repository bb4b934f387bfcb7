//! Models in the engine: what each host has on disk, serves and works at is watched while its link is open, and every change goes
//! through the door. What a swap is, and whether it fits, is the trade's.

mod book;
mod carry;
mod ended;
mod fetch;
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
mod watch;
mod weights_watch;
mod works_watch;

pub(super) use carry::{carry, not_begun};
pub(super) use ended::Witness;
pub(super) use interest::Nudge;
pub(super) use look::look;
pub(super) use preflight::gather;
pub(super) use room::Models;
pub(super) use stakes::{ModelsChange, unlooked, wish};
pub(super) use watch::ModelWatch;
