//! Looks at the services of one host while its link is open: each at its own pace, so that one that hangs hides no other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::heal;
use crate::domain::{At, HostId, ServiceSpec};
use crate::engine::containers::DaemonState;
use crate::engine::host_actor::Shared;
use crate::engine::links::OpenLink;
use crate::engine::msg::HostMsg;
use crate::engine::services_state::ServicesMsg;
use crate::engine::state::Fleet;
use crate::services::{Depth, Look, Prober};
use crate::tasks::Tasks;

/// Between two quick looks.
const SHALLOW: Duration = Duration::from_secs(10);

/// Between two real requests.
const DEEP: Duration = Duration::from_mins(5);

/// The first real request comes so long after the link opened: the quick look tells first, and a rule that mends needs a console
/// that has looked for a minute.
const FIRST_DEEP: Duration = Duration::from_secs(65);

/// How long the container engine is waited for before the first look.
const ENGINE: Duration = Duration::from_secs(3);

/// Looks at the services of one host.
pub(in crate::engine) struct ServiceWatch {
    pub(in crate::engine) host: HostId,
    pub(in crate::engine) link: Arc<OpenLink>,
    pub(in crate::engine) shared: Arc<Shared>,
}

/// What looks at one service.
pub(in crate::engine) struct Looking {
    pub(super) host: HostId,
    pub(super) link: Arc<OpenLink>,
    pub(super) shared: Arc<Shared>,
    pub(super) spec: Arc<ServiceSpec>,
    prober: Arc<Prober>,
    /// Since when this console looks.
    pub(super) since: At,
    /// Two looks at once would fold in any order.
    turn: Mutex<()>,
}

impl ServiceWatch {
    /// Begins to look; it ends with the link.
    pub(in crate::engine) fn start(self, tasks: &Tasks) {
        let clock = self.shared.lanes.clock().clone();
        let prober = Arc::new(Prober::new(Arc::clone(&self.link.exec), clock));
        for spec in self.specs() {
            let looking = Arc::new(Looking {
                host: self.host.clone(),
                link: Arc::clone(&self.link),
                shared: Arc::clone(&self.shared),
                since: self.shared.lanes.now(),
                prober: Arc::clone(&prober),
                turn: Mutex::default(),
                spec,
            });
            self.link.looks_at(&looking.spec.name, &looking);
            tasks.spawn(Arc::clone(&looking).shallowly());
            if looking.spec.deep.is_some() {
                tasks.spawn(looking.deeply());
            }
        }
    }

    fn specs(&self) -> Vec<Arc<ServiceSpec>> {
        let all = self.shared.services.iter();
        all.filter(|spec| spec.host == self.host && !spec.hidden)
            .cloned()
            .collect()
    }
}

/// A pace with a little chance in it, so that services are not all asked in the same moment.
fn about(pace: Duration) -> Duration {
    let tenth = u64::try_from(pace.as_millis() / 10).unwrap_or(u64::MAX);
    pace.saturating_sub(Duration::from_millis(tenth / 2))
        + Duration::from_millis(fastrand::u64(..tenth.max(1)))
}

impl Looking {
    async fn shallowly(self: Arc<Self>) {
        self.wait_for_engine().await;
        loop {
            self.look(Depth::Shallow).await;
            sleep(about(SHALLOW)).await;
        }
    }

    async fn deeply(self: Arc<Self>) {
        let mut pause = FIRST_DEEP + about(SHALLOW);
        loop {
            sleep(pause).await;
            pause = about(DEEP);
            let look = self.look(Depth::Deep).await;
            heal::consider(&self, &look).await;
        }
    }

    /// A container that nobody can ask about is no news yet.
    async fn wait_for_engine(&self) {
        let mut fleet = self.shared.handle.fleet();
        let known = |fleet: &Arc<Fleet>| {
            let host = fleet.host(&self.host);
            host.is_some_and(|host| !matches!(host.containers.daemon, DaemonState::Unknown))
        };
        drop(timeout(ENGINE, fleet.wait_for(known)).await);
    }

    /// Looks once, and tells what was found.
    pub(super) async fn look(&self, depth: Depth) -> Look {
        let _turn = self.turn.lock().await;
        let docker = self.link.docker().ok();
        let look = self.prober.probe(docker.as_ref(), &self.spec, depth).await;
        let depth = match self.spec.deep {
            Some(_) => depth,
            None => Depth::Shallow,
        };
        self.say(ServicesMsg::Probed {
            service: self.spec.name.clone(),
            depth,
            probed: look.probed.clone(),
        })
        .await;
        if look.model.is_some() {
            let name = self.spec.name.clone();
            self.say(ServicesMsg::Model(name, look.model.clone())).await;
        }
        look
    }

    pub(super) async fn say(&self, msg: ServicesMsg) {
        let msg = HostMsg::Services(msg);
        self.shared.lanes.host(&self.host, msg).await;
    }
}
