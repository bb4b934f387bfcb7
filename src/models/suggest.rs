//! A recipe for weights that nobody wrote one for (pure): what their `config.json` and size tell, cautiously. A person confirms
//! it once.

use super::catalog::{EngineKind, HostFolder, Knob, LauncherForm, Mode, ModelSource, Recipe};
use super::weights::Weights;
use super::words;
use crate::domain::{Mib, ModelKey, Port};

/// What the hosts are that will serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Sparks with their launcher: one GPU each, memory shared with the CPU.
    Spark,
    /// Servers with Docker and cards of their own.
    Server {
        /// Cards of the host.
        gpus: u16,
        /// Memory of one card.
        memory: Mib,
    },
}

/// What vLLM can hold on one Spark, with room for the KV cache and the system.
const ONE_SPARK: Mib = Mib(95 * 1024);

/// Context that is offered where the model could do with more: a longer one is asked for, not given.
const USUAL_CONTEXT: u64 = 32_768;

/// Parsers by the beginning of the architecture's name: for tools, for reasoning.
const PARSERS: &[(&str, Option<&str>, Option<&str>)] = &[
    ("Qwen3Next", Some("qwen3_coder"), None),
    ("Qwen3_5", Some("qwen3_coder"), Some("qwen3")),
    ("Qwen3", Some("hermes"), Some("qwen3")),
    ("Qwen2", Some("hermes"), None),
    ("Llama", Some("llama3_json"), None),
    ("Mistral", Some("mistral"), None),
    ("GptOss", Some("openai"), Some("openai_gptoss")),
    ("MiniMaxM2", Some("minimax_m2"), Some("minimax_m2")),
    ("Glm4Moe", Some("glm47"), Some("glm45")),
    ("Gemma4", Some("gemma4"), Some("gemma4")),
    ("DeepseekV3", Some("deepseek_v3"), Some("deepseek_r1")),
    ("NemotronH", Some("qwen3_coder"), None),
];

/// What these weights would be launched by.
pub fn suggest(weights: &Weights, ground: Ground) -> Recipe {
    let config = weights.config.clone().unwrap_or_default();
    // Weights without a `config.json` that lie alone are those of llama.cpp.
    let llama = weights.config.is_none();
    let size = Mib::from_bytes(weights.size.0);
    let key = key(&weights.source);
    let (mode, split) = spread(size, ground, llama);
    let engine = engine(ground, llama);
    let launcher = matches!(engine, EngineKind::SparkLauncher { .. });
    let context = config.context.map(|longest| longest.min(USUAL_CONTEXT));
    let mut args: Vec<String> = Vec::new();
    if !llama {
        args.extend(parsers(
            config
                .architecture
                .as_ref()
                .map(crate::text::SafeText::as_str),
        ));
    }
    Recipe {
        name: match &weights.source {
            ModelSource::Repo(repo) => after_slash(repo.as_str()).to_owned(),
            ModelSource::Local(path) => after_slash(path.as_str()).to_owned(),
        },
        source: weights.source.clone(),
        size: Some(Mib(size.0.max(1))),
        mode,
        hosts: Vec::new(),
        port: port(if launcher { 8888 } else { 8000 }),
        listen: "127.0.0.1".into(),
        container: if launcher {
            "vllm_node".into()
        } else {
            format!("pilothouse-{key}")
        },
        args,
        knobs: if llama {
            std::iter::empty().collect()
        } else {
            [("max_num_seqs".to_owned(), Knob::Value("8".into()))].into()
        },
        env: std::iter::empty().collect(),
        gpu_percent: match (llama, ground) {
            (true, _) => None,
            (false, Ground::Spark) => Some(70),
            (false, Ground::Server { .. }) => Some(90),
        },
        context,
        tensor_parallel: split,
        note: Some("Suggested from its config.json.".into()).filter(|_| !llama),
        engine,
        key: ModelKey::new(key),
    }
}

fn engine(ground: Ground, llama: bool) -> EngineKind {
    match (llama, ground, HostFolder::new("~/spark-vllm-docker")) {
        (true, ..) => EngineKind::LlamaCpp {
            image: None,
            file: None,
        },
        (false, Ground::Spark, Ok(folder)) => EngineKind::SparkLauncher {
            folder,
            form: LauncherForm::Escaped,
            image: None,
            mods: Vec::new(),
            ray: true,
        },
        _ => EngineKind::Vllm {
            image: "vllm/vllm-openai:latest".into(),
        },
    }
}

