//! Waiting until every host has told of its models, or why it can't.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::session::{Session, is_given_up};
use crate::engine::{Command, Fleet, Host, ModelsCommand};

/// After this the fleet is taken as it is: a dial, and a look at the disk behind it.
const LIMIT: Duration = Duration::from_secs(25);
/// The same for what is served, once the disks have been looked at.
const SERVED: Duration = Duration::from_secs(6);

/// The fleet as soon as every host has told what is on its disk, or why it does not; or late, as it is then.
pub(super) async fn weights(session: &Session<'_>) -> Arc<Fleet> {
    session
        .fleet_when(LIMIT, |fleet| {
            let told = |host: &Arc<Host>| {
                let models = &host.models;
                models.weights.is_some() || models.trouble.is_some() || is_given_up(fleet, host)
            };
            !fleet.catalog.recipes.is_empty() && fleet.hosts.iter().all(told)
        })
        .await
}

/// The same, with what is served.
pub(super) async fn served(session: &Session<'_>) -> Arc<Fleet> {
    session.ask(Command::Models(ModelsCommand::Watch)).await;
    weights(session).await;
    session
        .fleet_when(SERVED, |fleet| {
            let told = |host: &Arc<Host>| host.models.serving.is_some() || is_given_up(fleet, host);
            fleet.hosts.iter().all(told)
        })
        .await
}

/// The fleet as soon as every host answers, or is known not to.
pub(super) async fn links(session: &Session<'_>) -> Arc<Fleet> {
    session
        .fleet_when(LIMIT, |fleet| {
            let told = |host: &Arc<Host>| host.machine.is_some() || is_given_up(fleet, host);
            !fleet.catalog.recipes.is_empty() && fleet.hosts.iter().all(told)
        })
        .await
}
