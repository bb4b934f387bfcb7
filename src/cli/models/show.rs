//! One model as text and as JSON (pure): its recipe, its weights host by host, and the exact command that would launch it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::menu::{Entry, note_of, state};
use super::menu_shot::ModelShot;
use super::words::{NOTHING, engine, mode, size, source};
use super::{place, words};
use crate::cli::print::table;
use crate::domain::Place;
use crate::engine::{
    Completeness, EngineKind, Fleet, Knob, Recipe, Refusal, WeightsReport, model_launch,
};
use crate::text::SafeText;

/// How a model would be launched at a place.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Launching {
    /// The place.
    pub(super) place: String,
    /// The commands, a line each.
    pub(super) command: Option<String>,
    /// Why there is none.
    pub(super) why: Option<String>,
    /// The mend.
    pub(super) hint: Option<String>,
}

/// How this recipe would be launched at this place.
pub(super) fn launching(recipe: &Recipe, at: &Place, fleet: &Fleet) -> Launching {
    let report: Option<&WeightsReport> = fleet
        .host(at.head())
        .and_then(|host| host.models.weights.as_ref())
        .map(|timed| timed.value.as_ref());
    let weights = report.and_then(|report| report.of(&recipe.source));
    let place = place::name(at).to_owned();
    match model_launch(recipe, at, &BTreeMap::new(), weights) {
        Ok(launch) => Launching {
            place,
            command: Some(launch.shown()),
            why: None,
            hint: None,
        },
        Err(error) => Launching {
            place,
            command: None,
            why: Some(error.to_string()),
            hint: Some(error.hint().to_owned()),
        },
    }
}

/// A model for scripts.
#[derive(Debug, Serialize)]
pub(super) struct ShowShot<'a> {
    #[serde(flatten)]
    model: ModelShot,
    recipe: Option<&'a Recipe>,
    launch: Option<&'a Launching>,
}

impl<'a> ShowShot<'a> {
    /// The shot of an entry.
    pub(super) fn of(entry: &'a Entry<'_>, launch: Option<&'a Launching>) -> Self {
        Self {
            model: ModelShot::of(entry),
            recipe: entry.recipe.as_deref(),
            launch,
        }
    }
}

/// Everything that a person may want to know of a model.
pub(super) fn text(entry: &Entry<'_>, launch: Option<&Launching>) -> String {
    let mut parts = Vec::new();
    match &entry.recipe {
        Some(recipe) => parts.push(facts(recipe)),
        None => parts.push(format!("{}\n  no recipe launches it yet", entry.word())),
    }
    parts.push(on_disk(entry));
    if !entry.served.is_empty() {
        parts.push(served(entry));
    }
    parts.extend(launch.map(launched));
    parts.join("\n\n")
}

fn facts(recipe: &Recipe) -> String {
    let mut rows: Vec<(&str, String)> = vec![
        ("model", recipe.key.to_string()),
        ("name", recipe.name.clone()),
        ("weights", source(&recipe.source).to_owned()),
    ];
    rows.extend(recipe.size.map(|size| ("size", format!("~{size}"))));
    rows.push(("engine", runner(&recipe.engine)));
    rows.push(("mode", mode(recipe.mode).to_owned()));
    rows.push((
        "hosts",
        match recipe.hosts.as_slice() {
            [] => "any".to_owned(),
            hosts => hosts.join(", "),
        },
    ));
    rows.push(("listens", format!("{}:{}", recipe.listen, recipe.port)));
    rows.push(("container", recipe.container.clone()));
    rows.extend(recipe.context.map(|length| ("context", length.to_string())));
    let share = recipe
        .gpu_percent
        .map(|share| ("gpu memory", format!("{share} %")));
    rows.extend(share);
    if recipe.tensor_parallel > 1 {
        rows.push(("split", format!("{} GPUs", recipe.tensor_parallel)));
    }
    let knobs = recipe.knobs.iter().map(|(name, knob)| match knob {
        Knob::Flag(set) => format!("{name}={set}"),
        Knob::Value(value) => format!("{name}={value}"),
    });
    let knobs: Vec<String> = knobs.collect();
    if !knobs.is_empty() {
        rows.push(("settings", knobs.join(" ")));
    }
    rows.extend(recipe.args.iter().map(|word| ("argument", word.clone())));
    let env = recipe.env.iter();
    rows.extend(env.map(|(name, value)| ("environment", format!("{}={value}", name.as_str()))));
    rows.extend(recipe.note.clone().map(|note| ("note", note)));
    aligned(&rows)
}

