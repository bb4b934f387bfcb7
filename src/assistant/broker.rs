//! The console's end of the assistant's tools (hands): a private socket per conversation, on which one `pilothouse mcp` child
//! at a time is let in by a random word that is good once. It hands calls on and decides nothing.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::launch::McpServer;
use super::private::{Owner, check_private};
use super::wire::{
    ChildFrame, ConsoleFrame, LONGEST_CALL, LineReader, SOCKET_VARIABLE, TOKEN_VARIABLE,
    ToolAnswer, line,
};
use crate::domain::Secret;
use crate::tasks::Tasks;

/// Whoever connects has this long to say the word.
const HELLO: Duration = Duration::from_secs(5);

/// Connections that may be about to say the word at once; others wait in the system's queue.
const MOST_GREETED: usize = 32;

/// Time between two tries of a socket that takes no connection.
const REST: Duration = Duration::from_secs(1);

/// Calls that may wait for an answer at once; a model calls a handful.
const MOST_CALLS: usize = 32;

/// Longest path of a socket that every Unix takes (`sun_path` of the BSDs, with its end).
const LONGEST_PATH: usize = 103;

/// Why there is no broker.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The folder or the socket in it could not be made.
    #[error("a private socket in {place} could not be made")]
    Place {
        /// Where.
        place: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could put a socket of theirs in the place of ours.
    #[error("no private socket can be made there: {0}")]
    Shared(io::Error),
    /// A socket's path is short by the system's law.
    #[error("{0} is too long a path for a socket")]
    TooLong(PathBuf),
    /// The system gave no random bytes.
    #[error("this machine gives no random bytes")]
    Random,
}

impl BrokerError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Place { .. } => "set XDG_RUNTIME_DIR to a folder of yours that can be written",
            Self::Shared(_) => "set XDG_RUNTIME_DIR to a folder that only you can write to",
            Self::TooLong(_) => "set XDG_RUNTIME_DIR to a folder with a short path",
            Self::Random => "look at getrandom(2) on this machine",
        }
    }
}

/// Something that the child did.
#[derive(Debug)]
pub enum BrokerEvent {
    /// It is there, and said the word.
    Joined,
    /// The program calls a tool.
    Called(PendingCall),
    /// It is gone; every call of it that still waits is cancelled.
    Left,
}

/// A call that waits for its answer. Dropped without one, it is answered with an error.
#[derive(Debug)]
pub struct PendingCall {
    /// Its number on this connection.
    pub id: u64,
    /// The tool's own name; not checked.
    pub tool: String,
    /// The raw input; not checked.
    pub input: Value,
    /// How the program's own events name the call (`tool_use_id`), where it says so.
    pub tool_use: Option<String>,
    answers: mpsc::UnboundedSender<(u64, ToolAnswer)>,
    cancelled: CancellationToken,
    answered: bool,
}

impl PendingCall {
    /// Answers it.
    pub fn answer(mut self, answer: ToolAnswer) {
        self.send(answer);
    }

    /// Falls when nobody wants the answer any more: the program took the call back, or is gone.
    pub fn cancelled(&self) -> CancellationToken {
        self.cancelled.clone()
    }

    fn send(&mut self, answer: ToolAnswer) {
        self.answered = true;
        if self.answers.send((self.id, answer)).is_err() {
            tracing::debug!(id = self.id, "an answer comes after its caller has gone");
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if !self.answered {
            self.send(ToolAnswer::error("the console did not answer this call"));
        }
    }
}

/// A private place with a socket. Dropping it ends the connection and removes the place.
#[derive(Debug)]
pub struct Broker {
    place: Place,
    word: Word,
    tasks: Tasks,
}

impl Broker {
    /// Makes a socket in a new folder below `base` (`$XDG_RUNTIME_DIR`, else `/tmp`) and waits there for a child. Events go
    /// to the receiver.
    pub fn open(
        tasks: &Tasks,
        base: &Path,
    ) -> Result<(Self, mpsc::Receiver<BrokerEvent>), BrokerError> {
        let word = Word::default();
        let place = Place::make(base)?;
        let listener = UnixListener::bind(place.socket()).map_err(|source| BrokerError::Place {
            place: place.folder.clone(),
            source,
        })?;
        let (events, receiver) = mpsc::channel(MOST_CALLS);
        let (welcomed, children) = mpsc::channel(1);
        let tasks = tasks.child();
        tasks.spawn(admit(listener, word.clone(), welcomed));
        tasks.spawn(serve(children, events));
        let broker = Self { place, word, tasks };
        Ok((broker, receiver))
    }

