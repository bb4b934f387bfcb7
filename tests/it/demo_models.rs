//! The demo's machines as the engine sees them: weights, a download, a swap that lies behind, engines that serve, services, one of
//! them wedged.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::clock::Clock;
use pilothouse::demo::{Demo, DemoOptions};
use pilothouse::domain::{HostId, ModelKey, ServiceAct, ServiceName};
use pilothouse::engine::{
    Acting, Actor, Assisting, Challenge, Command, Completeness, Depth, Engine, Fleet, HostModels,
    LockOrder, MenuState, ModelsCommand, PhaseState, ProbeOutcome, Reply, ServedState, ServiceWord,
    Setup, SwapEnd, SwapOrder, SwapPhase, Ways, WorkState,
};
use pilothouse::ssh::Defaults;
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

const LONG: Duration = Duration::from_mins(1);

struct Stage {
    demo: Demo,
    engine: Engine,
    tasks: Tasks,
}

impl Stage {
    async fn new() -> Self {
        let (tasks, clock) = (Tasks::new(), Clock::system());
        let options = DemoOptions::default();
        let demo = Demo::start(&tasks, &clock, options).await.unwrap();
        let config = demo.config();
        let person = Defaults {
            home: "/nonexistent".into(),
            user: "nobody".parse().unwrap(),
            agent: None,
        };
        let ways = Ways::new(&tasks, &clock, person, config.settings.period);
        let engine = Engine::start(Setup {
            config,
            clock,
            tasks: tasks.clone(),
            connect: Arc::new(ways),
            store: None,
            record: None,
            acting: Acting::unrecorded(),
            assisting: Assisting::default(),
        });
        Self {
            demo,
            engine,
            tasks,
        }
    }

    async fn until(&self, what: &str, holds: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let mut fleet = self.engine.handle().fleet();
        let found = timeout(LONG, fleet.wait_for(|fleet| holds(fleet))).await;
        let Ok(found) = found else {
            let fleet = self.engine.handle().fleet();
            let fleet = fleet.borrow();
            let models: Vec<_> = fleet.hosts.iter().map(|host| &host.models).collect();
            panic!("never: {what}: {models:#?}");
        };
        Arc::clone(&found.unwrap())
    }

    async fn ask(&self, command: Command) -> Reply {
        self.engine.handle().ask(Actor::CommandLine, command).await
    }

    async fn end(self) {
        assert!(self.engine.shutdown(Duration::from_secs(10)).await);
        drop(self.demo);
        assert!(self.tasks.shutdown(Duration::from_secs(10)).await);
    }
}

