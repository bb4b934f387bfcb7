//! The server of llama.cpp (pure): in a container, or the program of the host.

use std::collections::BTreeMap;

use super::catalog::{Knob, ModelSource};
use super::flags::{self, Dialect};
use super::launch::{Job, Lasting, Launch, LaunchError, with_words};
use super::launch_docker::{Mounted, Net, finish, mounted, options, unless_said, without_gpus};
use crate::domain::Place;
use crate::shell::{EnvName, ShellCommand, ShellWord};

/// Finds the weights in the folder `$1`, then becomes the command behind `$3` with them as seen from the folder `$2`. Of split
/// weights the first part is named; a projector (`mmproj`) is none.
const FIND: &str = r#"cd -- "$1" || exit
found=
for file in *.gguf; do
    case $file in
    mmproj*) continue ;;
    *-00001-of-[0-9]*.gguf) ;;
    *-[0-9][0-9][0-9][0-9][0-9]-of-[0-9]*.gguf) continue ;;
    esac
    [ -e "$file" ] || continue
    if [ -n "$found" ]; then
        echo "more than one .gguf in $1: the recipe has to name one with file" >&2
        exit 64
    fi
    found=$file
done
if [ -z "$found" ]; then
    echo "no .gguf in $1" >&2
    exit 66
fi
folder=$2
shift 2
exec "$@" --model "$folder/$found""#;

pub(super) fn launch(
    job: &Job<'_>,
    image: Option<&str>,
    file: Option<&str>,
) -> Result<Launch, LaunchError> {
    if matches!(job.place, Place::Cluster(_)) {
        return Err(LaunchError::OneHostOnly("the server of llama.cpp"));
    }
    let outside = match (&job.recipe.source, job.weights) {
        (ModelSource::Local(folder), _) => folder.as_str().to_owned(),
        (ModelSource::Repo(_), Some(weights)) => weights.path.as_str().to_owned(),
        (ModelSource::Repo(_), None) => {
            let host = job.place.head().clone();
            return Err(LaunchError::NoWeights(job.recipe.key.clone(), host));
        }
    };
    match image {
        Some(image) => in_container(job, image, file, &outside),
        None => on_host(job, file, &outside),
    }
}

fn in_container(
    job: &Job<'_>,
    image: &str,
    file: Option<&str>,
    outside: &str,
) -> Result<Launch, LaunchError> {
    let mut seen: Mounted = mounted(job, true)?;
    seen.env.clear();
    let inside = seen.folder.clone().unwrap_or_else(|| outside.to_owned());
    let words = args(job, "0.0.0.0", file.map(|file| format!("{inside}/{file}")));
    let mut options = options(job, &seen, &Net::Published(job.recipe.port), &[]);
    if uses(Some(image), &words) == Uses::Cpu {
        options = without_gpus(options);
    }
    let launch = finish(job, image, options, (None, words), Vec::new())?;
    Ok(Launch {
        command: located(launch.command, file, outside, &inside)?,
        ..launch
    })
}

fn on_host(job: &Job<'_>, file: Option<&str>, outside: &str) -> Result<Launch, LaunchError> {
    let words = args(
        job,
        &job.recipe.listen,
        file.map(|file| format!("{outside}/{file}")),
    );
    let mut command = with_words(ShellCommand::new("llama-server"), words.iter().cloned())?;
    for (name, value) in &job.recipe.env {
        let name = EnvName::new(name.as_str())?;
        command = command.env(name, ShellWord::new(value.clone())?);
    }
    let mut engine = vec!["llama-server".to_owned()];
    engine.extend(words);
    Ok(Launch {
        model: job.recipe.key.clone(),
        host: job.place.head().clone(),
        before: Vec::new(),
        command: located(command, file, outside, outside)?,
        lasts: Lasting::Stays,
        container: None,
        port: job.recipe.port,
        listen: job.recipe.listen.clone(),
        engine,
    })
}

/// What it does with the GPUs of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uses {
    /// It needs them.
    Gpus,
    /// It takes them where there are some.
    GpusIfAny,
    /// It leaves them alone: its words keep every layer on the CPU.
    Cpu,
}

/// What the server of llama.cpp does with the GPUs, by its words. In an image of its own it is given all of them, unless it is told
/// to leave them alone.
pub(super) fn uses(image: Option<&str>, words: &[String]) -> Uses {
    let value = |flag: &str| flags::value(Dialect::LlamaCpp, words, &BTreeMap::new(), flag);
    let none = value("device").is_some_and(|device| device == "none");
    if none || value("gpu-layers").is_some_and(|layers| layers == "0") {
        return Uses::Cpu;
    }
    match image {
        Some(_) => Uses::Gpus,
        None => Uses::GpusIfAny,
    }
}

/// The command, behind the search for its weights where the recipe names no file.
fn located(
    command: ShellCommand,
    file: Option<&str>,
    outside: &str,
    inside: &str,
) -> Result<ShellCommand, LaunchError> {
    if file.is_some() {
        return Ok(command);
    }
    Ok(ShellCommand::new("sh")
        .arg("-c")
        .arg(FIND)
        .arg("sh")
        .word(ShellWord::new(outside)?)
        .word(ShellWord::new(inside)?)
        .command(command))
}

fn args(job: &Job<'_>, listen: &str, model: Option<String>) -> Vec<String> {
    let recipe = job.recipe;
    let mut words = vec![
        "--host".to_owned(),
        listen.to_owned(),
        "--port".to_owned(),
        recipe.port.to_string(),
    ];
    // What it serves is read from its metrics.
    words.extend(unless_said(&recipe.args, "metrics", &Knob::Flag(true)));
    words.extend(unless_said(
        &recipe.args,
        "alias",
        &Knob::Value(recipe.key.to_string()),
    ));
    if let Some(context) = recipe.context {
        let length = Knob::Value(context.to_string());
        words.extend(unless_said(&recipe.args, "ctx-size", &length));
    }
    words.extend(recipe.args.iter().cloned());
    let mut words = flags::with_knobs(Dialect::LlamaCpp, &words, &job.knobs);
    if let Some(model) = model {
        words.extend(["--model".to_owned(), model]);
    }
    words
}
