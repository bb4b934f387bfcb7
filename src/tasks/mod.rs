//! The only room that spawns. Every task has a token to be told to stop and is joined at the end.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A family of tasks that live and end together; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// Who counts the members: this family first, then the families above it.
    trackers: Vec<TaskTracker>,
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
            trackers: vec![TaskTracker::new()],
            token: CancellationToken::new(),
        }
    }

    /// A family of its own whose token falls with this one's, and whose members this one also joins.
    pub fn child(&self) -> Self {
        Self {
            trackers: std::iter::once(TaskTracker::new())
                .chain(self.trackers.iter().cloned())
                .collect(),
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
        let counted: Vec<_> = self.trackers.iter().map(TaskTracker::token).collect();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = token.cancelled() => {}
                () = task => {}
            }
            drop(counted);
        });
    }

    /// Tells the family to stop.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Tells the family to stop and waits for its members; false when some are still there after `limit`.
    pub async fn shutdown(&self, limit: Duration) -> bool {
        self.token.cancel();
        let Some(own) = self.trackers.first() else {
            return true;
        };
        own.close();
        tokio::time::timeout(limit, own.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_ends_alone_and_a_parent_joins_its_children() {
        let parent = Tasks::new();
        let (child, sibling) = (parent.child(), parent.child());
        child.spawn(std::future::pending());
        sibling.spawn(std::future::pending());
        assert!(child.shutdown(Duration::from_secs(5)).await);
        assert!(!sibling.token().is_cancelled());
        assert!(parent.shutdown(Duration::from_secs(5)).await);
        assert!(sibling.token().is_cancelled());
    }
}
