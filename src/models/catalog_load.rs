//! The files of the catalogue become one (pure): later ones are laid over earlier ones, entry by entry and field by field.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::{Catalog, CatalogProblem, EngineKind, HostFolder, LauncherForm, Mode, Recipe};
use super::catalog_read::{Draft, ENGINES, EngineWord, layer};
use super::flags::{self, Dialect};
use crate::domain::{ModelKey, Port};

/// The catalogue that comes with the program.
const BUNDLED: &str = include_str!("../../models.yaml");

/// What problems call it.
pub const BUNDLED_NAME: &str = "models.yaml";

/// The launcher's folder and container where nobody names others.
const LAUNCHER_FOLDER: &str = "~/spark-vllm-docker";
const LAUNCHER_CONTAINER: &str = "vllm_node";

/// vLLM's image where a recipe names none.
const VLLM_IMAGE: &str = "vllm/vllm-openai:latest";

/// vLLM's own port.
const PORT: u16 = 8000;

/// A recipe while its files are laid over each other.
struct Growing {
    file: usize,
    line: u64,
    draft: Draft,
}

impl Catalog {
    /// The catalogue that comes with the program, with these files (name and text) laid over it, later ones over earlier ones.
    pub fn with_bundled(files: &[(String, String)]) -> Self {
        let all: Vec<(&str, &str)> = [(BUNDLED_NAME, BUNDLED)]
            .into_iter()
            .chain(
                files
                    .iter()
                    .map(|(name, text)| (name.as_str(), text.as_str())),
            )
            .collect();
        Self::load(&all)
    }

    /// Lays these files (name and text) over each other, later ones over earlier ones. Each entry of a file holds as a whole or
    /// is told and left out; what earlier files say of it then stays.
    pub fn load(files: &[(&str, &str)]) -> Self {
        let mut problems = Vec::new();
        let mut defaults = Draft::default();
        let mut growing: BTreeMap<String, Growing> = BTreeMap::new();
        for (file, (name, text)) in files.iter().enumerate() {
            let layer = layer(name, text, &mut problems);
            defaults = layer.defaults.over(defaults);
            for entry in layer.entries {
                let below = growing.remove(&entry.key);
                let Some(draft) = entry.draft else { continue };
                let draft = match below {
                    Some(below) => draft.over(below.draft),
                    None => draft,
                };
                let line = entry.line;
                growing.insert(entry.key, Growing { file, line, draft });
            }
        }
        let mut recipes = BTreeMap::new();
        for (key, grown) in growing {
            let file = files.get(grown.file).map_or("", |(name, _)| *name);
            match finish(&key, grown.draft, &defaults) {
                Ok(recipe) => {
                    recipes.insert(recipe.key.clone(), Arc::new(recipe));
                }
                Err((what, hint)) => problems.push(CatalogProblem {
                    file: file.to_owned(),
                    line: Some(grown.line),
                    entry: Some(key),
                    what,
                    hint: Some(hint),
                }),
            }
        }
        Self { recipes, problems }
    }
}

impl Draft {
    /// This one laid over another.
    fn over(self, below: Self) -> Self {
        let other_engine = self.engine.is_some() && self.engine != below.engine;
        // What only the other engine understands goes with it.
        let below = if other_engine {
            Self {
                folder: None,
                form: None,
                ray: None,
                mods: None,
                image: None,
                file: None,
                inner_port: None,
                container: None,
                ..below
            }
        } else {
            below
        };
        Self {
            name: self.name.or(below.name),
            source: self.source.or(below.source),
            size: self.size.or(below.size),
            mode: self.mode.or(below.mode),
            engine: self.engine.or(below.engine),
            folder: self.folder.or(below.folder),
            form: self.form.or(below.form),
            ray: self.ray.or(below.ray),
            mods: self.mods.or(below.mods),
            image: self.image.or(below.image),
            file: self.file.or(below.file),
            inner_port: self.inner_port.or(below.inner_port),
            hosts: self.hosts.or(below.hosts),
            port: self.port.or(below.port),
            listen: self.listen.or(below.listen),
            container: self.container.or(below.container),
            args: self.args.or(below.args),
            knobs: laid(below.knobs, self.knobs),
            env: laid(below.env, self.env),
            gpu_percent: self.gpu_percent.or(below.gpu_percent),
            context: self.context.or(below.context),
            tensor_parallel: self.tensor_parallel.or(below.tensor_parallel),
            note: self.note.or(below.note),
        }
    }

    /// Keys that this engine does not understand.
    fn foreign(&self, engine: EngineWord) -> Option<&'static str> {
        let launcher = engine == EngineWord::SparkLauncher;
        let llama = engine == EngineWord::LlamaCpp;
        let keys = [
            ("folder", self.folder.is_some() && !launcher),
            ("form", self.form.is_some() && !launcher),
            ("ray", self.ray.is_some() && !launcher),
            ("mods", self.mods.is_some() && !launcher),
            ("file", self.file.is_some() && !llama),
            (
                "inner_port",
                self.inner_port.is_some() && engine != EngineWord::Container,
            ),
        ];
        keys.into_iter()
            .find(|(_, there)| *there)
            .map(|(key, _)| key)
    }
}

