//! One simulated process (pure): loads its memory, then follows its pattern.

use super::load::Load;
use super::profile::WorkKind;
use super::world::TICKS;

/// One process.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// What it is.
    pub kind: &'static WorkKind,
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
    /// Share of its memory that it has loaded since it started.
    loaded: f32,
    /// Share of what it can hold that it holds now: programs that unload at rest hold less then.
    held: f32,
    /// Processor time that it has used, in seconds.
    pub spent: f64,
    /// Bytes that it has received and sent.
    pub moved: (f64, f64),
    load: Load,
    /// Share of its memory that it loads in a second.
    haste: f32,
}

/// Weights of a large model load in about a minute from a local disk.
const HASTE: f32 = 0.018;

impl Work {
    /// A process that starts a while after boot.
    pub(super) fn new(kind: &'static WorkKind, random: &mut fastrand::Rng) -> Self {
        Self {
            kind,
            pid: kind.pid,
            started: (20 + u64::from(kind.pid % 37)) * TICKS,
            loaded: 0.0,
            held: kind.resting,
            spent: 0.0,
            moved: (0.0, 0.0),
            load: Load::new(kind.pattern, random),
            haste: HASTE,
        }
    }

    /// A process that starts now, under a number of its own.
    pub(super) fn again(kind: &'static WorkKind, uptime: u64, random: &mut fastrand::Rng) -> Self {
        Self {
            pid: kind.pid + 10_000 + random.u32(0..20_000),
            started: uptime * TICKS,
            ..Self::new(kind, random)
        }
    }

    /// A process of a swap that is played: it loads in the time that the play gives it.
    pub(super) fn launched(
        kind: &'static WorkKind,
        uptime: u64,
        random: &mut fastrand::Rng,
    ) -> Self {
        Self {
            haste: 0.065,
            held: 1.0,
            ..Self::again(kind, uptime, random)
        }
    }

    /// Whether it has its memory.
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded >= 1.0
    }

    /// Skips the loading: it has been there for long.
    pub(super) fn has_loaded(&mut self) {
        self.loaded = 1.0;
    }

    /// One second passes; the machine has been up for so many.
    pub(super) fn step(&mut self, uptime: u64, random: &mut fastrand::Rng) {
        self.load.step(random);
        if uptime * TICKS > self.started {
            self.loaded = (self.loaded + self.haste).min(1.0);
        }
        // Memory is taken quickly when work comes, and given back long after it has gone.
        let (wanted, haste) = if self.load.level() > 0.1 {
            (1.0, 0.2)
        } else {
            (self.kind.resting, 0.012)
        };
        self.held += (wanted - self.held) * haste;
        self.spent += f64::from(self.cores());
        self.moved.0 += f64::from(self.kind.traffic.0 * self.level());
        self.moved.1 += f64::from(self.kind.traffic.1 * self.level());
    }

    /// The share of its full load now: nothing while it still loads.
    pub(super) fn level(&self) -> f32 {
        if self.loaded < 1.0 {
            0.0
        } else {
            self.load.level()
        }
    }

    /// Processors that it keeps busy; one while it loads.
    pub(super) fn cores(&self) -> f32 {
        if self.loaded > 0.0 && self.loaded < 1.0 {
            1.0
        } else {
            self.kind.cores * self.level()
        }
    }

    /// GPU memory that it holds on each of its GPUs, MiB.
    pub(super) fn gpu_mib(&self) -> u64 {
        (self.kind.gpu_mib as f32 * self.loaded * self.held) as u64
    }

    /// Main memory that it holds beside that, MiB.
    pub(super) fn rss_mib(&self) -> u64 {
        (self.kind.rss_mib as f32 * self.loaded) as u64
    }

    /// It as a tool would list it.
    pub(super) fn process(&self) -> Process {
        Process {
            pid: self.pid,
            user: self.kind.user,
            command: self.kind.command,
            container: self.kind.container,
            started: self.started,
            gpus: self.kind.gpus,
            gpu_mib: self.gpu_mib(),
        }
    }
}

/// One process as a tool would list it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    /// Process id.
    pub pid: u32,
    /// Owner.
    pub user: &'static str,
    /// Command line.
    pub command: &'static str,
    /// Container, where it runs in one.
    pub container: Option<&'static str>,
    /// When it started, in clock ticks since boot.
    pub started: u64,
    /// Indices of the GPUs that it uses.
    pub gpus: &'static [usize],
    /// GPU memory on each of them, MiB.
    pub gpu_mib: u64,
}
