//! May this actor do this now? The only room that can make a [`Confirmed`], and so the only way to a change on a host.
//! Pure: what is pending lives here and is nobody else's.

mod answer;
mod confirmed;
mod desk;
mod wishes;

pub use wishes::READ_ONLY_MEND;

pub(super) use confirmed::{Change, Confirmed, Proposed, Ruling, Wish};
pub(super) use desk::Desk;
