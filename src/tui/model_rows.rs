//! Which models the table shows, in which order (pure): recipes, weights on disks, what is served and what is under way, joined.
//! Made once per change of facts or wishes, not once per frame.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::model_state::{self, ModelState};
use super::model_words;
use super::rows::Filter;
use super::ui::Ui;
use super::ui_models::{ModelRef, ModelSort, ModelsUi};
use crate::domain::{Bytes, Cluster, HostId, ModelKey, Place};
use crate::engine::{
    Catalog, Fleet, HostModels, MenuRow, Mode, ModelSource, OnHost, PlaceName, Recipe, Served,
    ServedState,
};
use crate::text::SafeText;

/// The rows of the table, and what they were made from.
#[derive(Debug, Clone, Default)]
pub struct ModelRows {
    made_from: MadeFrom,
    rows: Vec<ModelRow>,
    all: usize,
    serving: usize,
}

/// One model of the table.
#[derive(Debug, Clone)]
pub struct ModelRow {
    /// Its recipe's key, or the name of its weights.
    pub key: ModelKey,
    /// Its name for people.
    pub name: SafeText,
    /// Where it is served, or on its way to be.
    pub place: Option<Place>,
    /// Its recipe.
    pub recipe: Option<Arc<Recipe>>,
    /// Where its weights come from.
    pub source: Option<ModelSource>,
    /// What it does.
    pub state: ModelState,
    /// The hosts that have weights of it, in the fleet's order.
    pub on: Vec<OnHost>,
    /// The engine that serves it, and the host that was asked.
    pub served: Option<(HostId, Arc<Served>)>,
}

impl ModelRow {
    /// Which row it is.
    pub fn of(&self) -> ModelRef {
        ModelRef {
            model: self.key.clone(),
            place: self.place.as_ref().map(place_name),
        }
    }

    /// Whether it is this row.
    pub fn is(&self, of: &ModelRef) -> bool {
        self.key == of.model && self.place.as_ref().map(place_name) == of.place
    }

    /// The size of its weights: the largest measured, else as the recipe says it.
    pub fn size(&self) -> Option<Bytes> {
        let measured = self.on.iter().map(|on| on.size).max();
        let said = || {
            let size = self.recipe.as_ref()?.size?;
            Some(Bytes(size.0.saturating_mul(1 << 20)))
        };
        measured.or_else(said)
    }
}

/// A place by the name that commands take.
pub(super) fn place_name(place: &Place) -> PlaceName {
    match place {
        Place::Solo(host) => host.to_string(),
        Place::Cluster(cluster) => cluster.name.clone(),
    }
}

#[derive(Debug, Clone, Default)]
struct MadeFrom {
    hosts: Vec<(HostId, Arc<HostModels>)>,
    menu: Arc<Vec<MenuRow>>,
    catalog: Arc<Catalog>,
    clusters: Arc<Vec<Arc<Cluster>>>,
    filter: String,
    order: (ModelSort, bool),
}

impl MadeFrom {
    fn now(fleet: &Fleet, ui: &Ui) -> Self {
        let hosts = fleet.hosts.iter();
        Self {
            hosts: hosts
                .map(|host| (host.id.clone(), Arc::clone(&host.models)))
                .collect(),
            menu: Arc::clone(&fleet.menu),
            catalog: Arc::clone(&fleet.catalog),
            clusters: Arc::clone(&fleet.clusters),
            filter: ui.models.filter.text.clone(),
            order: (ui.models.sort, ui.models.reverse),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.filter == other.filter
            && self.order == other.order
            && Arc::ptr_eq(&self.menu, &other.menu)
            && Arc::ptr_eq(&self.catalog, &other.catalog)
            && Arc::ptr_eq(&self.clusters, &other.clusters)
            && self.hosts.len() == other.hosts.len()
            && (self.hosts.iter().zip(&other.hosts))
                .all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1))
    }
}

impl ModelRows {
    /// The rows, in their order.
    pub fn rows(&self) -> &[ModelRow] {
        &self.rows
    }

    /// The place of a row.
    pub fn position(&self, of: &ModelRef) -> Option<usize> {
        self.rows.iter().position(|row| row.is(of))
    }

    /// A row.
    pub fn find(&self, of: &ModelRef) -> Option<&ModelRow> {
        self.rows.iter().find(|row| row.is(of))
    }

    /// How many there are in all, and how many of them serve.
    pub fn counts(&self) -> (usize, usize) {
        (self.all, self.serving)
    }
}

