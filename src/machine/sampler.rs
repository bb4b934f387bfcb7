//! The hands: one script in one exec, a line out and a frame back for each beat. What it all means is read in
//! `reader`; what runs on the host stands in `host.sh`.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::time::timeout;

use super::reader::{Heard, Reader};
use super::wire::{NAME, VERSION};
use crate::clock::Clock;
use crate::domain::{At, GpuSourceChoice, Sample};
use crate::exec::{Exec, ExecError, ExecErrorKind, Exit, Fd, LineStream, StreamEvent};
use crate::gpu::{NvmlSource, NvmlThread};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

const SCRIPT: &str = include_str!("host.sh");

/// Longest silence after a beat was asked for. A host that swaps may take seconds; one that is wedged never answers.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a beat waits for NVML: reading eight GPUs takes a few milliseconds.
const NVML_PATIENCE: Duration = Duration::from_millis(200);

/// Longest last words that are kept, in bytes.
const LAST_WORDS: usize = 400;

/// How a host is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplerSettings {
    /// Time between two rows of the vendor's tool: the time between two beats.
    pub period: Duration,
    /// Who is asked about the GPUs.
    pub gpu: GpuSourceChoice,
}

/// What one beat brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// The parts that were read anew.
    pub sample: Sample,
    /// From our line to the end of the answer: how quick a command on this host is.
    pub round_trip: Duration,
}

/// Why a host can't be sampled any more. Start anew after it.
#[derive(Debug, Error)]
pub enum SamplerError {
    /// The script could not be started, or its connection is gone.
    #[error("the sampler could not be started")]
    Exec(#[source] ExecError),
    /// It was started and does not answer.
    #[error("no answer from the sampler for {} s", .0.as_secs())]
    Silent(Duration),
    /// It ended.
    #[error("the sampler ended: {said}")]
    Ended {
        /// How it ended; unknown where the connection went with it.
        exit: Exit,
        /// The last thing that was written to standard error, or how it ended in words.
        said: SafeText,
    },
    /// Something else ran in its place, or its shell gave up.
    #[error("the host did not run our command: {said}")]
    NotOurs {
        /// The last line that came instead, or how it ended in words.
        said: SafeText,
    },
    /// It answers in another version of the protocol.
    #[error("the sampler on the host speaks another version")]
    WrongVersion,
}

impl SamplerError {
    /// The same end, of a script that has not said a word.
    fn before_hello(self) -> Self {
        match self {
            // Without `sh` there is nothing to run, and no other command is to blame.
            Self::Ended {
                exit: Exit::Status(status),
                said,
            } if !matches!(status, 126 | 127) => Self::NotOurs { said },
            other => other,
        }
    }

    /// Whether the host took what we asked and said nothing.
    pub fn silent(&self) -> bool {
        match self {
            Self::Silent(_) => true,
            Self::Exec(error) => error.kind == ExecErrorKind::Timeout,
            Self::Ended { .. } | Self::NotOurs { .. } | Self::WrongVersion => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exec(error) => error.hint.clone(),
            Self::Silent(_) => Some(
                "the host accepts commands and does not finish them: it may be out of memory or wedged".into(),
            ),
            Self::Ended {
                exit: Exit::Status(126 | 127),
                ..
            } => Some("the host needs a POSIX `sh` on the path of a login without terminal".into()),
            Self::Ended {
                exit: Exit::Refused,
                ..
            } => Some("its sshd_config or the options of our key in authorized_keys forbid it".into()),
            Self::NotOurs { .. } => Some(
                "the login has a command of its own (ForceCommand, command= of its key) or no usable shell".into(),
            ),
            Self::Ended { .. } | Self::WrongVersion => None,
        }
    }
}

/// A host that is being sampled. Dropping it ends the script and everything that it started.
#[derive(Debug)]
pub struct Sampler {
    stream: LineStream,
    reader: Reader,
    clock: Clock,
    nvml: Option<NvmlThread>,
    last_words: SafeText,
}

impl Sampler {
    /// Starts the script on a host and waits until it stands.
    pub async fn start(exec: &dyn Exec, settings: &SamplerSettings) -> Result<Self, SamplerError> {
        let nonce = format!("{:016x}", fastrand::u64(..));
        let command = command(&nonce, settings.period);
        let stream = exec.stream(&command).await.map_err(SamplerError::Exec)?;
        let mut sampler = Self {
            stream,
            reader: Reader::new(nonce, settings.gpu),
            clock: Clock::system(),
            nvml: None,
            last_words: SafeText::default(),
        };
        let greeted = sampler.hear(At::default(), Heard::Hello).await;
        greeted.map_err(SamplerError::before_hello)?;
        sampler.last_words = SafeText::default();
        Ok(sampler)
    }

