//! The catalogue (pure): what is known of how a model is launched. Read from `models.yaml` and the files merged over it; a bad
//! entry is told with its line and left out, the rest holds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::words;
use crate::domain::{Mib, ModelKey, Port, RepoId};
use crate::shell::{EnvName, RemotePath};

/// What is known of how models are launched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The recipes, in the order of their keys.
    pub recipes: BTreeMap<ModelKey, Arc<Recipe>>,
    /// What was left out, and why.
    pub problems: Vec<CatalogProblem>,
}

/// An entry that was left out, or a setting in it that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogProblem {
    /// The file, as a person would name it.
    pub file: String,
    /// Line in it, from 1.
    pub line: Option<u64>,
    /// The entry, where it has a name.
    pub entry: Option<String>,
    /// What is wrong, one sentence.
    pub what: String,
    /// The mend.
    pub hint: Option<String>,
}

/// How one model is launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Its key.
    pub key: ModelKey,
    /// Its name for people.
    pub name: String,
    /// Where its weights come from.
    pub source: ModelSource,
    /// Size of the weights as the recipe says it; what was measured counts for more.
    pub size: Option<Mib>,
    /// On one host or over several.
    pub mode: Mode,
    /// What runs it.
    pub engine: EngineKind,
    /// Hosts that may serve it: host names, or `tag:NAME`. Empty: any with a GPU.
    pub hosts: Vec<String>,
    /// The port it listens on.
    pub port: Port,
    /// The address it listens on.
    pub listen: String,
    /// Name of the container; for the Spark launcher the launcher's own.
    pub container: String,
    /// The engine's arguments, each a word, mostly `--flag=value`.
    pub args: Vec<String>,
    /// Settings that a person may change: each replaces the flag of its name, exactly once.
    pub knobs: BTreeMap<String, Knob>,
    /// Environment of the engine. Never a secret: those are named in the config.
    pub env: BTreeMap<EnvName, String>,
    /// Hundredths of the GPU's memory that the engine takes (vLLM's `--gpu-memory-utilization`), where the recipe says it.
    pub gpu_percent: Option<u8>,
    /// Longest context, where the recipe says it.
    pub context: Option<u64>,
    /// GPUs that it is split over (`--tensor-parallel-size`).
    pub tensor_parallel: u16,
    /// A line for people: what it is good for, what it needs.
    pub note: Option<String>,
}

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A repository on the hub.
    Repo(RepoId),
    /// A folder of the host. It is never deleted by us.
    Local(RemotePath),
}

/// On how many hosts a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// On one.
    Solo,
    /// Over all nodes of a cluster.
    Cluster,
    /// As the place has it.
    Either,
}

/// What runs a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// vLLM by the launcher script for Sparks, in its folder on the head.
    SparkLauncher {
        /// The folder of the script.
        folder: HostFolder,
        /// What the script of that age understands.
        form: LauncherForm,
        /// The image; `None`: the launcher's own.
        image: Option<String>,
        /// Changes that the launcher makes to the image first: folders below its own.
        mods: Vec<String>,
        /// A cluster is made with Ray; otherwise the engines find each other without.
        ray: bool,
    },
    /// vLLM by `docker run`.
    Vllm {
        /// The image.
        image: String,
    },
    /// The server of llama.cpp.
    LlamaCpp {
        /// The image; `None`: the program `llama-server` of the host, as a detached job.
        image: Option<String>,
        /// The file of the weights in their folder; `None`: the only `.gguf` in it.
        file: Option<String>,
    },
    /// Any image that serves the OpenAI API on its port; its arguments are the recipe's and nothing else.
    Container {
        /// The image.
        image: String,
        /// The port inside of it; `None`: the recipe's.
        inner_port: Option<Port>,
    },
}

/// A folder of a host: absolute, or below the home of whoever logs in there (`~/spark-vllm-docker`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostFolder(String);

/// Not a folder of a host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no folder of a host: /… or ~/… in letters, digits and . _ + / -")]
pub struct InvalidFolder(String);

impl HostFolder {
    /// Takes `/…` and `~/…` in letters, digits and `. _ + / -`, without `.` and `..` on the way.
    pub fn new(text: &str) -> Result<Self, InvalidFolder> {
        let rest = text.strip_prefix('~').unwrap_or(text);
        if rest.starts_with('/') && rest.len() > 1 && words::is_plain_path(rest) {
            return Ok(Self(text.trim_end_matches('/').to_owned()));
        }
        Err(InvalidFolder(text.chars().take(80).collect()))
    }

    /// As a person writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What `cd` takes from the home of the login.
    pub(super) fn for_cd(&self) -> String {
        match self.0.strip_prefix("~/") {
            Some(below) => format!("./{below}"),
            None => self.0.clone(),
        }
    }
}

impl TryFrom<String> for HostFolder {
    type Error = InvalidFolder;
    fn try_from(text: String) -> Result<Self, InvalidFolder> {
        Self::new(&text)
    }
}

impl From<HostFolder> for String {
    fn from(folder: HostFolder) -> Self {
        folder.0
    }
}

impl fmt::Display for HostFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The two ages of the launcher script, which quote and stop differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LauncherForm {
    /// Before `--solo`: clusters only; the words of `exec` are joined and read again by a shell inside the container.
    Joined,
    /// With `--solo`, `--no-ray` and `.env`: each word of `exec` arrives as it was.
    Escaped,
}

/// A setting that a person may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Knob {
    /// A flag without a value: there or not.
    Flag(bool),
    /// A flag with a value.
    Value(String),
}
