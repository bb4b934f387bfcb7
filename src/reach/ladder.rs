//! The ladder of one host (pure): each rung presumes the one below; the first that fails names the trouble.

use serde::{Deserialize, Serialize};

use crate::domain::{At, GpuCondition, GpuHealth, GpuReport, Rung};
use crate::text::SafeText;

/// How far one rung got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not tried yet, or nothing to try (no GPU, no container daemon).
    #[default]
    Untried,
    /// It holds.
    Holds {
        /// Since when without a break.
        since: At,
    },
    /// It failed.
    Failed {
        /// Since when without a break.
        since: At,
        /// Silence is worse than a refusal: the far side took the connection and says nothing.
        silent: bool,
        /// The reason.
        why: SafeText,
        /// The mend, where we know one.
        hint: Option<SafeText>,
    },
}

/// What trying one rung showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It holds.
    Holds,
    /// It failed.
    Fails {
        /// The far side took the connection and says nothing.
        silent: bool,
        /// The reason.
        why: SafeText,
        /// The mend, where we know one.
        hint: Option<SafeText>,
    },
    /// There is nothing to try on this host.
    NotApplicable,
}

/// One host's ladder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    outcomes: [Outcome; Rung::ALL.len()],
}

/// What the ladder says in one word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing has been tried.
    Unknown,
    /// Up to the command rung everything holds.
    Up,
    /// It does not answer at this rung.
    Down {
        /// The first rung that fails.
        rung: Rung,
        /// Since when.
        since: At,
    },
    /// TCP answers, and then silence: a hand on the power switch may be needed.
    Wedged {
        /// The first rung that fails.
        rung: Rung,
        /// Since when.
        since: At,
    },
}

impl Ladder {
    /// How far this rung got.
    pub fn outcome(&self, rung: Rung) -> &Outcome {
        self.outcomes
            .get(rung as usize)
            .unwrap_or(&Outcome::Untried)
    }

    /// Takes in what trying a rung showed. What holds or fails without a break keeps its `since`; a failure makes the
    /// rungs above untried; a rung that holds carries those below it. Rungs above the command rung count only while
    /// commands come back, so that a late answer of a lost link changes nothing.
    pub fn record(&mut self, rung: Rung, finding: Finding, at: At) {
        if rung > Rung::Command && !self.holds(Rung::Command) {
            return;
        }
        match finding {
            Finding::Holds => self.hold(rung, at),
            Finding::Fails { silent, why, hint } => self.fail(rung, at, silent, why, hint),
            Finding::NotApplicable => self.set(rung, Outcome::Untried),
        }
    }

    fn hold(&mut self, rung: Rung, at: At) {
        if !self.holds(rung) {
            self.set(rung, Outcome::Holds { since: at });
        }
        if rung > Rung::Command {
            return;
        }
        for below in Rung::ALL.into_iter().take_while(|below| *below < rung) {
            if matches!(self.outcome(below), Outcome::Failed { .. }) {
                self.set(below, Outcome::Holds { since: at });
            }
        }
    }

    fn fail(&mut self, rung: Rung, at: At, silent: bool, why: SafeText, hint: Option<SafeText>) {
        let since = match self.outcome(rung) {
            Outcome::Failed { since, .. } => *since,
            _ => at,
        };
        let failed = Outcome::Failed {
            since,
            silent,
            why,
            hint,
        };
        self.set(rung, failed);
        if rung <= Rung::Command {
            for above in Rung::ALL.into_iter().filter(|above| *above > rung) {
                self.set(above, Outcome::Untried);
            }
        }
    }

    fn set(&mut self, rung: Rung, outcome: Outcome) {
        if let Some(place) = self.outcomes.get_mut(rung as usize) {
            *place = outcome;
        }
    }

    /// Whether this rung holds.
    pub fn holds(&self, rung: Rung) -> bool {
        matches!(self.outcome(rung), Outcome::Holds { .. })
    }

    /// The first failing rung of those that a host has to pass to be of use.
    pub fn first_failure(&self) -> Option<Rung> {
        Rung::ALL
            .into_iter()
            .take_while(|rung| *rung <= Rung::Command)
            .find(|rung| matches!(self.outcome(*rung), Outcome::Failed { .. }))
    }

    /// What all rungs together say.
    pub fn verdict(&self) -> Verdict {
        let Some(rung) = self.first_failure() else {
            return if self.holds(Rung::Command) {
                Verdict::Up
            } else {
                Verdict::Unknown
            };
        };
        match self.outcome(rung) {
            Outcome::Failed {
                since,
                silent: true,
                ..
            } if rung > Rung::Tcp && self.holds(Rung::Tcp) => Verdict::Wedged {
                rung,
                since: *since,
            },
            Outcome::Failed { since, .. } => Verdict::Down {
                rung,
                since: *since,
            },
            Outcome::Untried | Outcome::Holds { .. } => Verdict::Unknown,
        }
    }
}

