//! The jobs of one host (hands): one command per question, on whatever connection there is now.

use std::sync::Arc;
use std::time::Duration;

use crate::exec::{Exec, RunLimits, feed};
use crate::shell::{RemotePath, ShellCommand, ShellWord};

use super::answer::{Answer, parse, protocol};
use super::functions::{FUNCTIONS, LOADER, RUNNER, SCRIPT};
use super::{Begun, Job, JobError, JobErrorKind, JobId, JobSpec, JobState, LogPart, Work};

/// The most of a log that one question brings.
const MOST: u64 = 256 * 1024;

/// The longest input of a job.
const MOST_INPUT: usize = 64 * 1024;

/// The longest script of a job.
const MOST_SCRIPT: usize = 48 * 1024;

/// The longest line that a login shell is given: the kernel's bound for one argument, less some.
const MOST_WORDS: usize = 127 * 1024;

/// How long a job is asked to end before it is ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// The jobs of one host, one command per question, on whatever connection there is: [`begin`](Self::begin),
/// [`look`](Self::look), [`state`](Self::state), [`follow`](Self::follow), [`cancel`](Self::cancel), [`list`](Self::list),
/// [`forget`](Self::forget).
///
/// A job is a [`JobSpec`]: its [`Work`] (a command, or a script that sets [`Marks`](super::Marks)), secrets as its `input`, a
/// lease, a limit. The console keeps nothing of it: another one lists the host's jobs, reads the phase of each in its marks and
/// who holds which lease, and follows a log on from any byte. A lease is free when its job has ended or was killed, or when the
/// host has booted since. Each taking of it has a generation; a late step finds by `holds` that the lease is another's by now.
pub struct Jobs {
    exec: Arc<dyn Exec>,
    base: String,
}

impl Jobs {
    /// The jobs of the login's own folder, `~/.pilothouse`.
    pub fn new(exec: Arc<dyn Exec>) -> Self {
        Self {
            exec,
            base: String::new(),
        }
    }

    /// The jobs of another folder.
    pub fn at(exec: Arc<dyn Exec>, base: &RemotePath) -> Self {
        Self {
            exec,
            base: base.as_str().to_owned(),
        }
    }

    /// Begins a job. It is begun once: the same name again only tells that it was.
    pub async fn begin(&self, id: &JobId, spec: &JobSpec) -> Result<Begun, JobError> {
        let limit = spec.limit.map_or(0, |limit| limit.as_secs().max(1));
        let input = spec.input.as_ref().map(|input| input.expose().as_bytes());
        if input.is_some_and(|input| input.len() > MOST_INPUT || input.contains(&0)) {
            let what = "the input of a job holds NUL or is longer than 64 KiB";
            return Err(JobError::new(JobErrorKind::Name, what));
        }
        let expected = input.map_or_else(String::new, |input| input.len().to_string());
        let command = self
            .ask("begin")?
            .word(name(id.as_str())?)
            .word(name(spec.lease.as_ref().map_or("", |key| key.as_str()))?)
            .word(limit)
            .word(name(&spec.label)?)
            .word(name(&expected)?);
        let command = work(command, &spec.work)?;
        if command.render().len() > MOST_WORDS {
            let what = "the words of a job are longer than a login shell is given";
            return Err(JobError::new(JobErrorKind::Name, what));
        }
        let timeout = Duration::from_secs(20);
        let answer = match input {
            None => self.answer(&command, timeout).await?,
            Some(input) => {
                let fed = feed(self.exec.as_ref(), &command, input, limits(timeout)).await;
                parse(&fed.map_err(JobError::host)?)?
            }
        };
        let generation = answer
            .generation
            .ok_or_else(|| protocol("the host did not say that it began the job"))?;
        Ok(Begun {
            id: id.clone(),
            generation,
        })
    }

    /// All that the host knows of one job: how it stands, its lease, its marks.
    pub async fn look(&self, id: &JobId) -> Result<Job, JobError> {
        let command = self.ask("look")?.word(name(id.as_str())?);
        let answer = self.answer(&command, Duration::from_secs(10)).await?;
        let job = answer.jobs.into_iter().next();
        job.ok_or_else(|| protocol("the host did not say how the job stands"))
    }

    /// How a job stands.
    pub async fn state(&self, id: &JobId) -> Result<JobState, JobError> {
        self.stands(self.ask("state")?.word(name(id.as_str())?), 0)
            .await
    }

