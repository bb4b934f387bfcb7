//! The services around the models: containers, systemd units, HTTP, TCP and command probes, honestly healthy. Files marked *pure*
//! decide; the others have hands.

mod fold;
#[cfg(test)]
mod fold_tests;
mod limits;
mod state;
mod wedge;

pub use fold::HISTORY;
pub use limits::{BETWEEN, GRACE, Leave, MOST, WINDOW, count, leave};
pub use state::{
    Depth, EventKind, ProbeOutcome, Probed, RestartCount, Service, ServiceEvent, ServiceWord,
};
pub use wedge::{Wedge, wedge};
