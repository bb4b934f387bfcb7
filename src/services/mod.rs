//! The services around the models: containers, systemd units, HTTP, TCP and command probes, honestly healthy. Files marked *pure*
//! decide; the others have hands.

mod state;

pub use state::{
    Depth, EventKind, ProbeOutcome, Probed, RestartCount, Service, ServiceEvent, ServiceWord,
};
