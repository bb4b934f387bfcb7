//! The ledger as acts (pure): each intent with what became of it, and notes of the ledger itself, the newest first.

use std::collections::HashMap;

use super::rows::Filter;
use super::ui::{Screen, Ui};
use crate::domain::{ActId, ActOutcome, HostId, Intent, LedgerEvent, Wall};
use crate::engine::Fleet;
use crate::text::SafeText;

/// One act, or a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act<'a> {
    /// Its number.
    pub(super) id: ActId,
    /// When it was begun.
    pub(super) wall: Wall,
    /// What it tells.
    pub(super) told: Told<'a>,
}

/// What a row tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// Something was to be done.
    Act {
        /// What was meant.
        intent: &'a Intent,
        /// What became of it; `None`: it is under way, or nobody wrote it down.
        end: Option<End<'a>>,
    },
    /// The ledger was put right after an interruption.
    Note(&'a SafeText),
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

impl<'a> Act<'a> {
    /// How it went, in one word.
    pub(super) fn word(&self) -> &'static str {
        match self.told {
            Told::Note(_) => "note",
            Told::Act { end: None, .. } => "open",
            Told::Act { end: Some(end), .. } => match end.outcome {
                ActOutcome::Done => "done",
                ActOutcome::Failed(_) => "failed",
                ActOutcome::Unknown(_) => "unknown",
            },
        }
    }

    /// What was meant; a note means nothing.
    pub(super) fn intent(&self) -> Option<&'a Intent> {
        match self.told {
            Told::Act { intent, .. } => Some(intent),
            Told::Note(_) => None,
        }
    }

    /// On which host; an act may be on none, a note is on none.
    pub(super) fn host(&self) -> Option<&'a HostId> {
        self.intent()?.host.as_ref()
    }

    /// What it is about, in one sentence.
    pub(super) fn what(&self) -> &'a str {
        match self.told {
            Told::Act { intent, .. } => intent.what.as_str(),
            Told::Note(what) => what.as_str(),
        }
    }

    /// Why it did not go well.
    pub(super) fn why(&self) -> Option<&'a str> {
        let Told::Act { end: Some(end), .. } = self.told else {
            return None;
        };
        match end.outcome {
            ActOutcome::Failed(why) | ActOutcome::Unknown(why) => Some(why.as_str()),
            ActOutcome::Done => None,
        }
    }
}

/// The acts that are shown, newest first: all of them and the notes on their own screen, in a host's tab those of the host.
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
        .filter_map(|entry| {
            let id = ActId(entry.number);
            let told = match &entry.event {
                LedgerEvent::Intent(intent) => Told::Act {
                    intent,
                    end: ends.get(&id).copied(),
                },
                LedgerEvent::Recovered { what } => Told::Note(what),
                LedgerEvent::Outcome { .. } => return None,
            };
            let wall = entry.wall;
            Some(Act { id, wall, told })
        })
        .filter(|act| here.is_none_or(|host| act.host() == host.as_ref()))
        .filter(|act| {
            let intent = act.intent();
            filter.matches([
                act.host().map_or("", |host| host.as_str()),
                intent.map_or("", |intent| intent.who.as_str()),
                act.what(),
                intent.map_or("", |intent| intent.confirmed.as_str()),
                act.word(),
                act.why().unwrap_or_default(),
            ])
        })
        .collect()
}
