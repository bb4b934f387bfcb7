//! How a process's load moves (pure): inference waves, training steps, bursts, and the noise on all of them.

use std::f32::consts::TAU;

/// The shape of a load over time, as a share from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pattern {
    /// Requests come in waves around a level.
    Serving {
        /// The mean.
        level: f32,
        /// How far the waves go.
        swing: f32,
        /// Seconds from crest to crest of the main wave.
        period: f32,
    },
    /// Steady, with a dip at each checkpoint.
    Training {
        /// Between checkpoints.
        level: f32,
        /// Seconds from one checkpoint to the next.
        checkpoint_every: f32,
        /// Seconds that one takes.
        checkpoint_for: f32,
    },
    /// Idle, and now and then busy.
    Bursts {
        /// Mean seconds of being busy.
        busy: f32,
        /// Mean seconds of rest.
        rest: f32,
        /// Share while busy.
        level: f32,
    },
}

/// One process's load as it moves.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pattern: Pattern,
    /// Seconds since the pattern's own beginning.
    age: f32,
    /// Slow noise around the pattern.
    drift: f32,
    /// While bursting: seconds until it turns.
    turn: f32,
    busy: bool,
    level: f32,
}

impl Load {
    /// A load somewhere in its pattern.
    pub(super) fn new(pattern: Pattern, random: &mut fastrand::Rng) -> Self {
        let age = match pattern {
            Pattern::Serving { period, .. } => random.f32() * period,
            // Ranks of one job must stay in step, so a training load has no phase of its own.
            Pattern::Training { .. } | Pattern::Bursts { .. } => 0.0,
        };
        let turn = match pattern {
            Pattern::Bursts { rest, .. } => rest * (0.2 + 0.6 * random.f32()),
            _ => 0.0,
        };
        Self {
            pattern,
            age,
            drift: 0.0,
            turn,
            busy: false,
            level: 0.0,
        }
    }

    /// The share now, 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.level
    }

    /// One second passes.
    pub(super) fn step(&mut self, random: &mut fastrand::Rng) {
        self.age += 1.0;
        self.drift = self.drift * 0.94 + symmetric(random) * 0.34;
        let (target, haste, grain) = match self.pattern {
            Pattern::Serving {
                level,
                swing,
                period,
            } => (
                self.wave(level, swing, period) + self.drift * swing * 0.3,
                0.3,
                0.012,
            ),
            Pattern::Training {
                level,
                checkpoint_every,
                checkpoint_for,
            } => {
                // The first checkpoint comes when a third of an interval has passed, so that a short look sees one.
                let within = (self.age + checkpoint_every * 0.66) % checkpoint_every;
                if within < checkpoint_for {
                    (0.12, 0.6, 0.02)
                } else {
                    (level, 0.5, 0.006)
                }
            }
            Pattern::Bursts { busy, rest, level } => {
                self.turn -= 1.0;
                if self.turn <= 0.0 {
                    self.busy = !self.busy;
                    let mean = if self.busy { busy } else { rest };
                    self.turn = mean * (0.6 + 0.8 * random.f32());
                }
                (if self.busy { level } else { 0.0 }, 0.55, 0.008)
            }
        };
        let toward = self.level + (target - self.level) * haste;
        let noise = symmetric(random) * grain * (0.2 + toward);
        self.level = (toward + noise).clamp(0.0, 1.0);
    }

    /// Three waves whose periods have no common beat.
    fn wave(&self, level: f32, swing: f32, period: f32) -> f32 {
        let at = |length: f32| (self.age / length * TAU).sin();
        level + swing * (0.55 * at(period) + 0.28 * at(period * 0.377) + 0.17 * at(period * 3.19))
    }
}

/// A random number from -1 to 1, around 0.
pub(super) fn symmetric(random: &mut fastrand::Rng) -> f32 {
    random.f32() + random.f32() - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(pattern: Pattern) -> Vec<f32> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut load = Load::new(pattern, &mut random);
        (0..3600)
            .map(|_| {
                load.step(&mut random);
                load.level()
            })
            .collect()
    }

    #[test]
    fn a_training_load_is_steady_but_for_its_checkpoints() {
        let levels = hour(Pattern::Training {
            level: 0.985,
            checkpoint_every: 420.0,
            checkpoint_for: 14.0,
        });
        let steady = levels.iter().filter(|level| **level > 0.95).count();
        let dips = levels.iter().filter(|level| **level < 0.3).count();
        assert!(steady > 3200, "{steady} of 3600 s steady");
        assert!((60..200).contains(&dips), "{dips} s in checkpoints");
    }

    #[test]
    fn a_serving_load_breathes_and_does_not_jump() {
        let levels = hour(Pattern::Serving {
            level: 0.5,
            swing: 0.3,
            period: 120.0,
        });
        let settled = levels.get(60..).unwrap();
        let low = settled.iter().copied().fold(1.0, f32::min);
        let high = settled.iter().copied().fold(0.0, f32::max);
        assert!(low < 0.35 && high > 0.65, "{low} to {high}");
        let jump = settled
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        assert!(jump < 0.12, "a jump of {jump} in one second");
    }

    #[test]
    fn bursts_rest_longer_than_they_work() {
        let levels = hour(Pattern::Bursts {
            busy: 30.0,
            rest: 200.0,
            level: 0.9,
        });
        let busy = levels.iter().filter(|level| **level > 0.8).count();
        assert!((150..900).contains(&busy), "{busy} s busy");
    }
}
