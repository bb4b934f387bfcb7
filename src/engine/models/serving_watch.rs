//! What one host serves: looked at once when its link opens, then every few seconds while somebody looks or a swap is at work there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::watch::ModelWatch;
use crate::domain::{Container, GpuProcess, ModelKey, Port};
use crate::engine::containers::DaemonState;
use crate::engine::host_state::Host;
use crate::engine::models_state::ModelsMsg;
use crate::engine::state::Fleet;
use crate::models::{Catalog, ExpectedServing, ModelSource, ServingAsked, ServingWatch};

/// Between two looks.
const PACE: Duration = Duration::from_secs(5);

/// How long the container engine is waited for before the first look.
const ENGINE: Duration = Duration::from_secs(3);

/// Runs until it is dropped, with the link.
pub(super) async fn run(watch: ModelWatch) {
    let mut serving = ServingWatch::new(Arc::clone(&watch.link.exec));
    wait_for_engine(&watch).await;
    loop {
        look(&watch, &mut serving).await;
        if is_wanted(&watch) {
            tokio::select! {
                () = sleep(PACE) => {}
                () = watch.link.serving.wanted() => {}
            }
            continue;
        }
        serving.forget();
        let mut swapping = watch.link.swapping.subscribe();
        tokio::select! {
            () = watch.shared.models.interest.begins(watch.shared.lanes.clock()) => {}
            _ = swapping.wait_for(|at_work| *at_work) => {}
            () = watch.link.serving.wanted() => {}
        }
    }
}

/// Its containers are what the ports are joined with.
async fn wait_for_engine(watch: &ModelWatch) {
    let mut fleet = watch.shared.handle.fleet();
    let known = |fleet: &Arc<Fleet>| {
        let host = fleet.host(&watch.host);
        host.is_some_and(|host| !matches!(host.containers.daemon, DaemonState::Unknown))
    };
    // Without one its ports are asked all the same.
    drop(timeout(ENGINE, fleet.wait_for(known)).await);
}

fn is_wanted(watch: &ModelWatch) -> bool {
    let now = watch.shared.lanes.now();
    watch.shared.models.interest.holds(now) || *watch.link.swapping.borrow()
}

async fn look(watch: &ModelWatch, serving: &mut ServingWatch) {
    let fleet = Arc::clone(&watch.shared.handle.fleet().borrow());
    let Some(host) = fleet.host(&watch.host) else {
        return;
    };
    let containers: Vec<Container> = host
        .containers
        .list
        .iter()
        .map(|container| Container::clone(container))
        .collect();
    let expected = expected(&fleet.catalog, host);
    let watched = &watch.shared.models.settings.watched;
    let watched: Vec<Port> = watched
        .iter()
        .filter(|(on, _)| *on == watch.host)
        .map(|(_, port)| *port)
        .collect();
    let asked = ServingAsked {
        containers: &containers,
        processes: processes(host),
        expected: &expected,
        watched: &watched,
    };
    let docker = watch.link.docker().ok();
    let now = watch.shared.lanes.now();
    let found = serving.look(docker.as_ref(), asked, now).await;
    watch.say(ModelsMsg::Serving(found)).await;
}

fn processes(host: &Host) -> &[GpuProcess] {
    let processes = host.processes.as_ref();
    processes.map_or(&[], |timed| timed.value.as_slice())
}

/// Where the recipes that this host may serve would be found.
fn expected(catalog: &Catalog, host: &Host) -> Vec<ExpectedServing> {
    let here = catalog.recipes.values().filter(|recipe| {
        let weights = host.models.weights.as_ref();
        weights.is_some_and(|report| {
            let mut all = report.value.weights.iter();
            all.any(|weights| weights.source == recipe.source)
        })
    });
    here.map(|recipe| ExpectedServing {
        recipe: ModelKey::clone(&recipe.key),
        model: match &recipe.source {
            ModelSource::Repo(repo) => repo.to_string(),
            ModelSource::Local(path) => path.to_string(),
        },
        port: recipe.port,
        container: recipe.container.clone(),
    })
    .collect()
}
