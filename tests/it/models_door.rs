//! Models through the engine's door, on a host whose containers are a stand-in: who may swap, what two consoles do to each other, what
//! a console finds that comes later, and what the ledger tells of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pilothouse::clock::Clock;
use pilothouse::config::{Config, ModelsSettings, Settings};
use pilothouse::domain::{
    ActOutcome, At, GpuSourceChoice, HostAddress, HostId, HostSpec, LedgerEvent, ModelKey,
};
use pilothouse::engine::sim::{SimGpu, SimMachine};
use pilothouse::engine::{
    Acting, Actor, Assisting, Beat, Challenge, Command, Connect, ConnectError, Connected, Engine,
    Fleet, LockOrder, Lost, MenuState, ModelsCommand, Reply, Setup, SwapEnd, SwapOrder, Watch,
};
use pilothouse::exec::Exec;
use pilothouse::ssh::Ask;
use pilothouse::store::Ledger;
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use crate::dressed::Dressed;
use crate::swap::stage::Stage as Host;

const LONG: Duration = Duration::from_mins(2);
const HOST: &str = "spark-1";

struct Beats(SimMachine);

#[async_trait]
impl Watch for Beats {
    async fn beat(&mut self, _: At) -> Result<Beat, Lost> {
        Ok(Beat {
            sample: self.0.sample(),
            round_trip: Duration::from_millis(1),
        })
    }
}

/// The way to the stage.
struct ToHost {
    exec: Arc<dyn Exec>,
    home: String,
}

#[async_trait]
impl Connect for ToHost {
    async fn connect(&self, _: &HostSpec, _: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        Ok(Connected {
            watch: Box::new(Beats(SimMachine::new(1, SimGpu::Gb10, 1))),
            exec: Arc::new(Dressed {
                exec: Arc::clone(&self.exec),
                words: vec![format!("HOME={}", self.home)],
                has_sockets: false,
            }),
            user: Some("ops".into()),
        })
    }
}

/// A person's console.
pub(crate) struct Console {
    engine: Engine,
}

fn home(host: &Host) -> String {
    host.path("home").display().to_string()
}

/// A host with the weights of two models, and a catalogue that launches them.
pub(crate) async fn host() -> Host {
    let host = Host::new("dash").await;
    let hub = host.path("home/.cache/huggingface/hub");
    for name in ["models--qwen--x", "models--gemma--y"] {
        let snapshot = hub.join(name).join("snapshots/0123");
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::create_dir_all(hub.join(name).join("refs")).unwrap();
        std::fs::write(hub.join(name).join("refs/main"), "0123").unwrap();
        std::fs::write(snapshot.join("model.safetensors"), "weights").unwrap();
        std::fs::write(snapshot.join("config.json"), "{}").unwrap();
    }
    let recipe = |key: &str, repo: &str| {
        format!(
            "  {key}: {{repo: {repo}, engine: vllm, image: some/vllm, container: vllm, port: {}, listen: 127.0.0.1}}\n",
            host.port
        )
    };
    let text = format!(
        "models:\n{}{}",
        recipe("qwen", "qwen/x"),
        recipe("gemma", "gemma/y")
    );
    host.write("catalog.yaml", &text);
    host
}

impl Console {
    async fn new(host: &Host, who: &str) -> Self {
        Self::with(host, who, |_| {}).await
    }

