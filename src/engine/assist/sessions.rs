//! The conversations of this console, and what is asked of them. They change nothing on any host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::leftovers;
use super::lock;
use super::mind::Minds;
use super::program::Programs;
use super::record::Record;
use super::room::{Assisting, Room};
use super::runbook;
use super::stage::elsewhere;
use super::talk::{Order, Talk};
use super::wire::Wish;
use crate::assistant::SessionSummary;
use crate::clock::Clock;
use crate::config::{AssistantSettings, Problem, Settings};
use crate::diagnose::Runbook;
use crate::domain::{HostId, SessionId, Wall};
use crate::engine::host_actor::Shared;
use crate::engine::lanes::Lanes;
use crate::engine::trouble::Trouble;
use crate::engine::{AssistantCommand, Refusal, Reply};
use crate::store::{Ledger, Store, StoredSession};
use crate::text::SafeText;

/// Orders that wait for a conversation; a face beyond them waits.
const ORDERS: usize = 64;

/// Conversations that stay open here: more only while somebody looks at them, or something is under way in them. With what it
/// shows and keeps, one takes up to about ten megabytes, and its program more.
const OPEN: usize = 4;

/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The conversations that are open here, and the way to the others.
pub(in crate::engine) struct Sessions {
    store: Option<Store>,
    ledger: Ledger,
    clock: Clock,
    settings: AssistantSettings,
    assisting: Assisting,
    trouble: Trouble,
    open: Mutex<HashMap<SessionId, mpsc::Sender<Order>>>,
    /// Those that are open, the one opened last at the end.
    recent: Mutex<Vec<SessionId>>,
    last: Mutex<SessionId>,
}

