//! Watches a conversation that another console of the same person runs.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::attach::{invalid, read_line, same_person};
use super::lock::Holder;
use super::wire::{FromWatcher, ToWatcher, VERSION, Wish, line};
use crate::engine::{Refusal, Reply};
use crate::tasks::Tasks;

/// How long the other console may take to open its door, and to say who it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// Bytes of a line: the largest event that is kept, written as JSON.
const LONGEST: u64 = 16 << 20;

/// What was said and not yet heard; beyond it the other console waits, and lets us go when that takes too long.
const LANE: usize = 64;

/// A conversation that is watched. Dropping it leaves.
#[derive(Debug)]
pub(super) struct Watching {
    /// The process that runs it.
    pub(super) pid: u32,
    news: mpsc::Receiver<ToWatcher>,
    wishes: mpsc::Sender<(Wish, oneshot::Sender<Reply>)>,
    tasks: Tasks,
}

impl Watching {
    /// What is said there; `None` when that console is gone.
    pub(super) async fn next(&mut self) -> Option<ToWatcher> {
        self.news.recv().await
    }

    /// Hands a wish over; never waits.
    pub(super) fn wish(&self, wish: Wish, answer: oneshot::Sender<Reply>) {
        if let Err(error) = self.wishes.try_send((wish, answer)) {
            let (_, answer) = match error {
                mpsc::error::TrySendError::Full(wish) | mpsc::error::TrySendError::Closed(wish) => {
                    wish
                }
            };
            // An error means that whoever asked has left.
            drop(answer.send(silent(self.pid)));
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Attaches to the console that holds a conversation.
pub(super) async fn attach(holder: &Holder, after: u64, tasks: &Tasks) -> io::Result<Watching> {
    let tasks = tasks.child();
    let connected = timeout(PATIENCE, greet(holder, after)).await;
    let (from, to, pid) = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let (told, news) = mpsc::channel(LANE);
    let (wishes, wished) = mpsc::channel(LANE);
    let (answered, answers) = mpsc::channel(LANE);
    let pump = hear(from, told, answered);
    let speaker = speak(to, wished, answers);
    tasks.spawn(async move {
        tokio::select! {
            ended = pump => tracing::debug!(?ended, "the other console says no more"),
            ended = speaker => tracing::debug!(?ended, "the other console hears no more"),
        }
    });
    Ok(Watching {
        pid,
        news,
        wishes,
        tasks,
    })
}

async fn greet(
    holder: &Holder,
    after: u64,
) -> io::Result<(BufReader<OwnedReadHalf>, OwnedWriteHalf, u32)> {
    let stream = UnixStream::connect(&holder.socket).await?;
    if !same_person(&stream)? {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (from, mut to) = stream.into_split();
    let version = VERSION;
    let hello = line(&FromWatcher::Attach { version, after });
    to.write_all(format!("{hello}\n").as_bytes()).await?;
    let mut from = BufReader::new(from);
    let said = read_line(&mut from, LONGEST).await?;
    match said.as_deref().map(serde_json::from_str) {
        Some(Ok(ToWatcher::Hello {
            version: VERSION,
            pid,
        })) => Ok((from, to, pid)),
        Some(Ok(ToWatcher::Hello { .. })) => Err(invalid("it is another version of pilothouse")),
        _ => Err(invalid("it does not say who it is")),
    }
}

/// Hears until there is no more. What this version does not know is left out.
async fn hear(
    mut from: BufReader<OwnedReadHalf>,
    told: mpsc::Sender<ToWatcher>,
    answered: mpsc::Sender<(u64, Option<Refusal>)>,
) -> io::Result<()> {
    while let Some(said) = read_line(&mut from, LONGEST).await? {
        let sent = match serde_json::from_str(&said) {
            Ok(ToWatcher::Answer { id, refusal }) => answered.send((id, refusal)).await.is_ok(),
            Ok(said) => told.send(said).await.is_ok(),
            Err(error) => {
                tracing::debug!(%error, "something that is not understood here");
                true
            }
        };
        if !sent {
            break;
        }
    }
    Ok(())
}

/// Says wishes, and hands their answers to whoever waits.
async fn speak(
    mut to: OwnedWriteHalf,
    mut wished: mpsc::Receiver<(Wish, oneshot::Sender<Reply>)>,
    mut answers: mpsc::Receiver<(u64, Option<Refusal>)>,
) -> io::Result<()> {
    let mut waiting: HashMap<u64, oneshot::Sender<Reply>> = HashMap::new();
    let mut last = 0;
    loop {
        tokio::select! {
            wish = wished.recv() => {
                let Some((wish, answer)) = wish else {
                    return Ok(());
                };
                last += 1;
                waiting.insert(last, answer);
                let said = line(&FromWatcher::Wish { id: last, wish });
                to.write_all(format!("{said}\n").as_bytes()).await?;
            }
            Some((id, refusal)) = answers.recv() => {
                let reply = refusal.map_or(Reply::Done, Reply::Refused);
                // An error means that whoever asked has left.
                drop(waiting.remove(&id).map(|answer| answer.send(reply)));
            }
        }
    }
}

/// The other console does not hear.
pub(super) fn silent(pid: u32) -> Reply {
    Reply::Failed(Refusal {
        why: format!("the console that runs this conversation (pid {pid}) does not answer"),
        hint: Some("ask again in a moment, or end that console".into()),
    })
}
