//! A fleet made by hand, for tests of what is said before a change: a pair, and a box of its own.

use std::sync::Arc;

use crate::config::Settings;
use crate::domain::{
    At, Cluster, ClusterNode, ContainerId, GpuSourceChoice, HostAddress, HostId, HostSpec, Metric,
    ModelKey,
};
use crate::engine::models_state::ModelsMsg;
use crate::engine::msg::{HostMsg, Msg};
use crate::engine::state::Fleet;
use crate::engine::update;
use crate::models::{Catalog, Served, ServedBy, ServedState, Serving};

const RECIPES: &str = "\
models:
  bee: {repo: x/bee, engine: vllm, image: some/vllm}
  wide: {repo: x/wide, mode: cluster, engine: spark-launcher}
";

pub(super) fn host(id: &str) -> HostId {
    HostId::new(id)
}

/// A pair and a box of its own.
pub(super) fn fleet() -> Fleet {
    let node = |id: &str, last| ClusterNode {
        host: host(id),
        address: [10, 0, 0, last].into(),
    };
    let mut settings = Settings::default();
    settings.models.clusters = vec![Arc::new(Cluster {
        name: "pair".into(),
        head: node("a", 1),
        workers: vec![node("b", 2)],
        interface: None,
        devices: Vec::new(),
    })];
    let mut fleet = Fleet::new("home", &settings);
    let spec = |id| {
        Arc::new(HostSpec {
            id: host(id),
            address: HostAddress::Local,
            tags: Vec::new(),
            gpu: GpuSourceChoice::Auto,
            power: None,
        })
    };
    let specs = ["a", "b", "c"].map(spec).into();
    update(&mut fleet, Msg::Hosts { at: At(1), specs });
    let catalog = Arc::new(Catalog::load(&[("m", RECIPES)]));
    assert_eq!(catalog.problems, []);
    update(&mut fleet, Msg::Catalog { at: At(1), catalog });
    fleet
}

pub(super) fn with(id: &str, msg: ModelsMsg) -> Fleet {
    let mut fleet = fleet();
    let msg = Msg::Host {
        at: At(2),
        host: host(id),
        msg: HostMsg::Models(msg),
    };
    update(&mut fleet, msg);
    fleet
}

pub(super) fn serving(recipe: Option<&str>, model: Option<&str>, state: ServedState) -> ModelsMsg {
    ModelsMsg::Serving(Serving {
        served: vec![Served {
            by: ServedBy::Vllm,
            name: "vllm_node".into(),
            container: Some(ContainerId::new("c0ffee")),
            port: 8000.try_into().unwrap(),
            watched_only: recipe.is_none(),
            state,
            recipe: recipe.map(ModelKey::new),
            model: model.map(Into::into),
            since: None,
            restarts: 0,
            context: Metric::default(),
            running: Metric::Is(2),
            waiting: Metric::Is(0),
            tokens_in: Metric::default(),
            tokens_out: Metric::default(),
            kv_cache: Metric::default(),
            first_token: Metric::default(),
            next_token: Metric::default(),
            memory: Metric::default(),
        }],
    })
}
