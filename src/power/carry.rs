//! A verb sent over a power switch, and what became of it. It is sent once: when its answer is lost, the far side is asked
//! what it did. Our own limits end only our waiting.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::domain::{At, PowerVerb};
use crate::exec::{Exec, ExecError, ExecErrorKind, Exit, Output, RunLimits};
use crate::shell::ShellCommand;
use crate::text::SafeText;

use super::protocol::{self, Answer, exit};
use super::{OperationState, PowerError, PowerErrorKind, PowerReport};

/// The way to a power switch: a new connection each time, with nothing but its own key.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Connects. The connection ends with what is handed out.
    async fn dial(&self) -> Result<Arc<dyn Exec>, ExecError>;
}

/// How long we wait, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarryLimits {
    /// For a connection.
    pub dial: Duration,
    /// For the answer to a verb: an operation's name. `forensics` may take the far side's budget beside it.
    pub answer: Duration,
    /// Between two looks at an operation.
    pub pace: Duration,
    /// How long an operation whose name was lost is looked for.
    pub search: Duration,
    /// For the end of an operation, from the moment its verb was sent.
    pub whole: Duration,
}

impl Default for CarryLimits {
    fn default() -> Self {
        Self {
            dial: Duration::from_secs(10),
            answer: Duration::from_secs(15),
            pace: Duration::from_secs(1),
            search: Duration::from_secs(30),
            whole: Duration::from_mins(4),
        }
    }
}

/// The budget that the far side has for forensics.
const FORENSICS: Duration = Duration::from_secs(20);

/// How much older than our sending an operation of ours may look: its age is told in whole seconds.
const SLACK: Duration = Duration::from_secs(5);

/// The most that is read of an answer.
const MOST_BYTES: usize = 256 * 1024;

/// What became of a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// The far side says that it is done.
    Done(PowerReport),
    /// It was not begun, or it failed.
    Failed {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It may or may not have happened.
    Unknown {
        /// Why nobody can tell.
        why: SafeText,
        /// What to look at.
        hint: SafeText,
    },
}

impl Carried {
    pub(super) fn failed(why: impl Into<SafeText>, hint: Option<String>) -> Self {
        Self::Failed {
            why: why.into(),
            hint: hint.map(SafeText::from),
        }
    }

    pub(super) fn unknown(why: impl Into<SafeText>) -> Self {
        Self::Unknown {
            why: why.into(),
            hint: SafeText::new("look at `status` before anything is sent again"),
        }
    }
}

/// Sends a verb that only looks, and gives what it saw.
pub async fn look(
    dial: &dyn Dial,
    verb: PowerVerb,
    limits: &CarryLimits,
) -> Result<PowerReport, PowerError> {
    if verb.changes() {
        let what = format!("{verb} is no look");
        return Err(PowerError::new(PowerErrorKind::Setup, what));
    }
    let longest = match verb {
        PowerVerb::Forensics => limits.answer + FORENSICS,
        _ => limits.answer,
    };
    let (answer, _) = ask(dial, verb, limits.dial, longest).await?;
    complete(answer).map(|answer| answer.report)
}

/// Sends a verb that changes something, once, and follows its operation to the end. `seen` is told how far it is.
pub async fn carry(
    dial: &dyn Dial,
    verb: PowerVerb,
    limits: &CarryLimits,
    clock: &Clock,
    seen: &mut (dyn FnMut(SafeText) + Send),
) -> Carried {
    let exec = match connect(dial, limits.dial).await {
        Ok(exec) => exec,
        Err(error) => return refusal(&error),
    };
    seen(SafeText::new("connected; the verb leaves"));
    let errand = Errand {
        dial,
        verb,
        limits,
        clock,
        sent: clock.at(),
    };
    let sent = exec.run(&word(verb), run_limits(limits.answer)).await;
    drop(exec);
    match weigh(verb, sent) {
        Weighed::Ended(carried) => carried,
        Weighed::Begun(id) => errand.follow(&id, seen).await,
        Weighed::Lost(why) => {
            seen(SafeText::new(&format!("{why}; asking what became of it")));
            match errand.search(&why, seen).await {
                Ok(id) => errand.follow(&id, seen).await,
                Err(carried) => carried,
            }
        }
    }
}

fn word(verb: PowerVerb) -> ShellCommand {
    ShellCommand::new(verb.word())
}

fn run_limits(timeout: Duration) -> RunLimits {
    RunLimits {
        timeout,
        output: MOST_BYTES,
    }
}

async fn connect(dial: &dyn Dial, limit: Duration) -> Result<Arc<dyn Exec>, PowerError> {
    let what = "the power switch can't be reached";
    match timeout(limit, dial.dial()).await {
        Ok(connected) => connected.map_err(|error| PowerError::unreachable(what, error)),
        Err(_) => {
            let slow = format!("it did not answer in {} s", limit.as_secs());
            let error = ExecError::new(ExecErrorKind::Timeout, slow);
            Err(PowerError::unreachable(what, error))
        }
    }
}