impl Sessions {
    pub(in crate::engine) fn new(
        assisting: Assisting,
        (store, ledger): (Option<Store>, Ledger),
        (lanes, clock): (&Lanes, &Clock),
        settings: &Settings,
    ) -> Self {
        Self {
            store,
            ledger,
            clock: clock.clone(),
            settings: settings.assistant.clone(),
            assisting,
            trouble: Trouble::new(lanes.clone()),
            open: Mutex::default(),
            recent: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Does what is asked.
    pub(in crate::engine) async fn answer(
        &self,
        shared: &Arc<Shared>,
        command: AssistantCommand,
    ) -> Reply {
        match command {
            AssistantCommand::Sessions => self.list().await,
            AssistantCommand::Open => self.opened(shared, self.open(shared).await),
            AssistantCommand::Resume(id) => self.opened(shared, self.resume(shared, id).await),
            AssistantCommand::Say { session, text } => self.wish(session, Wish::Say(text)).await,
            AssistantCommand::Unqueue(id) => self.wish(id, Wish::Unqueue).await,
            AssistantCommand::Interrupt(id) => self.wish(id, Wish::Interrupt).await,
            AssistantCommand::Close(id) => self.order(id, Order::Close).await,
            AssistantCommand::Forget(id) => self.forget(shared, id).await,
            AssistantCommand::Check => Reply::Assistant(self.minds(shared).check().await),
            AssistantCommand::Runbook {
                session,
                host,
                name,
            } => self.runbook(session, host, &name).await,
            AssistantCommand::Runbooks => {
                let books = self.books().await;
                Reply::Runbooks(books.iter().map(runbook::summary).collect())
            }
        }
    }

    async fn wish(&self, id: SessionId, wish: Wish) -> Reply {
        self.order(id, |answer| Order::Wish(wish, answer)).await
    }

    /// Hands an order over and waits for its answer.
    async fn order(
        &self,
        id: SessionId,
        order: impl FnOnce(oneshot::Sender<Reply>) -> Order,
    ) -> Reply {
        let orders = self.lock().get(&id).cloned();
        let Some(orders) = orders else {
            return gone();
        };
        let (answer, reply) = oneshot::channel();
        if orders.send(order(answer)).await.is_err() {
            return gone();
        }
        reply.await.unwrap_or_else(|_| gone())
    }

    /// A number that no other console has: the microsecond.
    fn next(&self) -> SessionId {
        let wall = u64::try_from(self.clock.wall().0).unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.0 = (wall.saturating_mul(1000) + fastrand::u64(..1000)).max(last.0 + 1);
        *last
    }

    /// Where programs come from.
    fn minds(&self, shared: &Shared) -> Arc<dyn Minds> {
        self.assisting.minds.clone().unwrap_or_else(|| {
            Arc::new(Programs {
                places: self.assisting.program.clone(),
                settings: self.settings.clone(),
                clock: self.clock.clone(),
                tasks: shared.tasks.clone(),
            })
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, mpsc::Sender<Order>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holder(&self, id: SessionId) -> Option<lock::Holder> {
        lock::holder_of(self.assisting.folder.as_deref()?, id)
    }

    /// Another console that runs a conversation.
    async fn elsewhere(&self, id: SessionId) -> Option<SafeText> {
        let holder = self.holder(id)?;
        let orders = self.lock().get(&id).cloned();
        if let Some(orders) = orders {
            let (answer, head) = oneshot::channel();
            if orders.send(Order::Head(answer)).await.is_ok() {
                return head.await.ok()?.1;
            }
        }
        Some(elsewhere(holder.pid))
    }

    async fn stored(&self, id: SessionId) -> Result<Option<Record>, Refusal> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let refusal = |why: String, hint| Refusal { why, hint };
        let told = timeout(PATIENCE, store.session(id)).await;
        let told = told.map_err(|_| refusal("the store does not answer".into(), None))?;
        let found = told.map_err(|error| refusal(error.what, error.hint))?;
        Ok(found.map(|(head, events)| Record::stored(head, events)))
    }

    async fn open(&self, shared: &Arc<Shared>) -> Reply {
        let id = self.next();
        self.begin(shared, Record::new(id, self.clock.wall()));
        self.order(id, Order::Hold).await
    }

    async fn resume(&self, shared: &Arc<Shared>, id: SessionId) -> Reply {
        if self.lock().contains_key(&id) {
            return self.order(id, Order::Hold).await;
        }
        let record = match self.stored(id).await {
            Ok(Some(record)) => record,
            // Another console may have one that could not be stored.
            _ if self.holder(id).is_some() => Record::new(id, began(id)),
            Ok(None) => return gone(),
            Err(refusal) => return Reply::Failed(refusal),
        };
        self.begin(shared, record);
        let reply = self.order(id, Order::Hold).await;
        if !matches!(reply, Reply::Session(_)) {
            self.lock().remove(&id);
            shared.opened.forget_transcript(id);
        }
        reply
    }

    /// What a person turned to is open; of what nobody looks at any more the oldest is let go.
    fn opened(&self, shared: &Arc<Shared>, reply: Reply) -> Reply {
        if let Reply::Session(newest) = reply {
            let old = self.old(newest);
            let all = Arc::clone(shared);
            shared.tasks.spawn(async move {
                for id in old {
                    all.sessions.let_go(&all, id).await;
                }
            });
        }
        reply
    }

    fn old(&self, newest: SessionId) -> Vec<SessionId> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.lock();
        recent.retain(|id| *id != newest && open.contains_key(id));
        recent.push(newest);
        let old = recent.len().saturating_sub(OPEN);
        recent.iter().take(old).copied().collect()
    }

    async fn let_go(&self, shared: &Shared, id: SessionId) {
        let orders = self.lock().get(&id).cloned();
        let Some(orders) = orders else {
            return;
        };
        let (answer, leaves) = oneshot::channel();
        if orders.send(Order::Leave(answer)).await.is_ok() && leaves.await == Ok(true) {
            self.lock().remove(&id);
            shared.opened.forget_transcript(id);
        }
    }

    async fn runbook(&self, session: SessionId, host: HostId, name: &str) -> Reply {
        match runbook::find(self.books().await, name) {
            Ok(book) => {
                let order = |answer| Order::Runbook { host, book, answer };
                self.order(session, order).await
            }
            Err(refusal) => Reply::Failed(refusal),
        }
    }

    /// The runbooks there are. What is wrong with a person's own is told once.
    async fn books(&self) -> Vec<Runbook> {
        let (books, problems) = runbook::books(self.assisting.runbooks.clone()).await;
        for Problem {
            file,
            line,
            what,
            hint,
        } in problems
        {
            let file = file.map(|file| format!("{}: ", file.display()));
            let line = line.map(|line| format!("line {line}: "));
            let sentence = format!(
                "runbook {}{}{what}",
                file.unwrap_or_default(),
                line.unwrap_or_default()
            );
            self.trouble.tell(sentence, hint).await;
        }
        books
    }

    async fn forget(&self, shared: &Arc<Shared>, id: SessionId) -> Reply {
        if let Some(elsewhere) = self.elsewhere(id).await {
            return Reply::Refused(Refusal {
                why: format!("the conversation runs in another console ({elsewhere})"),
                hint: Some("close it there first".into()),
            });
        }
        // Its task ends, and with it its program, before its last word could reach the store again.
        self.order(id, Order::End).await;
        self.lock().remove(&id);
        shared.opened.forget_transcript(id);
        let removed = self.remove_leftovers(id).await;
        let Some(store) = &self.store else {
            return removed;
        };
        match timeout(PATIENCE, store.forget_session(id)).await {
            Ok(Ok(())) => removed,
            Ok(Err(error)) => failed(&error.what, error.hint),
            Err(_) => failed("the store does not answer", None),
        }
    }

    /// Removes what its program kept on the disk.
    async fn remove_leftovers(&self, id: SessionId) -> Reply {
        let Some(places) = &self.assisting.program else {
            return Reply::Done;
        };
        match leftovers::remove(&places.rooms, id).await {
            Ok(()) => Reply::Done,
            Err(error) => {
                let room = places.rooms.join(id.to_string());
                let hint = format!("remove {} by hand", room.display());
                failed(
                    &format!("some of it stays on the disk: {error}"),
                    Some(hint),
                )
            }
        }
    }

    /// Removes what conversations left on the disk that the store has let go of.
    pub(in crate::engine) async fn sweep(&self) {
        let (Some(places), Some(locks), Some(store)) =
            (&self.assisting.program, &self.assisting.folder, &self.store)
        else {
            return;
        };
        // Seen before the store is asked: one that is begun meanwhile is not among them.
        let there = match leftovers::all(&places.rooms) {
            Ok(there) if there.is_empty() => return,
            Ok(there) => there,
            Err(error) => {
                return tracing::warn!(%error, "what conversations left can't be looked through");
            }
        };
        let Ok(Ok(known)) = timeout(PATIENCE, store.sessions()).await else {
            return tracing::warn!("the store does not tell its conversations");
        };
        let known = known.into_iter().map(|head| head.session).collect();
        let now = self.clock.wall();
        for id in there {
            if leftovers::is_nobodys(id, &known, (locks, now))
                && let Err(error) = leftovers::remove(&places.rooms, id).await
            {
                tracing::warn!(%error, session = %id, "what a conversation left stays on the disk");
            }
        }
    }

    /// All there are, newest first: those of the store, and those that only live here.
    async fn list(&self) -> Reply {
        let mut all: HashMap<SessionId, (StoredSession, Option<SafeText>)> = HashMap::new();
        if let Some(store) = &self.store {
            match timeout(PATIENCE, store.sessions()).await {
                Ok(Ok(stored)) => {
                    for head in stored {
                        let elsewhere = self.elsewhere(head.session).await;
                        all.insert(head.session, (head, elsewhere));
                    }
                }
                Ok(Err(error)) => self.trouble.tell(error.what, error.hint).await,
                Err(_) => tracing::warn!("the store does not tell its conversations"),
            }
        }
        let open: Vec<_> = self.lock().values().cloned().collect();
        for orders in open {
            let (answer, head) = oneshot::channel();
            if orders.send(Order::Head(answer)).await.is_ok()
                && let Ok((head, elsewhere)) = head.await
                && (!head.title.is_empty() || all.contains_key(&head.session))
            {
                all.insert(head.session, (head, elsewhere));
            }
        }
        let now = self.clock.wall();
        let mut list: Vec<_> = all
            .into_values()
            .map(|(head, elsewhere)| summary(head, elsewhere, now))
            .collect();
        list.sort_by_key(|summary| std::cmp::Reverse((summary.last, summary.session)));
        Reply::Sessions(list)
    }

    /// Starts the task of a conversation, which rests.
    fn begin(&self, shared: &Arc<Shared>, record: Record) {
        let room = Arc::new(Room {
            shared: Arc::clone(shared),
            handle: shared.handle.clone(),
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            store: self.store.clone(),
            ledger: self.ledger.clone(),
            folder: self.assisting.folder.clone(),
            minds: self.minds(shared),
            trouble: self.trouble.clone(),
        });
        let id = record.head().session;
        let (orders, wishes) = mpsc::channel(ORDERS);
        let (talk, pictures) = Talk::new(&room, record, wishes);
        shared.opened.put_transcript(id, pictures);
        self.lock().insert(id, orders);
        shared.tasks.spawn(talk.run());
    }
}

/// When a conversation began, as its number says.
fn began(id: SessionId) -> Wall {
    Wall(i64::try_from(id.0 / 1000).unwrap_or_default())
}

fn summary(head: StoredSession, elsewhere: Option<SafeText>, now: Wall) -> SessionSummary {
    let age = u64::try_from(now.0.saturating_sub(head.last.0)).unwrap_or_default();
    SessionSummary {
        session: head.session,
        title: head.title.into(),
        began: head.began,
        last: head.last,
        questions: head.questions,
        cost: head.cost,
        elsewhere,
        age: Duration::from_millis(age),
    }
}

fn gone() -> Reply {
    failed(
        "there is no such conversation",
        Some("it was closed or forgotten; begin a new one".into()),
    )
}

fn failed(why: &str, hint: Option<String>) -> Reply {
    Reply::Failed(Refusal {
        why: why.to_owned(),
        hint,
    })
}
