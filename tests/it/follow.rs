//! Log sources on real hosts: files through rotation, truncation and lost connections, each line exactly once.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pilothouse::exec::{Exec, LocalExec, RemoteExec};
use pilothouse::follow::{
    self, Follow, FollowErrorKind, FollowEvent, Place, SourceSpec, Stamp, Start, StartAt,
};
use pilothouse::shell::RemotePath;
use pilothouse::ssh::connect;
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use super::sshd::{Person, Sshd, context};

/// A source that says nothing for so long has given all there is.
const QUIET: Duration = Duration::from_millis(1200);

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn here() -> Arc<dyn Exec> {
    Arc::new(LocalExec::new(Tasks::new()))
}

pub(crate) fn file(path: &Path) -> SourceSpec {
    SourceSpec::File(RemotePath::new(path.display().to_string()).unwrap())
}

pub(crate) fn from(from: StartAt) -> Start {
    Start {
        from,
        until: None,
        follow: true,
    }
}

pub(crate) fn once(from: StartAt) -> Start {
    Start {
        follow: false,
        ..self::from(from)
    }
}

/// What a source gave.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) lines: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) ended: Option<(String, bool)>,
}

impl Heard {
    /// Listens until a line is heard, or the end.
    pub(crate) async fn until(&mut self, follow: &mut dyn Follow, last: &str) {
        let listening = async {
            while self.lines.last().map(String::as_str) != Some(last) && self.ended.is_none() {
                self.event(follow.next().await);
            }
        };
        let heard = timeout(PATIENCE, listening).await;
        assert!(heard.is_ok(), "{last} was not heard: {self:?}");
    }

    pub(crate) async fn note(&mut self, follow: &mut dyn Follow, words: &str) {
        let listening = async {
            while !self.notes.iter().any(|note| note.contains(words)) && self.ended.is_none() {
                self.event(follow.next().await);
            }
        };
        let heard = timeout(PATIENCE, listening).await;
        assert!(heard.is_ok(), "{words} was not heard: {self:?}");
    }

    /// Listens until the source has nothing more to say: from here on it is followed as it is written.
    pub(crate) async fn silence(&mut self, follow: &mut dyn Follow) {
        while let Ok(event) = timeout(QUIET, follow.next()).await {
            self.event(event);
            assert!(self.ended.is_none(), "{self:?}");
        }
    }

    pub(crate) fn event(&mut self, event: FollowEvent) {
        match event {
            FollowEvent::Lines(batch) => self.lines.extend(
                batch
                    .iter()
                    .map(|line| String::from_utf8_lossy(line.bytes).into_owned()),
            ),
            FollowEvent::Missing { why, .. } => self.notes.push(format!("missing: {why}")),
            FollowEvent::Note(note) => self.notes.push(note.to_string()),
            FollowEvent::Ended { why, retry, .. } => self.ended = Some((why.to_string(), retry)),
        }
    }
}

/// A log that numbers its lines.
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    file: File,
    next: u32,
}

impl Log {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: append(path),
            next: 0,
        }
    }

    pub(crate) fn write(&mut self, count: u32) {
        for _ in 0..count {
            writeln!(self.file, "line {}", self.next).unwrap();
            self.next += 1;
        }
    }

    /// Opens the file of its name again, as a daemon does when it is told to.
    pub(crate) fn reopen(&mut self) {
        self.file = append(&self.path);
    }

    pub(crate) fn last(&self) -> String {
        format!("line {}", self.next - 1)
    }

    pub(crate) fn all(&self) -> Vec<String> {
        (0..self.next).map(|n| format!("line {n}")).collect()
    }
}

pub(crate) fn append(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

#[tokio::test]
async fn a_file_is_followed_from_its_last_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(5000);
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::Tail(10)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *follow, &log.last()).await;
    log.write(3);
    heard.until(&mut *follow, &log.last()).await;
    assert_eq!(heard.lines, log.all()[4990..]);
    let Some(Place::File { offset, .. }) = follow.last() else {
        panic!("{:?}", follow.last());
    };
    assert_eq!(offset, fs::metadata(&log.path).unwrap().len());

    // The lines before them.
    let before = StartAt::Before(follow.first().unwrap(), 7);
    let mut older = follow::open(here(), &file(&log.path), once(before))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *older, "no such line").await;
    assert_eq!(heard.lines, log.all()[4983..4990]);
    assert_eq!(older.last(), follow.first());
}