    /// Starts it on this machine: the GPUs are read through NVML where its library is there, unless another source is
    /// wished for.
    pub async fn start_here(
        exec: &dyn Exec,
        settings: &SamplerSettings,
    ) -> Result<Self, SamplerError> {
        let nvml = match settings.gpu {
            GpuSourceChoice::Auto => NvmlSource::start().ok(),
            GpuSourceChoice::Nvml => Some(NvmlSource::start_or_say_why()),
            _ => None,
        };
        let beside = SamplerSettings {
            gpu: GpuSourceChoice::None,
            ..*settings
        };
        let settings = if nvml.is_some() { &beside } else { settings };
        let mut sampler = Self::start(exec, settings).await?;
        sampler.nvml = nvml;
        Ok(sampler)
    }

    /// Asks for one beat and waits for its end. `at` is the moment that the rates are counted by where the host's own
    /// clock is missing. Safe to drop half-way: the next beat passes over the late answer.
    pub async fn beat(&mut self, at: At) -> Result<Beat, SamplerError> {
        let request = self.reader.request();
        let asked = self.clock.at();
        let sent = self.stream.send(Bytes::from(request.encode()));
        let heard = match timeout(PATIENCE, sent).await {
            // A command that ended says so in its stream, which is the better reason.
            Ok(_) => self.hear(at, Heard::End(request.seq)).await,
            Err(_) => Err(SamplerError::Silent(PATIENCE)),
        };
        heard?;
        let round_trip = self.clock.at().since(asked).duration();
        if let Some(nvml) = &mut self.nvml
            && let Some(line) = nvml.read(NVML_PATIENCE).await
        {
            self.reader.beside(line.report, line.processes);
        }
        Ok(Beat {
            sample: self.reader.take_sample(),
            round_trip,
        })
    }

    async fn hear(&mut self, at: At, wanted: Heard) -> Result<(), SamplerError> {
        timeout(PATIENCE, self.listen(at, wanted))
            .await
            .unwrap_or(Err(SamplerError::Silent(PATIENCE)))
    }

    async fn listen(&mut self, at: At, wanted: Heard) -> Result<(), SamplerError> {
        loop {
            match self.stream.next().await {
                Some(StreamEvent::Line {
                    fd: Fd::Out,
                    bytes,
                    dropped: 0,
                }) => match self.reader.line(&bytes, at) {
                    Heard::WrongVersion => return Err(SamplerError::WrongVersion),
                    heard if heard == wanted => return Ok(()),
                    _ if wanted == Heard::Hello => self.keep(&bytes),
                    _ => {}
                },
                Some(StreamEvent::Line {
                    fd: Fd::Err, bytes, ..
                }) => self.keep(&bytes),
                Some(StreamEvent::Line { .. } | StreamEvent::Gap { .. }) => {}
                Some(StreamEvent::Exit(exit)) => return Err(self.ended(exit)),
                None => return Err(self.ended(Exit::Unknown)),
            }
        }
    }

    /// Keeps a line that may turn out to be the reason.
    fn keep(&mut self, line: &[u8]) {
        let line = line.get(..LAST_WORDS).unwrap_or(line).trim_ascii();
        if !line.is_empty() {
            self.last_words = SafeText::from_bytes(line);
        }
    }

    fn ended(&mut self, exit: Exit) -> SamplerError {
        let said = std::mem::take(&mut self.last_words);
        let said = match &exit {
            _ if !said.is_empty() => said,
            Exit::Status(status) => format!("status {status}").into(),
            Exit::Signal(name) => format!("signal {name}").into(),
            Exit::Refused => "the host does not run commands for this login".into(),
            Exit::Unknown => "the connection is gone".into(),
        };
        SamplerError::Ended { exit, said }
    }
}

/// The one exec: the script as an argument, so that no file lies on the host.
fn command(nonce: &str, period: Duration) -> ShellCommand {
    let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    ShellCommand::new("sh")
        .arg("-c")
        .word(word(&bare_script()))
        .arg(NAME)
        .word(u64::from(VERSION))
        .word(word(nonce))
        .word(period)
}

/// Neither the script nor a nonce holds NUL, the only thing that a word refuses.
fn word(text: &str) -> ShellWord {
    ShellWord::new(text).unwrap_or_else(|_| ShellWord::literal(""))
}

/// The script without comments and indentation: it is sent with every start.
fn bare_script() -> String {
    let lines = SCRIPT.lines().map(|line| line.trim_start_matches('\t'));
    let kept: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    kept.join("\n")
}
