//! What is told of one model, line by line (pure): how it stands, how it serves, its recipe and the exact command, its weights.

use std::collections::BTreeMap;

use super::action::Action;
use super::model_check_lines;
use super::model_rows::{ModelRow, place_name, source_name};
use super::model_state::ModelState;
use super::model_swap_lines;
use super::model_words::{ago, pace, per_second, size, state};
use super::theme::Role;
use super::ui::Ui;
use super::ui_models::ModelTab;
use super::widgets::{age_words, grouped, wrap};
use crate::domain::{Age, HostId, Metric, Missing, Place};
use crate::engine::{
    Completeness, EngineKind, Fleet, Latency, LockState, Mode, Recipe, Served, ServedBy,
    ServedState, Timed, launch,
};
use crate::text::SafeText;

/// Cells of the labels at the left.
pub(super) const LABEL: usize = 10;

/// One line: pieces from the left.
pub(super) type Line = Vec<(String, Role)>;

/// A line of one look.
pub(super) fn text(words: impl Into<String>, role: Role) -> Line {
    vec![(words.into(), role)]
}

/// A blank line.
pub(super) fn blank() -> Line {
    Vec::new()
}

/// The head of a part, with what belongs to all of it.
pub(super) fn head(title: &str, note: &str) -> Line {
    let mut line = text(title, Role::Title);
    if !note.is_empty() {
        line.push((format!("  {note}"), Role::Dim));
    }
    line
}

/// A label and a text beside it, which goes on below itself.
pub(super) fn told(label: &str, words: &str, role: Role, cells: usize) -> Vec<Line> {
    let rows = wrap(words, cells.saturating_sub(LABEL));
    let of = |(place, row): (usize, &str)| {
        let label = if place == 0 { label } else { "" };
        vec![
            (format!("{label:<LABEL$}"), Role::Dim),
            (row.to_owned(), role),
        ]
    };
    rows.into_iter().enumerate().map(of).collect()
}

/// A text that goes on below itself.
pub(super) fn wrapped(words: &str, role: Role, cells: usize) -> Vec<Line> {
    let rows = wrap(words, cells);
    rows.into_iter().map(|row| text(row, role)).collect()
}

/// What lines are made for.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// The looks.
    pub(super) ui: &'a Ui,
    /// The facts.
    pub(super) fleet: &'a Fleet,
    /// The room.
    pub(super) cells: usize,
    /// The key of an act. What names one is one row, so that a screen can be laid out without it.
    pub(super) key: &'a dyn Fn(Action) -> String,
}

/// The lines of the open tab.
pub(super) fn lines(row: &ModelRow, look: Look<'_>) -> Vec<Line> {
    let Look {
        ui, fleet, cells, ..
    } = look;
    match ui.models.tab {
        ModelTab::Overview => overview(row, fleet, cells),
        ModelTab::Preflight => model_check_lines::lines(row, ui, fleet, cells),
        ModelTab::Swap => model_swap_lines::lines(row, look),
        ModelTab::Log => model_swap_lines::log(row, look),
    }
}

fn overview(row: &ModelRow, fleet: &Fleet, cells: usize) -> Vec<Line> {
    let mut lines = standing(row, fleet, cells);
    if let Some((host, served)) = &row.served {
        lines.push(blank());
        lines.extend(serving(host, served, fleet, cells));
    }
    lines.push(blank());
    lines.extend(recipe(row, cells));
    lines.push(blank());
    lines.extend(weights(row, fleet, cells));
    lines.push(blank());
    lines.extend(command(row, fleet, cells));
    lines
}

