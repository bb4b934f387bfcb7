//! One file of the catalogue as it is written (pure): which keys there are and what may stand under each. Merging is for
//! `catalog_load`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use super::catalog::{CatalogProblem, HostFolder, Knob, LauncherForm, Mode, ModelSource};
use super::catalog_fields::shortened;
use super::{catalog_salvage, flags, words};
use crate::config::{Node, Problems, Reader, Table, Value, parse_memory, parse_yaml};
use crate::domain::{HostName, Mib, Port, RepoId};
use crate::shell::{EnvName, RemotePath};
use crate::text::is_secret;

/// Most recipes of one file.
const MOST: usize = 1000;

const TOP: &[&str] = &["defaults", "models"];
const DEFAULTS: &[&str] = &[
    "engine",
    "folder",
    "form",
    "ray",
    "hosts",
    "port",
    "listen",
    "env",
    "gpu_percent",
];
const ENTRY: &[&str] = &[
    "name",
    "repo",
    "local_path",
    "size",
    "mode",
    "engine",
    "folder",
    "form",
    "ray",
    "mods",
    "image",
    "file",
    "inner_port",
    "hosts",
    "port",
    "listen",
    "container",
    "args",
    "knobs",
    "env",
    "gpu_percent",
    "context",
    "tensor_parallel",
    "note",
];
const MODES: &[(&str, Mode)] = &[
    ("solo", Mode::Solo),
    ("cluster", Mode::Cluster),
    ("either", Mode::Either),
];
const FORMS: &[(&str, LauncherForm)] = &[
    ("joined", LauncherForm::Joined),
    ("escaped", LauncherForm::Escaped),
];
pub(super) const ENGINES: &[(&str, EngineWord)] = &[
    ("spark-launcher", EngineWord::SparkLauncher),
    ("vllm", EngineWord::Vllm),
    ("llama.cpp", EngineWord::LlamaCpp),
    ("container", EngineWord::Container),
];

/// The word under `engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineWord {
    SparkLauncher,
    Vllm,
    LlamaCpp,
    Container,
}

/// What one file says of one recipe; nothing of it is missing yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) source: Option<ModelSource>,
    pub(super) size: Option<Mib>,
    pub(super) mode: Option<Mode>,
    pub(super) engine: Option<EngineWord>,
    pub(super) folder: Option<HostFolder>,
    pub(super) form: Option<LauncherForm>,
    pub(super) ray: Option<bool>,
    pub(super) mods: Option<Vec<String>>,
    pub(super) image: Option<String>,
    pub(super) file: Option<String>,
    pub(super) inner_port: Option<Port>,
    pub(super) hosts: Option<Vec<String>>,
    pub(super) port: Option<Port>,
    pub(super) listen: Option<String>,
    pub(super) container: Option<String>,
    pub(super) args: Option<Vec<String>>,
    pub(super) knobs: BTreeMap<String, Option<Knob>>,
    pub(super) env: BTreeMap<EnvName, Option<String>>,
    pub(super) gpu_percent: Option<u8>,
    pub(super) context: Option<u64>,
    pub(super) tensor_parallel: Option<u16>,
    pub(super) note: Option<String>,
}

/// One entry of one file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u64,
    /// `None`: this file takes the recipe out.
    pub(super) draft: Option<Draft>,
}

/// One file, as far as it holds.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) defaults: Draft,
    pub(super) entries: Vec<Entry>,
}

