//! One source of a lens, kept open: hands its lines over in handfuls, and after a break goes on behind the last line, so that
//! none is lost or doubled. It waits for whoever takes the lines; nothing is dropped here.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::sources::{Again, Shut, Sources};
use crate::clock::Clock;
use crate::domain::{Age, At};
use crate::follow::{Follow, FollowEvent, LineBatch, Place, SourceAddress, Stamp, Start, StartAt};
use crate::logs::{SourceNumber, SourceState};
use crate::text::SafeText;

/// After lines were handed over the next ones are gathered for so long: a flood is taken in handfuls, a single line at once.
const GATHER: Duration = Duration::from_millis(15);

/// Bytes after which a handful is full.
const HANDFUL: usize = 512 * 1024;

/// A source that neither speaks nor ends for so long after it was opened is open.
const PROVEN: Duration = Duration::from_millis(300);

/// Waits between two tries to open a source: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a feeder tells.
#[derive(Debug)]
pub(super) enum Feed {
    /// How the source stands.
    State(SourceState),
    /// How far its host's clock is ahead of ours, in milliseconds. Before the first line.
    Offset(i64),
    /// The place before its first line. Once, with the first lines.
    First(Place),
    /// Lines.
    Lines(Vec<LineBatch>),
    /// Nothing was read for so long; it goes on now, behind the last line.
    Gap(Age),
    /// Lines are missing here.
    Missing(Option<u64>, SafeText),
    /// Something that belongs between the lines.
    Note(SafeText),
}

/// What a feeder tells, and of which source.
#[derive(Debug)]
pub(super) struct Fed {
    /// The source.
    pub(super) source: SourceNumber,
    /// What is told.
    pub(super) feed: Feed,
}

/// What is wanted of a source.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// The source.
    pub(super) address: SourceAddress,
    /// The first line.
    pub(super) from: StartAt,
    /// The end, for what is not followed.
    pub(super) until: Option<Stamp>,
    /// Whether it goes on with what is written later.
    pub(super) follow: bool,
}

/// One source of a lens, kept open.
pub(super) struct Feeder {
    pub(super) source: SourceNumber,
    pub(super) order: Order,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) clock: Clock,
    pub(super) out: mpsc::Sender<Fed>,
}

/// Nobody takes lines any more.
struct Unwanted;

/// How far a feeder is.
struct Progress {
    /// Where it opens the source next.
    from: StartAt,
    /// Since when nothing could be read, once something was.
    lost: Option<At>,
    /// Whether it was ever open.
    opened: bool,
    /// Whether the place before the first line was told.
    first_told: bool,
    pause: Duration,
}

impl Feeder {
    /// Runs until the source has ended for good or nobody takes its lines.
    pub(super) async fn run(mut self) {
        let mut progress = Progress {
            from: self.order.from.clone(),
            lost: None,
            opened: false,
            first_told: false,
            pause: PAUSES.0,
        };
        // An error means that the lens is closed.
        drop(self.feed(&mut progress).await);
    }

    async fn feed(&mut self, progress: &mut Progress) -> Result<(), Unwanted> {
        let host = self.order.address.host.as_ref();
        if let Some(host) = host.filter(|host| !self.sources.knows(Some(host))) {
            let why = format!("no host is named {host}");
            return self.state(SourceState::Refused(why.into(), None)).await;
        }
        self.state(SourceState::Opening).await?;
        let mut offset = None;
        loop {
            self.connect(progress).await?;
            if offset.is_none() {
                offset = self.offset().await?;
            }
            let end = match self.open(&progress.from).await {
                Ok(follow) => self.session(follow, progress).await?,
                Err(shut) => shut,
            };
            let again = match end.again {
                Again::Never => false,
                Again::IfItWasThere => progress.opened,
                Again::Soon => true,
            };
            if !again {
                return self.state(last_state(end, progress.opened)).await;
            }
            if progress.opened {
                progress.lost.get_or_insert_with(|| self.clock.at());
            }
            self.state(SourceState::Waiting(end.why)).await?;
            sleep(progress.pause).await;
            progress.pause = (progress.pause * 2).min(PAUSES.1);
        }
    }

