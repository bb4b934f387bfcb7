//! What can be served (pure): the weights that lie on the hosts, joined to the recipes that launch them. Recomputed whenever one
//! of the two changes; nothing is measured here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::catalog::{Catalog, ModelSource, Recipe};
use super::weights::{Completeness, Weights, WeightsReport};
use crate::domain::{Bytes, HostId, HostSpec, ModelKey};
use crate::text::SafeText;

/// A model that can be served, or that lacks little.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MenuRow {
    /// The key of its recipe; without one its repository or folder.
    pub key: ModelKey,
    /// Its name for people.
    pub name: SafeText,
    /// What its weights are.
    pub source: ModelSource,
    /// How it is launched; `None`: that has to be said first.
    pub recipe: Option<Arc<Recipe>>,
    /// Where its weights lie, in the order of the hosts.
    pub on: Vec<OnHost>,
    /// How it stands.
    pub state: MenuState,
}

/// Weights on one host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OnHost {
    /// The host.
    pub host: HostId,
    /// Their size on disk.
    pub size: Bytes,
    /// Whether all of them are there.
    pub completeness: Completeness,
}

/// How a row of the menu stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MenuState {
    /// At least one host has all of it, and a recipe launches it.
    Ready,
    /// At least one host has all of it, and no recipe launches it yet.
    NeedsSetup,
    /// No host has all of it.
    Partial,
}

impl MenuState {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NeedsSetup => "needs setup",
            Self::Partial => "partial",
        }
    }
}

impl MenuRow {
    /// Whether this host has all of it.
    pub fn whole_on(&self, host: &HostId) -> bool {
        self.on
            .iter()
            .any(|on| on.host == *host && on.completeness == Completeness::Complete)
    }

    /// The size of its weights: the largest that was measured.
    pub fn size(&self) -> Bytes {
        self.on.iter().map(|on| on.size).max().unwrap_or_default()
    }
}

/// The menu: a row for each model on disk and each recipe that launches it, those that can be launched first, by name. A model
/// of which only parts lie on a host is there too.
pub fn menu<'a>(
    catalog: &Catalog,
    reports: impl IntoIterator<Item = (&'a HostId, &'a WeightsReport)>,
) -> Vec<MenuRow> {
    let mut found: BTreeMap<&ModelSource, Vec<OnHost>> = BTreeMap::new();
    for (host, report) in reports {
        for weights in &report.weights {
            found.entry(&weights.source).or_default().push(OnHost {
                host: host.clone(),
                size: weights.size,
                completeness: weights.completeness.clone(),
            });
        }
    }
    let mut recipes: BTreeMap<&ModelSource, Vec<&Arc<Recipe>>> = BTreeMap::new();
    for recipe in catalog.recipes.values() {
        recipes.entry(&recipe.source).or_default().push(recipe);
    }
    let mut rows = Vec::with_capacity(found.len());
    for (source, on) in found {
        match recipes.get(source) {
            None => rows.push(row(source, None, on)),
            Some(known) => rows.extend(
                known
                    .iter()
                    .map(|recipe| row(source, Some(recipe), on.clone())),
            ),
        }
    }
    rows.sort_by(|a, b| (a.state, &a.name, &a.key).cmp(&(b.state, &b.name, &b.key)));
    rows
}

fn row(source: &ModelSource, recipe: Option<&Arc<Recipe>>, on: Vec<OnHost>) -> MenuRow {
    let whole = on
        .iter()
        .any(|on| on.completeness == Completeness::Complete);
    let key = recipe.map_or_else(|| source.key(), |recipe| recipe.key.clone());
    MenuRow {
        name: match recipe {
            Some(recipe) => SafeText::new(&recipe.name),
            None => SafeText::new(key.as_str()),
        },
        key,
        source: source.clone(),
        recipe: recipe.cloned(),
        on,
        state: match (whole, recipe) {
            (false, _) => MenuState::Partial,
            (true, Some(_)) => MenuState::Ready,
            (true, None) => MenuState::NeedsSetup,
        },
    }
}

/// Recipes of which no host has anything on disk: what can be downloaded, by name.
pub fn absent<'a>(
    catalog: &Catalog,
    rows: impl IntoIterator<Item = &'a MenuRow>,
) -> Vec<Arc<Recipe>> {
    let there: std::collections::BTreeSet<&ModelSource> =
        rows.into_iter().map(|row| &row.source).collect();
    let mut absent: Vec<Arc<Recipe>> = catalog
        .recipes
        .values()
        .filter(|recipe| matches!(recipe.source, ModelSource::Repo(_)))
        .filter(|recipe| !there.contains(&recipe.source))
        .cloned()
        .collect();
    absent.sort_by(|a, b| a.name.cmp(&b.name));
    absent
}

impl ModelSource {
    /// What a model without a recipe is called by.
    pub fn key(&self) -> ModelKey {
        match self {
            Self::Repo(repo) => ModelKey::new(repo.as_str()),
            Self::Local(path) => ModelKey::new(path.as_str()),
        }
    }
}

