//! The ledger as acts (pure): each intent with what became of it, the newest first.

use std::collections::HashMap;

use super::rows::Filter;
use super::ui::{Screen, Ui};
use crate::domain::{ActId, ActOutcome, Intent, LedgerEvent, Wall};
use crate::engine::Fleet;
use crate::text::SafeText;

/// One act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act<'a> {
    /// Its number.
    pub(super) id: ActId,
    /// When it was begun.
    pub(super) wall: Wall,
    /// What was meant.
    pub(super) intent: &'a Intent,
    /// What became of it; `None`: it is under way, or nobody wrote it down.
    pub(super) end: Option<End<'a>>,
}

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End<'a> {
    /// When it was written.
    pub(super) wall: Wall,
    /// How it went.
    pub(super) outcome: &'a ActOutcome,
    /// What was looked at afterwards.
    pub(super) verification: Option<&'a SafeText>,
}

impl Act<'_> {
    /// How it went, in one word.
    pub(super) fn word(&self) -> &'static str {
        match self.end.map(|end| end.outcome) {
            None => "open",
            Some(ActOutcome::Done) => "done",
            Some(ActOutcome::Failed(_)) => "failed",
            Some(ActOutcome::Unknown(_)) => "unknown",
        }
    }

    /// Why it did not go well.
    pub(super) fn why(&self) -> Option<&str> {
        match self.end.map(|end| end.outcome) {
            Some(ActOutcome::Failed(why) | ActOutcome::Unknown(why)) => Some(why.as_str()),
            _ => None,
        }
    }
}

/// The acts that are shown, newest first: all of them on their own screen, in a host's tab those of the host.
pub(super) fn acts<'a>(fleet: &'a Fleet, ui: &Ui) -> Vec<Act<'a>> {
    let ends: HashMap<ActId, End<'a>> = fleet
        .ledger
        .iter()
        .filter_map(|entry| match &entry.event {
            LedgerEvent::Outcome {
                act,
                outcome,
                verification,
            } => {
                let end = End {
                    wall: entry.wall,
                    outcome,
                    verification: verification.as_ref(),
                };
                Some((*act, end))
            }
            LedgerEvent::Intent(_) | LedgerEvent::Recovered { .. } => None,
        })
        .collect();
    let filter = Filter::new(&ui.ledger.filter.text);
    let here = (ui.screen == Screen::Hosts).then_some(&ui.selected);
    fleet
        .ledger
        .iter()
        .rev()
        .filter_map(|entry| match &entry.event {
            LedgerEvent::Intent(intent) => {
                let id = ActId(entry.number);
                Some(Act {
                    id,
                    wall: entry.wall,
                    intent,
                    end: ends.get(&id).copied(),
                })
            }
            LedgerEvent::Outcome { .. } | LedgerEvent::Recovered { .. } => None,
        })
        .filter(|act| here.is_none_or(|host| act.intent.host == *host))
        .filter(|act| {
            let host = act.intent.host.as_ref().map_or("", |host| host.as_str());
            let intent = act.intent;
            filter.matches([
                host,
                intent.who.as_str(),
                intent.what.as_str(),
                intent.confirmed.as_str(),
                act.word(),
                act.why().unwrap_or_default(),
            ])
        })
        .collect()
}
