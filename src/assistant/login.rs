//! Whose login the assistant uses, and which program: found when a conversation starts its program, and by `doctor`. What was
//! found is told by its source, never by what it is.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::event::TroubleKind;
use super::trouble::Trouble;
use crate::config::{AssistantSettings, Environment, Login, LoginKind};
use crate::domain::Secret;
use crate::exec::{Exit, LocalExec, RunLimits};
use crate::shell::{ShellCommand, ShellWord};

/// Longest that a command which gives the secret, or the program's version, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of a secret.
const MOST: u64 = 16 * 1024;

/// A login, found.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// A secret for the program's environment.
    Secret(LoginKind, Secret<String>),
    /// The program's own.
    Own,
}

/// What can be had of the assistant, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The program, with its path and version.
    pub program: Result<String, Trouble>,
    /// Where the login comes from.
    pub login: Result<String, Trouble>,
}

/// Looks for the program and the login. Asks nothing of the API.
pub async fn check(
    settings: &AssistantSettings,
    environment: &Environment,
    local: &LocalExec,
) -> Found {
    let program = match program(settings, environment) {
        Ok(path) => version(&path, local)
            .await
            .map(|version| format!("{} ({version})", path.display())),
        Err(trouble) => Err(trouble),
    };
    let login = credentials(&settings.login, environment, local)
        .await
        .map(|found| source(&settings.login, &found));
    Found { program, login }
}

/// The program's file: as configured where that is a path, else from `PATH`.
pub(super) fn program(
    settings: &AssistantSettings,
    environment: &Environment,
) -> Result<PathBuf, Trouble> {
    let name = &settings.program;
    let found = if name.components().count() > 1 {
        runs(name).then(|| name.clone())
    } else {
        let path = environment.get("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|file| runs(file))
    };
    found.ok_or_else(|| {
        Trouble::new(
            TroubleKind::Missing,
            format!("{} is not on this machine", name.display()),
            "install Claude Code (npm install -g @anthropic-ai/claude-code), or name it: assistant.program",
        )
    })
}

fn runs(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

async fn version(program: &Path, local: &LocalExec) -> Result<String, Trouble> {
    let unusable = |what: String| {
        Trouble::new(
            TroubleKind::Unusable,
            format!("{} does not tell its version: {what}", program.display()),
            "run it with --version by hand",
        )
    };
    let argv = [program.display().to_string(), "--version".to_owned()];
    let (exit, out) = run(&argv, local).await.map_err(&unusable)?;
    if !exit.is_success() {
        return Err(unusable(said(&exit)));
    }
    Ok(out.lines().next().unwrap_or_default().trim().to_owned())
}

/// The login, now.
pub(super) async fn credentials(
    login: &Login,
    environment: &Environment,
    local: &LocalExec,
) -> Result<Credentials, Trouble> {
    match login {
        Login::Own => Ok(Credentials::Own),
        Login::Environment => [LoginKind::ApiKey, LoginKind::OauthToken]
            .into_iter()
            .find_map(|kind| Some((kind, environment.text(kind.variable())?)))
            .map(|(kind, text)| Credentials::Secret(kind, Secret::new(text)))
            .ok_or_else(|| {
                none(
                    "neither ANTHROPIC_API_KEY nor CLAUDE_CODE_OAUTH_TOKEN is set".to_owned(),
                    "set one of them, or say where the login is: assistant.login",
                )
            }),
        Login::File(kind, path) => secret(*kind, &read_private(path)?, &path.display().to_string()),
        Login::Command(kind, argv) => {
            let name = argv.first().map(String::as_str).unwrap_or_default();
            let failed = |what: String| {
                none(
                    format!("`{name}`, which should give the login, failed: {what}"),
                    "run it by hand; it has to print the secret and nothing else",
                )
            };
            let (exit, out) = run(argv, local).await.map_err(&failed)?;
            if !exit.is_success() {
                return Err(failed(said(&exit)));
            }
            secret(*kind, &out, name)
        }
    }
}

/// Where a login comes from, in words.
fn source(login: &Login, found: &Credentials) -> String {
    let what = match found {
        Credentials::Own => return "the program's own login".to_owned(),
        Credentials::Secret(LoginKind::ApiKey, _) => "an API key",
        Credentials::Secret(LoginKind::OauthToken, _) => "a token",
    };
    match (login, found) {
        (Login::File(_, path), _) => format!("{what} in {}", path.display()),
        (Login::Command(_, argv), _) => {
            let name = argv.first().map(String::as_str).unwrap_or_default();
            format!("{what} that `{name}` prints")
        }
        (_, Credentials::Secret(kind, _)) => format!("{what} in ${}", kind.variable()),
        (_, Credentials::Own) => what.to_owned(),
    }
}

fn none(sentence: String, hint: &str) -> Trouble {
    Trouble::new(TroubleKind::LoggedOut, sentence, hint)
}

fn secret(kind: LoginKind, text: &str, source: &str) -> Result<Credentials, Trouble> {
    let text = text.trim();
    if text.is_empty() {
        return Err(none(
            format!("{source} gives an empty login"),
            "it has to hold the secret and nothing else",
        ));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(none(
            format!("{source} gives more than a login"),
            "it has to hold the secret and nothing else",
        ));
    }
    Ok(Credentials::Secret(kind, Secret::new(text.to_owned())))
}

/// A file that nobody but its owner may read.
fn read_private(path: &Path) -> Result<String, Trouble> {
    let unread = |e: std::io::Error| {
        none(
            format!("the login in {} can't be read: {e}", path.display()),
            "look at assistant.login",
        )
    };
    let file = fs::File::open(path).map_err(unread)?;
    let meta = file.metadata().map_err(unread)?;
    let mode = meta.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(none(
            format!(
                "the login in {} can be read by others (mode {mode:03o})",
                path.display()
            ),
            &format!("chmod 600 {}", path.display()),
        ));
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(unread)?;
    Ok(text)
}

async fn run(argv: &[String], local: &LocalExec) -> Result<(Exit, String), String> {
    let mut words = argv.iter().map(ShellWord::new);
    let program = words
        .next()
        .ok_or_else(|| "it is empty".to_owned())?
        .map_err(|e| e.to_string())?;
    let mut command = ShellCommand::from_word(program);
    for word in words {
        command = command.word(word.map_err(|e| e.to_string())?);
    }
    let limits = RunLimits {
        timeout: PATIENCE,
        output: MOST as usize,
    };
    let output = local
        .run_terse(&command, limits)
        .await
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8(output.stdout.to_vec()).map_err(|e| e.to_string())?;
    Ok((output.exit, text))
}

fn said(exit: &Exit) -> String {
    match exit {
        Exit::Status(code) => format!("exit {code}"),
        Exit::Signal(name) => format!("ended by SIG{name}"),
        Exit::Refused | Exit::Unknown => "it did not run".to_owned(),
    }
}
