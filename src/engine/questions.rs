//! The way from a connection that asks to the person who answers: each question has an id and one waiting end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::msg::HostMsg;
use crate::domain::{Answer, Question, QuestionId, Rung, Telling};
use crate::ssh::{Ask, Step};

/// Every question that waits for an answer.
#[derive(Debug, Default)]
pub(super) struct Questions {
    last: AtomicU64,
    waiting: Mutex<HashMap<QuestionId, oneshot::Sender<Answer>>>,
}

impl Questions {
    /// Hands the answer to the connection that asked, if it still waits.
    pub(super) fn answer(&self, question: QuestionId, answer: Answer) {
        let waiting = self.lock().remove(&question);
        if waiting.is_none_or(|waiting| waiting.send(answer).is_err()) {
            tracing::debug!(%question, "nobody waits for this answer any more");
        }
    }

    /// A new question, and its answer when it comes.
    pub(super) fn open(&self) -> (QuestionId, oneshot::Receiver<Answer>) {
        let id = QuestionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, answer) = oneshot::channel();
        self.lock().insert(id, sender);
        (id, answer)
    }

    /// Nobody waits for the answer any more.
    pub(super) fn close(&self, question: QuestionId) {
        self.lock().remove(&question);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<QuestionId, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's voice: what it says goes into its host's own lane, which the host's actor forwards in order.
#[derive(Debug)]
pub(super) struct Voice {
    questions: Arc<Questions>,
    lane: mpsc::Sender<HostMsg>,
}

impl Voice {
    /// A voice into this lane.
    pub(super) fn new(questions: Arc<Questions>, lane: mpsc::Sender<HostMsg>) -> Self {
        Self { questions, lane }
    }

    /// The lane has room for any honest host; what a flood of banners pushes out of it is lost.
    fn say(&self, msg: HostMsg) {
        if self.lane.try_send(msg).is_err() {
            tracing::warn!("a connection says more than its host's lane can hold");
        }
    }
}

#[async_trait]
impl Ask for Voice {
    async fn ask(&self, question: Question) -> Answer {
        let (id, answer) = self.questions.open();
        let asked = HostMsg::Question { id, question };
        if self.lane.send(asked).await.is_err() {
            return Answer::Refuse;
        }
        let _open = Open { voice: self, id };
        answer.await.unwrap_or(Answer::Refuse)
    }

    fn tell(&self, telling: Telling) {
        self.say(HostMsg::Telling(telling));
    }

    fn step(&self, step: Step) {
        let rung = match step {
            Step::Resolved => Rung::Resolve,
            Step::Connected => Rung::Tcp,
            Step::Greeted => Rung::Banner,
            Step::LoggedIn => Rung::Login,
        };
        self.say(HostMsg::Holds(rung));
    }
}

/// A question that is being asked; dropping it takes it back.
struct Open<'a> {
    voice: &'a Voice,
    id: QuestionId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.voice.questions.close(self.id);
        self.voice.say(HostMsg::QuestionGone(self.id));
    }
}
