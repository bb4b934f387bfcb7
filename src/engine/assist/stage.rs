//! Who runs a conversation: we, another console, or nobody. Taking it over, and letting it go.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::aftermath::{told_by_the_ledger, untold};
use super::attach::{self, Knock};
use super::calls::Clerk;
use super::drafts::is_live;
use super::lock::{self, Holder, Lock, Taken};
use super::mind::{Mind, MindCall, MindStart, MindWish};
use super::record::Record;
use super::room::Room;
use super::runbook::Running;
use super::talk::Talk;
use super::watch::{self, Watching};
use super::wire::{ToWatcher, Wish};
use crate::assistant::EventKind;
use crate::diagnose::Runbook;
use crate::domain::{HostId, ProposalId, SessionId, Wall};
use crate::engine::proposals::made_before;
use crate::engine::{Refusal, Reply};
use crate::store::StoredSession;
use crate::tasks::Tasks;

/// Records of the ledger among which an act is looked for that was approved when its console ended: more than anybody does
/// before they look after it.
const RECENT: usize = 10_000;

/// How long the store may take to tell a conversation, and the ledger its records.
const PATIENCE: Duration = Duration::from_secs(3);

/// Those who knock at once.
const KNOCKS: usize = 16;

/// Longest question, in bytes: longer lines were cut by some versions of the program.
const LONGEST: usize = 100_000;

/// Who runs a conversation.
pub(super) enum Stage {
    /// Nobody.
    Resting,
    /// We.
    Mine(Box<Mine>),
    /// Another console.
    Theirs(Watching),
}

/// A conversation that is run here.
pub(super) struct Mine {
    /// Held as long as it is run here.
    _lock: Option<Lock>,
    /// Others who ask at the door.
    pub(super) knocks: Option<mpsc::Receiver<Knock>>,
    /// The program; `None` before its first question, and after its end.
    pub(super) mind: Option<Mind>,
    /// It ends with its program.
    is_closing: bool,
    /// What listens at the door, and runbooks.
    tasks: Tasks,
    /// Tool calls that are at work for the program.
    calls: Tasks,
    /// Stops the runbook that is at work.
    stop: CancellationToken,
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

impl Mine {
    fn new(lock: Option<Lock>, knocks: Option<mpsc::Receiver<Knock>>, tasks: Tasks) -> Self {
        Self {
            _lock: lock,
            knocks,
            mind: None,
            is_closing: false,
            calls: tasks.child(),
            stop: tasks.token().child_token(),
            tasks,
        }
    }

    /// Carries a person's wish out, or starts to.
    pub(super) fn wish(
        &mut self,
        room: &Room,
        (id, head): (SessionId, &StoredSession),
        wish: Wish,
    ) -> Reply {
        match wish {
            Wish::Say(text) => self.say(room, (id, head), text),
            Wish::Unqueue => {
                self.tell(MindWish::Unqueue);
                Reply::Done
            }
            Wish::Interrupt => {
                self.stop.cancel();
                self.tell(MindWish::Interrupt);
                Reply::Done
            }
        }
    }

    fn say(
        &mut self,
        room: &Room,
        (session, head): (SessionId, &StoredSession),
        text: String,
    ) -> Reply {
        let refused = |why: String, hint: &str| {
            Reply::Refused(Refusal {
                why,
                hint: Some(hint.into()),
            })
        };
        if text.trim().is_empty() {
            return refused("nothing was asked".into(), "write a question");
        }
        if text.len() > LONGEST {
            let why = format!("the question is longer than {} kB", LONGEST / 1000);
            return refused(why, "shorten it, or name a log source instead of its lines");
        }
        if self.is_over() {
            // It only waits for the outcome of an act.
            self.is_closing = false;
        }
        if self.is_closing {
            return refused(
                "the program behind this conversation is ending".into(),
                "ask again in a moment",
            );
        }
        let mind = self.mind.get_or_insert_with(|| {
            room.minds.begin(MindStart {
                session,
                program: head.program.clone(),
            })
        });
        match mind.wishes.try_send(MindWish::Say(text)) {
            Ok(()) => Reply::Done,
            Err(mpsc::error::TrySendError::Full(_)) => refused(
                "too much waits for the assistant already".into(),
                "wait for its answers, or take back what waits",
            ),
            Err(mpsc::error::TrySendError::Closed(_)) => refused(
                "the program behind this conversation has just ended".into(),
                "ask again",
            ),
        }
    }

