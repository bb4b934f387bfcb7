//! The resolved configuration: every value is parsed, every reference holds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    ActClass, Cluster, HostId, HostSpec, Mib, Port, Secret, ServiceSpec, Thresholds,
};
use crate::shell::RemotePath;

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
    /// What a host has to be armed for, and for how long it then is.
    pub arming: ArmingSettings,
    /// The assistant in the breakglass pane.
    pub assistant: AssistantSettings,
    /// The host to whose log every line of the ledger is also sent.
    pub ledger_sink: Option<HostId>,
    /// The models that hosts serve.
    pub models: ModelsSettings,
    /// The services that are watched.
    pub services: Vec<Arc<ServiceSpec>>,
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
            arming: ArmingSettings::default(),
            assistant: AssistantSettings::default(),
            ledger_sink: None,
            models: ModelsSettings::default(),
            services: Vec::new(),
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

/// What a host has to be armed for, and for how long it then is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmingSettings {
    /// The classes that have to be armed. Power always has to be.
    pub needed: Vec<ActClass>,
    /// How long a host stays armed.
    pub minutes: u16,
    /// It is disarmed when nobody touches a key for so long.
    pub idle: Duration,
    /// How long a hard power verb waits for a change of mind before it leaves.
    pub window: Duration,
    /// How long a machine that went down to restart by itself is waited for, before a power cycle cuts its power.
    #[serde(default = "restart")]
    pub restart: Duration,
}

/// Many servers test themselves for minutes before they boot.
const fn restart() -> Duration {
    Duration::from_mins(5)
}

impl Default for ArmingSettings {
    fn default() -> Self {
        Self {
            needed: vec![ActClass::Power],
            minutes: 15,
            idle: Duration::from_mins(5),
            window: Duration::from_secs(10),
            restart: restart(),
        }
    }
}

/// The assistant in the breakglass pane: the `claude` program of this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct AssistantSettings {
    /// The program: a name to be found in `PATH`, or a path.
    pub program: PathBuf,
    /// The model, by alias or full name. `None`: the program's own default.
    pub model: Option<String>,
    /// What one session may cost, in US dollars.
    pub budget: f64,
    /// How many turns the model may take for one question.
    pub turns: u32,
    /// How long one question may take.
    pub limit: Duration,
    /// Whose login is used.
    pub login: Login,
    /// The address of the API (`ANTHROPIC_BASE_URL`), where it is not the usual one.
    pub base_url: Option<String>,
    /// Entries of the read-only catalogue that may not run by themselves.
    pub ask_for: Vec<String>,
}

impl Default for AssistantSettings {
    fn default() -> Self {
        Self {
            program: PathBuf::from("claude"),
            model: None,
            budget: 5.0,
            turns: 40,
            limit: Duration::from_mins(30),
            login: Login::Environment,
            base_url: None,
            ask_for: Vec::new(),
        }
    }
}

/// Whose login the assistant uses. A secret is read when a session starts, handed to the program in its environment, and kept
/// nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// `ANTHROPIC_API_KEY` or `CLAUDE_CODE_OAUTH_TOKEN` of our own environment.
    Environment,
    /// A file with mode 0600 that holds nothing but the secret.
    File(LoginKind, PathBuf),
    /// What a command of this machine prints.
    Command(LoginKind, Vec<String>),
    /// The person's own login of the program, with their own configuration directory.
    Own,
}

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    /// An API key.
    ApiKey,
    /// A token of `claude setup-token`.
    OauthToken,
}

impl LoginKind {
    /// The variable in which the program expects it.
    pub fn variable(self) -> &'static str {
        match self {
            Self::ApiKey => "ANTHROPIC_API_KEY",
            Self::OauthToken => "CLAUDE_CODE_OAUTH_TOKEN",
        }
    }
}

/// The models that hosts serve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelsSettings {
    /// Files that are merged over the catalogue that comes with the program, later ones over earlier ones.
    pub catalogs: Vec<PathBuf>,
    /// The folder of the recipes that the person keeps, laid over everything else. `None`: none are kept.
    pub recipes: Option<PathBuf>,
    /// The folder of the tokens by which this person holds reservations. `None`: they are kept for the session only.
    pub tokens: Option<PathBuf>,
    /// Hosts that serve one model together.
    pub clusters: Vec<Arc<Cluster>>,
    /// Folders of hosts, beside the hub's cache, in which each folder is a model.
    pub folders: Vec<RemotePath>,
    /// The hub (`HF_ENDPOINT`), where it is not the usual one.
    pub hub: Option<String>,
    /// The hub's token, for gated repositories: read when a download begins, handed over by standard input.
    pub hub_token: Option<SecretSource>,
    /// The key of NVIDIA's registry, for installs of its NIMs: read when one begins, handed over by standard input. `None`: the
    /// variable `NGC_API_KEY`.
    pub ngc_key: Option<SecretSource>,
    /// Who is told of each swap.
    pub webhook: Option<SwapWebhook>,
    /// Engines that are looked at and never touched: a second vLLM that somebody else runs.
    pub watched: Vec<(HostId, Port)>,
    /// What other schedulers intend to run; only shown.
    pub schedule: Vec<ScheduleEntry>,
}

/// Who is told of each swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapWebhook {
    /// The address; a token may be in it.
    pub url: Secret<String>,
    /// The key of the signature. `None`: unsigned.
    pub key: Option<SecretSource>,
}

/// Where a secret is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file with mode 0600 that holds nothing but the secret.
    File(PathBuf),
    /// What a command of this machine prints.
    Command(Vec<String>),
    /// A variable of our own environment.
    Variable(String),
}

/// Something that another scheduler intends to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEntry {
    /// Whose.
    pub holder: String,
    /// When, as that scheduler says it: `02:00 daily`.
    pub when: String,
    /// What.
    pub what: String,
    /// A host or a cluster, by name.
    pub place: Option<String>,
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
