//! The lenses that are open, and what every one of them needs. A lens is closed when its last handle is gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::handle::LensHandle;
use super::runner::{self, Runner};
use super::sources::Sources;
use super::stream::{self, LogStream};
use crate::clock::Clock;
use crate::config::LogSettings;
use crate::domain::LensId;
use crate::engine::opened::Opened;
use crate::engine::{LogBegin, Refusal, Reply};
use crate::follow::{SourceAddress, Stamp, StartAt};
use crate::tasks::Tasks;

/// Orders that wait for a lens; a face beyond them waits.
const ORDERS: usize = 64;

/// What was opened and is not fetched in this time is closed: whoever asked has left.
const FETCH: Duration = Duration::from_secs(30);

/// The lenses that are open.
pub(in crate::engine) struct Lenses {
    pub(super) sources: Arc<dyn Sources>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    settings: LogSettings,
    opened: Opened,
    last: AtomicU64,
    open: Mutex<HashMap<LensId, mpsc::Sender<Vec<SourceAddress>>>>,
}

impl Lenses {
    pub(super) fn new(
        sources: Arc<dyn Sources>,
        clock: Clock,
        tasks: Tasks,
        settings: LogSettings,
        opened: Opened,
    ) -> Self {
        Self {
            sources,
            clock,
            tasks,
            settings,
            opened,
            last: AtomicU64::new(0),
            open: Mutex::default(),
        }
    }

    /// Opens a lens over these sources.
    pub(in crate::engine) fn open(
        self: &Arc<Self>,
        sources: Vec<SourceAddress>,
        begin: LogBegin,
    ) -> Reply {
        let id = self.next();
        let (orders, wishes) = mpsc::channel(ORDERS);
        let (out, pictures) = watch::channel(Arc::default());
        let (change, changes) = mpsc::channel(1);
        self.lock().insert(id, change);
        let runner = Runner::new(Arc::clone(self), self.settings.buffer, start_at(begin), out);
        let ends = runner::Ends { wishes, changes };
        let closed = Closed(Arc::clone(self), id);
        self.tasks.spawn(async move {
            runner.run(sources, ends).await;
            drop(closed);
        });
        self.opened.put_lens(id, LensHandle::new(orders, pictures));
        self.forget(move |opened| drop(opened.lens(id)));
        Reply::Lens(id)
    }

    /// Gives a lens other sources.
    pub(in crate::engine) async fn set_sources(
        &self,
        lens: LensId,
        sources: Vec<SourceAddress>,
    ) -> Reply {
        let change = self.lock().get(&lens).cloned();
        match change {
            Some(change) if change.send(sources).await.is_ok() => Reply::Done,
            _ => Reply::Failed(Refusal {
                why: "this view of logs is closed".into(),
                hint: Some("open it again".into()),
            }),
        }
    }

    /// Reads sources from one end to the other, in the order of their stamps, without keeping their lines.
    pub(in crate::engine) fn read(
        self: &Arc<Self>,
        sources: &[SourceAddress],
        begin: LogBegin,
        until: Option<Stamp>,
        follow: bool,
    ) -> Reply {
        let id = self.next();
        let wanted = stream::Wanted {
            from: start_at(begin),
            until,
            follow,
        };
        let log: LogStream = stream::read(self, sources, &wanted);
        self.opened.put_log(id, log);
        self.forget(move |opened| drop(opened.log(id)));
        Reply::Log(id)
    }

    fn next(&self) -> LensId {
        LensId(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Closes what nobody fetches.
    fn forget(&self, close: impl FnOnce(&Opened) + Send + 'static) {
        let opened = self.opened.clone();
        self.tasks.spawn(async move {
            sleep(FETCH).await;
            close(&opened);
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LensId, mpsc::Sender<Vec<SourceAddress>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start_at(begin: LogBegin) -> StartAt {
    match begin {
        LogBegin::Tail(lines) => StartAt::Tail(lines),
        LogBegin::Since(stamp) => StartAt::Since(stamp),
    }
}

/// Strikes a lens off the list when its task ends, however it ends.
struct Closed(Arc<Lenses>, LensId);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}
