//! What a swap of the demo launches: a container and a process of a kind that was not known before. A kind is data that stays;
//! each is made once, and there are as many as models.

use std::sync::{Arc, Mutex, PoisonError};

use super::boxes::BoxKind;
use super::load::Pattern;
use super::orders::Deed;
use super::profile::WorkKind;
use super::voices::Voice;

/// An engine as it is launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Launched {
    /// The key of its recipe.
    pub(super) model: String,
    /// Its weights.
    pub(super) repo: String,
    /// Its container.
    pub(super) name: String,
    /// Its image.
    pub(super) image: String,
    /// Where it answers.
    pub(super) port: u16,
    /// The GPUs that it takes, and how much of each.
    pub(super) gpus: Vec<usize>,
    pub(super) gpu_mib: u64,
    /// The other machines that it is on, by address.
    pub(super) nodes: Vec<String>,
}

impl Launched {
    /// The same deed here and on its other machines.
    pub(super) fn everywhere(&self, deed: Deed) -> Vec<Deed> {
        let over = |node: &String| Deed::Over(node.clone(), Box::new(deed.clone()));
        let mut all: Vec<Deed> = self.nodes.iter().map(over).collect();
        all.push(deed);
        all
    }
}

/// The kinds of one launch.
#[derive(Debug)]
pub(super) struct Kinds {
    of: Launched,
    pub(super) container: BoxKind,
    pub(super) work: WorkKind,
}

static KNOWN: Mutex<Vec<&'static Kinds>> = Mutex::new(Vec::new());

/// The kinds of a launch.
pub(super) fn kinds(of: &Arc<Launched>) -> &'static Kinds {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kinds) = known.iter().find(|kinds| kinds.of == **of) {
        return kinds;
    }
    let kinds: &'static Kinds = Box::leak(Box::new(make((**of).clone())));
    known.push(kinds);
    kinds
}

fn text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn make(of: Launched) -> Kinds {
    let name = text(of.name.clone());
    let port = text(of.port.to_string());
    let repo = text(of.repo.clone());
    let command: &'static [&'static str] =
        Box::leak(Box::new(["vllm", "serve", repo, "--port", port]));
    let labels: &'static [(&'static str, &'static str)] = Box::leak(Box::new([
        ("pilothouse.model", text(of.model.clone())),
        ("pilothouse.port", port),
    ]));
    let container = BoxKind {
        name,
        image: text(of.image.clone()),
        compose: None,
        owner: Some("demo"),
        port: Some((of.port, of.port)),
        checked: true,
        ended: None,
        restarts: 0,
        voice: Voice::Vllm,
        command,
        env: &[
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "VLLM_LOGGING_LEVEL=INFO",
        ],
        labels,
    };
    let work = WorkKind {
        pid: 14_200,
        user: "root",
        command: text(format!("VLLM::EngineCore --model {repo} --port {port}")),
        container: Some(name),
        gpus: Box::leak(of.gpus.clone().into_boxed_slice()),
        gpu_mib: of.gpu_mib,
        resting: 1.0,
        rss_mib: 4_100,
        pattern: Pattern::Serving {
            level: 0.52,
            swing: 0.22,
            period: 120.0,
        },
        cores: 3.1,
        traffic: (120_000.0, 480_000.0),
    };
    Kinds {
        of,
        container,
        work,
    }
}
