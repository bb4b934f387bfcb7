//! A simulated machine's state in the words of the trade (pure): what the sampler on it would read.

use crate::domain::{
    Bytes, Celsius, Disk, Ecc, GpuCondition, GpuHealth, GpuId, GpuMemory, GpuProcess, GpuReading,
    GpuReport, GpuSourceKind, Metric, Mhz, Mib, Missing, Percent, Throttle, Watts,
};
use crate::machine::{Counters, World as Reading};

use super::gpu::Gpu;
use super::profile::GpuKind;
use super::world::World;

/// Everything at once.
pub(super) fn now(name: &str, world: &World) -> Reading {
    Reading {
        counters: counters(world),
        gpus: report(name, world),
        processes: processes(name, world),
        disks: disks(world),
    }
}

/// The machine beside its GPUs.
fn counters(world: &World) -> Counters {
    Counters {
        load: world.load,
        busy: world.cpu.busy as u64,
        idle: world.cpu.idle as u64,
        processors: world.profile.processors,
        memory: world.memory,
        pressure: Some(world.pressure),
        received: world.traffic.0,
        sent: world.traffic.1,
        uptime: world.uptime,
    }
}

/// Its GPUs; none where it has none.
fn report(name: &str, world: &World) -> Option<GpuReport> {
    let kind = world.profile.gpus.as_ref()?;
    let gpus = world.gpus.iter().enumerate();
    Some(GpuReport {
        condition: condition(world, kind),
        source: GpuSourceKind::NvidiaSmi,
        driver: Metric::Is(kind.driver.into()),
        cuda: Metric::Is(kind.cuda.into()),
        gpus: gpus
            .map(|(index, gpu)| reading(name, world, kind, index, gpu))
            .collect(),
    })
}

/// Its processes with GPU memory, one row for each GPU that they use. Nothing is listed on a GPU that is lost.
fn processes(name: &str, world: &World) -> Vec<GpuProcess> {
    let mut rows = Vec::new();
    for process in world.processes() {
        for &index in process.gpus {
            if process.gpu_mib == 0 || world.gpus.get(index).is_none_or(|gpu| gpu.lost) {
                continue;
            }
            rows.push(GpuProcess {
                pid: process.pid,
                gpu: uuid(name, index),
                memory: Metric::Is(Mib(process.gpu_mib)),
                user: Metric::Is(process.user.into()),
                command: process.command.into(),
                container: process.container.map(Into::into).into(),
                started: Metric::Is(process.started),
            });
        }
    }
    rows
}

/// Its mounted file systems.
fn disks(world: &World) -> Vec<Disk> {
    let kinds = world.profile.disks.iter();
    kinds
        .zip(&world.disks)
        .map(|(kind, used)| {
            let total = kind.total_kb * 1024;
            let used = (*used as u64 * 1024).min(total);
            Disk {
                mount: kind.mount.into(),
                device: kind.device.into(),
                total: Bytes(total),
                used: Bytes(used),
                // ext4 and its kin keep a reserve for root.
                available: Bytes((total - used).saturating_sub(total / 50)),
            }
        })
        .collect()
}

/// What the vendor's tool says when it is started now. One that runs already says it in its cells.
fn condition(world: &World, kind: &GpuKind) -> GpuCondition {
    let lost = world.gpus.iter().position(|gpu| gpu.lost);
    let Some(bus) = lost.and_then(|index| kind.bus_ids.get(index)) else {
        return GpuCondition::Working;
    };
    // The tool writes four digits of the domain here, and eight in its table.
    let bus = bus.strip_prefix("0000").unwrap_or(bus);
    let detail = format!(
        "Unable to determine the device handle for GPU {bus}: GPU is lost.  Reboot the system to recover this GPU"
    );
    GpuCondition::Lost {
        detail: detail.into(),
    }
}

fn reading(name: &str, world: &World, kind: &GpuKind, index: usize, gpu: &Gpu) -> GpuReading {
    let not_lost = LostOr(gpu.lost);
    GpuReading {
        id: uuid(name, index),
        index: index as u32,
        name: kind.name.into(),
        bus_id: kind.bus_ids.get(index).map(|&id| id.into()).into(),
        health: if gpu.lost {
            GpuHealth::Lost
        } else {
            GpuHealth::Ok
        },
        utilisation: not_lost.is(Percent((gpu.utilisation * 100.0).round())),
        memory: match kind.memory_mib {
            _ if gpu.lost => GpuMemory::Missing(Missing::Lost),
            Some(total) => GpuMemory::Dedicated {
                used: Mib(world.gpu_used_mib(index)),
                total: Mib(total),
            },
            None => GpuMemory::Unified,
        },
        temperature: not_lost.is(Celsius(gpu.temperature.round())),
        power: not_lost.is(Watts(gpu.power)),
        power_limit: not_lost.maybe(kind.power_limit.map(Watts)),
        clock_sm: not_lost.is(Mhz(gpu.clock_sm as u64)),
        clock_memory: not_lost.maybe(kind.clock_memory.map(|mhz| Mhz(u64::from(mhz)))),
        fan: not_lost.maybe(None),
        pstate: not_lost.is(gpu.pstate),
        throttle: not_lost.is(Throttle(gpu.throttle)),
        ecc: not_lost.maybe(kind.ecc.then(Ecc::default)),
        mig: Vec::new(),
    }
}

/// Whether a GPU is lost: then none of its values is there.
#[derive(Clone, Copy)]
struct LostOr(bool);

impl LostOr {
    fn is<T>(self, value: T) -> Metric<T> {
        self.maybe(Some(value))
    }

    fn maybe<T>(self, value: Option<T>) -> Metric<T> {
        match (self.0, value) {
            (true, _) => Metric::Missing(Missing::Lost),
            (false, Some(value)) => Metric::Is(value),
            (false, None) => Metric::Missing(Missing::NotSupported),
        }
    }
}

/// A UUID in the driver's form that stays the same for the same machine and index.
fn uuid(name: &str, index: usize) -> GpuId {
    // FNV-1a: short, and the same on every platform.
    let hash = |salt: u64| {
        name.bytes()
            .chain([index as u8])
            .fold(0xcbf2_9ce4_8422_2325 ^ salt, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    };
    let (high, low) = (hash(0), hash(0x9e37_79b9));
    GpuId::new(format!(
        "GPU-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    ))
}