    /// Waits for the host's link.
    async fn connect(&self, progress: &Progress) -> Result<(), Unwanted> {
        let host = self.order.address.host.as_ref();
        if let Some(host) = host.filter(|host| !self.sources.connected(Some(host))) {
            let why = format!("{host} is not connected");
            self.state(SourceState::Waiting(why.into())).await?;
            self.sources.connects(Some(host)).await;
            if !progress.opened {
                self.state(SourceState::Opening).await?;
            }
        }
        Ok(())
    }

    async fn offset(&self) -> Result<Option<i64>, Unwanted> {
        let host = self.order.address.host.as_ref();
        let offset = self.sources.clock_offset(host).await;
        if let Some(milliseconds) = offset {
            self.tell(Feed::Offset(milliseconds)).await?;
        }
        Ok(offset)
    }

    async fn open(&self, from: &StartAt) -> Result<Box<dyn Follow>, Shut> {
        let start = Start {
            from: from.clone(),
            until: self.order.until,
            follow: self.order.follow,
        };
        self.sources.open(&self.order.address, start).await
    }

    /// Hands over what an open source gives, until it ends.
    async fn session(
        &self,
        mut follow: Box<dyn Follow>,
        progress: &mut Progress,
    ) -> Result<Shut, Unwanted> {
        let first = timeout(PROVEN, follow.next()).await.ok();
        if let Some(FollowEvent::Ended { why, hint, retry }) = first {
            // Nothing to read and nothing to mend: it was open, and is empty.
            progress.opened |= !retry && hint.is_none();
            return Ok(Shut::ended(why, hint, retry));
        }
        self.resumed(progress).await?;
        let mut event = match first {
            Some(event) => event,
            None => follow.next().await,
        };
        let end = loop {
            let next = match event {
                FollowEvent::Lines(lines) => {
                    let (handful, next) = gather(follow.as_mut(), lines).await;
                    let first = follow.first().filter(|_| !progress.first_told);
                    self.lines(handful, first, progress).await?;
                    next
                }
                FollowEvent::Missing { lines, why } => {
                    self.tell(Feed::Missing(lines, why)).await?;
                    None
                }
                FollowEvent::Note(note) => {
                    self.tell(Feed::Note(note)).await?;
                    None
                }
                FollowEvent::Ended { why, hint, retry } => {
                    break Shut::ended(why, hint, retry);
                }
            };
            event = match next {
                Some(next) => next,
                None => follow.next().await,
            };
        };
        if let Some(place) = follow.last() {
            progress.from = StartAt::After(place);
        }
        Ok(end)
    }

    async fn resumed(&self, progress: &mut Progress) -> Result<(), Unwanted> {
        progress.opened = true;
        progress.pause = PAUSES.0;
        if let Some(since) = progress.lost.take() {
            self.tell(Feed::Gap(self.clock.at().since(since))).await?;
        }
        self.state(SourceState::Following).await
    }

    async fn lines(
        &self,
        handful: Vec<LineBatch>,
        first: Option<Place>,
        progress: &mut Progress,
    ) -> Result<(), Unwanted> {
        if let Some(place) = first {
            progress.first_told = true;
            self.tell(Feed::First(place)).await?;
        }
        let full = handful.iter().map(LineBatch::bytes).sum::<usize>() >= HANDFUL;
        // The wait begins before the hand-over: whoever takes slowly is not waited for twice.
        let gathered = sleep(GATHER);
        self.tell(Feed::Lines(handful)).await?;
        if !full {
            gathered.await;
        }
        Ok(())
    }

    async fn state(&self, state: SourceState) -> Result<(), Unwanted> {
        self.tell(Feed::State(state)).await
    }

    async fn tell(&self, feed: Feed) -> Result<(), Unwanted> {
        let source = self.source;
        self.out
            .send(Fed { source, feed })
            .await
            .map_err(|_| Unwanted)
    }
}

/// Takes what else is there already, up to a handful; also what came that is no line.
async fn gather(
    follow: &mut dyn Follow,
    first: LineBatch,
) -> (Vec<LineBatch>, Option<FollowEvent>) {
    let mut bytes = first.bytes();
    let mut handful = vec![first];
    while bytes < HANDFUL {
        let next = tokio::select! {
            biased;
            event = follow.next() => event,
            () = ready(()) => return (handful, None),
        };
        match next {
            FollowEvent::Lines(lines) => {
                bytes += lines.bytes();
                handful.push(lines);
            }
            other => return (handful, Some(other)),
        }
    }
    (handful, None)
}

