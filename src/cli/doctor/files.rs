//! Files and folders: the configuration, the state folder, keys, the agent's socket.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::super::error::chain;
use super::check::{Check, count};
use crate::config::{Config, Environment, LoadError, Paths};
use crate::domain::HostAddress;

/// Names under which OpenSSH looks for a person's keys.
const USUAL_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Whether the configuration holds.
pub(super) fn config(loaded: &Result<Config, LoadError>) -> Check {
    const ID: &str = "config.file";
    match loaded {
        Err(error) => Check::fail(ID, chain(error), error.hint()),
        Ok(config) => match (config.problems.first(), &config.file) {
            (Some(first), _) => Check::fail(
                ID,
                format!(
                    "{}, the first: {}",
                    count(config.problems.len(), "problem"),
                    first.what
                ),
                "pilothouse config validate shows all of them, with lines",
            ),
            (None, Some(file)) => Check::pass(
                ID,
                format!("{}: {}", file.display(), count(config.hosts.len(), "host")),
            ),
            (None, None) => Check::pass(
                ID,
                "none: the defaults hold (`pilothouse config init` writes one)",
            ),
        },
    }
}

/// Whether others may change the configuration, or read a secret in it.
pub(super) async fn config_mode(config: &Config) -> Option<Check> {
    const ID: &str = "config.mode";
    let file = config.file.as_ref()?;
    let mode = tokio::fs::metadata(file).await.ok()?.permissions().mode();
    let mend = format!("chmod 600 {}", file.display());
    Some(if mode & 0o022 != 0 {
        Check::fail(ID, "others may write the configuration", mend)
    } else if mode & 0o044 != 0 && config.settings.alerts.webhook.is_some() {
        Check::warn(ID, "others may read the webhook's address", mend)
    } else {
        Check::pass(ID, format!("mode {:o}", mode & 0o777))
    })
}

/// Whether the state folder can be written.
pub(super) async fn state(paths: &Paths) -> Check {
    const ID: &str = "state.folder";
    let Some(folder) = paths.state() else {
        return Check::warn(
            ID,
            "no home directory is known: no history and no log are kept",
            "set HOME",
        );
    };
    match try_to_write(folder).await {
        Ok(()) => Check::pass(ID, folder.display().to_string()),
        Err(error) => Check::warn(
            ID,
            format!("{} can't be written: {error}", folder.display()),
            "no history and no log are kept until it can be; XDG_STATE_HOME chooses another place",
        ),
    }
}

async fn try_to_write(folder: &Path) -> io::Result<()> {
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .await?;
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)
        .await?;
    tokio::fs::remove_file(&probe).await
}

/// Whether an agent listens where the environment says.
pub(super) async fn agent(environment: &Environment) -> Check {
    const ID: &str = "ssh.agent";
    const MEND: &str = "eval \"$(ssh-agent)\" && ssh-add; without it key files are used";
    let Some(socket) = environment.path("SSH_AUTH_SOCK") else {
        return Check::warn(ID, "SSH_AUTH_SOCK is not set: no agent", MEND);
    };
    let shown = socket.display();
    match tokio::fs::metadata(&socket).await {
        Err(error) => Check::warn(ID, format!("the agent's socket {shown}: {error}"), MEND),
        Ok(found) if !found.file_type().is_socket() => {
            Check::warn(ID, format!("{shown} is no socket"), MEND)
        }
        Ok(_) => match tokio::net::UnixStream::connect(&socket).await {
            Ok(_) => Check::pass(ID, format!("an agent listens at {shown}")),
            Err(error) => Check::warn(ID, format!("nobody listens at {shown}: {error}"), MEND),
        },
    }
}

/// Whether key files are there and for their owner only, as ssh demands.
pub(super) async fn keys(config: Option<&Config>, paths: &Paths) -> Vec<Check> {
    let named: BTreeSet<PathBuf> = config
        .into_iter()
        .flat_map(|config| &config.hosts)
        .filter_map(|host| match &host.address {
            HostAddress::Ssh(ssh) => Some(ssh.identity.iter().cloned()),
            HostAddress::Local => None,
        })
        .flatten()
        .collect();
    let mut checks = Vec::new();
    for file in &named {
        checks.push(key(file, true).await);
    }
    let usual = paths.home().map(|home| home.join(".ssh"));
    for name in USUAL_KEYS {
        if let Some(file) = usual.as_ref().map(|folder| folder.join(name))
            && !named.contains(&file)
        {
            checks.push(key(&file, false).await);
        }
    }
    let mut checks: Vec<Check> = checks.into_iter().flatten().collect();
    if checks.is_empty() {
        checks.push(Check::warn(
            "ssh.keys",
            "no key file in ~/.ssh",
            "ssh-keygen -t ed25519, unless your keys are all in an agent",
        ));
    }
    checks
}

async fn key(file: &Path, named: bool) -> Option<Check> {
    const ID: &str = "ssh.keys";
    let shown = file.display();
    let found = match tokio::fs::metadata(file).await {
        Ok(found) => found,
        Err(_) if !named => return None,
        Err(error) => {
            return Some(Check::fail(
                ID,
                format!("the key {shown}: {error}"),
                "mend `identity` in the configuration",
            ));
        }
    };
    let others = found.mode() & 0o077;
    Some(if others == 0 {
        Check::pass(ID, shown.to_string())
    } else {
        Check::fail(
            ID,
            format!("others may read the key {shown}"),
            format!("chmod 600 {shown}"),
        )
    })
}

/// Whether OpenSSH's client is in the search path: it answers what an alias means.
pub(super) async fn client(environment: &Environment) -> Check {
    const ID: &str = "ssh.client";
    let folders = environment
        .get("PATH")
        .map(|path| std::env::split_paths(path).collect::<Vec<_>>())
        .unwrap_or_default();
    for folder in folders {
        let file = folder.join("ssh");
        if let Ok(found) = tokio::fs::metadata(&file).await
            && found.is_file()
            && found.mode() & 0o111 != 0
        {
            return Check::pass(ID, file.display().to_string());
        }
    }
    Check::warn(
        ID,
        "no ssh in the search path: aliases of ~/.ssh/config mean nothing here",
        "install the openssh client, or write address, user, port and jump into the configuration",
    )
}
