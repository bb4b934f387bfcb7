//! The lines of one beat -> [`MachineReading`]. Keeps the counters of the beat before, since rates are differences.
//! Pure; a line that is missing or odd costs its own value and no other.

use std::collections::BTreeMap;

use crate::domain::{
    At, BytesPerSecond, MachineReading, Memory, Metric, Mib, Missing, Network, Percent, Pressure,
};

/// Reads frame after frame of one host.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    coming: Frame,
    before: Option<Frame>,
}

/// What one frame said, as far as it was readable.
#[derive(Debug, Default)]
struct Frame {
    at: At,
    load: Option<[f32; 3]>,
    cpu: Option<Ticks>,
    processors: Option<u32>,
    memory: BTreeMap<String, u64>,
    pressure: BTreeMap<String, f32>,
    received: Option<u64>,
    sent: Option<u64>,
    uptime: Option<f64>,
}

/// Processor time since boot in clock ticks.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl FrameReader {
    /// A frame begins; what was left of one that did not end is dropped.
    pub(super) fn begin(&mut self, at: At) {
        self.coming = Frame {
            at,
            ..Frame::default()
        };
    }

    /// One line of a frame.
    pub(super) fn line(&mut self, tag: &str, text: &str) {
        let frame = &mut self.coming;
        match tag {
            "load" => frame.load = load(text),
            "cpu" => frame.cpu = ticks(text),
            "cpus" => frame.processors = text.parse().ok().filter(|n| *n > 0),
            "mem" => frame.memory = pairs(text),
            "psi" if frame.pressure.len() < 16 => frame.pressure.extend(pressure(text)),
            "net" => frame.interface(text),
            "up" => frame.uptime = text.split(' ').next().and_then(number),
            _ => {}
        }
    }

    /// The frame is whole.
    pub(super) fn end(&mut self) -> MachineReading {
        let now = std::mem::take(&mut self.coming);
        let reading = now.reading(self.before.as_ref());
        self.before = Some(now);
        reading
    }
}

impl Frame {
    fn interface(&mut self, text: &str) {
        let mut words = text.split(' ');
        let (_, received, sent) = (words.next(), words.next(), words.next());
        let count = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
        if let (Some(received), Some(sent)) = (count(received), count(sent)) {
            self.received = Some(self.received.unwrap_or(0).saturating_add(received));
            self.sent = Some(self.sent.unwrap_or(0).saturating_add(sent));
        }
    }

    fn reading(&self, before: Option<&Self>) -> MachineReading {
        MachineReading {
            load: self.load.into(),
            cpu: self.cpu_since(before).into(),
            processors: self.processors.into(),
            memory: self.memory().into(),
            pressure: self.pressure(),
            network: self.network_since(before).into(),
            uptime: self.uptime.map(|seconds| seconds as u64).into(),
        }
    }

    fn cpu_since(&self, before: Option<&Self>) -> Option<Percent> {
        let (now, before) = (self.cpu?, before?.cpu?);
        let all = now.all.checked_sub(before.all).filter(|all| *all > 0)?;
        let busy = now.busy.saturating_sub(before.busy).min(all);
        Some(Percent((busy as f64 * 100.0 / all as f64) as f32))
    }

    fn network_since(&self, before: Option<&Self>) -> Option<Network> {
        let before = before?;
        let seconds = self.seconds_since(before)?;
        let rate = |now: Option<u64>, then: Option<u64>| {
            // A counter that fell was reset: the interface went and came back.
            let bytes = now?.checked_sub(then?)?;
            Some(BytesPerSecond((bytes as f64 / seconds) as u64))
        };
        Some(Network {
            received: rate(self.received, before.received)?,
            sent: rate(self.sent, before.sent)?,
        })
    }

    /// By the host's own clock where it says so: our way to it is no part of the rate.
    fn seconds_since(&self, before: &Self) -> Option<f64> {
        let seconds = match (self.uptime, before.uptime) {
            (Some(now), Some(then)) => now - then,
            _ => self.at.since(before.at).duration().as_secs_f64(),
        };
        (seconds > 0.0).then_some(seconds)
    }

    fn memory(&self) -> Option<Memory> {
        let kib = |name: &str| self.memory.get(name).copied();
        let total = kib("MemTotal").filter(|total| *total > 0)?;
        let free = kib("MemFree")?;
        let cache = ["Cached", "Buffers", "SReclaimable"]
            .into_iter()
            .filter_map(kib)
            .fold(0u64, u64::saturating_add)
            .saturating_sub(kib("Shmem").unwrap_or(0));
        // Kernels before 3.14 have no MemAvailable.
        let available = kib("MemAvailable").unwrap_or_else(|| free.saturating_add(cache));
        let swap_total = kib("SwapTotal").unwrap_or(0);
        let swap_free = kib("SwapFree").unwrap_or(swap_total);
        Some(Memory {
            total: Mib::from_kib(total),
            available: Mib::from_kib(available.min(total)),
            free: Mib::from_kib(free.min(total)),
            cache: Mib::from_kib(cache.min(total)),
            swap_total: Mib::from_kib(swap_total),
            swap_used: Mib::from_kib(swap_total.saturating_sub(swap_free)),
        })
    }

