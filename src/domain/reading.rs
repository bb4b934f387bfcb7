//! What a GPU says of itself, and what a driver says of its GPUs. Each field is a value or the reason why there is none.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Celsius, GpuId, Metric, Mhz, Mib, Percent, Watts};
use crate::text::SafeText;

/// What the driver of one host says: its state in words, and its GPUs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuReport {
    /// Whether the driver answers, and if not, why.
    pub condition: GpuCondition,
    /// Who was asked.
    pub source: GpuSourceKind,
    /// Driver version, such as `580.95.05`.
    pub driver: Metric<SafeText>,
    /// Newest CUDA version that the driver offers, such as `13.0`.
    pub cuda: Metric<SafeText>,
    /// The GPUs in the driver's order.
    pub gpus: Vec<GpuReading>,
}

/// Who was asked about the GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuSourceKind {
    /// NVML in this process.
    Nvml,
    /// `pilothouse probe` on the host.
    Probe,
    /// An `nvidia-smi … -lms` stream.
    NvidiaSmi,
    /// `rocm-smi --json`.
    RocmSmi,
}

impl fmt::Display for GpuSourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nvml => "nvml",
            Self::Probe => "probe",
            Self::NvidiaSmi => "nvidia-smi",
            Self::RocmSmi => "rocm-smi",
        })
    }
}

/// The state of a host's GPU driver, each a thing a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuCondition {
    /// It answers.
    Working,
    /// No vendor tool and no library on the host.
    NoTool,
    /// The tool can't reach the driver: not installed, or not loaded.
    NoDriver,
    /// The driver answers and has no device.
    NoDevices,
    /// The library and the kernel module are of different versions: a reboot or module reload is due.
    VersionMismatch {
        /// What the tool said of the versions.
        detail: SafeText,
    },
    /// The tool was started and says nothing: the driver is wedged in the kernel.
    Hung,
    /// A GPU fell off the bus and the tool gave up.
    Lost {
        /// The tool's own line.
        detail: SafeText,
    },
    /// It failed in words that we don't know.
    Failed {
        /// The tool's own line.
        detail: SafeText,
    },
}

impl GpuCondition {
    /// The state as a person reads it.
    pub fn words(&self) -> String {
        match self {
            Self::Working => "ok".into(),
            Self::NoTool => "no gpu tool on this host".into(),
            Self::NoDriver => "driver not running".into(),
            Self::NoDevices => "no gpu found by the driver".into(),
            Self::VersionMismatch { detail } if detail.is_empty() => {
                "driver and library versions differ: reboot due".into()
            }
            Self::VersionMismatch { detail } => {
                format!("driver and library versions differ ({detail}): reboot due")
            }
            Self::Hung => "the gpu tool hangs: the driver is wedged".into(),
            Self::Lost { detail } => format!("a gpu fell off the bus: {detail}"),
            Self::Failed { detail } => format!("the gpu tool failed: {detail}"),
        }
    }
}

/// One GPU at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuReading {
    /// UUID, or `index:N`.
    pub id: GpuId,
    /// The driver's index.
    pub index: u32,
    /// Product name.
    pub name: SafeText,
    /// PCI bus id.
    pub bus_id: Metric<SafeText>,
    /// Whether it still answers.
    pub health: GpuHealth,
    /// Share of time in which a kernel ran.
    pub utilisation: Metric<Percent>,
    /// Memory: its own, or the machine's.
    pub memory: GpuMemory,
    /// Core temperature.
    pub temperature: Metric<Celsius>,
    /// Power drawn.
    pub power: Metric<Watts>,
    /// Power limit in force.
    pub power_limit: Metric<Watts>,
    /// SM clock.
    pub clock_sm: Metric<Mhz>,
    /// Memory clock.
    pub clock_memory: Metric<Mhz>,
    /// Fan speed in percent of its maximum.
    pub fan: Metric<Percent>,
    /// Performance state: 0 is fastest, 15 slowest.
    pub pstate: Metric<u8>,
    /// Why the clocks are held down.
    pub throttle: Metric<Throttle>,
    /// Memory errors since the driver loaded.
    pub ecc: Metric<Ecc>,
    /// MIG instances; empty where MIG is off.
    pub mig: Vec<MigInstance>,
}

