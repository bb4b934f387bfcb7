//! Whether a host can be reached, and how far: the liveness ladder.

mod ladder;

pub use ladder::{Finding, Ladder, Outcome, Verdict, driver};
