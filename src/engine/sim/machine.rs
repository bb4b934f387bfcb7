//! A simulated machine: its readings walk at random from a seed, so that two runs see the same.

use std::sync::Arc;

use crate::domain::{
    Bytes, BytesPerSecond, Celsius, Disk, Ecc, GpuCondition, GpuHealth, GpuId, GpuMemory,
    GpuProcess, GpuReading, GpuReport, GpuSourceKind, MachineReading, Memory, Metric, Mhz, Mib,
    Missing, Network, Percent, Pressure, Sample, Throttle, Watts,
};

/// What sort of GPU a simulated machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimGpu {
    /// A card with this much memory of its own.
    Card {
        /// Its memory.
        total: Mib,
    },
    /// A GB10: it shares the machine's memory.
    Gb10,
}

/// A simulated machine. The public fields are what a test turns.
#[derive(Debug, Clone)]
pub struct SimMachine {
    rng: fastrand::Rng,
    beats: u64,
    gpu: SimGpu,
    gpus: u32,
    /// What the driver says of itself.
    pub condition: GpuCondition,
    /// Memory left on each GPU (or of the machine, where it is shared).
    pub left: Mib,
    /// Temperature of each GPU.
    pub temperature: Celsius,
    /// What holds the clocks down.
    pub throttle: Throttle,
    /// Seconds since its boot: one more with each beat.
    pub uptime: u64,
}

/// Memory of a simulated machine.
const MEMORY: Mib = Mib(124_610);

impl SimMachine {
    /// A machine with so many GPUs, comfortable in every way.
    pub fn new(seed: u64, gpu: SimGpu, gpus: u32) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            beats: 0,
            gpu,
            gpus,
            condition: GpuCondition::Working,
            left: Mib(30 * 1024),
            temperature: Celsius(61.0),
            throttle: Throttle::default(),
            uptime: 86_400,
        }
    }

    /// The next beat. Disks come with every thirtieth.
    pub fn sample(&mut self) -> Sample {
        let disks = self.beats.is_multiple_of(30);
        self.beats += 1;
        self.uptime += 1;
        Sample {
            machine: Some(Arc::new(self.machine())),
            gpus: Some(Arc::new(self.report())),
            processes: Some(Arc::new(self.processes())),
            disks: disks.then(|| Arc::new(vec![disk()])),
        }
    }

    fn machine(&mut self) -> MachineReading {
        let available = match self.gpu {
            SimGpu::Gb10 => self.left,
            SimGpu::Card { .. } => Mib(60_000 + self.rng.u64(0..500)),
        };
        let cpu = self.near(40.0, 12.0);
        MachineReading {
            load: Metric::Is([cpu / 5.0, 6.0, 5.0]),
            cpu: Metric::Is(Percent(cpu)),
            processors: Metric::Is(20),
            memory: Metric::Is(Memory {
                total: MEMORY,
                available,
                free: Mib(available.0 / 2),
                cache: Mib(available.0 / 2),
                swap_total: Mib(16_384),
                swap_used: Mib(0),
            }),
            pressure: Metric::Is(Pressure {
                cpu_some: Percent(1.5),
                memory_some: Percent(0.0),
                memory_full: Percent(0.0),
                io_full: Percent(0.2),
            }),
            network: Metric::Is(Network {
                received: BytesPerSecond(self.rng.u64(1_000..900_000)),
                sent: BytesPerSecond(self.rng.u64(1_000..90_000)),
            }),
            uptime: Metric::Is(self.uptime),
        }
    }

    fn report(&mut self) -> GpuReport {
        let gpus = match self.condition {
            GpuCondition::Working => (0..self.gpus).map(|index| self.reading(index)).collect(),
            _ => Vec::new(),
        };
        GpuReport {
            condition: self.condition.clone(),
            source: GpuSourceKind::NvidiaSmi,
            driver: Metric::Is("580.95.05".into()),
            cuda: Metric::Is("13.0".into()),
            gpus,
        }
    }

    fn reading(&mut self, index: u32) -> GpuReading {
        let unified = self.gpu == SimGpu::Gb10;
        let (name, memory) = match self.gpu {
            SimGpu::Gb10 => ("NVIDIA GB10", GpuMemory::Unified),
            SimGpu::Card { total } => (
                "NVIDIA H200",
                GpuMemory::Dedicated {
                    used: total - self.left,
                    total,
                },
            ),
        };
        GpuReading {
            id: gpu_id(index),
            index,
            name: name.into(),
            bus_id: Metric::Is(format!("00000000:{index:02X}:00.0").into()),
            health: GpuHealth::Ok,
            utilisation: Metric::Is(Percent(self.near(88.0, 11.0))),
            memory,
            temperature: Metric::Is(self.temperature),
            power: Metric::Is(Watts(self.near(400.0, 60.0))),
            power_limit: not_on(unified, Watts(700.0)),
            clock_sm: Metric::Is(Mhz(1_980)),
            clock_memory: not_on(unified, Mhz(3_201)),
            fan: Metric::Missing(Missing::NotSupported),
            pstate: Metric::Is(0),
            throttle: Metric::Is(self.throttle),
            ecc: not_on(unified, Ecc::default()),
            mig: Vec::new(),
        }
    }

    fn processes(&self) -> Vec<GpuProcess> {
        (0..self.gpus)
            .map(|index| GpuProcess {
                pid: 4_000 + index,
                gpu: gpu_id(index),
                memory: Metric::Is(Mib(61_000)),
                user: Metric::Is("ops".into()),
                command: "python3 -m vllm.entrypoints.openai.api_server".into(),
                container: Metric::Is("vllm_node".into()),
                started: Metric::Is(77_000 + u64::from(index)),
            })
            .collect()
    }

    fn near(&mut self, middle: f32, spread: f32) -> f32 {
        middle + (self.rng.f32() - 0.5) * 2.0 * spread
    }
}

fn gpu_id(index: u32) -> GpuId {
    GpuId::new(format!("GPU-{index:08}"))
}

fn not_on<T>(unified: bool, value: T) -> Metric<T> {
    if unified {
        Metric::Missing(Missing::NotSupported)
    } else {
        Metric::Is(value)
    }
}

fn disk() -> Disk {
    Disk {
        mount: "/".into(),
        device: "/dev/nvme0n1p2".into(),
        total: Bytes(2_000_000_000_000),
        used: Bytes(900_000_000_000),
        available: Bytes(1_100_000_000_000),
    }
}
