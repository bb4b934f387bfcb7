//! Detached jobs on a host: they survive our connection and our exit, leave a log and an outcome, and can be followed,
//! cancelled and kept to one at a time by a lease. Linux hosts with setsid and flock, by util-linux or busybox.

mod answer;
mod attach;
mod error;
mod functions;
mod job;

pub use attach::Jobs;
pub use error::{JobError, JobErrorKind};
pub use functions::FUNCTIONS;
pub use job::{Begun, Job, JobId, JobSpec, JobState, LeaseKey, LogPart, Mark, Marks, Work};
