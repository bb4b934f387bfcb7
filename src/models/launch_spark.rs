//! vLLM by the launcher script for Sparks (pure), in both of its ages. What it expands without quotes is refused, what it joins
//! and reads again is quoted twice.

use super::catalog::{EngineKind, HostFolder, LauncherForm, ModelSource, Recipe};
use super::launch::{Job, Lasting, Launch, LaunchError, MODEL_LABEL, with_words};
use super::serving_place::PORT_LABEL;
use super::words;
use crate::domain::{Cluster, Place};
use crate::shell::{EnvName, ShellCommand, ShellWord, quote};

/// The script, in its folder.
const SCRIPT: &str = "./launch-cluster.sh";
/// Options of `docker run` that the launcher adds to its own, without quotes.
const EXTRA: &str = "VLLM_SPARK_EXTRA_DOCKER_ARGS";
/// The image and the container where the launcher is told none.
const CONTAINER: &str = "vllm_node";
/// Goes to a folder that is absolute or begins at the home of the login, then becomes the command behind it.
const IN_FOLDER: &str = "cd && cd -- \"$1\" && shift && exec \"$@\"";

pub(super) fn launch(job: &Job<'_>) -> Result<Launch, LaunchError> {
    let recipe = job.recipe;
    let EngineKind::SparkLauncher {
        folder, form, mods, ..
    } = &recipe.engine
    else {
        return Err(LaunchError::OneHostOnly("this engine"));
    };
    let key = || recipe.key.clone();
    if *form == LauncherForm::Joined {
        if matches!(job.place, Place::Solo(_)) {
            return Err(LaunchError::OldLauncher(key()));
        }
        if !mods.is_empty() {
            return Err(LaunchError::OldLauncherMods(key()));
        }
    }
    let engine = engine(job)?;
    let mut words = options(job)?;
    words.push("exec".into());
    match form {
        LauncherForm::Joined => words.extend(engine.iter().map(|word| quote(word))),
        LauncherForm::Escaped => words.extend(engine.iter().cloned()),
    }
    let command = in_folder(folder)?.env(EnvName::new(EXTRA)?, ShellWord::new(extra(job)?)?);
    Ok(Launch {
        model: key(),
        host: job.place.head().clone(),
        before: Vec::new(),
        command: with_words(command.arg(SCRIPT), words)?,
        // The older one stops the cluster as soon as its script ends.
        lasts: match form {
            LauncherForm::Joined => Lasting::Stays,
            LauncherForm::Escaped => Lasting::Ends,
        },
        container: Some(recipe.container.clone()),
        port: recipe.port,
        listen: recipe.listen.clone(),
        engine,
    })
}

/// Stops what the launcher started on all nodes of a place.
pub(super) fn stop(
    recipe: &Recipe,
    place: &Place,
    folder: &HostFolder,
    form: LauncherForm,
) -> Result<ShellCommand, LaunchError> {
    let mut words = nodes(place, form)?;
    words.extend(name(recipe));
    words.push("stop".into());
    with_words(in_folder(folder)?.arg(SCRIPT), words)
}

fn in_folder(folder: &HostFolder) -> Result<ShellCommand, LaunchError> {
    Ok(ShellCommand::new("sh")
        .arg("-c")
        .arg(IN_FOLDER)
        .arg("sh")
        .word(ShellWord::new(folder.for_cd())?))
}

/// `vllm serve …`
fn engine(job: &Job<'_>) -> Result<Vec<String>, LaunchError> {
    let mut words: Vec<String> = ["vllm", "serve", job.model()].map(str::to_owned).to_vec();
    words.extend(job.vllm_args(&job.recipe.listen)?);
    let backend = "--distributed-executor-backend";
    let ray = matches!(
        job.recipe.engine,
        EngineKind::SparkLauncher { ray: true, .. }
    );
    let said = words.iter().any(|word| word.starts_with(backend));
    if ray && !said && matches!(job.place, Place::Cluster(_)) {
        words.push(format!("{backend}=ray"));
    }
    Ok(words)
}

fn options(job: &Job<'_>) -> Result<Vec<String>, LaunchError> {
    let EngineKind::SparkLauncher {
        form,
        image,
        mods,
        ray,
        ..
    } = &job.recipe.engine
    else {
        return Ok(Vec::new());
    };
    let mut words = nodes(job.place, *form)?;
    if let Some(image) = image {
        words.extend(["-t".to_owned(), image.clone()]);
    }
    words.extend(name(job.recipe));
    for change in mods {
        words.extend(["--apply-mod".to_owned(), change.clone()]);
    }
    if *form == LauncherForm::Escaped {
        if !ray && matches!(job.place, Place::Cluster(_)) {
            words.push("--no-ray".into());
        }
        words.push("-d".into());
    }
    Ok(words)
}

/// Which nodes, and the network between them.
fn nodes(place: &Place, form: LauncherForm) -> Result<Vec<String>, LaunchError> {
    match place {
        Place::Solo(_) if form == LauncherForm::Escaped => Ok(vec!["--solo".into()]),
        Place::Solo(_) => Ok(Vec::new()),
        Place::Cluster(cluster) => of_cluster(cluster),
    }
}

fn of_cluster(cluster: &Cluster) -> Result<Vec<String>, LaunchError> {
    let addresses: Vec<String> = std::iter::once(&cluster.head)
        .chain(&cluster.workers)
        .map(|node| node.address.to_string())
        .collect();
    let mut words = vec!["-n".to_owned(), addresses.join(",")];
    if let Some(interface) = &cluster.interface {
        words.extend(["--eth-if".to_owned(), inert("the interface", interface)?]);
    }
    if !cluster.devices.is_empty() {
        words.extend([
            "--ib-if".to_owned(),
            inert("the devices", &cluster.devices.join(","))?,
        ]);
    }
    Ok(words)
}

fn name(recipe: &Recipe) -> Vec<String> {
    if recipe.container == CONTAINER {
        return Vec::new();
    }
    vec!["--name".to_owned(), recipe.container.clone()]
}

/// The launcher's extra options. Each word is inert: they are expanded without quotes on the head, and once more by the shells
/// of the workers.
fn extra(job: &Job<'_>) -> Result<String, LaunchError> {
    let recipe = job.recipe;
    let mut words = vec![
        "--label".to_owned(),
        inert("the key", &format!("{MODEL_LABEL}={}", recipe.key))?,
        "--label".to_owned(),
        format!("{PORT_LABEL}={}", recipe.port),
    ];
    for (name, value) in &recipe.env {
        let word = format!("{}={value}", name.as_str());
        words.extend(["-e".to_owned(), inert("the variable", &word)?]);
    }
    if let ModelSource::Local(folder) = &recipe.source {
        let path = folder.as_str();
        if !words::is_plain_path(path) {
            return Err(LaunchError::NotInert {
                what: "the folder".into(),
                value: path.to_owned(),
            });
        }
        words.extend(["-v".to_owned(), format!("{path}:{path}:ro")]);
    }
    Ok(words.join(" "))
}

fn inert(what: &str, word: &str) -> Result<String, LaunchError> {
    if words::is_inert_word(word) {
        return Ok(word.to_owned());
    }
    Err(LaunchError::NotInert {
        what: what.to_owned(),
        value: word.to_owned(),
    })
}
