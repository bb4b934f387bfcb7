//! A recording played again: messages folded up to any moment. Checkpoints on the way make going back as quick as going on.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::msg::Msg;
use super::notice::Notice;
use super::record::{Header, Line};
use super::state::Fleet;
use super::update::update;
use crate::domain::{Age, At, Severity};

/// A longer line is no message of ours.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Checkpoints kept; with more, every second one is dropped and they lie twice as far apart.
const CHECKPOINTS: usize = 64;

/// Messages between the first checkpoints.
const SPACING: usize = 1000;

/// Why a recording can't be played.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// It can't be read.
    #[error("can't read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its first line is not that of a recording.
    #[error("{} is no recording of a session", .0.display())]
    NotARecording(PathBuf),
    /// It was written in a format that came later.
    #[error("{} was recorded by a newer version ({version})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that wrote it.
        version: String,
    },
    /// A line is no message.
    #[error("{}, line {line}: no message that this version knows", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: Option<serde_json::Error>,
    },
}

impl ReplayError {
    /// The mend, where we know one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => {
                Some("check the path; recordings are made with --record FILE")
            }
            Self::NotARecording(_) => Some("recordings are made with --record FILE"),
            Self::Newer { .. } => Some("play it with that version"),
            Self::BadLine { .. } => Some("the file was changed, or damaged on the way"),
        }
    }
}

/// Where a message lies in the file, and when it came; a later line never has an earlier time.
#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    at: At,
}

/// The fleet before the message at `next`.
#[derive(Debug, Clone)]
struct Checkpoint {
    next: usize,
    fleet: Fleet,
}

/// A recording that has been read through: every line of it can be played.
#[derive(Debug)]
pub struct Recording {
    lines: Lines,
    entries: Vec<Entry>,
    checkpoints: Vec<Checkpoint>,
    spacing: usize,
    cut_short: bool,
}

impl Recording {
    /// Reads a recording through. A last line that was cut short by the end of its program is left out.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let mut lines = Lines::open(path)?;
        let header = lines.header()?;
        let mut recording = Self {
            lines,
            entries: Vec::new(),
            checkpoints: Vec::new(),
            spacing: SPACING,
            cut_short: false,
        };
        recording.read_through(header.begin())?;
        Ok(recording)
    }

    fn read_through(&mut self, mut fleet: Fleet) -> Result<(), ReplayError> {
        let mut at = At::default();
        loop {
            let offset = self.lines.offset;
            match self.lines.next()? {
                Read::End => return Ok(()),
                Read::CutShort => {
                    self.cut_short = true;
                    return Ok(());
                }
                Read::Line(line) => {
                    self.mark(&fleet);
                    fold(&mut fleet, line);
                    at = at.max(fleet.at);
                    self.entries.push(Entry { offset, at });
                }
            }
        }
    }

    fn mark(&mut self, fleet: &Fleet) {
        let next = self.entries.len();
        if !next.is_multiple_of(self.spacing) {
            return;
        }
        if self.checkpoints.len() >= CHECKPOINTS {
            self.spacing *= 2;
            let spacing = self.spacing;
            self.checkpoints
                .retain(|checkpoint| checkpoint.next.is_multiple_of(spacing));
            if !next.is_multiple_of(spacing) {
                return;
            }
        }
        let fleet = fleet.clone();
        self.checkpoints.push(Checkpoint { next, fleet });
    }

    /// Its first moment.
    pub fn begin(&self) -> At {
        self.entries.first().map_or(At::default(), |entry| entry.at)
    }

    /// Its last moment.
    pub fn end(&self) -> At {
        self.entries.last().map_or(At::default(), |entry| entry.at)
    }

    /// Whether its last line was cut short, as when its program was killed.
    pub fn is_cut_short(&self) -> bool {
        self.cut_short
    }
}

/// A recording at one of its moments. It moves only when it is told to: who shows it sets the speed, and pauses by
/// not moving it.
#[derive(Debug)]
pub struct Replay {
    recording: Recording,
    fleet: Arc<Fleet>,
    next: usize,
    at: At,
}

