//! `--record`: every message of a session as a line of JSON, written on a thread of its own. A disk that is full or slow
//! costs the recording, never the session.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::oneshot;

use super::msg::Msg;
use super::state::Fleet;
use super::unsaid;
use crate::config::{ArmingSettings, ModelsSettings, ScheduleEntry, Settings};
use crate::domain::{Cluster, Thresholds, Wall};

/// Messages that wait for the disk. What comes while it is full is counted and missing.
const WAITING: usize = 4096;

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Number of the format; says what the file is.
    pub(super) pilothouse_recording: u32,
    /// Version of the program that wrote it.
    pub(super) version: String,
    /// When it began.
    pub(super) wall: Wall,
    /// Name of the fleet.
    pub(super) fleet: String,
    /// Whether changes were refused.
    pub(super) read_only: bool,
    /// Time between two samples, ms.
    pub(super) period: u64,
    /// When a reading became a state.
    pub(super) thresholds: Thresholds,
    /// What had to be armed.
    #[serde(default)]
    pub(super) arming: ArmingSettings,
    /// Hosts that served one model together.
    #[serde(default)]
    pub(super) clusters: Vec<Arc<Cluster>>,
    /// What other schedulers intended to run.
    #[serde(default)]
    pub(super) schedule: Vec<ScheduleEntry>,
}

impl Header {
    /// The newest format.
    pub(super) const FORMAT: u32 = 1;

    pub(super) fn of(fleet: &Fleet) -> Self {
        Self {
            pilothouse_recording: Self::FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            wall: fleet.wall,
            fleet: fleet.name.to_string(),
            read_only: fleet.read_only,
            period: crate::domain::Age::from(fleet.period).0,
            thresholds: fleet.thresholds,
            arming: ArmingSettings::clone(&fleet.arming),
            clusters: Vec::clone(&fleet.clusters),
            schedule: Vec::clone(&fleet.schedule),
        }
    }

    /// The fleet that the messages are folded into.
    pub(super) fn begin(&self) -> Fleet {
        let settings = Settings {
            read_only: self.read_only,
            period: crate::domain::Age(self.period).duration(),
            thresholds: self.thresholds,
            arming: self.arming.clone(),
            models: ModelsSettings {
                clusters: self.clusters.clone(),
                schedule: self.schedule.clone(),
                ..ModelsSettings::default()
            },
            ..Settings::default()
        };
        Fleet::new(&self.fleet, &settings)
    }
}

/// Every other line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// A message.
    Msg(Msg),
    /// So many messages are missing here.
    Gap(u64),
}

/// Why a session can't be recorded.
#[derive(Debug, Error)]
pub enum RecordError {
    /// A recording is never overwritten.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The file can't be made.
    #[error("can't write {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RecordError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Exists(_) => "name another file, or remove this one",
            Self::Unwritable { .. } => "name a file in a directory that you may write to",
        }
    }
}

/// A file that will take a recording.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: File,
}

impl Recorder {
    /// Makes the file, readable by its owner alone. What is on the screens of a fleet is nobody else's business.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let path = path.to_owned();
        match made {
            Ok(file) => Ok(Self { path, file }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(RecordError::Exists(path))
            }
            Err(source) => Err(RecordError::Unwritable { path, source }),
        }
    }

    /// Begins to write.
    pub(super) fn begin(self, header: Header) -> (Tape, Written) {
        let (lines, waiting) = sync_channel(WAITING);
        let (done, written) = oneshot::channel();
        let failed = Arc::new(OnceLock::new());
        let tape = Tape {
            lines,
            missing: 0,
            failed: Arc::clone(&failed),
        };
        let thread = std::thread::Builder::new().name("recorder".into());
        let path = self.path;
        let spawned = thread.spawn({
            let failed = Arc::clone(&failed);
            move || {
                if let Err(error) = write(self.file, &header, &waiting) {
                    failed.get_or_init(|| trouble(&path, &error));
                }
                drop(waiting);
                // Its end is what is waited for.
                drop(done);
            }
        });
        if let Err(error) = spawned {
            failed.get_or_init(|| format!("the recording did not begin: {error}"));
        }
        (tape, written)
    }
}

fn trouble(path: &Path, error: &io::Error) -> String {
    format!("the recording {} ended early: {error}", path.display())
}

/// Comes when the last line is on the disk.
pub(super) type Written = oneshot::Receiver<()>;

/// The engine's end of a recording.
#[derive(Debug)]
pub(super) struct Tape {
    lines: SyncSender<Line>,
    missing: u64,
    failed: Arc<OnceLock<String>>,
}

impl Tape {
    /// Records a message; never waits. Gives the words to tell when the recording has failed.
    pub(super) fn record(&mut self, msg: &Msg) -> Option<String> {
        match self.send(msg) {
            Ok(()) => None,
            Err(Unsent::Full) => {
                self.missing += 1;
                None
            }
            Err(Unsent::Ended) => {
                let why = self.failed.get().cloned();
                Some(why.unwrap_or_else(|| "the recording ended early".into()))
            }
        }
    }

