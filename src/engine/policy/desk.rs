//! The desk at which changes are confirmed: who may, whether the host is armed for it, and whether the answer is right.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::answer::{Typed, confirmed};
use super::confirmed::{Change, Confirmed, Proposed, Ruling, Wish};
use super::wishes::{READ_ONLY_MEND, closed, host_of, wish};
use crate::assistant::Decided;
use crate::domain::{ActClass, At, HostId, ProposalId, ServiceAct, ServiceName, Wall};
use crate::engine::command::{Actor, Challenge, Command, ConfirmationId, Decision, Refusal, Reply};
use crate::engine::models;
use crate::engine::models_command::ModelsCommand;
use crate::engine::msg::{HostMsg, Msg, PowerMsg};
use crate::engine::power::{PowerChange, Unwritten, hindrance};
use crate::engine::services;
use crate::engine::state::{Fleet, PendingProposal};
use crate::text::SafeText;

/// A confirmation that is not answered in this time is a No.
const EXPIRY: Duration = Duration::from_mins(1);

/// Confirmations that may be open at once; the oldest makes room.
const OPEN: usize = 16;

/// The desk at which changes are confirmed.
#[derive(Debug, Default)]
pub(in crate::engine) struct Desk {
    last: u64,
    pending: VecDeque<Pending>,
    /// Under which name we are logged in: whose processes are our own.
    logins: HashMap<HostId, SafeText>,
    /// Power verbs that may be sent without a record.
    unwritten: Unwritten,
}

#[derive(Debug)]
struct Pending {
    id: ConfirmationId,
    actor: Actor,
    expires: At,
    challenge: Challenge,
    wish: Wish,
}

impl Desk {
    /// Rules on a wish.
    pub(in crate::engine) fn rule(
        &mut self,
        fleet: &Fleet,
        actor: Actor,
        command: &Command,
    ) -> Ruling {
        if let Some(unlooked) = models::unlooked(fleet, command)
            && (actor != Actor::Assistant || matches!(command, Command::Rehearse(_)))
        {
            return Ruling::Prepare(unlooked);
        }
        match command {
            Command::PrunePreview { .. }
            | Command::Inspect { .. }
            | Command::Top { .. }
            | Command::WatchStats { .. }
            | Command::Sources { .. }
            | Command::OpenLens { .. }
            | Command::SetSources { .. }
            | Command::ReadLogs { .. }
            | Command::Probe { .. }
            | Command::Report { .. }
            | Command::Models(
                ModelsCommand::Refresh(_) | ModelsCommand::Preflight(_) | ModelsCommand::Watch,
            ) => Ruling::Look,
            Command::Power { verb, .. } if !verb.changes() => Ruling::Look,
            Command::Rehearse(command) => Ruling::Answer(self.rehearse(fleet, actor, command)),
            Command::Service { host, service, act } if actor == Actor::Rule => {
                self.mend(fleet, (host, service, *act), command)
            }
            _ if actor == Actor::Rule => refuse("a rule only mends what is wedged", None),
            _ if actor == Actor::Assistant => refuse(
                "the assistant can only look and propose",
                Some("a person decides on what it proposes"),
            ),
            Command::Reconnect(_)
            | Command::Answer { .. }
            | Command::Arm { .. }
            | Command::Disarm { .. }
            | Command::Present => Ruling::Free,
            // They change nothing on any host; the assistant itself has no business with them.
            Command::AbortPower { .. }
            | Command::Assistant(_)
            | Command::Models(ModelsCommand::Keep(_)) => Ruling::Look,
            Command::Signal { .. }
            | Command::Shell { .. }
            | Command::Power { .. }
            | Command::Run { .. }
            | Command::Container { .. }
            | Command::Prune { .. }
            | Command::Terminal { .. }
            | Command::Models(_)
            | Command::Service { .. } => match self.wish(fleet, command) {
                Ok(wish) => self.ask(fleet, actor, wish),
                Err(reply) => Ruling::Answer(reply),
            },
            Command::Decide { proposal, decision } => {
                self.decide(fleet, actor, *proposal, decision)
            }
            Command::TerminalEnded { terminal, failed } => Ruling::Ended {
                terminal: *terminal,
                failed: failed.clone(),
            },
            Command::Confirm { id, answer } => self.confirm(fleet, actor, *id, answer),
            Command::Withdraw(id) => {
                self.pending.retain(|pending| pending.id != *id);
                Ruling::Answer(Reply::Done)
            }
        }
    }

