//! Runs the checks, each within its time, and prints what they found.

use std::future::Future;
use std::time::Duration;

use serde_json::json;

use super::super::error::CliError;
use super::super::exit::Exit;
use super::super::here::Here;
use super::super::{print, runtime};
use super::check::{Check, State};
use super::{assistant, files, gpu, hosts, models, power, terminal, tmux};
use crate::config::{Config, LoadError};
use crate::exec::LocalExec;
use crate::tasks::Tasks;

/// Time that one check may take: a folder on a dead network share must not hold up the others.
const LIMIT: Duration = Duration::from_secs(3);

/// Checks everything and prints it.
pub(in crate::cli) fn run(hosts: Vec<String>, here: &Here) -> Result<Exit, CliError> {
    let loaded = here.load(hosts).map(|resolved| resolved.config);
    let checks = runtime::block_on(all(loaded, here))??;
    let worst = checks.iter().map(|check| check.state).max();
    if here.common.json {
        print::json(&json!({ "checks": checks, "worst": worst }))?;
    } else {
        print::data(&lines(&checks))?;
    }
    Ok(if worst == Some(State::Fail) {
        Exit::Failed
    } else {
        Exit::Done
    })
}

async fn all(loaded: Result<Config, LoadError>, here: &Here) -> Result<Vec<Check>, CliError> {
    let Here {
        environment, paths, ..
    } = here;
    let tasks = Tasks::new();
    let exec = LocalExec::new(tasks.clone());
    let config = loaded.as_ref().ok();
    let mut checks = terminal::checks(terminal::look(), environment);
    checks.extend(within("terminal.tmux", tmux::checks(environment, &exec)).await);
    checks.push(files::config(&loaded));
    if let Some(config) = config {
        checks.extend(within("config.mode", files::config_mode(config)).await);
    }
    checks.extend(within("state.folder", one(files::state(paths))).await);
    checks.extend(within("ssh.client", one(files::client(environment))).await);
    checks.extend(within("ssh.agent", one(files::agent(environment))).await);
    checks.extend(within("ssh.keys", files::keys(config, paths)).await);
    if let Some(config) = config {
        checks.extend(within("power.keys", power::checks(config)).await);
        checks.extend(within("models.catalog", models::checks(config)).await);
        // It bounds its own time: a cold program takes longer than a look at a file.
        checks.extend(assistant::checks(config, environment, &exec).await);
    }
    checks.extend(within("gpu.driver", one(gpu::driver())).await);
    if let Ok(config) = loaded {
        checks.extend(hosts::checks(config, here, &tasks).await?);
    }
    tasks.shutdown(LIMIT).await;
    Ok(checks)
}

async fn one(check: impl Future<Output = Check>) -> [Check; 1] {
    [check.await]
}

/// A check's findings, or that it took too long.
async fn within<C>(id: &str, check: impl Future<Output = C>) -> Vec<Check>
where
    C: IntoIterator<Item = Check>,
{
    match tokio::time::timeout(LIMIT, check).await {
        Ok(found) => found.into_iter().collect(),
        Err(_) => vec![Check::fail(
            id,
            format!("no answer within {} s", LIMIT.as_secs()),
            "look for a dead network share or a hung process",
        )],
    }
}

fn lines(checks: &[Check]) -> String {
    let widest = checks
        .iter()
        .map(|check| check.id.len())
        .max()
        .unwrap_or_default();
    let mut lines = Vec::new();
    for check in checks {
        lines.push(format!(
            "{}  {:widest$}  {}",
            check.state.word(),
            check.id,
            check.what
        ));
        if let Some(mend) = &check.mend {
            lines.extend(
                mend.lines()
                    .map(|line| format!("{:8}{:widest$}→ {line}", "", "")),
            );
        }
    }
    lines.join("\n")
}