fn models<'a>(fleet: &'a Fleet, host: &str) -> &'a HostModels {
    &fleet.host(&HostId::new(host)).unwrap().models
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_has_models_on_disk_being_fetched_and_served() {
    let stage = Stage::new().await;
    let fleet = stage
        .until("weights on three machines", |fleet| {
            let hosts = ["spark-1", "spark-2", "h200-a"];
            hosts
                .iter()
                .all(|host| models(fleet, host).weights.is_some())
        })
        .await;
    let ready = fleet
        .menu
        .iter()
        .filter(|row| row.state == MenuState::Ready);
    assert!(ready.count() >= 4, "{:#?}", fleet.menu);
    let states: Vec<MenuState> = fleet.menu.iter().map(|row| row.state).collect();
    assert!(states.contains(&MenuState::NeedsSetup) && states.contains(&MenuState::Partial));
    let weights = &models(&fleet, "spark-1").weights.as_ref().unwrap().value;
    assert!(
        weights.free.is_some() && weights.troubles.is_empty(),
        "{weights:#?}"
    );
    let half = |whole: &Completeness| matches!(whole, Completeness::Partial(_));
    let halves = weights.weights.iter().filter(|one| half(&one.completeness));
    assert_eq!(halves.count(), 1, "what is being fetched");

    let fleet = stage
        .until("a download and a swap", |fleet| {
            !models(fleet, "spark-1").work.is_empty() && models(fleet, "spark-2").swap.is_some()
        })
        .await;
    let WorkState::Running {
        done, total, rate, ..
    } = &models(&fleet, "spark-1").work[0].state
    else {
        panic!("{:?}", models(&fleet, "spark-1").work);
    };
    assert!(done < total.as_ref().unwrap() && rate.is_some());
    let swap = models(&fleet, "spark-2").swap.clone().unwrap();
    assert_eq!(swap.end, Some(SwapEnd::Served));
    assert!(swap.log.len() > 3, "{:?}", swap.log);

    assert_eq!(
        stage.ask(Command::Models(ModelsCommand::Watch)).await,
        Reply::Done
    );
    let fleet = stage
        .until("rates of an engine", |fleet| {
            let serving = models(fleet, "spark-2").serving.as_ref();
            serving.is_some_and(|serving| {
                let mut served = serving.value.served.iter();
                served.any(|served| served.tokens_out.value().is_some_and(|rate| *rate > 1.0))
            })
        })
        .await;
    let serving = &models(&fleet, "spark-2").serving.as_ref().unwrap().value;
    let served = &serving.served[0];
    assert_eq!(served.state, ServedState::Ready);
    assert_eq!(
        served
            .recipe
            .as_ref()
            .map(pilothouse::domain::ModelKey::as_str),
        Some("gpt-oss-120b")
    );
    assert!(served.kv_cache.value().is_some() && served.first_token.value().is_some());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_service_of_the_demo_is_wedged_until_it_is_restarted() {
    let stage = Stage::new().await;
    let host = HostId::new("spark-2");
    let service = ServiceName::new("whisper");
    let word = |fleet: &Fleet| {
        let services = &fleet.host(&HostId::new("spark-2")).unwrap().services;
        let found = services
            .iter()
            .find(|one| one.spec.name.as_str() == "whisper");
        found.map(|one| one.word)
    };
    stage
        .until("services that are well", |fleet| {
            let services = fleet.hosts.iter().flat_map(|host| host.services.iter());
            services.clone().count() == 5
                && services.clone().all(|one| one.word == ServiceWord::Healthy)
        })
        .await;
    let probe = || Command::Probe {
        host: host.clone(),
        service: service.clone(),
        depth: Depth::Deep,
    };
    let Reply::Probed(found) = stage.ask(probe()).await else {
        panic!("it was not looked at");
    };
    assert!(
        matches!(found.outcome, ProbeOutcome::Wedged(_)),
        "{found:?}"
    );
    stage
        .until("the wedge", |fleet| {
            word(fleet) == Some(ServiceWord::Wedged)
        })
        .await;
    let restart = Command::Service {
        host: host.clone(),
        service: service.clone(),
        act: ServiceAct::Restart,
    };
    let Reply::NeedsConfirmation { id, .. } = stage.ask(restart).await else {
        panic!("nobody was asked");
    };
    let answer = "whisper".to_owned();
    assert_eq!(
        stage.ask(Command::Confirm { id, answer }).await,
        Reply::Done
    );
    let Reply::Probed(found) = stage.ask(probe()).await else {
        panic!("it was not looked at");
    };
    assert!(matches!(found.outcome, ProbeOutcome::Good(_)), "{found:?}");
    stage.end().await;
}

fn swap(fleet: &Fleet) -> Option<&pilothouse::engine::SwapReport> {
    models(fleet, "spark-2").swap.as_deref()
}

fn is_loading(fleet: &Fleet) -> bool {
    swap(fleet).is_some_and(|swap| {
        let mut phases = swap.phases.iter();
        swap.model
            .as_ref()
            .is_some_and(|key| key.as_str() == "qwen3.6-35b-fp8")
            && phases.any(|row| {
                let runs = matches!(row.state, PhaseState::Running { .. });
                row.phase == SwapPhase::Load && runs
            })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_of_the_demo_is_played_and_can_be_cancelled() {
    let stage = Stage::new().await;
    let there = |host: &HostModels| host.weights.is_some() && host.swap.is_some();
    stage
        .until("what is there", |fleet| there(models(fleet, "spark-2")))
        .await;
    let order = SwapOrder {
        model: ModelKey::new("qwen3.6-35b-fp8"),
        place: "spark-2".into(),
        force: false,
        token: None,
    };
    let asked = Command::Models(ModelsCommand::Preflight(order.clone()));
    let Reply::Preflight(found) = stage.ask(asked).await else {
        panic!("it was not looked at");
    };
    assert!(found.passes(), "{found:#?}");
    let asked = Command::Models(ModelsCommand::Swap(order));
    let begun = confirmed(&stage, asked).await;
    let Reply::Working { work, host } = begun else {
        panic!("it was not begun: {begun:?}");
    };
    let fleet = stage.until("it loads", is_loading).await;
    let swap = swap(&fleet).unwrap();
    assert_eq!(
        swap.before.as_ref().map(ModelKey::as_str),
        Some("gpt-oss-120b")
    );
    let said: Vec<&str> = swap
        .log
        .iter()
        .map(pilothouse::text::SafeText::as_str)
        .collect();
    assert!(
        said.join("\n").contains("this machine is simulated"),
        "{said:?}"
    );

    let cancel = Command::Models(ModelsCommand::Cancel { host, work });
    assert_eq!(confirmed(&stage, cancel).await, Reply::Done);
    let fleet = stage
        .until("its end", |fleet| {
            models(fleet, "spark-2")
                .swap
                .as_ref()
                .is_some_and(|swap| swap.end.is_some())
        })
        .await;
    let end = models(&fleet, "spark-2").swap.as_ref().unwrap().end.clone();
    assert_eq!(
        end,
        Some(SwapEnd::Cancelled {
            phase: SwapPhase::Load
        })
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_of_the_demo_can_be_reserved_and_weights_deleted() {
    let stage = Stage::new().await;
    stage
        .until("weights", |fleet| {
            models(fleet, "spark-1").weights.is_some()
        })
        .await;
    let lock = |order| {
        Command::Models(ModelsCommand::Lock {
            place: "spark-1".into(),
            order,
        })
    };
    let take = lock(LockOrder::Take {
        holder: "ann".into(),
        ttl: Duration::from_mins(10),
        note: "a try".into(),
        token: None,
    });
    let taken = confirmed(&stage, take).await;
    let Reply::Lock {
        state: Some(held), ..
    } = taken
    else {
        panic!("it was not reserved: {taken:?}");
    };
    assert!(held.ours && held.holder.as_str() == "ann", "{held:?}");
    let release = lock(LockOrder::Release { token: None });
    assert!(matches!(
        confirmed(&stage, release).await,
        Reply::Lock { state: None, .. } | Reply::Done
    ));
    let gemma = "google/gemma-4-26B-A4B-it";
    let remove = Command::Models(ModelsCommand::Remove {
        repo: gemma.parse().unwrap(),
        hosts: vec![HostId::new("spark-1")],
    });
    drop(confirmed(&stage, remove).await);
    stage
        .until("they are gone", |fleet| {
            let weights = models(fleet, "spark-1").weights.as_ref();
            weights.is_some_and(|report| {
                let mut all = report.value.weights.iter();
                !all.any(|one| one.path.as_str().contains("gemma"))
            })
        })
        .await;
    stage.end().await;
}

/// Asks, and confirms where it has to be confirmed.
async fn confirmed(stage: &Stage, command: Command) -> Reply {
    let handle = stage.engine.handle();
    match handle.ask(Actor::Terminal, command).await {
        Reply::NeedsConfirmation { id, challenge, .. } => {
            let answer = match challenge {
                Challenge::YesNo => "yes".to_owned(),
                Challenge::TypeName(word) => word,
            };
            let confirm = Command::Confirm { id, answer };
            handle.ask(Actor::Terminal, confirm).await
        }
        reply => reply,
    }
}
