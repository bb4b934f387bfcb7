//! Questions that several connections share: asked once, and the answer holds for everybody who stood in line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// One line of waiters per subject: a host's name, a key file.
#[derive(Debug, Default)]
pub(super) struct Desk {
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

#[derive(Debug, Default)]
struct Line {
    turn: Arc<tokio::sync::Mutex<()>>,
    refusals: AtomicU64,
}

/// One's turn to ask; the next in line comes after its drop.
#[derive(Debug)]
pub(super) struct Turn {
    line: Arc<Line>,
    _turn: OwnedMutexGuard<()>,
}

impl Turn {
    /// The answer was No: it holds for those who already wait.
    pub(super) fn refused(self) {
        self.line.refusals.fetch_add(1, Ordering::AcqRel);
    }
}

impl Desk {
    /// Waits for one's turn; `None` when somebody before us was told No while we stood in line.
    pub(super) async fn turn(&self, subject: &str) -> Option<Turn> {
        let line = Arc::clone(
            self.lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(subject.to_owned())
                .or_default(),
        );
        let before = line.refusals.load(Ordering::Acquire);
        let turn = Arc::clone(&line.turn).lock_owned().await;
        if line.refusals.load(Ordering::Acquire) == before {
            Some(Turn { line, _turn: turn })
        } else {
            None
        }
    }
}
