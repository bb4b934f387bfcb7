//! The reservation of a place against swaps (pure): who holds it, until when, and why. It is kept on the head, so that no restart
//! of a console frees it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{Secret, Wall};
use crate::text::SafeText;

/// A reservation that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockState {
    /// Who, as they said.
    pub holder: SafeText,
    /// Why.
    pub note: SafeText,
    /// Since when, by the host's clock.
    pub since: Wall,
    /// Until when, by the host's clock.
    pub until: Wall,
    /// Time that was left when it was read.
    pub left: Duration,
    /// This console has its token.
    pub ours: bool,
}

/// What is wanted of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockOrder {
    /// Take it, or hold one's own longer.
    Take {
        /// Who.
        holder: String,
        /// For how long; from 1 s to a day.
        ttl: Duration,
        /// Why.
        note: String,
        /// The token of one's own.
        token: Option<Secret<String>>,
    },
    /// Give it back.
    Release {
        /// Its token; `None`: the one that this console keeps.
        token: Option<Secret<String>>,
    },
    /// Take it from whoever holds it.
    Break,
}
