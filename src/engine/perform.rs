//! Carries effects out. Nothing here waits: what takes time becomes a task whose outcome comes back as a message.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Notify, broadcast, oneshot};

use super::carry;
use super::command::{Command, Reply};
use super::effect::Effect;
use super::host_actor::Shared;
use super::keeper::Keeper;
use super::look;
use super::msg::Msg;
use super::notice::Notice;
use super::policy::Confirmed;
use super::questions::Questions;
use super::webhook::Webhook;
use crate::domain::{HostId, RequestId, TerminalId};
use crate::tasks::Tasks;

/// The hands of the engine.
pub(super) struct Performer {
    shared: Arc<Shared>,
    questions: Arc<Questions>,
    redials: HashMap<HostId, Arc<Notify>>,
    notices: broadcast::Sender<Notice>,
    tasks: Tasks,
    keeper: Option<Keeper>,
    webhook: Option<Webhook>,
    /// Who waits for an answer.
    pub(super) replies: HashMap<RequestId, oneshot::Sender<Reply>>,
}

impl Performer {
    /// Hands for these hosts.
    pub(super) fn new(
        shared: &Arc<Shared>,
        notices: broadcast::Sender<Notice>,
        redials: HashMap<HostId, Arc<Notify>>,
        keeper: Option<Keeper>,
        webhook: Option<Webhook>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            questions: Arc::clone(&shared.questions),
            redials,
            notices,
            tasks: shared.tasks.clone(),
            keeper,
            webhook,
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
            Effect::Remember { host, change } => {
                if let Some(keeper) = &self.keeper {
                    keeper.remember(&host, &change, &self.tasks);
                }
            }
            Effect::Webhook(notice) => {
                if let Some(webhook) = &self.webhook {
                    webhook.call(notice, &self.tasks);
                }
            }
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

    /// Looks at something and answers. Nothing on any host changes.
    pub(super) fn look(&mut self, request: RequestId, command: Command) {
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let reply = look::look(command, Arc::clone(&shared)).await;
            let at = shared.lanes.now();
            shared
                .lanes
                .fact(Msg::Answered { at, request, reply })
                .await;
        });
    }

    /// Carries a confirmed change out.
    pub(super) fn change(&mut self, request: RequestId, confirmed: Confirmed) {
        let shared = Arc::clone(&self.shared);
        let terminal = TerminalId(request.0);
        self.tasks.spawn(async move {
            let carried =
                carry::carry(confirmed.into_change(), Arc::clone(&shared), terminal).await;
            let (at, reply) = (shared.lanes.now(), carried.reply);
            shared
                .lanes
                .fact(Msg::Answered { at, request, reply })
                .await;
        });
    }
}
