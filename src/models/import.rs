//! The launcher's own recipe files become recipes of ours (pure). Their command is a template for a shell; what only a shell could
//! make sense of is refused, and whatever has no place in a recipe is told.

use std::collections::BTreeMap;

use super::catalog::{
    CatalogProblem, EngineKind, HostFolder, Knob, LauncherForm, Mode, ModelSource, Recipe,
};
use super::flags::{self, Dialect};
use super::recipe_file::recipe_problems;
use super::shell_words::{split, substitute};
use super::{suggest, words};
use crate::config::{Node, Problems, Reader, Table, Value, parse_yaml};
use crate::domain::{ModelKey, Port};
use crate::shell::{EnvName, RemotePath};
use crate::text::SafeText;

const KNOWN: &[&str] = &[
    "recipe_version",
    "name",
    "description",
    "model",
    "container",
    "command",
    "defaults",
    "env",
    "mods",
    "build_args",
    "solo_only",
    "cluster_only",
];

/// The launcher's own image.
const OWN_IMAGE: &str = "vllm-node";

/// Flags that a recipe says in a field of its own, or the place does.
const TAKEN: &[&str] = &[
    "port",
    "host",
    "tensor-parallel-size",
    "distributed-executor-backend",
];

/// Settings of the template that are fields of ours.
const FIELDS: &[&str] = &["port", "host", "tensor-parallel", "tensor-parallel-size"];

/// Reads one recipe file of the launcher. With the recipe comes what was not taken over; without one, what stands against it.
pub fn import(file: &str, text: &str) -> (Option<Recipe>, Vec<CatalogProblem>) {
    let mut problems = Problems::new(None);
    let recipe = read(text, &mut problems);
    let mut told: Vec<CatalogProblem> = problems
        .sorted()
        .into_iter()
        .map(|problem| CatalogProblem {
            file: file.to_owned(),
            line: problem.line,
            entry: None,
            what: problem.what,
            hint: problem.hint,
        })
        .collect();
    let Some(recipe) = recipe else {
        return (None, told);
    };
    let against = recipe_problems(&recipe);
    let holds = against.is_empty();
    told.extend(against.into_iter().map(|problem| CatalogProblem {
        file: file.to_owned(),
        line: None,
        ..problem
    }));
    (holds.then_some(recipe), told)
}

/// A template with its settings filled in.
struct Filled {
    words: Vec<String>,
    env: BTreeMap<EnvName, String>,
    /// Flags whose whole value was a setting: they stay settings.
    settings: BTreeMap<String, Knob>,
}

fn read(text: &str, problems: &mut Problems) -> Option<Recipe> {
    let root = match parse_yaml(text) {
        Ok(root) => root,
        Err(bad) => {
            problems.in_file(bad.line, &bad.what, "this is no recipe of the launcher");
            return None;
        }
    };
    let mut reader = Reader { problems };
    let Value::Table(entries) = &root.value else {
        reader.wrong_kind(&root, "the file", "a recipe of the launcher");
        return None;
    };
    for (key, _) in entries
        .iter()
        .filter(|(key, _)| !KNOWN.contains(&key.name.as_str()))
    {
        let what = format!("`{}` has no place in a recipe, and is left aside", key.name);
        reader.problems.at(key.line, what, "");
    }
    let known = Node {
        line: root.line,
        value: Value::Table(
            entries
                .iter()
                .filter(|(key, _)| KNOWN.contains(&key.name.as_str()))
                .cloned()
                .collect(),
        ),
    };
    let table = reader.table(&known, "the file", KNOWN)?;
    reader.imported(&table)
}

