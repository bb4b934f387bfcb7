//! A container's log, followed through breaks, restarts of the container and of its engine: each line once, stdout and
//! stderr apart.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;

use super::client::Docker;
use super::error::{DockerError, DockerErrorKind};
use super::events::Events;
use super::log_body::LogBody;
use super::log_frames::{Frames, Lines};
use super::log_past;
use super::log_window::Window;
use crate::domain::{Container, ContainerId, ContainerState, Wall};
use crate::follow::{Follow, FollowEvent, LineBatch, Place, Stamp, Start, StartAt, StreamKind};
use crate::text::SafeText;

/// Between two questions for a log that gives nothing.
const AGAIN: Duration = Duration::from_secs(1);

/// Follows the log of a container, given by its name or identity.
///
/// # Errors
/// When there is no such container, or its log can't be read: in the engine's words, with the mend.
pub async fn follow(
    docker: &Docker,
    container: &str,
    start: Start,
) -> Result<Box<dyn Follow>, DockerError> {
    let detail = docker.inspect(&ContainerId::new(container)).await?;
    if let Some(error) = unreadable(detail.log_driver.as_str()) {
        return Err(error);
    }
    let id = detail.container.id.as_str().to_owned();
    let tty = detail.tty;
    let (window, range) = match start.from {
        StartAt::Tail(count) => (Window::default(), Range::Tail(count)),
        StartAt::Since(moment) => (Window::default(), Range::Since(moment)),
        StartAt::After(Place::Container { stamp, seen }) => {
            let window = Window::resume(stamp, &seen);
            let range = Range::Since(window.since());
            (window, range)
        }
        StartAt::Before(Place::Container { stamp, seen }, count) => {
            let past =
                log_past::before(docker, &id, tty, (stamp, seen.first().copied()), count).await;
            return past
                .map(|past| Box::new(past) as Box<dyn Follow>)
                .map_err(explained);
        }
        StartAt::After(_) | StartAt::Before(..) => {
            let what = "this is a place in another source";
            return Err(DockerError::new(DockerErrorKind::Failed, what));
        }
    };
    let query = query(start.follow, &range, start.until);
    let body = LogBody::open(docker, &id, &query)
        .await
        .map_err(explained)?;
    let started = detail.container.started;
    Ok(Box::new(ContainerFollow {
        docker: docker.clone(),
        id,
        follow: start.follow,
        until: start.until,
        frames: Frames::new(tty),
        tty,
        window,
        mode: Mode::Read(Box::new(body)),
        queue: VecDeque::new(),
        started,
        life: Life::Runs,
        heard: false,
    }))
}

/// Which lines are asked for.
enum Range {
    Tail(u32),
    Since(Stamp),
}

fn query(follow: bool, range: &Range, until: Option<Stamp>) -> String {
    let follow_word = u8::from(follow);
    let range = match range {
        Range::Tail(count) => format!("tail={count}"),
        Range::Since(moment) => format!("since={}", seconds(*moment)),
    };
    let until = until
        .filter(|_| !follow)
        .map_or_else(String::new, |until| format!("&until={}", seconds(until)));
    format!("stdout=1&stderr=1&timestamps=1&follow={follow_word}&{range}{until}")
}

/// A moment as the engine reads it: seconds with nanoseconds behind the point.
pub(super) fn seconds(moment: Stamp) -> String {
    const SECOND: i64 = 1_000_000_000;
    let nanos = moment.0.max(0);
    format!("{}.{:09}", nanos / SECOND, nanos % SECOND)
}

/// A driver that is known to keep nothing here.
fn unreadable(driver: &str) -> Option<DockerError> {
    (driver == "none").then(|| {
        DockerError::new(
            DockerErrorKind::Failed,
            "this container keeps no log: its log driver is `none`",
        )
        .hint("make it anew with --log-driver=local, or with none in the daemon's settings")
    })
}

/// Adds the mend to what the engine says of a log that it can't read.
fn explained(error: DockerError) -> DockerError {
    let driver = error.what.contains("does not support reading");
    if driver && error.hint.is_none() {
        return error.hint("make it anew with --log-driver=json-file or local, or read the log where its driver sends it");
    }
    error
}

struct ContainerFollow {
    docker: Docker,
    id: String,
    follow: bool,
    until: Option<Stamp>,
    tty: bool,
    frames: Frames,
    window: Window,
    mode: Mode,
    queue: VecDeque<FollowEvent>,
    /// When the run began that is being read.
    started: Option<Wall>,
    life: Life,
    /// Whether the present body gave anything.
    heard: bool,
}

enum Mode {
    /// The log comes.
    Read(Box<LogBody>),
    /// It has ended; in order, or because the way to it is gone.
    Ended,
    /// The container has stopped: something must happen to it.
    Wait(Box<Events>),
    Over,
}

/// What is known of the container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Runs,
    /// It has stopped; its last words are read, which the engine may not have handed on before it saw the end.
    Ending,
    Stopped,
}

/// Lines on their way into a batch.
struct Batching<'a> {
    window: &'a mut Window,
    until: Option<Stamp>,
    batch: LineBatch,
}

