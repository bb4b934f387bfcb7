//! What is under way in a conversation, and the events that end it when nobody is left to end it otherwise (pure).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::assistant::{CallId, Decided, Ending, EventKind, Origin, StepResult, Usage};
use crate::domain::{ProposalId, Wall};
use crate::text::SafeText;

/// What is under way.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay {
    calls: BTreeMap<CallId, Origin>,
    /// Until when each of them may be decided on.
    proposals: BTreeMap<ProposalId, Wall>,
    /// Those of them whose act has begun.
    begun: BTreeSet<ProposalId>,
    /// Questions that wait for their turn.
    queued: usize,
    in_turn: bool,
    runbooks: usize,
    usage: Usage,
}

impl UnderWay {
    /// Whether an event still has its place: what ended once does not end again.
    pub(super) fn expects(&self, kind: &EventKind) -> bool {
        match kind {
            EventKind::CallEnded { call, .. } => self.calls.contains_key(call),
            EventKind::Begun { proposal } | EventKind::Decided { proposal, .. } => {
                self.proposals.contains_key(proposal)
            }
            _ => true,
        }
    }

    /// How many proposals wait for a person.
    pub(super) fn proposals(&self) -> usize {
        self.proposals.len()
    }

    /// Those that wait, or are being carried out, and until when each may be decided on.
    pub(super) fn open(&self) -> Vec<(ProposalId, Wall)> {
        let open = self.proposals.iter();
        open.map(|(proposal, until)| (*proposal, *until)).collect()
    }

    /// Whether the act of a proposal is known to have begun.
    pub(super) fn has_begun(&self, proposal: ProposalId) -> bool {
        self.begun.contains(&proposal)
    }

    /// Whether nothing is under way.
    pub(super) fn is_over(&self) -> bool {
        let waits = !self.calls.is_empty() || !self.proposals.is_empty() || self.queued > 0;
        !(waits || self.in_turn || self.runs_a_runbook())
    }

    /// Whether a runbook is at work.
    pub(super) fn runs_a_runbook(&self) -> bool {
        self.runbooks > 0
    }

    /// An event has happened.
    pub(super) fn heed(&mut self, kind: &EventKind) {
        match kind {
            EventKind::CallBegan { call, origin, .. } => {
                self.calls.insert(call.clone(), *origin);
            }
            EventKind::CallEnded { call, .. } => {
                self.calls.remove(call);
            }
            EventKind::Proposed(proposal) => {
                self.proposals.insert(proposal.id, proposal.expires);
            }
            EventKind::Begun { proposal } => {
                self.begun.insert(*proposal);
            }
            EventKind::Decided { proposal, .. } => {
                self.proposals.remove(proposal);
                self.begun.remove(proposal);
            }
            EventKind::Asked { queued: true, .. } => self.queued += 1,
            EventKind::Asked { .. } => {
                self.queued = self.queued.saturating_sub(1);
                self.in_turn = true;
            }
            EventKind::Unqueued => self.queued = self.queued.saturating_sub(1),
            EventKind::TurnEnded { usage, .. } => {
                self.in_turn = false;
                self.usage = usage.clone();
            }
            EventKind::RunbookBegan { .. } => self.runbooks += 1,
            EventKind::RunbookEnded { .. } => self.runbooks = self.runbooks.saturating_sub(1),
            _ => {}
        }
    }

    /// What ends the calls of the assistant, and those of its proposals that could be taken back. One that a person has
    /// approved is ended by whoever carries it out.
    pub(super) fn end_calls(
        &self,
        why: &SafeText,
        takes_back: impl Fn(ProposalId) -> bool,
    ) -> Vec<EventKind> {
        let open = self.proposals.keys().filter(|open| takes_back(**open));
        let proposals = open.map(|proposal| EventKind::Decided {
            proposal: *proposal,
            decided: Decided::abandoned(self.begun.contains(proposal)),
        });
        let of = |origin| move |(_, of): &(&CallId, &Origin)| **of == origin;
        let calls = self.calls.iter().filter(of(Origin::Assistant));
        proposals
            .chain(calls.map(|(call, _)| ended(call, why)))
            .collect()
    }

    /// What ends everything: whoever ran it is gone.
    pub(super) fn end_all(&self, why: &SafeText) -> Vec<EventKind> {
        let mut events = self.end_calls(why, |_| true);
        let runbooks = self.calls.iter().filter(|(_, of)| **of == Origin::Runbook);
        events.extend(runbooks.map(|(call, _)| ended(call, why)));
        events.extend((0..self.runbooks).map(|_| EventKind::RunbookEnded {
            findings: vec![why.clone()],
        }));
        events.extend((0..self.queued).map(|_| EventKind::Unqueued));
        events.extend(self.end_turn(why));
        events
    }

    /// What ends the turn, where there is one.
    pub(super) fn end_turn(&self, why: &SafeText) -> Option<EventKind> {
        self.in_turn.then(|| EventKind::TurnEnded {
            ending: Ending::Died(why.clone()),
            usage: self.usage.clone(),
        })
    }
}

fn ended(call: &CallId, why: &SafeText) -> EventKind {
    EventKind::CallEnded {
        call: call.clone(),
        result: StepResult {
            lines: Vec::new(),
            cut: 0,
            exit: None,
            failed: Some(why.clone()),
            took: Duration::ZERO,
        },
    }
}