    /// Tells the program something, where there is one. One that is so far behind is told by its end.
    pub(super) fn tell(&self, wish: MindWish) {
        if let Some(mind) = &self.mind
            && let Err(error) = mind.wishes.try_send(wish)
        {
            tracing::warn!(%error, "the program behind a conversation does not hear");
        }
    }

    /// Begins to let go; whether nothing has to be waited for.
    pub(super) fn close(&mut self) -> bool {
        self.is_closing = true;
        self.tell(MindWish::Close);
        self.is_over()
    }

    /// Whether it is closed, and its program has ended.
    pub(super) fn is_over(&self) -> bool {
        self.is_closing && self.mind.is_none()
    }

    /// The program has ended; whether the conversation ends with it.
    pub(super) fn program_is_gone(&mut self) -> bool {
        self.mind = None;
        self.is_over()
    }

    /// Drops the tool calls that are at work.
    pub(super) fn drop_calls(&mut self) {
        self.calls.cancel();
        self.calls = self.tasks.child();
    }
}

impl Talk {
    /// The program calls a tool.
    pub(super) fn called(&self, call: MindCall) {
        let Stage::Mine(mine) = &self.stage else {
            return;
        };
        let clerk = Clerk {
            room: Arc::clone(&self.room),
            session: self.id,
            happen: self.happen.clone(),
        };
        mine.calls.spawn(clerk.answer(call));
    }

    /// Runs a runbook, one at a time.
    pub(super) async fn runbook(&mut self, host: HostId, book: Runbook) -> Result<(), Refusal> {
        self.hold().await?;
        let Stage::Mine(mine) = &mut self.stage else {
            return Err(Refusal {
                why: "another console runs this conversation".into(),
                hint: Some("run it there, or in a conversation of your own".into()),
            });
        };
        if self.under_way.runs_a_runbook() {
            return Err(Refusal {
                why: "a runbook is at work in this conversation".into(),
                hint: Some("wait until it has ended, or stop it".into()),
            });
        }
        mine.stop = mine.tasks.token().child_token();
        let running = Running {
            room: Arc::clone(&self.room),
            host,
            book,
            happen: self.happen.clone(),
            stop: mine.stop.clone(),
        };
        let began = running.began();
        let tasks = mine.tasks.clone();
        self.happened(began);
        tasks.spawn(running.run());
        Ok(())
    }

    /// Takes the conversation, or attaches to the console that has it.
    pub(super) async fn hold(&mut self) -> Result<(), Refusal> {
        if !matches!(self.stage, Stage::Resting) {
            return Ok(());
        }
        let Some(folder) = self.room.folder.clone() else {
            self.take_over(None).await;
            return Ok(());
        };
        match take(&folder, self.id).await {
            Ok(Taken::Ours(lock)) => {
                self.take_over(Some(lock)).await;
                Ok(())
            }
            Ok(Taken::Theirs(holder)) => self.watch(&holder).await,
            Err(error) => {
                // Without a lock nobody can tell whether another console has it: a new one is nobody else's all the same.
                if self.record.number() == 0 {
                    let sentence =
                        format!("no other console can attach to this conversation: {error}");
                    let hint = format!("look after {}", folder.display());
                    self.room.trouble.tell(sentence, Some(hint)).await;
                    self.take_over(None).await;
                    return Ok(());
                }
                Err(Refusal {
                    why: format!("the conversation can't be taken: {error}"),
                    hint: Some(format!("look after {}", folder.display())),
                })
            }
        }
    }

    async fn take_over(&mut self, lock: Option<Lock>) {
        let tasks = self.room.shared.tasks.child();
        let knocks = lock.as_ref().and_then(|lock| listen(lock, &tasks));
        self.stage = Stage::Mine(Box::new(Mine::new(lock, knocks, tasks)));
        self.screen.set_elsewhere(None);
        if let Some(record) = self.stored().await {
            if record.number() > self.record.number() {
                self.record = record;
                self.anew();
            } else {
                self.record.is_kept_up_to(record.number());
            }
        }
        // Whoever ran it last may have ended in its midst.
        for kind in self.approved_before().await {
            self.happened(kind);
        }
        for kind in self
            .under_way
            .end_all(&"the console that ran it ended before".into())
        {
            self.happened(kind);
        }
    }

