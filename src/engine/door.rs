//! The door: who acts and how it was confirmed is written to the ledger before a change is carried out, and its outcome after
//! it. What can't be written down is not done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::carry;
use super::command::{Actor, Refusal, Reply};
use super::host_actor::Shared;
use super::models::Witness;
use super::msg::{Msg, PowerMsg};
use super::notice::Notice;
use super::policy::{Confirmed, Proposed};
use super::power::{PowerChange, in_all};
use super::proposals::Settled;
use super::sink::Sink;
use crate::clock::Clock;
use crate::domain::{
    ActId, ActOutcome, HostId, Intent, LedgerEntry, LedgerEvent, RequestId, Severity, TerminalId,
};
use crate::store::{Ledger, Pending, StoreError, StoreErrorKind};
use crate::text::SafeText;

/// Entries of earlier sessions that are told at the start.
const PAST: usize = 200;

/// How long a record may take to reach the disk. An act is not held up for longer: it is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same for a power verb: whoever uses it has no time.
const HASTE: Duration = Duration::from_secs(1);

/// Where somebody sits whose acts are forgotten.
const UNRECORDED: &str = "a session that is not recorded";

/// Who acts in a session, and where that is written down.
#[derive(Debug, Clone)]
pub struct Acting {
    /// The ledger.
    pub ledger: Ledger,
    /// The login name on this machine.
    pub who: SafeText,
    /// Where the person sits: the far end of their own SSH connection, the terminal.
    pub from: SafeText,
}

impl Acting {
    /// Somebody whose acts are forgotten with the session: simulated fleets, tests, verbs that change nothing.
    pub fn unrecorded() -> Self {
        Self {
            ledger: Ledger::in_memory(),
            who: "nobody".into(),
            from: UNRECORDED.into(),
        }
    }

    /// Whether anybody reads the ledger of this session after it.
    pub(super) fn is_recorded(&self) -> bool {
        self.from.as_str() != UNRECORDED
    }
}

/// The door. Shared by the tasks that carry changes out.
pub(super) struct Door {
    acting: Acting,
    clock: Clock,
    shared: Arc<Shared>,
    /// The second place of the ledger.
    sink: Option<Sink>,
    /// Shells and terminals that are open, and the acts that they are.
    lent: Mutex<HashMap<TerminalId, ActId>>,
}

impl Door {
    pub(super) fn new(
        acting: Acting,
        clock: Clock,
        shared: &Arc<Shared>,
        sink: Option<Sink>,
    ) -> Self {
        Self {
            acting,
            clock,
            shared: Arc::clone(shared),
            sink,
            lent: Mutex::default(),
        }
    }

    /// Tells what earlier sessions, and other consoles, have done. That nothing can be told is told when something is to
    /// be done.
    pub(super) async fn recall(&self) {
        let entries = match self.acting.ledger.tail(PAST).await {
            Ok(entries) => entries,
            Err(error) => {
                let sentence = format!("what was done before can't be shown: {}", error.what);
                self.say(Severity::Warning, sentence, error.hint).await;
                Vec::new()
            }
        };
        self.fold(entries).await;
    }

    /// Carries a confirmed change out, between two records.
    pub(super) async fn pass(&self, request: RequestId, confirmed: Confirmed) {
        let proposed = confirmed.proposed();
        let began = self.shared.lanes.now();
        let (act, reply) = self.through(confirmed, TerminalId(request.0)).await;
        if let Some(Proposed { proposal, .. }) = proposed {
            let took = self.shared.lanes.now().since(began).duration();
            let settled = Settled::carried_out(act, &reply, took);
            self.shared.proposals.settled(proposal, settled);
        }
        self.answer(request, reply).await;
    }

    /// A shell or terminal has ended.
    pub(super) async fn ended(
        &self,
        request: RequestId,
        terminal: TerminalId,
        failed: Option<String>,
    ) {
        let act = self.lock().remove(&terminal);
        let reply = match act {
            Some(act) => {
                let outcome = match failed {
                    None => ActOutcome::Done,
                    Some(why) => ActOutcome::Failed(why.into()),
                };
                self.close(act, outcome, None).await;
                Reply::Done
            }
            None => Reply::Failed(Refusal {
                why: "no such shell or terminal is open".into(),
                hint: None,
            }),
        };
        self.answer(request, reply).await;
    }

