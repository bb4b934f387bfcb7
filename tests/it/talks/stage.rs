//! An engine on simulated hosts whose assistant is played by the test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use pilothouse::assistant::ToolAnswer;
use pilothouse::clock::Clock;
use pilothouse::config::{Config, Settings};
use pilothouse::domain::{HostSpec, SessionId, Wall};
use pilothouse::engine::sim::SimFleet;
use pilothouse::engine::{
    Acting, Actor, AssistantCheck, AssistantCommand, Assisting, Command, Connect, Decision, Ending,
    Engine, Entry, EventKind, Fleet, Handle, Link, Mind, MindCall, MindNews, MindStart, MindWish,
    Minds, ProgramPlaces, Refusal, Reply, SessionSummary, Setup, Transcript, Usage,
};
use pilothouse::store::Store;
use pilothouse::tasks::Tasks;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// A program that the test plays.
pub(crate) struct Puppet {
    pub(crate) start: MindStart,
    pub(crate) wishes: mpsc::Receiver<MindWish>,
    pub(crate) news: mpsc::Sender<MindNews>,
}

impl Puppet {
    /// The next wish.
    pub(crate) async fn wish(&mut self) -> MindWish {
        let wish = timeout(Duration::from_secs(20), self.wishes.recv());
        wish.await.expect("no wish").expect("nobody wishes")
    }

    pub(crate) async fn tell(&self, kind: EventKind) {
        self.news.send(MindNews::Event(kind)).await.unwrap();
    }

    /// A question is being worked on.
    pub(crate) async fn asked(&self, text: &str) {
        self.tell(EventKind::Asked {
            text: text.lines().map(Into::into).collect(),
            queued: false,
        })
        .await;
        self.tell(EventKind::Began {
            model: "sonnet".into(),
            version: "2".into(),
            program_session: "0b5c-77".into(),
        })
        .await;
    }

    pub(crate) async fn draft(&self, block: &str, delta: &str) {
        self.tell(EventKind::Draft {
            block: block.into(),
            thinking: false,
            delta: delta.into(),
        })
        .await;
    }

    pub(crate) async fn text(&self, block: &str, text: &str) {
        self.tell(EventKind::Text {
            block: block.into(),
            thinking: false,
            lines: text.lines().map(Into::into).collect(),
        })
        .await;
    }

    /// Calls a tool, and is answered later.
    pub(crate) async fn call(
        &self,
        id: &str,
        tool: &str,
        input: serde_json::Value,
    ) -> oneshot::Receiver<ToolAnswer> {
        let (answer, answered) = oneshot::channel();
        let call = MindCall {
            tool: tool.into(),
            input,
            id: Some(id.into()),
            answer,
        };
        self.news.send(MindNews::Called(call)).await.unwrap();
        answered
    }

    pub(crate) async fn done(&self, cost: f64) {
        self.tell(EventKind::TurnEnded {
            ending: Ending::Done,
            usage: Usage {
                cost,
                ..Usage::default()
            },
        })
        .await;
    }
}

/// Hands a puppet to the test whenever a program is begun.
struct Puppets(mpsc::UnboundedSender<Puppet>);

impl Minds for Puppets {
    fn begin(&self, start: MindStart) -> Mind {
        let (wishes, wished) = mpsc::channel(16);
        let (told, news) = mpsc::channel(64);
        let puppet = Puppet {
            start,
            wishes: wished,
            news: told,
        };
        assert!(self.0.send(puppet).is_ok(), "the test has ended");
        Mind { wishes, news }
    }

    fn check(&self) -> BoxFuture<'_, AssistantCheck> {
        Box::pin(async {
            AssistantCheck {
                program: Ok("a puppet".into()),
                login: Err(Refusal {
                    why: "a puppet has none".into(),
                    hint: None,
                }),
            }
        })
    }
}

/// A way to hosts, and the hosts.
pub(crate) type Ways = (Arc<dyn Connect>, Vec<Arc<HostSpec>>);

/// An engine.
pub(crate) struct Stage {
    pub(crate) sim: Arc<SimFleet>,
    pub(crate) engine: Engine,
    pub(crate) handle: Handle,
    pub(crate) puppets: mpsc::UnboundedReceiver<Puppet>,
}

