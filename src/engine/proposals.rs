//! What the assistant proposes on its way to a person and back: each waits in the fleet until somebody decides, its time runs
//! out, or whoever made it is gone. Nothing here can carry anything out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::command::{Actor, Command, Plan, Refusal, Reply};
use super::handle::Handle;
use super::lanes::Lanes;
use super::msg::{Msg, ProposalMsg};
use super::state::PendingProposal;
use crate::assistant::{Decided, Evidence, Proposal, StepResult, Went};
use crate::clock::Clock;
use crate::domain::{ActId, Age, HostId, ProposalId, SessionId, Wall};
use crate::tasks::Tasks;
use crate::text::SafeText;

/// A proposal that nobody decides on in this time is a No.
const EXPIRY: Duration = Duration::from_mins(10);

/// When a proposal was made that may be decided on until then.
pub(super) fn made_before(until: Wall) -> Wall {
    Wall(until.0.saturating_sub(lasts()))
}

/// For how long one waits, in milliseconds.
fn lasts() -> i64 {
    i64::try_from(Age::from(EXPIRY).0).unwrap_or_default()
}

/// Proposals of one conversation that may wait at once.
const WAITING: usize = 8;

/// What the assistant wishes to be done, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposing {
    /// The conversation.
    pub session: SessionId,
    /// The change.
    pub command: Command,
    /// Why, in the assistant's words.
    pub why: SafeText,
    /// What it is based on.
    pub evidence: Vec<Evidence>,
}

/// Every proposal that waits for a decision; cheap to clone.
#[derive(Debug, Clone)]
pub struct Proposals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Handle,
    lanes: Lanes,
    clock: Clock,
    tasks: Tasks,
    last: AtomicU64,
    waiting: Mutex<HashMap<ProposalId, Waiting>>,
}

/// Whoever made a proposal, and waits for its end.
#[derive(Debug)]
struct Waiting {
    settled: oneshot::Sender<Settled>,
    /// Told that a person has approved it, and gone from then on: only the door ends it.
    unapproved: Option<oneshot::Sender<()>>,
}

impl Waiting {
    fn is_approved(&self) -> bool {
        self.unapproved.is_none()
    }
}

