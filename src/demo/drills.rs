//! Scripted disasters (pure): what is wrong with which machine, so many seconds into the demo.

use std::fmt;
use std::str::FromStr;

use super::{DemoError, Line};

/// A scripted disaster. Each begins after some seconds of calm, so that the fall can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    /// `spark-2` runs out of unified memory, then takes TCP connections and says nothing; after three minutes somebody
    /// cuts its power, and 45 seconds later it is back with empty memory.
    Wedge,
    /// On `spark-1` a training job grows until the kernel kills it and the memory comes back; every four minutes again.
    Oom,
    /// The link of `h200-a` drops and returns, over and over.
    Flap,
    /// GPU 3 of `h200-a` loses its cooling: it heats, throttles, and falls off the bus.
    Thermal,
    /// `spark-2` takes TCP connections and says nothing, until somebody uses its power switch.
    Breakglass,
}

/// What a drill does to one machine at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stage {
    /// Its cable.
    pub line: Line,
    /// What its world suffers.
    pub strain: Strain,
    /// How often it has been power-cycled so far; with each, its world begins anew.
    pub boots: u32,
}

/// What a machine's world suffers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Strain {
    /// Nothing.
    #[default]
    None,
    /// A job holds this share (0 to 1) of the memory that was left, and more comes.
    Filling {
        /// Share of the memory that was left.
        share: f32,
    },
    /// The GPU at this index has lost its cooling.
    Uncooled {
        /// The driver's index.
        gpu: usize,
    },
    /// The GPU at this index fell off the bus.
    OffTheBus {
        /// The driver's index.
        gpu: usize,
    },
}

/// Seconds of calm before each drill.
const CALM: f32 = 20.0;

impl Drill {
    /// Every drill.
    pub const ALL: [Self; 5] = [
        Self::Wedge,
        Self::Oom,
        Self::Flap,
        Self::Thermal,
        Self::Breakglass,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wedge => "wedge",
            Self::Oom => "oom",
            Self::Flap => "flap",
            Self::Thermal => "thermal",
            Self::Breakglass => "breakglass",
        }
    }

    /// The drill in one sentence, for the help.
    pub fn words(self) -> &'static str {
        match self {
            Self::Wedge => {
                "spark-2 fills its memory, then takes connections and says nothing; power-cycled after three minutes"
            }
            Self::Oom => "a job on spark-1 grows until the kernel kills it; every four minutes",
            Self::Flap => "the link of h200-a drops and returns, over and over",
            Self::Thermal => "GPU 3 of h200-a heats, throttles, and falls off the bus",
            Self::Breakglass => "spark-2 says nothing until its power is cycled",
        }
    }

    /// All names, for help and refusals.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// What is wrong with this machine, so many seconds into the demo.
    pub fn stage(self, host: &str, seconds: f32) -> Stage {
        let into = seconds - CALM;
        if into < 0.0 {
            return Stage::default();
        }
        match (self, host) {
            (Self::Wedge, "spark-2") => wedge(into),
            (Self::Oom, "spark-1") => oom(into),
            (Self::Flap, "h200-a") => flap(into),
            (Self::Thermal, "h200-a") => thermal(into),
            (Self::Breakglass, "spark-2") => Stage {
                line: Line::Silent,
                ..Stage::default()
            },
            _ => Stage::default(),
        }
    }
}

/// Sixty seconds of filling, three minutes of silence, 45 seconds without power, then anew.
fn wedge(into: f32) -> Stage {
    const FULL: f32 = 60.0;
    const SILENCE: f32 = FULL + 180.0;
    const BOOT: f32 = SILENCE + 45.0;
    let strain = Strain::Filling { share: into / FULL };
    match into {
        ..FULL => Stage {
            strain,
            ..Stage::default()
        },
        ..SILENCE => Stage {
            line: Line::Silent,
            strain,
            boots: 0,
        },
        ..BOOT => Stage {
            line: Line::Cut,
            boots: 1,
            ..Stage::default()
        },
        _ => Stage {
            boots: 1,
            ..Stage::default()
        },
    }
}

/// Seventy seconds of growth, a few at the brim, the kill; from the top every four minutes.
fn oom(into: f32) -> Stage {
    const GROWTH: f32 = 70.0;
    const KILL: f32 = GROWTH + 8.0;
    const AGAIN: f32 = 240.0;
    let into = into % AGAIN;
    let strain = if into < KILL {
        Strain::Filling {
            share: into / GROWTH,
        }
    } else {
        Strain::None
    };
    Stage {
        strain,
        ..Stage::default()
    }
}

/// Uneven on purpose: seconds down, then seconds up, from the top again after the last.
fn flap(into: f32) -> Stage {
    const TURNS: [(f32, f32); 5] = [
        (6.0, 25.0),
        (12.0, 9.0),
        (4.0, 40.0),
        (20.0, 15.0),
        (3.0, 60.0),
    ];
    let round: f32 = TURNS.iter().map(|(down, up)| down + up).sum();
    let mut left = into % round;
    for (down, up) in TURNS {
        if left < down {
            return Stage {
                line: Line::Cut,
                ..Stage::default()
            };
        }
        left -= down;
        if left < up {
            break;
        }
        left -= up;
    }
    Stage::default()
}

/// Two minutes without cooling, then off the bus for good.
fn thermal(into: f32) -> Stage {
    const HEATING: f32 = 120.0;
    const GPU: usize = 3;
    let strain = if into < HEATING {
        Strain::Uncooled { gpu: GPU }
    } else {
        Strain::OffTheBus { gpu: GPU }
    };
    Stage {
        strain,
        ..Stage::default()
    }
}

impl fmt::Display for Drill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Drill {
    type Err = DemoError;

    fn from_str(name: &str) -> Result<Self, DemoError> {
        Self::ALL
            .into_iter()
            .find(|drill| drill.name() == name)
            .ok_or_else(|| DemoError::UnknownDrill {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drill_begins_in_calm_and_strikes_one_machine() {
        for drill in Drill::ALL {
            for host in ["spark-1", "spark-2", "h200-a", "plain"] {
                assert_eq!(drill.stage(host, 10.0), Stage::default(), "{drill} {host}");
            }
            let struck = ["spark-1", "spark-2", "h200-a", "plain"]
                .into_iter()
                .filter(|host| {
                    (0..600).any(|second| drill.stage(host, second as f32) != Stage::default())
                })
                .count();
            assert_eq!(struck, 1, "{drill}");
        }
    }

    #[test]
    fn a_wedge_goes_silent_then_dark_then_comes_back_anew() {
        let line = |second| Drill::Wedge.stage("spark-2", second).line;
        assert_eq!(line(79.0), Line::Carries);
        assert_eq!(line(81.0), Line::Silent);
        assert_eq!(line(259.0), Line::Silent);
        assert_eq!(line(261.0), Line::Cut);
        assert_eq!(line(306.0), Line::Carries);
        assert_eq!(Drill::Wedge.stage("spark-2", 306.0).boots, 1);
    }

    #[test]
    fn a_flap_has_both_sides_in_every_minute_of_its_first_ten() {
        for minute in 1..10 {
            let lines: Vec<Line> = (minute * 60..(minute + 1) * 60)
                .map(|second| Drill::Flap.stage("h200-a", second as f32).line)
                .collect();
            assert!(lines.contains(&Line::Carries), "minute {minute}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_list() {
        let refused = "wedgie".parse::<Drill>().unwrap_err().to_string();
        for drill in Drill::ALL {
            assert!(refused.contains(drill.name()), "{refused}");
            assert_eq!(drill.name().parse::<Drill>().unwrap(), drill);
        }
    }
}
