//! The menu (pure): what is on disk joined to the recipes, with where each is served; as a table, and below it the hosts that
//! could not say.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::words::{NOTHING, between, engine, mode, size, source};
use crate::cli::print::table;
use crate::cli::session::{is_away, why_away};
use crate::domain::{Age, Bytes, HostId};
use crate::engine::{
    CatalogProblem, Completeness, Fleet, Host, ModelSource, Recipe, Refusal, Served, ServedState,
    Weights,
};
use crate::text::{SafeText, cut};

/// Widest cells of names that may be long.
const NAME: usize = 40;
const PLACES: usize = 36;
const SERVED: usize = 44;

/// One model: a recipe, weights, or both.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// Its recipe, where there is one.
    pub(super) recipe: Option<Arc<Recipe>>,
    /// Where its weights come from; `None` for what is served and nobody knows from where.
    pub(super) source: Option<ModelSource>,
    /// Its weights, host by host.
    pub(super) weights: Vec<(&'a HostId, &'a Weights)>,
    /// Where it is served.
    pub(super) served: Vec<(&'a HostId, &'a Served)>,
}

impl Entry<'_> {
    /// The word that the command line takes for it.
    pub(super) fn word(&self) -> String {
        match (&self.recipe, &self.source, self.served.first()) {
            (Some(recipe), _, _) => recipe.key.to_string(),
            (None, Some(of), _) => source(of).to_owned(),
            (None, None, Some((_, served))) => served
                .model
                .as_ref()
                .unwrap_or(&served.name)
                .as_str()
                .to_owned(),
            (None, None, None) => String::new(),
        }
    }

    /// Whether it is more than a recipe.
    pub(super) fn is_there(&self) -> bool {
        !self.weights.is_empty() || !self.served.is_empty()
    }
}

/// Everything that could be on the menu: recipes with their weights, weights without a recipe, what is served and in neither.
pub(super) fn entries(fleet: &Fleet) -> Vec<Entry<'_>> {
    let reports = fleet.hosts.iter().filter_map(|host| {
        let report = host.models.weights.as_ref()?;
        Some((&host.id, report.value.as_ref()))
    });
    let on_disk = fleet.menu.iter().map(|row| Entry {
        weights: reports
            .clone()
            .filter_map(|(host, report)| Some((host, report.of(&row.source)?)))
            .collect(),
        recipe: row.recipe.clone(),
        source: Some(row.source.clone()),
        served: Vec::new(),
    });
    let mut entries: Vec<Entry<'_>> = on_disk.collect();
    let there: BTreeSet<ModelSource> = entries
        .iter()
        .filter_map(|entry| entry.source.clone())
        .collect();
    let nowhere = fleet.catalog.recipes.values();
    entries.extend(
        nowhere
            .filter(|recipe| !there.contains(&recipe.source))
            .map(|recipe| Entry {
                recipe: Some(Arc::clone(recipe)),
                source: Some(recipe.source.clone()),
                weights: Vec::new(),
                served: Vec::new(),
            }),
    );
    for host in &fleet.hosts {
        for served in host
            .models
            .serving
            .iter()
            .flat_map(|timed| &timed.value.served)
        {
            put_served(&mut entries, &host.id, served);
        }
    }
    // What is served comes first, then what is on disk; each in the order of the names.
    entries.sort_by_key(|entry| {
        (
            entry.served.is_empty(),
            entry.weights.is_empty(),
            entry.recipe.is_none(),
            entry.word(),
        )
    });
    entries
}

fn put_served<'a>(entries: &mut Vec<Entry<'a>>, host: &'a HostId, served: &'a Served) {
    if served.state == ServedState::Idle && served.model.is_none() && served.recipe.is_none() {
        return;
    }
    let by_recipe = |entry: &Entry<'_>| {
        let key = entry.recipe.as_ref().map(|recipe| &recipe.key);
        served.recipe.is_some() && key == served.recipe.as_ref()
    };
    let by_model = |entry: &Entry<'_>| {
        let model = served.model.as_ref().map(SafeText::as_str);
        served.recipe.is_none() && model.is_some() && entry.source.as_ref().map(source) == model
    };
    let place = entries
        .iter()
        .position(by_recipe)
        .or_else(|| entries.iter().position(by_model));
    match place.and_then(|place| entries.get_mut(place)) {
        Some(entry) => entry.served.push((host, served)),
        None => entries.push(Entry {
            recipe: None,
            source: None,
            weights: Vec::new(),
            served: vec![(host, served)],
        }),
    }
}

