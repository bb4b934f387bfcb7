//! One simulated machine as time passes (pure): the same profile, seed and strains give the same readings.
//! It advances in steps of one second, however often it is read.

use crate::domain::{Memory, Mib, Percent, Pressure};

use super::Line;
use super::drills::{Stage, Strain};
use super::gpu::Gpu;
use super::kernel_ring::KernelRing;
use super::load::symmetric;
use super::profile::{Profile, WorkKind};
use super::runaway::{self, Runaway};
use super::supply::is_by_hand;
use super::work::{Process, Work};

/// Seconds that have passed before anybody looks, so that temperatures and averages have settled.
const SETTLE: u64 = 300;
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
    /// What the kernel has said.
    pub ring: KernelRing,
    seed: u64,
    random: fastrand::Rng,
    elapsed: u64,
    boots: u32,
    lost_for: u32,
    unplugged: bool,
    runaway: Runaway,
    /// Slow noise of what the system itself holds, around 0.
    breath: f32,
}

/// Processor time since boot, in clock ticks, of all processors together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CpuTime {
    /// Busy.
    pub busy: f64,
    /// Idle.
    pub idle: f64,
}

impl World {
    /// A machine that has run for a while.
    pub(super) fn new(profile: &'static Profile, seed: u64) -> Self {
        let mut world = Self::fresh(profile, seed, profile.uptime.saturating_sub(SETTLE));
        for work in &mut world.works {
            work.has_loaded();
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
            self.plug(&stage);
            self.step(stage.strain);
        }
    }

    /// The kernel tells when the link goes and comes. Whoever has no power tells nothing.
    fn plug(&mut self, stage: &Stage) {
        let unplugged = stage.line == Line::Cut && stage.boots == 0;
        match (self.unplugged, unplugged) {
            (false, true) => self.ring.lost_link(self.uptime, &self.profile.network),
            (true, false) => self.ring.has_link(self.uptime, &self.profile.network),
            _ => {}
        }
        self.unplugged = unplugged;
    }

    /// Begins anew if it has been power-cycled since: empty memory, counters at zero, programs starting.
    fn power_cycle(&mut self, boots: u32) {
        if self.boots == boots {
            return;
        }
        let elapsed = self.elapsed;
        let seed = self.seed;
        // Somebody who restarts it watches it boot; a drill's machine is there again when it has.
        let uptime = if is_by_hand(boots) { 0 } else { 14 };
        *self = Self::fresh(self.profile, seed.wrapping_add(u64::from(boots)), uptime);
        self.seed = seed;
        self.elapsed = elapsed;
        self.boots = boots;
    }

    /// Seconds from the start of the demo to its boot; below 0 where it was booted before.
    pub(super) fn booted(&self) -> i64 {
        self.elapsed.cast_signed() - self.uptime.cast_signed()
    }

    /// Every process on it, the runaway job included.
    pub(super) fn processes(&self) -> impl Iterator<Item = Process> {
        let runaway = self.runaway.process(self.is_unified());
        self.works.iter().map(Work::process).chain(runaway)
    }

    /// The runaway job and the MiB that it holds, where it is there.
    pub(super) fn runaway(&self) -> Option<(Process, u64)> {
        let process = self.runaway.process(self.is_unified())?;
        Some((process, self.runaway.mib()))
    }

    /// The uptime at which a GPU was lost, in seconds, where one is.
    pub(super) fn lost_since(&self) -> Option<u64> {
        let lost = self.gpus.iter().any(|gpu| gpu.lost);
        lost.then(|| self.uptime.saturating_sub(u64::from(self.lost_for)))
    }

    /// Ends a process; false where there is none of this id.
    pub(super) fn end(&mut self, pid: u32) -> bool {
        if pid == runaway::PID && matches!(self.runaway, Runaway::Holds { .. }) {
            self.runaway = Runaway::Ended;
            return true;
        }
        let before = self.works.len();
        self.works.retain(|work| work.pid != pid);
        self.works.len() < before
    }

    /// Ends every process of a container.
    pub(super) fn end_container(&mut self, name: &str) {
        self.works.retain(|work| work.kind.container != Some(name));
    }

