//! Every hostile value in every field of the catalogue and of the files merged over it: refused with its line, or carried as data
//! to the last shell that a launch goes through.

use std::collections::BTreeMap;

use pilothouse::domain::{Bytes, Cluster, ClusterNode, HostId, Mib, ModelKey, Place, Port, Wall};
use pilothouse::models::{
    Catalog, Completeness, EngineKind, HostFolder, Knob, LauncherForm, Mode, ModelSource, Recipe,
    Weights, launch, recipe_yaml,
};
use pilothouse::shell::{EnvName, RemotePath};
use serde_json::{Map, Value};

use super::nasty::{Aviary, SHARP, nasty, told, with_each};

/// What the launcher does with the words behind `exec`, in its two ages.
const JOINED: &str = "#!/bin/bash\nwhile [ $# -gt 0 ] && [ \"$1\" != exec ]; do shift; done\nshift\nbash -c \"$*\"\n";
const ESCAPED: &str =
    "#!/bin/bash\nwhile [ $# -gt 0 ] && [ \"$1\" != exec ]; do shift; done\nshift\n\"$@\"\n";

fn port(number: u16) -> Port {
    Port::try_from(number).unwrap()
}

/// A recipe in which every field says something: one that is added later has to be named here.
fn full(engine: EngineKind, source: ModelSource, mode: Mode) -> Recipe {
    let knobs = [
        ("max_num_seqs", Knob::Value("8".into())),
        ("enable_x", Knob::Flag(true)),
    ];
    Recipe {
        key: ModelKey::new("m"),
        name: "A model".into(),
        source,
        size: Some(Mib(2048)),
        mode,
        engine,
        hosts: vec!["spark-1".into(), "tag:gpu".into()],
        port: port(8000),
        listen: "127.0.0.1".into(),
        container: "vllm".into(),
        args: vec!["--swap-space=1".into(), "word".into()],
        knobs: knobs.map(|(name, knob)| (name.to_owned(), knob)).into(),
        env: BTreeMap::from([(EnvName::new("VLLM_X").unwrap(), "value".to_owned())]),
        gpu_percent: Some(80),
        context: Some(4096),
        tensor_parallel: 2,
        note: Some("a note".into()),
    }
}

fn engines(folder: &str) -> Vec<Recipe> {
    let repo = || ModelSource::Repo("ann/m".parse().unwrap());
    let local = || ModelSource::Local(RemotePath::new("/models/m").unwrap());
    let spark = |form, folder: String| EngineKind::SparkLauncher {
        folder: HostFolder::new(&folder).unwrap(),
        form,
        image: Some("vllm-node:1".into()),
        mods: if form == LauncherForm::Joined {
            Vec::new()
        } else {
            vec!["mods/fix".into()]
        },
        ray: true,
    };
    vec![
        full(
            spark(LauncherForm::Joined, format!("{folder}/joined")),
            repo(),
            Mode::Cluster,
        ),
        full(
            spark(LauncherForm::Escaped, format!("{folder}/escaped")),
            local(),
            Mode::Either,
        ),
        full(
            EngineKind::Vllm {
                image: "some/vllm:1".into(),
            },
            local(),
            Mode::Either,
        ),
        full(
            EngineKind::LlamaCpp {
                image: None,
                file: Some("m.gguf".into()),
            },
            local(),
            Mode::Solo,
        ),
        full(
            EngineKind::LlamaCpp {
                image: Some("some/llama:1".into()),
                file: None,
            },
            repo(),
            Mode::Solo,
        ),
        full(
            EngineKind::Container {
                image: "some/engine:1".into(),
                inner_port: Some(port(80)),
            },
            repo(),
            Mode::Solo,
        ),
    ]
}

/// The fields of a recipe as its file has them.
fn fields(recipe: &Recipe) -> Value {
    let text = recipe_yaml(recipe);
    let lines = text
        .lines()
        .skip(2)
        .map(|line| line.trim().split_once(": ").unwrap());
    Value::Object(
        lines
            .map(|(key, value)| (key.to_owned(), serde_json::from_str(value).unwrap()))
            .collect::<Map<_, _>>(),
    )
}

fn places() -> [Place; 2] {
    let node = |host: &str, address: &str| ClusterNode {
        host: HostId::new(host),
        address: address.parse().unwrap(),
    };
    [
        Place::Solo(HostId::new("spark-1")),
        Place::Cluster(Cluster {
            name: "pair".into(),
            head: node("spark-1", "192.168.177.11"),
            workers: vec![node("spark-2", "192.168.177.12")],
            interface: Some("enp1s0f0np0".into()),
            devices: vec!["rocep1s0f0".into()],
        }),
    ]
}