    /// Learns from what happens: a lost connection is a No to whatever was asked there.
    pub(in crate::engine) fn observe(&mut self, msg: &Msg) {
        let (host, msg) = match msg {
            Msg::Host { host, msg, .. } => (host, msg),
            Msg::Power {
                at,
                host,
                msg: PowerMsg::Unwritten(verb),
            } => return self.unwritten.note(host.clone(), *verb, *at),
            _ => return,
        };
        match msg {
            HostMsg::LoggedIn { user } => {
                self.logins.insert(host.clone(), user.clone());
            }
            // The power switch is beside the host: its loss is what it is for.
            HostMsg::LinkDown(_) => self.pending.retain(|pending| {
                pending.wish.host != *host || pending.wish.class == ActClass::Power
            }),
            _ => {}
        }
    }

    /// Lets the rule restart what is wedged, where the config says that it may: that is its confirmation.
    fn mend(
        &self,
        fleet: &Fleet,
        (host, service, act): (&HostId, &ServiceName, ServiceAct),
        command: &Command,
    ) -> Ruling {
        let known = fleet.host(host);
        let Some(wedged) = known.and_then(|host| services::mended(host, service, act)) else {
            return refuse(
                "a rule only mends what is wedged, where the config says so",
                None,
            );
        };
        match self.wish(fleet, command) {
            Ok(wish) => Ruling::Do(Confirmed {
                actor: Actor::Rule,
                wish,
                how: format!("by the rule that mends wedges: {}", wedged.detail).into(),
                armed: None,
                proposed: None,
            }),
            Err(reply) => Ruling::Answer(reply),
        }
    }

    fn wish(&self, fleet: &Fleet, command: &Command) -> Result<Wish, Reply> {
        let login = host_of(command).and_then(|host| self.logins.get(host));
        wish(fleet, command, login)
    }

    /// The same as asking, up to the point where something would happen or be waited for. What is not armed is told as
    /// something to be done first.
    fn rehearse(&self, fleet: &Fleet, actor: Actor, command: &Command) -> Reply {
        match self.wish(fleet, command) {
            Ok(wish) => {
                let challenge = challenge(fleet, actor, &wish);
                let Wish {
                    host,
                    class,
                    mut plan,
                    ..
                } = wish;
                // A proposal tells by itself what is armed, for as long as it waits.
                if actor == Actor::Terminal && armed(fleet, actor, &host, class).is_err() {
                    plan.notes
                        .push(format!("{host} has to be armed for {class} first"));
                }
                Reply::WouldDo { plan, challenge }
            }
            Err(reply) => reply,
        }
    }

    fn ask(&mut self, fleet: &Fleet, actor: Actor, wish: Wish) -> Ruling {
        let armed = match armed(fleet, actor, &wish.host, wish.class) {
            Ok(armed) => armed,
            Err(refusal) => return Ruling::Answer(Reply::Refused(refusal)),
        };
        let Some(challenge) = challenge(fleet, actor, &wish) else {
            return Ruling::Do(Confirmed {
                actor,
                wish,
                how: "not asked: it is easily undone".into(),
                armed,
                proposed: None,
            });
        };
        self.last += 1;
        let id = ConfirmationId(self.last);
        let expires = fleet.at.plus(EXPIRY);
        while self.pending.len() >= OPEN {
            self.pending.pop_front();
        }
        let plan = wish.plan.clone();
        self.pending.push_back(Pending {
            id,
            actor,
            expires,
            challenge: challenge.clone(),
            wish,
        });
        Ruling::Answer(Reply::NeedsConfirmation {
            id,
            challenge,
            expires,
            plan,
        })
    }

    /// One answer per confirmation: a wrong one is a No.
    fn confirm(&mut self, fleet: &Fleet, actor: Actor, id: ConfirmationId, answer: &str) -> Ruling {
        let place = self
            .pending
            .iter()
            .position(|pending| pending.id == id && pending.actor == actor);
        let Some(pending) = place.and_then(|place| self.pending.remove(place)) else {
            return refuse("nothing waits for this confirmation", Some("ask again"));
        };
        if fleet.at >= pending.expires {
            return refuse(
                "the confirmation came after its time",
                Some("ask again and answer within a minute"),
            );
        }
        let Pending {
            challenge, wish, ..
        } = pending;
        self.pass(fleet, actor, (wish, &challenge), answer, None)
    }