/// Makes the rows anew if anything about them has changed.
pub(super) fn refresh(ui: &mut Ui, fleet: &Fleet) {
    let now = MadeFrom::now(fleet, ui);
    if !now.is_same(&ui.models.rows.made_from) {
        ui.models.rows = make(now, &ui.models);
    }
}

fn make(from: MadeFrom, table: &ModelsUi) -> ModelRows {
    let filter = Filter::new(&table.filter.text);
    let all = join(&from);
    let mut made = ModelRows {
        all: all.len(),
        serving: all
            .iter()
            .filter(|row| row.state == ModelState::Serving)
            .count(),
        ..ModelRows::default()
    };
    let clusters = Arc::clone(&from.clusters);
    let mut rows: Vec<ModelRow> = all
        .into_iter()
        .filter(|row| is_wanted(&filter, row, &clusters))
        .collect();
    rows.sort_by(|a, b| {
        let order = compare(a, b, table.sort, &clusters);
        let order = if table.reverse {
            order.reverse()
        } else {
            order
        };
        // Rows that are equal keep one order from beat to beat.
        order.then_with(|| a.of().cmp(&b.of()))
    });
    made.rows = rows;
    made.made_from = from;
    made
}

fn is_wanted(filter: &Filter, row: &ModelRow, clusters: &[Arc<Cluster>]) -> bool {
    if *filter == Filter::default() {
        return true;
    }
    let state = model_words::state(&row.state).words;
    let place = model_words::whereabouts(row, clusters);
    let source = row.source.as_ref().map_or("", source_name);
    let hosts = row.on.iter().map(|on| on.host.as_str());
    let fixed = [
        row.name.as_str(),
        row.key.as_str(),
        source,
        state.as_str(),
        place.as_str(),
    ];
    filter.matches(fixed.into_iter().chain(hosts))
}

fn compare(a: &ModelRow, b: &ModelRow, sort: ModelSort, clusters: &[Arc<Cluster>]) -> Ordering {
    let name = |row: &ModelRow| row.name.as_str().to_lowercase();
    let tokens = |row: &ModelRow| {
        let served = row.served.as_ref();
        let rate = served.and_then(|(_, served)| served.tokens_out.value().copied());
        rate.unwrap_or(-1.0)
    };
    let place = |row: &ModelRow| {
        let place = model_words::whereabouts(row, clusters);
        (row.on.is_empty() && row.place.is_none(), place)
    };
    let order = match sort {
        ModelSort::State => a.state.rank().cmp(&b.state.rank()),
        ModelSort::Name => Ordering::Equal,
        ModelSort::Place => place(a).cmp(&place(b)),
        ModelSort::Size => b.size().cmp(&a.size()),
        ModelSort::Tokens => tokens(b).total_cmp(&tokens(a)),
    };
    order.then_with(|| name(a).cmp(&name(b)))
}

/// The name of weights: the repository, or the folder.
pub(super) fn source_name(source: &ModelSource) -> &str {
    match source {
        ModelSource::Repo(repo) => repo.as_str(),
        ModelSource::Local(path) => path.as_str(),
    }
}

/// An engine, and the host that was asked.
type ServedBy = (HostId, Arc<Served>);

/// What is known of one model before it is asked where it is served.
#[derive(Default)]
struct Entry {
    recipe: Option<Arc<Recipe>>,
    source: Option<ModelSource>,
    on: Vec<OnHost>,
    /// Where it is served, or on its way to be.
    at: Vec<(Place, ModelState, Option<ServedBy>)>,
}

fn join(from: &MadeFrom) -> Vec<ModelRow> {
    let mut entries: BTreeMap<ModelKey, Entry> = BTreeMap::new();
    for (key, recipe) in &from.catalog.recipes {
        let entry = entries.entry(key.clone()).or_default();
        entry.source = Some(recipe.source.clone());
        entry.recipe = Some(Arc::clone(recipe));
    }
    for known in from.menu.iter() {
        let entry = entries.entry(known.key.clone()).or_default();
        entry.source = Some(known.source.clone());
        entry.recipe.clone_from(&known.recipe);
        entry.on.clone_from(&known.on);
    }
    for (_, models) in &from.hosts {
        model_state::fetched(models, |source| fetched(&mut entries, source));
    }
    for (host, models) in &from.hosts {
        add_served(&mut entries, host, models, &from.clusters);
        add_swap(&mut entries, models);
    }
    entries
        .iter()
        .flat_map(|(key, entry)| rows_of(key, entry, from))
        .collect()
}

