//! How the person looks at power switches: what is armed and under way, kept beside the facts so that a pause of the screen
//! hides neither; what the switches said when they were asked.

use std::sync::Arc;

use super::ui::Ui;
use super::ui_tables::Awaited;
use crate::domain::{ActClass, ActOutcome, Age, Armed, At, HostId, PowerVerb, ProposalId, Wall};
use crate::engine::{Entry, Fleet, PowerAct, PowerReport, Proposal};

/// Everything about power switches in the looks.
#[derive(Debug, Clone, Default)]
pub struct PowerUi {
    /// What is armed in the newest fleet.
    pub armed: Arc<Vec<Armed>>,
    /// The last act of each host in the newest fleet.
    pub acts: Arc<Vec<PowerAct>>,
    /// What switches said when they were asked, one for each host.
    pub said: Vec<Said>,
    /// Ended acts that a person has looked at, by host and beginning: they are loud no longer.
    pub seen: Vec<(HostId, At)>,
    /// When the engine was last told that somebody is at the keys.
    pub present: Option<At>,
}

/// What a switch said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Of which host.
    pub host: HostId,
    /// What was asked.
    pub verb: PowerVerb,
    /// When.
    pub at: At,
    /// The answer.
    pub answer: Awaited<PowerReport>,
}

/// Which side of the power card is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CardFace {
    /// The six verbs.
    #[default]
    Verbs,
    /// The steps of the act that is under way, or of the last one.
    Plan,
}

impl PowerUi {
    /// The last act of a host.
    pub fn act(&self, host: &HostId) -> Option<&PowerAct> {
        self.acts.iter().find(|act| act.host == *host)
    }

    /// The act that is under way; the one that began last, if there are several.
    pub fn running(&self) -> Option<&PowerAct> {
        self.acts
            .iter()
            .filter(|act| act.ended.is_none())
            .max_by_key(|act| act.since)
    }

    /// An act of which nobody knows whether it happened, until somebody has looked at it.
    pub fn unknown(&self) -> Option<&PowerAct> {
        let is_unknown = |act: &&PowerAct| matches!(act.ended, Some((_, ActOutcome::Unknown(_))));
        self.acts
            .iter()
            .filter(is_unknown)
            .find(|act| !self.is_seen(act))
    }

    /// Whether somebody has looked at the end of this act.
    pub fn is_seen(&self, act: &PowerAct) -> bool {
        self.seen.contains(&(act.host.clone(), act.since))
    }

    /// What the switch of a host last said.
    pub fn said(&self, host: &HostId) -> Option<&Said> {
        self.said.iter().find(|said| said.host == *host)
    }

    /// Whether something on the screen counts down.
    pub fn counts_down(&self) -> bool {
        !self.armed.is_empty() || self.running().is_some()
    }

    /// Whether a host is armed for anything.
    pub fn is_armed(&self, host: &HostId, now: At) -> bool {
        ActClass::ALL
            .iter()
            .any(|class| self.armed_for(host, *class, now).is_some())
    }

    /// How long a host is still armed for a class, if it is.
    pub fn armed_for(&self, host: &HostId, class: ActClass, now: At) -> Option<Age> {
        self.armed
            .iter()
            .filter(|armed| armed.host == *host && armed.class == class)
            .find(|armed| now < armed.until && now < armed.idle)
            .map(|armed| armed.until.since(now))
    }
}

impl Ui {
    /// The power act under way that was approved in the conversation in view.
    pub(super) fn switched(&self) -> Option<&PowerAct> {
        let entries = self.breakglass.transcript.entries.iter().rev();
        let mut hosts = entries.filter_map(|entry| match entry.as_ref() {
            Entry::UnderWay { proposal, .. } => proposal.host.as_ref(),
            _ => None,
        });
        hosts.find_map(|host| self.power.act(host).filter(|act| act.ended.is_none()))
    }

    /// What was approved last in the conversation in view and is being carried out, and since when.
    pub(super) fn carried(&self) -> Option<(&Proposal, Wall)> {
        let mut entries = self.breakglass.transcript.entries.iter().rev();
        entries.find_map(|entry| match entry.as_ref() {
            Entry::UnderWay { proposal, wall, .. } => Some((proposal.as_ref(), *wall)),
            _ => None,
        })
    }

    /// Whether something of the conversation in view waits for a person, here or at the console that runs it.
    pub(super) fn awaits(&self, fleet: &Fleet) -> bool {
        let transcript = &self.breakglass.transcript;
        let is_carried = |id: ProposalId| {
            let mut entries = transcript.entries.iter();
            entries.any(|entry| matches!(entry.as_ref(), Entry::UnderWay { proposal, .. } if proposal.id == id))
        };
        let mut open = transcript.proposals.iter();
        !fleet.proposals.is_empty() || open.any(|open| !is_carried(open.id))
    }
}
