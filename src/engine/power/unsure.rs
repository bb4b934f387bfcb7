//! Which verb of a host may or may not have happened: what this session knows of it, and what the ledger tells. Apart from the
//! picture of the last act, because an act that came to nothing says nothing of the one before it. Pure.

use std::collections::VecDeque;

use super::stakes::verb_of;
use crate::domain::{ActId, ActOutcome, HostId, Intent, LedgerEntry, LedgerEvent, PowerVerb, Wall};
use crate::engine::state::{Fleet, PowerDoubt};
use crate::power::was_done;
use crate::text::SafeText;

/// A power act in the ledger.
pub(in crate::engine) struct Written<'a> {
    /// The verb.
    pub(in crate::engine) verb: PowerVerb,
    /// When it was confirmed.
    pub(in crate::engine) wall: Wall,
    intent: &'a Intent,
    outcome: Option<&'a ActOutcome>,
    /// The entry that told of it last.
    told: u64,
}

impl Written<'_> {
    /// In words, where nobody knows whether it happened.
    pub(in crate::engine) fn open(&self) -> Option<SafeText> {
        let Intent { who, from, .. } = self.intent;
        match self.outcome {
            None => {
                Some(format!("{who} ({from}) began it, and its end is not in the ledger").into())
            }
            Some(ActOutcome::Unknown(why)) => Some(why.clone()),
            Some(ActOutcome::Done | ActOutcome::Failed(_)) => None,
        }
    }

    /// Whether it is known that nothing of it is to be counted.
    fn came_to_nothing(&self) -> bool {
        self.open().is_none() && !self.outcome.is_some_and(|end| was_done(self.verb, end))
    }
}

/// The newest power act of a host in the ledger that may have happened; only hard verbs where that is wanted.
pub(in crate::engine) fn last_written<'a>(
    ledger: &'a VecDeque<LedgerEntry>,
    host: &HostId,
    counts: impl Fn(PowerVerb) -> bool,
) -> Option<Written<'a>> {
    ledger.iter().rev().find_map(|entry| {
        let LedgerEvent::Intent(intent) = &entry.event else {
            return None;
        };
        let ours = intent.host.as_ref() == Some(host);
        let verb = verb_of(&intent.request).filter(|verb| ours && counts(*verb))?;
        let end = ledger.iter().rev().find_map(|end| match &end.event {
            LedgerEvent::Outcome { act, outcome, .. } if *act == ActId(entry.number) => {
                Some((end.number, outcome))
            }
            _ => None,
        });
        let written = Written {
            verb,
            wall: entry.wall,
            intent,
            outcome: end.map(|(_, outcome)| outcome),
            told: end.map_or(entry.number, |(number, _)| number),
        };
        (!written.came_to_nothing()).then_some(written)
    })
}

/// The verb of a host whose outcome nobody knows.
pub(super) fn unsure(fleet: &Fleet, host: &HostId) -> Option<PowerVerb> {
    let doubt = fleet.doubts.iter().find(|doubt| doubt.host == *host);
    let looked = doubt.map_or(0, |doubt| doubt.looked);
    let written = || {
        let last = last_written(&fleet.ledger, host, |_| true)?;
        (last.told > looked && last.open().is_some()).then_some(last.verb)
    };
    doubt.and_then(|doubt| doubt.verb).or_else(written)
}

/// The doubts of a host, to change them.
pub(in crate::engine) fn doubt<'a>(
    doubts: &'a mut Vec<PowerDoubt>,
    host: &HostId,
) -> Option<&'a mut PowerDoubt> {
    if !doubts.iter().any(|doubt| doubt.host == *host) {
        doubts.push(PowerDoubt {
            host: host.clone(),
            verb: None,
            looked: 0,
        });
    }
    doubts.iter_mut().find(|doubt| doubt.host == *host)
}