impl GpuReading {
    /// A GPU of which nothing can be read now: it keeps its place in the list, with the reason in every cell.
    pub fn unread(id: GpuId, index: u32, name: SafeText, why: &super::Missing) -> Self {
        let lost = *why == super::Missing::Lost;
        Self {
            id,
            index,
            name,
            bus_id: Metric::Missing(why.clone()),
            health: if lost { GpuHealth::Lost } else { GpuHealth::Ok },
            utilisation: Metric::Missing(why.clone()),
            memory: GpuMemory::Missing(why.clone()),
            temperature: Metric::Missing(why.clone()),
            power: Metric::Missing(why.clone()),
            power_limit: Metric::Missing(why.clone()),
            clock_sm: Metric::Missing(why.clone()),
            clock_memory: Metric::Missing(why.clone()),
            fan: Metric::Missing(why.clone()),
            pstate: Metric::Missing(why.clone()),
            throttle: Metric::Missing(why.clone()),
            ecc: Metric::Missing(why.clone()),
            mig: Vec::new(),
        }
    }
}

/// Whether one GPU answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuHealth {
    /// It answers.
    Ok,
    /// It fell off the bus: only a reboot (or power cycle) brings it back.
    Lost,
}

/// Where a GPU's memory is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuMemory {
    /// Memory of its own.
    Dedicated {
        /// In use.
        used: Mib,
        /// In all.
        total: Mib,
    },
    /// It shares the machine's memory (GB10 and other parts of its kind): see the machine's own reading.
    Unified,
    /// Not known.
    Missing(super::Missing),
}

/// Why clocks are held down: NVML's clock event reasons, as a bit mask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Throttle(pub u64);

impl Throttle {
    /// Bits and words from `nvmlClocksEventReasons` in NVIDIA's nvml.h. Idle (bit 0) is no throttle and is left out.
    const WORDS: [(u64, &'static str); 8] = [
        (0x002, "application clocks"),
        (0x004, "power cap"),
        (0x008, "hardware slowdown"),
        (0x010, "sync boost"),
        (0x020, "software thermal"),
        (0x040, "hardware thermal"),
        (0x080, "power brake"),
        (0x100, "display clocks"),
    ];

    /// Bits that mean heat.
    const THERMAL: u64 = 0x020 | 0x040;

    /// Whether heat holds the clocks down.
    pub fn is_thermal(self) -> bool {
        self.0 & Self::THERMAL != 0
    }

    /// The reasons in words; empty when nothing holds the clocks down.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS
            .into_iter()
            .filter(move |(bit, _)| self.0 & bit != 0)
            .map(|(_, word)| word)
    }
}

/// Memory errors since the driver loaded (volatile counts).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ecc {
    /// Corrected by the hardware.
    pub corrected: u64,
    /// Not correctable.
    pub uncorrected: u64,
}

/// One MIG instance of a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigInstance {
    /// Its UUID.
    pub id: GpuId,
    /// Its profile, such as `3g.71gb`.
    pub profile: SafeText,
    /// Memory, where the source tells it apart.
    pub memory: GpuMemory,
}

/// One process that holds GPU memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuProcess {
    /// Process id on the host (not inside a container).
    pub pid: u32,
    /// The GPU it uses.
    pub gpu: GpuId,
    /// GPU memory it holds.
    pub memory: Metric<Mib>,
    /// Owner's login name (or number where it has no name).
    pub user: Metric<SafeText>,
    /// Command line, as far as the host shows it.
    pub command: SafeText,
    /// Container it runs in, by cgroup; `Missing(NotReported)` outside of any.
    pub container: Metric<SafeText>,
    /// When it started, in clock ticks since boot: pid and start together name one process, a pid alone may be reused.
    pub started: Metric<u64>,
}
