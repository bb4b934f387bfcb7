//! The fleet at one moment as JSON (pure). The shape is a promise to scripts: fields are added, never renamed; a value that
//! is missing is `null`, and `missing` beside it says why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    Disk, GpuHealth, GpuMemory, GpuProcess, GpuReading, GpuReport, HealthWord, MachineReading,
    Memory, Metric, MigInstance, Missing,
};
use crate::engine::{Fleet, Host, Outcome, Verdict};

/// Reasons by the field that they explain.
type Reasons = BTreeMap<&'static str, String>;

/// The fleet.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    fleet: String,
    /// RFC 3339, UTC.
    time: String,
    read_only: bool,
    hosts: Vec<HostShot>,
}

#[derive(Debug, Serialize)]
struct HostShot {
    name: String,
    tags: Vec<String>,
    state: HealthWord,
    detail: String,
    failure: Option<Failure>,
    round_trip_ms: Option<f64>,
    machine: Option<Machine>,
    driver: Option<Driver>,
    gpus: Vec<Gpu>,
    processes: Vec<Process>,
    disks: Vec<DiskShot>,
}

/// The first rung of the ladder that does not hold.
#[derive(Debug, Serialize)]
struct Failure {
    rung: &'static str,
    for_seconds: u64,
    why: String,
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Machine {
    age_seconds: u64,
    load: Option<[f32; 3]>,
    cpu_percent: Option<f32>,
    processors: Option<u32>,
    memory: Option<MemoryShot>,
    received_bytes_per_second: Option<u64>,
    sent_bytes_per_second: Option<u64>,
    uptime_seconds: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    missing: Reasons,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the JSON names its units")]
struct MemoryShot {
    total_mib: u64,
    used_mib: u64,
    available_mib: u64,
    cache_mib: u64,
    swap_total_mib: u64,
    swap_used_mib: u64,
}

#[derive(Debug, Serialize)]
struct Driver {
    state: String,
    source: String,
    version: Option<String>,
    cuda: Option<String>,
    age_seconds: u64,
}

#[derive(Debug, Serialize)]
struct Gpu {
    index: u32,
    id: String,
    name: String,
    lost: bool,
    utilisation_percent: Option<f32>,
    /// Whether its memory is the machine's: `memory_*` are then those of the machine.
    unified: bool,
    memory_used_mib: Option<u64>,
    memory_total_mib: Option<u64>,
    temperature_celsius: Option<f32>,
    power_watts: Option<f32>,
    power_limit_watts: Option<f32>,
    clock_sm_mhz: Option<u64>,
    clock_memory_mhz: Option<u64>,
    fan_percent: Option<f32>,
    pstate: Option<u8>,
    throttled_by: Vec<&'static str>,
    ecc_corrected: Option<u64>,
    ecc_uncorrected: Option<u64>,
    mig: Vec<Mig>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    missing: Reasons,
}

#[derive(Debug, Serialize)]
struct Mig {
    id: String,
    profile: String,
    memory_used_mib: Option<u64>,
    memory_total_mib: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Process {
    pid: u32,
    gpu: String,
    memory_mib: Option<u64>,
    user: Option<String>,
    container: Option<String>,
    command: String,
}

#[derive(Debug, Serialize)]
struct DiskShot {
    mount: String,
    device: String,
    total_bytes: u64,
    used_bytes: u64,
    available_bytes: u64,
}

impl Snapshot {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let time = Timestamp::from_millisecond(fleet.wall.0).unwrap_or_default();
        Self {
            fleet: fleet.name.to_string(),
            time: time.to_string(),
            read_only: fleet.read_only,
            hosts: fleet
                .hosts
                .iter()
                .map(|host| of_host(fleet, host))
                .collect(),
        }
    }
}

fn of_host(fleet: &Fleet, host: &Host) -> HostShot {
    let memory = machine_memory(host);
    let gpus = host.gpus.as_ref();
    HostShot {
        name: host.id.to_string(),
        tags: host.spec.tags.clone(),
        state: host.word,
        detail: host.detail.to_string(),
        failure: failure(fleet, host),
        round_trip_ms: host.round_trip.map(|trip| trip.as_secs_f64() * 1000.0),
        machine: host
            .machine
            .as_ref()
            .map(|timed| of_machine(&timed.value, timed.age(fleet.at).0 / 1000)),
        driver: gpus.map(|timed| of_driver(&timed.value, timed.age(fleet.at).0 / 1000)),
        gpus: gpus
            .iter()
            .flat_map(|timed| &timed.value.gpus)
            .map(|gpu| of_gpu(gpu, memory))
            .collect(),
        processes: host
            .processes
            .iter()
            .flat_map(|timed| timed.value.iter())
            .map(of_process)
            .collect(),
        disks: host
            .disks
            .iter()
            .flat_map(|timed| timed.value.iter())
            .map(of_disk)
            .collect(),
    }
}

fn failure(fleet: &Fleet, host: &Host) -> Option<Failure> {
    let (Verdict::Down { rung, since } | Verdict::Wedged { rung, since }) = host.ladder.verdict()
    else {
        return None;
    };
    let (why, hint) = match host.ladder.outcome(rung) {
        Outcome::Failed { why, hint, .. } => {
            (why.to_string(), hint.as_ref().map(ToString::to_string))
        }
        _ => (String::new(), None),
    };
    Some(Failure {
        rung: rung.word(),
        for_seconds: fleet.at.since(since).0 / 1000,
        why,
        hint,
    })
}

/// The machine's memory, which is also that of a GPU without its own.
pub(super) fn machine_memory(host: &Host) -> Option<Memory> {
    host.machine.as_ref()?.value.memory.value().copied()
}

fn of_machine(machine: &MachineReading, age_seconds: u64) -> Machine {
    let mut missing = Reasons::new();
    let network = known(&mut missing, "network", &machine.network);
    Machine {
        age_seconds,
        load: known(&mut missing, "load", &machine.load),
        cpu_percent: known(&mut missing, "cpu_percent", &machine.cpu).map(|percent| percent.0),
        processors: known(&mut missing, "processors", &machine.processors),
        memory: known(&mut missing, "memory", &machine.memory).map(|memory| MemoryShot {
            total_mib: memory.total.0,
            used_mib: memory.used().0,
            available_mib: memory.available.0,
            cache_mib: memory.cache.0,
            swap_total_mib: memory.swap_total.0,
            swap_used_mib: memory.swap_used.0,
        }),
        received_bytes_per_second: network.map(|network| network.received.0),
        sent_bytes_per_second: network.map(|network| network.sent.0),
        uptime_seconds: known(&mut missing, "uptime_seconds", &machine.uptime),
        missing,
    }
}

fn of_driver(report: &GpuReport, age_seconds: u64) -> Driver {
    Driver {
        state: report.condition.words(),
        source: report.source.to_string(),
        version: report.driver.value().map(ToString::to_string),
        cuda: report.cuda.value().map(ToString::to_string),
        age_seconds,
    }
}

fn of_gpu(gpu: &GpuReading, machine: Option<Memory>) -> Gpu {
    let mut missing = Reasons::new();
    let (memory_used_mib, memory_total_mib) = match &gpu.memory {
        GpuMemory::Unified if machine.is_none() => {
            missing.insert("memory", Missing::NotReported.words().to_owned());
            (None, None)
        }
        GpuMemory::Missing(why) => {
            missing.insert("memory", why.words().to_owned());
            (None, None)
        }
        memory => memory_of(memory, machine),
    };
    let ecc = known(&mut missing, "ecc", &gpu.ecc);
    Gpu {
        index: gpu.index,
        id: gpu.id.to_string(),
        name: gpu.name.to_string(),
        lost: gpu.health == GpuHealth::Lost,
        utilisation_percent: known(&mut missing, "utilisation_percent", &gpu.utilisation)
            .map(|percent| percent.0),
        unified: gpu.memory == GpuMemory::Unified,
        memory_used_mib,
        memory_total_mib,
        temperature_celsius: known(&mut missing, "temperature_celsius", &gpu.temperature)
            .map(|celsius| celsius.0),
        power_watts: known(&mut missing, "power_watts", &gpu.power).map(|watts| watts.0),
        power_limit_watts: known(&mut missing, "power_limit_watts", &gpu.power_limit)
            .map(|watts| watts.0),
        clock_sm_mhz: known(&mut missing, "clock_sm_mhz", &gpu.clock_sm).map(|mhz| mhz.0),
        clock_memory_mhz: known(&mut missing, "clock_memory_mhz", &gpu.clock_memory)
            .map(|mhz| mhz.0),
        fan_percent: known(&mut missing, "fan_percent", &gpu.fan).map(|percent| percent.0),
        pstate: known(&mut missing, "pstate", &gpu.pstate),
        throttled_by: known(&mut missing, "throttled_by", &gpu.throttle)
            .map(|throttle| throttle.words().collect())
            .unwrap_or_default(),
        ecc_corrected: ecc.map(|ecc| ecc.corrected),
        ecc_uncorrected: ecc.map(|ecc| ecc.uncorrected),
        mig: gpu.mig.iter().map(of_mig).collect(),
        missing,
    }
}

fn of_mig(instance: &MigInstance) -> Mig {
    let (memory_used_mib, memory_total_mib) = memory_of(&instance.memory, None);
    Mig {
        id: instance.id.to_string(),
        profile: instance.profile.to_string(),
        memory_used_mib,
        memory_total_mib,
    }
}

/// Used and total, in MiB.
pub(super) fn memory_of(memory: &GpuMemory, machine: Option<Memory>) -> (Option<u64>, Option<u64>) {
    match memory {
        GpuMemory::Dedicated { used, total } => (Some(used.0), Some(total.0)),
        GpuMemory::Unified => (
            machine.map(|memory| memory.used().0),
            machine.map(|memory| memory.total.0),
        ),
        GpuMemory::Missing(_) => (None, None),
    }
}

fn of_process(process: &GpuProcess) -> Process {
    Process {
        pid: process.pid,
        gpu: process.gpu.to_string(),
        memory_mib: process.memory.value().map(|memory| memory.0),
        user: process.user.value().map(ToString::to_string),
        container: process.container.value().map(ToString::to_string),
        command: process.command.to_string(),
    }
}

fn of_disk(disk: &Disk) -> DiskShot {
    DiskShot {
        mount: disk.mount.to_string(),
        device: disk.device.to_string(),
        total_bytes: disk.total.0,
        used_bytes: disk.used.0,
        available_bytes: disk.available.0,
    }
}

/// The value, or `None` and its reason on the list.
fn known<T: Clone>(missing: &mut Reasons, field: &'static str, metric: &Metric<T>) -> Option<T> {
    match metric {
        Metric::Is(value) => Some(value.clone()),
        Metric::Missing(why) => {
            missing.insert(field, why.words().to_owned());
            None
        }
    }
}
