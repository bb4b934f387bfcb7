//! The services around the models: containers, systemd units, HTTP, TCP and command probes, honestly healthy. Files marked *pure*
//! decide; the others have hands.

mod act;
#[cfg(test)]
mod act_tests;
mod fold;
#[cfg(test)]
mod fold_tests;
mod heal;
mod limits;
mod probe;
mod probe_deep;
#[cfg(test)]
mod probe_tests;
mod stage;
mod state;
mod tar;
mod wedge;

pub use act::{NoWay, ServiceOrder, install, order, reapply};
pub use fold::HISTORY;
pub use heal::{Claim, LimitsError, Restarts, claim, mends, restarts};
pub use limits::{BETWEEN, GRACE, Leave, MOST, WINDOW, count, leave};
pub use probe::{Look, Prober};
pub use stage::{StageError, context, overlays, send};
pub use state::{
    Depth, EventKind, ProbeOutcome, Probed, RestartCount, Service, ServiceEvent, ServiceWord,
};
pub use tar::{InvalidArchive, Packed};
pub use wedge::{Wedge, wedge};
