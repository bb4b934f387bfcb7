//! What a host serves now: which engine answers on which port with which model, and how it fares.

use serde::{Deserialize, Serialize};

use crate::domain::{Bytes, ContainerId, Metric, ModelKey, Percent, Port, Wall};
use crate::text::SafeText;

/// What a host serves, as of one look.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// One per engine that runs or was expected.
    pub served: Vec<Served>,
}

/// One engine that serves, or should.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// What answers.
    pub by: ServedBy,
    /// Its container's name, or the job that it is.
    pub name: SafeText,
    /// Its container.
    pub container: Option<ContainerId>,
    /// The port.
    pub port: Port,
    /// It is looked at and never touched: a second vLLM that somebody else runs.
    pub watched_only: bool,
    /// How it stands.
    pub state: ServedState,
    /// The recipe that it was launched by, where that is known: from its container's label or by its model's name.
    pub recipe: Option<ModelKey>,
    /// The model as the engine names it.
    pub model: Option<SafeText>,
    /// Since when its container runs.
    pub since: Option<Wall>,
    /// Restarts of its container.
    pub restarts: u32,
    /// Longest context.
    pub context: Metric<u64>,
    /// Requests that are worked on.
    pub running: Metric<u64>,
    /// Requests that wait.
    pub waiting: Metric<u64>,
    /// Tokens of prompts per second, between the last two looks.
    pub tokens_in: Metric<f64>,
    /// Tokens generated per second, between the last two looks.
    pub tokens_out: Metric<f64>,
    /// Share of the KV cache in use.
    pub kv_cache: Metric<Percent>,
    /// Time to the first token.
    pub first_token: Metric<Latency>,
    /// Time between two tokens.
    pub next_token: Metric<Latency>,
    /// GPU or unified memory of its processes.
    pub memory: Metric<Bytes>,
}

impl Served {
    /// A port of which nothing is known yet.
    pub(super) fn unseen(port: Port) -> Self {
        Self {
            by: ServedBy::OpenAi,
            name: SafeText::default(),
            container: None,
            port,
            watched_only: false,
            state: ServedState::Idle,
            recipe: None,
            model: None,
            since: None,
            restarts: 0,
            context: Metric::default(),
            running: Metric::default(),
            waiting: Metric::default(),
            tokens_in: Metric::default(),
            tokens_out: Metric::default(),
            kv_cache: Metric::default(),
            first_token: Metric::default(),
            next_token: Metric::default(),
            memory: Metric::default(),
        }
    }
}

/// What kind of engine it is, as its own answers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedBy {
    /// vLLM.
    Vllm,
    /// The server of llama.cpp.
    LlamaCpp,
    /// Something else with the OpenAI API.
    OpenAi,
}

/// How an engine stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedState {
    /// Nothing listens and nothing is wrong: no model is loaded.
    Idle,
    /// Its container runs, its port does not answer yet.
    Loading {
        /// What its log says of that, such as `shard 12 of 16`.
        words: SafeText,
    },
    /// It answers.
    Ready,
    /// It does not answer as it should.
    Failing {
        /// Why.
        why: SafeText,
    },
}

/// Milliseconds at two quantiles, over the requests between the last two looks; over all of them where there were none since.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of them were faster.
    pub p50_ms: f64,
    /// 19 of 20 were faster.
    pub p95_ms: f64,
}