fn last_state(end: Shut, opened: bool) -> SourceState {
    if opened {
        SourceState::Ended(end.why)
    } else {
        SourceState::Refused(end.why, end.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;
    use crate::tasks::Tasks;

    /// A feeder of one log, and what it tells in words.
    struct Stage {
        script: Arc<Script>,
        fed: mpsc::Receiver<Fed>,
        tasks: Tasks,
    }

    impl Stage {
        fn new(script: Arc<Script>, log: &str) -> Self {
            let (out, fed) = mpsc::channel(1);
            let tasks = Tasks::new();
            let feeder = Feeder {
                source: SourceNumber(0),
                order: Order {
                    address: log.parse().unwrap(),
                    from: StartAt::Tail(3),
                    until: None,
                    follow: true,
                },
                sources: script.clone(),
                clock: Clock::timers(crate::domain::Wall(0)),
                out,
            };
            tasks.spawn(feeder.run());
            Self { script, fed, tasks }
        }

        async fn tells(&mut self) -> String {
            match self.fed.recv().await.map(|fed| fed.feed) {
                None => "ended".into(),
                Some(Feed::Lines(handful)) => {
                    let lines = handful.iter().flat_map(LineBatch::iter);
                    let numbers = lines.map(|line| {
                        let text = String::from_utf8(line.bytes.to_vec()).unwrap();
                        text.rsplit(' ').next().unwrap().to_owned()
                    });
                    numbers.collect::<Vec<_>>().join(" ")
                }
                Some(Feed::Gap(length)) => format!("gap {}", length.words()),
                Some(Feed::State(state)) => match state {
                    SourceState::Waiting(why) => format!("waiting: {why}"),
                    SourceState::Refused(why, hint) => format!("refused: {why}: {}", hint.unwrap()),
                    state => format!("{state:?}"),
                },
                Some(other) => format!("{other:?}"),
            }
        }

        async fn told(&mut self, wanted: &[&str]) {
            for wanted in wanted {
                assert_eq!(self.tells().await, *wanted);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_break_it_goes_on_behind_the_last_line() {
        let script = Script::new();
        script.grow("spark-1/kernel", 10);
        script.ahead(250);
        let mut stage = Stage::new(script, "spark-1/kernel");
        stage.told(&["Opening", "Offset(250)", "Following"]).await;
        stage.told(&["First(Action(8))", "8 9 10"]).await;
        stage.script.lose(&["spark-1"]);
        stage.told(&["waiting: the link was lost"]).await;
        stage.told(&["waiting: spark-1 is not connected"]).await;
        stage.script.grow("spark-1/kernel", 13);
        sleep(Duration::from_secs(13)).await;
        stage.script.lose(&[]);
        stage.told(&["gap 13 s", "Following", "11 12 13"]).await;
        assert_eq!(
            stage.script.opened(),
            ["spark-1/kernel Tail(3)", "spark-1/kernel After(Action(10))"]
        );
        assert!(stage.tasks.shutdown(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_away_is_waited_for_and_an_unknown_one_is_refused() {
        let script = Script::new();
        script.lose(&["spark-1"]);
        let mut stage = Stage::new(script, "spark-1/kernel");
        stage
            .told(&["Opening", "waiting: spark-1 is not connected"])
            .await;
        stage.script.lose(&[]);
        stage.script.grow("spark-1/kernel", 1);
        stage.told(&["Opening", "Offset(0)", "Following"]).await;
        stage.told(&["First(Action(1))", "1"]).await;

        let script = Script::new();
        let mut stage = Stage::new(script, "nowhere/kernel");
        let (_, fed) = (stage.fed.recv().await.unwrap().source, stage.tells().await);
        assert_eq!(fed, "ended");
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_t_be_read_is_refused_with_its_mend() {
        let script = Script::new();
        script.refuse("container:gone");
        let mut stage = Stage::new(script, "container:gone");
        stage
            .told(&["Opening", "refused: no such log: look at the list", "ended"])
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_slowly_loses_nothing() {
        let script = Script::new();
        let mut stage = Stage::new(script, "kernel");
        stage.told(&["Opening", "Following"]).await;
        stage.script.grow("kernel", 50_000);
        stage.told(&["First(Action(1))"]).await;
        let mut next = 1_u64;
        while next <= 50_000 {
            sleep(Duration::from_millis(70)).await;
            for number in stage.tells().await.split(' ') {
                assert_eq!(number, next.to_string());
                next += 1;
            }
        }
    }
}
