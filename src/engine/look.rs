//! Answers what only has to be looked at: details of a container, log sources, lenses. Nothing on any host changes. Here is
//! only who answers.

use std::sync::Arc;

use super::command::{Command, Refusal, Reply};
use super::host_actor::Shared;
use super::lens::offers;
use super::look_container;
use super::models;
use super::power;
use super::services;

/// Looks, and answers.
pub(super) async fn look(command: Command, shared: Arc<Shared>) -> Reply {
    let links = &shared.links;
    match command {
        Command::Inspect { host, id } => look_container::inspect(links, &host, &id).await,
        Command::Top { host, id } => look_container::top(links, &host, &id).await,
        Command::PrunePreview { host } => look_container::prune_preview(links, &host).await,
        Command::WatchStats { host, only } => {
            look_container::watch_stats(links, &host, only, shared.lanes.now())
        }
        Command::Power { host, verb } => power::look(host, verb, shared).await,
        Command::AbortPower { host } => shared.powers.abort(&host).await,
        Command::Sources { host } => offers(links, &host).await,
        Command::OpenLens { sources, begin } => shared.lenses.open(sources, begin),
        Command::SetSources { lens, sources } => shared.lenses.set_sources(lens, sources).await,
        Command::ReadLogs {
            sources,
            begin,
            until,
            follow,
        } => shared.lenses.read(&sources, begin, until, follow),
        Command::Probe {
            host,
            service,
            depth,
        } => services::look(&host, &service, depth, &shared).await,
        Command::Report {
            host,
            service,
            ok,
            words,
        } => services::report(host, service, (ok, words), &shared).await,
        Command::Models(command) => models::look(command, shared).await,
        Command::Assistant(command) => shared.sessions.answer(&shared, command).await,
        command => Reply::Failed(Refusal {
            why: format!("nobody here can answer {command:?} yet"),
            hint: None,
        }),
    }
}