impl Recipe {
    /// Whether its `hosts` let it run on this host.
    pub fn may_run_on(&self, host: &HostSpec) -> bool {
        self.hosts.is_empty()
            || self
                .hosts
                .iter()
                .any(|selector| match selector.strip_prefix("tag:") {
                    Some(tag) => host.tags.iter().any(|has| has == tag),
                    None => host.id.as_str() == selector,
                })
    }
}

impl WeightsReport {
    /// The weights of this source.
    pub fn of(&self, source: &ModelSource) -> Option<&Weights> {
        self.weights
            .iter()
            .find(|weights| weights.source == *source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Bytes, Wall};
    use crate::shell::RemotePath;

    fn weights(source: &ModelSource, complete: bool) -> Weights {
        Weights {
            source: source.clone(),
            path: RemotePath::new("/w").unwrap(),
            size: Bytes(if complete { 100 } else { 40 }),
            files: 1,
            changed: Wall::default(),
            completeness: if complete {
                Completeness::Complete
            } else {
                Completeness::Partial("1 of 3 shards".into())
            },
            config: None,
        }
    }

    fn repo(name: &str) -> ModelSource {
        ModelSource::Repo(name.parse().unwrap())
    }

    #[test]
    fn the_menu_is_what_is_on_disk_joined_to_recipes() {
        let text = "defaults: {engine: vllm}\nmodels:\n  b1: {repo: x/b, name: Bee}\n  b2: {repo: x/b, name: Aye}\n  c: {repo: x/c}\n  \
                    l: {local_path: /srv/l}\n  p: {repo: x/p}\n";
        let catalog = Catalog::load(&[("m", text)]);
        assert_eq!(catalog.problems, []);
        let local = ModelSource::Local(RemotePath::new("/srv/l").unwrap());
        let one = WeightsReport {
            weights: vec![
                weights(&repo("x/b"), true),
                weights(&repo("x/p"), false),
                weights(&repo("x/new"), true),
            ],
            ..WeightsReport::default()
        };
        let two = WeightsReport {
            weights: vec![weights(&repo("x/b"), false), weights(&local, true)],
            ..WeightsReport::default()
        };
        let hosts = [HostId::new("s1"), HostId::new("s2")];
        let rows = menu(&catalog, [(&hosts[0], &one), (&hosts[1], &two)]);
        let seen: Vec<(&str, MenuState, usize)> = rows
            .iter()
            .map(|row| (row.key.as_str(), row.state, row.on.len()))
            .collect();
        assert_eq!(
            seen,
            [
                ("b2", MenuState::Ready, 2),
                ("b1", MenuState::Ready, 2),
                ("l", MenuState::Ready, 1),
                ("x/new", MenuState::NeedsSetup, 1),
                ("p", MenuState::Partial, 1),
            ]
        );
        assert!(rows[0].whole_on(&hosts[0]) && !rows[0].whole_on(&hosts[1]));
        assert_eq!(rows[0].size(), Bytes(100));
        let absent: Vec<String> = absent(&catalog, &rows)
            .iter()
            .map(|r| r.key.to_string())
            .collect();
        assert_eq!(absent, ["c"]);
    }

    #[test]
    fn hosts_are_chosen_by_name_or_tag() {
        let text = "defaults: {engine: vllm}\nmodels:\n  a: {repo: x/a, hosts: [s1, 'tag:gb10']}\n  b: {repo: x/b}\n";
        let catalog = Catalog::load(&[("m", text)]);
        let host = |name: &str, tag: &str| HostSpec {
            id: HostId::new(name),
            address: crate::domain::HostAddress::Local,
            tags: vec![tag.into()],
            gpu: crate::domain::GpuSourceChoice::Auto,
            power: None,
        };
        let recipe = |key: &str| catalog.recipes[&ModelKey::new(key)].clone();
        assert!(recipe("a").may_run_on(&host("s1", "x")));
        assert!(recipe("a").may_run_on(&host("s2", "gb10")));
        assert!(!recipe("a").may_run_on(&host("s3", "x")));
        assert!(recipe("b").may_run_on(&host("s3", "x")));
    }

    #[test]
    fn sixty_models_on_eight_hosts_are_sixty_rows() {
        let sources: Vec<ModelSource> = (0..60).map(|n| repo(&format!("x/m{n}"))).collect();
        let report = WeightsReport {
            weights: sources.iter().map(|source| weights(source, true)).collect(),
            ..WeightsReport::default()
        };
        let hosts: Vec<HostId> = (0..8).map(|n| HostId::new(format!("h{n}"))).collect();
        let catalog = Catalog::with_bundled(&[]);
        let rows = menu(&catalog, hosts.iter().map(|host| (host, &report)));
        assert_eq!(rows.len(), 60);
        assert!(rows.iter().all(|row| row.on.len() == 8));
    }
}
