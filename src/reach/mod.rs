//! Whether a host can be reached, and how far: the liveness ladder.

mod ladder;

pub use ladder::{Ladder, Outcome, Verdict};