    fn send(&mut self, msg: &Msg) -> Result<(), Unsent> {
        if self.missing > 0 {
            self.lines.try_send(Line::Gap(self.missing))?;
            self.missing = 0;
        }
        self.lines.try_send(Line::Msg(unsaid::told(msg)))?;
        Ok(())
    }
}

/// Why a line was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsent {
    /// Too many wait for the disk.
    Full,
    /// Nobody writes any more.
    Ended,
}

impl From<TrySendError<Line>> for Unsent {
    fn from(error: TrySendError<Line>) -> Self {
        match error {
            TrySendError::Full(_) => Self::Full,
            TrySendError::Disconnected(_) => Self::Ended,
        }
    }
}

/// Writes lines until there are no more; what is written is on its way to the disk whenever nothing waits.
fn write(file: File, header: &Header, waiting: &Receiver<Line>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    put(&mut out, header)?;
    loop {
        let line = match waiting.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Empty) => {
                out.flush()?;
                match waiting.recv() {
                    Ok(line) => line,
                    Err(_) => return Ok(()),
                }
            }
            Err(TryRecvError::Disconnected) => return out.flush(),
        };
        put(&mut out, &line)?;
    }
}

fn put(out: &mut BufWriter<File>, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Answer, At, ClusterNode, HostId, QuestionId, RequestId, Secret};
    use crate::engine::{Actor, Command};

    fn tick(at: u64) -> Msg {
        Msg::Tick {
            at: At(at),
            wall: Wall(0),
        }
    }

    fn header() -> Header {
        Header::of(&Fleet::new("home", &Settings::default()))
    }

    #[test]
    fn a_recording_begins_with_the_places_of_its_session_and_old_ones_without() {
        let node = |host: &str, last| ClusterNode {
            host: HostId::new(host),
            address: [10, 0, 0, last].into(),
        };
        let mut settings = Settings::default();
        settings.models.clusters = vec![Arc::new(Cluster {
            name: "pair".into(),
            head: node("spark-1", 1),
            workers: vec![node("spark-2", 2)],
            interface: Some("enp1".into()),
            devices: Vec::new(),
        })];
        settings.models.schedule = vec![ScheduleEntry {
            holder: "cron".into(),
            when: "02:00 daily".into(),
            what: "nightly index".into(),
            place: Some("pair".into()),
        }];
        let live = Fleet::new("home", &settings);
        let mut line = serde_json::to_value(Header::of(&live)).unwrap();
        let read: Header = serde_json::from_value(line.clone()).unwrap();
        let played = read.begin();
        assert_eq!(played.clusters, live.clusters);
        assert_eq!(played.schedule, live.schedule);
        let fields = line.as_object_mut().unwrap();
        for field in ["clusters", "schedule"] {
            assert!(fields.remove(field).is_some());
        }
        let old: Header = serde_json::from_value(line).unwrap();
        assert!(old.begin().clusters.is_empty());
    }

    #[tokio::test]
    async fn a_full_disk_is_told_once_and_in_words() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let (mut tape, written) = Recorder { path, file }.begin(header());
        // Its thread ends at the first flush.
        assert!(written.await.is_err());
        let words = tape.record(&tick(0)).unwrap();
        assert!(words.contains("/dev/full ended early"), "{words}");
        assert!(words.contains("space"), "{words}");
    }

    #[tokio::test]
    async fn what_the_disk_had_no_time_for_is_counted() {
        let (lines, waiting) = sync_channel(2);
        let mut tape = Tape {
            lines,
            missing: 0,
            failed: Arc::default(),
        };
        for at in 0..5 {
            assert_eq!(tape.record(&tick(at)), None);
        }
        let first: Vec<Line> = waiting.try_iter().collect();
        assert_eq!(first, [Line::Msg(tick(0)), Line::Msg(tick(1))]);
        tape.record(&tick(5));
        let then: Vec<Line> = waiting.try_iter().collect();
        assert_eq!(then, [Line::Gap(3), Line::Msg(tick(5))]);
    }

    #[tokio::test]
    async fn no_secret_reaches_the_file_and_no_file_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.jsonl");
        let (mut tape, written) = Recorder::create(&path).unwrap().begin(header());
        tape.record(&Msg::Asked {
            at: At(1),
            request: RequestId(1),
            actor: Actor::Terminal,
            command: Command::Answer {
                question: QuestionId(1),
                answer: Answer::Texts(vec![Secret::new("hunter2".into())]),
            },
        });
        drop(tape);
        assert!(written.await.is_err());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("•••") && !text.contains("hunter2"), "{text}");
        let error = Recorder::create(&path).unwrap_err();
        assert!(matches!(error, RecordError::Exists(_)));
    }
}