impl Reader<'_> {
    fn imported(&mut self, table: &Table<'_>) -> Option<Recipe> {
        self.version(table);
        let defaults = self.scalars(table.get("defaults"), "defaults");
        let filled = self.command(table, &defaults)?;
        let line = table.get("command").map_or(1, |node| node.line);
        let Some((source, args)) = served(&filled.words) else {
            self.problems.at(
                line,
                "the command is no `vllm serve MODEL`",
                "only recipes that serve by vLLM can be taken over",
            );
            return None;
        };
        let env = self.variables(table, filled.env, line);
        self.left_aside(table);
        let name = self.text(table.get("name"), "name").map(|text| text.value);
        let note = self.text(table.get("description"), "description");
        let key = match &name {
            Some(name) => suggest::key_of(name),
            None => suggest::key(&source),
        };
        let args = self.without_secrets(&args, line);
        let value = |flag: &str| flags::value(Dialect::Vllm, &args, &BTreeMap::new(), flag);
        let fields = Fields::of(&args, &defaults);
        let context = value("max-model-len").and_then(|text| text.parse().ok());
        let share = value("gpu-memory-utilization").and_then(|text| flags::percent(&text));
        let kept = flags::without(Dialect::Vllm, &args, TAKEN);
        let (args, knobs) = offered(&kept, filled.settings);
        Some(Recipe {
            name: line_of(name.as_deref().unwrap_or(&key), 80),
            key: ModelKey::new(key),
            source,
            size: None,
            mode: self.mode(table),
            engine: self.engine(table, fields.ray)?,
            hosts: Vec::new(),
            port: fields.port?,
            listen: fields.listen,
            container: "vllm_node".into(),
            args,
            knobs,
            env,
            gpu_percent: share,
            context,
            tensor_parallel: fields.split,
            note: note
                .map(|text| line_of(&text.value, 400))
                .filter(|note| !note.is_empty()),
        })
    }

    fn engine(&mut self, table: &Table<'_>, ray: bool) -> Option<EngineKind> {
        let mods = self.texts(table.get("mods"), "mods");
        Some(EngineKind::SparkLauncher {
            folder: HostFolder::new("~/spark-vllm-docker").ok()?,
            form: LauncherForm::Escaped,
            image: self.image(table),
            mods: mods.into_iter().map(|text| text.value).collect(),
            ray,
        })
    }

    /// The variables before the command, with those of `env` over them.
    fn variables(
        &mut self,
        table: &Table<'_>,
        mut env: BTreeMap<EnvName, String>,
        line: u64,
    ) -> BTreeMap<EnvName, String> {
        for (name, value) in self.scalars(table.get("env"), "env") {
            match EnvName::new(name.as_str()) {
                Ok(name) => {
                    env.insert(name, value);
                }
                Err(error) => self
                    .problems
                    .at(line, error.to_string(), "it is left aside"),
            }
        }
        env
    }

    fn version(&mut self, table: &Table<'_>) {
        let Some(version) = self.text(table.get("recipe_version"), "recipe_version") else {
            return;
        };
        if version.value != "1" {
            self.problems.at(
                version.line,
                format!("the recipe is of version {}, and 1 is known", version.value),
                "look at what was taken over before it is kept",
            );
        }
    }

    fn mode(&mut self, table: &Table<'_>) -> Mode {
        let mut is = |key: &str| {
            self.flag(table.get(key), key)
                .is_some_and(|flag| flag.value)
        };
        match (is("solo_only"), is("cluster_only")) {
            (true, _) => Mode::Solo,
            (false, true) => Mode::Cluster,
            (false, false) => Mode::Either,
        }
    }

    fn image(&mut self, table: &Table<'_>) -> Option<String> {
        self.text(table.get("container"), "container")
            .map(|image| image.value)
            .filter(|image| image != OWN_IMAGE)
    }

    fn left_aside(&mut self, table: &Table<'_>) {
        let build = table
            .get("build_args")
            .map(|node| (node.line, self.texts(Some(node), "build_args")));
        if let Some((line, args)) = build
            && !args.is_empty()
        {
            let words: Vec<&str> = args.iter().map(|arg| arg.value.as_str()).collect();
            self.problems.at(
                line,
                format!(
                    "the image is built with `{}`, which is not done here",
                    words.join(" ")
                ),
                "build it on the hosts before the first launch",
            );
        }
    }

    /// A table of plain values.
    fn scalars(&mut self, node: Option<&Node>, key: &str) -> BTreeMap<String, String> {
        let Some(node) = node else {
            return BTreeMap::new();
        };
        let Value::Table(entries) = &node.value else {
            if node.value != Value::Null {
                self.wrong_kind(node, key, "a table of `name: value` lines");
            }
            return BTreeMap::new();
        };
        let mut scalars = BTreeMap::new();
        for (name, node) in entries {
            let value = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => {
                    self.wrong_kind(node, &name.name, "one value");
                    continue;
                }
            };
            scalars.insert(name.name.clone(), value);
        }
        scalars
    }

    fn command(
        &mut self,
        table: &Table<'_>,
        defaults: &BTreeMap<String, String>,
    ) -> Option<Filled> {
        let Some(command) = self.text(table.get("command"), "command") else {
            self.problems.at(
                1,
                "the recipe has no `command`",
                "this is no recipe of the launcher",
            );
            return None;
        };
        let filled = substitute(&command.value, defaults).and_then(|text| split(&text));
        let template = split(&command.value);
        let words = match filled {
            Ok(words) => words,
            Err(error) => {
                self.problems
                    .at(command.line, error.to_string(), error.hint());
                return None;
            }
        };
        let mut env = BTreeMap::new();
        let mut words = words.into_iter().peekable();
        // `A=1 vllm serve …`
        while let Some((name, value)) = words
            .peek()
            .and_then(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        {
            let Ok(name) = EnvName::new(name) else { break };
            env.insert(name, value);
            words.next();
        }
        Some(Filled {
            words: words.collect(),
            env,
            settings: template
                .map(|template| settings(&template, defaults))
                .unwrap_or_default(),
        })
    }

    /// The arguments without what may not stand in a command line.
    fn without_secrets(&mut self, args: &[String], line: u64) -> Vec<String> {
        let secrets: Vec<&str> = flags::SECRETS
            .iter()
            .copied()
            .filter(|flag| flags::holds(Dialect::Plain, args, flag))
            .collect();
        for flag in &secrets {
            self.problems.at(
                line,
                format!("`--{flag}` is a secret, and is left out"),
                "everybody on the host can read a command line",
            );
        }
        flags::without(Dialect::Vllm, args, &secrets)
    }
}

