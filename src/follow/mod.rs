//! A source of log lines on a host, followed: what a line is, what a source is called, and where to go on after a break.
//! Merging and looking at many of them is the trade `logs`.

mod discover;
mod error;
mod file;
mod file_host;
mod file_lines;
mod file_start;
mod file_tail;
mod host_clock;
mod journal;
mod journal_line;
mod kmsg;
mod kmsg_line;
mod line;
mod open;
mod resume;
mod source;
mod watched;
mod written_at;
mod xid;

pub use discover::discover;
pub use error::{FollowError, FollowErrorKind};
pub use host_clock::clock_offset;
pub use line::{Level, LineBatch, LineHead, LineRef, Stamp, StreamKind};
pub use open::open;
pub use source::{
    Follow, FollowEvent, InvalidSource, Place, SourceAddress, SourceOffer, SourceSpec, Start,
    StartAt,
};
pub use xid::explain;