#[tokio::test]
async fn rotation_by_name_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(10);
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::Tail(100)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.silence(&mut *follow).await;
    for turn in 0..2 {
        fs::rename(&log.path, folder.path().join(format!("log.{turn}"))).unwrap();
        // The writer holds on to the old one until it is told.
        log.write(5);
        log.reopen();
        log.write(5);
        heard.until(&mut *follow, &log.last()).await;
        heard.silence(&mut *follow).await;
    }
    // And while it is still being read.
    fs::rename(&log.path, folder.path().join("log.2")).unwrap();
    log.reopen();
    log.write(5);
    heard.until(&mut *follow, &log.last()).await;
    assert_eq!(heard.lines, log.all());
    assert!(
        heard.notes.iter().all(|note| note.contains("rotated")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_copied_and_truncated_file_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(100);
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::Tail(1000)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *follow, &log.last()).await;
    log.write(10);
    heard.until(&mut *follow, &log.last()).await;
    heard.silence(&mut *follow).await;
    fs::copy(&log.path, folder.path().join("log.1")).unwrap();
    log.file.set_len(0).unwrap();
    log.write(4);
    heard.note(&mut *follow, "truncated").await;
    log.write(4);
    heard.until(&mut *follow, &log.last()).await;
    assert_eq!(heard.lines, log.all());
}

#[tokio::test]
async fn a_file_that_is_removed_and_made_anew_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(3);
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::Tail(1000)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.silence(&mut *follow).await;
    fs::remove_file(&log.path).unwrap();
    // A number is given anew as soon as nobody holds the old file.
    let keep = append(&folder.path().join("other"));
    log.reopen();
    drop(keep);
    log.write(3);
    heard.until(&mut *follow, &log.last()).await;
    assert_eq!(heard.lines, log.all());
}

#[tokio::test]
async fn going_on_after_a_break_finds_every_rotated_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(10);
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::Tail(100)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *follow, &log.last()).await;
    let place = follow.last().unwrap();
    drop(follow);
    log.write(4);
    fs::rename(&log.path, folder.path().join("log.2")).unwrap();
    // As an hour later: two files of one second have no order.
    let old = fs::metadata(folder.path().join("log.2"))
        .unwrap()
        .modified()
        .unwrap();
    let set = |name: &str, minutes: u64| {
        let file = File::options()
            .append(true)
            .open(folder.path().join(name))
            .unwrap();
        file.set_modified(old - Duration::from_secs(60 * minutes))
            .unwrap();
    };
    set("log.2", 120);
    log.reopen();
    log.write(6);
    fs::rename(&log.path, folder.path().join("log.1")).unwrap();
    set("log.1", 60);
    log.reopen();
    log.write(2);
    let mut follow = follow::open(
        here(),
        &file(&log.path),
        from(StartAt::After(place.clone())),
    )
    .await
    .unwrap();
    heard.until(&mut *follow, &log.last()).await;
    assert_eq!(heard.lines, log.all());

    // Older lines reach back over the files, too.
    let before = StartAt::Before(follow.last().unwrap(), 15);
    let mut older = follow::open(here(), &file(&log.path), once(before))
        .await
        .unwrap();
    let mut back = Heard::default();
    back.until(&mut *older, "no such line").await;
    assert_eq!(back.lines, log.all()[7..]);

    // What is gone is told.
    fs::remove_file(folder.path().join("log.2")).unwrap();
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::After(place)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *follow, &log.last()).await;
    assert!(heard.notes[0].contains("gone or compressed"), "{heard:?}");
}