/// What a report of a host's GPUs says about the driver rung.
pub fn driver(report: &GpuReport) -> Finding {
    let fails = |silent, why: String, hint: &'static str| Finding::Fails {
        silent,
        why: why.into(),
        hint: Some(hint.into()),
    };
    let words = report.condition.words();
    match report.condition {
        GpuCondition::NoTool => Finding::NotApplicable,
        GpuCondition::Working => match lost_gpus(report) {
            None => Finding::Holds,
            Some(why) => fails(false, why, "a reboot or a power cycle brings it back"),
        },
        GpuCondition::NoDriver => fails(false, words, "load the module: sudo modprobe nvidia"),
        GpuCondition::NoDevices => fails(false, words, "see `lspci` and `dmesg` on the host"),
        GpuCondition::VersionMismatch { .. } => fails(
            false,
            words,
            "reboot the host, or reload the nvidia modules",
        ),
        GpuCondition::Hung => fails(true, words, "only a reboot frees a wedged driver"),
        GpuCondition::Lost { .. } => {
            fails(false, words, "a reboot or a power cycle brings it back")
        }
        GpuCondition::Failed { .. } => fails(false, words, "run nvidia-smi on the host"),
    }
}

fn lost_gpus(report: &GpuReport) -> Option<String> {
    let lost: Vec<String> = report
        .gpus
        .iter()
        .filter(|gpu| gpu.health == GpuHealth::Lost)
        .map(|gpu| gpu.index.to_string())
        .collect();
    (!lost.is_empty()).then(|| format!("gpu {} fell off the bus", lost.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(silent: bool) -> Finding {
        Finding::Fails {
            silent,
            why: "why".into(),
            hint: None,
        }
    }

    fn climbed(steps: &[(Rung, Finding)]) -> Ladder {
        let mut ladder = Ladder::default();
        for (at, (rung, finding)) in (1..).zip(steps) {
            ladder.record(*rung, finding.clone(), At(at));
        }
        ladder
    }

    #[test]
    fn the_verdict_names_the_first_failing_rung() {
        use Finding::Holds;
        use Rung::{Banner, Command, Login, Resolve, Tcp};
        let down = |rung, since| Verdict::Down {
            rung,
            since: At(since),
        };
        let wedged = |rung, since| Verdict::Wedged {
            rung,
            since: At(since),
        };
        let rows: [(&[(Rung, Finding)], Verdict); 12] = [
            (&[], Verdict::Unknown),
            (&[(Resolve, Holds), (Tcp, Holds)], Verdict::Unknown),
            (&[(Resolve, fails(false))], down(Resolve, 1)),
            (&[(Resolve, Holds), (Tcp, fails(false))], down(Tcp, 2)),
            // Silence below TCP is an absent host, not a wedged one.
            (&[(Resolve, Holds), (Tcp, fails(true))], down(Tcp, 2)),
            (&[(Tcp, Holds), (Banner, fails(true))], wedged(Banner, 2)),
            (&[(Tcp, Holds), (Login, fails(true))], wedged(Login, 2)),
            (&[(Tcp, Holds), (Command, fails(true))], wedged(Command, 2)),
            (&[(Tcp, Holds), (Login, fails(false))], down(Login, 2)),
            // This machine has no rungs below the command.
            (&[(Command, Holds)], Verdict::Up),
            // What holds above carries what failed below.
            (&[(Tcp, fails(false)), (Command, Holds)], Verdict::Up),
            // It was wedged and is gone now.
            (
                &[(Tcp, Holds), (Banner, fails(true)), (Tcp, fails(false))],
                down(Tcp, 3),
            ),
        ];
        for (steps, verdict) in rows {
            assert_eq!(climbed(steps).verdict(), verdict, "{steps:?}");
        }
    }

    #[test]
    fn since_is_kept_while_nothing_breaks() {
        let mut ladder = climbed(&[
            (Rung::Tcp, Finding::Holds),
            (Rung::Banner, fails(true)),
            (Rung::Tcp, Finding::Holds),
            (Rung::Banner, fails(true)),
        ]);
        assert_eq!(
            ladder.verdict(),
            Verdict::Wedged {
                rung: Rung::Banner,
                since: At(2)
            }
        );
        ladder.record(Rung::Command, Finding::Holds, At(9));
        ladder.record(Rung::Command, Finding::Holds, At(10));
        assert_eq!(
            *ladder.outcome(Rung::Command),
            Outcome::Holds { since: At(9) }
        );
        assert_eq!(*ladder.outcome(Rung::Tcp), Outcome::Holds { since: At(1) });
    }

    #[test]
    fn the_upper_rungs_presume_a_command_that_comes_back() {
        let mut ladder = climbed(&[(Rung::Command, Finding::Holds)]);
        ladder.record(Rung::Containers, Finding::Holds, At(2));
        ladder.record(Rung::Driver, fails(false), At(3));
        assert_eq!(ladder.verdict(), Verdict::Up);
        assert!(ladder.holds(Rung::Containers));
        ladder.record(Rung::Command, fails(false), At(4));
        ladder.record(Rung::Containers, Finding::Holds, At(5));
        assert_eq!(*ladder.outcome(Rung::Containers), Outcome::Untried);
        assert_eq!(*ladder.outcome(Rung::Driver), Outcome::Untried);
    }
}