/// What the recipe's own fields are given.
struct Fields {
    port: Option<Port>,
    listen: String,
    split: u16,
    ray: bool,
}

impl Fields {
    fn of(args: &[String], defaults: &BTreeMap<String, String>) -> Self {
        let said = |flag: &str, default: &str| {
            flags::value(Dialect::Vllm, args, &BTreeMap::new(), flag)
                .or_else(|| defaults.get(default).cloned())
        };
        let listen = said("host", "host").filter(|text| text.parse::<std::net::IpAddr>().is_ok());
        Self {
            port: said("port", "port")
                .and_then(|text| text.parse().ok())
                .or_else(|| Port::try_from(8000).ok()),
            listen: listen.unwrap_or_else(|| "127.0.0.1".into()),
            split: said("tensor-parallel-size", "tensor_parallel")
                .and_then(|text| text.parse().ok())
                .unwrap_or(1),
            ray: said("distributed-executor-backend", "").as_deref() == Some("ray"),
        }
    }
}

/// One clean line, not too long.
fn line_of(text: &str, longest: usize) -> String {
    let clean = SafeText::new(text.trim());
    clean.as_str().chars().take(longest).collect()
}

/// What is served and the arguments behind it.
fn served(words: &[String]) -> Option<(ModelSource, Vec<String>)> {
    let [program, verb, model, args @ ..] = words else {
        return None;
    };
    if program != "vllm" || verb != "serve" {
        return None;
    }
    let source = if model.starts_with('/') && words::is_plain_path(model) {
        ModelSource::Local(RemotePath::new(model.trim_end_matches('/')).ok()?)
    } else {
        ModelSource::Repo(model.parse().ok()?)
    };
    Some((source, args.to_vec()))
}

/// Flags of the template whose whole value is one setting, `--max-num-seqs {max_num_seqs}`: a person may change them.
fn settings(template: &[String], defaults: &BTreeMap<String, String>) -> BTreeMap<String, Knob> {
    let mut found = BTreeMap::new();
    for (name, value) in defaults {
        let plain = name.replace('_', "-");
        if FIELDS.contains(&plain.as_str()) || flags::refused_knob(name).is_some() {
            continue;
        }
        let held = flags::value(Dialect::Vllm, template, &BTreeMap::new(), &plain);
        if held.as_deref() == Some(&format!("{{{name}}}")) {
            found.insert(name.clone(), Knob::Value(value.clone()));
        }
    }
    found
}