#[tokio::test]
async fn a_line_without_an_end_is_shown_and_never_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut out = append(&path);
    out.write_all(b"whole\nhalf").unwrap();
    let mut follow = follow::open(here(), &file(&path), from(StartAt::Tail(10)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *follow, "half").await;
    let middle = follow.last().unwrap();
    out.write_all(b" a line\r\n\xff\x00junk\r\n").unwrap();
    heard.until(&mut *follow, "\u{fffd}\0junk").await;
    assert_eq!(heard.lines, ["whole", "half", " a line", "\u{fffd}\0junk"]);
    let mut again = follow::open(here(), &file(&path), from(StartAt::After(middle)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *again, "\u{fffd}\0junk").await;
    assert_eq!(heard.lines, [" a line", "\u{fffd}\0junk"]);
}

#[tokio::test]
async fn a_flood_is_fetched_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(1);
    let mut follow = follow::open(here(), &file(&log.path), from(StartAt::Tail(1)))
        .await
        .unwrap();
    let mut heard = Heard::default();
    heard.silence(&mut *follow).await;
    let junk = vec![b'x'; 10 * 1024 * 1024];
    for _ in 0..4 {
        log.write(50_000);
        log.file.write_all(&junk).unwrap();
        log.file.write_all(b"\n").unwrap();
    }
    log.write(1);
    heard.until(&mut *follow, &log.last()).await;
    let cut = heard
        .lines
        .iter()
        .filter(|line| line.ends_with("bytes more"))
        .count();
    assert_eq!(cut, 4);
    heard.lines.retain(|line| line.starts_with("line"));
    assert_eq!(heard.lines, log.all());
}

