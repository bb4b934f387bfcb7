//! The one thread that owns the file. Everyone else hands it work and may wait for the outcome.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::file::{self, Opened};
use super::{StoreError, StoreErrorKind, history};

/// Work that waits for the disk. Beyond it work is refused: nobody waits for a disk that hangs.
const WAITING: usize = 1024;

type Work = Box<dyn FnOnce(&mut Owner) + Send>;

/// The door to the store; cheap to clone. The thread ends with the last door.
#[derive(Debug, Clone)]
pub struct Store {
    work: SyncSender<Work>,
}

/// The outcome of work that has been handed over already, whether it is waited for or not.
#[derive(Debug)]
pub struct Pending<T>(Outcome<T>);

#[derive(Debug)]
enum Outcome<T> {
    Ready(Option<Result<T, StoreError>>),
    Waiting(oneshot::Receiver<Result<T, StoreError>>),
}

impl Store {
    /// A store in this file. Nothing is opened yet: the first work does that, and tries again after a failure.
    pub fn new(path: &Path) -> Self {
        let (work, waiting) = sync_channel::<Work>(WAITING);
        let owner = Owner {
            path: path.to_owned(),
            open: None,
        };
        let thread = std::thread::Builder::new().name("store".into());
        if let Err(error) = thread.spawn(move || serve(owner, &waiting)) {
            // Without a thread every work is refused as `Ended`, which is what its askers then tell.
            tracing::error!(%error, "no thread for the store");
        }
        Self { work }
    }

    /// Opens the file now and tells how that went.
    pub fn prepare(&self) -> Pending<Opened> {
        self.submit(|owner| owner.open().map(|(_, opened)| opened.clone()))
    }

    /// Waits until everything that was handed over before is done.
    pub async fn settle(&self) {
        let settled: Pending<()> = self.submit(|_| Ok(()));
        if let Err(error) = settled.await {
            tracing::warn!(%error, "the store did not settle");
        }
    }

    pub(super) fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.submit(move |owner| {
            let done = work(&owner.open()?.0);
            done.map_err(|error| owner.fault(&error))
        })
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Owner) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let (done, outcome) = oneshot::channel();
        let work: Work = Box::new(move |owner| {
            if done.send(work(owner)).is_err() {
                tracing::trace!("nobody waits for the store's answer");
            }
        });
        Pending::submitted(&self.work.try_send(work), outcome, || {
            StoreError::new(
                StoreErrorKind::Behind,
                "the disk does not keep up with the history",
            )
        })
    }
}

impl<T> Pending<T> {
    /// An outcome that is there already.
    pub(super) fn ready(outcome: Result<T, StoreError>) -> Self {
        Self(Outcome::Ready(Some(outcome)))
    }

    /// Work that was handed over, or could not be; `behind` says why not while too much of it waits.
    pub(super) fn submitted<W>(
        handed: &Result<(), TrySendError<W>>,
        outcome: oneshot::Receiver<Result<T, StoreError>>,
        behind: impl FnOnce() -> StoreError,
    ) -> Self {
        match handed {
            Ok(()) => Self(Outcome::Waiting(outcome)),
            Err(TrySendError::Full(_)) => Self::ready(Err(behind())),
            Err(TrySendError::Disconnected(_)) => Self::ready(Err(ended())),
        }
    }
}

impl<T: Unpin> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Outcome::Ready(outcome) => Poll::Ready(outcome.take().unwrap_or_else(|| Err(ended()))),
            Outcome::Waiting(outcome) => Pin::new(outcome)
                .poll(context)
                .map(|answer| answer.unwrap_or_else(|_| Err(ended()))),
        }
    }
}

fn ended() -> StoreError {
    StoreError::new(StoreErrorKind::Ended, "the store has ended")
}

/// What the thread owns.
struct Owner {
    path: PathBuf,
    open: Option<(Connection, Opened)>,
}

impl Owner {
    fn open(&mut self) -> Result<&(Connection, Opened), StoreError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let open = file::open(&self.path)?;
                history::prune(&open.0).map_err(|error| self.fault(&error))?;
                open
            }
        };
        Ok(self.open.insert(open))
    }

    fn fault(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, error)
    }
}

fn serve(mut owner: Owner, waiting: &Receiver<Work>) {
    while let Ok(work) = waiting.recv() {
        work(&mut owner);
    }
}
