//! The catalogue in use: the one that comes with the program, the files that the config names, and the recipes that the person
//! keeps, read anew whenever one is kept.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::ModelsSettings;
use crate::domain::Severity;
use crate::engine::lanes::Lanes;
use crate::engine::msg::Msg;
use crate::engine::notice::Notice;
use crate::models::{Catalog, CatalogProblem};

/// Problems that are told one by one; the catalogue has them all.
const TOLD: usize = 5;

/// The largest file of recipes.
const LARGEST: u64 = 1 << 20;

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
        let catalog = self.read().await;
        let at = lanes.now();
        let problems = catalog.problems.clone();
        let catalog = Arc::new(catalog);
        lanes.fact(Msg::Catalog { at, catalog }).await;
        for problem in problems.iter().take(TOLD) {
            lanes.fact(Msg::Noticed(notice(lanes, problem))).await;
        }
        if let Some(more) = problems.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let sentence = format!("{more} more entries of the catalogue are wrong");
            let hint = Some("`pilothouse models list` tells them all".into());
            let notice = Notice {
                at,
                severity: Severity::Warning,
                host: None,
                sentence: sentence.into(),
                hint,
            };
            lanes.fact(Msg::Noticed(notice)).await;
        }
    }

    async fn read(&self) -> Catalog {
        let mut files = Vec::new();
        let mut unread = Vec::new();
        let kept = match &self.kept {
            Some(folder) => recipes(folder).await.unwrap_or_else(|error| {
                unread.push(trouble(folder, &error));
                Vec::new()
            }),
            None => Vec::new(),
        };
        for path in self.catalogs.iter().chain(&kept) {
            match text(path).await {
                Ok(text) => files.push((path.display().to_string(), text)),
                Err(error) => unread.push(trouble(path, &error)),
            }
        }
        let mut catalog = Catalog::with_bundled(&files);
        catalog.problems.extend(unread);
        catalog
    }
}

/// The files of kept recipes, in the order of their names. A folder that is not there holds none.
async fn recipes(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        let named = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        if named {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

async fn text(path: &Path) -> io::Result<String> {
    let size = tokio::fs::metadata(path).await?.len();
    if size > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    tokio::fs::read_to_string(path).await
}

fn trouble(path: &Path, error: &io::Error) -> CatalogProblem {
    CatalogProblem {
        file: path.display().to_string(),
        line: None,
        entry: None,
        what: format!("it can't be read: {error}"),
        hint: Some("look at `models.catalogs` in the config".into()),
    }
}

fn notice(lanes: &Lanes, problem: &CatalogProblem) -> Notice {
    let line = problem.line.map(|line| format!(" line {line}"));
    let entry = problem.entry.as_ref().map(|entry| format!(" {entry}:"));
    let sentence = format!(
        "catalogue: {}{}:{} {}",
        problem.file,
        line.unwrap_or_default(),
        entry.unwrap_or_default(),
        problem.what
    );
    Notice {
        at: lanes.now(),
        severity: Severity::Warning,
        host: None,
        sentence: sentence.into(),
        hint: problem.hint.as_deref().map(Into::into),
    }
}
