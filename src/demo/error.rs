//! Why the demo fleet could not be started or written down.

use std::path::PathBuf;

use thiserror::Error;

use super::Drill;
use crate::domain::InvalidName;

/// Why the demo fleet could not be started or written down.
#[derive(Debug, Error)]
pub enum DemoError {
    /// No drill of this name.
    #[error("there is no drill {name:?}; the drills are {}", Drill::names())]
    UnknownDrill {
        /// The name that was given.
        name: String,
    },
    /// The loopback gave no port.
    #[error("no port on 127.0.0.1 for {host}")]
    Listen {
        /// The simulated machine.
        host: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the demo could not be written.
    #[error("{} can't be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is there and is none of the demo's.
    #[error("{} is there already and was not written by the demo", path.display())]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// No randomness, so no keys.
    #[error("the system gave no random bytes for keys")]
    Random,
    /// A name of ours is outside the grammar.
    #[error("a name of the demo is no valid name")]
    Name(#[from] InvalidName),
    /// A key has no OpenSSH form.
    #[error("a fresh key can't be written in OpenSSH's form")]
    Key(#[source] russh::keys::ssh_key::Error),
}

impl DemoError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownDrill { .. } => format!("use --drill with one of {}", Drill::names()),
            Self::Listen { .. } => {
                "the demo needs the loopback interface and a few free file descriptors (ulimit -n)"
                    .into()
            }
            Self::Write { .. } => "check that the directory exists and can be written to".into(),
            Self::Taken { .. } => "name another file".into(),
            Self::Random => "check that getrandom(2) is allowed here".into(),
            Self::Key(_) | Self::Name(_) => "start the demo again".into(),
        }
    }
}
