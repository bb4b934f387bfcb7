//! What is known of one host's models: the weights on its disk, what it serves, who reserved it, and the long work there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::host_state::Timed;
use crate::models::{LockState, Serving, SwapReport, WeightsReport, WorkReport};
use crate::text::SafeText;

/// The models of one host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostModels {
    /// The weights on its disk.
    pub weights: Option<Timed<Arc<WeightsReport>>>,
    /// What it serves. Read often only while somebody looks.
    pub serving: Option<Timed<Arc<Serving>>>,
    /// Who reserved it.
    pub lock: Option<Timed<Option<LockState>>>,
    /// The swap that is at work there, or the last one.
    pub swap: Option<Arc<SwapReport>>,
    /// Downloads and copies: those at work, and the last ones that ended.
    pub work: Arc<Vec<WorkReport>>,
    /// Why the last look failed.
    pub trouble: Option<Timed<SafeText>>,
}

/// Something of one host's models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelsMsg {
    /// Its disk was looked at.
    Weights(WeightsReport),
    /// What it serves was looked at.
    Serving(Serving),
    /// The reservation was looked at.
    Lock(Option<LockState>),
    /// A swap moved, or was found.
    Swap(Box<SwapReport>),
    /// The long work there was looked at.
    Work(Vec<WorkReport>),
    /// A look failed.
    Trouble(SafeText),
}
