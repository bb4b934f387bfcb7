//! The links that are open: for whoever has a command for a host, the way there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::HostId;
use crate::exec::Exec;

/// The links that are open, for whoever has a command for a host.
#[derive(Default)]
pub(super) struct Links {
    open: Mutex<HashMap<HostId, Arc<dyn Exec>>>,
    /// Told whenever one was opened.
    opened: Notify,
}

impl Links {
    /// The way to run commands on this host, while its link is open.
    pub(super) fn exec(&self, host: &HostId) -> Option<Arc<dyn Exec>> {
        self.lock().get(host).map(Arc::clone)
    }

    /// The same as soon as its link is open.
    #[expect(dead_code, reason = "whoever follows a source over a break waits here")]
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
    pub(super) fn open(&self, host: &HostId, exec: Arc<dyn Exec>) {
        self.lock().insert(host.clone(), exec);
        self.opened.notify_waiters();
    }

    /// A link is gone.
    pub(super) fn close(&self, host: &HostId) {
        self.lock().remove(host);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HostId, Arc<dyn Exec>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
