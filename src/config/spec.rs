//! The resolved configuration: every value is parsed, every reference holds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::domain::{HostSpec, Mib, Secret, Thresholds};

/// The whole configuration. What was wrong with its file is in `problems`; the rest holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the fleet on the identity line.
    pub fleet: String,
    /// The hosts in the order they are shown.
    pub hosts: Vec<Arc<HostSpec>>,
    /// Everything else.
    pub settings: Settings,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Everything that is wrong with the file, all at once.
    pub problems: Vec<Problem>,
}

/// Everything that is not a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Refuse every change, in the engine.
    pub read_only: bool,
    /// Time between two samples.
    pub period: Duration,
    /// When a reading becomes a state worth words.
    pub thresholds: Thresholds,
    /// Name of the theme, or a path to a theme file. None: dark or light, as the terminal's background is.
    pub theme: Option<String>,
    /// Whether the mouse is on at the start.
    pub mouse: bool,
    /// Keys that differ from the defaults, in the file's order.
    pub keys: Vec<KeyBinding>,
    /// What an alert does beside showing itself.
    pub alerts: AlertSettings,
    /// How many log lines are kept.
    pub logs: LogSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            read_only: false,
            period: Duration::from_secs(1),
            thresholds: Thresholds::default(),
            theme: None,
            mouse: true,
            keys: Vec::new(),
            alerts: AlertSettings::default(),
            logs: LogSettings::default(),
        }
    }
}

/// One remapped key: an action's name and its keys, as written. The keymap checks both and names clashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBinding {
    /// Name of the action.
    pub action: String,
    /// Keys, such as `ctrl-p` or `g`.
    pub keys: Vec<String>,
    /// Line in the file.
    pub line: Option<u64>,
}

/// What an alert does beside showing itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertSettings {
    /// Ring the terminal's bell.
    pub bell: bool,
    /// POST a JSON body to this address (its token may be in it, so it is a secret).
    pub webhook: Option<Secret<String>>,
}

/// How many log lines are kept, and how many are asked for at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// Memory that the lines of all sources together may take.
    pub buffer: Mib,
    /// Lines before its end that a source begins with.
    pub tail: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            buffer: Mib(64),
            tail: 1000,
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: Option<PathBuf>,
    /// Line in it, from 1.
    pub line: Option<u64>,
    /// What is wrong, one sentence.
    pub what: String,
    /// The mend, such as the nearest known key.
    pub hint: Option<String>,
}
