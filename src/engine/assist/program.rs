//! The real program behind a conversation: the assistant's own conversation, with a private socket for its tools.

use futures_util::future::BoxFuture;
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::mind::{Mind, MindCall, MindNews, MindStart, MindWish, Minds};
use crate::assistant::{
    Broker, BrokerError, BrokerEvent, Conversation, Ending, EventKind, Heard, PendingCall, Setup,
    TOOLS, ToolAnswer, Trouble, TroubleKind, Usage, Wish, WishRefused, check, system_prompt,
};
use crate::clock::Clock;
use crate::config::{AssistantSettings, Environment};
use crate::engine::{AssistantCheck, Refusal};
use crate::exec::LocalExec;
use crate::tasks::Tasks;

/// Wishes and news that wait.
const LANE: usize = 64;

/// Where the program finds what it needs on this machine.
#[derive(Debug, Clone)]
pub struct ProgramPlaces {
    /// Our own environment: where programs are, and perhaps the login.
    pub environment: Environment,
    /// Our own program, which serves the tools as `pilothouse mcp`.
    pub own: PathBuf,
    /// The folder in which private sockets are made: `$XDG_RUNTIME_DIR`, else `/tmp`.
    pub runtime: PathBuf,
    /// The folder in which each conversation's program keeps what it needs to go on later.
    pub rooms: PathBuf,
}

/// The `claude` program of this machine.
pub(super) struct Programs {
    /// `None`: this engine was given no place for it.
    pub(super) places: Option<ProgramPlaces>,
    pub(super) settings: AssistantSettings,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
}

impl Minds for Programs {
    fn begin(&self, start: MindStart) -> Mind {
        let (wishes, wished) = mpsc::channel(LANE);
        let (told, news) = mpsc::channel(LANE);
        match self.open(start) {
            Ok(program) => self.tasks.spawn(program.run(wished, told)),
            Err(trouble) => self.tasks.spawn(refuse(trouble, wished, told)),
        }
        Mind { wishes, news }
    }

    fn check(&self) -> BoxFuture<'_, AssistantCheck> {
        Box::pin(async {
            let Some(places) = &self.places else {
                let trouble = nowhere();
                return AssistantCheck {
                    program: Err(refusal(&trouble)),
                    login: Err(refusal(&trouble)),
                };
            };
            let local = LocalExec::new(self.tasks.clone());
            let found = check(&self.settings, &places.environment, &local).await;
            AssistantCheck {
                program: found.program.map_err(|trouble| refusal(&trouble)),
                login: found.login.map_err(|trouble| refusal(&trouble)),
            }
        })
    }
}

impl Programs {
    fn open(&self, start: MindStart) -> Result<Program, Trouble> {
        let places = self.places.as_ref().ok_or_else(nowhere)?;
        let tasks = self.tasks.child();
        let opened = Broker::open(&tasks, &places.runtime);
        let (broker, calls) = opened.map_err(|error| no_tools(&error))?;
        let own = broker.server(places.own.clone());
        let setup = Setup {
            settings: self.settings.clone(),
            environment: places.environment.clone(),
            mcp: own.map_err(|error| no_tools(&error))?,
            tools: TOOLS.map(str::to_owned).into(),
            dir: places.rooms.join(start.session.to_string()),
            prompt: system_prompt().to_owned(),
            resume: start.program,
        };
        let (conversation, heard) = Conversation::start(setup, &tasks, &self.clock);
        Ok(Program {
            conversation,
            heard,
            calls,
            _broker: broker,
            tasks,
        })
    }
}