/// Its state in full, and who holds its place.
fn standing(row: &ModelRow, fleet: &Fleet, cells: usize) -> Vec<Line> {
    let told_state = state(&row.state);
    let mut first = vec![
        (format!("{} ", told_state.glyph), told_state.role),
        (told_state.words, told_state.role),
    ];
    if let Some(place) = &row.place {
        first.push((format!(" on {}", place_name(place)), Role::Text));
    }
    if let Some((_, served)) = &row.served
        && let Some(since) = served.since
    {
        let up = ago(since, fleet.wall).words();
        first.push((format!(" for {up}"), Role::Dim));
    }
    let mut lines = vec![first];
    match &row.state {
        ModelState::Failing(why)
        | ModelState::FetchFailed(why)
        | ModelState::SwapFailed(_, why)
        | ModelState::Partial(why) => lines.extend(wrapped(why.as_str(), Role::Warn, cells)),
        ModelState::Coming(_, words) if !words.is_empty() => {
            lines.extend(wrapped(words.as_str(), Role::Text, cells));
        }
        ModelState::Downloading(progress) | ModelState::Copying(progress) => {
            let all = progress.total.map(|all| format!(" of {}", size(all)));
            let there = format!("{}{}", size(progress.done), all.unwrap_or_default());
            lines.push(text(format!("{there}  {}", pace(progress)), Role::Text));
            lines.extend(wrapped(progress.words.as_str(), Role::Dim, cells));
        }
        _ => {}
    }
    let held = row
        .place
        .as_ref()
        .and_then(|place| reservation(fleet, place));
    if let Some(lock) = held {
        lines.extend(wrapped(
            &reserved(lock.value, lock.age(fleet.at)),
            Role::Warn,
            cells,
        ));
    }
    lines
}

/// Who holds a place.
pub(super) fn reservation<'a>(fleet: &'a Fleet, place: &Place) -> Option<Timed<&'a LockState>> {
    let read = fleet.host(place.head())?.models.lock.as_ref()?;
    let value = read.value.as_ref()?;
    let left = Age::from(value.left).0 > read.age(fleet.at).0;
    left.then_some(Timed { at: read.at, value })
}

/// `reserved by openclaw, 23m left: nightly batch`.
pub(super) fn reserved(lock: &LockState, age: Age) -> String {
    let left = Age(Age::from(lock.left).0.saturating_sub(age.0)).words();
    let who = if lock.ours {
        format!("{} (this console)", lock.holder)
    } else {
        lock.holder.to_string()
    };
    let note = if lock.note.is_empty() {
        String::new()
    } else {
        format!(": {}", lock.note)
    };
    format!("reserved by {who}, {left} left{note}")
}

fn serving(host: &HostId, served: &Served, fleet: &Fleet, cells: usize) -> Vec<Line> {
    let read = fleet
        .host(host)
        .and_then(|host| host.models.serving.as_ref());
    let age = read.map_or_else(String::new, |read| age_words(read.age(fleet.at)));
    let mut lines = vec![head("serves", &age)];
    let engine = match served.by {
        ServedBy::Vllm => "vLLM",
        ServedBy::LlamaCpp => "llama.cpp",
        ServedBy::OpenAi => "an OpenAI-compatible server",
    };
    let watched = if served.watched_only {
        " · watched, never touched"
    } else {
        ""
    };
    let engine = format!(
        "{engine} {} on {host}:{}{watched}",
        served.name, served.port
    );
    lines.extend(told("engine", &engine, Role::Text, cells));
    if let Some(model) = &served.model {
        lines.extend(told("model", model.as_str(), Role::Text, cells));
    }
    for (label, words) in measures(served) {
        lines.extend(told(label, &words, Role::Text, cells));
    }
    lines
}

