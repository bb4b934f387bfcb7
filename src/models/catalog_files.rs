//! The catalogue's files on this machine: those that are named, and a person's own recipes in the configuration directory, each
//! in a file of its own. What they mean is for `catalog_load`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::catalog::{Catalog, CatalogProblem, Recipe};
use super::recipe_file::{recipe_problems, recipe_yaml};

/// Longest file that is read, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Most files of the folder that are read.
const MOST_FILES: usize = 500;

/// Why a recipe was not kept.
#[derive(Debug, Error)]
pub enum KeepError {
    /// It would not be read back as it is.
    #[error("the recipe {} does not hold: {}", problem.entry.as_deref().unwrap_or("without a key"), problem.what)]
    Bad {
        /// The first thing that is wrong.
        problem: CatalogProblem,
    },
    /// No home directory is known.
    #[error("nothing says where recipes are kept")]
    Nowhere,
    /// The file system does not let us.
    #[error("{} can't be written", file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl KeepError {
    /// The mend.
    pub fn hint(&self) -> String {
        match self {
            Self::Bad { problem } => problem
                .hint
                .clone()
                .unwrap_or_else(|| "mend the recipe and keep it again".into()),
            Self::Nowhere => "set HOME or XDG_CONFIG_HOME".into(),
            Self::Write { .. } => "look at the rights and the free space of the folder".into(),
        }
    }
}

/// The catalogue that comes with the program, with the named files laid over it in their order, then the recipes of the folder
/// in the order of their names. A file that can't be read is one problem more.
pub fn read_catalog(named: &[PathBuf], folder: Option<&Path>) -> Catalog {
    let mut problems = Vec::new();
    let mut texts = Vec::new();
    let own = folder
        .map(|folder| own(folder, &mut problems))
        .unwrap_or_default();
    for file in named.iter().chain(&own) {
        let name = file.display().to_string();
        match read(file) {
            Ok(text) => texts.push((name, text)),
            Err(error) => problems.push(unreadable(&name, &error)),
        }
    }
    let mut catalog = Catalog::with_bundled(&texts);
    problems.append(&mut catalog.problems);
    Catalog {
        problems,
        ..catalog
    }
}

/// Keeps a recipe in the folder of a person's own, in a file of its own that takes the place of an earlier one at once or not at
/// all. It is read back first: nothing is kept that would not load.
pub fn keep(folder: Option<&Path>, recipe: &Recipe) -> Result<PathBuf, KeepError> {
    let folder = folder.ok_or(KeepError::Nowhere)?;
    if let Some(problem) = recipe_problems(recipe).into_iter().next() {
        return Err(KeepError::Bad { problem });
    }
    // A key is a file's name by its grammar.
    let file = folder.join(format!("{}.yaml", recipe.key));
    let failed = |file: &Path| {
        let file = file.to_owned();
        move |source| KeepError::Write { file, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed(folder))?;
    let new = folder.join(format!(".{}.{:08x}.new", recipe.key, fastrand::u32(..)));
    let written = write_whole(&new, &recipe_yaml(recipe)).and_then(|()| fs::rename(&new, &file));
    if let Err(source) = written {
        // What is half written is of no use to anybody; that it can't be removed either changes nothing.
        let _left = fs::remove_file(&new);
        return Err(failed(&file)(source));
    }
    Ok(file)
}

fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()
}

fn own(folder: &Path, problems: &mut Vec<CatalogProblem>) -> Vec<PathBuf> {
    let name = folder.display().to_string();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(unreadable(&name, &error));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => files.push(entry.path()),
            Err(error) => problems.push(unreadable(&name, &error)),
        }
    }
    files.retain(|file| {
        let hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        !hidden
            && file
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml")
    });
    files.sort();
    if files.len() > MOST_FILES {
        problems.push(CatalogProblem {
            file: name,
            line: None,
            entry: None,
            what: format!(
                "{} files are there; the first {MOST_FILES} are read",
                files.len()
            ),
            hint: Some("put several recipes into one file".into()),
        });
        files.truncate(MOST_FILES);
    }
    files
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?
        .take(LONGEST_FILE + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn unreadable(file: &str, error: &io::Error) -> CatalogProblem {
    CatalogProblem {
        file: file.to_owned(),
        line: None,
        entry: None,
        what: format!("it can't be read: {error}"),
        hint: Some("the rest of the catalogue is used".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::ModelKey;

    #[test]
    fn what_is_kept_is_read_again_and_replaces_what_was() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("models");
        let catalog = read_catalog(&[], Some(&folder));
        assert_eq!(catalog.problems, []);
        let bundled = catalog.recipes.len();
        let key = ModelKey::new("gpt-oss-120b");
        let mut recipe = catalog.recipes[&key].as_ref().clone();
        recipe.context = Some(1234);
        keep(Some(&folder), &recipe).unwrap();
        recipe.key = ModelKey::new("mine");
        recipe.context = Some(4321);
        let file = keep(Some(&folder), &recipe).unwrap();
        recipe.context = Some(5000);
        assert_eq!(keep(Some(&folder), &recipe).unwrap(), file);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);

        let catalog = read_catalog(&[], Some(&folder));
        assert_eq!(catalog.problems, []);
        assert_eq!(catalog.recipes.len(), bundled + 1);
        assert_eq!(catalog.recipes[&key].context, Some(1234));
        assert_eq!(*catalog.recipes[&ModelKey::new("mine")], recipe);
    }

    #[test]
    fn nothing_is_kept_that_would_not_load() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::with_bundled(&[]);
        let recipe = catalog.recipes.values().next().unwrap().as_ref().clone();
        for key in ["../evil", "a b", "", "A"] {
            let bad = Recipe {
                key: ModelKey::new(key),
                ..recipe.clone()
            };
            let error = keep(Some(folder.path()), &bad).unwrap_err();
            assert!(!error.hint().is_empty());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(matches!(keep(None, &recipe), Err(KeepError::Nowhere)));
    }

    #[test]
    fn a_broken_file_hides_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
        write("a.yaml", b"models: [");
        write("b.yaml", b"\xff\xfe");
        write("c.yaml", b"models: {own: {repo: x/y}}");
        write(".d.yaml", b"[");
        write("e.txt", b"[");
        let missing = folder.path().join("none.yaml");
        let catalog = read_catalog(&[missing], Some(folder.path()));
        assert_eq!(catalog.problems.len(), 3, "{:?}", catalog.problems);
        assert!(catalog.recipes.contains_key(&ModelKey::new("own")));
    }
}
