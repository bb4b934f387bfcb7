//! What a machine says of itself beside its GPUs: memory, processors, pressure, disks, network.

use serde::{Deserialize, Serialize};

use super::{Bytes, BytesPerSecond, Metric, Mib, Percent};
use crate::text::SafeText;

/// One machine at one moment, read from `/proc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineReading {
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Metric<[f32; 3]>,
    /// Busy share of all processors since the reading before.
    pub cpu: Metric<Percent>,
    /// Number of logical processors.
    pub processors: Metric<u32>,
    /// Main memory and swap.
    pub memory: Metric<Memory>,
    /// Pressure stall information; missing where the kernel has none.
    pub pressure: Metric<Pressure>,
    /// Traffic of all physical interfaces since the reading before.
    pub network: Metric<Network>,
    /// Seconds since boot.
    pub uptime: Metric<u64>,
}

/// Main memory and swap, from `/proc/meminfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// `MemTotal`.
    pub total: Mib,
    /// `MemAvailable`: what can be had without swapping.
    pub available: Mib,
    /// `MemFree`.
    pub free: Mib,
    /// `Cached + Buffers + SReclaimable - Shmem`: page cache that the kernel gives back.
    pub cache: Mib,
    /// `SwapTotal`.
    pub swap_total: Mib,
    /// `SwapTotal - SwapFree`.
    pub swap_used: Mib,
}

impl Memory {
    /// What is held and can't be given back: total less available.
    pub fn used(&self) -> Mib {
        self.total - self.available
    }
}

/// Share of the last ten seconds in which tasks waited (`avg10` of `/proc/pressure/*`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Some task waited for a processor.
    pub cpu_some: Percent,
    /// Some task waited for memory.
    pub memory_some: Percent,
    /// All tasks waited for memory.
    pub memory_full: Percent,
    /// All tasks waited for I/O.
    pub io_full: Percent,
}

/// Traffic per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Received.
    pub received: BytesPerSecond,
    /// Sent.
    pub sent: BytesPerSecond,
}

/// One mounted file system on a real device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: SafeText,
    /// Its device.
    pub device: SafeText,
    /// Size.
    pub total: Bytes,
    /// Used.
    pub used: Bytes,
    /// What a person without root may still write.
    pub available: Bytes,
}
