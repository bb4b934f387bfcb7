//! Carries effects out. Nothing here waits: what takes time becomes a task whose outcome comes back as a message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, oneshot};

use super::command::{Refusal, Reply};
use super::effect::Effect;
use super::host_actor::{Links, Shared};
use super::keeper::Keeper;
use super::lanes::Lanes;
use super::msg::Msg;
use super::notice::Notice;
use super::policy::{Change, Confirmed};
use super::questions::Questions;
use super::remote;
use crate::domain::{HealthChange, HostId, RequestId};
use crate::exec::RunLimits;
use crate::tasks::Tasks;

/// What sending a signal may take.
const SIGNAL: RunLimits = RunLimits {
    timeout: Duration::from_secs(10),
    output: 4096,
};

/// The hands of the engine.
pub(super) struct Performer {
    lanes: Lanes,
    links: Arc<Links>,
    questions: Arc<Questions>,
    redials: HashMap<HostId, Arc<Notify>>,
    notices: broadcast::Sender<Notice>,
    tasks: Tasks,
    store: Option<Keeper>,
    /// Who waits for an answer.
    pub(super) replies: HashMap<RequestId, oneshot::Sender<Reply>>,
}

impl Performer {
    /// Hands for these hosts.
    pub(super) fn new(
        shared: &Shared,
        notices: broadcast::Sender<Notice>,
        redials: HashMap<HostId, Arc<Notify>>,
        store: Option<Keeper>,
    ) -> Self {
        Self {
            lanes: shared.lanes.clone(),
            links: Arc::clone(&shared.links),
            questions: Arc::clone(&shared.questions),
            redials,
            notices,
            tasks: shared.tasks.clone(),
            store,
            replies: HashMap::new(),
        }
    }

    /// Carries one effect out, or starts to.
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Dial(host) => {
                if let Some(redial) = self.redials.get(&host) {
                    redial.notify_waiters();
                }
            }
            Effect::Answer { question, answer } => self.questions.answer(question, answer),
            Effect::Reply { request, reply } => self.reply(request, reply),
            // An error means that nobody listens; the fleet keeps the notice for whoever comes later.
            Effect::Notify(notice) => drop(self.notices.send(notice)),
            Effect::Remember { host, change } => self.remember(&host, &change),
            Effect::Webhook(_) => {}
        }
    }

    /// Answers a request; a face that has left is no error.
    pub(super) fn reply(&mut self, request: RequestId, reply: Reply) {
        if let Some(waiting) = self.replies.remove(&request)
            && waiting.send(reply).is_err()
        {
            tracing::debug!(%request, "whoever asked has left");
        }
    }

    fn remember(&self, host: &HostId, change: &HealthChange) {
        if let Some(keeper) = &self.store {
            let written = keeper.store.remember(host, change);
            let keeper = keeper.clone();
            self.tasks.spawn(async move {
                keeper.heed(written.await).await;
            });
        }
    }

    /// Carries a confirmed change out.
    pub(super) fn change(&mut self, request: RequestId, confirmed: Confirmed) {
        match confirmed.into_change() {
            Change::Shell { command } => self.reply(request, Reply::Shell(command)),
            Change::Signal { host, pid, command } => {
                let Some(exec) = self.links.exec(&host) else {
                    let gone = Refusal {
                        why: format!("{host} is not connected"),
                        hint: None,
                    };
                    return self.reply(request, Reply::Failed(gone));
                };
                let lanes = self.lanes.clone();
                self.tasks.spawn(async move {
                    let outcome = exec.run(&command, SIGNAL).await;
                    let reply = remote::signal_outcome(pid, outcome);
                    let at = lanes.now();
                    lanes.fact(Msg::Answered { at, request, reply }).await;
                });
            }
        }
    }
}