    /// The ends of proposals that had been approved when their console ended, as the ledger tells them. The conversation itself
    /// may have been kept up to the moment before.
    async fn approved_before(&self) -> Vec<EventKind> {
        let open = self.under_way.open();
        if open.is_empty() {
            return Vec::new();
        }
        let told = timeout(PATIENCE, self.room.ledger.tail(RECENT)).await;
        let told = match told {
            Ok(Ok(entries)) => Ok(entries),
            Ok(Err(error)) => Err(error.what),
            Err(_) => Err(format!("it was not read within {} s", PATIENCE.as_secs())),
        };
        let decided = |(proposal, until): (ProposalId, Wall)| {
            let decided = match &told {
                Ok(entries) => {
                    told_by_the_ledger(entries, (self.id, proposal), made_before(until))?
                }
                Err(_) if self.under_way.has_begun(proposal) => return None,
                Err(why) => untold(why),
            };
            Some(EventKind::Decided { proposal, decided })
        };
        open.into_iter().filter_map(decided).collect()
    }

    /// The conversation as the store has it, where the store tells.
    async fn stored(&self) -> Option<Record> {
        let store = self.room.store.as_ref()?;
        let told = timeout(PATIENCE, store.session(self.id)).await.ok()?;
        let (head, events) = told.ok()??;
        Some(Record::stored(head, events))
    }

    async fn watch(&mut self, holder: &Holder) -> Result<(), Refusal> {
        let after = self.record.number();
        if self.screen.number() > after {
            // Pieces of drafts, whose rest nobody knows here.
            self.anew();
        }
        match watch::attach(holder, after, &self.room.shared.tasks).await {
            Ok(watching) => {
                let elsewhere = elsewhere(watching.pid);
                self.stage = Stage::Theirs(watching);
                self.screen.set_elsewhere(Some(elsewhere));
                Ok(())
            }
            Err(error) => Err(Refusal {
                why: format!(
                    "another console (pid {}) runs this conversation and can't be attached to: {error}",
                    holder.pid
                ),
                hint: Some("close the conversation there, or end that console".into()),
            }),
        }
    }

    /// What the console says that runs it; `None`: it is gone.
    pub(super) async fn told(&mut self, said: Option<ToWatcher>) {
        match said {
            Some(ToWatcher::Event(event)) => {
                self.record.skip_to(event.number);
                if !is_live(&event.kind) {
                    self.record.take(&event);
                }
                self.took(&event);
            }
            Some(ToWatcher::Phase(words)) => {
                let phase = words.heard(self.room.clock.at());
                self.phase(phase);
            }
            Some(ToWatcher::TooSlow) => self.again().await,
            Some(ToWatcher::Hello { .. } | ToWatcher::Answer { .. }) => {}
            None => self.rest(),
        }
    }

    /// We did not read fast enough and were let go: what was missed is asked for.
    async fn again(&mut self) {
        self.rest();
        let sentence =
            "this console was too slow for a conversation of another one and attaches anew";
        self.room.trouble.tell(sentence.into(), None).await;
        if let Err(refusal) = self.hold().await {
            self.room.trouble.tell(refusal.why, refusal.hint).await;
        }
    }
}

/// Who runs it, in words.
pub(super) fn elsewhere(pid: u32) -> crate::text::SafeText {
    format!("this machine, pid {pid}").into()
}

async fn take(folder: &Path, id: SessionId) -> std::io::Result<Taken> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || lock::take(&folder, id))
        .await
        .map_err(std::io::Error::other)?
}

/// Opens the door for others. That it stays shut is no reason not to talk.
fn listen(lock: &Lock, tasks: &Tasks) -> Option<mpsc::Receiver<Knock>> {
    let (knocked, knocks) = mpsc::channel(KNOCKS);
    match attach::listen(lock.socket(), knocked, tasks) {
        Ok(()) => Some(knocks),
        Err(error) => {
            tracing::warn!(%error, "no other console can attach to this conversation");
            None
        }
    }
}
