//! The environment, read once. Nobody else looks at it; tests hand in their own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Variables of ours and what each sets.
pub const VARIABLES: &[(&str, &str)] = &[
    ("PILOTHOUSE_CONFIG", "the configuration file"),
    ("PILOTHOUSE_READ_ONLY", "refuse every change: true or false"),
    ("PILOTHOUSE_PERIOD", "time between two samples, such as 2s"),
    ("PILOTHOUSE_THEME", "name or file of the theme"),
    ("PILOTHOUSE_MOUSE", "whether the mouse is on: true or false"),
    ("PILOTHOUSE_FLEET", "name of the fleet"),
    (
        "PILOTHOUSE_ASSISTANT",
        "the program of the assistant, by name or path",
    ),
    ("PILOTHOUSE_MODEL", "the model of the assistant"),
    (
        "PILOTHOUSE_LOG",
        "what is logged, such as debug or pilothouse=trace",
    ),
];

/// The variables of this process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// What this process was given.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The value of a variable as text; what is no UTF-8 shows U+FFFD.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)
            .map(|value| value.to_string_lossy().into_owned())
    }

    /// The value of a variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// Names of variables that begin like ours.
    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        self.variables
            .keys()
            .filter_map(|name| name.to_str())
            .filter(|name| name.starts_with("PILOTHOUSE_"))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            variables: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}
