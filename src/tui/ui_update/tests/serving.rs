//! A small fleet with models and services, for the scripts about them.

pub(super) use super::person::*;
pub(super) use crate::domain::{
    Bytes, Cluster, ClusterNode, DeepProbe, Managed, ModelKey, Place, Port, ServiceAct,
    ServiceName, ServiceSpec, ShallowProbe,
};
pub(super) use crate::engine::{
    Catalog, Check as CheckOf, Completeness, Depth, Finding, LockOrder, LockState, ModelSource,
    ModelsCommand, Preflight, PreflightVerdict, RestartCount, Served, ServedBy, ServedState,
    Service, ServiceWord, Serving, SwapEnd, SwapOrder, SwapReport, Weights, WeightsReport, WorkId,
    WorkKind, WorkReport, WorkState, menu,
};
pub(super) use crate::shell::RemotePath;
pub(super) use crate::text::SafeText;
pub(super) use crate::tui::ui::Screen;
pub(super) use crate::tui::ui_models::{Check, ModelSort, ModelTab};
pub(super) use crate::tui::ui_tables::{Awaited, Chosen};
pub(super) use crate::tui::ui_work::{ChooseUi, FormKind, FormUi, SwapStop, SwapUi, WorkLayer};

/// Served on spark-1, and what it pushed aside there.
pub(super) const SERVED: &str = "gpt-oss-120b";
pub(super) const BEFORE: &str = "qwen3.6-35b-fp8";
pub(super) const READY: &str = "gemma-4-26b";

pub(super) fn weights(repo: &str) -> Weights {
    Weights {
        source: ModelSource::Repo(repo.parse().unwrap()),
        path: RemotePath::new("/hub").unwrap(),
        size: Bytes(40 << 30),
        files: 9,
        changed: Wall(0),
        completeness: Completeness::Complete,
        config: None,
    }
}

fn served() -> Served {
    Served {
        by: ServedBy::Vllm,
        name: "vllm_node".into(),
        container: None,
        port: Port::try_from(8888).unwrap(),
        watched_only: false,
        state: ServedState::Ready,
        recipe: Some(ModelKey::new(SERVED)),
        model: Some("openai/gpt-oss-120b".into()),
        since: None,
        restarts: 0,
        context: Metric::default(),
        running: Metric::Is(1),
        waiting: Metric::Is(0),
        tokens_in: Metric::default(),
        tokens_out: Metric::default(),
        kv_cache: Metric::default(),
        first_token: Metric::default(),
        next_token: Metric::default(),
        memory: Metric::default(),
    }
}

pub(super) fn swap(end: Option<SwapEnd>) -> SwapReport {
    SwapReport {
        work: WorkId("job-1".into()),
        place: Place::Solo(HostId::new("spark-1")),
        model: Some(ModelKey::new(SERVED)),
        before: Some(ModelKey::new(BEFORE)),
        by: "ann@desk".into(),
        began: Wall(0),
        phases: Vec::new(),
        log: Vec::new(),
        end,
    }
}

fn timed<T>(value: T) -> Timed<T> {
    Timed { at: At(0), value }
}

