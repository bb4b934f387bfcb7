//! One simulated machine as time passes (pure): the same profile, seed and strains give the same readings.
//! It advances in steps of one second, however often it is read.

use crate::domain::{Memory, Mib, Percent, Pressure};

use super::drills::{Stage, Strain};
use super::gpu::Gpu;
use super::load::Load;
use super::profile::{Profile, WorkKind};

/// Seconds that have passed before anybody looks, so that temperatures and averages have settled.
const SETTLE: u64 = 300;
/// Process id of the job that fills memory in a drill.
const RUNAWAY_PID: u32 = 7_741;
/// Seconds after which the other ranks of a job give up on a GPU that is lost.
const NCCL_TIMEOUT: u32 = 12;
/// Clock ticks per second, as `getconf CLK_TCK` says on Linux.
pub(super) const TICKS: u64 = 100;

/// One simulated machine.
#[derive(Debug)]
pub(super) struct World {
    /// Its parts.
    pub profile: &'static Profile,
    /// Its processes.
    pub works: Vec<Work>,
    /// Its GPUs in the driver's order.
    pub gpus: Vec<Gpu>,
    /// Processor time since boot, in clock ticks.
    pub cpu: CpuTime,
    /// Main memory and swap.
    pub memory: Memory,
    /// Bytes received and sent since boot.
    pub traffic: (u64, u64),
    /// kB used of each disk, in the profile's order.
    pub disks: Vec<f64>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f32; 3],
    /// Pressure over the last ten seconds.
    pub pressure: Pressure,
    /// Seconds since boot.
    pub uptime: u64,
    seed: u64,
    random: fastrand::Rng,
    elapsed: u64,
    boots: u32,
    lost_for: u32,
    runaway: Runaway,
}

/// One process.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// What it is.
    pub kind: &'static WorkKind,
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
    /// Share of its memory that it holds already.
    pub held: f32,
    load: Load,
}

/// Processor time since boot, in clock ticks, of all processors together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CpuTime {
    /// Busy.
    pub busy: f64,
    /// Idle.
    pub idle: f64,
}

/// The job that fills memory in a drill.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Runaway {
    /// Not there.
    Absent,
    /// It holds so many MiB, and started at this clock tick.
    Holds { mib: u64, started: u64 },
    /// A person ended it; it stays away until the drill comes round again.
    Ended,
}

impl World {
    /// A machine that has run for a while.
    pub(super) fn new(profile: &'static Profile, seed: u64) -> Self {
        let mut world = Self::booted(profile, seed, profile.uptime.saturating_sub(SETTLE));
        for work in &mut world.works {
            work.held = 1.0;
        }
        world.count_past();
        for _ in 0..SETTLE {
            world.step(Strain::None);
        }
        let [one, _, _] = world.load;
        world.load = [one, one * 0.97, one * 0.93];
        world.elapsed = 0;
        world
    }

    /// Lets time pass up to so many seconds since the start; `stage` says what each second brings.
    pub(super) fn advance(&mut self, to: u64, stage: impl Fn(u64) -> Stage) {
        while self.elapsed < to {
            self.elapsed += 1;
            let stage = stage(self.elapsed);
            self.power_cycle(stage.boots);
            self.step(stage.strain);
        }
    }

    /// Begins anew if it has been power-cycled since: empty memory, counters at zero, programs starting.
    fn power_cycle(&mut self, boots: u32) {
        if self.boots == boots {
            return;
        }
        let elapsed = self.elapsed;
        let seed = self.seed;
        *self = Self::booted(self.profile, seed.wrapping_add(u64::from(boots)), 14);
        self.seed = seed;
        self.elapsed = elapsed;
        self.boots = boots;
    }

