//! Finds and reads the file, then resolves. A file that was named and is not there is an error; the default one may be missing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::environment::Environment;
use super::node::LONGEST_FILE;
use super::paths::Paths;
use super::problems::Problems;
use super::resolve::{BadArgument, Flags, Resolved, Source, resolve};
use super::ssh_aliases::ssh_aliases;

/// Why there is no configuration at all.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The named file can't be read.
    #[error("the configuration file {} can't be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A host argument is no host.
    #[error(transparent)]
    Argument(#[from] BadArgument),
}

impl LoadError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "name another with --config, or write one with `pilothouse config init`"
            }
            Self::Argument(_) => {
                "write a name of the configuration, user@host:port, or local for this machine"
            }
        }
    }
}

/// Which file is read, and whether somebody asked for it by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// By flag or variable: it has to be there.
    Named(PathBuf),
    /// The usual place: it may be missing.
    Usual(PathBuf),
    /// No home directory, nothing named.
    Nowhere,
}

impl Chosen {
    /// The file that flags and environment choose.
    pub fn of(flags: &Flags, environment: &Environment, paths: &Paths) -> Self {
        flags
            .config
            .clone()
            .or_else(|| environment.path("PILOTHOUSE_CONFIG"))
            .map(Self::Named)
            .or_else(|| paths.config_file().map(Self::Usual))
            .unwrap_or(Self::Nowhere)
    }

    /// The file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Named(path) | Self::Usual(path) => Some(path),
            Self::Nowhere => None,
        }
    }
}

/// Reads and resolves the configuration.
pub fn load(
    flags: &Flags,
    environment: &Environment,
    paths: &Paths,
) -> Result<Resolved, LoadError> {
    let chosen = Chosen::of(flags, environment, paths);
    let mut problems = Problems::default();
    let source = match &chosen {
        Chosen::Nowhere => None,
        Chosen::Named(file) => Some(source(file).map_err(|source| LoadError::Unreadable {
            file: file.clone(),
            source,
        })?),
        Chosen::Usual(file) => match source(file) {
            Ok(source) => Some(source),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                problems.file = Some(file.clone());
                problems.in_file(
                    None,
                    &format!("the file can't be read: {error}"),
                    "the defaults are used",
                );
                None
            }
        },
    };
    let mut resolved = resolve(source.as_ref(), environment, flags, paths.home())?;
    let models = &mut resolved.config.settings.models;
    models.recipes = paths.models();
    models.tokens = paths.state().map(|state| state.join("reservations"));
    let mut all = problems.all;
    all.append(&mut resolved.config.problems);
    resolved.config.problems = all;
    Ok(resolved)
}

/// Names that the person's ssh configuration knows; none where it can't be read, for ssh itself will say why.
pub fn read_ssh_aliases(paths: &Paths) -> BTreeSet<String> {
    paths
        .ssh_config()
        .and_then(|file| source(&file).ok())
        .map(|source| ssh_aliases(&source.text))
        .unwrap_or_default()
}

fn source(file: &Path) -> io::Result<Source> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST_FILE).unwrap_or(u64::MAX);
    // One byte over the bound, so that the reader can tell that there is more.
    File::open(file)?.take(most + 1).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to())
            .filter(|byte| **byte == b'\n')
            .count();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {} is no UTF-8", line + 1),
        )
    })?;
    Ok(Source {
        file: file.to_owned(),
        text,
    })
}