/// Reads one file. Each entry holds as a whole or is told and left out.
pub(super) fn layer(file: &str, text: &str, told: &mut Vec<CatalogProblem>) -> Layer {
    let mut whole = Problems::new(None);
    let root = match parse_yaml(text) {
        Ok(root) => root,
        Err(bad) => {
            let parts = catalog_salvage::parts(text, &mut whole);
            let consequence = match parts {
                Some(_) => "the parts that can be read are used",
                None => "nothing of this file is used",
            };
            if whole.all.iter().all(|told| told.line != bad.line) {
                whole.in_file(bad.line, &bad.what, consequence);
            }
            let Some(parts) = parts else {
                tell(file, None, whole, told);
                return Layer::default();
            };
            parts
        }
    };
    let mut layer = Layer::default();
    let mut reader = Reader {
        problems: &mut whole,
    };
    let Some(top) = reader.table(&root, "the file", TOP) else {
        tell(file, None, whole, told);
        return layer;
    };
    let models = reader.named(
        top.get("models"),
        "models",
        "KEY: {repo: ORGANISATION/NAME, …}",
    );
    tell(file, None, whole, told);
    if let Some(node) = top.get("defaults") {
        let mut problems = Problems::new(None);
        let draft = Reader {
            problems: &mut problems,
        }
        .draft(node, "`defaults`", DEFAULTS);
        if tell(file, Some("defaults"), problems, told) {
            layer.defaults = draft;
        }
    }
    for (key, line, node) in models.into_iter().take(MOST) {
        let mut problems = Problems::new(None);
        let draft = entry(key, line, node, &mut problems);
        if tell(file, Some(key), problems, told) {
            layer.entries.push(Entry {
                key: key.to_owned(),
                line,
                draft,
            });
        }
    }
    layer
}

/// Hands the problems on; whether there were none.
fn tell(
    file: &str,
    entry: Option<&str>,
    problems: Problems,
    told: &mut Vec<CatalogProblem>,
) -> bool {
    let problems = problems.sorted();
    let none = problems.is_empty();
    told.extend(problems.into_iter().map(|problem| CatalogProblem {
        file: file.to_owned(),
        line: problem.line,
        entry: entry.map(|entry| crate::text::SafeText::new(entry).as_str().to_owned()),
        what: problem.what,
        hint: problem.hint,
    }));
    none
}

fn entry(key: &str, line: u64, node: &Node, problems: &mut Problems) -> Option<Draft> {
    if !words::is_key(key) {
        problems.at(
            line,
            format!("`{}` is no key of a recipe", key.escape_debug()),
            "a key is small letters, digits, `.`, `_` and `-`, at most 64 long",
        );
        return None;
    }
    match node.value {
        Value::Bool(false) => None,
        _ => Some(Reader { problems }.draft(node, &format!("`{key}`"), ENTRY)),
    }
}

