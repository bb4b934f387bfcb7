//! The seam between the engine and the ways to a host: SSH, this machine, a simulated one. What comes through it is a
//! link that gives beats and runs commands.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::{At, HostSpec, Rung, Sample};
use crate::exec::Exec;
use crate::ssh::Ask;

/// A way to hosts.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Makes a link to one host. Steps and questions go through `ask`, also later, while the link is in use. Bounds its
    /// own waiting, save for a person's answer, and how many of its handshakes are at work at once. Dropping the future gives the dial up.
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError>;

    /// Makes a way to whoever holds the power of a host: a login that offers only the keys of `spec`, without readings, made
    /// anew for each verb. Dropping what it gives ends the connection. Bounds its own waiting, save for a person's answer.
    async fn switch(
        &self,
        spec: &HostSpec,
        _ask: Arc<dyn Ask>,
    ) -> Result<Arc<dyn Exec>, ConnectError> {
        Err(ConnectError {
            rung: Rung::Resolve,
            silent: false,
            what: format!("there is no way to the power switch {} here", spec.id),
            hint: None,
            is_final: true,
        })
    }
}

/// An open link.
pub struct Connected {
    /// Gives readings.
    pub watch: Box<dyn Watch>,
    /// Runs commands, beside the readings.
    pub exec: Arc<dyn Exec>,
    /// The login name there, where it is known.
    pub user: Option<String>,
}

/// The readings of one linked host.
#[async_trait]
pub trait Watch: Send {
    /// Asks for what is new and waits for it. The engine sets the pace and the bound.
    async fn beat(&mut self, at: At) -> Result<Beat, Lost>;

    /// Waits until the link is gone by itself, so that a long period between beats does not hide it.
    async fn gone(&mut self) -> Lost {
        std::future::pending().await
    }
}

/// One answer of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// What it read anew.
    pub sample: Sample,
    /// How long asking took there and back.
    pub round_trip: Duration,
}

/// Why a link could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct ConnectError {
    /// The rung that did not hold.
    pub rung: Rung,
    /// The far side took the connection and says nothing.
    pub silent: bool,
    /// One sentence.
    pub what: String,
    /// The mend, where we know one.
    pub hint: Option<String>,
    /// Trying again by itself is useless: it waits for a person.
    pub is_final: bool,
}

/// Why a link gives no more readings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct Lost {
    /// It was asked and said nothing.
    pub silent: bool,
    /// One sentence.
    pub what: String,
    /// The mend, where we know one.
    pub hint: Option<String>,
}
