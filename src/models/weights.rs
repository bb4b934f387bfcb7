//! The weights on a host's disk: where they lie, how big they are, and whether every file of them is there. Told by the file
//! system, never by the exit status of whatever fetched them.

use serde::{Deserialize, Serialize};

use super::ModelSource;
use crate::domain::{Bytes, Wall};
use crate::shell::RemotePath;
use crate::text::SafeText;

/// What a host has on disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightsReport {
    /// The weights, in the order of their names.
    pub weights: Vec<Weights>,
    /// The folder of the hub's cache there, where one was found.
    pub cache: Option<RemotePath>,
    /// Free bytes of the disk that the cache is on.
    pub free: Option<Bytes>,
    /// What could not be looked at, a line each.
    pub troubles: Vec<SafeText>,
}

/// The weights of one model on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// What they are.
    pub source: ModelSource,
    /// Their folder: of a cached repository the folder of the snapshot that is in use.
    pub path: RemotePath,
    /// Their size on disk.
    pub size: Bytes,
    /// Files of the snapshot.
    pub files: u32,
    /// When something in them last changed, by the host's clock.
    pub changed: Wall,
    /// Whether every file is there.
    pub completeness: Completeness,
    /// What their `config.json` says.
    pub config: Option<ModelConfig>,
}

/// Whether every file of the weights is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Every shard that the index names, whole.
    Complete,
    /// Something is missing; with what: `3 of 16 shards`, `2 files half-downloaded`.
    Partial(SafeText),
}

/// What the `config.json` of a model says, as far as an estimate and a launch need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// `architectures[0]`: `Qwen3MoeForCausalLM`.
    pub architecture: Option<SafeText>,
    /// Longest context (`max_position_embeddings`).
    pub context: Option<u64>,
    /// Layers with a KV cache (`num_hidden_layers`).
    pub layers: Option<u32>,
    /// KV heads (`num_key_value_heads`; without it `num_attention_heads`).
    pub kv_heads: Option<u32>,
    /// Size of one head (`head_dim`; without it `hidden_size / num_attention_heads`).
    pub head_dim: Option<u32>,
    /// Bytes of one weight as stored (`torch_dtype`).
    pub dtype_bytes: Option<u8>,
    /// `quantization_config.quant_method`: `fp8`, `awq`, `modelopt`.
    pub quantization: Option<SafeText>,
}