impl Stage {
    /// With a store and a place to be attached to in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::with(folder, Some(Store::new(&folder.join("history.db"))))
    }

    pub(crate) fn with(folder: &Path, store: Option<Store>) -> Self {
        Self::on(folder, store, SimFleet::new(1, 2))
    }

    pub(crate) fn on(folder: &Path, store: Option<Store>, sim: Arc<SimFleet>) -> Self {
        let ways = (Arc::clone(&sim) as Arc<dyn Connect>, sim.specs());
        Self::over(folder, store, (sim, ways), Settings::default())
    }

    /// With other ways to the hosts than the simulated ones.
    pub(crate) fn over(
        folder: &Path,
        store: Option<Store>,
        ways: (Arc<SimFleet>, Ways),
        settings: Settings,
    ) -> Self {
        Self::writing(folder, store, ways, settings, Acting::unrecorded())
    }

    /// The same, with somebody whose acts are written down.
    pub(crate) fn writing(
        folder: &Path,
        store: Option<Store>,
        (sim, (connect, hosts)): (Arc<SimFleet>, Ways),
        settings: Settings,
        acting: Acting,
    ) -> Self {
        let (begun, puppets) = mpsc::unbounded_channel();
        let assisting = Assisting {
            folder: Some(folder.join("talks")),
            minds: Some(Arc::new(Puppets(begun))),
            program: None,
            runbooks: Some(folder.join("runbooks")),
        };
        let setting = (hosts, settings, assisting);
        Self {
            puppets,
            ..Self::staged(store, sim, connect, setting, acting)
        }
    }

    /// With the program that is found there, in place of puppets.
    pub(crate) fn real(
        sim: Arc<SimFleet>,
        connect: Arc<dyn Connect>,
        settings: Settings,
        program: ProgramPlaces,
    ) -> Self {
        let assisting = Assisting {
            program: Some(program),
            ..Assisting::default()
        };
        let hosts = sim.specs_with_power();
        let setting = (hosts, settings, assisting);
        Self::staged(None, sim, connect, setting, Acting::unrecorded())
    }

    fn staged(
        store: Option<Store>,
        sim: Arc<SimFleet>,
        connect: Arc<dyn Connect>,
        (hosts, settings, assisting): (Vec<Arc<HostSpec>>, Settings, Assisting),
        acting: Acting,
    ) -> Self {
        let config = Config {
            fleet: "sim".into(),
            hosts,
            settings,
            file: None,
            problems: Vec::new(),
        };
        let engine = Engine::start(Setup {
            config,
            clock: Clock::timers(Wall(1_800_000_000_000)),
            tasks: Tasks::new(),
            connect,
            store,
            record: None,
            acting,
            assisting,
        });
        let (_, puppets) = mpsc::unbounded_channel();
        Self {
            sim,
            handle: engine.handle(),
            engine,
            puppets,
        }
    }

    pub(crate) async fn ask(&self, command: AssistantCommand) -> Reply {
        let command = Command::Assistant(command);
        self.handle.ask(Actor::Terminal, command).await
    }

    pub(crate) async fn open(&self) -> Talk {
        match self.ask(AssistantCommand::Open).await {
            Reply::Session(id) => self.talk(id),
            reply => panic!("{reply:?}"),
        }
    }

    pub(crate) async fn resume(&self, id: SessionId) -> Talk {
        match self.ask(AssistantCommand::Resume(id)).await {
            Reply::Session(id) => self.talk(id),
            reply => panic!("{reply:?}"),
        }
    }

    fn talk(&self, id: SessionId) -> Talk {
        Talk {
            id,
            pictures: self.handle.transcript(id).expect("no transcript"),
        }
    }

    pub(crate) async fn say(&self, talk: &Talk, text: &str) -> Reply {
        self.ask(AssistantCommand::Say {
            session: talk.id,
            text: text.into(),
        })
        .await
    }

    pub(crate) async fn puppet(&mut self) -> Puppet {
        let begun = timeout(Duration::from_secs(20), self.puppets.recv());
        begun.await.expect("no program is begun").unwrap()
    }

    /// Every host is connected.
    pub(crate) async fn is_up(&self) {
        let mut fleet = self.handle.fleet();
        let up = |fleet: &Arc<Fleet>| {
            fleet
                .hosts
                .iter()
                .all(|host| matches!(host.link, Link::Up { .. }))
        };
        let up = fleet.wait_for(up);
        drop(timeout(Duration::from_secs(20), up).await.unwrap().unwrap());
    }

    /// The proposal that waits, and a decision on it.
    pub(crate) async fn decide(&self, decision: Decision) -> Reply {
        let mut fleet = self.handle.fleet();
        let waits = fleet.wait_for(|fleet| !fleet.proposals.is_empty());
        let waits = timeout(Duration::from_secs(20), waits)
            .await
            .unwrap()
            .unwrap();
        let proposal = waits.proposals[0].proposal.id;
        drop(waits);
        let command = Command::Decide { proposal, decision };
        self.handle.ask(Actor::Terminal, command).await
    }

    pub(crate) async fn sessions(&self) -> Vec<SessionSummary> {
        match self.ask(AssistantCommand::Sessions).await {
            Reply::Sessions(list) => list,
            reply => panic!("{reply:?}"),
        }
    }

    pub(crate) async fn end(self) {
        assert!(self.engine.shutdown(Duration::from_secs(5)).await);
    }
}

