//! A source of log lines on a host, followed: what a line is, what a source is called, and where to go on after a break.
//! Merging and looking at many of them is the trade `logs`.

mod line;
mod source;

pub use line::{Level, LineBatch, LineHead, LineRef, Stamp, StreamKind};
pub use source::{
    Follow, FollowEvent, InvalidSource, Place, SourceAddress, SourceOffer, SourceSpec, Start,
    StartAt,
};
