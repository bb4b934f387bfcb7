//! What was opened for a face and waits to be fetched by its id: bytes do not go through messages.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::lens::{LensHandle, LogStream};
use crate::assistant::Transcript;
use crate::domain::{LensId, SessionId, TerminalId};
use crate::exec::BoxedIo;

/// A terminal inside a container. Dropping it hangs up.
pub struct ContainerTerminal {
    /// What is typed goes in, what is shown comes out, raw.
    pub io: BoxedIo,
    /// Takes the new columns and rows when the terminal here has changed its size.
    pub resize: mpsc::Sender<(u16, u16)>,
    /// Once everything was shown: the exit status of what ran in it, where the engine there could still tell it.
    pub status: BoxFuture<'static, Option<i32>>,
}

impl fmt::Debug for ContainerTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerTerminal").finish_non_exhaustive()
    }
}

/// What waits to be fetched. Shared by the engine's hands and every [`super::Handle`].
#[derive(Debug, Clone, Default)]
pub(super) struct Opened(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    lenses: HashMap<LensId, LensHandle>,
    logs: HashMap<LensId, LogStream>,
    terminals: HashMap<TerminalId, ContainerTerminal>,
    transcripts: HashMap<SessionId, watch::Receiver<Arc<Transcript>>>,
}

impl Opened {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put_lens(&self, id: LensId, lens: LensHandle) {
        self.lock().lenses.insert(id, lens);
    }

    pub(super) fn lens(&self, id: LensId) -> Option<LensHandle> {
        self.lock().lenses.remove(&id)
    }

    /// Leaves a conversation to be looked at by anyone, until it is forgotten.
    pub(super) fn put_transcript(
        &self,
        id: SessionId,
        transcript: watch::Receiver<Arc<Transcript>>,
    ) {
        self.lock().transcripts.insert(id, transcript);
    }

    pub(super) fn transcript(&self, id: SessionId) -> Option<watch::Receiver<Arc<Transcript>>> {
        self.lock().transcripts.get(&id).cloned()
    }

    /// Nobody finds it any more; those who have it keep it.
    pub(super) fn forget_transcript(&self, id: SessionId) {
        self.lock().transcripts.remove(&id);
    }

    pub(super) fn put_log(&self, id: LensId, log: LogStream) {
        self.lock().logs.insert(id, log);
    }

    pub(super) fn log(&self, id: LensId) -> Option<LogStream> {
        self.lock().logs.remove(&id)
    }

    pub(super) fn put_terminal(&self, id: TerminalId, terminal: ContainerTerminal) {
        self.lock().terminals.insert(id, terminal);
    }

    pub(super) fn terminal(&self, id: TerminalId) -> Option<ContainerTerminal> {
        self.lock().terminals.remove(&id)
    }
}