    async fn through(&self, confirmed: Confirmed, terminal: TerminalId) -> (Option<ActId>, Reply) {
        let mut open = match self.announce(&confirmed).await {
            Ok(open) => open,
            Err(error) => match confirmed.power() {
                Some(change) if change.no_ledger => return self.unwritten(confirmed, &error).await,
                Some(change) => return (None, self.offer(change, &error).await),
                None => return (None, refused(&error)),
            },
        };
        let change = (confirmed.actor(), confirmed.into_change());
        open.stage = Stage::Begun;
        let carried = carry::carry(change, Arc::clone(&self.shared), terminal).await;
        open.stage = Stage::Known;
        let act = open.act;
        match carried.outcome() {
            Some(outcome) => self.close(act, outcome, carried.verification).await,
            None => {
                self.lock().insert(terminal, act);
            }
        }
        (Some(act), carried.reply)
    }

    /// Does without a record what a person has said to do without one. The far host's own log keeps the line.
    async fn unwritten(&self, confirmed: Confirmed, error: &StoreError) -> (Option<ActId>, Reply) {
        let sentence = format!(
            "NOT IN THE LEDGER ({}): {}, {}; only the log of the far host will tell",
            error.what,
            confirmed.plan().what,
            confirmed.how()
        );
        self.say(Severity::Error, sentence, error.hint.clone())
            .await;
        let change = (confirmed.actor(), confirmed.into_change());
        let nobody = TerminalId::default();
        let carried = carry::carry(change, Arc::clone(&self.shared), nobody).await;
        (None, carried.reply)
    }

    /// Refuses a power verb that can't be written down, and says how it may be sent all the same.
    async fn offer(&self, change: &PowerChange, error: &StoreError) -> Reply {
        let (host, verb) = (change.host.clone(), change.verb);
        let lanes = &self.shared.lanes;
        for msg in [PowerMsg::NotBegun, PowerMsg::Unwritten(verb)] {
            let (at, host) = (lanes.now(), host.clone());
            lanes.fact(Msg::Power { at, host, msg }).await;
        }
        let mend = error.hint.as_ref().map(|hint| format!("{hint}; "));
        let hint = format!(
            "{}or ask again and type `{host} --no-ledger`: then only the log of the far host will tell",
            mend.unwrap_or_default()
        );
        Reply::Refused(Refusal {
            hint: Some(hint),
            ..refusal(error)
        })
    }