    /// Starts the processes of a container; they load as they did at boot.
    pub(super) fn start_container(&mut self, name: &str) {
        let (uptime, random) = (self.uptime, &mut self.random);
        let kinds = self.profile.works.iter();
        let mine = kinds.filter(|kind| kind.container == Some(name));
        self.works
            .extend(mine.map(|kind| Work::again(kind, uptime, random)));
    }

    /// Starts a process of a kind that is not the machine's own.
    pub(super) fn launch(&mut self, kind: &'static WorkKind) {
        let work = Work::launched(kind, self.uptime, &mut self.random);
        self.works.push(work);
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

    fn fresh(profile: &'static Profile, seed: u64, uptime: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let works = profile
            .works
            .iter()
            .map(|kind| Work::new(kind, &mut random))
            .collect();
        let gpus = profile
            .gpus
            .iter()
            .flat_map(|kind| (0..kind.count).map(|index| Gpu::new(kind, index)))
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
            ring: KernelRing::default(),
            seed,
            random,
            elapsed: 0,
            boots: 0,
            lost_for: 0,
            unplugged: false,
            runaway: Runaway::Absent,
            breath: 0.0,
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
        self.breath = self.breath * 0.985 + symmetric(&mut self.random) * 0.3;
        for work in &mut self.works {
            work.step(self.uptime, &mut self.random);
        }
        let left = (self.memory.total - self.settled()).0;
        let before = self.runaway;
        self.runaway = before.step(strain, self.uptime, left);
        if let (Runaway::Holds { mib, .. }, Runaway::Absent) = (before, self.runaway) {
            self.ring.out_of_memory(self.uptime, runaway::PID, mib);
        }
        self.step_gpus(strain);
        self.step_memory(strain);
        self.step_processors();
        self.step_traffic();
        for (used, kind) in self.disks.iter_mut().zip(self.profile.disks) {
            *used += kind.growth_kb;
        }
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
            let lost = strain == (Strain::OffTheBus { gpu: index });
            if lost && !gpu.lost {
                let bus_id = kind.bus_ids.get(index).copied().unwrap_or_default();
                self.ring.lost_gpu(self.uptime, bus_id);
            }
            gpu.lost = lost;
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
        let used = self.settled() + Mib(self.runaway.mib());
        let left = (self.memory.total - used).0;
        let cache = self.profile.cache_mib.min(left * 85 / 100);
        // How far into the last reserves it is.
        let brim = match (self.runaway, strain) {
            (Runaway::Holds { .. }, Strain::Filling { share }) => {
                ((share - 0.85) / 0.15).clamp(0.0, 1.0)
            }
            _ => 0.0,
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
        let works: f32 = self.works.iter().map(Work::cores).sum();
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

    /// What everything but the runaway job holds.
    fn settled(&self) -> Mib {
        let unified = self.is_unified();
        let works: u64 = self
            .works
            .iter()
            .map(|work| work.rss_mib() + if unified { work.gpu_mib() } else { 0 })
            .sum();
        let system = self.profile.system_mib as f32 * (1.0 + 0.05 * self.breath);
        Mib(system as u64 + works)
    }
}

/// Moves a pressure towards where it would settle; the kernel's own average over ten seconds does much the same.
fn ease(now: &mut Percent, to: f32) {
    now.0 += (to - now.0) * 0.12;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Drill;

    const HOSTS: [&str; 4] = ["spark-1", "spark-2", "h200-a", "plain"];

    fn world(host: &str) -> World {
        let fleet = Profile::fleet(4);
        let (_, profile) = fleet.into_iter().find(|(name, _)| name == host).unwrap();
        World::new(profile, 11)
    }

    /// The world of each of the first `seconds`, one by one.
    fn watch(world: &mut World, seconds: u64, mut see: impl FnMut(&World)) {
        for second in 1..=seconds {
            world.advance(second, |_| Stage::default());
            see(world);
        }
    }

    #[test]
    fn nothing_jumps_and_nothing_leaves_its_bounds_in_an_hour() {
        for host in HOSTS {
            let mut world = world(host);
            let mut before: Vec<Gpu> = world.gpus.clone();
            let total = world.memory.total;
            watch(&mut world, 3600, |now| {
                for (gpu, before) in now.gpus.iter().zip(&before) {
                    let step = (gpu.temperature - before.temperature).abs();
                    assert!(step < 3.0, "{host}: {step} °C in a second");
                    assert!((20.0..82.0).contains(&gpu.temperature), "{host}");
                    assert!((0.0..=1.0).contains(&gpu.utilisation), "{host}");
                }
                before.clone_from(&now.gpus);
                let memory = now.memory;
                assert!(memory.free + memory.cache <= total, "{host}");
                assert!(memory.available <= memory.free + memory.cache, "{host}");
                assert!(memory.available > Mib(3_000), "{host}: {memory:?}");
            });
        }
    }

    #[test]
    fn one_spark_is_tight_and_the_other_is_not() {
        let thresholds = crate::domain::Thresholds::default();
        for (host, tight) in [("spark-1", false), ("spark-2", true)] {
            let mut world = world(host);
            watch(&mut world, 1800, |now| {
                let memory = now.memory;
                assert_eq!(
                    thresholds.is_tight(memory.available, memory.total),
                    tight,
                    "{host}: {memory:?}"
                );
            });
        }
    }

    #[test]
    fn reading_often_or_seldom_gives_the_same_world() {
        let (mut often, mut seldom) = (world("spark-1"), world("spark-1"));
        watch(&mut often, 500, |_| {});
        seldom.advance(500, |_| Stage::default());
        assert_eq!(often.memory, seldom.memory);
        assert_eq!(often.traffic, seldom.traffic);
    }

    #[test]
    fn counters_only_grow() {
        let mut world = world("plain");
        let mut before = (world.cpu.busy, world.cpu.idle, world.traffic);
        watch(&mut world, 600, |now| {
            assert!(now.cpu.busy > before.0 && now.cpu.idle > before.1);
            assert!(now.traffic.0 > before.2.0 && now.traffic.1 > before.2.1);
            before = (now.cpu.busy, now.cpu.idle, now.traffic);
        });
    }

    #[test]
    fn the_oom_drill_fills_memory_and_gives_it_back() {
        let mut world = world("spark-1");
        let stage = |second: u64| Drill::Oom.stage("spark-1", second as f32);
        world.advance(96, stage);
        assert!(world.memory.available < Mib(1_024), "{:?}", world.memory);
        assert!(world.pressure.memory_full.0 > 30.0);
        assert!(
            world
                .processes()
                .any(|process| process.pid == runaway::PID && process.gpu_mib > 40_000)
        );
        world.advance(100, stage);
        assert!(world.memory.available > Mib(40_000), "{:?}", world.memory);
        assert!(world.processes().all(|process| process.pid != runaway::PID));
    }

    #[test]
    fn the_thermal_drill_heats_throttles_and_loses_the_gpu_with_its_job() {
        let mut world = world("h200-a");
        let stage = |second: u64| Drill::Thermal.stage("h200-a", second as f32);
        let (calm_clock, ranks) = (world.gpus[3].clock_sm, world.works.len());
        world.advance(100, stage);
        let hot = &world.gpus[3];
        assert!(hot.temperature >= 90.0, "{hot:?}");
        assert!(crate::domain::Throttle(hot.throttle).is_thermal());
        assert!(hot.clock_sm < calm_clock * 0.85, "{hot:?}");
        assert!(world.gpus[2].temperature < 80.0);
        world.advance(142, stage);
        assert!(world.gpus[3].lost);
        assert_eq!(world.works.len(), ranks - 1);
        world.advance(170, stage);
        assert_eq!(world.works.len(), ranks - 4);
    }

    #[test]
    fn a_power_cycle_begins_with_empty_memory_and_loads_again() {
        let mut world = world("spark-2");
        let stage = |second: u64| Drill::Wedge.stage("spark-2", second as f32);
        world.advance(262, stage);
        assert!(world.uptime < 30);
        assert!(world.memory.used() < Mib(12_000), "{:?}", world.memory);
        world.advance(500, stage);
        assert!(world.memory.available < Mib(8_192), "{:?}", world.memory);
    }
}
