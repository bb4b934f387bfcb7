//! How the program is started: its arguments, its environment, its private directory. Secrets stand in the environment and in
//! files that only we can read, never in the arguments.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::login::Credentials;
use super::session::Form;
use super::tools::{SERVER, shown_name};
use crate::config::{AssistantSettings, Environment};
use crate::domain::Secret;

/// The child that offers our tools to the program.
#[derive(Debug, Clone)]
pub struct McpServer {
    /// The program.
    pub program: PathBuf,
    /// Its arguments; nothing secret.
    pub args: Vec<String>,
    /// Its environment, with the token of its socket.
    pub env: Vec<(String, Secret<String>)>,
}

/// Variables of our own environment that the program is given as they are: where programs are, how text is written, how the
/// API is reached.
const PASSED: &[&str] = &[
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// Variables that lead to the person's own login, passed where that is what they want.
const OWN: &[&str] = &["HOME", "USER", "LOGNAME", "CLAUDE_CONFIG_DIR"];

/// Variables in which the program is given a login.
const LOGINS: [&str; 2] = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"];

/// What the program is told about itself: few retries, because a person waits; nothing in the background, because a result has
/// to mean the end; no talk with anybody but the API.
const SET: &[(&str, &str)] = &[
    ("CLAUDE_CODE_MAX_RETRIES", "2"),
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("CLAUDE_CODE_DISABLE_AUTO_MEMORY", "1"),
    ("DISABLE_AUTOUPDATER", "1"),
    // A proposal waits for a person up to ten minutes; the tool has its own end.
    ("MCP_TOOL_TIMEOUT", "900000"),
    ("MCP_TIMEOUT", "20000"),
    // Our answers have their own end (`guard::MOST_BYTES`) and say so; the program's would be a silent one.
    ("MAX_MCP_OUTPUT_TOKENS", "80000"),
];

/// The file that tells the program how our tools are started, their token with it.
const MCP_CONFIG: &str = "mcp.json";

/// The private directory of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Rooms {
    /// Where the program stands.
    pub(super) work: PathBuf,
    home: PathBuf,
    config: PathBuf,
    scratch: PathBuf,
    mcp: PathBuf,
    prompt: PathBuf,
}

impl Rooms {
    /// Makes the directory and everything in it, for us alone.
    pub(super) fn furnish(dir: &Path, mcp: &McpServer, prompt: &str) -> io::Result<Self> {
        let mut rooms = Self {
            work: dir.join("work"),
            home: dir.join("home"),
            config: dir.join("config"),
            scratch: dir.join("tmp"),
            mcp: dir.join(MCP_CONFIG),
            prompt: dir.join("prompt.md"),
        };
        for folder in [dir, &rooms.work, &rooms.home, &rooms.config, &rooms.scratch] {
            private_folder(folder)?;
        }
        // As the kernel names it, so that whoever stands in it can be found.
        rooms.work = fs::canonicalize(&rooms.work)?;
        private_file(&rooms.mcp, &mcp_config(mcp))?;
        private_file(&rooms.prompt, prompt)?;
        Ok(rooms)
    }
}

/// Removes what of a conversation's directory holds a secret.
pub(super) fn forget(dir: &Path) {
    if let Err(error) = fs::remove_file(dir.join(MCP_CONFIG))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, dir = %dir.display(), "a conversation's token stays behind");
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

fn private_file(path: &Path, text: &str) -> io::Result<()> {
    // A new file each time: the mode is given when one is made, never to one that is there.
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

fn mcp_config(server: &McpServer) -> String {
    // The program hands its own environment on, and with it the login: our child has no use for that.
    let logins = LOGINS.map(|name| (name.to_owned(), Value::from("")));
    let own = server
        .env
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.expose().as_str())));
    let env: Map<String, Value> = logins.into_iter().chain(own).collect();
    let one = json!({
        "type": "stdio",
        "command": server.program.display().to_string(),
        "args": server.args,
        "env": env,
    });
    json!({"mcpServers": {SERVER: one}}).to_string()
}

/// The program's arguments.
pub(super) fn arguments(
    settings: &AssistantSettings,
    rooms: &Rooms,
    tools: &[String],
    form: &Form,
) -> Vec<String> {
    let mut all: Vec<String> = [
        "-p",
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool",
        "stdio",
        "--strict-mcp-config",
        "--tools",
        "",
        "--setting-sources",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut pair = |flag: &str, value: String| all.extend([flag.to_owned(), value]);
    pair("--mcp-config", rooms.mcp.display().to_string());
    pair("--system-prompt-file", rooms.prompt.display().to_string());
    let ours: Vec<String> = tools.iter().map(|tool| shown_name(tool)).collect();
    pair("--allowedTools", ours.join(","));
    pair("--max-turns", settings.turns.to_string());
    pair("--max-budget-usd", settings.budget.to_string());
    if let Some(model) = &settings.model {
        pair("--model", model.clone());
    }
    match form {
        Form::Create(name) => pair("--session-id", name.clone()),
        Form::Resume(name) => pair("--resume", name.clone()),
    }
    all
}

/// The program's whole environment.
pub(super) fn environment(
    settings: &AssistantSettings,
    from: &Environment,
    rooms: &Rooms,
    credentials: &Credentials,
) -> Vec<(String, Secret<String>)> {
    let mut all: Vec<(String, String)> = SET
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut pass = |name: &str| {
        if let Some(value) = from.text(name) {
            all.push((name.to_owned(), value));
        }
    };
    for name in PASSED {
        pass(name);
    }
    match credentials {
        Credentials::Own => {
            for name in OWN {
                pass(name);
            }
        }
        Credentials::Secret(kind, secret) => {
            let path = |path: &Path| path.display().to_string();
            all.push((kind.variable().to_owned(), secret.expose().clone()));
            all.push(("HOME".to_owned(), path(&rooms.home)));
            all.push(("CLAUDE_CONFIG_DIR".to_owned(), path(&rooms.config)));
        }
    }
    all.push(("TMPDIR".to_owned(), rooms.scratch.display().to_string()));
    let base = settings.base_url.clone();
    if let Some(url) = base.or_else(|| from.text("ANTHROPIC_BASE_URL")) {
        all.push(("ANTHROPIC_BASE_URL".to_owned(), url));
    }
    all.into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect()
}