impl Replay {
    /// A replay at the recording's first moment.
    pub fn new(recording: Recording) -> Result<Self, ReplayError> {
        let fleet = recording.checkpoints.first().map_or_else(
            || Fleet::new("", &crate::config::Settings::default()),
            |checkpoint| checkpoint.fleet.clone(),
        );
        let begin = recording.begin();
        let mut replay = Self {
            recording,
            fleet: Arc::new(fleet),
            next: 0,
            at: begin,
        };
        // The next line to be read is known only to be right after a jump.
        replay.jump(0)?;
        replay.seek(begin)?;
        Ok(replay)
    }

    /// The fleet at this moment.
    pub fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.fleet)
    }

    /// This moment.
    pub fn at(&self) -> At {
        self.at
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The recording's last moment.
    pub fn end(&self) -> At {
        self.recording.end()
    }

    /// Goes on by this much, at most to the end.
    pub fn advance(&mut self, by: Age) -> Result<(), ReplayError> {
        self.seek(self.at.plus(by.duration()))
    }

    /// Goes to any moment, back or forth, within the recording.
    pub fn seek(&mut self, to: At) -> Result<(), ReplayError> {
        self.at = to.clamp(self.recording.begin(), self.recording.end());
        let at = self.at;
        let wanted = self
            .recording
            .entries
            .partition_point(|entry| entry.at <= at);
        let behind = self
            .recording
            .checkpoints
            .partition_point(|checkpoint| checkpoint.next <= wanted);
        let nearest = self
            .recording
            .checkpoints
            .get(behind.saturating_sub(1))
            .map_or(0, |checkpoint| checkpoint.next);
        if wanted < self.next || nearest > self.next {
            self.jump(behind.saturating_sub(1))?;
        }
        while self.next < wanted {
            match self.recording.lines.next()? {
                Read::Line(line) => fold(Arc::make_mut(&mut self.fleet), line),
                // The file has become shorter than it was.
                Read::End | Read::CutShort => return Err(self.recording.lines.bad(None)),
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Goes to a checkpoint.
    fn jump(&mut self, place: usize) -> Result<(), ReplayError> {
        let Some(checkpoint) = self.recording.checkpoints.get(place) else {
            return Ok(());
        };
        self.fleet = Arc::new(checkpoint.fleet.clone());
        self.next = checkpoint.next;
        let entry = self.recording.entries.get(checkpoint.next).copied();
        match entry {
            Some(entry) => self.recording.lines.go_to(entry.offset, checkpoint.next),
            None => Ok(()),
        }
    }
}

/// Folds one line; its effects were carried out when it was recorded.
fn fold(fleet: &mut Fleet, line: Line) {
    let msg = match line {
        Line::Msg(msg) => msg,
        Line::Gap(missing) => Msg::Noticed(Notice {
            at: fleet.at,
            severity: Severity::Warning,
            host: None,
            sentence: format!("{missing} messages are missing in the recording here").into(),
            hint: None,
        }),
    };
    drop(update(fleet, msg));
}

/// What reading a line gave.
enum Read {
    Line(Line),
    CutShort,
    End,
}

/// The file, line by line.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    buffer: Vec<u8>,
    /// Where the next line begins.
    offset: u64,
    /// Number of the line read last, from 1.
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, ReplayError> {
        let path = path.to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Self {
                path,
                file: BufReader::with_capacity(256 * 1024, file),
                buffer: Vec::new(),
                offset: 0,
                number: 0,
            }),
            Err(source) => Err(ReplayError::Unreadable { path, source }),
        }
    }

    /// Reads one raw line into the buffer; false at the end.
    fn fill(&mut self) -> Result<bool, ReplayError> {
        self.buffer.clear();
        let read = (&mut self.file)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| ReplayError::Unreadable {
                path: self.path.clone(),
                source,
            })?;
        self.number += 1;
        self.offset += read as u64;
        Ok(read > 0)
    }

    fn header(&mut self) -> Result<Header, ReplayError> {
        self.fill()?;
        let header: Header = serde_json::from_slice(&self.buffer)
            .map_err(|_| ReplayError::NotARecording(self.path.clone()))?;
        if header.pilothouse_recording > Header::FORMAT {
            return Err(ReplayError::Newer {
                path: self.path.clone(),
                version: header.version,
            });
        }
        Ok(header)
    }

    fn next(&mut self) -> Result<Read, ReplayError> {
        if !self.fill()? {
            return Ok(Read::End);
        }
        let whole = self.buffer.ends_with(b"\n");
        match serde_json::from_slice(&self.buffer) {
            Ok(line) => Ok(Read::Line(line)),
            Err(_) if !whole && (self.buffer.len() as u64) < LONGEST_LINE => Ok(Read::CutShort),
            Err(error) => Err(self.bad(Some(error))),
        }
    }

    fn bad(&self, source: Option<serde_json::Error>) -> ReplayError {
        ReplayError::BadLine {
            path: self.path.clone(),
            line: self.number,
            source,
        }
    }

    /// Goes to the line of this entry; the header is line 1.
    fn go_to(&mut self, offset: u64, entry: usize) -> Result<(), ReplayError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .map_err(|source| ReplayError::Unreadable {
                path: self.path.clone(),
                source,
            })?;
        self.offset = offset;
        self.number = entry as u64 + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use super::*;
    use crate::domain::{HostId, Rung, Wall};
    use crate::engine::sim::{SimFleet, SimGpu, SimMachine};
    use crate::engine::{Beat, HostMsg};

    /// So many seconds of one host with eight GPUs, as messages.
    fn session(seconds: u64) -> Vec<Msg> {
        let specs = SimFleet::new(1, 1).specs();
        let host = HostId::new("sim-001");
        let total = crate::domain::Mib(144_384);
        let mut machine = SimMachine::new(3, SimGpu::Card { total }, 8);
        let mut messages = vec![Msg::Hosts { at: At(0), specs }];
        for second in 0..seconds {
            let at = At(second * 1000);
            let wall = Wall(at.0.cast_signed());
            messages.push(Msg::Tick { at, wall });
            let Beat { sample, round_trip } = Beat {
                sample: machine.sample(),
                round_trip: Duration::from_millis(second % 7),
            };
            let events = [
                HostMsg::Holds(Rung::Command),
                HostMsg::Sample(sample),
                HostMsg::RoundTrip(round_trip),
            ];
            messages.extend(events.map(|msg| Msg::Host {
                at: at.plus(Duration::from_millis(20)),
                host: host.clone(),
                msg,
            }));
        }
        messages
    }

    /// What a container engine tells in a session, and what was answered about one of its containers.
    fn containers() -> Vec<Msg> {
        use crate::domain::{ContainerDetail, RequestId};
        use crate::engine::{ContainersMsg, Reply, sim};

        let list = sim::containers(1, 5, Wall(0));
        let one = list[0].clone();
        let detail = ContainerDetail {
            container: one.clone(),
            env: vec![("HF_TOKEN".into(), "hf_secret".into())],
            command: ["serve", "--api-key", "hf_secret"].map(Into::into).into(),
            log_driver: "local".into(),
            tty: false,
            restart_policy: "no".into(),
            facts: Vec::new(),
            raw: vec!["--api-key hf_secret".into()],
        };
        let told = [
            ContainersMsg::Listed {
                daemon: sim::daemon(),
                list: list.clone(),
            },
            ContainersMsg::Filled(Box::new(one.clone())),
            sim::measured(1, &list),
            ContainersMsg::Changed(Box::new(list[1].clone())),
            ContainersMsg::Gone(list[2].id.clone()),
            ContainersMsg::Lost {
                why: "no answer".into(),
                hint: None,
            },
        ];
        let msg = |(second, msg)| Msg::Host {
            at: At(second * 1000),
            host: HostId::new("sim-001"),
            msg: HostMsg::Containers(msg),
        };
        let answer = Msg::Answered {
            at: At(7000),
            request: RequestId(1),
            reply: Reply::Detail(std::sync::Arc::new(detail)),
        };
        (1_u64..).zip(told).map(msg).chain([answer]).collect()
    }

    #[test]
    fn containers_are_what_they_were_and_their_secrets_are_not_there() {
        let mut messages = session(1);
        messages.extend(containers());
        let text = written(&messages);
        assert!(text.contains("HF_TOKEN"), "{text}");
        assert!(!text.contains("hf_secret"), "{text}");
        for second in 0..7 {
            let mut replay = Replay::new(open(&text).unwrap()).unwrap();
            replay.seek(At(second * 1000)).unwrap();
            let fleet = format!("{:?}", *replay.fleet());
            assert_eq!(fleet, folded(&messages, At(second * 1000)), "{second} s");
        }
    }

    fn header() -> Header {
        Header::of(&Fleet::new("home", &crate::config::Settings::default()))
    }

    fn written(messages: &[Msg]) -> String {
        let mut text = serde_json::to_string(&header()).unwrap() + "\n";
        for msg in messages {
            let line = serde_json::to_string(&Line::Msg(msg.clone())).unwrap();
            writeln!(text, "{line}").unwrap();
        }
        text
    }

    fn open(text: &str) -> Result<Recording, ReplayError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Recording::open(file.path())
    }

    fn folded(messages: &[Msg], to: At) -> String {
        let mut fleet = header().begin();
        let came = |msg: &&Msg| match msg {
            Msg::Tick { at, .. } | Msg::Hosts { at, .. } | Msg::Host { at, .. } => *at <= to,
            _ => false,
        };
        for msg in messages.iter().filter(came) {
            drop(update(&mut fleet, msg.clone()));
        }
        format!("{fleet:?}")
    }

    #[test]
    fn any_moment_is_what_it_was_whichever_way_it_is_reached() {
        let messages = session(1200);
        let recording = open(&written(&messages)).unwrap();
        assert!(recording.checkpoints.len() > 3);
        let mut replay = Replay::new(recording).unwrap();
        for to in [0, 1_500, 700_000, 699_999, 20, 1_199_020, 300_000, 301_000] {
            replay.seek(At(to)).unwrap();
            assert_eq!(
                format!("{:?}", replay.fleet()),
                folded(&messages, At(to)),
                "at {to}"
            );
        }
        replay.seek(At(10_000)).unwrap();
        for _ in 0..10 {
            replay.advance(Age(100)).unwrap();
        }
        assert_eq!(replay.at(), At(11_000));
        assert_eq!(
            format!("{:?}", replay.fleet()),
            folded(&messages, At(11_000))
        );
        replay.advance(Age(u64::MAX)).unwrap();
        assert_eq!(replay.at(), replay.end());
    }

    #[test]
    fn checkpoints_stay_few_and_evenly_spread() {
        let specs = SimFleet::new(1, 1).specs();
        let at = At(0);
        let mut recording = open(&written(&[Msg::Hosts { at, specs }])).unwrap();
        let fleet = header().begin();
        recording.entries.clear();
        recording.checkpoints.clear();
        for n in 0..1_000_000 {
            recording.mark(&fleet);
            let (offset, at) = (n, At(n));
            recording.entries.push(Entry { offset, at });
        }
        assert!(recording.checkpoints.len() <= CHECKPOINTS);
        let places: Vec<_> = recording.checkpoints.iter().map(|c| c.next).collect();
        assert!(
            places
                .windows(2)
                .all(|pair| pair[1] - pair[0] == recording.spacing)
        );
    }

    #[test]
    fn damage_is_named_by_its_line_and_a_cut_end_is_left_out() {
        let whole = written(&session(3));
        let cut = &whole[..whole.len() - 10];
        let recording = open(cut).unwrap();
        assert!(recording.is_cut_short());
        assert_eq!(recording.entries.len(), session(3).len() - 1);
        assert!(!open(&whole).unwrap().is_cut_short());
        // A whole last line that only lacks its newline is no damage.
        let bare = open(whole.trim_end()).unwrap();
        assert_eq!(bare.entries.len(), session(3).len());
        let bad = whole.replacen("\"tick\"", "\"tock\"", 2);
        let error = open(&bad).unwrap_err();
        assert!(error.to_string().contains("line 3: "), "{error}");
        for none in ["", "\n", "not json", "{\"a\":1}", "\u{0}\u{1}"] {
            let error = open(none).unwrap_err();
            assert!(matches!(error, ReplayError::NotARecording(_)), "{none:?}");
        }
        let newer = whole.replacen("recording\":1", "recording\":2", 1);
        let error = open(&newer).unwrap_err();
        assert!(matches!(error, ReplayError::Newer { .. }));
        let empty = open(&written(&[])).unwrap();
        let mut replay = Replay::new(empty).unwrap();
        replay.advance(Age(1000)).unwrap();
        assert_eq!(replay.end(), At(0));
    }

    #[test]
    fn a_gap_is_told() {
        let text = written(&session(1)) + "{\"gap\":12}\n";
        let mut replay = Replay::new(open(&text).unwrap()).unwrap();
        replay.seek(replay.end()).unwrap();
        let fleet = replay.fleet();
        let told = fleet.notices.back().unwrap();
        assert!(
            told.sentence
                .as_str()
                .starts_with("12 messages are missing")
        );
    }
}
