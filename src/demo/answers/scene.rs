//! All that an answer is drawn from (pure), and its clock.

use jiff::Timestamp;

use crate::demo::boxes::Container;
use crate::demo::syslog::Syslog;
use crate::demo::world::{TICKS, World};

/// A machine at one moment.
pub(in crate::demo) struct Scene<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its world.
    pub world: &'a World,
    /// Its containers.
    pub boxes: &'a [Container],
    /// Its log file.
    pub syslog: &'a Syslog,
    /// When it was booted, in microseconds since the epoch.
    pub booted: i64,
    /// Now, in nanoseconds since the epoch.
    pub now: i64,
}

impl Scene<'_> {
    /// Now, written as `strftime` says, in UTC.
    pub(super) fn clock(&self, format: &str) -> String {
        moment(self.now / 1000, format)
    }

    /// The line that some answers begin with.
    pub(super) fn present(&self) -> String {
        self.clock("now %Y-%m-%dT%H:%M:%S+0000\n")
    }

    /// Seconds since something that began so many clock ticks after the boot.
    pub(super) fn age(&self, started: u64) -> u64 {
        self.world.uptime.saturating_sub(started / TICKS)
    }

    /// Whether memory is so short that programs stand still for it.
    pub(super) fn thrashes(&self) -> bool {
        self.world.pressure.memory_full.0 > 20.0
    }
}

/// A moment in microseconds since the epoch, written as `strftime` says, in UTC.
pub(super) fn moment(micros: i64, format: &str) -> String {
    Timestamp::from_microsecond(micros)
        .unwrap_or_default()
        .strftime(format)
        .to_string()
}

/// A number that looks random and is always the same for this text (FNV-1a).
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