/// Over how many hosts and GPUs.
fn spread(size: Mib, ground: Ground, llama: bool) -> (Mode, u16) {
    match ground {
        _ if llama => (Mode::Solo, 1),
        Ground::Spark if size > ONE_SPARK => (Mode::Cluster, 2),
        Ground::Spark => (Mode::Either, 1),
        Ground::Server { gpus, memory } => {
            // Four fifths of a card for weights; vLLM splits over powers of two.
            let per_card = Mib((memory.0 / 5).saturating_mul(4).max(1));
            let wanted = size.0.div_ceil(per_card.0).next_power_of_two();
            let split = u16::try_from(wanted).unwrap_or(u16::MAX).min(gpus.max(1));
            (Mode::Solo, split)
        }
    }
}

fn parsers(architecture: Option<&str>) -> Vec<String> {
    let known =
        architecture.and_then(|name| PARSERS.iter().find(|(begin, ..)| name.starts_with(begin)));
    let Some((_, tools, reasoning)) = known else {
        return Vec::new();
    };
    let mut args = Vec::new();
    if let Some(parser) = tools {
        args.push("--enable-auto-tool-choice".to_owned());
        args.push(format!("--tool-call-parser={parser}"));
    }
    if let Some(parser) = reasoning {
        args.push(format!("--reasoning-parser={parser}"));
    }
    args
}

fn after_slash(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The key that a recipe of this source gets: the last part of its name in small letters.
pub(super) fn key(source: &ModelSource) -> String {
    let name = match source {
        ModelSource::Repo(repo) => after_slash(repo.as_str()),
        ModelSource::Local(path) => after_slash(path.as_str()),
    };
    key_of(name)
}

/// A name as a key.
pub(super) fn key_of(name: &str) -> String {
    let key: String = name
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => c,
            _ => '-',
        })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(64)
        .collect();
    if words::is_key(&key) {
        key
    } else {
        "model".into()
    }
}

fn port(number: u16) -> Port {
    Port::try_from(number).unwrap_or(Port::SSH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Bytes, Wall};
    use crate::models::{Catalog, Completeness, ModelConfig, recipe_yaml};
    use crate::shell::RemotePath;

    fn weights(repo: &str, gib: u64, config: Option<ModelConfig>) -> Weights {
        Weights {
            source: ModelSource::Repo(repo.parse().unwrap()),
            path: RemotePath::new("/w").unwrap(),
            size: Bytes(gib << 30),
            files: 3,
            changed: Wall::default(),
            completeness: Completeness::Complete,
            config,
        }
    }

    fn config(architecture: &str) -> ModelConfig {
        ModelConfig {
            architecture: Some(architecture.into()),
            context: Some(262_144),
            ..ModelConfig::default()
        }
    }

    #[test]
    fn suggestions_by_rows() {
        let server = Ground::Server {
            gpus: 4,
            memory: Mib(48 * 1024),
        };
        for (weights, ground, key, mode, split, args) in [
            (
                weights("Qwen/Qwen3-8B", 16, Some(config("Qwen3ForCausalLM"))),
                Ground::Spark,
                "qwen3-8b",
                Mode::Either,
                1,
                3,
            ),
            (
                weights("x/Big", 130, Some(config("MiniMaxM2ForCausalLM"))),
                Ground::Spark,
                "big",
                Mode::Cluster,
                2,
                3,
            ),
            (
                weights("x/Seventy", 132, Some(config("LlamaForCausalLM"))),
                server,
                "seventy",
                Mode::Solo,
                4,
                2,
            ),
            (
                weights("x/Odd_One", 10, Some(config("WhoKnows"))),
                server,
                "odd_one",
                Mode::Solo,
                1,
                0,
            ),
            (
                weights("x/Q-GGUF", 5, None),
                server,
                "q-gguf",
                Mode::Solo,
                1,
                0,
            ),
        ] {
            let recipe = suggest(&weights, ground);
            assert_eq!(recipe.key.as_str(), key);
            assert_eq!(
                (recipe.mode, recipe.tensor_parallel),
                (mode, split),
                "{key}"
            );
            assert_eq!(recipe.args.len(), args, "{key}: {:?}", recipe.args);
            assert!(
                recipe
                    .context
                    .is_none_or(|context| context == USUAL_CONTEXT)
            );
            let again = Catalog::load(&[("kept", &recipe_yaml(&recipe))]);
            assert_eq!(again.problems, []);
            assert_eq!(*again.recipes[&recipe.key], recipe);
        }
    }

    #[test]
    fn any_name_becomes_a_key() {
        for (name, key) in [
            ("Ünder.Score", "nder.score"),
            ("---", "model"),
            ("A B", "a-b"),
        ] {
            assert_eq!(key_of(name), key);
        }
    }
}