    /// Every process on it, the runaway job included.
    pub(super) fn processes(&self) -> impl Iterator<Item = Process<'_>> {
        let unified = self.is_unified();
        let gpu_of_runaway = self.profile.gpu_count() > 0;
        let runaway = match self.runaway {
            Runaway::Holds { mib, started } => Some(Process {
                pid: RUNAWAY_PID,
                user: "maria",
                command: "python3 finetune.py --base gpt-oss-20b --rank 64",
                container: None,
                started,
                gpus: if gpu_of_runaway { &[0] } else { &[] },
                gpu_mib: if unified { mib * 9 / 10 } else { 0 },
            }),
            Runaway::Absent | Runaway::Ended => None,
        };
        self.works
            .iter()
            .map(|work| Process {
                pid: work.pid,
                user: work.kind.user,
                command: work.kind.command,
                container: work.kind.container,
                started: work.started,
                gpus: work.kind.gpus,
                gpu_mib: work.gpu_mib(),
            })
            .chain(runaway)
    }

    /// Ends a process; false where there is none of this id.
    pub(super) fn end(&mut self, pid: u32) -> bool {
        if pid == RUNAWAY_PID && matches!(self.runaway, Runaway::Holds { .. }) {
            self.runaway = Runaway::Ended;
            return true;
        }
        let before = self.works.len();
        self.works.retain(|work| work.pid != pid);
        self.works.len() < before
    }

    /// MiB in use on one GPU with memory of its own.
    pub(super) fn gpu_used_mib(&self, gpu: usize) -> u64 {
        let reserved = self
            .profile
            .gpus
            .as_ref()
            .map_or(0, |kind| kind.reserved_mib);
        let works: u64 = self
            .works
            .iter()
            .filter(|work| work.kind.gpus.contains(&gpu))
            .map(Work::gpu_mib)
            .sum();
        reserved + works
    }

    /// Whether its GPUs share the machine's memory.
    pub(super) fn is_unified(&self) -> bool {
        self.profile
            .gpus
            .as_ref()
            .is_some_and(|kind| kind.memory_mib.is_none())
    }

    fn booted(profile: &'static Profile, seed: u64, uptime: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let works = profile
            .works
            .iter()
            .map(|kind| Work {
                kind,
                pid: kind.pid,
                started: (20 + u64::from(kind.pid % 37)) * TICKS,
                held: 0.0,
                load: Load::new(kind.pattern, &mut random),
            })
            .collect();
        let gpus = profile
            .gpus
            .iter()
            .flat_map(|kind| (0..kind.count).map(|_| Gpu::new(kind)))
            .collect();
        let disks = profile
            .disks
            .iter()
            .map(|disk| disk.used_kb as f64)
            .collect();
        Self {
            profile,
            works,
            gpus,
            cpu: CpuTime::default(),
            memory: Memory {
                total: Mib::from_kib(profile.memory_kb),
                available: Mib(0),
                free: Mib(0),
                cache: Mib(0),
                swap_total: Mib::from_kib(profile.swap_kb),
                swap_used: Mib(0),
            },
            traffic: (0, 0),
            disks,
            load: [0.0; 3],
            pressure: Pressure {
                cpu_some: Percent(0.0),
                memory_some: Percent(0.0),
                memory_full: Percent(0.0),
                io_full: Percent(0.0),
            },
            uptime,
            seed,
            random,
            elapsed: 0,
            boots: 0,
            lost_for: 0,
            runaway: Runaway::Absent,
        }
    }

    /// Gives the counters a past that fits the uptime.
    fn count_past(&mut self) {
        let ticks = self.uptime as f64 * TICKS as f64 * f64::from(self.profile.processors);
        self.cpu = CpuTime {
            busy: ticks * 0.13,
            idle: ticks * 0.87,
        };
        let (received, sent) = self.profile.network.idle;
        self.traffic = (
            (f64::from(received) * 9.0 * self.uptime as f64) as u64,
            (f64::from(sent) * 9.0 * self.uptime as f64) as u64,
        );
    }

    fn step(&mut self, strain: Strain) {
        self.uptime += 1;
        for work in &mut self.works {
            work.step(self.uptime, &mut self.random);
        }
        self.step_runaway(strain);
        self.step_gpus(strain);
        self.step_memory(strain);
        self.step_processors();
        self.step_traffic();
        for (used, kind) in self.disks.iter_mut().zip(self.profile.disks) {
            *used += kind.growth_kb;
        }
    }

    fn step_runaway(&mut self, strain: Strain) {
        self.runaway = match (self.runaway, strain) {
            (Runaway::Ended, Strain::Filling { .. }) => Runaway::Ended,
            (now, Strain::Filling { .. }) => {
                let started = match now {
                    Runaway::Holds { started, .. } => started,
                    Runaway::Absent | Runaway::Ended => self.uptime * TICKS,
                };
                let left = self.total_mib().saturating_sub(self.settled_mib());
                // The kernel keeps its last reserves whatever a program wants.
                let mib = (left as f32 * strain.filled() * 0.99) as u64;
                Runaway::Holds { mib, started }
            }
            (_, _) => Runaway::Absent,
        };
    }

    fn step_gpus(&mut self, strain: Strain) {
        let Some(kind) = &self.profile.gpus else {
            return;
        };
        for index in 0..self.gpus.len() {
            let idle: f32 = self
                .works
                .iter()
                .filter(|work| work.kind.gpus.contains(&index))
                .map(|work| 1.0 - work.level())
                .product();
            let uncooled = strain == (Strain::Uncooled { gpu: index });
            let Some(gpu) = self.gpus.get_mut(index) else {
                continue;
            };
            gpu.lost = strain == (Strain::OffTheBus { gpu: index });
            gpu.step(kind, 1.0 - idle, uncooled, &mut self.random);
        }
        if let Strain::OffTheBus { gpu } = strain {
            self.lost_for += 1;
            self.give_up_on(gpu);
        }
    }

    /// The process on a lost GPU dies at once, its fellows when their collective calls time out.
    fn give_up_on(&mut self, gpu: usize) {
        let job = self
            .profile
            .works
            .iter()
            .find(|work| work.gpus.contains(&gpu))
            .and_then(|work| work.container);
        let timed_out = self.lost_for > NCCL_TIMEOUT;
        self.works.retain(|work| {
            let fellow = timed_out && job.is_some() && work.kind.container == job;
            !work.kind.gpus.contains(&gpu) && !fellow
        });
    }

    fn step_memory(&mut self, strain: Strain) {
        let total = self.total_mib();
        let runaway = match self.runaway {
            Runaway::Holds { mib, .. } => mib,
            Runaway::Absent | Runaway::Ended => 0,
        };
        let breath = (self.random.f32() * 24.0) as u64;
        let used = (self.settled_mib() + runaway + breath).min(total);
        let left = total - used;
        let cache = self.profile.cache_mib.min(left * 85 / 100);
        let brim = if runaway == 0 {
            0.0
        } else {
            ((strain.filled() - 0.85) / 0.15).clamp(0.0, 1.0)
        };
        let swap = (self.memory.swap_total.0 as f32 * 0.94 * brim) as u64;
        self.memory = Memory {
            available: Mib(left - cache / 25),
            free: Mib(left - cache),
            cache: Mib(cache),
            // Pages that went to swap come back slowly.
            swap_used: Mib(swap).max(self.memory.swap_used - Mib(160)),
            ..self.memory
        };
        ease(&mut self.pressure.memory_some, 86.0 * brim);
        ease(&mut self.pressure.memory_full, 63.0 * brim);
    }

    fn step_processors(&mut self) {
        let works: f32 = self
            .works
            .iter()
            .map(|work| work.kind.cores * work.level())
            .sum();
        // A machine that thrashes does little work and much waiting.
        let stalled = self.pressure.memory_full.0 / 100.0;
        let wobble = 0.85 + self.random.f32() * 0.3;
        let all = self.profile.processors as f32;
        let wanted = (self.profile.system_cores + works) * wobble;
        let busy = (wanted * (1.0 - stalled * 0.6) + stalled * 3.0).min(all);
        self.cpu.busy += f64::from(busy) * TICKS as f64;
        self.cpu.idle += f64::from(all - busy) * TICKS as f64;
        let runnable = busy + stalled * 22.0;
        for (average, minutes) in self.load.iter_mut().zip([1.0, 5.0, 15.0_f32]) {
            *average += (runnable - *average) * (1.0 - (-1.0 / (60.0 * minutes)).exp());
        }
        ease(&mut self.pressure.cpu_some, (busy / all).powi(2) * 18.0);
        let io = stalled * 70.0 + self.random.f32() * 0.4;
        ease(&mut self.pressure.io_full, io);
    }

    fn step_traffic(&mut self) {
        let (mut received, mut sent) = self.profile.network.idle;
        for work in &self.works {
            received += work.kind.traffic.0 * work.level();
            sent += work.kind.traffic.1 * work.level();
        }
        let wobble = 0.8 + self.random.f32() * 0.4;
        self.traffic.0 += (received * wobble) as u64;
        self.traffic.1 += (sent * wobble) as u64;
    }

    fn total_mib(&self) -> u64 {
        self.memory.total.0
    }

    /// What everything but the runaway job holds, MiB.
    fn settled_mib(&self) -> u64 {
        let unified = self.is_unified();
        let works: u64 = self
            .works
            .iter()
            .map(|work| work.rss_mib() + if unified { work.gpu_mib() } else { 0 })
            .sum();
        self.profile.system_mib + works
    }
}

