//! Lets other consoles of the same person watch a conversation that runs here: over a Unix socket, from the number that they
//! have, as fast as they read. They may ask and interrupt; approvals stay here.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter,
};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::wire::{FromWatcher, ToWatcher, VERSION, Wish, event_line, line};
use crate::assistant::accepted;
use crate::engine::{Refusal, Reply};
use crate::tasks::Tasks;

/// Consoles that may watch at once.
const WATCHERS: usize = 8;

/// News that wait for one that watches; beyond them it is too slow.
pub(super) const LANE: usize = 512;

/// Answers that wait for one.
const ANSWERS: usize = 16;

/// Bytes of a line from one that watches: a question may be long.
const LONGEST: u64 = 256 << 10;

/// How long one may take to say what it wants, and to take a line.
const PATIENCE: Duration = Duration::from_secs(5);
const READS: Duration = Duration::from_secs(30);

/// Somebody asks at the door of a conversation.
pub(super) enum Knock {
    /// It wants all behind this number, and then what is new.
    Attach {
        after: u64,
        answer: oneshot::Sender<Attached>,
    },
    /// A person there wishes something.
    Wish {
        wish: Wish,
        answer: oneshot::Sender<Reply>,
    },
}

/// What one that attaches is handed.
pub(super) struct Attached {
    /// What has been, line by line.
    pub(super) past: Vec<Arc<str>>,
    /// What comes.
    pub(super) news: mpsc::Receiver<Arc<str>>,
    /// Told where its news have ended because it does not read them.
    pub(super) too_slow: oneshot::Receiver<()>,
}

/// One that watches, as the conversation sees it.
#[derive(Debug)]
struct Watcher {
    lane: mpsc::Sender<Arc<str>>,
    too_slow: oneshot::Sender<()>,
}

/// All that watch.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<Watcher>);

impl Watchers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one more, which has been told the past.
    pub(super) fn add(&mut self, past: Vec<Arc<str>>) -> Attached {
        let (lane, news) = mpsc::channel(LANE);
        let (farewell, too_slow) = oneshot::channel();
        self.0.push(Watcher {
            lane,
            too_slow: farewell,
        });
        Attached {
            past,
            news,
            too_slow,
        }
    }

    /// Tells all; never waits. One whose lane is full is let go.
    pub(super) fn tell(&mut self, said: &Arc<str>) {
        let all = std::mem::take(&mut self.0);
        for watcher in all {
            match watcher.lane.try_send(Arc::clone(said)) {
                Ok(()) => self.0.push(watcher),
                Err(mpsc::error::TrySendError::Closed(_)) => {}
                // An error means that it has left at this moment.
                Err(mpsc::error::TrySendError::Full(_)) => drop(watcher.too_slow.send(())),
            }
        }
    }

    /// The line of an event.
    pub(super) fn event(row: &str) -> Arc<str> {
        event_line(row).into()
    }
}

/// Listens at this place until the tasks end.
pub(super) fn listen(socket: &Path, knocks: mpsc::Sender<Knock>, tasks: &Tasks) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    let room = Arc::new(Semaphore::new(WATCHERS));
    let family = tasks.clone();
    tasks.spawn(async move {
        loop {
            let (stream, _) = accepted(|| listener.accept()).await;
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                continue;
            };
            let knocks = knocks.clone();
            family.spawn(async move {
                if let Err(error) = serve(stream, knocks).await {
                    tracing::debug!(%error, "a console that watched has left");
                }
                drop(place);
            });
        }
    });
    Ok(())
}

/// Whether the other end is the same person.
pub(super) fn same_person(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}

/// One line of at most so many bytes, without its end; `None` at the end of all.
pub(super) async fn read_line(
    from: &mut (impl AsyncBufRead + Unpin),
    longest: u64,
) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = from.take(longest).read_until(b'\n', &mut bytes).await?;
    if bytes.pop() != Some(b'\n') {
        return match read {
            0 => Ok(None),
            _ => Err(invalid("a line that is too long, or has no end")),
        };
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| invalid("a line that is no text"))
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

async fn serve(stream: UnixStream, knocks: mpsc::Sender<Knock>) -> io::Result<()> {
    if !same_person(&stream)? {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (from, to) = stream.into_split();
    let mut from = BufReader::new(from);
    let hello = timeout(PATIENCE, read_line(&mut from, LONGEST)).await??;
    let hello = hello.as_deref().map(serde_json::from_str);
    let Some(Ok(FromWatcher::Attach { version, after })) = hello else {
        return Err(invalid("it does not say what it wants"));
    };
    let mut to = BufWriter::new(to);
    let said = ToWatcher::Hello {
        version: VERSION,
        pid: std::process::id(),
    };
    say(&mut to, &line(&said)).await?;
    if version != VERSION {
        return to.flush().await;
    }
    let (answer, attached) = oneshot::channel();
    let gone = |_| io::Error::from(io::ErrorKind::ConnectionReset);
    knocks
        .send(Knock::Attach { after, answer })
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::ConnectionReset))?;
    let attached = attached.await.map_err(gone)?;
    let (answer, answers) = mpsc::channel(ANSWERS);
    tokio::select! {
        ended = speak(to, attached, answers) => ended,
        ended = listen_to(from, knocks, answer) => ended,
    }
}

/// Tells the past, then the news, then why there are no more.
async fn speak(
    mut to: BufWriter<OwnedWriteHalf>,
    mut attached: Attached,
    mut answers: mpsc::Receiver<ToWatcher>,
) -> io::Result<()> {
    for past in &attached.past {
        say(&mut to, past).await?;
    }
    to.flush().await?;
    loop {
        tokio::select! {
            news = attached.news.recv() => match news {
                Some(news) => say(&mut to, &news).await?,
                None => break,
            },
            Some(answer) = answers.recv() => say(&mut to, &line(&answer)).await?,
        }
        if attached.news.is_empty() {
            timeout(READS, to.flush()).await??;
        }
    }
    if attached.too_slow.await.is_ok() {
        say(&mut to, &line(&ToWatcher::TooSlow)).await?;
    }
    timeout(READS, to.flush()).await?
}

async fn say(to: &mut BufWriter<OwnedWriteHalf>, line: &str) -> io::Result<()> {
    let written = async {
        to.write_all(line.as_bytes()).await?;
        to.write_all(b"\n").await
    };
    timeout(READS, written).await?
}

/// Hears wishes until the other end leaves.
async fn listen_to(
    mut from: BufReader<OwnedReadHalf>,
    knocks: mpsc::Sender<Knock>,
    answers: mpsc::Sender<ToWatcher>,
) -> io::Result<()> {
    while let Some(said) = read_line(&mut from, LONGEST).await? {
        let Ok(FromWatcher::Wish { id, wish }) = serde_json::from_str(&said) else {
            return Err(invalid("a wish that nobody here understands"));
        };
        let (answer, reply) = oneshot::channel();
        if knocks.send(Knock::Wish { wish, answer }).await.is_err() {
            break;
        }
        let refusal = match reply.await {
            Ok(Reply::Refused(refusal) | Reply::Failed(refusal)) => Some(refusal),
            Ok(_) => None,
            Err(_) => Some(Refusal {
                why: "the conversation has ended".into(),
                hint: None,
            }),
        };
        if answers
            .send(ToWatcher::Answer { id, refusal })
            .await
            .is_err()
        {
            break;
        }
    }
    Ok(())
}
