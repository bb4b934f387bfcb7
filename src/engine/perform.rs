//! Carries effects out. Nothing here waits: what takes time becomes a task whose outcome comes back as a message.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Notify, broadcast, oneshot};

use super::command::{Actor, Command, Reply};
use super::door::Door;
use super::effect::Effect;
use super::host_actor::Shared;
use super::keeper::Keeper;
use super::look;
use super::models;
use super::msg::Msg;
use super::notice::Notice;
use super::policy::Confirmed;
use super::questions::Questions;
use super::webhook::Webhook;
use crate::domain::{HostId, ProposalId, RequestId, TerminalId};
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
    door: Arc<Door>,
    /// Who waits for an answer.
    pub(super) replies: HashMap<RequestId, oneshot::Sender<Reply>>,
}

/// Where what the engine decides goes, beside its lanes.
pub(super) struct Outlets {
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) redials: HashMap<HostId, Arc<Notify>>,
    pub(super) keeper: Option<Keeper>,
    pub(super) webhook: Option<Webhook>,
    pub(super) door: Arc<Door>,
}

impl Performer {
    /// Hands with these outlets.
    pub(super) fn new(shared: &Arc<Shared>, outlets: Outlets) -> Self {
        Self {
            shared: Arc::clone(shared),
            questions: Arc::clone(&shared.questions),
            redials: outlets.redials,
            notices: outlets.notices,
            tasks: shared.tasks.clone(),
            keeper: outlets.keeper,
            webhook: outlets.webhook,
            door: outlets.door,
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
            Effect::RememberService {
                host,
                service,
                event,
            } => {
                if let Some(keeper) = &self.keeper {
                    keeper.remember_service((&host, &service), &event, &self.tasks);
                }
            }
            Effect::Witness(witness) => {
                let door = Arc::clone(&self.door);
                self.tasks.spawn(async move { door.witness(witness).await });
            }
            Effect::Decided { proposal, decided } => {
                self.shared.proposals.decided(proposal, decided);
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

    /// Looks at what a swap would meet, then asks again what was asked.
    pub(super) fn prepare(
        &mut self,
        request: RequestId,
        (actor, command): (Actor, Command),
        unlooked: models::Unlooked,
    ) {
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let looked = match unlooked {
                models::Unlooked::Swap(order) => models::gather(&order, &shared).await.map(drop),
                models::Unlooked::Serving(hosts) => models::look_at_serving(&hosts, &shared).await,
            };
            let reply = match looked {
                Ok(()) => shared.handle.ask(actor, command).await,
                Err(reply) => reply,
            };
            let at = shared.lanes.now();
            shared
                .lanes
                .fact(Msg::Answered { at, request, reply })
                .await;
        });
    }

    /// A person has approved a proposal; false where it has just been taken back.
    pub(super) fn approve(&self, proposal: ProposalId) -> bool {
        self.shared.proposals.approve(proposal)
    }

    /// Lets a confirmed change through the door.
    pub(super) fn change(&mut self, request: RequestId, confirmed: Confirmed) {
        let door = Arc::clone(&self.door);
        self.tasks
            .spawn(async move { door.pass(request, confirmed).await });
    }

    /// Tells the door that a shell or terminal has ended.
    pub(super) fn ended(
        &mut self,
        request: RequestId,
        terminal: TerminalId,
        failed: Option<String>,
    ) {
        let door = Arc::clone(&self.door);
        self.tasks
            .spawn(async move { door.ended(request, terminal, failed).await });
    }
}
