//! What a connection to a power switch has to ask: host keys and passphrases go to the person; whoever wants a password there
//! does not get one, because the switch takes its own key and nothing else. Nothing it says touches the ladder of the host.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Answer, HostId, Question, QuestionId, Telling};
use crate::engine::host_actor::Shared;
use crate::engine::msg::{Msg, PowerMsg};
use crate::engine::questions::Questions;
use crate::ssh::{Ask, Step};

/// The voice of one connection to the switch of a host.
pub(super) struct SwitchVoice {
    pub(super) host: HostId,
    /// The login there.
    pub(super) switch: HostId,
    pub(super) shared: Arc<Shared>,
}

impl SwitchVoice {
    fn questions(&self) -> &Questions {
        &self.shared.questions
    }
}

#[async_trait]
impl Ask for SwitchVoice {
    async fn ask(&self, question: Question) -> Answer {
        if matches!(question, Question::Prompts { .. }) {
            return Answer::Refuse;
        }
        let (id, answer) = self.questions().open();
        let asked = PowerMsg::Question {
            id,
            switch: self.switch.clone(),
            question,
        };
        tell(&self.shared, &self.host, asked).await;
        let _open = Open { voice: self, id };
        answer.await.unwrap_or(Answer::Refuse)
    }

    fn tell(&self, telling: Telling) {
        tracing::info!(host = %self.host, ?telling, "the power switch");
    }

    fn step(&self, _: Step) {}
}

/// A question that is being asked; dropping it takes it back.
struct Open<'a> {
    voice: &'a SwitchVoice,
    id: QuestionId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.voice.questions().close(self.id);
        let (shared, host, id) = (
            Arc::clone(&self.voice.shared),
            self.voice.host.clone(),
            self.id,
        );
        let tasks = shared.tasks.clone();
        tasks.spawn(async move { tell(&shared, &host, PowerMsg::QuestionGone(id)).await });
    }
}

/// Tells the fold what became of a host's power.
pub(super) async fn tell(shared: &Shared, host: &HostId, msg: PowerMsg) {
    let (at, host) = (shared.lanes.now(), host.clone());
    shared.lanes.fact(Msg::Power { at, host, msg }).await;
}
