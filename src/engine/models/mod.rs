//! Models in the engine: what each host has on disk, serves and works at is watched while its link is open, and every change goes
//! through the door. What a swap is, and whether it fits, is the trade's.

mod book;
mod interest;
mod look;
mod room;
mod watch;
mod weights_watch;

pub(super) use book::Book;
pub(super) use interest::Nudge;
pub(super) use look::look;
pub(super) use room::Models;
pub(super) use watch::ModelWatch;