/// The table, and what has to be said of hosts beside it.
pub(super) fn menu(fleet: &Fleet, all: bool) -> String {
    let entries = entries(fleet);
    let shown: Vec<&Entry<'_>> = entries
        .iter()
        .filter(|entry| all || entry.is_there())
        .collect();
    let rows: Vec<Vec<String>> = shown.iter().map(|entry| row(entry)).collect();
    let mut parts = Vec::new();
    if !rows.is_empty() {
        let head = ["MODEL", "ENGINE", "MODE", "SIZE", "ON DISK", "SERVED"];
        parts.push(table(&head, &rows));
    }
    let mut notes: Vec<String> = fleet
        .hosts
        .iter()
        .filter_map(|host| note(fleet, host))
        .collect();
    if shown.is_empty() {
        notes.push("no weights and nothing served".into());
    }
    let left = entries.len() - shown.len();
    if left > 0 {
        let plural = if left == 1 { "" } else { "s" };
        notes.push(format!(
            "{left} recipe{plural} more, without weights here (--all)"
        ));
    }
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

fn row(entry: &Entry<'_>) -> Vec<String> {
    let or_nothing = |word: Option<&str>| word.unwrap_or(NOTHING).to_owned();
    vec![
        cut(&entry.word(), NAME).into_owned(),
        or_nothing(entry.recipe.as_ref().map(|recipe| engine(&recipe.engine))),
        or_nothing(entry.recipe.as_ref().map(|recipe| mode(recipe.mode))),
        biggest(entry),
        cut(&on_disk(entry), PLACES).into_owned(),
        cut(&served(entry), SERVED).into_owned(),
    ]
}

/// What was measured; where nothing was, what the recipe says.
fn biggest(entry: &Entry<'_>) -> String {
    let measured = entry.weights.iter().map(|(_, weights)| weights.size).max();
    let said = entry.recipe.as_ref().and_then(|recipe| recipe.size);
    match (measured, said) {
        (Some(bytes), _) => size(bytes),
        (None, Some(mib)) => format!("~{mib}"),
        (None, None) => NOTHING.into(),
    }
}

fn on_disk(entry: &Entry<'_>) -> String {
    let words: Vec<String> = entry
        .weights
        .iter()
        .map(|(host, weights)| match &weights.completeness {
            Completeness::Complete => host.to_string(),
            Completeness::Partial(missing) => format!("{host} ({missing})"),
        })
        .collect();
    if words.is_empty() {
        NOTHING.into()
    } else {
        words.join(", ")
    }
}

fn served(entry: &Entry<'_>) -> String {
    let words: Vec<String> = entry
        .served
        .iter()
        .map(|(host, served)| format!("{host}:{} {}", served.port, state(served)))
        .collect();
    if words.is_empty() {
        NOTHING.into()
    } else {
        words.join(", ")
    }
}

/// How an engine stands, with how fast it answers.
pub(super) fn state(served: &Served) -> String {
    let watched = if served.watched_only {
        ", only watched"
    } else {
        ""
    };
    let words = match &served.state {
        ServedState::Idle => "idle".to_owned(),
        ServedState::Loading { words } => format!("loading {words}"),
        ServedState::Failing { why } => format!("FAILING: {why}"),
        ServedState::Ready => {
            let rate = served.tokens_out.value().filter(|rate| **rate > 0.0);
            match rate {
                Some(rate) => format!("ready {rate:.0} tok/s"),
                None => "ready".to_owned(),
            }
        }
    };
    format!("{}{watched}", words.trim_end())
}

/// What has to be said of a host beside its rows: that it can't be asked, who reserved it, what could not be read.
fn note(fleet: &Fleet, host: &Host) -> Option<String> {
    let models = &host.models;
    let mut lines = Vec::new();
    match (&models.weights, &models.trouble) {
        (None, _) if is_away(fleet, host) => {
            let Refusal { why, hint } = why_away(fleet, host);
            lines.push(why);
            lines.extend(hint.map(|hint| format!("    {hint}")));
        }
        (None, Some(trouble)) => lines.push(format!("{}: {}", host.id, trouble.value)),
        (None, None) => lines.push(format!(
            "{}: its weights have not been read in time",
            host.id
        )),
        (Some(_), _) => {}
    }
    if let Some(weights) = &models.weights {
        let report = &weights.value;
        lines.extend(
            report
                .troubles
                .iter()
                .map(|line| format!("{}: {line}", host.id)),
        );
        if let Some(free) = report.free.filter(|free| *free < Bytes(10 << 30)) {
            lines.push(format!("{}: only {} free for weights", host.id, size(free)));
        }
    }
    if let Some(lock) = models.lock.as_ref().and_then(|timed| timed.value.as_ref()) {
        lines.push(format!(
            "{}: reserved by {} for {} more{}",
            host.id,
            lock.holder,
            Age::from(lock.left).words(),
            note_of(lock.note.as_str())
        ));
    }
    if let Some(swap) = models.swap.as_ref().filter(|swap| swap.end.is_none()) {
        let since = Age::from(between(swap.began, fleet.wall)).words();
        lines.push(format!(
            "{}: a swap by {} is at work since {since} (`pilothouse models status {0}`)",
            host.id, swap.by
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A remark behind a sentence.
pub(super) fn note_of(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(": {note}")
    }
}

/// What is wrong in the catalogue, as compilers tell theirs: `file:line: entry: what`, and the mend below.
pub(super) fn problem(problem: &CatalogProblem) -> String {
    let line = problem.line.map(|line| format!(":{line}"));
    let entry = problem.entry.as_ref().map(|entry| format!("{entry}: "));
    let told = format!(
        "{}{}: {}{}",
        problem.file,
        line.unwrap_or_default(),
        entry.unwrap_or_default(),
        problem.what
    );
    let told = SafeText::new(&told);
    match &problem.hint {
        Some(hint) => format!("{told}\n    {}", SafeText::new(hint)),
        None => told.to_string(),
    }
}
