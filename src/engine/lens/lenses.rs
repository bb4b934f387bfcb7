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
        let runner = Runner::new(self, self.settings.buffer, start_at(begin), out);
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

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::super::script::Script;
    use super::super::stream::LogItem;
    use super::*;
    use crate::domain::Wall;
    use crate::logs::{LensOrder, LensPicture, Past, SourceState, TextForm, TextScope};

    struct Stage {
        script: Arc<Script>,
        lenses: Arc<Lenses>,
        opened: Opened,
    }

    impl Stage {
        fn new() -> Self {
            let script = Script::new();
            let opened = Opened::default();
            let clock = Clock::timers(Wall(1_000_000_000));
            let lenses = Lenses::new(
                script.clone(),
                clock,
                Tasks::new(),
                LogSettings::default(),
                opened.clone(),
            );
            Self {
                script,
                lenses: Arc::new(lenses),
                opened,
            }
        }

        fn open(&self, sources: &[&str]) -> (LensId, LensHandle) {
            let Reply::Lens(id) = self.lenses.open(addresses(sources), LogBegin::Tail(100)) else {
                panic!("no lens");
            };
            (id, self.opened.lens(id).unwrap())
        }

        fn read(&self, sources: &[&str], follow: bool) -> LogStream {
            let begin = LogBegin::Tail(1000);
            let Reply::Log(id) = self.lenses.read(&addresses(sources), begin, None, follow) else {
                panic!("no log");
            };
            self.opened.log(id).unwrap()
        }

        fn is_open(&self) -> bool {
            !self.lenses.lock().is_empty()
        }
    }

    fn addresses(sources: &[&str]) -> Vec<SourceAddress> {
        sources.iter().map(|s| s.parse().unwrap()).collect()
    }

    /// The first picture that is as it should be.
    async fn shows(lens: &LensHandle, wanted: impl Fn(&LensPicture) -> bool) -> Arc<LensPicture> {
        let mut pictures = lens.pictures();
        let seen = pictures.wait_for(|picture| wanted(picture));
        let seen = timeout(Duration::from_mins(1), seen).await;
        Arc::clone(&seen.expect("never shown").unwrap())
    }

    fn is_waiting(picture: &LensPicture) -> bool {
        let is = |state: &SourceState| matches!(state, SourceState::Waiting(_));
        picture.sources.iter().any(|source| is(&source.state))
    }

    async fn texts(lens: &LensHandle) -> Vec<String> {
        let all = lens.text(TextScope::Shown, TextForm::Raw).await.unwrap();
        all.lines().map(str::to_owned).collect()
    }

    async fn next_lines(log: &mut LogStream) -> Vec<String> {
        loop {
            if let (_, LogItem::Lines(lines)) = log.next().await.expect("ended") {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                return lines.iter().map(|line| text(line.bytes)).collect();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lens_shows_sources_merged_and_loses_nothing_over_a_break() {
        let stage = Stage::new();
        stage.script.grow("spark-1/kernel", 3);
        stage.script.grow("container:a", 2);
        let (_, lens) = stage.open(&["spark-1/kernel", "container:a"]);
        assert!(lens.order(LensOrder::Rows(20)).await);
        shows(&lens, |picture| picture.lines == 5).await;
        stage.script.lose(&["spark-1"]);
        shows(&lens, is_waiting).await;
        stage.script.grow("spark-1/kernel", 5);
        sleep(Duration::from_secs(14)).await;
        stage.script.lose(&[]);
        shows(&lens, |picture| picture.lines >= 9).await;
        let texts = texts(&lens).await;
        let kernel: Vec<_> = texts
            .iter()
            .filter(|text| text.contains("kernel"))
            .collect();
        let numbers = ["1", "2", "3", "4", "5"].map(|n| format!("spark-1/kernel {n}"));
        assert_eq!(kernel, numbers.iter().collect::<Vec<_>>());
        let gaps: Vec<_> = texts
            .iter()
            .filter(|text| text.starts_with("gap 1"))
            .collect();
        assert_eq!(gaps.len(), 1, "{texts:?}");
        assert!(gaps[0].contains(", resumed at "), "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_stands_behind_the_last_line_whatever_the_clock_of_its_host_says() {
        for ahead in [-3_600_000, 3_600_000] {
            let stage = Stage::new();
            stage.script.ahead(ahead);
            stage.script.grow("spark-1/kernel", 3);
            let (_, lens) = stage.open(&["spark-1/kernel"]);
            shows(&lens, |picture| picture.lines == 3).await;
            stage.script.lose(&["spark-1"]);
            shows(&lens, is_waiting).await;
            stage.script.grow("spark-1/kernel", 5);
            stage.script.lose(&[]);
            shows(&lens, |picture| picture.lines == 6).await;
            let texts = texts(&lens).await;
            let kinds: Vec<_> = texts.iter().filter_map(|t| t.split(' ').next()).collect();
            let line = "spark-1/kernel";
            assert_eq!(kinds, [line, line, line, "gap", line, line], "{texts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_makes_one_picture_and_peace_none() {
        let stage = Stage::new();
        stage.script.grow("kernel", 50);
        let (_, lens) = stage.open(&["kernel"]);
        shows(&lens, |picture| picture.lines == 50).await;
        sleep(Duration::from_secs(1)).await;
        let before = lens.pictures().borrow().version;
        lens.order(LensOrder::Rows(10)).await;
        sleep(Duration::from_secs(1)).await;
        lens.order(LensOrder::Move(-3)).await;
        sleep(Duration::from_mins(1)).await;
        assert_eq!(lens.pictures().borrow().version, before + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn other_sources_keep_the_lines_of_those_that_stay() {
        let stage = Stage::new();
        for log in ["container:a", "container:b", "kernel"] {
            stage.script.grow(log, 4);
        }
        let (id, lens) = stage.open(&["container:a", "container:b"]);
        shows(&lens, |picture| picture.lines == 8).await;
        let wanted = addresses(&["container:b", "kernel"]);
        assert_eq!(stage.lenses.set_sources(id, wanted).await, Reply::Done);
        shows(&lens, |p| {
            p.lines == 8 && p.sources.iter().any(|s| s.label.name.as_str() == "kernel")
        })
        .await;
        assert!(!texts(&lens).await.iter().any(|text| text.contains(":a ")));
        let opened = stage.script.opened();
        let of_b = opened.iter().filter(|open| open.starts_with("container:b"));
        assert_eq!(of_b.count(), 1, "{opened:?}");
        let gone = stage.lenses.set_sources(LensId(99), Vec::new()).await;
        assert!(matches!(gone, Reply::Failed(_)), "{gone:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn older_lines_are_fetched_on_the_way_up_until_there_are_none() {
        let stage = Stage::new();
        stage.script.grow("kernel", 1200);
        let (_, lens) = stage.open(&["kernel"]);
        lens.order(LensOrder::Rows(10)).await;
        shows(&lens, |picture| picture.lines == 100).await;
        lens.order(LensOrder::Top).await;
        shows(&lens, |picture| picture.lines == 600).await;
        lens.order(LensOrder::Top).await;
        shows(&lens, |picture| picture.lines == 1100).await;
        lens.order(LensOrder::Top).await;
        shows(&lens, |picture| picture.lines == 1200).await;
        lens.order(LensOrder::Top).await;
        let first = shows(&lens, |picture| picture.past == Past::Start).await;
        assert_eq!(first.rows[0].text.text.as_str(), "kernel 1");
        let texts = texts(&lens).await;
        let numbers: Vec<String> = (1..=1200).map(|n| format!("kernel {n}")).collect();
        assert_eq!(texts, numbers);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lens_is_closed_when_its_last_handle_is_gone() {
        let stage = Stage::new();
        stage.script.grow("kernel", 10);
        let (_, lens) = stage.open(&["kernel"]);
        let other = lens.clone();
        drop(lens);
        shows(&other, |picture| picture.lines == 10).await;
        assert!(stage.is_open());
        let mut pictures = other.pictures();
        drop(other);
        while pictures.changed().await.is_ok() {}
        tokio::task::yield_now().await;
        assert!(!stage.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_fetches_is_closed() {
        let stage = Stage::new();
        let reply = stage.lenses.open(addresses(&["kernel"]), LogBegin::Tail(1));
        assert!(matches!(reply, Reply::Lens(_)));
        sleep(FETCH + Duration::from_secs(1)).await;
        assert!(!stage.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_in_order_over_a_break_and_ends_with_its_sources() {
        let stage = Stage::new();
        stage.script.grow("spark-1/kernel", 2);
        stage.script.grow("container:a", 3);
        let mut log = stage.read(&["spark-1/kernel", "container:a"], true);
        let mut all = Vec::new();
        while all.len() < 5 {
            all.extend(next_lines(&mut log).await);
        }
        let wanted = [
            "spark-1/kernel 1",
            "container:a 1",
            "spark-1/kernel 2",
            "container:a 2",
            "container:a 3",
        ];
        assert_eq!(all, wanted);
        stage.script.lose(&[]);
        stage.script.grow("container:a", 4);
        stage.script.grow("spark-1/kernel", 4);
        all.clear();
        while all.len() < 3 {
            all.extend(next_lines(&mut log).await);
        }
        assert_eq!(
            all,
            ["spark-1/kernel 3", "spark-1/kernel 4", "container:a 4"]
        );

        let mut log = stage.read(&["container:a"], false);
        assert_eq!(next_lines(&mut log).await.len(), 4);
        let mut last = None;
        while let Some((_, item)) = log.next().await {
            last = Some(item);
        }
        let over = |item: &LogItem| matches!(item, LogItem::State(SourceState::Ended(_)));
        assert!(last.as_ref().is_some_and(over), "{last:?}");
    }

    #[expect(clippy::disallowed_methods, reason = "a test with a stopwatch")]
    fn now() -> std::time::Instant {
        std::time::Instant::now()
    }

    /// The figure is measured by the bench on a release build; here nobody may be starved.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn orders_are_answered_while_a_million_lines_pour_in() {
        const LINES: u64 = if cfg!(debug_assertions) {
            200_000
        } else {
            1_000_000
        };
        let stage = Stage::new();
        stage.script.grow("kernel", LINES);
        let begin = LogBegin::Since(Stamp(0));
        let Reply::Lens(id) = stage.lenses.open(addresses(&["kernel"]), begin) else {
            panic!("no lens");
        };
        let lens = stage.opened.lens(id).unwrap();
        lens.order(LensOrder::Rows(40)).await;
        let mut pictures = lens.pictures();
        let (mut worst, mut orders) = (Duration::ZERO, 0);
        loop {
            let picture = Arc::clone(&pictures.borrow_and_update());
            if picture.lines + picture.fallen == LINES {
                break;
            }
            let (before, asked) = (picture.above + picture.cursor.unwrap_or(0) as u64, now());
            lens.order(LensOrder::Move(if orders % 2 == 0 { -3 } else { 3 }))
                .await;
            let moved = |picture: &Arc<LensPicture>| {
                let at = picture.above + picture.cursor.unwrap_or(0) as u64;
                at != before || picture.lines + picture.fallen == LINES || picture.shown < 4
            };
            let answered = timeout(Duration::from_mins(1), pictures.wait_for(moved)).await;
            answered.expect("never answered").unwrap();
            worst = worst.max(asked.elapsed());
            orders += 1;
        }
        assert!(orders > 10, "{orders} orders");
        assert!(worst < Duration::from_secs(1), "{worst:?}");
        let (used, cap) = pictures.borrow().memory;
        assert!(used <= cap, "{used} of {cap}");
    }
}
