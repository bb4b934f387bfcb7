//! The links that are open: for whoever has a command for a host, the way there, and the container engine found behind it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, watch};

use super::command::Refusal;
use super::models::Nudge;
use super::services::Looking;
use super::stats_interest::StatsInterest;
use crate::docker::Docker;
use crate::domain::{ContainerId, HostId, ServiceName};
use crate::exec::Exec;

/// The links that are open, for whoever has a command for a host.
#[derive(Default)]
pub(super) struct Links {
    open: Mutex<HashMap<HostId, Arc<OpenLink>>>,
    /// Told whenever one was opened.
    opened: Notify,
}

/// One open link.
pub(super) struct OpenLink {
    /// The way to run commands on the host.
    pub(super) exec: Arc<dyn Exec>,
    /// Which containers somebody wants measured.
    pub(super) interest: StatsInterest,
    /// Somebody wants its weights looked at.
    pub(super) disk: Nudge,
    /// Somebody wants its reservation and its works looked at.
    pub(super) works: Nudge,
    /// Somebody wants what it serves looked at.
    pub(super) serving: Nudge,
    /// A swap is at work there.
    pub(super) swapping: watch::Sender<bool>,
    /// What looks at its services.
    looks: Mutex<HashMap<ServiceName, Weak<Looking>>>,
    /// The container engine, or why there is none to be had.
    daemon: Mutex<Result<Docker, Refusal>>,
    /// The containers that run, as far as they were heard of.
    running: Mutex<BTreeSet<ContainerId>>,
}

impl OpenLink {
    fn new(exec: Arc<dyn Exec>) -> Self {
        Self {
            exec,
            interest: StatsInterest::default(),
            disk: Nudge::default(),
            works: Nudge::default(),
            serving: Nudge::default(),
            swapping: watch::Sender::new(false),
            looks: Mutex::default(),
            daemon: Mutex::new(Err(Refusal {
                why: "the container engine has not been found yet".into(),
                hint: Some("ask again in a moment".into()),
            })),
            running: Mutex::default(),
        }
    }

    /// This looks at a service from now on.
    pub(super) fn looks_at(&self, service: &ServiceName, looking: &Arc<Looking>) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert(service.clone(), Arc::downgrade(looking));
    }

    /// What looks at a service.
    pub(super) fn looking_at(&self, service: &ServiceName) -> Option<Arc<Looking>> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(service)?.upgrade()
    }

    /// Everything about its models is to be looked at now.
    pub(super) fn look_at_models(&self) {
        self.disk.now();
        self.works.now();
        self.serving.now();
    }

    /// A container runs, or does not any more.
    pub(super) fn runs(&self, id: &ContainerId, does: bool) {
        let mut running = self.running();
        if does {
            running.insert(id.clone());
        } else {
            running.remove(id);
        }
    }

    /// Nobody knows any more what runs.
    pub(super) fn nothing_runs(&self) {
        self.running().clear();
    }

    /// The containers that run.
    pub(super) fn running(&self) -> MutexGuard<'_, BTreeSet<ContainerId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The container engine was found, or it is known why there is none.
    pub(super) fn found(&self, daemon: Result<Docker, Refusal>) {
        *self.daemon.lock().unwrap_or_else(PoisonError::into_inner) = daemon;
    }

    /// The container engine, or why there is none to be had.
    pub(super) fn docker(&self) -> Result<Docker, Refusal> {
        self.daemon
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Links {
    /// The way to run commands on this host, while its link is open.
    pub(super) fn exec(&self, host: &HostId) -> Option<Arc<dyn Exec>> {
        self.link(host).map(|link| Arc::clone(&link.exec))
    }

    /// The link to this host, while it is open.
    pub(super) fn link(&self, host: &HostId) -> Option<Arc<OpenLink>> {
        self.lock().get(host).map(Arc::clone)
    }

    /// The container engine of this host, or why it can't be had.
    pub(super) fn docker(&self, host: &HostId) -> Result<Docker, Refusal> {
        let link = self.link(host).ok_or_else(|| Refusal {
            why: format!("{host} is not connected"),
            hint: None,
        })?;
        link.docker()
    }

    /// The way to run commands on this host, as soon as its link is open.
    pub(super) async fn connected(&self, host: &HostId) -> Arc<dyn Exec> {
        loop {
            let opened = self.opened.notified();
            if let Some(exec) = self.exec(host) {
                return exec;
            }
            opened.await;
        }
    }

    /// A link was opened.
    pub(super) fn open(&self, host: &HostId, exec: Arc<dyn Exec>) -> Arc<OpenLink> {
        let link = Arc::new(OpenLink::new(exec));
        self.lock().insert(host.clone(), Arc::clone(&link));
        self.opened.notify_waiters();
        link
    }

    /// A link is gone.
    pub(super) fn close(&self, host: &HostId) {
        self.lock().remove(host);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HostId, Arc<OpenLink>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
