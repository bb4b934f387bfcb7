//! What every verb is given: the common flags, the environment, the person's folders.

use super::args::Common;
use super::error::CliError;
use super::person;
use crate::config::{Config, Environment, LoadError, Origin, Paths, Problem, Resolved, load};
use crate::ssh::Defaults;
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