    fn pressure(&self) -> Metric<Pressure> {
        let share = |name: &str| self.pressure.get(name).copied().map(Percent);
        let whole = || {
            Some(Pressure {
                cpu_some: share("cpu some")?,
                memory_some: share("memory some")?,
                memory_full: share("memory full")?,
                io_full: share("io full")?,
            })
        };
        whole().map_or(Metric::Missing(Missing::NotSupported), Metric::Is)
    }
}

fn number<T: std::str::FromStr + Into<f64> + Copy>(word: &str) -> Option<T> {
    word.parse::<T>().ok().filter(|value| {
        let value: f64 = (*value).into();
        value.is_finite() && value >= 0.0
    })
}

fn load(text: &str) -> Option<[f32; 3]> {
    let mut words = text.split(' ').map(number);
    Some([words.next()??, words.next()??, words.next()??])
}

/// user nice system idle iowait irq softirq steal guest guest_nice (proc_stat(5)); guest time is within user and nice.
fn ticks(text: &str) -> Option<Ticks> {
    let counts: Vec<u64> = text
        .split_ascii_whitespace()
        .map_while(|word| word.parse().ok())
        .take(8)
        .collect();
    let idle = *counts.get(3)?;
    let waiting = counts.get(4).copied().unwrap_or(0);
    let all = counts.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
    Some(Ticks {
        busy: all.saturating_sub(idle.saturating_add(waiting)),
        all,
    })
}

fn pairs(text: &str) -> BTreeMap<String, u64> {
    let mut words = text.split_ascii_whitespace();
    let mut found = BTreeMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if let Ok(value) = value.parse() {
            found.insert(name.to_owned(), value);
        }
    }
    found
}

/// `cpu some avg10=0.12 …`: the share by its first two words.
fn pressure(text: &str) -> Option<(String, f32)> {
    let (name, rest) = text.split_once(" avg10=")?;
    let share = number::<f32>(rest.split(' ').next()?)?;
    Some((name.to_owned(), share.min(100.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut FrameReader, at: u64, lines: &str) -> MachineReading {
        reader.begin(At(at));
        for line in lines.lines() {
            let (tag, text) = line.split_once(' ').unwrap();
            reader.line(tag, text);
        }
        reader.end()
    }

    const FIRST: &str = "load 0.52 0.40 0.31 2/1201 99812\ncpu 100 0 100 700 100 0 0 0 50 0\ncpus 20\n\
        mem MemTotal 127600748 MemFree 61440000 MemAvailable 118566368 Buffers 102400 Cached 54988800 \
        SwapTotal 16777212 SwapFree 16777212 Shmem 51200 SReclaimable 1024000\n\
        psi cpu some avg10=1.50\npsi memory some avg10=0.25\npsi memory full avg10=0.10\npsi io full avg10=2.00\n\
        net eth0 1000 2000\nnet eth1 10 20\nup 100.00 1.00";

    #[test]
    fn a_whole_frame_and_the_one_after_it() {
        let mut reader = FrameReader::default();
        let first = read(&mut reader, 0, FIRST);
        assert_eq!(first.load, Metric::Is([0.52, 0.40, 0.31]));
        assert_eq!(first.cpu.value(), None, "a rate needs two frames");
        let memory = first.memory.value().unwrap();
        assert_eq!(memory.total, Mib(124_610));
        assert_eq!(memory.used(), Mib(8_823));
        assert_eq!(memory.cache, Mib(54_750));
        assert_eq!(first.pressure.value().unwrap().io_full, Percent(2.0));
        let second = read(
            &mut reader,
            60_000,
            "cpu 200 0 200 850 150 0 0 0 0 0\nnet eth0 3000 2000\nnet eth1 10 20\nup 102.00 1.00",
        );
        assert_eq!(second.cpu, Metric::Is(Percent(50.0)));
        assert_eq!(
            second.network,
            Metric::Is(Network {
                received: BytesPerSecond(1000),
                sent: BytesPerSecond(0)
            })
        );
        assert_eq!(second.memory.value(), None, "what is missing is not zero");
    }

    #[test]
    fn odd_lines_cost_their_own_value_only() {
        let mut reader = FrameReader::default();
        read(&mut reader, 0, FIRST);
        // The counters were reset, the clock stands, and the rest is garbage.
        let odd = read(
            &mut reader,
            0,
            "load nan 1 2\ncpu 1 2\ncpus 0\nmem MemTotal x\npsi cpu some\nnet eth0 1 1\nup -4",
        );
        assert_eq!(odd.load.value(), None);
        assert_eq!(odd.cpu.value(), None);
        assert_eq!(odd.network.value(), None);
        assert_eq!(odd.processors.value(), None);
        assert_eq!(odd.uptime.value(), None);
        assert_eq!(odd.pressure, Metric::Missing(Missing::NotSupported));
    }
}