fn laid<K: Ord, V>(mut below: BTreeMap<K, V>, above: BTreeMap<K, V>) -> BTreeMap<K, V> {
    below.extend(above);
    below
}

/// What is wrong and the mend.
type Wrong = (String, String);

/// A draft with everything that a launch needs.
fn finish(key: &str, draft: Draft, defaults: &Draft) -> Result<Recipe, Wrong> {
    let Some(engine) = draft.engine.or(defaults.engine) else {
        let words: Vec<&str> = ENGINES.iter().map(|(word, _)| *word).collect();
        let hint = format!("write `engine:` with one of {}", words.join(", "));
        return Err(("nothing says what runs this model".into(), hint));
    };
    if let Some(foreign) = draft.foreign(engine) {
        let word = ENGINES.iter().find(|(_, other)| *other == engine);
        let word = word.map_or("", |(word, _)| *word);
        return Err((
            format!("`{foreign}` has no meaning with `engine: {word}`"),
            format!("remove `{foreign}`, or choose another engine"),
        ));
    }
    let draft = Draft {
        engine: Some(engine),
        ..draft
    }
    .over(defaults.clone().of(engine));
    let Some(source) = draft.source.clone() else {
        return Err((
            "nothing says where the weights come from".into(),
            "write `repo: ORGANISATION/NAME`, or `local_path: /a/folder/of/the/host`".into(),
        ));
    };
    let args = draft.args.clone().unwrap_or_default();
    let knobs: BTreeMap<_, _> = draft
        .knobs
        .iter()
        .filter_map(|(name, knob)| Some((name.clone(), knob.clone()?)))
        .collect();
    let kind = kind(engine, &draft)?;
    let said = |field: &str| flags::value(Dialect::of(&kind), &args, &knobs, field);
    let context = said("max-model-len").and_then(|text| text.parse().ok());
    let gpu_percent = said("gpu-memory-utilization").and_then(|text| flags::percent(&text));
    let tensor_parallel = said("tensor-parallel-size").and_then(|text| text.parse().ok());
    Ok(Recipe {
        key: ModelKey::new(key),
        name: draft.name.clone().unwrap_or_else(|| key.to_owned()),
        source,
        size: draft.size,
        mode: draft.mode.unwrap_or(Mode::Solo),
        hosts: draft.hosts.clone().unwrap_or_default(),
        port: port(&draft)?,
        listen: draft.listen.clone().unwrap_or_else(|| "127.0.0.1".into()),
        container: container(key, engine, &draft),
        engine: kind,
        env: draft
            .env
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect(),
        gpu_percent: gpu_percent.or(draft.gpu_percent),
        context: context.or(draft.context),
        tensor_parallel: tensor_parallel.or(draft.tensor_parallel).unwrap_or(1),
        note: draft.note,
        args,
        knobs,
    })
}

fn port(draft: &Draft) -> Result<Port, Wrong> {
    match draft.port {
        Some(port) => Ok(port),
        None => Port::try_from(PORT).map_err(|error| (error.to_string(), String::new())),
    }
}

fn container(key: &str, engine: EngineWord, draft: &Draft) -> String {
    draft.container.clone().unwrap_or_else(|| match engine {
        EngineWord::SparkLauncher => LAUNCHER_CONTAINER.to_owned(),
        _ => format!("pilothouse-{key}"),
    })
}

impl Draft {
    /// Defaults, as far as this engine understands them.
    fn of(self, engine: EngineWord) -> Self {
        let launcher = engine == EngineWord::SparkLauncher;
        Self {
            engine: Some(engine),
            folder: self.folder.filter(|_| launcher),
            form: self.form.filter(|_| launcher),
            ray: self.ray.filter(|_| launcher),
            gpu_percent: self
                .gpu_percent
                .filter(|_| matches!(engine, EngineWord::SparkLauncher | EngineWord::Vllm)),
            ..self
        }
    }
}

fn kind(engine: EngineWord, draft: &Draft) -> Result<EngineKind, Wrong> {
    let image = draft.image.clone();
    match engine {
        EngineWord::SparkLauncher => {
            let folder = match &draft.folder {
                Some(folder) => folder.clone(),
                None => HostFolder::new(LAUNCHER_FOLDER)
                    .map_err(|error| (error.to_string(), String::new()))?,
            };
            Ok(EngineKind::SparkLauncher {
                folder,
                form: draft.form.unwrap_or(LauncherForm::Escaped),
                image,
                mods: draft.mods.clone().unwrap_or_default(),
                ray: draft.ray.unwrap_or(true),
            })
        }
        EngineWord::Vllm => Ok(EngineKind::Vllm {
            image: image.unwrap_or_else(|| VLLM_IMAGE.to_owned()),
        }),
        EngineWord::LlamaCpp => Ok(EngineKind::LlamaCpp {
            image,
            file: draft.file.clone(),
        }),
        EngineWord::Container => Ok(EngineKind::Container {
            image: image.ok_or_else(|| {
                (
                    "nothing says which image is run".to_owned(),
                    "write `image: registry/name:tag`".to_owned(),
                )
            })?,
            inner_port: draft.inner_port,
        }),
    }
}