/// Arguments whose flag is a setting leave the list: the setting says them.
fn offered(
    args: &[String],
    settings: BTreeMap<String, Knob>,
) -> (Vec<String>, BTreeMap<String, Knob>) {
    let names: Vec<&str> = settings.keys().map(String::as_str).collect();
    let args = flags::without(Dialect::Vllm, args, &names);
    (args, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"
recipe_version: "1"
name: Some Model (AWQ)
description: What it is good for
model: org/some-model
container: vllm-node-tf5
cluster_only: true
mods: [mods/fix-it]
build_args: [--tf5]
defaults:
  port: 8000
  host: 0.0.0.0
  tensor_parallel: 2
  gpu_memory_utilization: 0.7
  max_model_len: 128000
  max_num_seqs: 4
env:
  VLLM_X: "1"
future: yes please
command: |
  A=1 vllm serve org/some-model \
      --port {port} --host {host} \
      --gpu-memory-utilization {gpu_memory_utilization} \
      -tp {tensor_parallel} --distributed-executor-backend ray \
      --max-model-len {max_model_len} --max-num-seqs {max_num_seqs} \
      --speculative-config '{{"method": "mtp", "n": 3}}' \
      --enable-auto-tool-choice
"#;

    #[test]
    fn a_recipe_of_the_launcher_becomes_one_of_ours() {
        let (recipe, problems) = import("some.yaml", RECIPE);
        let recipe = recipe.unwrap_or_else(|| panic!("{problems:#?}"));
        assert_eq!(recipe.key.as_str(), "some-model--awq-");
        assert_eq!((recipe.mode, recipe.tensor_parallel), (Mode::Cluster, 2));
        assert_eq!(
            (recipe.context, recipe.gpu_percent),
            (Some(128_000), Some(70))
        );
        assert_eq!(
            (recipe.port.get(), recipe.listen.as_str()),
            (8000, "0.0.0.0")
        );
        assert_eq!(
            recipe.args,
            [
                "--speculative-config",
                r#"{"method": "mtp", "n": 3}"#,
                "--enable-auto-tool-choice"
            ]
        );
        let knobs: Vec<&str> = recipe.knobs.keys().map(String::as_str).collect();
        assert_eq!(
            knobs,
            ["gpu_memory_utilization", "max_model_len", "max_num_seqs"]
        );
        assert_eq!(recipe.env.len(), 2);
        assert!(matches!(
            &recipe.engine,
            EngineKind::SparkLauncher { image: Some(image), mods, ray: true, .. }
                if image == "vllm-node-tf5" && mods == &["mods/fix-it"]
        ));
        let told: Vec<&str> = problems
            .iter()
            .map(|problem| problem.what.as_str())
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].contains("--tf5") && told[1].contains("future"),
            "{told:?}"
        );
    }

    #[test]
    fn what_is_no_recipe_is_told_with_its_line() {
        for (text, line) in [
            ("[", Some(1)),
            ("a list", Some(1)),
            ("name: x\n", Some(1)),
            ("name: x\ncommand: llama-server -m x\n", Some(2)),
            ("command: vllm serve a/b --x {y}\n", Some(1)),
            ("command: vllm serve a/b; id\n", Some(1)),
            ("command: vllm serve $(id)\n", Some(1)),
            ("command: vllm serve ../../etc\n", Some(1)),
            ("command: vllm serve a/b positional\n", None),
            ("command: vllm serve a/b\nmods: [../x]\n", None),
            ("command: vllm serve a/b\ncontainer: '-v /:/x'\n", None),
        ] {
            let (recipe, problems) = import("x.yaml", text);
            assert!(recipe.is_none(), "{text}");
            assert_eq!(problems[0].line, line, "{text}: {problems:?}");
        }
        let (recipe, problems) = import("x.yaml", "command: vllm serve a/b --api-key sesame\n");
        assert_eq!(recipe.unwrap().args, [""; 0]);
        assert!(!format!("{problems:?}").contains("sesame"));
    }
}