    /// Its log from this byte on, at most 256 KiB at a time.
    pub async fn follow(&self, id: &JobId, from: u64) -> Result<LogPart, JobError> {
        self.follow_for(id, from, Duration::ZERO).await
    }

    /// The same as soon as it ends, or after this time.
    pub async fn follow_for(
        &self,
        id: &JobId,
        from: u64,
        patience: Duration,
    ) -> Result<LogPart, JobError> {
        let command = self
            .ask("follow")?
            .word(name(id.as_str())?)
            .word(from)
            .word(MOST)
            .word(u64::try_from(patience.as_millis() / 50).unwrap_or_default());
        let limit = patience + Duration::from_secs(20);
        let answer = self.answer(&command, limit).await?;
        let (Some((from, end)), Some(state)) = (answer.log, answer.state) else {
            return Err(protocol("the host did not say how far the log goes"));
        };
        Ok(LogPart {
            from,
            bytes: answer.bytes,
            end,
            marks: answer.marks,
            state,
        })
    }

    /// Ends a job with all it started: asked first, ended ten seconds later. Tells how it stands then; what had ended already
    /// stays as it was.
    pub async fn cancel(&self, id: &JobId) -> Result<JobState, JobError> {
        let hundredths = PATIENCE.as_secs() * 100;
        let command = self
            .ask("cancel")?
            .word(name(id.as_str())?)
            .word(hundredths);
        self.stands(command, PATIENCE.as_secs() + 8).await
    }

    /// The jobs that the host remembers, those that ended last among them, and who holds which lease: one command, at most 4 KiB
    /// for each.
    pub async fn list(&self) -> Result<Vec<Job>, JobError> {
        let answer = self
            .answer(&self.ask("list")?, Duration::from_secs(20))
            .await?;
        Ok(answer.jobs)
    }

    /// Strikes a job that is no longer at work, with its log.
    pub async fn forget(&self, id: &JobId) -> Result<(), JobError> {
        let command = self.ask("forget")?.word(name(id.as_str())?);
        let answer = self.answer(&command, Duration::from_secs(20)).await?;
        if answer.forgotten {
            return Ok(());
        }
        Err(protocol("the host did not say that it forgot the job"))
    }

    async fn stands(&self, command: ShellCommand, longer: u64) -> Result<JobState, JobError> {
        let limit = Duration::from_secs(10 + longer);
        let answer = self.answer(&command, limit).await?;
        answer
            .state
            .ok_or_else(|| protocol("the host did not say how the job stands"))
    }

    fn ask(&self, verb: &'static str) -> Result<ShellCommand, JobError> {
        Ok(ShellCommand::new("sh")
            .arg("-c")
            .arg(LOADER)
            .arg("pilothouse-jobs")
            .word(name(&format!("{FUNCTIONS}\n{RUNNER}"))?)
            .word(name(&self.base)?)
            .arg(verb))
    }

    async fn answer(&self, command: &ShellCommand, timeout: Duration) -> Result<Answer, JobError> {
        let output = self
            .exec
            .run(command, limits(timeout))
            .await
            .map_err(JobError::host)?;
        parse(&output.stdout).map_err(|error| said(error, &output.stderr))
    }
}

fn limits(timeout: Duration) -> RunLimits {
    RunLimits {
        timeout,
        output: 2 * 1024 * 1024,
    }
}

/// What is run, as the last words of a begin.
fn work(command: ShellCommand, work: &Work) -> Result<ShellCommand, JobError> {
    match work {
        Work::Command(program) => Ok(command.arg("").arg("").command(program.clone())),
        Work::Script { text, .. } if text.is_empty() || text.len() > MOST_SCRIPT => {
            let what = "the script of a job is empty or longer than 48 KiB";
            Err(JobError::new(JobErrorKind::Name, what))
        }
        Work::Script { text, arguments } => {
            let command = command.arg(SCRIPT).word(name(text)?);
            Ok(arguments.iter().cloned().fold(command, ShellCommand::word))
        }
    }
}

/// An answer that is not ours is explained by what was complained of.
fn said(error: JobError, complaint: &[u8]) -> JobError {
    let first = complaint
        .split(|byte| *byte == b'\n')
        .find(|line| !line.is_empty());
    match (&error.kind, first) {
        (JobErrorKind::Protocol, Some(line)) => {
            let line = crate::text::SafeText::from_bytes(line);
            protocol(format!("{}: {line}", error.what))
        }
        _ => error,
    }
}

fn name(text: &str) -> Result<ShellWord, JobError> {
    ShellWord::new(text).map_err(|error| JobError::new(JobErrorKind::Name, error.to_string()))
}
