//! Where a value came from, for `config print` and for blame.

use std::fmt;

use serde::Serialize;

/// Where a value came from: flag, environment, file, default, in this order of precedence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A line of the file.
    Line(u64),
    /// Nobody said anything.
    #[default]
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Where each value of a configuration came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Name of the fleet.
    pub fleet: Origin,
    /// Whether changes are refused.
    pub read_only: Origin,
    /// Time between two samples.
    pub period: Origin,
    /// Threshold: share of memory left.
    pub tight_percent: Origin,
    /// Threshold: memory left.
    pub tight_left: Origin,
    /// Threshold: temperature.
    pub hot: Origin,
    /// The theme.
    pub theme: Origin,
    /// The mouse.
    pub mouse: Origin,
    /// The bell.
    pub bell: Origin,
    /// The webhook.
    pub webhook: Origin,
    /// Memory of log lines.
    pub buffer: Origin,
    /// Log lines at first.
    pub tail: Origin,
    /// What hosts are armed for.
    pub arming: ArmingOrigins,
    /// The assistant.
    pub assistant: AssistantOrigins,
    /// Where the ledger is also sent.
    pub sink: Origin,
    /// The models.
    pub models: ModelsOrigins,
    /// The services.
    pub services: Origin,
    /// The hosts, in their order.
    pub hosts: Vec<Origin>,
}

/// Where the values under `arming` came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArmingOrigins {
    /// The classes.
    pub needed: Origin,
    /// How long.
    pub minutes: Origin,
    /// How long without a key.
    pub idle: Origin,
    /// The cancel window.
    pub window: Origin,
    /// The wait for a restart.
    pub restart: Origin,
}

/// Where the values under `assistant` came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssistantOrigins {
    /// The program.
    pub program: Origin,
    /// The model.
    pub model: Origin,
    /// Dollars of a session.
    pub budget: Origin,
    /// Turns of a question.
    pub turns: Origin,
    /// Time of a question.
    pub limit: Origin,
    /// The address of the API.
    pub base_url: Origin,
    /// Whose login.
    pub login: Origin,
    /// Entries that are asked for.
    pub ask_for: Origin,
}

/// Where the values under `models` came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelsOrigins {
    /// Files over the catalogue.
    pub catalogs: Origin,
    /// Hosts that serve together.
    pub clusters: Origin,
    /// Folders of models.
    pub folders: Origin,
    /// The hub.
    pub hub: Origin,
    /// Its token.
    pub hub_token: Origin,
    /// Where NGC's key is to be had.
    pub ngc_key: Origin,
    /// Who is told of swaps.
    pub webhook: Origin,
    /// Engines that are only looked at.
    pub watched: Origin,
    /// What others intend to run.
    pub schedule: Origin,
}