/// Weights that are fetched are told of, also before any of them is on a disk.
fn fetched(entries: &mut BTreeMap<ModelKey, Entry>, source: &ModelSource) {
    let known = entries
        .values()
        .any(|entry| entry.source.as_ref() == Some(source));
    if !known {
        entries.entry(source.key()).or_default().source = Some(source.clone());
    }
}

fn add_served(
    entries: &mut BTreeMap<ModelKey, Entry>,
    host: &HostId,
    models: &HostModels,
    clusters: &[Arc<Cluster>],
) {
    let Some(read) = &models.serving else { return };
    for served in &read.value.served {
        if served.state == ServedState::Idle {
            continue;
        }
        let key = key_of_served(entries, served);
        let entry = entries.entry(key.clone()).or_default();
        let place = place_of_served(&key, entry.recipe.as_deref(), host, models, clusters);
        let state = model_state::of_served(&served.state);
        let served = Some((host.clone(), Arc::new(served.clone())));
        entry.at.push((place, state, served));
    }
}

/// The model that an engine serves: by the recipe it was launched with, else by the name that it tells.
fn key_of_served(entries: &BTreeMap<ModelKey, Entry>, served: &Served) -> ModelKey {
    if let Some(key) = &served.recipe {
        return key.clone();
    }
    let name = served.model.as_ref().unwrap_or(&served.name);
    let told = name.as_str();
    let is_it = |(key, entry): &(&ModelKey, &Entry)| {
        key.as_str() == told
            || entry
                .source
                .as_ref()
                .is_some_and(|s| source_name(s) == told)
    };
    let known = entries.iter().find(is_it);
    known.map_or_else(|| ModelKey::new(told), |(key, _)| key.clone())
}

/// The place of what a host serves: that of the swap that brought it, else its cluster where the model needs one.
fn place_of_served(
    key: &ModelKey,
    recipe: Option<&Recipe>,
    host: &HostId,
    models: &HostModels,
    clusters: &[Arc<Cluster>],
) -> Place {
    let swap = models.swap.as_ref();
    if let Some(swap) = swap.filter(|swap| swap.model.as_ref() == Some(key)) {
        return swap.place.clone();
    }
    let cluster = clusters.iter().find(|cluster| cluster.head.host == *host);
    match (recipe.map(|recipe| recipe.mode), cluster) {
        (Some(Mode::Cluster), Some(cluster)) => Place::Cluster((**cluster).clone()),
        _ => Place::Solo(host.clone()),
    }
}

/// A swap at work tells more of its model than the engine does; the last one that failed is told until the next.
fn add_swap(entries: &mut BTreeMap<ModelKey, Entry>, models: &HostModels) {
    let Some(swap) = &models.swap else { return };
    let (coming, going) = model_state::of_swap(swap);
    for (key, state) in [(&swap.model, coming), (&swap.before, going)] {
        let (Some(key), Some(state)) = (key, state) else {
            continue;
        };
        let entry = entries.entry(key.clone()).or_default();
        let there = entry.at.iter_mut().find(|(place, ..)| *place == swap.place);
        match there {
            // An engine that answers has the last word over a failure.
            Some((_, ModelState::Serving, _)) if state.has_ended() => {}
            Some((_, known, _)) => *known = state,
            None => entry.at.push((swap.place.clone(), state, None)),
        }
    }
}

fn rows_of(key: &ModelKey, entry: &Entry, from: &MadeFrom) -> Vec<ModelRow> {
    let name = match (&entry.recipe, &entry.source) {
        (Some(recipe), _) => SafeText::new(&recipe.name),
        (None, Some(source)) => SafeText::new(source_name(source)),
        (None, None) => SafeText::new(key.as_str()),
    };
    let row = |place, state, served| ModelRow {
        key: key.clone(),
        name: name.clone(),
        place,
        recipe: entry.recipe.clone(),
        source: entry.source.clone(),
        state,
        on: entry.on.clone(),
        served,
    };
    if entry.at.is_empty() {
        let models = from.hosts.iter().map(|(host, models)| (host, &**models));
        let work = model_state::of_work(entry.source.as_ref(), models);
        let state = work.unwrap_or_else(|| {
            model_state::at_rest(entry.recipe.as_deref(), &entry.on, &from.clusters)
        });
        return vec![row(None, state, None)];
    }
    entry
        .at
        .iter()
        .map(|(place, state, served)| row(Some(place.clone()), state.clone(), served.clone()))
        .collect()
}
