//! A source of log lines on a host, followed: what a line is, what a source is called, and where to go on after a break.
//! Merging and looking at many of them is the trade `logs`.

mod error;
mod file;
mod file_host;
mod file_lines;
mod file_start;
mod file_tail;
mod line;
mod open;
mod resume;
mod source;
mod written_at;

pub use error::{FollowError, FollowErrorKind};
pub use line::{Level, LineBatch, LineHead, LineRef, Stamp, StreamKind};
pub use open::open;
pub use source::{
    Follow, FollowEvent, InvalidSource, Place, SourceAddress, SourceOffer, SourceSpec, Start,
    StartAt,
};