fn runner(kind: &EngineKind) -> String {
    let word = engine(kind);
    match kind {
        EngineKind::SparkLauncher { folder, image, .. } => match image {
            Some(image) => format!("{word} in {folder}, image {image}"),
            None => format!("{word} in {folder}"),
        },
        EngineKind::Vllm { image } | EngineKind::Container { image, .. } => {
            format!("{word}, image {image}")
        }
        EngineKind::LlamaCpp { image, .. } => match image {
            Some(image) => format!("{word}, image {image}"),
            None => format!("{word}, the host's own llama-server"),
        },
    }
}

/// The label once, where several rows in turn have the same.
fn aligned(rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(label, _)| label.len()).max();
    let widest = widest.unwrap_or_default();
    let mut before = "";
    let mut lines = Vec::new();
    for (label, value) in rows {
        let shown = if *label == before { "" } else { label };
        let value = SafeText::new(value);
        lines.push(format!("{shown:widest$}  {value}").trim_end().to_owned());
        before = label;
    }
    lines.join("\n")
}

fn on_disk(entry: &Entry<'_>) -> String {
    if entry.weights.is_empty() {
        return match &entry.source {
            Some(of) => format!(
                "on disk nowhere\n  `pilothouse models download {} --on PLACE` fetches it",
                source(of)
            ),
            None => "on disk nowhere that is known".to_owned(),
        };
    }
    let rows: Vec<Vec<String>> = entry
        .weights
        .iter()
        .map(|(host, weights)| {
            vec![
                host.to_string(),
                size(weights.size),
                weights.files.to_string(),
                match &weights.completeness {
                    Completeness::Complete => "complete".to_owned(),
                    Completeness::Partial(missing) => format!("PARTIAL: {missing}"),
                },
                weights.path.as_str().to_owned(),
            ]
        })
        .collect();
    table(&["HOST", "SIZE", "FILES", "STATE", "PATH"], &rows)
}

fn served(entry: &Entry<'_>) -> String {
    let rows: Vec<Vec<String>> = entry
        .served
        .iter()
        .map(|(host, served)| {
            let count = |metric: &crate::domain::Metric<u64>| {
                metric.value().map_or(NOTHING.to_owned(), u64::to_string)
            };
            vec![
                host.to_string(),
                served.port.to_string(),
                state(served),
                count(&served.running),
                count(&served.waiting),
                count(&served.context),
                served
                    .since
                    .and_then(words::moment)
                    .unwrap_or(NOTHING.to_owned()),
            ]
        })
        .collect();
    let head = [
        "HOST", "PORT", "SERVED", "RUNNING", "WAITING", "CONTEXT", "SINCE",
    ];
    table(&head, &rows)
}

fn launched(launch: &Launching) -> String {
    match (&launch.command, &launch.why) {
        (Some(command), _) => {
            let lines: Vec<String> = command.lines().map(|line| format!("  {line}")).collect();
            format!("launched on {} by\n{}", launch.place, lines.join("\n"))
        }
        (None, why) => {
            let why = note_of(why.as_deref().unwrap_or_default());
            let hint = launch.hint.as_deref().unwrap_or_default();
            format!("can't be launched on {}{why}\n  {hint}", launch.place)
        }
    }
}

/// Why there is no entry of this name.
pub(super) fn unknown(word: &str, known: &[String]) -> Refusal {
    let meant = crate::config::nearest(word, known.iter().map(String::as_str));
    let list = "`pilothouse models list --all` lists them";
    Refusal {
        why: format!("there is no model `{word}`"),
        hint: Some(match meant {
            Some(meant) => format!("did you mean `{meant}`? {list}"),
            None => list.to_owned(),
        }),
    }
}