    /// How the program starts the child: `program` is our own binary. The word stands in the child's environment, never in
    /// an argument. It is new each time, lets in one child, and is good until then or until the next one is made: whoever
    /// reads it later, in what the program was started with, has nothing.
    pub fn server(&self, program: PathBuf) -> Result<McpServer, BrokerError> {
        let socket = self.place.socket().display().to_string();
        Ok(McpServer {
            program,
            args: vec!["mcp".to_owned()],
            env: vec![
                (SOCKET_VARIABLE.to_owned(), Secret::new(socket)),
                (TOKEN_VARIABLE.to_owned(), self.word.renew()?),
            ],
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// The word that lets in the next child, and nobody after it.
#[derive(Debug, Clone, Default)]
struct Word(Arc<Mutex<Option<Secret<String>>>>);

impl Word {
    /// A new one; an older one that nobody has said is good no more.
    fn renew(&self) -> Result<Secret<String>, BrokerError> {
        let word = Secret::new(random_word()?);
        *self.lock() = Some(word.clone());
        Ok(word)
    }

    /// Whether it is this one, which is used up by it. A wrong one uses up nothing.
    fn take(&self, said: &str) -> bool {
        let taken = self.lock().take_if(|word| same(said, word.expose()));
        taken.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Secret<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 256 random bits as text.
fn random_word() -> Result<String, BrokerError> {
    let mut bytes = [0_u8; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| BrokerError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A folder of our own, removed with all that is in it.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
}

impl Place {
    fn make(base: &Path) -> Result<Self, BrokerError> {
        let folder = base.join(format!("pilothouse-{:012x}", fastrand::u64(..1 << 48)));
        let place = Self { folder };
        if place.socket().as_os_str().len() > LONGEST_PATH {
            return Err(BrokerError::TooLong(place.socket()));
        }
        check_private(base, Owner::System).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => BrokerError::Shared(error),
            _ => BrokerError::Place {
                place: base.to_owned(),
                source: error,
            },
        })?;
        // Not `create_dir_all`: a folder that is there already is somebody else's.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&place.folder)
            .map_err(|source| BrokerError::Place {
                place: place.folder.clone(),
                source,
            })?;
        Ok(place)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(folder = %self.folder.display(), %error, "a private folder stays behind");
        }
    }
}

/// Lets in whoever says the word.
async fn admit(listener: UnixListener, word: Word, welcomed: mpsc::Sender<Child>) {
    // Side by side: one that says nothing does not keep the others waiting.
    let mut greetings = FuturesUnordered::new();
    loop {
        tokio::select! {
            stream = accepted(|| listener.accept()), if greetings.len() < MOST_GREETED => {
                greetings.push(greet(stream.0, &word));
            }
            Some(greeted) = greetings.next() => {
                if let Some(child) = greeted
                    && welcomed.send(child).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

/// The next connection to a socket. A failure passes, such as one for want of file handles: it is tried again a little later.
pub(crate) async fn accepted<C, F>(accept: impl Fn() -> F) -> C
where
    F: Future<Output = io::Result<C>>,
{
    loop {
        match accept().await {
            Ok(connection) => return connection,
            Err(error) => {
                tracing::warn!(%error, "a private socket takes no connection");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// One child at a time. A program that is started anew brings a new one, and then the old one is hung up on: it belongs to a
/// program that is gone.
async fn serve(mut children: mpsc::Receiver<Child>, events: mpsc::Sender<BrokerEvent>) {
    let mut next = children.recv().await;
    while let Some(mut child) = next.take() {
        if events.send(BrokerEvent::Joined).await.is_err() {
            return;
        }
        next = tokio::select! {
            ended = child.talk(&events) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "the assistant's tools left");
                }
                None
            }
            newer = children.recv() => newer,
        };
        drop(child);
        if events.send(BrokerEvent::Left).await.is_err() {
            return;
        }
        if next.is_none() {
            next = children.recv().await;
        }
    }
}

/// Checks who it is and what it says. Anyone else is hung up on without a word.
async fn greet(stream: UnixStream, word: &Word) -> Option<Child> {
    let ours = rustix::process::getuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours => {}
        _ => {
            tracing::warn!("somebody else connected to the assistant's socket");
            return None;
        }
    }
    let (read, mut write) = stream.into_split();
    let mut reader = LineReader::new(read, LONGEST_CALL);
    let first = tokio::time::timeout(HELLO, reader.next()).await;
    let Ok(Ok(Some(first))) = first else {
        tracing::warn!("a connection to the assistant's socket did not say the word");
        return None;
    };
    let said = serde_json::from_slice::<ChildFrame>(&first);
    if !matches!(&said, Ok(ChildFrame::Hello { token: said }) if word.take(said)) {
        tracing::warn!("a connection to the assistant's socket said another word");
        return None;
    }
    let welcome = line(&ConsoleFrame::Welcome).ok()?;
    write.write_all(&welcome).await.ok()?;
    let (answers, answered) = mpsc::unbounded_channel();
    Some(Child {
        reader,
        write,
        answers,
        answered,
        waiting: HashMap::new(),
    })
}

/// Compares digests, so that the time it takes tells nothing of the word.
fn same(said: &str, token: &str) -> bool {
    let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest(said).as_ref() == digest(token).as_ref()
}

/// The child that was let in.
struct Child {
    reader: LineReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    answers: mpsc::UnboundedSender<(u64, ToolAnswer)>,
    answered: mpsc::UnboundedReceiver<(u64, ToolAnswer)>,
    waiting: HashMap<u64, CancellationToken>,
}

impl Drop for Child {
    /// Nobody waits for its answers any more.
    fn drop(&mut self) {
        for token in self.waiting.values() {
            token.cancel();
        }
    }
}

impl Child {
    /// Until it goes, breaks the protocol, or nobody takes its calls any more.
    async fn talk(&mut self, events: &mpsc::Sender<BrokerEvent>) -> io::Result<()> {
        loop {
            tokio::select! {
                frame = self.reader.next() => {
                    let Some(frame) = frame? else { return Ok(()) };
                    if !self.take(serde_json::from_slice(&frame)?, events).await? {
                        return Ok(());
                    }
                }
                Some((id, answer)) = self.answered.recv() => {
                    // Taken back meanwhile: nobody waits for it.
                    if self.waiting.remove(&id).is_some() {
                        self.write(id, answer).await?;
                    }
                }
            }
        }
    }

    async fn write(&mut self, id: u64, answer: ToolAnswer) -> io::Result<()> {
        self.write
            .write_all(&line(&ConsoleFrame::Answer { id, answer })?)
            .await
    }

    /// Does what a frame says; false when nobody takes calls any more.
    async fn take(
        &mut self,
        frame: ChildFrame,
        events: &mpsc::Sender<BrokerEvent>,
    ) -> io::Result<bool> {
        let (id, tool, input, tool_use) = match frame {
            ChildFrame::Call {
                id,
                tool,
                input,
                tool_use,
            } => (id, tool, input, tool_use),
            ChildFrame::Cancel { id } => {
                if let Some(token) = self.waiting.remove(&id) {
                    token.cancel();
                }
                return Ok(true);
            }
            ChildFrame::Hello { .. } => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a second hello"));
            }
        };
        if self.waiting.len() >= MOST_CALLS || self.waiting.contains_key(&id) {
            let answer = ToolAnswer::error("too many calls wait already; wait for their answers");
            self.write(id, answer).await?;
            return Ok(true);
        }
        let cancelled = CancellationToken::new();
        self.waiting.insert(id, cancelled.clone());
        let call = PendingCall {
            id,
            tool,
            input,
            tool_use,
            answers: self.answers.clone(),
            cancelled,
            answered: false,
        };
        Ok(events.send(BrokerEvent::Called(call)).await.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_fails_is_tried_again_after_a_rest() {
        let tries = Cell::new(0);
        let clock = crate::clock::Clock::timers(crate::domain::Wall::default());
        let since = clock.at();
        let accept = || {
            tries.set(tries.get() + 1);
            let third = tries.get() == 3;
            async move {
                if third {
                    Ok("a connection")
                } else {
                    Err(io::Error::other("too many open files"))
                }
            }
        };
        assert_eq!(accepted(accept).await, "a connection");
        assert_eq!(tries.get(), 3);
        assert_eq!(clock.at().since(since).duration(), 2 * REST);
    }

    #[tokio::test]
    async fn whoever_says_nothing_keeps_nobody_waiting() {
        let (tasks, folder) = (Tasks::new(), tempfile::tempdir().unwrap());
        let (broker, mut events) = Broker::open(&tasks, folder.path()).unwrap();
        let socket = broker.place.socket();
        let silent = [(); 3].map(|()| std::os::unix::net::UnixStream::connect(&socket).unwrap());
        let mut child = UnixStream::connect(&socket).await.unwrap();
        let hello = ChildFrame::Hello {
            token: broker.word.renew().unwrap().expose().clone(),
        };
        child.write_all(&line(&hello).unwrap()).await.unwrap();
        // Well before those who are silent are hung up on.
        let joined = tokio::time::timeout(HELLO / 2, events.recv()).await;
        assert!(
            matches!(joined, Ok(Some(BrokerEvent::Joined))),
            "{joined:?}"
        );
        drop((silent, broker));
        assert!(tasks.shutdown(HELLO).await);
    }
}