impl Proposals {
    pub(super) fn new(handle: Handle, lanes: Lanes, clock: Clock, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            handle,
            lanes,
            clock,
            tasks,
            last: AtomicU64::new(0),
            waiting: Mutex::default(),
        }))
    }

    /// Puts a proposal before the person. What the door would not do for anybody (a host that is not there, a process that has
    /// ended, read-only) is told at once, and nobody is asked.
    pub async fn put(&self, proposing: Proposing) -> Result<OpenProposal, Refusal> {
        let Proposing {
            session,
            command,
            why,
            evidence,
        } = proposing;
        let host = proposable(&command).cloned()?;
        let plan = self.rehearse(command.clone()).await?;
        if self.count(session) >= WAITING {
            return Err(Refusal {
                why: format!("{WAITING} proposals of this conversation wait for a person already"),
                hint: Some("wait until they are decided on".into()),
            });
        }
        let inner = &self.0;
        let id = ProposalId(inner.last.fetch_add(1, Ordering::Relaxed) + 1);
        let proposal = Arc::new(Proposal {
            id,
            what: plan.what.into(),
            command: plan.command.into(),
            notes: plan.notes.into_iter().map(Into::into).collect(),
            why,
            evidence,
            word: host.as_str().into(),
            expires: Wall(inner.clock.wall().0.saturating_add(lasts())),
            host: Some(host),
        });
        let (sender, settled) = oneshot::channel();
        let (unapproved, approved) = oneshot::channel();
        let waiting = Waiting {
            settled: sender,
            unapproved: Some(unapproved),
        };
        self.lock().insert(id, waiting);
        let open = OpenProposal {
            proposals: self.clone(),
            proposal: Arc::clone(&proposal),
            approved,
            settled,
        };
        let at = inner.lanes.now();
        let pending = PendingProposal {
            session,
            proposal,
            command,
            expires: at.plus(EXPIRY),
        };
        self.tell(id, ProposalMsg::Made(Box::new(pending))).await;
        Ok(open)
    }

    /// A person has approved it; false where it has been taken back, so that nothing may be done.
    pub(super) fn approve(&self, proposal: ProposalId) -> bool {
        let mut waiting = self.lock();
        let waits = waiting.get_mut(&proposal);
        let Some(unapproved) = waits.and_then(|waits| waits.unapproved.take()) else {
            return false;
        };
        if unapproved.send(()).is_err() {
            tracing::debug!(%proposal, "nobody waits to hear that it is approved");
        }
        true
    }

    /// Takes it back, unless it has ended, or is being carried out; whether this took it back.
    pub(super) fn withdraw(&self, id: ProposalId) -> bool {
        let mut waiting = self.lock();
        if waiting.get(&id).is_none_or(Waiting::is_approved) {
            return false;
        }
        waiting.remove(&id);
        drop(waiting);
        let proposals = self.clone();
        let withdrawn = ProposalMsg::Ended(Decided::Withdrawn);
        self.0
            .tasks
            .spawn(async move { proposals.tell(id, withdrawn).await });
        true
    }

    /// It ended without an act.
    pub(super) fn decided(&self, proposal: ProposalId, decided: Decided) {
        let printed = None;
        self.settled(proposal, Settled { decided, printed });
    }

    /// Hands the end of a proposal to whoever made it, if they still wait.
    pub(super) fn settled(&self, proposal: ProposalId, settled: Settled) {
        let waiting = self.lock().remove(&proposal);
        if waiting.is_none_or(|waiting| waiting.settled.send(settled).is_err()) {
            tracing::debug!(%proposal, "nobody waits for this decision any more");
        }
    }

    /// What a change would be, as a person would be shown it.
    async fn rehearse(&self, command: Command) -> Result<Plan, Refusal> {
        let rehearsal = Command::Rehearse(Box::new(command));
        match self.0.handle.ask(Actor::Assistant, rehearsal).await {
            Reply::WouldDo { plan, .. } => Ok(plan),
            Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => {
                Err(refusal)
            }
            reply => Err(Refusal {
                why: format!("that can't be rehearsed: {reply:?}"),
                hint: None,
            }),
        }
    }

    fn count(&self, session: SessionId) -> usize {
        let fleet = self.0.handle.fleet();
        let fleet = fleet.borrow();
        let of = fleet
            .proposals
            .iter()
            .filter(|pending| pending.session == session);
        of.count()
    }

    async fn tell(&self, proposal: ProposalId, msg: ProposalMsg) {
        let at = self.0.lanes.now();
        self.0.lanes.fact(Msg::Proposal { at, proposal, msg }).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProposalId, Waiting>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proposal that waits. Dropping it takes it back, unless somebody has decided.
#[derive(Debug)]
pub struct OpenProposal {
    proposals: Proposals,
    proposal: Arc<Proposal>,
    approved: oneshot::Receiver<()>,
    settled: oneshot::Receiver<Settled>,
}

impl OpenProposal {
    /// What the person sees of it.
    pub fn proposal(&self) -> &Arc<Proposal> {
        &self.proposal
    }

    /// How it ends. An approved one has been carried out by then.
    pub async fn settled(mut self) -> Settled {
        ended(&mut self.settled).await
    }

    /// The same, save that it is taken back once nobody asks any more: unless a person has approved it, for then only the
    /// door knows how it ends. That one has is told at once.
    pub(super) async fn settled_or_gone(
        mut self,
        gone: impl Future<Output = ()>,
        approved: impl AsyncFnOnce(),
    ) -> Settled {
        tokio::select! {
            biased;
            Ok(()) = &mut self.approved => {
                approved().await;
                return ended(&mut self.settled).await;
            }
            settled = ended(&mut self.settled) => return settled,
            () = gone => {}
        }
        if !self.proposals.withdraw(self.proposal.id) && (&mut self.approved).await.is_ok() {
            approved().await;
        }
        ended(&mut self.settled).await
    }
}

async fn ended(settled: &mut oneshot::Receiver<Settled>) -> Settled {
    settled.await.unwrap_or(Settled {
        decided: Decided::Withdrawn,
        printed: None,
    })
}

impl Drop for OpenProposal {
    fn drop(&mut self) {
        self.proposals.withdraw(self.proposal.id);
    }
}

/// How a proposal ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// How.
    pub decided: Decided,
    /// What it printed, where it was a command and was run.
    pub printed: Option<StepResult>,
}

impl Settled {
    /// It went through the door, or was stopped there.
    pub(in crate::engine) fn carried_out(
        act: Option<ActId>,
        reply: &Reply,
        took: Duration,
    ) -> Self {
        let (went, outcome) = match reply {
            Reply::Refused(refusal) if act.is_none() => {
                let why = refusal.why.as_str().into();
                return Self {
                    decided: Decided::Shut { why },
                    printed: None,
                };
            }
            Reply::Failed(refusal) | Reply::Refused(refusal) => (Went::Failed, refusal.why.clone()),
            Reply::Unknown(refusal) => (Went::Unknown, format!("not known: {}", refusal.why)),
            Reply::Ran { exit, .. } if *exit != Some(0) => {
                let words = match exit {
                    Some(status) => format!("it ended with status {status}"),
                    None => "it was ended by a signal".to_owned(),
                };
                (Went::Ended { status: *exit }, words)
            }
            _ => (Went::Done, "done".to_owned()),
        };
        let printed = match reply {
            Reply::Ran { lines, cut, exit } => Some(StepResult {
                lines: lines.clone(),
                cut: *cut,
                exit: *exit,
                failed: None,
                took,
            }),
            _ => None,
        };
        let outcome = outcome.into();
        Self {
            decided: Decided::Approved { act, outcome, went },
            printed,
        }
    }
}

/// What may be proposed: a change on a host that needs nobody's terminal.
fn proposable(command: &Command) -> Result<&HostId, Refusal> {
    match command {
        Command::Signal { host, .. }
        | Command::Run { host, .. }
        | Command::Container { host, .. }
        | Command::Prune { host, .. } => Ok(host),
        Command::Power { host, verb } if verb.changes() => Ok(host),
        _ => Err(Refusal {
            why: "that can't be proposed: it changes nothing, or needs a person's terminal".into(),
            hint: None,
        }),
    }
}
