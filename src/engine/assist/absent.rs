//! An engine that was built without the way to any program: whoever asks is told so, and looks at hosts without it.

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::mind::{Mind, MindNews, MindStart, MindWish, Minds};
use crate::assistant::{Ending, EventKind, TroubleKind, Usage};
use crate::engine::{AssistantCheck, Refusal};
use crate::tasks::Tasks;

/// Wishes and news that wait.
const LANE: usize = 16;

/// No program.
pub(super) struct Absent {
    pub(super) tasks: Tasks,
}

impl Minds for Absent {
    fn begin(&self, _: MindStart) -> Mind {
        let (wishes, wished) = mpsc::channel(LANE);
        let (told, news) = mpsc::channel(LANE);
        self.tasks.spawn(answer(wished, told));
        Mind { wishes, news }
    }

    fn check(&self) -> BoxFuture<'_, AssistantCheck> {
        Box::pin(async {
            AssistantCheck {
                program: Err(refusal()),
                login: Err(refusal()),
            }
        })
    }
}

fn refusal() -> Refusal {
    Refusal {
        why: "no assistant is built into this engine".into(),
        hint: Some("runbooks look at a host without one".into()),
    }
}

async fn answer(mut wished: mpsc::Receiver<MindWish>, told: mpsc::Sender<MindNews>) {
    while let Some(wish) = wished.recv().await {
        let MindWish::Say(text) = wish else {
            continue;
        };
        let Refusal { why, hint } = refusal();
        let events = [
            EventKind::Asked {
                text: text.lines().map(Into::into).collect(),
                queued: false,
            },
            EventKind::Trouble {
                kind: TroubleKind::Missing,
                sentence: why.as_str().into(),
                hint: hint.map(Into::into),
            },
            EventKind::TurnEnded {
                ending: Ending::Failed(why.into()),
                usage: Usage::default(),
            },
        ];
        for event in events {
            if told.send(MindNews::Event(event)).await.is_err() {
                return;
            }
        }
    }
}
