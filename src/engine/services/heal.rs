//! The rule that mends a wedge: what a real request found is restarted within the limits that its host keeps, through the same door
//! as every change.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::watch::Looking;
use crate::domain::{Managed, ServiceAct};
use crate::engine::command::{Actor, Command, Reply};
use crate::engine::services_state::ServicesMsg;
use crate::engine::state::Fleet;
use crate::services::{Claim, Depth, Look, RestartCount, ServiceWord, claim, mends};
use crate::text::SafeText;

/// How long the fleet may take to show what was found.
const SHOWN: Duration = Duration::from_secs(5);

/// After a restart it is looked at again when it may have come up.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Considers what a real request found.
pub(super) async fn consider(looking: &Looking, look: &Look) {
    let now = looking.shared.lanes.now();
    let watching = now.since(looking.since).duration();
    let why = match mends(
        &looking.spec,
        &look.probed.outcome,
        watching,
        up_for(looking),
    ) {
        Ok(why) => why,
        Err(held) => {
            if let Some(held) = held {
                hold(looking, held).await;
            }
            return;
        }
    };
    if looking.shared.handle.fleet().borrow().read_only {
        return hold(looking, "this console is read-only".into()).await;
    }
    let name = &looking.spec.name;
    match claim(looking.link.exec.as_ref(), None, name).await {
        Ok(Claim::Go(restarts)) => {
            let restarts = restarts.count();
            looking
                .say(ServicesMsg::Restarts(name.clone(), restarts))
                .await;
            restart(looking, &why).await;
        }
        Ok(Claim::Held(why, restarts)) => {
            let restarts = RestartCount {
                held: Some(why),
                ..restarts.count()
            };
            looking
                .say(ServicesMsg::Restarts(name.clone(), restarts))
                .await;
        }
        Err(error) => hold(looking, error.to_string().into()).await,
    }
}

/// The policy judges by the fleet: it has to show the wedge first.
async fn is_shown(looking: &Looking) {
    let mut fleet = looking.shared.handle.fleet();
    let shown = |fleet: &Arc<Fleet>| {
        let host = fleet.host(&looking.host);
        let mut all = host.iter().flat_map(|host| host.services.iter());
        all.any(|service| {
            service.spec.name == looking.spec.name && service.word == ServiceWord::Wedged
        })
    };
    // Where it does not, the policy says no.
    drop(timeout(SHOWN, fleet.wait_for(shown)).await);
}

async fn restart(looking: &Looking, why: &SafeText) {
    is_shown(looking).await;
    let command = Command::Service {
        host: looking.host.clone(),
        service: looking.spec.name.clone(),
        act: ServiceAct::Restart,
    };
    match looking.shared.handle.ask(Actor::Rule, command).await {
        Reply::Done => {
            let name = looking.spec.name.clone();
            looking.say(ServicesMsg::Healed(name, why.clone())).await;
            tokio::time::sleep(AFTERWARDS).await;
            looking.look(Depth::Shallow).await;
        }
        Reply::Failed(refusal) | Reply::Refused(refusal) | Reply::Unknown(refusal) => {
            hold(looking, refusal.why.into()).await;
        }
        other => hold(looking, format!("{other:?}").into()).await,
    }
}

/// Tells why it is not restarted now; what is known of its restarts stays.
async fn hold(looking: &Looking, why: SafeText) {
    let fleet = Arc::clone(&looking.shared.handle.fleet().borrow());
    let host = fleet.host(&looking.host);
    let known = host.and_then(|host| {
        let mut all = host.services.iter();
        all.find(|service| service.spec.name == looking.spec.name)
    });
    let restarts = RestartCount {
        held: Some(why),
        ..known
            .map(|known| known.restarts.clone())
            .unwrap_or_default()
    };
    let name = looking.spec.name.clone();
    looking.say(ServicesMsg::Restarts(name, restarts)).await;
}

/// How long its container runs, where that is known.
fn up_for(looking: &Looking) -> Option<Duration> {
    let (Managed::Container(name)
    | Managed::Git {
        container: name, ..
    }) = &looking.spec.managed
    else {
        return None;
    };
    let fleet = Arc::clone(&looking.shared.handle.fleet().borrow());
    let host = fleet.host(&looking.host)?;
    let mut containers = host.containers.list.iter();
    let container = containers.find(|known| known.name.as_str() == name)?;
    let since = fleet.wall.0.saturating_sub(container.started?.0);
    u64::try_from(since).ok().map(Duration::from_millis)
}
