//! One simulated GPU (pure): power follows load, temperature follows power with inertia, clocks yield to heat.

use super::profile::GpuKind;

/// NVML's clock event reasons, as far as the demo knows them.
const IDLE: u64 = 0x001;
const SOFTWARE_THERMAL: u64 = 0x020;
const HARDWARE_THERMAL: u64 = 0x040;

/// From here on the driver lowers clocks, °C.
const SLOWDOWN: f32 = 87.0;
/// From here on the hardware does, °C.
const HARD_SLOWDOWN: f32 = 91.0;

/// One GPU at one moment.
#[derive(Debug, Clone)]
pub(super) struct Gpu {
    /// Share of time in which a kernel ran, 0 to 1.
    pub utilisation: f32,
    /// °C.
    pub temperature: f32,
    /// W.
    pub power: f32,
    /// MHz.
    pub clock_sm: f32,
    /// Performance state.
    pub pstate: u8,
    /// Why the clocks are held down, as NVML's mask.
    pub throttle: u64,
    /// How much cooling is left: 1 is all of it.
    cooling: f32,
    /// It fell off the bus.
    pub lost: bool,
    /// How its place in the chassis differs, °C.
    seat: f32,
}

impl Gpu {
    /// A GPU at rest, in this place of the chassis.
    pub(super) fn new(kind: &GpuKind, index: usize) -> Self {
        // Air that has passed one row of coolers reaches the next one warmer.
        let seat = (index * 5 % 7) as f32 * 0.9;
        Self {
            utilisation: 0.0,
            temperature: kind.ambient + seat + kind.resistance * kind.power.0,
            seat,
            power: kind.power.0,
            clock_sm: kind.clock_sm.0,
            pstate: kind.pstate_idle,
            throttle: IDLE,
            cooling: 1.0,
            lost: false,
        }
    }

    /// One second passes under this load (0 to 1); without cooling if `uncooled`.
    pub(super) fn step(
        &mut self,
        kind: &GpuKind,
        load: f32,
        uncooled: bool,
        random: &mut fastrand::Rng,
    ) {
        self.utilisation = load;
        self.cooling = if uncooled {
            (self.cooling - 0.02).max(0.42)
        } else {
            (self.cooling + 0.05).min(1.0)
        };
        let held = self.heat_limit();
        let (rest, full) = kind.power;
        let jitter = 1.0 + (random.f32() - 0.5) * 0.02;
        let wanted = (rest + (full - rest) * load.powf(0.9) * held) * jitter;
        self.power += (wanted - self.power) * 0.6;
        let steady = kind.ambient + self.seat + kind.resistance / self.cooling * self.power;
        self.temperature += (steady - self.temperature) / kind.inertia;
        self.clocks(kind, load, held, random);
        self.throttle = self.reasons(load);
    }

    /// Share of full power that heat still allows.
    fn heat_limit(&self) -> f32 {
        (1.0 - (self.temperature - SLOWDOWN) / 16.0).clamp(0.25, 1.0)
    }

    fn clocks(&mut self, kind: &GpuKind, load: f32, held: f32, random: &mut fastrand::Rng) {
        let (rest, full) = kind.clock_sm;
        let active = load > 0.015;
        self.pstate = if active { 0 } else { kind.pstate_idle };
        // Boost clocks give way a little as the part works harder; drivers step in 15 MHz.
        let wanted = if active {
            full * (1.0 - 0.13 * load) * held.powf(0.7)
        } else {
            rest
        };
        let wanted = wanted + (random.f32() - 0.5) * if active { 30.0 } else { 0.0 };
        self.clock_sm = (wanted / 15.0).round() * 15.0;
        if !active {
            self.clock_sm = rest;
        }
    }

    fn reasons(&self, load: f32) -> u64 {
        let mut reasons = 0;
        if load <= 0.015 {
            reasons |= IDLE;
        }
        if self.temperature > SLOWDOWN {
            reasons |= SOFTWARE_THERMAL;
        }
        if self.temperature > HARD_SLOWDOWN {
            reasons |= HARDWARE_THERMAL;
        }
        reasons
    }
}
