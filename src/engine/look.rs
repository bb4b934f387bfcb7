//! Answers what only has to be looked at: details of a container, log sources, lenses. Nothing on any host changes.

use std::sync::Arc;

use super::command::{Command, Refusal, Reply};
use super::host_actor::Shared;
use super::lens::offers;

/// Looks, and answers.
pub(super) async fn look(command: Command, shared: Arc<Shared>) -> Reply {
    match command {
        Command::Sources { host } => offers(&shared.links, &shared.tasks, &host).await,
        Command::OpenLens { sources, begin } => shared.lenses.open(sources, begin),
        Command::SetSources { lens, sources } => shared.lenses.set_sources(lens, sources).await,
        Command::ReadLogs {
            sources,
            begin,
            until,
            follow,
        } => shared.lenses.read(&sources, begin, until, follow),
        command => Reply::Failed(Refusal {
            why: format!("nobody here can answer {command:?} yet"),
            hint: None,
        }),
    }
}