    /// What was proposed is asked for by the person who approves it, and by nobody else. A wrong word leaves it waiting.
    fn decide(&self, fleet: &Fleet, actor: Actor, id: ProposalId, decision: &Decision) -> Ruling {
        let waiting = fleet
            .proposals
            .iter()
            .find(|pending| pending.proposal.id == id);
        let Some(pending) = waiting.filter(|pending| fleet.at < pending.expires) else {
            return refuse(
                "no such proposal waits any more: somebody decided, or its time ran out",
                None,
            );
        };
        match decision {
            Decision::Refuse(why) => Ruling::Decided {
                proposal: id,
                decided: Decided::Refused {
                    why: why.as_deref().map(Into::into),
                },
            },
            Decision::Approve(typed) => self.approve(fleet, actor, pending, typed),
        }
    }

    fn approve(
        &self,
        fleet: &Fleet,
        actor: Actor,
        pending: &PendingProposal,
        typed: &str,
    ) -> Ruling {
        let PendingProposal {
            session,
            proposal,
            command,
            ..
        } = pending;
        let wish = match self.wish(fleet, command) {
            Ok(wish) => wish,
            Err(reply) => return Ruling::Answer(reply),
        };
        let challenge = Challenge::TypeName(wish.host.to_string());
        let proposed = Proposed {
            proposal: proposal.id,
            session: *session,
        };
        self.pass(fleet, actor, (wish, &challenge), typed, Some(proposed))
    }

    /// Whether an answer opens the door.
    fn pass(
        &self,
        fleet: &Fleet,
        actor: Actor,
        (mut wish, challenge): (Wish, &Challenge),
        answer: &str,
        proposed: Option<Proposed>,
    ) -> Ruling {
        if fleet.read_only {
            return refuse("read-only: nothing is changed", Some(READ_ONLY_MEND));
        }
        let armed = match armed(fleet, actor, &wish.host, wish.class) {
            Ok(armed) => armed,
            Err(refusal) => return Ruling::Answer(Reply::Refused(refusal)),
        };
        // Somebody else had the idea: its word is the word as it stands, and nothing like it.
        let answer = if proposed.is_some() {
            answer
        } else {
            answer.trim()
        };
        let typed = match &wish.change {
            Change::Power(_) => Typed::with_suffixes(answer),
            _ => Typed::plain(answer),
        };
        let Some(how) = confirmed(actor, challenge, &wish.name, &typed) else {
            return refuse("not confirmed", None);
        };
        if let Change::Power(change) = &mut wish.change
            && let Err(refusal) = self.haste(fleet, change, &typed)
        {
            return Ruling::Answer(Reply::Refused(refusal));
        }
        Ruling::Do(Confirmed {
            actor,
            wish,
            how: how.into(),
            armed,
            proposed,
        })
    }

    /// Takes in what was typed behind the name, where that may be.
    fn haste(
        &self,
        fleet: &Fleet,
        change: &mut PowerChange,
        typed: &Typed<'_>,
    ) -> Result<(), Refusal> {
        let (host, verb) = (&change.host, change.verb);
        if typed.no_ledger && !self.unwritten.allows(host, verb, fleet.at) {
            return Err(Refusal {
                why: format!("the ledger takes a {verb} of {host}, as far as is known"),
                hint: Some(format!("type `{host}` without --no-ledger")),
            });
        }
        if let Some(refusal) = hindrance(fleet, host, verb, typed.now) {
            return Err(refusal);
        }
        change.now = typed.now;
        change.no_ledger = typed.no_ledger;
        Ok(())
    }
}

/// What confirms it. A command line that would have to be armed names what it means also where nobody else is asked: naming it
/// is what arms it.
fn challenge(fleet: &Fleet, actor: Actor, wish: &Wish) -> Option<Challenge> {
    let unasked = wish.challenge.is_none();
    if unasked && actor == Actor::CommandLine && fleet.needs_arming(wish.class) {
        return Some(Challenge::YesNo);
    }
    wish.challenge.clone()
}

/// Since when the host is armed for this, where it has to be. A command line arms for the one act that it names, at that
/// moment.
fn armed(
    fleet: &Fleet,
    actor: Actor,
    host: &HostId,
    class: ActClass,
) -> Result<Option<Wall>, Refusal> {
    if !fleet.needs_arming(class) {
        return Ok(None);
    }
    if actor == Actor::CommandLine {
        return Ok(Some(fleet.wall));
    }
    match fleet.armed(host, class) {
        Some(armed) => Ok(Some(armed.since)),
        None => Err(Refusal {
            why: format!("{host} is not armed for {class}"),
            hint: Some(format!("press A and arm {host} for {class}")),
        }),
    }
}

fn refuse(why: &str, hint: Option<&str>) -> Ruling {
    Ruling::Answer(closed(why, hint))
}