/// What an engine measures, each missing value in words.
fn measures(served: &Served) -> [(&'static str, String); 8] {
    let amount = |of: &Metric<u64>| metric(of, |count| grouped(*count));
    let rate = |of: &Metric<f64>| metric(of, |rate| format!("{}/s", per_second(*rate)));
    // They are counters: what they grow by is known with the second look.
    let counted = served.state == ServedState::Ready && matches!(served.running, Metric::Is(_));
    let tokens = match (&served.tokens_out, &served.tokens_in) {
        (Metric::Missing(Missing::NotReported), Metric::Missing(Missing::NotReported))
            if counted =>
        {
            "known with the next look".into()
        }
        (out, into) => format!("{} out · {} in", rate(out), rate(into)),
    };
    let quantiles = |of: &Metric<Latency>| {
        metric(of, |l| {
            format!("p50 {:.0} ms · p95 {:.0} ms", l.p50_ms, l.p95_ms)
        })
    };
    [
        ("context", amount(&served.context)),
        (
            "requests",
            format!(
                "{} running · {} waiting",
                amount(&served.running),
                amount(&served.waiting)
            ),
        ),
        ("tokens", tokens),
        (
            "kv cache",
            metric(&served.kv_cache, |share| format!("{:.0} %", share.0)),
        ),
        ("1st token", quantiles(&served.first_token)),
        ("next", quantiles(&served.next_token)),
        ("memory", metric(&served.memory, |bytes| size(*bytes))),
        ("restarts", served.restarts.to_string()),
    ]
}

fn metric<T>(of: &Metric<T>, words: impl Fn(&T) -> String) -> String {
    match of {
        Metric::Is(value) => words(value),
        Metric::Missing(why) => why.words().to_owned(),
    }
}

fn recipe(row: &ModelRow, cells: usize) -> Vec<Line> {
    let Some(recipe) = &row.recipe else {
        let mut lines = vec![head("recipe", "")];
        let words = "none: nobody has said yet how it is launched";
        lines.extend(wrapped(words, Role::Warn, cells));
        return lines;
    };
    let mut lines = vec![head("recipe", recipe.key.as_str())];
    if let Some(note) = &recipe.note {
        lines.extend(wrapped(SafeText::new(note).as_str(), Role::Dim, cells));
    }
    let source = source_name(&recipe.source);
    let mode = match recipe.mode {
        Mode::Solo => "one host",
        Mode::Cluster => "a cluster",
        Mode::Either => "one host or a cluster",
    };
    let hosts = recipe.hosts.join(" ");
    let runs_on = if hosts.is_empty() {
        format!("{mode}: any with a GPU")
    } else {
        format!("{mode}: {hosts}")
    };
    let mut rows = vec![
        ("source", source.to_owned()),
        ("engine", engine_words(&recipe.engine)),
        ("runs on", runs_on),
        ("port", format!("{} as {}", recipe.port, recipe.container)),
    ];
    if let Some(context) = recipe.context {
        rows.push(("context", grouped(context)));
    }
    rows.extend(settings(recipe));
    for (label, words) in rows {
        lines.extend(told(
            label,
            SafeText::new(&words).as_str(),
            Role::Text,
            cells,
        ));
    }
    lines
}

/// Arguments, settings and the names of its environment.
fn settings(recipe: &Recipe) -> Vec<(&'static str, String)> {
    let knobs = recipe
        .knobs
        .iter()
        .map(|(name, knob)| knob_words(name, knob));
    let env = recipe.env.keys().map(|name| name.as_str().to_owned());
    [
        ("args", recipe.args.join(" ")),
        ("settings", knobs.collect::<Vec<_>>().join(" ")),
        ("env", env.collect::<Vec<_>>().join(" ")),
    ]
    .into_iter()
    .filter(|(_, words)| !words.is_empty())
    .collect()
}

fn knob_words(name: &str, knob: &crate::engine::Knob) -> String {
    match knob {
        crate::engine::Knob::Flag(true) => name.to_owned(),
        crate::engine::Knob::Flag(false) => format!("no {name}"),
        crate::engine::Knob::Value(value) => format!("{name}={value}"),
    }
}

/// What runs a model.
pub(super) fn engine_words(engine: &EngineKind) -> String {
    match engine {
        EngineKind::SparkLauncher { folder, image, .. } => match image {
            Some(image) => format!("vLLM by the launcher in {folder}, image {image}"),
            None => format!("vLLM by the launcher in {folder}"),
        },
        EngineKind::Vllm { image } => format!("vLLM, image {image}"),
        EngineKind::LlamaCpp {
            image: Some(image), ..
        } => format!("llama.cpp, image {image}"),
        EngineKind::LlamaCpp { image: None, .. } => "llama.cpp, llama-server of the host".into(),
        EngineKind::Container { image, .. } => format!("container {image}"),
    }
}

fn weights(row: &ModelRow, fleet: &Fleet, cells: usize) -> Vec<Line> {
    let ages = row.on.iter().filter_map(|on| {
        let read = fleet.host(&on.host)?.models.weights.as_ref()?;
        Some(read.age(fleet.at))
    });
    let age = ages.max().map_or_else(String::new, age_words);
    let mut lines = vec![head("weights", &age)];
    if row.on.is_empty() {
        let said = row
            .size()
            .map(|bytes| format!(", {} to fetch", size(bytes)));
        let words = format!("on no disk{}", said.unwrap_or_default());
        lines.push(text(words, Role::Text));
    }
    let mut told = None;
    for on in &row.on {
        let (glyph, role, words) = match &on.completeness {
            Completeness::Complete => ("●", Role::Ok, "whole".to_owned()),
            Completeness::Partial(what) => ("◐", Role::Warn, format!("partial: {what}")),
        };
        lines.push(vec![
            (format!("{glyph} "), role),
            (format!("{:<12} ", on.host), Role::Title),
            (format!("{:>8}  ", size(on.size)), Role::Text),
            (words, role),
        ]);
        let path = folder(row, &on.host, fleet);
        // Hosts of one login have them at one place: it is told once.
        if told.as_ref() != Some(&path) {
            lines.extend(in_folder(&path, cells));
            told = Some(path);
        }
    }
    lines
}

/// A folder, which goes on below itself: it can be copied whole from the text of `d`.
fn in_folder(path: &str, cells: usize) -> impl Iterator<Item = Line> {
    let path = wrapped(path, Role::Dim, cells.saturating_sub(2));
    path.into_iter().map(|mut line| {
        line.insert(0, ("  ".to_owned(), Role::Dim));
        line
    })
}

/// The folder of its weights on a host.
fn folder(row: &ModelRow, host: &HostId, fleet: &Fleet) -> String {
    let read = fleet
        .host(host)
        .and_then(|host| host.models.weights.as_ref());
    let weights = read
        .zip(row.source.as_ref())
        .and_then(|(read, source)| read.value.of(source));
    weights.map_or_else(String::new, |weights| {
        SafeText::new(weights.path.as_str()).to_string()
    })
}

/// The exact command that would be sent, or why there is none.
fn command(row: &ModelRow, fleet: &Fleet, cells: usize) -> Vec<Line> {
    let mut lines = vec![head("launches with", "")];
    match command_text(row, fleet) {
        Ok(command) => {
            for line in command.lines() {
                lines.extend(wrapped(SafeText::new(line).as_str(), Role::Code, cells));
            }
        }
        Err((why, hint)) => {
            lines.extend(wrapped(&why, Role::Dim, cells));
            lines.extend(wrapped(hint, Role::Dim, cells));
        }
    }
    lines
}

/// The exact command at its place, else at the first that could serve it.
pub(super) fn command_text(
    row: &ModelRow,
    fleet: &Fleet,
) -> Result<String, (String, &'static str)> {
    let Some(recipe) = &row.recipe else {
        return Err(("nothing yet: it needs a recipe".into(), "set it up first"));
    };
    let place = row
        .place
        .clone()
        .or_else(|| super::model_places::places(fleet, row).into_iter().next());
    let Some(place) = place else {
        let hint = "choose hosts in the recipe, or a cluster in the configuration";
        return Err(("no place could serve it".into(), hint));
    };
    let head = fleet.host(place.head());
    let read = head.and_then(|host| host.models.weights.as_ref());
    let found = read.and_then(|read| read.value.of(&recipe.source));
    let launch = launch(recipe, &place, &BTreeMap::new(), found);
    launch
        .map(|launch| launch.shown())
        .map_err(|error| (error.to_string(), error.hint()))
}
