//! What a swap would meet: every host of the place is asked at once, and the trade judges what they say. Nothing is changed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::timeout;

use super::look::refresh;
use super::places;
use super::swapping::{Brings, Swapping, swapping};
use crate::domain::{HostId, Place, Secret};
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::engine::msg::Msg;
use crate::engine::state::Fleet;
use crate::jobs::{Job, Jobs};
use crate::models::{
    EngineKind, FactsAsk, HostFacts, HostLook, LockState, Preflight, PreflightInput, SwapOrder,
    Weights, host_facts, preflight, read_lock,
};
use crate::text::SafeText;

/// How long the fleet may take to show what was found.
const SHOWN: Duration = Duration::from_secs(5);

/// What one host said.
struct Said {
    host: HostId,
    facts: Result<HostFacts, SafeText>,
    jobs: Vec<Job>,
}

/// Looks, and leaves what was found in the fleet.
pub(in crate::engine) async fn gather(
    order: &SwapOrder,
    shared: &Shared,
) -> Result<Preflight, Reply> {
    let mut fleet = Arc::clone(&shared.handle.fleet().borrow());
    if let Some(head) = unseen(&fleet, order) {
        // What can't be looked at is judged as it is.
        drop(refresh(Some(head), shared).await);
        fleet = Arc::clone(&shared.handle.fleet().borrow());
    }
    let swapping = swapping(&fleet, order).map_err(Reply::Refused)?;
    let Some(brings) = &swapping.brings else {
        return Err(Reply::Refused(Refusal {
            why: "nothing is brought, so there is nothing to look at".into(),
            hint: None,
        }));
    };
    let asks = swapping.place.hosts().map(|host| {
        let ask = ask(&swapping, brings, host);
        one(shared, host.clone(), ask)
    });
    let lock = lock(shared, swapping.head(), order.token.as_ref());
    let (lock, said) = join(lock, join_all(asks)).await;
    let found = judge(&fleet, &swapping, brings, lock.as_ref(), &said);
    let at = shared.lanes.now();
    let message = Msg::Preflight {
        at,
        preflight: Box::new(found.clone()),
    };
    shared.lanes.fact(message).await;
    let mut shown = shared.handle.fleet();
    let is_there = |fleet: &Arc<Fleet>| fleet.preflights.iter().any(|known| known.at >= at);
    // Where it takes longer, whoever asks next looks again.
    drop(timeout(SHOWN, shown.wait_for(is_there)).await);
    Ok(found)
}

/// The head of the place, where nobody has looked yet at what it serves: that is what has to leave, and is no stranger.
fn unseen(fleet: &Fleet, order: &SwapOrder) -> Option<HostId> {
    let place = places::place(fleet, &order.place)?;
    let head = fleet.host(place.head())?;
    head.models.serving.is_none().then(|| head.id.clone())
}

fn ask(swapping: &Swapping, brings: &Brings, host: &HostId) -> FactsAsk {
    let head = host == swapping.head();
    let image = match &brings.recipe.engine {
        EngineKind::Vllm { image } | EngineKind::Container { image, .. } => Some(image),
        EngineKind::LlamaCpp { image, .. } | EngineKind::SparkLauncher { image, .. } => {
            image.as_ref()
        }
    };
    let speaks_vllm = matches!(
        brings.recipe.engine,
        EngineKind::Vllm { .. } | EngineKind::SparkLauncher { .. }
    );
    let (nodes, interface) = match &swapping.place {
        Place::Cluster(cluster) => {
            let workers = cluster.workers.iter().filter(|_| head);
            let nodes = workers.map(|node| node.address).collect();
            (nodes, cluster.interface.clone())
        }
        Place::Solo(_) => (Vec::new(), None),
    };
    FactsAsk {
        images: image.into_iter().cloned().collect(),
        nodes,
        interface,
        flags_of: image.filter(|_| head && speaks_vllm).cloned(),
        base: None,
    }
}

async fn one(shared: &Shared, host: HostId, ask: FactsAsk) -> Said {
    let Some(exec) = shared.links.exec(&host) else {
        let facts = Err(format!("{host} is not connected").into());
        let jobs = Vec::new();
        return Said { host, facts, jobs };
    };
    let jobs = Jobs::new(Arc::clone(&exec));
    let (facts, jobs) = join(host_facts(exec.as_ref(), &ask), jobs.list()).await;
    Said {
        facts: facts.map_err(|error| SafeText::from(error.to_string())),
        jobs: jobs.unwrap_or_else(|error| {
            tracing::debug!(%host, %error, "its jobs can't be listed for a preflight");
            Vec::new()
        }),
        host,
    }
}

async fn lock(shared: &Shared, head: &HostId, token: Option<&Secret<String>>) -> Option<LockState> {
    let exec = shared.links.exec(head)?;
    let kept = shared.models.tokens.of(head).await;
    let tokens: Vec<Secret<String>> = kept.into_iter().chain(token.cloned()).collect();
    match read_lock(exec.as_ref(), None, &tokens).await {
        Ok(lock) => lock,
        Err(error) => {
            tracing::debug!(%head, %error, "its reservation can't be read for a preflight");
            None
        }
    }
}

fn judge(
    fleet: &Fleet,
    swapping: &Swapping,
    brings: &Brings,
    lock: Option<&LockState>,
    said: &[Said],
) -> Preflight {
    let looks: Vec<HostLook<'_>> = said
        .iter()
        .map(|said| HostLook {
            host: &said.host,
            facts: said.facts.as_ref().map_err(SafeText::clone),
            weights: weights(fleet, &said.host, brings),
            jobs: &said.jobs,
            serves: swapping.serves,
        })
        .collect();
    preflight(&PreflightInput {
        recipe: &brings.recipe,
        place: &swapping.place,
        launch: &brings.launch,
        stopped: &swapping.stopped,
        lock,
        hosts: &looks,
        users: swapping.users.clone(),
    })
}

fn weights<'a>(
    fleet: &'a Fleet,
    host: &HostId,
    brings: &Brings,
) -> Result<Option<&'a Weights>, SafeText> {
    let known = fleet.host(host);
    let Some(report) = known.and_then(|host| host.models.weights.as_ref()) else {
        return Err("its disk has not been looked at yet".into());
    };
    Ok(report.value.of(&brings.recipe.source))
}
