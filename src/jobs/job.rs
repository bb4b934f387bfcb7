//! A job in words (pure): its name, what it is to run, how it stands, and its lease.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::domain::{Secret, Wall};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

use super::{JobError, JobErrorKind};

/// The longest name of a job or lease.
const LONGEST: usize = 64;

/// A name that is also the name of a folder: letters, digits, `-` and `_`.
fn checked(text: &str) -> Result<String, JobError> {
    let fits = (1..=LONGEST).contains(&text.len())
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if fits {
        return Ok(text.to_owned());
    }
    let what = format!("{text:?} can't be the name of a job or lease");
    Err(JobError::new(JobErrorKind::Name, what)
        .hint("letters, digits, - and _, at most 64 of them"))
}

/// The name of a job, unique on its host. It is chosen by whoever begins it: a begin whose answer was lost is asked again with
/// the same name, and begins nothing twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

impl JobId {
    /// Takes letters, digits, `-` and `_`.
    pub fn new(text: &str) -> Result<Self, JobError> {
        checked(text).map(Self)
    }

    /// A name nobody has yet.
    pub fn fresh() -> Self {
        Self(format!("job-{:016x}", fastrand::u64(..)))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What only one job of a host may work on at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseKey(String);

impl LeaseKey {
    /// Takes letters, digits, `-` and `_`.
    pub fn new(text: &str) -> Result<Self, JobError> {
        checked(text).map(Self)
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a job runs. Its environment gets `PILOTHOUSE_JOB` and `PILOTHOUSE_GENERATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A program and its arguments.
    Command(ShellCommand),
    /// A POSIX script of any number of lines, run by the host's `sh` from a file, with `$1`, `$2`, …. It is no place for a
    /// secret. Two functions are there for it, and not for the programs that it starts:
    ///
    /// - `mark KEY VALUE` sets a [`Mark`]: the phase, the progress, whatever whoever looks has to know.
    /// - `holds` fails where the job's lease has gone to another meanwhile: ask before each step that comes late.
    Script {
        /// At most 48 KiB.
        text: String,
        /// Its arguments.
        arguments: Vec<ShellWord>,
    },
}

/// A job that is to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// What is run.
    pub work: Work,
    /// Its standard input, at most 64 KiB without NUL; nothing else of a job may hold a secret. It travels beside the command,
    /// lies in a file that only the login may read until the program has it open, and has no name any more after that. As a
    /// file of variables it is `. /dev/stdin` to a script and `--env-file /dev/stdin` to a program.
    pub input: Option<Secret<String>>,
    /// What it is for, in a few words for whoever lists the host's jobs.
    pub label: String,
    /// It is begun only if no other job at work holds this; it holds it until it ended, however it ended.
    pub lease: Option<LeaseKey>,
    /// It is ended when it takes longer, and its lease is free with it.
    pub limit: Option<Duration>,
}

impl JobSpec {
    /// A job that runs this and nothing more is said of.
    pub fn new(work: Work, label: impl Into<String>) -> Self {
        Self {
            work,
            input: None,
            label: label.into(),
            lease: None,
            limit: None,
        }
    }
}

/// A job that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub id: JobId,
    /// How often its lease was taken, this time included; 0 without a lease. Whoever wrote with a smaller one is late.
    pub generation: u64,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It is at work.
    Running,
    /// It ended with this exit status; above 128, by the signal of that number less 128.
    Ended(u32),
    /// Somebody cancelled it.
    Cancelled,
    /// It took longer than its limit.
    Expired,
    /// Its runner is gone and left no outcome.
    Lost,
}

/// A job in the list of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// When it was begun, by the host's clock.
    pub begun: Wall,
    /// How it stands.
    pub state: JobState,
    /// What it is for.
    pub label: SafeText,
    /// The lease it took, and its generation.
    pub lease: Option<(LeaseKey, u64)>,
    /// What it has said of itself.
    pub marks: Marks,
}

impl Job {
    /// The lease that it holds now, and its generation: one that ended, or was lost, holds none.
    pub fn holds(&self) -> Option<(&LeaseKey, u64)> {
        let lease = self
            .lease
            .as_ref()
            .map(|(key, generation)| (key, *generation));
        lease.filter(|_| self.state == JobState::Running)
    }
}

/// What a job says of itself by `mark`. It lies beside the log and not in it: no line that any program writes becomes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The value, at most 200 bytes of one line.
    pub value: SafeText,
    /// When it was set, by the host's clock.
    pub at: Wall,
}

/// The last mark of each key, at most twelve of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(BTreeMap<String, Mark>);

impl Marks {
    /// The mark of a key.
    pub fn get(&self, key: &str) -> Option<&Mark> {
        self.0.get(key)
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Mark)> {
        self.0.iter().map(|(key, mark)| (key.as_str(), mark))
    }

    pub(super) fn set(&mut self, key: &str, mark: Mark) -> Result<(), JobError> {
        self.0.insert(checked(key)?, mark);
        Ok(())
    }
}

/// A part of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// Where it begins; later than was asked where the log had dropped what came before.
    pub from: u64,
    /// Its bytes, as the job wrote them: foreign text.
    pub bytes: Bytes,
    /// Where the log ended.
    pub end: u64,
    /// What it had said of itself by then.
    pub marks: Marks,
    /// How the job stood before its log was read: once it ended and `next` is at `end`, nothing more comes.
    pub state: JobState,
}

impl LogPart {
    /// Where to go on.
    pub fn next(&self) -> u64 {
        self.from.saturating_add(self.bytes.len() as u64)
    }
}
