//! What the terminal face is given at its start: looks, keys, the time, and hands for what it may not do itself.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;

use super::keymap::Keymap;
use super::terminal::Modes;
use super::theme::ColorDepth;
use crate::config::{Problem, Settings};
use crate::domain::At;
use crate::engine::{ContainerTerminal, Refusal};
use crate::shell::ShellCommand;

/// What the terminal face is given at its start.
#[derive(Clone)]
pub struct TuiOptions {
    /// The keys.
    pub keymap: Keymap,
    /// Name of a theme or path of a theme file. None: dark or light, as the terminal's background is.
    pub theme: Option<String>,
    /// How many colours are shown.
    pub depth: ColorDepth,
    /// What is asked of the terminal at the start.
    pub modes: Modes,
    /// Whether alerts ring the terminal's bell.
    pub bell: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// Whether we run inside tmux.
    pub in_tmux: bool,
    /// The config file: keys and theme follow it while the console runs.
    pub config: Option<PathBuf>,
    /// The person's time zone, for times of day.
    pub zone: TimeZone,
    /// Now, on the engine's clock.
    pub now: Arc<dyn Fn() -> At + Send + Sync>,
    /// Hands.
    pub outside: Arc<dyn Outside>,
}

impl fmt::Debug for TuiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TuiOptions")
            .field("theme", &self.theme)
            .field("depth", &self.depth)
            .field("modes", &self.modes)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What leaves a terminal inside of a container, and lets it run on; docker's own keys for it.
pub const LEAVES: &str = "Ctrl-P Ctrl-Q";

/// How a terminal inside of a container was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// What ran in it ended, with this status where the engine there could still tell it.
    Ended(Option<i32>),
    /// The person left it.
    Detached,
}

/// Hands for what the terminal face may not do itself: starting processes, reading the configuration.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Puts a text into tmux's buffer and its client's clipboard (`tmux load-buffer -w -`, the text on standard input).
    async fn copy_to_tmux(&self, text: String) -> Result<(), String>;

    /// Writes a text into a new file of mode 0600 in the state directory; its path.
    async fn copy_to_file(&self, text: String) -> Result<PathBuf, String>;

    /// Writes a text into a new file of mode 0600 at a path of the person's; what is there already stays. The path.
    async fn save(&self, text: String, path: &str) -> Result<PathBuf, String>;

    /// Runs a command of this machine in the terminal, which is in its ordinary state meanwhile; returns when it has ended.
    async fn shell(&self, line: &ShellCommand) -> Result<(), Refusal>;

    /// Passes bytes between the terminal, which is raw meanwhile, and one inside of a container, until that ends or the person
    /// types Ctrl-P Ctrl-Q.
    async fn terminal(&self, terminal: ContainerTerminal) -> Result<Left, Refusal>;

    /// Reads the configuration anew.
    fn settings(&self) -> Result<Settings, Vec<Problem>>;
}
