//! What a kind of machine is made of (pure data): parts, driver, and what runs on it. The kinds are in `machines`.

use super::load::Pattern;
use super::machines::{H200, PLAIN, SPARK_FULL, SPARK_SERVING};

/// One kind of machine.
#[derive(Debug)]
pub(super) struct Profile {
    /// Words to group by.
    pub tags: &'static [&'static str],
    /// Kernel release.
    pub kernel: &'static str,
    /// Machine hardware name.
    pub arch: &'static str,
    /// Logical processors.
    pub processors: u32,
    /// `MemTotal`, kB.
    pub memory_kb: u64,
    /// `SwapTotal`, kB.
    pub swap_kb: u64,
    /// What the system itself holds, MiB.
    pub system_mib: u64,
    /// Page cache at the start, MiB.
    pub cache_mib: u64,
    /// Processors that the system keeps busy by itself.
    pub system_cores: f32,
    /// Its GPUs, all alike.
    pub gpus: Option<GpuKind>,
    /// Mounted file systems.
    pub disks: &'static [DiskKind],
    /// Its idle traffic.
    pub network: Nic,
    /// Seconds since boot when the demo starts.
    pub uptime: u64,
    /// Whether a container daemon runs.
    pub docker: bool,
    /// What runs on it.
    pub works: &'static [WorkKind],
}

/// The GPUs of a machine.
#[derive(Debug)]
pub(super) struct GpuKind {
    /// How many.
    pub count: usize,
    /// Product name.
    pub name: &'static str,
    /// Driver version.
    pub driver: &'static str,
    /// CUDA version.
    pub cuda: &'static str,
    /// PCI bus ids, in the driver's order.
    pub bus_ids: &'static [&'static str],
    /// Memory of its own, MiB; none where it shares the machine's.
    pub memory_mib: Option<u64>,
    /// What the driver itself holds of it, MiB.
    pub reserved_mib: u64,
    /// Power at rest and at full load, W.
    pub power: (f32, f32),
    /// Power limit, W; none where the part does not say.
    pub power_limit: Option<f32>,
    /// SM clock at rest and at full load, MHz.
    pub clock_sm: (f32, f32),
    /// Memory clock, MHz; none where the part does not say.
    pub clock_memory: Option<u32>,
    /// Temperature without any power, °C: the room and the chassis.
    pub ambient: f32,
    /// °C per W in the steady state.
    pub resistance: f32,
    /// Seconds in which a change of temperature is two thirds done.
    pub inertia: f32,
    /// Performance state at rest.
    pub pstate_idle: u8,
    /// Whether it counts memory errors.
    pub ecc: bool,
}

/// One mounted file system.
#[derive(Debug)]
pub(super) struct DiskKind {
    /// Its device.
    pub device: &'static str,
    /// Where it is mounted.
    pub mount: &'static str,
    /// Size, kB.
    pub total_kb: u64,
    /// Used at the start, kB.
    pub used_kb: u64,
    /// kB written per second on average.
    pub growth_kb: f64,
}

/// The network card.
#[derive(Debug)]
pub(super) struct Nic {
    /// Its name.
    pub name: &'static str,
    /// What its driver is called in the kernel log.
    pub driver: &'static str,
    /// Bytes per second received and sent at rest.
    pub idle: (f32, f32),
}

/// A process that runs on a machine.
#[derive(Debug)]
pub(super) struct WorkKind {
    /// Process id after the first boot.
    pub pid: u32,
    /// Owner.
    pub user: &'static str,
    /// Command line.
    pub command: &'static str,
    /// Container, where it runs in one.
    pub container: Option<&'static str>,
    /// Indices of the GPUs that it uses.
    pub gpus: &'static [usize],
    /// GPU memory on each of them, MiB.
    pub gpu_mib: u64,
    /// Share of its GPU memory that it still holds when it has rested for long.
    pub resting: f32,
    /// Main memory beside that, MiB.
    pub rss_mib: u64,
    /// How its load moves.
    pub pattern: Pattern,
    /// Processors that it keeps busy at full load.
    pub cores: f32,
    /// Bytes per second received and sent at full load.
    pub traffic: (f32, f32),
}

impl Profile {
    /// So many machines: the four first, then clones of their kinds.
    pub(super) fn fleet(hosts: usize) -> Vec<(String, &'static Self)> {
        let four: [(&str, &'static Self); 4] = [
            ("spark-1", &SPARK_SERVING),
            ("spark-2", &SPARK_FULL),
            ("h200-a", &H200),
            ("plain", &PLAIN),
        ];
        let kinds: [(&str, &'static Self); 3] = [
            ("spark", &SPARK_SERVING),
            ("h200", &H200),
            ("plain", &PLAIN),
        ];
        let clones = kinds.iter().cycle().enumerate();
        four.into_iter()
            .map(|(name, profile)| (name.to_owned(), profile))
            .chain(clones.map(|(n, (kind, profile))| (format!("{kind}-{}", n / 3 + 3), *profile)))
            .take(hosts)
            .collect()
    }
}