/// Two Sparks that are a pair: one serves, both have weights, of one nobody knows how it is launched.
pub(super) fn with_models() -> Fleet {
    let mut fleet = fleet(&["spark-1", "spark-2"]);
    fleet.catalog = Arc::new(Catalog::with_bundled(&[]));
    let node = |host: &str, last| ClusterNode {
        host: HostId::new(host),
        address: [10, 0, 0, last].into(),
    };
    fleet.clusters = Arc::new(vec![Arc::new(Cluster {
        name: "pair".into(),
        head: node("spark-1", 1),
        workers: vec![node("spark-2", 2)],
        interface: None,
        devices: Vec::new(),
    })]);
    let both = [
        "openai/gpt-oss-120b",
        "Qwen/Qwen3.6-35B-A3B-FP8",
        "google/gemma-4-26B-A4B-it",
    ];
    for (place, name) in ["spark-1", "spark-2"].iter().enumerate() {
        let mut all: Vec<Weights> = both.iter().map(|repo| weights(repo)).collect();
        if place == 0 {
            all.push(weights("someone/own-tune"));
        }
        let report = WeightsReport {
            weights: all,
            cache: None,
            free: None,
            troubles: Vec::new(),
        };
        let host = fleet
            .hosts
            .iter_mut()
            .find(|host| host.id.as_str() == *name);
        let models = &mut Arc::make_mut(host.unwrap()).models;
        let models = Arc::make_mut(models);
        models.weights = Some(timed(Arc::new(report)));
        if place == 0 {
            models.serving = Some(timed(Arc::new(Serving {
                served: vec![served()],
            })));
            models.swap = Some(Arc::new(swap(Some(SwapEnd::Served))));
        }
    }
    joined(&mut fleet);
    fleet
}

/// The menu as the engine makes it.
pub(super) fn joined(fleet: &mut Fleet) {
    let read = |host: &Arc<Host>| Some((host.id.clone(), host.models.weights.clone()?.value));
    let reports: Vec<_> = fleet.hosts.iter().filter_map(read).collect();
    let reports = reports.iter().map(|(host, report)| (host, &**report));
    fleet.menu = Arc::new(menu(&fleet.catalog, reports));
}

pub(super) fn models_of<'a>(fleet: &'a mut Fleet, host: &str) -> &'a mut crate::engine::HostModels {
    let found = fleet
        .hosts
        .iter_mut()
        .find(|found| found.id.as_str() == host);
    Arc::make_mut(&mut Arc::make_mut(found.unwrap()).models)
}

/// A person at the models.
pub(super) fn person() -> Person {
    let mut person = Person::with(with_models());
    person.room.table = 20;
    person.press("2");
    person
}

/// Chooses a model by its key.
pub(super) fn choose(person: &mut Person, key: &str) {
    person.press("g");
    for _ in 0..40 {
        if chosen(person) == key {
            return;
        }
        person.press("j");
    }
    panic!("no model is called {key}");
}

pub(super) fn chosen(person: &Person) -> &str {
    match &person.ui.models.chosen {
        Chosen::One(of) => of.model.as_str(),
        _ => "",
    }
}

/// What is asked of the engine, but for looks.
pub(super) fn asks(effects: &[UiEffect]) -> Vec<Command> {
    let ask = |effect: &UiEffect| match effect {
        UiEffect::Ask(Command::Models(ModelsCommand::Watch | ModelsCommand::Preflight(_))) => None,
        UiEffect::Ask(command) => Some(command.clone()),
        _ => None,
    };
    effects.iter().filter_map(ask).collect()
}

pub(super) fn models(command: ModelsCommand) -> Vec<Command> {
    vec![Command::Models(command)]
}

pub(super) fn layer(person: &Person) -> Option<&WorkLayer> {
    match person.ui.layers.last() {
        Some(Layer::Work(layer)) => Some(layer),
        _ => None,
    }
}

pub(super) fn words(choose: &ChooseUi) -> Vec<&str> {
    choose.rows.iter().map(|row| row.word.as_str()).collect()
}

pub(super) fn service(name: &str, word: ServiceWord, managed: Managed) -> Service {
    Service {
        spec: Arc::new(ServiceSpec {
            host: HostId::new("spark-2"),
            name: ServiceName::new(name),
            managed,
            shallow: ShallowProbe::Container,
            deep: Some(DeepProbe::Completion),
            port: Port::try_from(8000).ok(),
            hidden: false,
            heals: true,
            overlays: Vec::new(),
            install: None,
        }),
        word,
        detail: SafeText::default(),
        since: At(0),
        shallow: None,
        deep: None,
        model: None,
        restarts: RestartCount::default(),
        events: Arc::default(),
    }
}
