//! Which power verbs were stopped because the ledger could not be written: only those may be sent without it, for a while.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::{At, HostId, PowerVerb};

/// How long a failed record counts.
const LASTS: Duration = Duration::from_mins(10);

/// The verbs that may be sent without a record.
#[derive(Debug, Default)]
pub(in crate::engine) struct Unwritten(HashMap<(HostId, PowerVerb), At>);

impl Unwritten {
    /// A record of this verb could not be written.
    pub(in crate::engine) fn note(&mut self, host: HostId, verb: PowerVerb, at: At) {
        self.0.insert((host, verb), at.plus(LASTS));
    }

    /// Whether it may be sent without one.
    pub(in crate::engine) fn allows(&self, host: &HostId, verb: PowerVerb, at: At) -> bool {
        let until = self.0.get(&(host.clone(), verb));
        until.is_some_and(|until| at < *until)
    }
}
