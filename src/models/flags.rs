//! The flags of an engine (pure): which words belong together, and how a setting takes the place of its flag exactly once.

use std::collections::BTreeMap;

use super::catalog::{EngineKind, Knob};
use super::words;

/// How an engine reads its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--flag=value`; `_` and `-` are one.
    Vllm,
    /// `--flag value`, never with `=`.
    LlamaCpp,
    /// Not known: `--flag=value`.
    Plain,
}

impl Dialect {
    pub(super) fn of(engine: &EngineKind) -> Self {
        match engine {
            EngineKind::SparkLauncher { .. } | EngineKind::Vllm { .. } => Self::Vllm,
            EngineKind::LlamaCpp { .. } => Self::LlamaCpp,
            EngineKind::Container { .. } => Self::Plain,
        }
    }

    fn aliases(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Vllm => VLLM_ALIASES,
            Self::LlamaCpp => LLAMA_ALIASES,
            Self::Plain => &[],
        }
    }
}

/// Short flags of vLLM.
const VLLM_ALIASES: &[(&str, &str)] = &[
    ("tp", "tensor-parallel-size"),
    ("pp", "pipeline-parallel-size"),
    ("dp", "data-parallel-size"),
    ("q", "quantization"),
    ("n", "nnodes"),
    ("r", "node-rank"),
];

/// Other names of llama.cpp's flags. What vLLM calls the longest context is known here too, so that a setting keeps its name.
const LLAMA_ALIASES: &[(&str, &str)] = &[
    ("c", "ctx-size"),
    ("max-model-len", "ctx-size"),
    ("ngl", "n-gpu-layers"),
    ("gpu-layers", "n-gpu-layers"),
    ("np", "parallel"),
    ("b", "batch-size"),
    ("ub", "ubatch-size"),
    ("fa", "flash-attn"),
    ("t", "threads"),
    ("ctk", "cache-type-k"),
    ("ctv", "cache-type-v"),
    ("a", "alias"),
    ("m", "model"),
    ("dev", "device"),
    ("ts", "tensor-split"),
    ("sm", "split-mode"),
    ("mg", "main-gpu"),
    ("mm", "mmproj"),
    ("hf", "hf-repo"),
    ("hfr", "hf-repo"),
    ("hff", "hf-file"),
    ("hft", "hf-token"),
];

/// Flags that the recipe's own fields say, or the place does.
const OWN: &[(&str, &str)] = &[
    ("port", "`port`"),
    ("host", "`listen`"),
    ("model", "`repo` or `local_path`"),
    ("hf-repo", "`repo`"),
    ("hf-file", "`file`"),
];
const OF_PLACE: &[&str] = &[
    "nnodes",
    "node-rank",
    "master-addr",
    "master-port",
    "headless",
];
pub(super) const SECRETS: &[&str] = &["api-key", "hf-token", "hft"];

/// The name of the flag that a word is, without dashes and value.
pub(super) fn name(dialect: Dialect, word: &str) -> Option<String> {
    let bare = word
        .strip_prefix("--")
        .or_else(|| word.strip_prefix('-'))
        .filter(|bare| bare.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    let bare = bare.split('=').next().unwrap_or(bare);
    Some(canonical(dialect, bare))
}

fn canonical(dialect: Dialect, bare: &str) -> String {
    let plain = bare.replace('_', "-");
    dialect
        .aliases()
        .iter()
        .find(|(alias, _)| *alias == plain)
        .map_or(plain, |(_, flag)| (*flag).to_owned())
}

/// A flag with the words that belong to it.
struct Group {
    name: Option<String>,
    words: Vec<String>,
}

fn groups(dialect: Dialect, args: &[String]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for word in args {
        let name = name(dialect, word);
        match groups.last_mut() {
            Some(group) if name.is_none() => group.words.push(word.clone()),
            _ => groups.push(Group {
                name,
                words: vec![word.clone()],
            }),
        }
    }
    groups
}

/// Whether the arguments hold this flag.
pub(super) fn holds(dialect: Dialect, args: &[String], flag: &str) -> bool {
    args.iter()
        .any(|word| name(dialect, word).as_deref() == Some(&canonical(dialect, flag)))
}

/// The value of a flag: of its setting, else of the arguments.
pub(super) fn value(
    dialect: Dialect,
    args: &[String],
    knobs: &BTreeMap<String, Knob>,
    flag: &str,
) -> Option<String> {
    let flag = canonical(dialect, flag);
    let knob = knobs
        .iter()
        .find(|(name, _)| canonical(dialect, name) == flag);
    if let Some((_, knob)) = knob {
        return match knob {
            Knob::Value(value) => Some(value.clone()),
            Knob::Flag(_) => None,
        };
    }
    let group = groups(dialect, args)
        .into_iter()
        .rev()
        .find(|group| group.name.as_deref() == Some(&flag))?;
    let mut words = group.words.into_iter();
    let head = words.next()?;
    match head.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => words.next(),
    }
}