async fn ask(
    dial: &dyn Dial,
    verb: PowerVerb,
    connecting: Duration,
    answering: Duration,
) -> Result<(Answer, Exit), PowerError> {
    let exec = connect(dial, connecting).await?;
    let output = exec
        .run(&word(verb), run_limits(answering))
        .await
        .map_err(|error| PowerError::unreachable("the power switch did not answer", error))?;
    Ok((read(&output), output.exit))
}

/// What it printed; what it complained of is shown below it.
fn read(output: &Output) -> Answer {
    let mut answer = protocol::parse(&output.stdout);
    let complaints = output
        .stderr
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    answer
        .report
        .lines
        .extend(complaints.take(20).map(protocol::bounded));
    answer
}

/// An answer that is ours and whole, and does not say no.
fn complete(answer: Answer) -> Result<Answer, PowerError> {
    let said = answer.report.lines.first().cloned().unwrap_or_default();
    if let Some(version) = answer.version.filter(|_| !answer.is_ours()) {
        return Err(other_version(version));
    }
    if !answer.is_ours() {
        let what = format!("what answers is no pilothouse-power: {said}");
        return Err(PowerError::new(PowerErrorKind::Protocol, what).hint(
            "`pilothouse power install` prints the script and the line for authorized_keys",
        ));
    }
    if let Some(why) = answer.refused {
        return Err(PowerError::new(
            PowerErrorKind::Refused,
            format!("the power switch says no: {why}"),
        ));
    }
    if answer.end.is_none() {
        let what = "the answer of the power switch broke off";
        return Err(PowerError::new(PowerErrorKind::Protocol, what).hint("ask again"));
    }
    Ok(answer)
}

/// The script there is not the one that this program speaks with.
fn other_version(version: u32) -> PowerError {
    let ours = protocol::VERSION;
    let what = format!("the script there speaks version {version}; this program speaks {ours}");
    let hint = if version < ours {
        "install the script again: `pilothouse power install` prints it"
    } else {
        "this program is older than the script: update it, or install the script that its `power install` prints"
    };
    PowerError::new(PowerErrorKind::Protocol, what).hint(hint)
}

fn refusal(error: &PowerError) -> Carried {
    let mut why = error.to_string();
    let mut beneath = std::error::Error::source(error);
    while let Some(cause) = beneath {
        why = format!("{why}: {cause}");
        beneath = cause.source();
    }
    Carried::failed(why, error.hint.clone())
}

/// What the answer to a verb means.
enum Weighed {
    /// The operation has this name.
    Begun(SafeText),
    /// Nothing follows.
    Ended(Carried),
    /// It was sent, and its answer did not arrive.
    Lost(String),
}

fn weigh(verb: PowerVerb, sent: Result<Output, ExecError>) -> Weighed {
    let output = match sent {
        Ok(output) => output,
        Err(error) if error.kind == ExecErrorKind::Refused => {
            return Weighed::Ended(refusal(&PowerError::unreachable(
                "the power switch did not take the verb",
                error,
            )));
        }
        Err(error) => return Weighed::Lost(format!("the answer was lost ({error})")),
    };
    let answer = read(&output);
    let status = match output.exit {
        Exit::Status(code) => Some(code),
        Exit::Refused => {
            let why = "the power switch did not take the verb";
            return Weighed::Ended(Carried::failed(why, None));
        }
        Exit::Signal(_) | Exit::Unknown => None,
    };
    if let Some(id) = answer.begun {
        return Weighed::Begun(id);
    }
    let says_no = answer.busy.is_some() || answer.refused.is_some();
    match answer.end.or(status) {
        _ if answer.end.is_none() && output.dropped > 0 => {
            Weighed::Lost("the answer was too long to be read to its end".to_owned())
        }
        // It is begun before that is said.
        None => Weighed::Lost("the answer broke off".to_owned()),
        Some(_) if answer.is_ours() && answer.end.is_none() && !says_no => {
            Weighed::Lost("the answer broke off".to_owned())
        }
        Some(0) if answer.is_ours() && !says_no => {
            Weighed::Lost("the answer says that all is well, and not what was begun".to_owned())
        }
        Some(0) if !answer.is_ours() => Weighed::Ended(Carried::unknown(
            "something took the verb and said nothing that pilothouse-power says",
        )),
        Some(code) => Weighed::Ended(told_no(verb, &answer, code)),
    }
}

