//! The rungs of the liveness ladder: names that the prober, the engine and the store share.

use serde::{Deserialize, Serialize};

/// A rung, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The name has an address.
    Resolve,
    /// TCP answers.
    Tcp,
    /// The SSH server greets us and its key is right.
    Banner,
    /// It lets us in.
    Login,
    /// A command comes back.
    Command,
    /// The GPU driver answers.
    Driver,
    /// The container daemon answers.
    Containers,
}

impl Rung {
    /// All rungs, lowest first.
    pub const ALL: [Self; 7] = [
        Self::Resolve,
        Self::Tcp,
        Self::Banner,
        Self::Login,
        Self::Command,
        Self::Driver,
        Self::Containers,
    ];

    /// The rung's name as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Tcp => "tcp",
            Self::Banner => "ssh banner",
            Self::Login => "login",
            Self::Command => "command",
            Self::Driver => "gpu driver",
            Self::Containers => "containers",
        }
    }
}
