//! What starts a model (pure): a recipe, a place, the settings of a person and the weights on the head become the exact command,
//! word by word. Nothing is run here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::catalog::{EngineKind, Knob, Mode, ModelSource, Recipe};
use super::flags::{self, Dialect};
use super::weights::Weights;
use super::{launch_docker, launch_llama, launch_spark};
use crate::domain::{HostId, ModelKey, Place, Port};
use crate::shell::{InvalidWord, ShellCommand, ShellWord};

/// The label of a container that serves a model for us; its value is the key of the recipe.
pub const MODEL_LABEL: &str = "pilothouse.model";

/// What starts a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The recipe.
    pub model: ModelKey,
    /// The host on which all of it is run.
    pub host: HostId,
    /// Run first, in this order: each starts the engine of another node over the head's own SSH.
    pub before: Vec<ShellCommand>,
    /// Starts the engine of the head.
    pub command: ShellCommand,
    /// What the command does once the engine runs.
    pub lasts: Lasting,
    /// The container that it runs in, on every node of the place; `None`: none.
    pub container: Option<String>,
    /// The port that answers on the head.
    pub port: Port,
    /// The address on the head that it listens on.
    pub listen: String,
    /// The engine's own words as it gets them, its program first: what its parser is asked about.
    pub engine: Vec<String>,
}

/// What a command does once the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasting {
    /// It ends, and the engine's output is the log of its container.
    Ends,
    /// It stays as long as the engine runs, and its output is the engine's.
    Stays,
}

impl Launch {
    /// All commands as they are sent, a line each.
    pub fn shown(&self) -> String {
        let lines: Vec<String> = self
            .before
            .iter()
            .chain([&self.command])
            .map(ShellCommand::render)
            .collect();
        lines.join("\n")
    }
}

/// Why a recipe can't be launched at a place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LaunchError {
    /// It needs several hosts.
    #[error("{0} runs over a cluster, and the place is one host")]
    NeedsCluster(ModelKey),
    /// It needs one host.
    #[error("{0} runs on one host, and the place is a cluster")]
    NeedsHost(ModelKey),
    /// It is split over more hosts than there are.
    #[error("{model} is split over {wanted} GPUs, and the cluster has {there} hosts")]
    TooFewNodes {
        /// The recipe.
        model: ModelKey,
        /// GPUs that it is split over.
        wanted: u16,
        /// Hosts of the cluster.
        there: u16,
    },
    /// The launcher of that age can't.
    #[error("the launcher of {0} is of the age before `--solo`, and starts clusters only")]
    OldLauncher(ModelKey),
    /// The launcher of that age can't.
    #[error("the launcher of {0} is of the age before `--apply-mod`")]
    OldLauncherMods(ModelKey),
    /// Nobody knows where the weights lie.
    #[error("the weights of {0} are not on {1}")]
    NoWeights(ModelKey, HostId),
    /// The launcher expands it without quotes.
    #[error("{what} `{value}` holds what the launcher would take apart")]
    NotInert {
        /// What it is.
        what: String,
        /// Its value.
        value: String,
    },
    /// A path that no mount takes.
    #[error("the folder `{0}` holds what `docker` would take apart")]
    Mount(String),
    /// A setting that no recipe may have.
    #[error("{0}")]
    Knob(String),
    /// The launcher passes no file of the host that lies elsewhere.
    #[error("the chat template {0} lies outside of the folder of the weights")]
    Template(String),
    /// This engine runs on one host.
    #[error("{0} does not run over several hosts")]
    OneHostOnly(&'static str),
    /// A value that no command can carry.
    #[error(transparent)]
    Word(#[from] InvalidWord),
}

impl LaunchError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NeedsCluster(_) => {
                "choose a cluster of the configuration (`models: {clusters: …}`)"
            }
            Self::NeedsHost(_) => "choose one host, or set `mode: either` in the recipe",
            Self::TooFewNodes { .. } => "choose a larger cluster, or lower `tensor_parallel`",
            Self::OldLauncher(_) | Self::OldLauncherMods(_) => {
                "update the launcher on the head, then write `form: escaped`"
            }
            Self::NoWeights(..) => "download them first: `pilothouse models download`",
            Self::NotInert { .. } => {
                "use letters, digits and . _ : / @ % + = , - only, or another engine"
            }
            Self::Mount(_) => "move it to a folder without blanks, commas and quotes",
            Self::Knob(_) => "a setting has the name of its flag: max_model_len",
            Self::Template(_) => "put it into the folder of the weights",
            Self::OneHostOnly(_) => "choose one host, or the engines spark-launcher or vllm",
            Self::Word(_) => "take the character out",
        }
    }
}

/// Everything that an engine's own file needs to know.
pub(super) struct Job<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) place: &'a Place,
    /// The settings of the recipe with those of the person laid over them.
    pub(super) knobs: BTreeMap<String, Knob>,
    /// The weights on the head, where they were found.
    pub(super) weights: Option<&'a Weights>,
}