/// Everything that a launch of it would have run.
fn launched(aviary: &mut Aviary, told: &str, recipe: &Recipe) {
    let on_disk = Weights {
        source: recipe.source.clone(),
        path: RemotePath::new("/cache/snapshots/1").unwrap(),
        size: Bytes(1),
        files: 1,
        changed: Wall::default(),
        completeness: Completeness::Complete,
        config: None,
    };
    for place in places() {
        if let Ok(launch) = launch(recipe, &place, &BTreeMap::new(), Some(&on_disk)) {
            for command in launch.before.iter().chain([&launch.command]) {
                aviary.run(told, command);
            }
        }
    }
}

fn aviary() -> Aviary {
    let aviary = Aviary::new();
    for (folder, script) in [("joined", JOINED), ("escaped", ESCAPED)] {
        std::fs::create_dir(aviary.path(folder)).unwrap();
        aviary.program_at(&format!("{folder}/launch-cluster.sh"), script);
    }
    aviary
}

/// What is said of a value that is refused: where it stands, in words that a terminal can show.
fn refused(catalog: &Catalog, file: &str, told: &str) -> bool {
    for problem in &catalog.problems {
        assert_eq!(problem.file, file, "{told} {problem:?}");
        assert!(problem.line.is_some(), "{told} {problem:?}");
        let words = [
            Some(&problem.what),
            problem.hint.as_ref(),
            problem.entry.as_ref(),
        ];
        let seen = words
            .into_iter()
            .flatten()
            .all(|text| !text.chars().any(char::is_control) && text.len() < 500);
        assert!(seen, "{told} {problem:?}");
    }
    !catalog.problems.is_empty()
}

/// A catalogue of this one entry in which one value is another.
fn alone(aviary: &mut Aviary, recipe: &Recipe, place: &str, document: &Value, value: &str) {
    let told = told(place, value);
    let text = format!("models: {{m: {document}}}\n");
    let catalog = Catalog::load(&[("mine.yaml", &text)]);
    let is_refused = refused(&catalog, "mine.yaml", &told);
    if let Some(read) = catalog.recipes.get(&recipe.key) {
        launched(aviary, &told, read);
        // Not a word of it is lost in silence.
        let read_back = fields(read);
        let is_kept = has(&read_back, value) || has(&read_back, value.trim());
        let is_kept = is_kept || **read == *recipe;
        assert!(is_refused || is_kept, "{told}");
    }
}

/// The same, over an entry that is sound.
fn merged(aviary: &mut Aviary, recipe: &Recipe, place: &str, document: &Value, value: &str) {
    let told = told(place, value);
    let sound = fields(recipe);
    let base = format!("models: {{m: {sound}}}\n");
    let changed = document.as_object().unwrap().iter();
    let changed = changed.filter(|(key, value)| sound.get(key.as_str()) != Some(value));
    let changed: Map<String, Value> = changed.map(|(k, v)| (k.clone(), v.clone())).collect();
    let text = format!("models: {{m: {}}}\n", Value::Object(changed));
    let catalog = Catalog::load(&[("models.yaml", &base), ("mine.yaml", &text)]);
    refused(&catalog, "mine.yaml", &told);
    for read in catalog.recipes.values() {
        launched(aviary, &told, read);
    }
}

#[test]
fn hostile_values_in_a_catalogue_are_refused_with_their_line_or_are_data() {
    let mut aviary = aviary();
    let folder = aviary.path("").display().to_string();
    let recipes = engines(folder.trim_end_matches('/'));
    for recipe in &recipes {
        let sound = fields(recipe);
        let base = format!("models: {{m: {sound}}}\n");
        let catalog = Catalog::load(&[("models.yaml", &base)]);
        assert_eq!(catalog.problems, [], "{base}");
        assert_eq!(*catalog.recipes[&recipe.key], *recipe);
        for value in SHARP {
            for (place, document) in with_each(&sound, value) {
                alone(&mut aviary, recipe, &place, &document, value);
            }
        }
    }
    assert_eq!(aviary.sings(100), [""; 0]);
}

#[test]
fn hostile_values_in_a_file_merged_over_it_are_refused_with_their_line_or_are_data() {
    let mut aviary = aviary();
    let folder = aviary.path("").display().to_string();
    let recipe = &engines(folder.trim_end_matches('/'))[2];
    let sound = fields(recipe);
    for value in nasty() {
        for (place, document) in with_each(&sound, &value) {
            alone(&mut aviary, recipe, &place, &document, &value);
            merged(&mut aviary, recipe, &place, &document, &value);
        }
        let text = format!("models: {{{}: {sound}}}\n", Value::String(value.clone()));
        let catalog = Catalog::load(&[("mine.yaml", &text)]);
        refused(&catalog, "mine.yaml", &told("the key", &value));
        for read in catalog.recipes.values() {
            launched(&mut aviary, &told("the key", &value), read);
        }
    }
    assert_eq!(aviary.sings(100), [""; 0]);
}

fn has(document: &Value, value: &str) -> bool {
    match document {
        Value::Object(entries) => entries
            .iter()
            .any(|(key, below)| key == value || has(below, value)),
        Value::Array(items) => items.iter().any(|item| has(item, value)),
        Value::String(text) => text == value,
        _ => false,
    }
}
