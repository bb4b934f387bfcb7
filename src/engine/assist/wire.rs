//! What a console that runs a conversation and one that watches it say to each other, a line of JSON each (pure).

use serde::{Deserialize, Serialize};

use crate::assistant::{Phase, SessionEvent};
use crate::domain::At;
use crate::engine::Refusal;
use crate::text::SafeText;

/// Told by both sides first: who speaks otherwise is not understood.
pub(super) const VERSION: u32 = 1;

/// What the one that watches says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FromWatcher {
    /// First of all.
    Attach {
        /// Of what it speaks.
        version: u32,
        /// The number of the newest event that it has.
        after: u64,
    },
    /// A wish of the person there.
    Wish {
        /// To answer it by.
        id: u64,
        /// What.
        wish: Wish,
    },
}

/// What a person at another console may wish. Approvals stay here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wish {
    /// Ask.
    Say(String),
    /// Take back what waits.
    Unqueue,
    /// Stop what it does now.
    Interrupt,
}

/// What the one that runs it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToWatcher {
    /// First of all.
    Hello {
        /// Of what it speaks.
        version: u32,
        /// Its process.
        pid: u32,
    },
    /// Something happened.
    Event(SessionEvent),
    /// What the assistant does now.
    Phase(PhaseWords),
    /// How a wish went; `None`: it is done.
    Answer {
        /// Which.
        id: u64,
        /// Why not.
        refusal: Option<Refusal>,
    },
    /// It does not read as fast as there is news: it may attach again.
    TooSlow,
}

/// The line of an event whose row is there already.
pub(super) fn event_line(row: &str) -> String {
    format!(r#"{{"event":{row}}}"#)
}

/// A line.
pub(super) fn line(said: &impl Serialize) -> String {
    // Nothing that is said has a map with other keys than names: it can't fail.
    serde_json::to_string(said).unwrap_or_default()
}

/// A phase whose times are lengths, because each console has a clock of its own. Milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PhaseWords {
    /// See [`Phase`].
    Asleep,
    /// See [`Phase`].
    Starting(u64),
    /// See [`Phase`].
    Idle,
    /// See [`Phase`].
    Working {
        /// Ago.
        since: u64,
        /// Ago.
        heard: u64,
    },
    /// See [`Phase`].
    Retrying {
        /// Which.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// Ahead.
        due: u64,
        /// What failed.
        why: SafeText,
    },
    /// See [`Phase`].
    Waiting(u64),
    /// See [`Phase`].
    Stopping(u64),
    /// See [`Phase`].
    Dead(SafeText),
}

impl PhaseWords {
    /// A phase, said at this moment.
    pub(super) fn of(phase: &Phase, now: At) -> Self {
        let ago = |at: At| now.since(at).0;
        match phase {
            Phase::Asleep => Self::Asleep,
            Phase::Starting(at) => Self::Starting(ago(*at)),
            Phase::Idle => Self::Idle,
            Phase::Working { since, heard } => Self::Working {
                since: ago(*since),
                heard: ago(*heard),
            },
            Phase::Retrying {
                attempt,
                of,
                due,
                why,
            } => Self::Retrying {
                attempt: *attempt,
                of: *of,
                due: due.since(now).0,
                why: why.clone(),
            },
            Phase::Waiting(at) => Self::Waiting(ago(*at)),
            Phase::Stopping(at) => Self::Stopping(ago(*at)),
            Phase::Dead(why) => Self::Dead(why.clone()),
        }
    }

    /// The phase, heard at this moment.
    pub(super) fn heard(self, now: At) -> Phase {
        let ago = |length: u64| At(now.0.saturating_sub(length));
        match self {
            Self::Asleep => Phase::Asleep,
            Self::Starting(length) => Phase::Starting(ago(length)),
            Self::Idle => Phase::Idle,
            Self::Working { since, heard } => Phase::Working {
                since: ago(since),
                heard: ago(heard),
            },
            Self::Retrying {
                attempt,
                of,
                due,
                why,
            } => Phase::Retrying {
                attempt,
                of,
                due: At(now.0.saturating_add(due)),
                why,
            },
            Self::Waiting(length) => Phase::Waiting(ago(length)),
            Self::Stopping(length) => Phase::Stopping(ago(length)),
            Self::Dead(why) => Phase::Dead(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::EventKind;
    use crate::domain::Wall;

    #[test]
    fn times_are_lengths_on_the_way() {
        let (here, there) = (At(10_000), At(500_000));
        for (phase, heard) in [
            (Phase::Starting(At(9_000)), Phase::Starting(At(499_000))),
            (
                Phase::Working {
                    since: At(4_000),
                    heard: At(9_990),
                },
                Phase::Working {
                    since: At(494_000),
                    heard: At(499_990),
                },
            ),
            (
                Phase::Retrying {
                    attempt: 1,
                    of: 2,
                    due: At(13_000),
                    why: "offline".into(),
                },
                Phase::Retrying {
                    attempt: 1,
                    of: 2,
                    due: At(503_000),
                    why: "offline".into(),
                },
            ),
            (Phase::Idle, Phase::Idle),
        ] {
            let words = line(&PhaseWords::of(&phase, here));
            let read: PhaseWords = serde_json::from_str(&words).unwrap();
            assert_eq!(read.heard(there), heard, "{words}");
        }
    }

    #[test]
    fn a_row_is_a_line_as_it_is() {
        let event = SessionEvent {
            number: 4,
            wall: Wall(9),
            kind: EventKind::Unqueued,
        };
        let row = serde_json::to_string(&event).unwrap();
        let read: ToWatcher = serde_json::from_str(&event_line(&row)).unwrap();
        assert_eq!(read, ToWatcher::Event(event));
    }
}
