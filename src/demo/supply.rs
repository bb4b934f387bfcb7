//! A simulated machine's power (pure): what was done to it in time, and what that makes of the machine. Nobody has to wake
//! up for it: everything follows from the moments of the acts.

use std::time::Duration;

use crate::domain::{At, PowerVerb};

use super::{Line, Stage};

/// From power to the first answer.
pub(super) const BOOT: Duration = Duration::from_secs(8);

/// Boots by hand are counted from here, so that none is ever the number of a drill's.
const BY_HAND: u32 = 1000;

/// What the hypervisor remembers.
const HISTORY: usize = 5;

/// One machine's power, from the beginning of the demo.
#[derive(Debug, Default)]
pub(super) struct Supply {
    acts: Vec<Act>,
}

#[derive(Debug)]
struct Act {
    /// The verb; none: the machine restarted by itself.
    verb: Option<PowerVerb>,
    begun: At,
    /// Why it came to nothing.
    failed: Option<&'static str>,
}

/// What an act does to the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Off,
    On,
    Restart,
}

/// The power at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    /// Nobody touched it: the machine has been on since before the demo.
    Untouched,
    Off,
    On {
        since: At,
    },
}

impl Act {
    /// Its changes, with the time from its beginning.
    fn changes(&self) -> &'static [(u64, Change)] {
        match (self.failed, self.verb) {
            (Some(_), _) | (_, Some(PowerVerb::Status | PowerVerb::Forensics)) => &[],
            (None, Some(PowerVerb::Start)) => &[(1500, Change::On)],
            (None, Some(PowerVerb::Stop)) => &[(1500, Change::Off)],
            (None, Some(PowerVerb::Reset)) => &[(1000, Change::Restart)],
            (None, Some(PowerVerb::Cycle)) => &[(1500, Change::Off), (3000, Change::On)],
            (None, None) => &[(300, Change::Restart)],
        }
    }

    fn length(&self) -> Duration {
        Duration::from_millis(match self.verb {
            Some(PowerVerb::Cycle) => 3500,
            _ => 2000,
        })
    }

    fn is_at_work(&self, at: At) -> bool {
        at < self.begun.plus(self.length())
    }

    /// How far it is, as the script on a hypervisor tells it.
    fn state(&self, at: At) -> String {
        let into = at.since(self.begun).0;
        if !self.is_at_work(at) {
            return match self.failed {
                Some(why) => format!("failed {why}"),
                None => "done".into(),
            };
        }
        let phase = match (self.verb, into) {
            (_, ..700) => "evidence",
            (Some(PowerVerb::Cycle | PowerVerb::Stop), ..1500) => "stopping",
            (Some(PowerVerb::Reset), _) => "resetting",
            (Some(PowerVerb::Stop), _) => "waiting for its end",
            _ => "starting (try 1)",
        };
        format!("running {phase}")
    }
}

impl Supply {
    /// Begins an operation and gives its name; or the name of the one that is still at work.
    pub(super) fn begin(&mut self, verb: PowerVerb, at: At) -> Result<String, String> {
        let newest = self.operations().next_back();
        if let Some((number, act)) = newest
            && act.is_at_work(at)
        {
            return Err(name(number));
        }
        let number = newest.map_or(1, |(number, _)| number + 1);
        let off = self.power(at) == Power::Off;
        let failed = (verb == PowerVerb::Reset && off).then_some("qm reset: VM not running");
        self.acts.push(Act {
            verb: Some(verb),
            begun: at,
            failed,
        });
        Ok(name(number))
    }

    /// The machine restarts by itself.
    pub(super) fn reboot(&mut self, at: At) {
        self.acts.push(Act {
            verb: None,
            begun: at,
            failed: None,
        });
    }

    /// Whether it has power.
    pub(super) fn is_on(&self, at: At) -> bool {
        self.power(at) != Power::Off
    }

    /// What its cable does; none where nobody touched its power.
    pub(super) fn line(&self, at: At) -> Option<Line> {
        match self.power(at) {
            Power::Untouched => None,
            Power::On { since } if at >= since.plus(BOOT) => Some(Line::Carries),
            Power::Off | Power::On { .. } => Some(Line::Cut),
        }
    }

    /// Whether nothing more follows from what was done up to now.
    pub(super) fn is_settled(&self, at: At) -> bool {
        let idle = self.acts.iter().all(|act| !act.is_at_work(at));
        idle && match self.power(at) {
            Power::On { since } => at >= since.plus(BOOT),
            Power::Untouched | Power::Off => true,
        }
    }

    /// What its world goes through: a drill's stage, until somebody has restarted it; a fresh start ends its troubles.
    pub(super) fn stage(&self, at: At, drill: Stage) -> Stage {
        let restarts = self.restarts(at);
        if restarts == 0 {
            return drill;
        }
        Stage {
            boots: BY_HAND + restarts,
            ..Stage::default()
        }
    }