    /// Writes down what is about to be done; the act has the number of that record.
    async fn announce(&self, confirmed: &Confirmed) -> Result<OpenAct<'_>, StoreError> {
        let face = match confirmed.actor() {
            Actor::Terminal => "console",
            Actor::CommandLine => "command line",
            Actor::Assistant => "assistant",
            Actor::Rule => "rule",
        };
        let plan = confirmed.plan();
        let what = match confirmed.power() {
            Some(change) => in_all(change, &plan.what),
            None => plan.what.clone(),
        };
        let intent = Intent {
            who: self.acting.who.clone(),
            from: format!("{face}, {}", self.acting.from).into(),
            host: Some(confirmed.host().clone()),
            what: what.into(),
            request: plan.command.as_str().into(),
            confirmed: confirmed.how().clone(),
            proposed: confirmed.proposed().map(Proposed::words),
            armed: confirmed.armed(),
        };
        let patience = match confirmed.power() {
            Some(_) => HASTE,
            None => PATIENCE,
        };
        let written = match confirmed.power() {
            Some(change) if change.no_ledger => {
                let wall = self.clock.wall();
                let ledger = &self.acting.ledger;
                ledger.write_or(wall, LedgerEvent::Intent(intent), sent_unrecorded())
            }
            _ => self.written(LedgerEvent::Intent(intent)),
        };
        let entries = within(patience, written).await?;
        let open = OpenAct {
            door: self,
            act: ActId(entries.last().map_or(0, |entry| entry.number)),
            stage: Stage::Announced,
            power: confirmed.power().map(|change| change.host.clone()),
        };
        self.told(entries).await;
        if open.act == ActId(1) && !self.acting.ledger.outlives() {
            self.say(
                Severity::Info,
                "what is done here is kept in memory only, until the session ends".into(),
                None,
            )
            .await;
        }
        Ok(open)
    }

    /// Writes down the end of a work that went on by itself, and that this console saw: an entry of its own, because the one of
    /// whoever began it ended with its beginning.
    pub(super) async fn witness(&self, witness: Witness) {
        let intent = Intent {
            who: self.acting.who.clone(),
            from: format!("console, {}", self.acting.from).into(),
            host: Some(witness.host),
            what: witness.what,
            request: witness.request,
            confirmed: "not asked: it was seen".into(),
            proposed: None,
            armed: None,
        };
        let written = within(PATIENCE, self.written(LedgerEvent::Intent(intent))).await;
        let entries = match written {
            Ok(entries) => entries,
            Err(error) => {
                let sentence = format!("the end of a work is not in the ledger: {}", error.what);
                return self.say(Severity::Warning, sentence, error.hint).await;
            }
        };
        let act = ActId(entries.last().map_or(0, |entry| entry.number));
        self.told(entries).await;
        self.close(act, witness.outcome, witness.verification).await;
    }

    /// Writes down how it went. Where that fails the act has happened all the same, so it is told loudly.
    async fn close(&self, act: ActId, outcome: ActOutcome, verification: Option<SafeText>) {
        let event = LedgerEvent::Outcome {
            act,
            outcome: outcome.clone(),
            verification,
        };
        let error = match within(PATIENCE, self.written(event)).await {
            Ok(entries) => return self.told(entries).await,
            Err(error) => error,
        };
        let how = match outcome {
            ActOutcome::Done => "it was done".to_owned(),
            ActOutcome::Failed(why) => format!("it failed: {why}"),
            ActOutcome::Unknown(why) => format!("its outcome is unknown: {why}"),
        };
        let sentence = format!(
            "the outcome of act {act} is not in the ledger ({}); {how}",
            error.what
        );
        self.say(Severity::Error, sentence, error.hint).await;
    }

    /// Writes one record. Gives what is new, that record last.
    fn written(&self, event: LedgerEvent) -> Pending<Vec<LedgerEntry>> {
        self.acting.ledger.write(self.clock.wall(), event)
    }

    async fn say(&self, severity: Severity, sentence: String, hint: Option<String>) {
        let notice = Notice {
            at: self.shared.lanes.now(),
            severity,
            host: None,
            sentence: sentence.into(),
            hint: hint.map(Into::into),
        };
        self.shared.lanes.fact(Msg::Noticed(notice)).await;
    }

    async fn told(&self, entries: Vec<LedgerEntry>) {
        // The others are other consoles', and theirs to send.
        if let (Some(sink), Some(own)) = (&self.sink, entries.last()) {
            sink.send(own);
        }
        for entry in &entries {
            if let LedgerEvent::Recovered { what } = &entry.event {
                let sentence = format!("the ledger was put right: {what}");
                self.say(Severity::Warning, sentence, None).await;
            }
        }
        self.fold(entries).await;
    }

    async fn fold(&self, entries: Vec<LedgerEntry>) {
        let at = self.shared.lanes.now();
        self.shared.lanes.fact(Msg::Ledger { at, entries }).await;
    }

    async fn answer(&self, request: RequestId, reply: Reply) {
        let at = self.shared.lanes.now();
        self.shared
            .lanes
            .fact(Msg::Answered { at, request, reply })
            .await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TerminalId, ActId>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An act between its two records. A session that ends meanwhile closes it with what is known then.
struct OpenAct<'a> {
    door: &'a Door,
    act: ActId,
    stage: Stage,
    /// The host whose power it switches.
    power: Option<HostId>,
}

impl OpenAct<'_> {
    /// A power act that is still at what can be taken back.
    fn nothing_left(&self) -> bool {
        let host = self.power.as_ref();
        host.is_some_and(|host| !self.door.shared.powers.has_left(host))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its intent is written, and nothing has happened.
    Announced,
    /// It is being carried out.
    Begun,
    /// How it went is known, and whoever knows it writes it down.
    Known,
}

impl Drop for OpenAct<'_> {
    fn drop(&mut self) {
        let outcome = match self.stage {
            Stage::Announced => ActOutcome::Failed("not begun: the session ended before".into()),
            Stage::Begun if self.nothing_left() => {
                ActOutcome::Failed("nothing left: the session ended before".into())
            }
            Stage::Begun => ActOutcome::Unknown("the session ended before it was known".into()),
            Stage::Known => return,
        };
        let event = LedgerEvent::Outcome {
            act: self.act,
            outcome,
            verification: None,
        };
        // Nobody is left to wait for it; the engine lets the ledger settle before it ends.
        drop(self.door.written(event));
    }
}

fn refused(error: &StoreError) -> Reply {
    Reply::Refused(refusal(error))
}

fn refusal(error: &StoreError) -> Refusal {
    Refusal {
        why: format!("not done, because it can't be written down: {}", error.what),
        hint: error.hint.clone(),
    }
}

/// What a verb came to that was sent before it could be written down.
fn sent_unrecorded() -> ActOutcome {
    ActOutcome::Unknown("sent without a record; see the log of the far host".into())
}

async fn within(
    patience: Duration,
    written: Pending<Vec<LedgerEntry>>,
) -> Result<Vec<LedgerEntry>, StoreError> {
    timeout(patience, written)
        .await
        .unwrap_or_else(|_| Err(slow(patience)))
}

fn slow(patience: Duration) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Locked,
        what: format!("the ledger was not written within {} s", patience.as_secs()),
        hint: Some("another pilothouse holds it, or its disk hangs".into()),
    }
}