#[tokio::test]
async fn from_a_moment_on_and_up_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut out = append(&path);
    for n in 0..40_000 {
        let (minutes, seconds) = (n / 60 % 60, n % 60);
        let hours = n / 3600;
        writeln!(
            out,
            "2026-11-21T{hours:02}:{minutes:02}:{seconds:02}Z line {n}"
        )
        .unwrap();
    }
    // 2026-11-21 00:00:00 UTC.
    let day = 1_795_219_200_i64;
    let start = Start {
        from: StartAt::Since(Stamp((day + 20_000) * 1_000_000_000)),
        until: Some(Stamp((day + 20_003) * 1_000_000_000)),
        follow: false,
    };
    let mut follow = follow::open(here(), &file(&path), start).await.unwrap();
    let mut heard = Heard::default();
    heard.until(&mut *follow, "no such line").await;
    let numbers: Vec<_> = heard
        .lines
        .iter()
        .filter_map(|l| l.rsplit(' ').next())
        .collect();
    assert_eq!(numbers, ["20000", "20001", "20002"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let open = async |path: &Path| {
        let opened = follow::open(here(), &file(path), from(StartAt::Tail(1))).await;
        opened.map(|_| ()).unwrap_err()
    };
    assert_eq!(open(&missing).await.kind, FollowErrorKind::Absent);
    assert_eq!(open(folder.path()).await.kind, FollowErrorKind::Unsupported);
}

/// Ends the sessions of a server, as a lost network does: what ran for them sees the end of its input.
pub(crate) fn drop_sessions(sshd: &Sshd) -> usize {
    let mut dropped = 0;
    for pid in sshd.children() {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        if rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok() {
            dropped += 1;
        }
    }
    dropped
}

#[tokio::test]
async fn lost_connections_lose_and_double_no_line() {
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::new(&folder.path().join("log"));
    log.write(100);
    let mut heard = Heard::default();
    let mut start = StartAt::Tail(1000);
    for round in 0..4 {
        let session = connect(&sshd.target(), &context(), Person::silent())
            .await
            .unwrap();
        let exec: Arc<dyn Exec> = Arc::new(RemoteExec::new(session));
        let mut follow = follow::open(exec, &file(&log.path), from(start))
            .await
            .unwrap();
        log.write(1000);
        heard.until(&mut *follow, &log.last()).await;
        if round > 1 {
            heard.silence(&mut *follow).await;
        }
        assert!(drop_sessions(&sshd) > 0);
        log.write(1000);
        if round == 1 {
            fs::rename(&log.path, folder.path().join("log.1")).unwrap();
            log.write(10);
            log.reopen();
            log.write(10);
        }
        heard.until(&mut *follow, "no such line").await;
        assert!(
            matches!(heard.ended.take(), Some((_, true))),
            "{:?}",
            heard.ended
        );
        start = StartAt::After(follow.last().unwrap());
    }
    let session = connect(&sshd.target(), &context(), Person::silent())
        .await
        .unwrap();
    let exec: Arc<dyn Exec> = Arc::new(RemoteExec::new(session));
    let mut follow = follow::open(exec, &file(&log.path), from(start))
        .await
        .unwrap();
    heard.until(&mut *follow, &log.last()).await;
    assert_eq!(heard.lines, log.all());
}

#[tokio::test]
async fn a_host_tells_what_it_offers_and_how_late_it_is() {
    let offers = follow::discover(&here()).await.unwrap();
    assert!(
        offers.iter().any(|offer| offer.spec == SourceSpec::Kernel),
        "{offers:?}"
    );
    assert_eq!(follow::clock_offset(&here()).await.unwrap(), None);
}

/// A real sshd whose journalctl is the lab's, over a folder of recorded journals.
fn journal_host() -> Sshd {
    let bin = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/bin");
    let sshd = Sshd::with(&format!(
        "SetEnv PATH={bin}:/usr/local/bin:/usr/bin:/bin PILOTHOUSE_STUB_JOURNAL={{}}/journal"
    ));
    fs::create_dir(sshd.path("journal")).unwrap();
    sshd
}

pub(crate) fn entry(number: u32) -> String {
    let micros = 1_795_271_517_000_000_u64 + u64::from(number);
    format!(
        r#"{{"__CURSOR":"s=1;i={number:x};t={micros:x}","__REALTIME_TIMESTAMP":"{micros}","PRIORITY":"4","MESSAGE":"line {number}"}}"#
    )
}

pub(crate) async fn over(sshd: &Sshd) -> Arc<dyn Exec> {
    let session = connect(&sshd.target(), &context(), Person::silent()).await;
    Arc::new(RemoteExec::new(session.unwrap()))
}

#[tokio::test]
async fn a_unit_is_followed_through_lost_connections() {
    let sshd = journal_host();
    let unit = SourceSpec::Unit("demo.service".into());
    let mut journal = append(&sshd.path("journal/demo.service.json"));
    let mut next = 0;
    let mut write = |count: u32| {
        for _ in 0..count {
            writeln!(journal, "{}", entry(next)).unwrap();
            next += 1;
        }
        format!("line {}", next - 1)
    };
    let mut last = write(50);
    let mut heard = Heard::default();
    let mut start = StartAt::Tail(10);
    let mut first = None;
    for _ in 0..3 {
        let exec = over(&sshd).await;
        let mut follow = follow::open(exec, &unit, from(start)).await.unwrap();
        heard.until(&mut *follow, &last).await;
        last = write(300);
        heard.until(&mut *follow, &last).await;
        first = first.or_else(|| follow.first());
        assert!(drop_sessions(&sshd) > 0);
        last = write(20);
        heard.until(&mut *follow, "no such line").await;
        assert!(matches!(heard.ended.take(), Some((_, true))));
        start = StartAt::After(follow.last().unwrap());
    }
    let exec = over(&sshd).await;
    let mut follow = follow::open(Arc::clone(&exec), &unit, from(start))
        .await
        .unwrap();
    heard.until(&mut *follow, &last).await;
    let all: Vec<String> = (40..next).map(|n| format!("line {n}")).collect();
    assert_eq!(heard.lines, all);

    let before = once(StartAt::Before(first.unwrap(), 5));
    let mut older = follow::open(Arc::clone(&exec), &unit, before)
        .await
        .unwrap();
    let mut back = Heard::default();
    back.until(&mut *older, "no such line").await;
    assert_eq!(
        back.lines,
        ["line 35", "line 36", "line 37", "line 38", "line 39"]
    );

    fs::write(sshd.path("journal/refused"), "").unwrap();
    let refused = follow::open(exec, &unit, from(StartAt::Tail(1))).await;
    let error = refused.map(|_| ()).unwrap_err();
    assert_eq!(error.kind, FollowErrorKind::NoPermission);
    assert!(error.hint.unwrap().contains("systemd-journal"));
}
