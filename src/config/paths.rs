//! Where files live: the XDG directories of the person.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};

/// Folder of ours inside each XDG directory.
const NAME: &str = "pilothouse";

/// The person's directories; none where no home directory is known.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    state: Option<PathBuf>,
    data: Option<PathBuf>,
}

impl Paths {
    /// As the XDG variables and the home directory of this process say.
    pub fn of_process() -> Self {
        let Ok(xdg) = Xdg::new() else {
            return Self::default();
        };
        Self {
            home: Some(xdg.home_dir().to_owned()),
            config: Some(xdg.config_dir().join(NAME)),
            state: xdg.state_dir().map(|state| state.join(NAME)),
            data: Some(xdg.data_dir().join(NAME)),
        }
    }

    /// The person's home directory.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The configuration file where nobody names another.
    pub fn config_file(&self) -> Option<PathBuf> {
        self.config
            .as_ref()
            .map(|folder| folder.join("config.yaml"))
    }

    /// Folder of the person's own themes.
    pub fn themes(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|folder| folder.join("themes"))
    }

    /// Folder of the person's own runbooks.
    pub fn runbooks(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|folder| folder.join("runbooks"))
    }

    /// Folder of the person's own recipes of models.
    pub fn models(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|folder| folder.join("models"))
    }

    /// Folder of what only we know: history and logs.
    pub fn state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// The store of ups and downs.
    pub fn store(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|folder| folder.join("history.db"))
    }

    /// The ledger of what was done.
    pub fn ledger(&self) -> Option<PathBuf> {
        self.state
            .as_ref()
            .map(|folder| folder.join("ledger.jsonl"))
    }

    /// What the ledger is held against: in the data directory, because what removes the state must not take it along, and
    /// because configurations are copied between machines.
    pub fn ledger_anchor(&self) -> Option<PathBuf> {
        self.data
            .as_ref()
            .map(|folder| folder.join("ledger.anchor"))
    }

    /// The first key of the ledger, until a person keeps it elsewhere.
    pub fn ledger_key(&self) -> Option<PathBuf> {
        self.data.as_ref().map(|folder| folder.join("ledger.key"))
    }

    /// Our own log.
    pub fn log(&self) -> Option<PathBuf> {
        self.state
            .as_ref()
            .map(|folder| folder.join("pilothouse.log"))
    }

    /// A path as a person writes it: `~/` is their home.
    pub fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// The person's ssh configuration.
    pub fn ssh_config(&self) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".ssh/config"))
    }
}
