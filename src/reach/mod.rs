//! Whether a host can be reached, and how far: the liveness ladder.

mod ladder;
mod probe;

pub use ladder::{Finding, Ladder, Outcome, Verdict, driver};
pub use probe::ContainerProbe;