fn told_no(verb: PowerVerb, answer: &Answer, code: u32) -> Carried {
    if let Some(other) = &answer.busy {
        let what = answer
            .operation(other)
            .map_or_else(|| other.to_string(), |o| format!("{} ({other})", o.verb));
        let hint = "wait for its end: `status` tells how far it is".to_owned();
        return Carried::failed(format!("it is busy with {what}"), Some(hint));
    }
    if let Some(why) = &answer.refused {
        return Carried::failed(format!("the power switch says no: {why}"), None);
    }
    if answer.is_ours() {
        let why = format!("{verb} was not begun (exit {code})");
        let hint = (code == exit::REJECTED)
            .then(|| "the script there is of another version: install it again".to_owned());
        return Carried::failed(why, hint);
    }
    let said = answer.report.lines.first().cloned().unwrap_or_default();
    Carried::failed(
        format!("what answers is no pilothouse-power (exit {code}): {said}"),
        Some("`pilothouse power install` prints what belongs there".to_owned()),
    )
}

/// A verb that has been sent.
struct Errand<'a> {
    dial: &'a dyn Dial,
    verb: PowerVerb,
    limits: &'a CarryLimits,
    clock: &'a Clock,
    sent: At,
}

impl Errand<'_> {
    fn gone(&self) -> Duration {
        self.clock.at().since(self.sent).duration()
    }

    async fn status(&self) -> Result<Answer, PowerError> {
        let asked = ask(
            self.dial,
            PowerVerb::Status,
            self.limits.dial,
            self.limits.answer,
        );
        let (answer, _) = asked.await?;
        complete(answer)
    }

    /// Looks for the operation whose name was lost: one of our verb that is not older than our sending.
    async fn search(
        &self,
        lost: &str,
        seen: &mut (dyn FnMut(SafeText) + Send),
    ) -> Result<SafeText, Carried> {
        let until = self.gone() + self.limits.search;
        let mut why = None;
        while self.gone() < until {
            match self.status().await {
                Ok(answer) => {
                    // Its age is told in whole seconds, and counted on another clock.
                    let ago = self.gone() + Duration::from_secs(1);
                    if let Some(ours) = answer.begun_since(self.verb, ago) {
                        return Ok(ours.id.clone());
                    }
                    why = None;
                }
                Err(error) => {
                    seen(SafeText::new(&error.to_string()));
                    why = Some(error);
                }
            }
            sleep(self.limits.pace).await;
        }
        let more = why.map_or_else(
            || format!("the far side knows of no new {}", self.verb),
            |error| format!("and {error}"),
        );
        Err(Carried::unknown(format!("{lost}; {more}")))
    }

    /// What a look says of our operation; `None`: nothing. `is_met`: a look has told of it before.
    fn ours(
        &self,
        id: &SafeText,
        answer: &Answer,
        is_met: bool,
    ) -> Option<Result<OperationState, String>> {
        let mut told = answer.operations.iter().filter(|(op, _)| op.id == *id);
        let (found, age) = told.next()?;
        let verb = self.verb;
        Some(if told.any(|(other, _)| other != found) {
            Err(format!(
                "the far side says two things of the operation {id}"
            ))
        } else if found.verb != verb {
            Err(format!(
                "the operation {id} is no {verb} but a {}",
                found.verb
            ))
        } else if !is_met && age.is_some_and(|age| age > self.gone() + SLACK) {
            Err(format!("the operation {id} is older than this {verb}"))
        } else {
            Ok(found.state.clone())
        })
    }

    /// Looks at our operation until it ended.
    async fn follow(&self, id: &SafeText, seen: &mut (dyn FnMut(SafeText) + Send)) -> Carried {
        let (mut forgotten, mut is_met) = (0, false);
        let mut last = SafeText::new("begun");
        seen(last.clone());
        while self.gone() < self.limits.whole {
            match self.status().await {
                Ok(answer) => match self.ours(id, &answer, is_met) {
                    Some(Err(why)) => return Carried::unknown(why),
                    Some(Ok(OperationState::Running(phase))) => {
                        is_met = true;
                        last = phase;
                        seen(last.clone());
                    }
                    Some(Ok(OperationState::Done)) => return Carried::Done(answer.report),
                    Some(Ok(OperationState::Failed(why))) => return Carried::failed(why, None),
                    Some(Ok(OperationState::Lost)) => {
                        let why = "what did it there is gone and left no outcome";
                        return Carried::unknown(why);
                    }
                    None => forgotten += 1,
                },
                Err(error) => seen(SafeText::new(&format!("{error}; last seen: {last}"))),
            }
            if forgotten >= 3 {
                return Carried::unknown(format!(
                    "the far side no longer knows the operation {id}"
                ));
            }
            sleep(self.limits.pace).await;
        }
        let waited = self.limits.whole.as_secs();
        let why = format!("no end of it in {waited} s (it goes on there); last seen: {last}");
        Carried::unknown(why)
    }
}