    /// With settings of its own beside those that every one has here.
    pub(crate) async fn with(host: &Host, who: &str, more: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            models: ModelsSettings {
                catalogs: vec![host.path("catalog.yaml")],
                recipes: Some(host.path(&format!("{who}-recipes"))),
                tokens: Some(host.path(&format!("{who}-tokens"))),
                ..ModelsSettings::default()
            },
            ..Settings::default()
        };
        more(&mut settings);
        let spec = HostSpec {
            id: HostId::new(HOST),
            address: HostAddress::Local,
            tags: Vec::new(),
            gpu: GpuSourceChoice::Auto,
            power: None,
        };
        let engine = Engine::start(Setup {
            config: Config {
                fleet: "home".into(),
                hosts: vec![Arc::new(spec)],
                settings,
                file: None,
                problems: Vec::new(),
            },
            clock: Clock::system(),
            tasks: Tasks::new(),
            connect: Arc::new(ToHost {
                exec: host.exec(),
                home: home(host),
            }),
            store: None,
            record: None,
            acting: Acting {
                ledger: Ledger::in_memory(),
                who: who.into(),
                from: "a test".into(),
            },
            assisting: Assisting::default(),
        });
        let console = Self { engine };
        console
            .until(|fleet| {
                let models = &fleet.hosts[0].models;
                models.weights.is_some()
                    && models.lock.is_some()
                    && models.serving.is_some()
                    && !fleet.menu.is_empty()
            })
            .await;
        console
    }

    pub(crate) async fn ask(&self, command: ModelsCommand) -> Reply {
        let handle = self.engine.handle();
        handle.ask(Actor::Terminal, Command::Models(command)).await
    }

    /// Asks, and does what it takes.
    pub(crate) async fn act(&self, command: ModelsCommand) -> Reply {
        let reply = self.ask(command).await;
        let Reply::NeedsConfirmation { id, challenge, .. } = reply else {
            return reply;
        };
        let answer = match challenge {
            Challenge::YesNo => "yes".to_owned(),
            Challenge::TypeName(name) => name,
        };
        let handle = self.engine.handle();
        let confirm = Command::Confirm { id, answer };
        handle.ask(Actor::Terminal, confirm).await
    }

    pub(crate) async fn until(&self, holds: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let mut fleet = self.engine.handle().fleet();
        let found = timeout(LONG, fleet.wait_for(|fleet| holds(fleet))).await;
        let Ok(found) = found else {
            let fleet = self.engine.handle().fleet();
            let fleet = fleet.borrow();
            panic!("it never came to that: {:#?}", fleet.hosts[0].models);
        };
        Arc::clone(&found.unwrap())
    }

    pub(crate) async fn ended(&self) -> SwapEnd {
        let end = |fleet: &Fleet| fleet.hosts[0].models.swap.as_ref()?.end.clone();
        let fleet = self.until(|fleet| end(fleet).is_some()).await;
        end(&fleet).unwrap()
    }

    async fn entries(&self) -> Vec<LedgerEvent> {
        let fleet = self.until(|fleet| fleet.ledger_read).await;
        fleet
            .ledger
            .iter()
            .map(|entry| entry.event.clone())
            .collect()
    }

    pub(crate) async fn end(self) {
        assert!(self.engine.shutdown(Duration::from_secs(10)).await);
    }
}

fn order(model: &str, force: bool) -> SwapOrder {
    SwapOrder {
        model: ModelKey::new(model),
        place: HOST.into(),
        force,
        token: None,
    }
}

pub(crate) fn swap(model: &str) -> ModelsCommand {
    // The stand-in has no driver to look at.
    ModelsCommand::Swap(order(model, true))
}

fn refusal(reply: &Reply) -> (&str, &str) {
    match reply {
        Reply::Refused(r) | Reply::Failed(r) | Reply::Unknown(r) => {
            (&r.why, r.hint.as_deref().unwrap_or_default())
        }
        other => panic!("no refusal: {other:?}"),
    }
}

