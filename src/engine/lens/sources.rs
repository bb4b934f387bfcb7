//! The seam between a lens and its sources: how one is opened on its host, and when its host can be asked at all.

use async_trait::async_trait;

use crate::domain::HostId;
use crate::follow::{Follow, SourceAddress, Start};
use crate::text::SafeText;

/// Why a source gives no lines now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Shut {
    /// In words.
    pub(in crate::engine) why: SafeText,
    /// The mend, where we know one.
    pub(in crate::engine) hint: Option<SafeText>,
    /// Whether trying again by itself may help.
    pub(in crate::engine) again: Again,
}

/// Whether trying again by itself may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Again {
    /// No.
    Never,
    /// Where it could be read before: what it lives in is away and may come back.
    IfItWasThere,
    /// Yes.
    Soon,
}

impl Shut {
    /// How a followed source ended.
    pub(super) fn ended(why: SafeText, hint: Option<SafeText>, retry: bool) -> Self {
        let again = if retry { Again::Soon } else { Again::Never };
        Self { why, hint, again }
    }
}

/// The way to log sources.
#[async_trait]
pub(super) trait Sources: Send + Sync {
    /// Opens a source at this place of it.
    async fn open(&self, address: &SourceAddress, start: Start) -> Result<Box<dyn Follow>, Shut>;

    /// Whether there is such a host; this machine (`None`) always is.
    fn knows(&self, host: Option<&HostId>) -> bool;

    /// Whether a host can be asked now; for this machine (`None`) always.
    fn connected(&self, host: Option<&HostId>) -> bool;

    /// Waits until a host can be asked.
    async fn connects(&self, host: Option<&HostId>);

    /// How far a host's clock is ahead of ours, in milliseconds, where that can be told.
    async fn clock_offset(&self, host: Option<&HostId>) -> Option<i64>;
}