/// What starts this recipe at this place, with these settings laid over the recipe's own. The weights are those of the head;
/// engines that mount them can't do without, unless the recipe names their folder.
pub fn launch(
    recipe: &Recipe,
    place: &Place,
    knobs: &BTreeMap<String, Knob>,
    weights: Option<&Weights>,
) -> Result<Launch, LaunchError> {
    for name in knobs.keys() {
        if let Some(what) = flags::refused_knob(name) {
            return Err(LaunchError::Knob(what));
        }
    }
    fits(recipe, place)?;
    let mut all = recipe.knobs.clone();
    all.extend(knobs.clone());
    let job = Job {
        recipe,
        place,
        knobs: all,
        weights,
    };
    match &recipe.engine {
        EngineKind::SparkLauncher { .. } => launch_spark::launch(&job),
        EngineKind::Vllm { image } => launch_docker::vllm(&job, image),
        EngineKind::LlamaCpp { image, file } => {
            launch_llama::launch(&job, image.as_deref(), file.as_deref())
        }
        EngineKind::Container { image, inner_port } => {
            launch_docker::container(&job, image, *inner_port)
        }
    }
}

fn fits(recipe: &Recipe, place: &Place) -> Result<(), LaunchError> {
    let key = || recipe.key.clone();
    match (recipe.mode, place) {
        (Mode::Cluster, Place::Solo(_)) => Err(LaunchError::NeedsCluster(key())),
        (Mode::Solo, Place::Cluster(_)) => Err(LaunchError::NeedsHost(key())),
        _ => Ok(()),
    }
}

impl Job<'_> {
    /// Hosts of the place.
    pub(super) fn nodes(&self) -> u16 {
        u16::try_from(self.place.hosts().count()).unwrap_or(u16::MAX)
    }

    /// What vLLM is told as its model: the repository, or the folder as it is mounted.
    pub(super) fn model(&self) -> &str {
        match &self.recipe.source {
            ModelSource::Repo(repo) => repo.as_str(),
            ModelSource::Local(path) => path.as_str(),
        }
    }

    /// vLLM's words after `vllm serve MODEL`: where it listens, what the recipe's own fields say, its arguments, and each
    /// setting in the place of its flag.
    pub(super) fn vllm_args(&self, listen: &str) -> Result<Vec<String>, LaunchError> {
        self.template()?;
        let dialect = Dialect::Vllm;
        let recipe = self.recipe;
        let mut args = vec![
            format!("--port={}", recipe.port),
            format!("--host={listen}"),
        ];
        let context = recipe.context.map(|length| length.to_string());
        let share = recipe
            .gpu_percent
            .map(|percent| (f64::from(percent) / 100.0).to_string());
        let split = self.split()?;
        let said = [
            ("max-model-len", context),
            ("gpu-memory-utilization", share),
            ("tensor-parallel-size", split.map(|split| split.to_string())),
        ];
        for (flag, value) in said {
            if let Some(value) = value
                && !flags::holds(dialect, &recipe.args, flag)
            {
                args.extend(flags::words(dialect, flag, &Knob::Value(value)));
            }
        }
        args.extend(recipe.args.iter().cloned());
        Ok(flags::with_knobs(dialect, &args, &self.knobs))
    }

    /// GPUs that the model is split over; `None` where it is not split. Over a cluster of boxes with one GPU each that is at
    /// least all of them.
    fn split(&self) -> Result<Option<u16>, LaunchError> {
        let said = flags::value(
            Dialect::Vllm,
            &self.recipe.args,
            &self.knobs,
            "tensor-parallel-size",
        );
        let wanted = said
            .and_then(|text| text.parse().ok())
            .unwrap_or(self.recipe.tensor_parallel);
        let there = self.nodes();
        let launcher = matches!(self.recipe.engine, EngineKind::SparkLauncher { .. });
        match self.place {
            Place::Solo(_) => Ok((wanted > 1 && !launcher).then_some(wanted)),
            Place::Cluster(_) if launcher && wanted > there => Err(LaunchError::TooFewNodes {
                model: self.recipe.key.clone(),
                wanted,
                there,
            }),
            Place::Cluster(_) => Ok(Some(if wanted > 1 { wanted } else { there })),
        }
    }

    /// A chat template of the host has to lie where the container sees it.
    fn template(&self) -> Result<(), LaunchError> {
        let template = flags::value(
            Dialect::Vllm,
            &self.recipe.args,
            &self.knobs,
            "chat-template",
        );
        match (template, &self.recipe.source) {
            (Some(template), ModelSource::Local(folder))
                if template.starts_with('/')
                    && !template
                        .strip_prefix(folder.as_str())
                        .is_some_and(|rest| rest.starts_with('/') && !rest.contains("..")) =>
            {
                Err(LaunchError::Template(template))
            }
            _ => Ok(()),
        }
    }
}

/// A command with these words behind it.
pub(super) fn with_words(
    command: ShellCommand,
    words: impl IntoIterator<Item = String>,
) -> Result<ShellCommand, LaunchError> {
    words.into_iter().try_fold(command, |command, word| {
        Ok(command.word(ShellWord::new(word)?))
    })
}

/// Stops what [`launch`] started at this place and takes its containers away, on the head and the other nodes: asked first, then
/// forced after `grace` seconds. Each command is run on the head; one that finds nothing to stop fails and does no harm. The
/// launcher's own way knows its nodes; an engine that is a process of its job has none.
pub fn halt(recipe: &Recipe, place: &Place, grace: u64) -> Result<Vec<ShellCommand>, LaunchError> {
    match &recipe.engine {
        EngineKind::SparkLauncher { folder, form, .. } => {
            Ok(vec![launch_spark::stop(recipe, place, folder, *form)?])
        }
        EngineKind::LlamaCpp { image: None, .. } => Ok(Vec::new()),
        _ => launch_docker::halt(recipe, place, grace),
    }
}
