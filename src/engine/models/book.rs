//! The catalogue in use: the one that comes with the program, the files that the config names, and the recipes that the person
//! keeps, read anew whenever one is kept.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::ModelsSettings;
use crate::domain::Severity;
use crate::engine::command::{Refusal, Reply};
use crate::engine::lanes::Lanes;
use crate::engine::msg::Msg;
use crate::engine::notice::Notice;
use crate::models::{Catalog, CatalogProblem, KeepError, Recipe, keep, read_catalog};

/// Problems that are told one by one; the catalogue has them all.
const TOLD: usize = 5;

/// The files of the catalogue.
#[derive(Debug, Default)]
pub(in crate::engine) struct Book {
    catalogs: Vec<PathBuf>,
    kept: Option<PathBuf>,
}

impl Book {
    pub(super) fn new(settings: &ModelsSettings) -> Self {
        Self {
            catalogs: settings.catalogs.clone(),
            kept: settings.recipes.clone(),
        }
    }

    /// Reads the catalogue and tells it, with what is wrong in it.
    pub(in crate::engine) async fn tell(&self, lanes: &Lanes) {
        let (named, kept) = (self.catalogs.clone(), self.kept.clone());
        let read = tokio::task::spawn_blocking(move || read_catalog(&named, kept.as_deref()));
        let catalog = match read.await {
            Ok(catalog) => catalog,
            Err(error) => {
                tracing::error!(%error, "the catalogue was not read to its end");
                return;
            }
        };
        let at = lanes.now();
        let told = told(lanes, &catalog);
        let catalog = Arc::new(catalog);
        lanes.fact(Msg::Catalog { at, catalog }).await;
        for notice in told {
            lanes.fact(Msg::Noticed(notice)).await;
        }
    }

    /// Keeps a recipe, and reads the catalogue anew.
    pub(super) async fn keep(&self, recipe: Recipe, lanes: &Lanes) -> Reply {
        let folder = self.kept.clone();
        let kept = tokio::task::spawn_blocking(move || keep(folder.as_deref(), &recipe)).await;
        match kept {
            Ok(Ok(_)) => {
                self.tell(lanes).await;
                Reply::Done
            }
            Ok(Err(error)) => Reply::Failed(refusal(&error)),
            Err(error) => Reply::Failed(Refusal {
                why: format!("the recipe was not kept: {error}"),
                hint: None,
            }),
        }
    }
}

fn refusal(error: &KeepError) -> Refusal {
    let beneath = std::error::Error::source(error).map(|source| format!(": {source}"));
    Refusal {
        why: format!("{error}{}", beneath.unwrap_or_default()),
        hint: Some(error.hint()),
    }
}

fn told(lanes: &Lanes, catalog: &Catalog) -> Vec<Notice> {
    let warn = |sentence: String, hint: Option<&str>| Notice {
        at: lanes.now(),
        severity: Severity::Warning,
        host: None,
        sentence: sentence.into(),
        hint: hint.map(Into::into),
    };
    let problems = catalog.problems.iter().take(TOLD);
    let mut told: Vec<Notice> = problems
        .map(|problem| warn(words(problem), problem.hint.as_deref()))
        .collect();
    if let Some(more) = catalog
        .problems
        .len()
        .checked_sub(TOLD)
        .filter(|more| *more > 0)
    {
        let sentence = format!("{more} more things are wrong in the catalogue");
        told.push(warn(
            sentence,
            Some("`pilothouse models list` tells them all"),
        ));
    }
    told
}

fn words(problem: &CatalogProblem) -> String {
    let line = problem.line.map(|line| format!(" line {line}"));
    let entry = problem.entry.as_ref().map(|entry| format!(" {entry}:"));
    format!(
        "catalogue: {}{}:{} {}",
        problem.file,
        line.unwrap_or_default(),
        entry.unwrap_or_default(),
        problem.what
    )
}
