//! What every verb is given: the common flags, the environment, the person's folders.

use std::path::{Path, PathBuf};

use super::args::Common;
use super::error::CliError;
use super::person;
use crate::config::{Config, Environment, LoadError, Origin, Paths, Problem, Resolved, load};
use crate::engine::{Acting, Assisting, ProgramPlaces};
use crate::ssh::Defaults;
use crate::store::{Ledger, LedgerPaths};
use crate::tui::{Keymap, theme_load};

/// The flags, the environment and the folders of this run.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) common: Common,
    pub(super) environment: Environment,
    pub(super) paths: Paths,
}

impl Here {
    pub(super) fn new(common: Common) -> Self {
        Self {
            common,
            environment: Environment::of_process(),
            paths: Paths::of_process(),
        }
    }

    /// The configuration with these hosts; what only the console can judge (keys, theme) is judged as well.
    pub(super) fn load(&self, hosts: Vec<String>) -> Result<Resolved, LoadError> {
        let mut resolved = load(&self.common.flags(hosts), &self.environment, &self.paths)?;
        let mut more = faults(&resolved.config);
        more.extend(theme_fault(&resolved));
        resolved.config.problems.append(&mut more);
        resolved.config.problems.sort_by_key(|problem| problem.line);
        Ok(resolved)
    }

    /// Where the ledger is; `None` where no home directory is known.
    pub(super) fn ledger_paths(&self) -> Option<LedgerPaths> {
        Some(LedgerPaths {
            ledger: self.paths.ledger()?,
            anchor: self.paths.ledger_anchor()?,
            key: self.paths.ledger_key()?,
        })
    }

    /// Who acts here, with the person's ledger.
    pub(super) fn acting(&self) -> Result<Acting, CliError> {
        self.acting_in(match self.ledger_paths() {
            Some(paths) => Ledger::in_files(paths),
            None => Ledger::nowhere("no home directory is known", "set HOME"),
        })
    }

    /// Who acts here, with this ledger.
    pub(super) fn acting_in(&self, ledger: Ledger) -> Result<Acting, CliError> {
        Ok(Acting {
            ledger,
            who: self.person()?.user.to_string().into(),
            from: person::seat(&self.environment).into(),
        })
    }

    /// What conversations with the assistant are given.
    pub(super) fn assisting(&self) -> Assisting {
        let state = self.paths.state();
        Assisting {
            folder: state.map(|state| state.join("talks")),
            program: state.and_then(|state| self.program(state)),
            minds: None,
            runbooks: self.paths.runbooks(),
        }
    }

    /// What conversations are given that leave nothing behind but in this folder, and that no other console finds.
    pub(super) fn assisting_in(&self, folder: &Path) -> Assisting {
        Assisting {
            folder: None,
            program: self.program(folder),
            ..self.assisting()
        }
    }

    /// Where the assistant's program finds what it needs, with its own files below this folder.
    fn program(&self, folder: &Path) -> Option<ProgramPlaces> {
        let runtime = self.environment.get("XDG_RUNTIME_DIR").map(PathBuf::from);
        Some(ProgramPlaces {
            environment: self.environment.clone(),
            own: std::env::current_exe().ok()?,
            runtime: runtime.unwrap_or_else(|| PathBuf::from("/tmp")),
            rooms: folder.join("assistant"),
        })
    }

    /// The person as ssh sees them.
    pub(super) fn person(&self) -> Result<Defaults, CliError> {
        person::person(&self.environment, &self.paths)
    }
}

/// Remapped keys that can't be.
fn faults(config: &Config) -> Vec<Problem> {
    let (_, problems) = Keymap::build(&config.settings.keys);
    problems
        .into_iter()
        .map(|problem| Problem {
            file: config.file.clone(),
            line: problem.line,
            hint: Some(problem.fault.hint()),
            what: problem.fault.to_string(),
        })
        .collect()
}

/// A theme that is not there.
fn theme_fault(resolved: &Resolved) -> Option<Problem> {
    let name = resolved.config.settings.theme.as_ref()?;
    let fault = theme_load::load(name).err()?;
    let line = match resolved.origins.theme {
        Origin::Line(line) => Some(line),
        _ => None,
    };
    Some(Problem {
        file: resolved.config.file.clone().filter(|_| line.is_some()),
        line,
        hint: fault.hint(),
        what: fault.to_string(),
    })
}