impl Lines for Batching<'_> {
    fn line(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind) {
        // The engine's own `until` takes the moment itself as well.
        if self.until.is_some_and(|until| stamp >= until) {
            return;
        }
        if self.window.admit(bytes, stamp, stream) {
            self.batch.push(bytes, stamp, stream, None);
        }
    }
}

impl ContainerFollow {
    async fn read(&mut self) {
        let Mode::Read(body) = &mut self.mode else {
            return;
        };
        let read = body.next().await;
        let mut lines = Batching {
            window: &mut self.window,
            until: self.until,
            batch: LineBatch::default(),
        };
        match read {
            Ok([]) => {
                self.frames.finish(&mut lines);
                self.mode = Mode::Ended;
            }
            Ok(bytes) => {
                self.heard = true;
                self.frames.feed(bytes, &mut lines);
            }
            Err(error) => {
                tracing::debug!(%error, "a log was cut off");
                self.mode = Mode::Ended;
            }
        }
        let batch = lines.batch;
        if !batch.is_empty() {
            self.queue.push_back(FollowEvent::Lines(batch));
        }
    }

    fn end(&mut self, why: impl Into<SafeText>, hint: Option<SafeText>, retry: bool) {
        self.mode = Mode::Over;
        let why = why.into();
        self.queue
            .push_back(FollowEvent::Ended { why, hint, retry });
    }

    fn note(&mut self, words: impl Into<SafeText>) {
        self.queue.push_back(FollowEvent::Note(words.into()));
    }

    /// The log has ended: what became of the container?
    async fn look(&mut self) -> Result<(), DockerError> {
        if !self.follow {
            self.end("no more lines", None, false);
            return Ok(());
        }
        // Whatever happens from here on is heard, so nothing can happen between the look and the waiting.
        let events = self.docker.events(None).await?;
        let container = self.docker.container(&ContainerId::new(&*self.id)).await?;
        match container.state {
            ContainerState::Running | ContainerState::Paused => self.go_on(&container).await,
            _ if self.life == Life::Runs || container.started != self.started => {
                self.last_words(&container).await
            }
            ContainerState::Exited(status) => {
                if self.life == Life::Ending {
                    self.life = Life::Stopped;
                    self.note(format!("stopped, exit {status}"));
                }
                self.mode = Mode::Wait(Box::new(events));
                Ok(())
            }
            _ => {
                self.mode = Mode::Wait(Box::new(events));
                Ok(())
            }
        }
    }

    async fn go_on(&mut self, container: &Container) -> Result<(), DockerError> {
        if !self.heard && container.started == self.started && self.life == Life::Runs {
            // An engine that ends a log at once would be asked without end.
            tokio::time::sleep(AGAIN).await;
        }
        self.reopen(true).await?;
        self.heard = false;
        if container.started != self.started || self.life != Life::Runs {
            self.note("started");
        }
        self.started = container.started;
        self.life = Life::Runs;
        Ok(())
    }

    /// Reads what a run has left that is over: the one that was followed, or one that began and ended unseen.
    async fn last_words(&mut self, container: &Container) -> Result<(), DockerError> {
        self.reopen(false).await?;
        if container.started != self.started {
            self.note("started");
        }
        self.started = container.started;
        self.life = Life::Ending;
        Ok(())
    }

    /// Asks for the log again, from shortly before where it ended.
    async fn reopen(&mut self, follow: bool) -> Result<(), DockerError> {
        let window = self.window.reopened();
        let range = Range::Since(window.since());
        let query = query(follow, &range, None);
        let body = LogBody::open(&self.docker, &self.id, &query).await?;
        self.window = window;
        self.frames = Frames::new(self.tty);
        self.mode = Mode::Read(Box::new(body));
        Ok(())
    }

    /// Waits until something happens to the container.
    async fn wait(&mut self) -> Result<(), DockerError> {
        let Mode::Wait(events) = &mut self.mode else {
            return Ok(());
        };
        loop {
            let event = events.next().await?;
            if event.id.as_str() == self.id {
                self.mode = Mode::Ended;
                return Ok(());
            }
        }
    }

    fn fail(&mut self, error: DockerError) {
        use DockerErrorKind::{Failed, Lost, Silent, Timeout};
        if error.kind == DockerErrorKind::NotFound {
            self.end("the container was removed", None, false);
            return;
        }
        let error = explained(error);
        // An engine that shuts down refuses before it falls silent.
        let retry = matches!(error.kind, Lost | Silent | Timeout)
            || (error.kind == Failed && error.hint.is_none());
        let hint = error.hint.as_deref().map(SafeText::from);
        self.end(error.to_string(), hint, retry);
    }
}

#[async_trait]
impl Follow for ContainerFollow {
    async fn next(&mut self) -> FollowEvent {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            let done = match self.mode {
                Mode::Read(_) => {
                    self.read().await;
                    Ok(())
                }
                Mode::Ended => self.look().await,
                Mode::Wait(_) => self.wait().await,
                Mode::Over => {
                    self.end("no more lines", None, false);
                    Ok(())
                }
            };
            if let Err(error) = done {
                self.fail(error);
            }
        }
    }

    fn first(&self) -> Option<Place> {
        self.window.first()
    }

    fn last(&self) -> Option<Place> {
        self.window.place()
    }
}