fn witnessed(events: &[LedgerEvent]) -> Vec<String> {
    let intents = events.iter().filter_map(|event| match event {
        LedgerEvent::Intent(intent) => Some(intent.what.to_string()),
        _ => None,
    });
    intents
        .filter(|what| what.starts_with("the end of"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_disk_is_the_menu_and_a_refresh_sees_what_is_new() {
    let host = host().await;
    let console = Console::new(&host, "ann").await;
    let keys = |fleet: &Fleet| -> Vec<(String, MenuState)> {
        let rows = fleet.menu.iter();
        rows.map(|row| (row.key.to_string(), row.state)).collect()
    };
    let fleet = console.until(|fleet| fleet.menu.len() == 2).await;
    assert_eq!(
        keys(&fleet),
        [
            ("gemma".to_owned(), MenuState::Ready),
            ("qwen".to_owned(), MenuState::Ready)
        ]
    );
    let new = host.path("home/.cache/huggingface/hub/models--new--z");
    std::fs::create_dir_all(new.join("snapshots/0123")).unwrap();
    std::fs::create_dir_all(new.join("refs")).unwrap();
    std::fs::write(new.join("refs/main"), "0123").unwrap();
    std::fs::write(new.join("snapshots/0123/model.safetensors"), "w").unwrap();
    assert_eq!(console.ask(ModelsCommand::Refresh(None)).await, Reply::Done);
    let fleet = console.until(|fleet| fleet.menu.len() == 3).await;
    assert!(keys(&fleet).contains(&("new/z".to_owned(), MenuState::NeedsSetup)));
    let nowhere = ModelsCommand::Refresh(Some(HostId::new("nowhere")));
    assert!(
        refusal(&console.ask(nowhere).await)
            .0
            .contains("not connected")
    );
    console.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_is_told_with_what_it_would_meet_and_is_confirmed_by_name() {
    let host = host().await;
    let console = Console::new(&host, "ann").await;
    let reply = console
        .ask(ModelsCommand::Preflight(order("qwen", false)))
        .await;
    let Reply::Preflight(found) = reply else {
        panic!("{reply:?}");
    };
    assert!(found.command.contains("--name vllm"), "{}", found.command);
    // It will not work: there is no driver. Nobody is asked for a confirmation of that.
    let reply = console.ask(ModelsCommand::Swap(order("qwen", false))).await;
    let (why, hint) = refusal(&reply);
    assert!(why.contains("on spark-1"), "{why}");
    assert!(hint.ends_with("force it"), "{hint}");
    let reply = console.ask(swap("qwen")).await;
    let Reply::NeedsConfirmation {
        challenge, plan, ..
    } = reply
    else {
        panic!("{reply:?}");
    };
    assert_eq!(challenge, Challenge::TypeName(HOST.into()));
    assert!(plan.command.contains("docker run -d"), "{}", plan.command);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.starts_with("forced although")),
        "{plan:?}"
    );
    for (command, words) in [
        (swap("nonsense"), "no recipe launches nonsense"),
        (
            ModelsCommand::Swap(SwapOrder {
                place: "nowhere".into(),
                ..order("qwen", true)
            }),
            "no host and no cluster is named nowhere",
        ),
        (
            ModelsCommand::Rollback(HOST.into()),
            "nothing is known to have been served",
        ),
    ] {
        let reply = console.ask(command).await;
        assert!(refusal(&reply).0.contains(words), "{reply:?}");
    }
    assert_eq!(console.entries().await, []);
    console.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_consoles_swap_at_once_and_one_is_told_who_was_first() {
    let host = host().await;
    let (ann, bob) = (
        Console::new(&host, "ann").await,
        Console::new(&host, "bob").await,
    );
    host.behaves("gate-run");
    let reply = ann.act(swap("qwen")).await;
    let Reply::Working { work, .. } = &reply else {
        panic!("{reply:?}");
    };
    // Whether or not bob's console has seen it yet.
    let refused = bob.act(swap("gemma")).await;
    assert!(refusal(&refused).0.contains("qwen"), "{refused:?}");
    host.behaves("");
    let watching = ModelsCommand::Watch;
    assert_eq!(bob.ask(watching).await, Reply::Done);
    for console in [&ann, &bob] {
        assert_eq!(console.ask(ModelsCommand::Refresh(None)).await, Reply::Done);
        assert_eq!(console.ended().await, SwapEnd::Served);
        let fleet = console
            .until(|fleet| fleet.hosts[0].models.swap.is_some())
            .await;
        let report = fleet.hosts[0].models.swap.clone().unwrap();
        assert_eq!(report.work, *work);
        assert!(report.by.as_str().starts_with("ann@"), "{}", report.by);
    }
    // Its end is written down once, by whichever console the host gave the turn.
    let told = async {
        loop {
            let all = [ann.entries().await, bob.entries().await].concat();
            let ends = witnessed(&all);
            if !ends.is_empty() {
                return ends;
            }
            let mut ledgers = [&ann, &bob].map(|console| console.engine.handle().fleet());
            let [one, two] = &mut ledgers;
            tokio::select! {
                seen = one.changed() => seen.unwrap(),
                seen = two.changed() => seen.unwrap(),
            }
        }
    };
    let ends = timeout(LONG, told).await.unwrap();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(
        ends[0].contains("the swap of spark-1 to qwen, begun by ann@"),
        "{ends:?}"
    );
    let mine = ann.entries().await;
    let LedgerEvent::Intent(intent) = &mine[0] else {
        panic!("{mine:?}");
    };
    assert_eq!(intent.what.as_str(), "serve qwen on spark-1");
    assert_eq!(intent.confirmed.as_str(), "typed spark-1");
    let LedgerEvent::Outcome {
        outcome: ActOutcome::Done,
        verification: Some(told),
        ..
    } = &mine[1]
    else {
        panic!("{mine:?}");
    };
    assert!(told.as_str().contains(&work.0), "{told}");
    ann.end().await;
    bob.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_ends_in_mid_swap_leaves_it_to_the_next() {
    let host = host().await;
    let ann = Console::new(&host, "ann").await;
    host.behaves("gate-load");
    assert!(matches!(ann.act(swap("qwen")).await, Reply::Working { .. }));
    ann.end().await;
    let bob = Console::new(&host, "bob").await;
    let fleet = bob
        .until(|fleet| {
            let swap = fleet.hosts[0].models.swap.as_ref();
            swap.is_some_and(|swap| swap.model.is_some())
        })
        .await;
    let report = fleet.hosts[0].models.swap.clone().unwrap();
    assert_eq!(
        (report.end.clone(), report.model.clone()),
        (None, Some(ModelKey::new("qwen")))
    );
    let again = bob.ask(swap("gemma")).await;
    assert!(
        refusal(&again).0.contains("a swap to qwen by ann@"),
        "{again:?}"
    );
    let cancel = ModelsCommand::Cancel {
        host: HostId::new(HOST),
        work: report.work.clone(),
    };
    assert_eq!(bob.act(cancel).await, Reply::Done);
    assert!(matches!(bob.ended().await, SwapEnd::Cancelled { .. }));
    host.behaves("");
    assert!(matches!(bob.act(swap("qwen")).await, Reply::Working { .. }));
    let served = |end: &SwapEnd| *end == SwapEnd::Served;
    bob.until(|fleet| {
        let swap = fleet.hosts[0].models.swap.as_ref();
        swap.and_then(|swap| swap.end.as_ref()).is_some_and(served)
    })
    .await;
    assert!(matches!(
        bob.act(swap("gemma")).await,
        Reply::Working { .. }
    ));
    bob.until(|fleet| {
        let swap = fleet.hosts[0].models.swap.as_ref();
        swap.is_some_and(|swap| swap.model == Some(ModelKey::new("gemma")) && swap.end.is_some())
    })
    .await;
    // What was before is what a rollback brings back.
    let reply = bob.ask(ModelsCommand::Rollback(HOST.into())).await;
    assert!(refusal(&reply).1.contains("force"), "{reply:?}");
    let stop = ModelsCommand::Stop {
        place: HOST.into(),
        force: false,
    };
    // Whoever stops it is told who is served, and types the name of the place.
    let Reply::NeedsConfirmation {
        challenge, plan, ..
    } = bob.ask(stop.clone()).await
    else {
        panic!("nobody is asked");
    };
    assert_eq!(challenge, Challenge::TypeName(HOST.into()));
    let told = |note: &String| note.starts_with("stops ") && note.contains(" on port ");
    assert!(plan.notes.iter().any(told), "{plan:?}");
    let reply = bob.act(stop).await;
    assert!(matches!(reply, Reply::Working { .. }), "{reply:?}");
    bob.until(|fleet| {
        let swap = fleet.hosts[0].models.swap.as_ref();
        swap.is_some_and(|swap| swap.end == Some(SwapEnd::Stopped))
    })
    .await;
    bob.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_holds_against_others_and_is_broken_by_name() {
    let host = host().await;
    let (ann, bob) = (
        Console::new(&host, "ann").await,
        Console::new(&host, "bob").await,
    );
    let lock = |order| ModelsCommand::Lock {
        place: HOST.into(),
        order,
    };
    let take = |holder: &str| {
        lock(LockOrder::Take {
            holder: holder.into(),
            ttl: Duration::from_mins(10),
            note: "nightly run".into(),
            token: None,
        })
    };
    let reply = ann.act(take("ann")).await;
    let Reply::Lock {
        state: Some(state),
        token: Some(token),
    } = &reply
    else {
        panic!("{reply:?}");
    };
    assert!(state.ours);
    assert_eq!(token.expose().len(), 32);
    assert!(!format!("{:?}", ann.entries().await).contains(token.expose()));
    bob.ask(ModelsCommand::Refresh(None)).await;
    let held = |fleet: &Fleet| {
        let lock = fleet.hosts[0].models.lock.as_ref();
        lock.and_then(|lock| lock.value.clone())
    };
    let fleet = bob.until(|fleet| held(fleet).is_some()).await;
    assert!(!held(&fleet).unwrap().ours);
    let reply = bob.ask(swap("qwen")).await;
    let (why, hint) = refusal(&reply);
    assert!(
        why.contains("spark-1 is reserved by ann for another"),
        "{why}"
    );
    assert!(why.contains("nightly run"), "{why}");
    assert!(hint.contains("--break"), "{hint}");
    let reply = bob.act(take("bob")).await;
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    assert!(refusal(&reply).0.contains("reserved by ann"), "{reply:?}");
    // What is ann's is not given back by bob.
    let reply = bob.act(lock(LockOrder::Release { token: None })).await;
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    assert!(refusal(&reply).1.contains("--break"), "{reply:?}");
    // A wrong token is found out by the host.
    let wrong = ModelsCommand::Swap(SwapOrder {
        token: Some(pilothouse::domain::Secret::new("wrong".into())),
        ..order("qwen", true)
    });
    assert!(matches!(bob.act(wrong).await, Reply::Working { .. }));
    assert!(matches!(bob.ended().await, SwapEnd::Failed { .. }));
    let free = Reply::Lock {
        state: None,
        token: None,
    };
    assert_eq!(bob.act(lock(LockOrder::Break)).await, free);
    assert!(matches!(bob.act(take("bob")).await, Reply::Lock { .. }));
    // It is known at once, without another look.
    bob.until(|fleet| held(fleet).is_some_and(|lock| lock.ours))
        .await;
    assert_eq!(
        bob.act(lock(LockOrder::Release { token: None })).await,
        free
    );
    ann.end().await;
    bob.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_changes_nothing_and_the_assistant_only_rehearses() {
    let host = host().await;
    let console = Console::with(&host, "ann", |settings| settings.read_only = true).await;
    let repo = "qwen/x".parse().unwrap();
    for command in [
        swap("qwen"),
        ModelsCommand::Stop {
            place: HOST.into(),
            force: true,
        },
        ModelsCommand::Lock {
            place: HOST.into(),
            order: LockOrder::Break,
        },
        ModelsCommand::Download {
            repo: "a/b".parse().unwrap(),
            place: HOST.into(),
        },
        ModelsCommand::Remove {
            repo,
            hosts: Vec::new(),
        },
    ] {
        let reply = console.ask(command).await;
        assert!(refusal(&reply).0.starts_with("read-only"), "{reply:?}");
    }
    assert_eq!(console.entries().await, []);
    assert!(
        !Path::new(&home(&host))
            .join(".pilothouse/models/lock")
            .exists()
    );
    console.end().await;
    let console = Console::new(&host, "ann").await;
    let handle = console.engine.handle();
    let reply = handle
        .ask(Actor::Assistant, Command::Models(swap("qwen")))
        .await;
    assert_eq!(refusal(&reply).0, "the assistant can only look and propose");
    let rehearse = Command::Rehearse(Box::new(Command::Models(swap("qwen"))));
    let reply = handle.ask(Actor::Assistant, rehearse).await;
    assert!(matches!(reply, Reply::WouldDo { .. }), "{reply:?}");
    console.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_go_by_name_and_the_disk_says_so() {
    let host = host().await;
    let console = Console::new(&host, "ann").await;
    let removal = |repo: &str| ModelsCommand::Remove {
        repo: repo.parse().unwrap(),
        hosts: Vec::new(),
    };
    let remove = removal("gemma/y");
    // What a swap brings and what is served is nobody's to delete.
    host.behaves("gate-load");
    let swapped = console.act(swap("qwen")).await;
    let Reply::Working { work, .. } = &swapped else {
        panic!("{swapped:?}");
    };
    let at_work = |fleet: &Fleet| {
        let swap = fleet.hosts[0].models.swap.as_ref();
        swap.is_some_and(|swap| swap.work == *work && swap.model.is_some())
    };
    console.until(at_work).await;
    let reply = console.ask(removal("qwen/x")).await;
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    assert!(refusal(&reply).0.contains("by ann@"), "{reply:?}");
    host.behaves("");
    assert_eq!(console.ended().await, SwapEnd::Served);
    let reply = console.ask(remove.clone()).await;
    let Reply::NeedsConfirmation {
        challenge, plan, ..
    } = reply
    else {
        panic!("{reply:?}");
    };
    assert_eq!(challenge, Challenge::TypeName("gemma/y".into()));
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("no other host has gemma/y"))
    );
    assert_eq!(console.act(remove.clone()).await, Reply::Done);
    assert!(
        !host
            .path("home/.cache/huggingface/hub/models--gemma--y")
            .exists()
    );
    console.until(|fleet| fleet.menu.len() == 1).await;
    let reply = console.ask(remove).await;
    assert!(
        refusal(&reply).0.contains("no host has gemma/y"),
        "{reply:?}"
    );
    let events = console.entries().await;
    let gone = events.iter().any(|event| match event {
        LedgerEvent::Outcome {
            outcome: ActOutcome::Done,
            verification: Some(told),
            ..
        } => told.as_str().contains("spark-1: gone"),
        _ => false,
    });
    assert!(gone, "{events:?}");
    console.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_recipe_is_in_the_menu_at_once() {
    let host = host().await;
    let console = Console::new(&host, "ann").await;
    let fleet = console.until(|fleet| !fleet.menu.is_empty()).await;
    let recipe = fleet.catalog.recipes[&ModelKey::new("qwen")].clone();
    let mut own = pilothouse::engine::Recipe::clone(&recipe);
    own.key = ModelKey::new("mine");
    own.name = "Mine".into();
    let keep = ModelsCommand::Keep(Box::new(own));
    let handle = console.engine.handle();
    let reply = handle
        .ask(Actor::Assistant, Command::Models(keep.clone()))
        .await;
    assert_eq!(refusal(&reply).0, "the assistant can only look and propose");
    assert_eq!(console.ask(keep).await, Reply::Done);
    console
        .until(|fleet| fleet.menu.iter().any(|row| row.key.as_str() == "mine"))
        .await;
    assert!(host.path("ann-recipes/mine.yaml").exists());
    assert_eq!(console.entries().await, []);
    console.end().await;
}