/// `0.7` as 70.
pub(super) fn percent(text: &str) -> Option<u8> {
    let share: f64 = text.parse().ok()?;
    let percent = (share * 100.0).round();
    (1.0..=100.0).contains(&percent).then_some(percent as u8)
}

/// The arguments with each setting in the place of its flag. However often the flag stood there, it stands once then, or not at
/// all where the setting says so.
pub(super) fn with_knobs(
    dialect: Dialect,
    args: &[String],
    knobs: &BTreeMap<String, Knob>,
) -> Vec<String> {
    let mut groups = groups(dialect, args);
    for (name, knob) in knobs {
        let flag = canonical(dialect, name);
        let opposite = match flag.strip_prefix("no-") {
            Some(positive) => positive.to_owned(),
            None => format!("no-{flag}"),
        };
        let concerns = |group: &Group| {
            group
                .name
                .as_ref()
                .is_some_and(|name| *name == flag || *name == opposite)
        };
        let place = groups.iter().position(concerns);
        groups.retain(|group| !concerns(group));
        let words = words(dialect, &flag, knob);
        if words.is_empty() {
            continue;
        }
        let group = Group {
            name: Some(flag),
            words,
        };
        let place = place.unwrap_or(groups.len()).min(groups.len());
        groups.insert(place, group);
    }
    groups.into_iter().flat_map(|group| group.words).collect()
}

/// The arguments without these flags and what belongs to them.
pub(super) fn without(dialect: Dialect, args: &[String], names: &[&str]) -> Vec<String> {
    let taken: Vec<String> = names.iter().map(|name| canonical(dialect, name)).collect();
    groups(dialect, args)
        .into_iter()
        .filter(|group| !group.name.as_ref().is_some_and(|name| taken.contains(name)))
        .flat_map(|group| group.words)
        .collect()
}

/// A flag with its value, as this engine reads it.
pub(super) fn words(dialect: Dialect, flag: &str, knob: &Knob) -> Vec<String> {
    match (knob, dialect) {
        (Knob::Flag(false), _) => Vec::new(),
        (Knob::Flag(true), _) => vec![format!("--{flag}")],
        (Knob::Value(value), Dialect::LlamaCpp) => vec![format!("--{flag}"), value.clone()],
        (Knob::Value(value), _) => vec![format!("--{flag}={value}")],
    }
}

/// What is wrong with a flag that no recipe may set, and the mend.
fn refusal(flag: &str) -> Option<(String, String)> {
    if let Some((_, field)) = OWN.iter().find(|(own, _)| *own == flag) {
        return Some((
            format!("`--{flag}` is said by {field}"),
            format!("write {field} of the recipe instead"),
        ));
    }
    if OF_PLACE.contains(&flag) {
        return Some((
            format!("`--{flag}` is said by the place that the model is served at"),
            "leave it out".into(),
        ));
    }
    SECRETS.contains(&flag).then(|| {
        (
            format!("`--{flag}` is a secret, and everybody on the host can read a command line"),
            "leave it out".into(),
        )
    })
}

/// What is wrong with these arguments, with the mend of each.
pub(super) fn refused(args: &[String]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = args
        .iter()
        .filter_map(|word| {
            let plain = name(Dialect::Plain, word)?;
            // `-m` and `-n` mean something else to other engines; long names mean the same to all.
            word.starts_with("--").then(|| refusal(&plain))?
        })
        .collect();
    if args.first().is_some_and(|word| !word.starts_with('-')) {
        found.push((
            "the first of `args` is no flag".into(),
            "each is one word, mostly --flag=value".into(),
        ));
    }
    found
}

/// Why no setting may have this name.
pub(super) fn refused_knob(name: &str) -> Option<String> {
    if !words::is_knob(name) {
        return Some(format!("`{}` is no name of a setting", name.escape_debug()));
    }
    refusal(&name.replace('_', "-")).map(|(what, _)| what)
}