impl Work {
    /// GPU memory that it holds on each of its GPUs, MiB.
    fn gpu_mib(&self) -> u64 {
        (self.kind.gpu_mib as f32 * self.held) as u64
    }

    fn rss_mib(&self) -> u64 {
        (self.kind.rss_mib as f32 * self.held) as u64
    }

    /// The share of its full load now: nothing while its memory is still being filled.
    fn level(&self) -> f32 {
        if self.held < 1.0 {
            0.0
        } else {
            self.load.level()
        }
    }

    fn step(&mut self, uptime: u64, random: &mut fastrand::Rng) {
        self.load.step(random);
        if uptime * TICKS > self.started {
            // Weights of a large model load in about a minute from a local disk.
            self.held = (self.held + 0.018).min(1.0);
        }
    }
}

/// Moves a pressure towards where it would settle; the kernel's own average over ten seconds does much the same.
fn ease(now: &mut Percent, to: f32) {
    now.0 += (to - now.0) * 0.12;
}

/// One process as a tool would list it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process<'a> {
    /// Process id.
    pub pid: u32,
    /// Owner.
    pub user: &'a str,
    /// Command line.
    pub command: &'a str,
    /// Container, where it runs in one.
    pub container: Option<&'a str>,
    /// When it started, in clock ticks since boot.
    pub started: u64,
    /// Indices of the GPUs that it uses.
    pub gpus: &'a [usize],
    /// GPU memory on each of them, MiB.
    pub gpu_mib: u64,
}
