//! What a container takes, from two readings of its counters (pure).

use jiff::Timestamp;
use serde::Deserialize;

use super::bounded::{Few, Pairs};
use super::error::DockerError;
use super::events::Lines;
use super::wire::{Chunks, parse};
use crate::domain::{Bytes, BytesPerSecond, ContainerStats, Metric, Missing, Percent};

/// One reading of a container's counters. Two of them make [`ContainerStats`].
#[derive(Debug, Clone, PartialEq)]
pub struct StatsReading {
    counters: Counters,
    /// When it was taken, on the clock of its host.
    at: Option<Timestamp>,
    /// Memory of the whole machine.
    machine: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Counters {
    read: String,
    cpu_stats: Cpu,
    memory_stats: Memory,
    networks: Option<Pairs<Network, 256>>,
    blkio_stats: Disk,
    pids_stats: Pids,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Cpu {
    cpu_usage: CpuUsage,
    online_cpus: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct CpuUsage {
    total_usage: u64,
    percpu_usage: Few<u64, 4096>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Memory {
    usage: Option<u64>,
    limit: Option<u64>,
    stats: MemoryKinds,
}

/// Page cache that can be had back: cgroup v1 has the first name, v2 the second.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct MemoryKinds {
    total_inactive_file: Option<u64>,
    inactive_file: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Network {
    rx_bytes: u64,
    tx_bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Disk {
    io_service_bytes_recursive: Option<Few<DiskCount, 4096>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct DiskCount {
    op: String,
    value: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Pids {
    current: Option<u64>,
}

impl StatsReading {
    /// Reads the engine's answer; `machine` is the memory of the whole machine in bytes.
    pub(super) fn read(answer: &[u8], machine: Option<u64>) -> Result<Self, DockerError> {
        let counters: Counters = parse(answer)?;
        // A container that does not run is read at the year 1.
        let at = counters.read.parse().ok();
        Ok(Self {
            at: at.filter(|at: &Timestamp| at.as_second() > 0),
            counters,
            machine,
        })
    }

    /// What it takes now. Rates are over the time since `before`; without it they are missing.
    pub fn since(&self, before: Option<&Self>) -> ContainerStats {
        if self.at.is_none() {
            return nothing();
        }
        let span = before.and_then(|before| Some((before, self.seconds_since(before)?)));
        let rate = |count: fn(&Counters) -> Option<[u64; 2]>| {
            let (before, seconds) = span?;
            let (now, then) = (count(&self.counters)?, count(&before.counters)?);
            Some(per_second(now, then, seconds))
        };
        ContainerStats {
            cpu: span.and_then(|(before, s)| self.cpu(before, s)).into(),
            memory: self.counters.memory_stats.in_use().map(Bytes).into(),
            limit: self.limit(),
            network: rate(Counters::network).into(),
            disk: rate(Counters::disk).into(),
            pids: self.counters.pids_stats.current.into(),
        }
    }

    fn seconds_since(&self, before: &Self) -> Option<f64> {
        let span = self.at?.duration_since(before.at?).as_secs_f64();
        // Two readings of one moment tell no rate.
        (span > 0.05).then_some(span)
    }

    /// Time on the CPUs over time on the wall and the number of CPUs: the engine's own total of the machine is something
    /// else in Podman, and too coarse for readings that are close.
    fn cpu(&self, before: &Self, seconds: f64) -> Option<Percent> {
        let now = &self.counters.cpu_stats;
        let cpus = now.online_cpus.filter(|cpus| *cpus > 0);
        let cpus = cpus.or_else(|| match now.cpu_usage.percpu_usage.0.len() {
            0 => None,
            cpus => u32::try_from(cpus).ok(),
        })?;
        let then = before.counters.cpu_stats.cpu_usage.total_usage;
        let busy = now.cpu_usage.total_usage.checked_sub(then)? as f64 / 1e9;
        let share = busy / (seconds * f64::from(cpus));
        Some(Percent((share * 100.0).min(100.0) as f32))
    }

    fn limit(&self) -> Metric<Bytes> {
        match self.counters.memory_stats.limit {
            None => Metric::default(),
            Some(limit) if limit == 0 || self.machine.is_some_and(|all| limit >= all) => {
                Metric::Missing(Missing::Unreadable("no limit".into()))
            }
            Some(limit) => Metric::Is(Bytes(limit)),
        }
    }
}

impl Memory {
    /// In use, the page cache that can be had back left out, as `docker stats` counts it.
    fn in_use(&self) -> Option<u64> {
        let usage = self.usage?;
        let cache = self.stats.total_inactive_file.or(self.stats.inactive_file);
        Some(
            usage
                .checked_sub(cache.unwrap_or_default())
                .unwrap_or(usage),
        )
    }
}

impl Counters {
    /// Received and sent over all networks.
    fn network(&self) -> Option<[u64; 2]> {
        let networks = &self.networks.as_ref()?.0;
        let sum = |count: fn(&Network) -> u64| {
            networks.iter().fold(0_u64, |all, (_, network)| {
                all.saturating_add(count(network))
            })
        };
        Some([sum(|n| n.rx_bytes), sum(|n| n.tx_bytes)])
    }

    /// Read and written on all disks.
    fn disk(&self) -> Option<[u64; 2]> {
        let counts = &self.blkio_stats.io_service_bytes_recursive.as_ref()?.0;
        let sum = |op: &str| {
            let of_op = counts
                .iter()
                .filter(|count| count.op.eq_ignore_ascii_case(op));
            of_op.fold(0_u64, |all, count| all.saturating_add(count.value))
        };
        Some([sum("read"), sum("write")])
    }
}

/// A counter that went back is that of a container started anew: it tells nothing of the time between.
fn per_second(now: [u64; 2], then: [u64; 2], seconds: f64) -> [BytesPerSecond; 2] {
    let [a, b] = now;
    let [c, d] = then;
    let rate =
        |now: u64, then: u64| BytesPerSecond((now.saturating_sub(then) as f64 / seconds) as u64);
    [rate(a, c), rate(b, d)]
}

fn nothing() -> ContainerStats {
    fn missing<T>() -> Metric<T> {
        Metric::Missing(Missing::Unreadable("it does not run".into()))
    }
    ContainerStats {
        cpu: missing(),
        memory: missing(),
        limit: missing(),
        network: missing(),
        disk: missing(),
        pids: missing(),
    }
}

/// What one container takes, second by second. Dropping it ends the stream.
#[derive(Debug)]
pub struct Stats {
    chunks: Chunks,
    lines: Lines,
    machine: Option<u64>,
    before: Option<StatsReading>,
}

impl Stats {
    pub(super) fn new(chunks: Chunks, machine: Option<u64>) -> Self {
        Self {
            chunks,
            lines: Lines::default(),
            machine,
            before: None,
        }
    }

    /// The next second's; `None` where the container is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<ContainerStats, DockerError>> {
        loop {
            match self.lines.next() {
                Ok(Some(line)) if line.is_empty() => {}
                Ok(Some(line)) => return Some(self.read(&line)),
                Ok(None) => match self.chunks.next().await? {
                    Ok(chunk) => self.lines.feed(&chunk),
                    Err(error) => return Some(Err(error)),
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<ContainerStats, DockerError> {
        let reading = StatsReading::read(line, self.machine)?;
        let stats = reading.since(self.before.as_ref());
        self.before = Some(reading);
        Ok(stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Option<u64> = Some(64 << 30);

    fn reading(json: &str) -> StatsReading {
        StatsReading::read(json.as_bytes(), MACHINE).unwrap()
    }

    #[test]
    fn two_readings_of_cgroup_v2() {
        let before = reading(
            r#"{"read":"2026-11-21T14:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":1000000000},"online_cpus":4},
            "networks":{"eth0":{"rx_bytes":1000,"tx_bytes":10},"eth1":{"rx_bytes":1,"tx_bytes":1}},
            "blkio_stats":{"io_service_bytes_recursive":[{"major":8,"op":"read","value":0},{"op":"write","value":5}]}}"#,
        );
        let now = reading(
            r#"{"read":"2026-11-21T14:00:02Z","cpu_stats":{"cpu_usage":{"total_usage":5000000000},"online_cpus":4},
            "memory_stats":{"usage":3000,"limit":1073741824,"stats":{"inactive_file":1000}},
            "networks":{"eth0":{"rx_bytes":3000,"tx_bytes":10},"eth1":{"rx_bytes":1,"tx_bytes":201}},
            "blkio_stats":{"io_service_bytes_recursive":[{"op":"read","value":4096},{"op":"write","value":5},{"op":"read","value":4096}]},
            "pids_stats":{"current":7}}"#,
        );
        let stats = now.since(Some(&before));
        assert_eq!(stats.cpu, Metric::Is(Percent(50.0)));
        assert_eq!(stats.memory, Metric::Is(Bytes(2000)));
        assert_eq!(stats.limit, Metric::Is(Bytes(1 << 30)));
        assert_eq!(
            stats.network,
            Metric::Is([BytesPerSecond(1000), BytesPerSecond(100)])
        );
        assert_eq!(
            stats.disk,
            Metric::Is([BytesPerSecond(4096), BytesPerSecond(0)])
        );
        assert_eq!(stats.pids, Metric::Is(7));
        let first = now.since(None);
        assert!(first.cpu.value().is_none() && first.network.value().is_none());
        assert_eq!(first.memory, stats.memory);
    }

    #[test]
    fn cgroup_v1_and_oddities_by_rows() {
        let v1 = reading(
            r#"{"read":"2026-11-21T14:00:02Z","memory_stats":{"usage":3000,"limit":68719476736,"stats":{"total_inactive_file":500,"inactive_file":100}},
            "cpu_stats":{"cpu_usage":{"total_usage":1,"percpu_usage":[1,2]}},"blkio_stats":{"io_service_bytes_recursive":null},"pids_stats":{}}"#,
        );
        let stats = v1.since(None);
        assert_eq!(stats.memory, Metric::Is(Bytes(2500)));
        assert_eq!(stats.limit.missing().unwrap().words(), "no limit");
        assert_eq!(stats.disk, Metric::default());
        assert_eq!(stats.pids, Metric::default());
        // A counter that went back, two readings of one moment, cache above use.
        let anew = reading(
            r#"{"read":"2026-11-21T14:00:03Z","cpu_stats":{"cpu_usage":{"total_usage":0},"online_cpus":1}}"#,
        );
        assert_eq!(anew.since(Some(&v1)).cpu, Metric::default());
        assert_eq!(v1.since(Some(&v1)).cpu, Metric::default());
        let odd = reading(
            r#"{"read":"2026-11-21T14:00:03Z","memory_stats":{"usage":5,"stats":{"inactive_file":9}}}"#,
        );
        assert_eq!(odd.since(None).memory, Metric::Is(Bytes(5)));
        let ended = reading(r#"{"read":"0001-01-01T00:00:00Z","memory_stats":{},"networks":null}"#);
        assert_eq!(
            ended.since(Some(&v1)).memory.missing().unwrap().words(),
            "it does not run"
        );
        assert!(StatsReading::read(b"[", MACHINE).is_err());
    }
}