/// A conversation of the assistant, and its tools' way to us.
struct Program {
    conversation: Conversation,
    heard: mpsc::Receiver<Heard>,
    calls: mpsc::Receiver<BrokerEvent>,
    _broker: Broker,
    tasks: Tasks,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

impl Program {
    /// Until it is over, or nobody listens any more.
    async fn run(mut self, mut wished: mpsc::Receiver<MindWish>, told: mpsc::Sender<MindNews>) {
        loop {
            let news = tokio::select! {
                biased;
                () = told.closed() => return,
                Some(wish) = wished.recv() => match self.wish(wish) {
                    Some(refused) => MindNews::Event(refused),
                    None => continue,
                },
                heard = self.heard.recv() => match heard {
                    Some(Heard::Event(event)) => MindNews::Event(event),
                    Some(Heard::Phase(phase)) => MindNews::Phase(phase),
                    None => return,
                },
                Some(event) = self.calls.recv() => match event {
                    BrokerEvent::Called(call) => MindNews::Called(self.hand_on(call)),
                    BrokerEvent::Joined | BrokerEvent::Left => continue,
                },
            };
            if told.send(news).await.is_err() {
                return;
            }
        }
    }

    /// Hands a wish on; gives what is told where it is not taken.
    fn wish(&self, wish: MindWish) -> Option<EventKind> {
        let wish = match wish {
            MindWish::Say(text) => Wish::Say(text),
            MindWish::Unqueue => Wish::Unqueue,
            MindWish::Interrupt => Wish::Interrupt,
            MindWish::Awaiting(count) => Wish::Awaiting(count),
            MindWish::Close => Wish::Close,
        };
        match self.conversation.wish(wish) {
            // Its end is heard as well.
            Ok(()) | Err(WishRefused::Over) => None,
            Err(error) => Some(not_taken(error)),
        }
    }

    /// A call on its way to whoever answers it, and its answer on the way back.
    fn hand_on(&self, call: PendingCall) -> MindCall {
        let (answer, answered) = oneshot::channel::<ToolAnswer>();
        let handed = MindCall {
            tool: call.tool.clone(),
            input: call.input.clone(),
            id: call.tool_use.clone(),
            answer,
        };
        let cancelled = call.cancelled();
        self.tasks.spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => {}
                // Without an answer the call is answered with an error when it falls.
                answer = answered => if let Ok(answer) = answer {
                    call.answer(answer);
                },
            }
        });
        handed
    }
}

/// Answers every question with what is wrong.
async fn refuse(
    trouble: Trouble,
    mut wished: mpsc::Receiver<MindWish>,
    told: mpsc::Sender<MindNews>,
) {
    while let Some(wish) = wished.recv().await {
        let text = match wish {
            MindWish::Say(text) => text,
            MindWish::Close => return,
            MindWish::Unqueue | MindWish::Interrupt | MindWish::Awaiting(_) => continue,
        };
        let events = [
            EventKind::Asked {
                text: text.lines().map(Into::into).collect(),
                queued: false,
            },
            EventKind::Trouble {
                kind: trouble.kind,
                sentence: trouble.sentence.clone(),
                hint: trouble.hint.clone(),
            },
            EventKind::TurnEnded {
                ending: Ending::Failed(trouble.sentence.clone()),
                usage: Usage::default(),
            },
        ];
        for event in events {
            if told.send(MindNews::Event(event)).await.is_err() {
                return;
            }
        }
        // The next question tries anew.
        return;
    }
}

fn not_taken(error: WishRefused) -> EventKind {
    EventKind::Trouble {
        kind: TroubleKind::Unusable,
        sentence: format!("that was not handed on: {error}").into(),
        hint: Some("try again in a moment".into()),
    }
}

fn refusal(trouble: &Trouble) -> Refusal {
    Refusal {
        why: trouble.sentence.to_string(),
        hint: trouble.hint.as_ref().map(ToString::to_string),
    }
}

fn nowhere() -> Trouble {
    Trouble::new(
        TroubleKind::Unusable,
        "no place for the assistant's program is known here",
        "set HOME or XDG_STATE_HOME",
    )
}

fn no_tools(error: &BrokerError) -> Trouble {
    Trouble::new(
        TroubleKind::Unusable,
        format!("the assistant's tools can't be reached from here: {error}"),
        error.hint(),
    )
}