impl Reader<'_> {
    fn draft(&mut self, node: &Node, what: &str, known: &[&'static str]) -> Draft {
        let Some(table) = self.table(node, what, known) else {
            return Draft::default();
        };
        Draft {
            name: self.line_of_text(&table, "name", 80),
            note: self.line_of_text(&table, "note", 400),
            source: self.source(&table),
            size: self.size(&table),
            mode: self.choice(&table, "mode", MODES),
            engine: self.choice(&table, "engine", ENGINES),
            folder: self.parsed(&table, "folder", "~/spark-vllm-docker", |text| {
                HostFolder::new(text).ok()
            }),
            form: self.choice(&table, "form", FORMS),
            ray: self.flag(table.get("ray"), "ray").map(|ray| ray.value),
            mods: self.list(&table, "mods", "mods/fix-something", |text| {
                words::is_plain_path(text) && !text.starts_with('/')
            }),
            image: self.checked(&table, "image", "vllm/vllm-openai:v0.11.0", words::is_image),
            file: self.checked(&table, "file", "model-q4_k_m.gguf", words::is_gguf),
            inner_port: self.port_of(&table, "inner_port"),
            hosts: self.list(&table, "hosts", "spark-1, or tag:gb10", is_selector),
            port: self.port_of(&table, "port"),
            listen: self.checked(&table, "listen", "127.0.0.1", |text| {
                IpAddr::from_str(text).is_ok()
            }),
            container: self.checked(&table, "container", "vllm_node", words::is_container),
            args: self.args(&table),
            knobs: self.knobs(&table),
            env: self.env(&table),
            gpu_percent: self.whole(&table, "gpu_percent", 1, 100),
            context: self.whole(&table, "context", 1, 1 << 40),
            tensor_parallel: self.whole(&table, "tensor_parallel", 1, 1024),
        }
    }

    fn source(&mut self, table: &Table<'_>) -> Option<ModelSource> {
        let repo = self.parsed(table, "repo", "Qwen/Qwen3-8B", |text| {
            text.parse::<RepoId>().ok()
        });
        let local = self.parsed(table, "local_path", "/srv/models/mine", |text| {
            let plain = text.starts_with('/') && words::is_plain_path(text);
            let text = text.trim_end_matches('/');
            RemotePath::new(text)
                .ok()
                .filter(|_| plain && !text.is_empty())
        });
        if let (Some(_), Some(node)) = (table.get("repo"), table.get("local_path")) {
            self.problems.at(
                node.line,
                "the weights come from `repo` and from `local_path`",
                "leave one of them out",
            );
            return None;
        }
        repo.map(ModelSource::Repo)
            .or_else(|| local.map(ModelSource::Local))
    }

    fn size(&mut self, table: &Table<'_>) -> Option<Mib> {
        self.parsed(table, "size", "35 GiB", |text| {
            parse_memory(text).filter(|size| size.0 > 0)
        })
    }

    fn args(&mut self, table: &Table<'_>) -> Option<Vec<String>> {
        let args = self.list(table, "args", "--kv-cache-dtype=fp8", words::is_word)?;
        if let Some(node) = table.get("args") {
            for (what, hint) in flags::refused(&args) {
                self.problems.at(node.line, what, hint);
            }
        }
        Some(args)
    }

    fn knobs(&mut self, table: &Table<'_>) -> BTreeMap<String, Option<Knob>> {
        let mut knobs = BTreeMap::new();
        for (name, line, node) in self.named(table.get("knobs"), "knobs", "max_model_len: 32768") {
            if let Some(what) = flags::refused_knob(name) {
                self.problems.at(
                    line,
                    what,
                    "a setting has the name of its flag: max_model_len",
                );
                continue;
            }
            let knob = match &node.value {
                Value::Null => None,
                Value::Bool(there) => Some(Knob::Flag(*there)),
                Value::Float(number) => Some(Knob::Value(number.to_string())),
                _ => match self.text(Some(node), name) {
                    Some(text) => Some(Knob::Value(text.value)),
                    None => continue,
                },
            };
            if matches!(&knob, Some(Knob::Value(value)) if !words::is_value(value)) {
                self.problems.at(
                    node.line,
                    format!(
                        "the value of `{name}` is too long or holds characters that can't be seen"
                    ),
                    "",
                );
            }
            knobs.insert(name.to_owned(), knob);
        }
        knobs
    }

    fn env(&mut self, table: &Table<'_>) -> BTreeMap<EnvName, Option<String>> {
        let mut env = BTreeMap::new();
        for (name, line, node) in self.named(table.get("env"), "env", "NAME: value") {
            let Ok(variable) = EnvName::new(name) else {
                let what = format!("`{}` is no name of a variable", shortened(name));
                self.problems.at(line, what, "letters, digits and _");
                continue;
            };
            if node.value == Value::Null {
                env.insert(variable, None);
                continue;
            }
            let Some(text) = self.text(Some(node), name) else {
                continue;
            };
            if !words::is_value(&text.value) {
                let what = format!(
                    "the value of `{name}` is too long or holds characters that can't be seen"
                );
                self.problems.at(text.line, what, "");
            } else if is_secret(name, &text.value) {
                // It is not repeated: it may be one.
                self.problems.at(
                    text.line,
                    format!("`{name}` looks like a secret, and a recipe is shown to everybody"),
                    "the token of the hub belongs into the configuration: `models: {hub_token: …}`",
                );
            }
            env.insert(variable, Some(text.value));
        }
        env
    }
}

/// A host by name, or `tag:NAME`.
fn is_selector(text: &str) -> bool {
    match text.strip_prefix("tag:") {
        Some(tag) => words::is_inert_word(tag) && tag.len() <= 64,
        None => text.parse::<HostName>().is_ok(),
    }
}