/// A conversation as a face sees it.
pub(crate) struct Talk {
    pub(crate) id: SessionId,
    pub(crate) pictures: watch::Receiver<Arc<Transcript>>,
}

impl Talk {
    /// The first picture that is as it should be.
    pub(crate) async fn shows(&mut self, wanted: impl Fn(&Transcript) -> bool) -> Arc<Transcript> {
        let seen = self.pictures.wait_for(|picture| wanted(picture));
        let seen = timeout(Duration::from_secs(20), seen).await;
        let seen = seen.map(|seen| Arc::clone(&seen.unwrap()));
        seen.unwrap_or_else(|_| panic!("never shown; last: {:#?}", self.pictures.borrow()))
    }

    pub(crate) async fn shows_text(&mut self, text: &str) -> Arc<Transcript> {
        self.shows(|picture| words(picture).iter().any(|said| said == text))
            .await
    }
}

/// The entries in short: `ask …`, `say …`, `draft …`, `call …`, and so on.
pub(crate) fn words(transcript: &Transcript) -> Vec<String> {
    let joined = |lines: &[pilothouse::text::SafeText]| {
        let lines: Vec<_> = lines
            .iter()
            .map(pilothouse::text::SafeText::as_str)
            .collect();
        lines.join("/")
    };
    let word = |entry: &Arc<Entry>| match entry.as_ref() {
        Entry::Asked { lines, .. } => format!("ask {}", joined(lines)),
        Entry::Said { lines, draft, .. } => {
            let kind = if *draft { "draft" } else { "say" };
            format!("{kind} {}", joined(lines))
        }
        Entry::Thought { lines, .. } => format!("think {}", joined(lines)),
        Entry::Call(call) => format!("call {} {:?}", call.tool, call.state),
        Entry::UnderWay { proposal, .. } => format!("under way {}", proposal.what),
        Entry::Decided { decided, .. } => format!("decided {decided:?}"),
        Entry::Denied { tool, .. } => format!("denied {tool}"),
        Entry::Trouble { sentence, .. } => format!("trouble {sentence}"),
        Entry::Runbook { name, host, .. } => format!("runbook {name} {host}"),
        Entry::Findings { lines, .. } => format!("findings {}", joined(lines)),
        Entry::Turn(turn) => format!("turn {:?}", turn.ending),
    };
    transcript.entries.iter().map(word).collect()
}

/// What was asked of a simulated host, but for our own looks.
pub(crate) fn commands(stage: &Stage, host: &str) -> Vec<String> {
    let mut ran = stage.sim.commands(host);
    ran.retain(|ran| !is_our_look(ran));
    ran
}

/// Whether this is a look of the console's own: for the container engine, for weights, for jobs, for a reservation.
pub(crate) fn is_our_look(command: &str) -> bool {
    let verb = |name: &str, verb: &str| command.contains(name) && command.ends_with(verb);
    command.contains("pilothouse-containers")
        || command.contains("pilothouse-weights")
        || verb(" pilothouse-jobs ", " list")
        || verb(" pilothouse-lock ", " show < \n")
}
