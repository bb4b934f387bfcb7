//! The only room that spawns. Every task has a token to be told to stop and is joined at the end.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A family of tasks that live and end together; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// An empty family.
    pub fn new() -> Self {
        Self {
            tracker: TaskTracker::new(),
            token: CancellationToken::new(),
        }
    }

    /// A family of its own whose token falls with this one's, and whose members this one also joins.
    pub fn child(&self) -> Self {
        Self {
            tracker: self.tracker.clone(),
            token: self.token.child_token(),
        }
    }

    /// The token that tells this family to stop.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs a task until it ends or the family is told to stop, whichever is first. The task is dropped at its next
    /// await when the token falls, so it must keep nothing half-done across an await.
    #[expect(clippy::disallowed_methods, reason = "this room is the wall")]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        tokio::spawn(self.tracker.track_future(async move {
            tokio::select! {
                biased;
                () = token.cancelled() => {}
                () = task => {}
            }
        }));
    }

    /// Tells the family to stop.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Tells the family to stop and waits for its members; false when some are still there after `limit`.
    pub async fn shutdown(&self, limit: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait())
            .await
            .is_ok()
    }
}
