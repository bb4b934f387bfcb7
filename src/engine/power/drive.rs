//! Drives the plan of a power act: begins its steps, hears what becomes of them, shows each picture, and stops between steps
//! when a person changed their mind.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::stakes::PowerChange;
use super::steps::{Forensics, Steps};
use super::switch::Switch;
use super::voice::tell;
use crate::domain::{ActOutcome, At, HostId, PowerVerb};
use crate::engine::carry::Carried;
use crate::engine::command::{Actor, Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::engine::msg::PowerMsg;
use crate::power::{
    Aborted, OperationState, PowerAct, PowerPlan, StepKind, StepLimits, StepReport, StepState, Todo,
};
use crate::tasks::Tasks;
use crate::text::SafeText;

/// Words of a step that wait to be shown.
const WORDS: usize = 16;

/// What looking at the evidence may take; it was asked for when the window began.
const EVIDENCE: Duration = Duration::from_secs(2);

/// A wish to stop, and the way back.
type Stop = oneshot::Sender<Aborted>;

/// The power acts that are at work.
#[derive(Debug, Default)]
pub(in crate::engine) struct Powers(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    at_work: HashMap<HostId, mpsc::Sender<Stop>>,
    /// The hosts that the last act has asked for something that can't be taken back; it outlives the act.
    left: HashSet<HostId>,
}

impl Powers {
    /// Whether anything has left that the last act of a host can't take back.
    pub(in crate::engine) fn has_left(&self, host: &HostId) -> bool {
        self.lock().left.contains(host)
    }

    /// Stops the act of a host as soon as that can be.
    pub(in crate::engine) async fn abort(&self, host: &HostId) -> Reply {
        let at_work = self.lock().at_work.get(host).cloned();
        let nothing = || {
            Reply::Failed(Refusal {
                why: format!("no power verb of {host} is at work"),
                hint: None,
            })
        };
        let Some(at_work) = at_work else {
            return nothing();
        };
        let (stop, stopped) = oneshot::channel();
        if at_work.send(stop).await.is_err() {
            return nothing();
        }
        match stopped.await {
            Ok(Aborted::AtOnce | Aborted::AfterStep(_)) => Reply::Done,
            Ok(Aborted::TooLate) => Reply::Failed(Refusal {
                why: "the verb has left: it can't be taken back".into(),
                hint: Some(format!(
                    "wait for its end; then `pilothouse power {host} status`"
                )),
            }),
            Err(_) => nothing(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first picture of an act that is about to begin.
pub(in crate::engine) fn announced(change: &PowerChange, at: At) -> PowerMsg {
    let limits = StepLimits::default();
    let plan = PowerPlan::new(change.host.clone(), change.verb, limits, None, at);
    PowerMsg::Is(Box::new(plan.act().clone()))
}

/// Carries a power verb out, from the window to the ladder.
pub(in crate::engine) async fn carry(
    change: PowerChange,
    actor: Actor,
    shared: Arc<Shared>,
) -> Carried {
    let switch = match Switch::of(&change.host, &shared) {
        Ok(switch) => switch,
        Err(refusal) => {
            tell(&shared, &change.host, PowerMsg::NotBegun).await;
            return Carried::unverified(Reply::Failed(refusal));
        }
    };
    let (stops, stopping) = mpsc::channel(1);
    let registered = Registered::new(&shared, &change.host, stops);
    let (seen, words) = mpsc::channel(WORDS);
    let drive = Drive {
        plan: plan(&change, &shared),
        steps: Arc::new(Steps {
            host: change.host.clone(),
            verb: change.verb,
            actor,
            shared: Arc::clone(&shared),
            switch,
            restarts: AtomicU64::new(0),
            seen,
        }),
        change,
        shared: Arc::clone(&shared),
        beside: shared.tasks.child(),
        words,
        stopping,
    };
    let carried = drive.run().await;
    drop(registered);
    carried
}

fn plan(change: &PowerChange, shared: &Shared) -> PowerPlan {
    let arming = Arc::clone(&shared.handle.fleet().borrow().arming);
    let window = if change.now || !change.verb.is_hard() {
        Duration::ZERO
    } else {
        arming.window
    };
    let limits = StepLimits {
        window,
        evidence: EVIDENCE,
        restart: arming.restart,
        ..StepLimits::default()
    };
    let (host, at) = (change.host.clone(), shared.lanes.now());
    PowerPlan::new(host, change.verb, limits, None, at)
}

/// An act in the table of those at work, while it lives.
struct Registered<'a> {
    shared: &'a Shared,
    host: HostId,
}

impl<'a> Registered<'a> {
    fn new(shared: &'a Shared, host: &HostId, stops: mpsc::Sender<Stop>) -> Self {
        let mut powers = shared.powers.lock();
        powers.at_work.insert(host.clone(), stops);
        powers.left.remove(host);
        drop(powers);
        let host = host.clone();
        Self { shared, host }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.shared.powers.lock().at_work.remove(&self.host);
    }
}

/// One power act at work.
struct Drive {
    plan: PowerPlan,
    steps: Arc<Steps>,
    change: PowerChange,
    shared: Arc<Shared>,
    /// What runs beside the steps, and ends with them.
    beside: Tasks,
    words: mpsc::Receiver<SafeText>,
    stopping: mpsc::Receiver<Stop>,
}

type AtWork = Pin<Box<dyn Future<Output = (StepKind, StepReport)> + Send>>;

/// What came first.
enum Came {
    Report(StepKind, StepReport),
    Words(SafeText),
    Stop(Stop),
    Time,
}

impl Drive {
    async fn run(mut self) -> Carried {
        let first = status_first(
            Arc::clone(&self.steps),
            self.change.clone(),
            Arc::clone(&self.shared),
        );
        let looked = tokio::select! {
            biased;
            Some(stop) = self.stopping.recv() => {
                self.stop(stop);
                Ok(())
            }
            looked = first => looked,
        };
        if let Err(refusal) = looked {
            let why = refusal.why.as_str().into();
            self.give_up(why).await;
            return Carried::unverified(Reply::Failed(refusal));
        }
        let mut forensics = self.ask_for_forensics();
        let mut at_work: Option<AtWork> = None;
        let outcome = loop {
            while let Ok(stop) = self.stopping.try_recv() {
                self.stop(stop);
            }
            self.plan.reachable(self.reach());
            let todo = self.plan.next(self.now());
            self.show().await;
            let until = match todo {
                Todo::Ended(outcome) => break outcome,
                Todo::Begin { step, until } => {
                    let forensics = forensics.take_if(|_| step == StepKind::Evidence);
                    at_work = Some(self.begin(step, forensics));
                    until
                }
                Todo::Wait(until) => until,
            };
            match self.next(&mut at_work, until).await {
                Came::Report(step, report) => {
                    at_work = None;
                    self.plan.report(step, report, self.now());
                }
                Came::Words(words) => {
                    if self.plan.at_work() == Some(StepKind::Graceful) && self.reach().is_err() {
                        self.plan.restarting();
                    }
                    if let Some(step) = self.plan.at_work() {
                        self.plan.report(step, StepReport::Seen(words), self.now());
                    }
                }
                Came::Stop(stop) => self.stop(stop),
                Came::Time => {}
            }
        };
        self.beside.cancel();
        Carried {
            reply: reply(&self.change.host, outcome),
            verification: Some(summary(self.plan.act())),
        }
    }

    fn stop(&mut self, stop: Stop) {
        let aborted = self.plan.abort(self.now());
        if stop.send(aborted).is_err() {
            tracing::debug!("whoever wished to stop it has left");
        }
    }

    async fn next(&mut self, at_work: &mut Option<AtWork>, until: At) -> Came {
        let left = until.since(self.now()).duration();
        let step = async {
            match at_work {
                Some(step) => step.as_mut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(stop) = self.stopping.recv() => Came::Stop(stop),
            (step, report) = step => Came::Report(step, report),
            Some(words) = self.words.recv() => Came::Words(words),
            () = sleep(left) => Came::Time,
        }
    }

    fn begin(&self, step: StepKind, forensics: Option<Forensics>) -> AtWork {
        if matches!(step, StepKind::Graceful | StepKind::Hard) {
            let mut powers = self.shared.powers.lock();
            powers.left.insert(self.change.host.clone());
        }
        let steps = Arc::clone(&self.steps);
        Box::pin(async move { (step, steps.take(step, forensics).await) })
    }

    /// Asks beside the window what will be lost, so that it holds nothing up.
    fn ask_for_forensics(&self) -> Option<Forensics> {
        let wanted = self.change.verb.is_hard() && self.steps.switch.knows(PowerVerb::Forensics);
        wanted.then(|| {
            let steps = Arc::clone(&self.steps);
            let (told, forensics) = oneshot::channel();
            self.beside.spawn(async move {
                // Nobody waits for it any more: the verb has left without it.
                drop(told.send(steps.switch.look(PowerVerb::Forensics).await));
            });
            forensics
        })
    }

    /// Whether the host itself can be asked for anything.
    fn reach(&self) -> Result<(), SafeText> {
        match self.shared.links.exec(&self.change.host) {
            Some(_) => Ok(()),
            None => Err("it is not connected".into()),
        }
    }

    async fn give_up(&mut self, why: SafeText) {
        let mut act = self.plan.act().clone();
        for step in &mut act.steps {
            step.state = StepState::Aborted;
        }
        act.ended = Some((self.now(), ActOutcome::Failed(why)));
        self.tell(act).await;
    }

    async fn show(&self) {
        self.tell(self.plan.act().clone()).await;
    }

    async fn tell(&self, act: PowerAct) {
        let msg = PowerMsg::Is(Box::new(act));
        tell(&self.shared, &self.change.host, msg).await;
    }

    fn now(&self) -> At {
        self.shared.lanes.now()
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.beside.cancel();
    }
}

/// The verb before this one is not known to have ended: nothing is sent before the switch has told what it knows of it.
async fn status_first(
    steps: Arc<Steps>,
    change: PowerChange,
    shared: Arc<Shared>,
) -> Result<(), Refusal> {
    let Some(before) = change.unsure.filter(|_| !change.now) else {
        return Ok(());
    };
    let host = &change.host;
    let unsure = |why: String| Refusal {
        why: format!("nobody knows what became of the last {before} of {host}, and {why}"),
        hint: Some(format!(
            "try `pilothouse power {host} status`, or type `{host} --now`"
        )),
    };
    let looked = steps.switch.look(PowerVerb::Status).await;
    let report = looked.map_err(|refusal| unsure(refusal.why))?;
    match report.operation.map(|operation| operation.state) {
        Some(OperationState::Running(phase)) => {
            Err(unsure(format!("it is still at work there: {phase}")))
        }
        _ => {
            tell(&shared, host, PowerMsg::Looked).await;
            Ok(())
        }
    }
}

fn reply(host: &HostId, outcome: ActOutcome) -> Reply {
    match outcome {
        ActOutcome::Done => Reply::Done,
        ActOutcome::Failed(why) => Reply::Failed(Refusal {
            why: why.to_string(),
            hint: None,
        }),
        ActOutcome::Unknown(why) => Reply::Unknown(Refusal {
            why: why.to_string(),
            hint: Some(format!("look first: `pilothouse power {host} status`")),
        }),
    }
}

/// What each step came to, for the ledger.
fn summary(act: &PowerAct) -> SafeText {
    let steps = act.steps.iter().filter_map(|step| {
        let words = match &step.state {
            StepState::Waiting | StepState::Running { .. } => return None,
            StepState::Done { words, .. } => words.to_string(),
            StepState::Skipped { why } => format!("skipped, {why}"),
            StepState::Failed { why } => format!("failed, {why}"),
            StepState::Aborted => "aborted".to_owned(),
        };
        Some(format!("{}: {words}", step.kind.word()))
    });
    steps.collect::<Vec<_>>().join("; ").into()
}
