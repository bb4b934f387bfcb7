//! The list that every reader of a configuration adds to, so that one run reports everything.

use std::path::PathBuf;

use super::Problem;
use crate::text::SafeText;

/// Problems found so far, all of one file and what was laid over it.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) file: Option<PathBuf>,
    pub(crate) all: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            all: Vec::new(),
        }
    }

    /// Something is wrong in the file.
    pub(crate) fn at(&mut self, line: u64, what: impl Into<String>, hint: impl Into<String>) {
        self.push(self.file.clone(), Some(line), &what.into(), &hint.into());
    }

    /// Something is wrong with the file as a whole, or at a place that is not known.
    pub(crate) fn in_file(&mut self, line: Option<u64>, what: &str, hint: &str) {
        self.push(self.file.clone(), line, what, hint);
    }

    /// Something is wrong in the environment.
    pub(crate) fn outside(&mut self, what: impl Into<String>, hint: impl Into<String>) {
        self.push(None, None, &what.into(), &hint.into());
    }

    /// The problems in the order of the file; those of the environment come first.
    pub(crate) fn sorted(mut self) -> Vec<Problem> {
        self.all.sort_by_key(|problem| problem.line);
        self.all
    }

    fn push(&mut self, file: Option<PathBuf>, line: Option<u64>, what: &str, hint: &str) {
        let problem = Problem {
            file,
            line,
            what: clean(what),
            hint: (!hint.is_empty()).then(|| clean(hint)),
        };
        // A jump that several hosts share is looked at for each of them.
        if !self.all.contains(&problem) {
            self.all.push(problem);
        }
    }
}

/// A file may hold anything, and problems are shown on terminals.
fn clean(text: &str) -> String {
    SafeText::new(text).as_str().to_owned()
}
