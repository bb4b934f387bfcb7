//! Where a value came from, for `config print` and for blame.

use std::fmt;

use serde::Serialize;

/// Where a value came from: flag, environment, file, default, in this order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A line of the file.
    Line(u64),
    /// Nobody said anything.
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The hosts, in their order.
    pub hosts: Vec<Origin>,
}
