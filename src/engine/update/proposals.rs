//! What was proposed and waits for a person. Each ends once: decided, expired or withdrawn.

use std::sync::Arc;

use crate::assistant::Decided;
use crate::domain::ProposalId;
use crate::engine::{Effect, Fleet, ProposalMsg};

/// Folds what became of a proposal.
pub(super) fn update(
    fleet: &mut Fleet,
    proposal: ProposalId,
    msg: ProposalMsg,
    effects: &mut Vec<Effect>,
) {
    match msg {
        ProposalMsg::Made(pending) => Arc::make_mut(&mut fleet.proposals).push(*pending),
        ProposalMsg::Approved => {
            take(fleet, proposal);
        }
        ProposalMsg::Ended(decided) => {
            if take(fleet, proposal) {
                effects.push(Effect::Decided { proposal, decided });
            }
        }
    }
}

/// Ends those whose time has run out: no answer is a No.
pub(super) fn settle(fleet: &mut Fleet, effects: &mut Vec<Effect>) {
    let at = fleet.at;
    let over: Vec<ProposalId> = fleet
        .proposals
        .iter()
        .filter(|pending| at >= pending.expires)
        .map(|pending| pending.proposal.id)
        .collect();
    for proposal in over {
        take(fleet, proposal);
        effects.push(Effect::Decided {
            proposal,
            decided: Decided::Expired,
        });
    }
}

/// Takes a proposal off the list; false where it is not on it.
fn take(fleet: &mut Fleet, id: ProposalId) -> bool {
    let waits = fleet
        .proposals
        .iter()
        .any(|pending| pending.proposal.id == id);
    if waits {
        Arc::make_mut(&mut fleet.proposals).retain(|pending| pending.proposal.id != id);
    }
    waits
}