    /// Its operations, newest first: `ID VERB AGE STATE`.
    pub(super) fn told(&self, at: At) -> Vec<String> {
        let rows = self.operations().rev().take(HISTORY);
        rows.map(|(number, act)| {
            let verb = act.verb.map_or("reboot", PowerVerb::word);
            let age = at.since(act.begun).0 / 1000;
            format!("{} {verb} {age} {}", name(number), act.state(at))
        })
        .collect()
    }

    fn operations(&self) -> impl DoubleEndedIterator<Item = (usize, &Act)> {
        let acts: Vec<&Act> = self.acts.iter().filter(|act| act.verb.is_some()).collect();
        (1..).zip(acts).collect::<Vec<_>>().into_iter()
    }

    /// The power after each change up to this moment.
    fn course(&self, at: At) -> impl Iterator<Item = (At, Power)> {
        let changes = self.acts.iter().flat_map(|act| {
            act.changes()
                .iter()
                .map(|(after, change)| (act.begun.plus(Duration::from_millis(*after)), *change))
        });
        changes.take_while(move |(moment, _)| *moment <= at).scan(
            Power::Untouched,
            |power, (moment, change)| {
                *power = match (change, *power) {
                    (Change::Off, _) => Power::Off,
                    (Change::On, Power::Off)
                    | (Change::Restart, Power::Untouched | Power::On { .. }) => {
                        Power::On { since: moment }
                    }
                    (Change::On | Change::Restart, same) => same,
                };
                Some((moment, *power))
            },
        )
    }

    fn power(&self, at: At) -> Power {
        self.course(at)
            .last()
            .map_or(Power::Untouched, |(_, power)| power)
    }

    fn restarts(&self, at: At) -> u32 {
        let fresh = self
            .course(at)
            .filter(|(moment, power)| *power == Power::On { since: *moment });
        u32::try_from(fresh.count()).unwrap_or(u32::MAX)
    }
}

/// Whether a world's boot was somebody's doing, and so began with its power.
pub(super) fn is_by_hand(boots: u32) -> bool {
    boots >= BY_HAND
}

fn name(number: usize) -> String {
    format!("{number:06}-demo")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f32) -> At {
        At((seconds * 1000.0) as u64)
    }

    #[test]
    fn a_cycle_takes_its_time_and_ends_what_the_drill_did() {
        let mut supply = Supply::default();
        let wedged = Stage {
            line: Line::Silent,
            boots: 1,
            ..Stage::default()
        };
        assert_eq!(supply.line(at(9.0)), None);
        assert_eq!(supply.begin(PowerVerb::Cycle, at(10.0)), Ok(name(1)));
        assert_eq!(supply.stage(at(11.0), wedged), wedged);
        assert_eq!(supply.line(at(11.0)), None);
        assert!(supply.told(at(11.0))[0].ends_with("cycle 1 running stopping"));
        assert_eq!(supply.line(at(11.6)), Some(Line::Cut));
        assert!(!supply.is_on(at(11.6)));
        assert_eq!(supply.line(at(13.5)), Some(Line::Cut));
        assert!(supply.is_on(at(13.5)) && !supply.is_settled(at(20.9)));
        assert_eq!(supply.line(at(21.1)), Some(Line::Carries));
        assert!(supply.is_settled(at(21.1)));
        let fresh = supply.stage(at(21.1), wedged);
        assert_eq!(fresh.line, Line::Carries);
        assert!(is_by_hand(fresh.boots));
        assert!(supply.told(at(21.0))[0].ends_with("cycle 11 done"));
    }

    #[test]
    fn one_operation_is_at_work_at_a_time() {
        let mut supply = Supply::default();
        assert_eq!(supply.begin(PowerVerb::Stop, at(1.0)), Ok(name(1)));
        assert_eq!(supply.begin(PowerVerb::Cycle, at(2.0)), Err(name(1)));
        assert_eq!(supply.begin(PowerVerb::Reset, at(4.0)), Ok(name(2)));
        assert!(supply.told(at(9.0))[0].contains("failed qm reset"));
        assert!(!supply.is_on(at(9.0)));
        assert_eq!(supply.begin(PowerVerb::Start, at(9.0)), Ok(name(3)));
        assert!(supply.is_on(at(11.0)));
        assert_eq!(supply.told(at(11.0)).len(), 3);
    }

    #[test]
    fn a_machine_that_restarts_by_itself_is_away_for_a_boot() {
        let mut supply = Supply::default();
        supply.reboot(at(5.0));
        assert_eq!(supply.line(at(6.0)), Some(Line::Cut));
        assert_eq!(supply.line(at(14.0)), Some(Line::Carries));
        assert!(supply.told(at(14.0)).is_empty());
        assert_eq!(supply.begin(PowerVerb::Start, at(20.0)), Ok(name(1)));
        assert_eq!(supply.line(at(30.0)), Some(Line::Carries));
    }
}
