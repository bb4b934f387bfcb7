//! A recipe as a file of its own (pure): written so that reading it gives back exactly the same recipe.

use serde_json::{Value, json};

use super::catalog::{
    Catalog, CatalogProblem, EngineKind, Knob, LauncherForm, Mode, ModelSource, Recipe,
};

/// The file that says this recipe and nothing else. Every value is written as JSON, which is YAML that needs no guessing.
pub fn recipe_yaml(recipe: &Recipe) -> String {
    let mut text = format!("models:\n  {}:\n", json!(recipe.key));
    for (key, value) in fields(recipe) {
        text = format!("{text}    {key}: {value}\n");
    }
    text
}

/// What stands against keeping this recipe: everything that reading it back would tell. Empty: it is read back as it is.
pub fn recipe_problems(recipe: &Recipe) -> Vec<CatalogProblem> {
    let name = format!("{}.yaml", recipe.key);
    let catalog = Catalog::load(&[(&name, &recipe_yaml(recipe))]);
    if !catalog.problems.is_empty() {
        return catalog.problems;
    }
    match catalog.recipes.get(&recipe.key) {
        Some(read) if **read == *recipe => Vec::new(),
        _ => vec![CatalogProblem {
            file: name,
            line: None,
            entry: Some(recipe.key.to_string()),
            what: "reading the recipe back gives another one".into(),
            hint: Some("the arguments and the fields of their own say different things".into()),
        }],
    }
}

fn fields(recipe: &Recipe) -> Vec<(&'static str, Value)> {
    let mut fields = vec![("name", json!(recipe.name))];
    fields.push(match &recipe.source {
        ModelSource::Repo(repo) => ("repo", json!(repo)),
        ModelSource::Local(path) => ("local_path", json!(path)),
    });
    if let Some(size) = recipe.size {
        fields.push(("size", json!(crate::config::memory_words(size))));
    }
    let mode = match recipe.mode {
        Mode::Solo => "solo",
        Mode::Cluster => "cluster",
        Mode::Either => "either",
    };
    fields.push(("mode", json!(mode)));
    fields.extend(engine(&recipe.engine));
    if !recipe.hosts.is_empty() {
        fields.push(("hosts", json!(recipe.hosts)));
    }
    fields.push(("port", json!(recipe.port)));
    fields.push(("listen", json!(recipe.listen)));
    fields.push(("container", json!(recipe.container)));
    if let Some(context) = recipe.context {
        fields.push(("context", json!(context)));
    }
    if let Some(percent) = recipe.gpu_percent {
        fields.push(("gpu_percent", json!(percent)));
    }
    fields.push(("tensor_parallel", json!(recipe.tensor_parallel)));
    fields.push(("args", json!(recipe.args)));
    let knobs: serde_json::Map<String, Value> = recipe
        .knobs
        .iter()
        .map(|(name, knob)| {
            let value = match knob {
                Knob::Flag(there) => json!(there),
                Knob::Value(value) => json!(value),
            };
            (name.clone(), value)
        })
        .collect();
    fields.push(("knobs", Value::Object(knobs)));
    let env: serde_json::Map<String, Value> = recipe
        .env
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
        .collect();
    fields.push(("env", Value::Object(env)));
    if let Some(note) = &recipe.note {
        fields.push(("note", json!(note)));
    }
    fields
}

fn engine(engine: &EngineKind) -> Vec<(&'static str, Value)> {
    let mut fields = Vec::new();
    let image_of = |image: Option<&String>| image.map(|image| ("image", json!(image)));
    match engine {
        EngineKind::SparkLauncher {
            folder,
            form,
            image,
            mods,
            ray,
        } => {
            let form = match form {
                LauncherForm::Joined => "joined",
                LauncherForm::Escaped => "escaped",
            };
            fields.push(("engine", json!("spark-launcher")));
            fields.push(("folder", json!(folder)));
            fields.push(("form", json!(form)));
            fields.push(("ray", json!(ray)));
            fields.push(("mods", json!(mods)));
            fields.extend(image_of(image.as_ref()));
        }
        EngineKind::Vllm { image } => {
            fields.push(("engine", json!("vllm")));
            fields.extend(image_of(Some(image)));
        }
        EngineKind::LlamaCpp { image, file } => {
            fields.push(("engine", json!("llama.cpp")));
            fields.extend(image_of(image.as_ref()));
            fields.extend(file.as_ref().map(|file| ("file", json!(file))));
        }
        EngineKind::Container { image, inner_port } => {
            fields.push(("engine", json!("container")));
            fields.extend(image_of(Some(image)));
            fields.extend(inner_port.map(|port| ("inner_port", json!(port))));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_recipe_is_read_back_as_it_is_written() {
        for recipe in Catalog::with_bundled(&[]).recipes.values() {
            assert_eq!(recipe_problems(recipe), [], "{}", recipe_yaml(recipe));
        }
    }

    #[test]
    fn a_recipe_that_would_read_otherwise_is_told() {
        let catalog = Catalog::with_bundled(&[]);
        let recipe = catalog.recipes.values().next().unwrap().as_ref().clone();
        let hostile = Recipe {
            args: vec!["--x=\u{1b}]0;x".into()],
            ..recipe.clone()
        };
        assert_eq!(recipe_problems(&hostile).len(), 1);
        let torn = Recipe {
            context: Some(1),
            args: vec!["--max-model-len=2".into()],
            ..recipe
        };
        assert_eq!(recipe_problems(&torn).len(), 1);
    }
}
