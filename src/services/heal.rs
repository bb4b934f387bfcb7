//! Whether a wedge is mended now: the decision (pure), and the leave that the host gives to one console at a time (hands).

use std::time::Duration;

use super::limits::{GRACE, Leave, count, leave};
use super::state::{ProbeOutcome, RestartCount};
use crate::domain::{Managed, ServiceName, ServiceSpec, Wall};
use crate::exec::{Exec, ExecError, RunLimits};
use crate::jobs::FUNCTIONS;
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;
use thiserror::Error;

/// The rule as the host keeps it.
const LIMITS: &str = include_str!("limits.sh");

/// Reads the script from its first argument.
const LOADER: &str = "body=$1; shift; eval \"$body\"";

/// Longest wait for the host's answer.
const SOON: Duration = Duration::from_secs(15);

/// Why the host could not be asked for leave.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct LimitsError {
    /// One sentence.
    pub what: String,
    /// What lies beneath.
    #[source]
    pub source: Option<ExecError>,
}

/// The restarts that a host knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarts {
    /// When, by the host's clock; those of the last half hour.
    pub times: Vec<Wall>,
    /// What the host's clock said.
    pub now: Wall,
}

impl Restarts {
    /// As it is shown.
    pub fn count(&self) -> RestartCount {
        count(&self.times, self.now)
    }
}

/// What the host says to one more restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It may be done, and is counted already.
    Go(Restarts),
    /// Not now.
    Held(SafeText, Restarts),
}

/// Whether what a real request found is to be mended: a wedge, of what may be restarted, by a console that has looked for longer
/// than its grace, and not of something that has just started.
pub fn mends(
    spec: &ServiceSpec,
    found: &ProbeOutcome,
    watching: Duration,
    up_for: Option<Duration>,
) -> Result<SafeText, Option<SafeText>> {
    let ProbeOutcome::Wedged(why) = found else {
        return Err(None);
    };
    if !spec.heals || spec.managed == Managed::Watched {
        return Err(None);
    }
    if watching < GRACE {
        return Err(Some("this console began to look less than 60 s ago".into()));
    }
    if up_for.is_some_and(|up| up < GRACE) {
        return Err(Some("it was started less than 60 s ago".into()));
    }
    Ok(why.clone())
}

/// Takes the leave to restart a service, if the limits allow it: of two consoles that ask at once, one gets it.
pub async fn claim(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    service: &ServiceName,
) -> Result<Claim, LimitsError> {
    let (word, restarts) = ask(exec, base, "claim", service).await?;
    Ok(if word == "go" {
        Claim::Go(restarts)
    } else {
        let why = match leave(&restarts.times, restarts.now) {
            Leave::Held { why, .. } => why,
            Leave::Go => "the host keeps it to its limits".into(),
        };
        Claim::Held(why, restarts)
    })
}

/// The restarts that the host knows of; nothing is changed.
pub async fn restarts(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    service: &ServiceName,
) -> Result<Restarts, LimitsError> {
    let (_, restarts) = ask(exec, base, "look", service).await?;
    Ok(restarts)
}

async fn ask(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    verb: &'static str,
    service: &ServiceName,
) -> Result<(String, Restarts), LimitsError> {
    let command = question(base, verb, service, "").ok_or_else(|| odd("a name holds NUL"))?;
    let limits = RunLimits {
        timeout: SOON,
        output: 64 * 1024,
    };
    let output = exec.run(&command, limits).await;
    let output = output.map_err(|error| LimitsError {
        what: "the host could not be asked how often it was restarted".into(),
        source: Some(error),
    })?;
    read(&String::from_utf8_lossy(&output.stdout))
}

/// The command; `now` is the host's own clock where it is empty.
pub(super) fn question(
    base: Option<&RemotePath>,
    verb: &'static str,
    service: &ServiceName,
    now: &str,
) -> Option<ShellCommand> {
    let word = |text: &str| ShellWord::new(text).ok();
    Some(
        ShellCommand::new("sh")
            .arg("-c")
            .arg(LOADER)
            .arg("pilothouse-limits")
            .word(word(&format!("{FUNCTIONS}\n{LIMITS}"))?)
            .word(word(base.map_or("", RemotePath::as_str))?)
            .arg(verb)
            .word(word(&file_of(service))?)
            .word(word(now)?),
    )
}

/// The name of a file that is this service's own: other characters by their number.
fn file_of(service: &ServiceName) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let bytes = service.as_str().bytes().take(60);
    let escaped = bytes.map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    });
    format!("{}.restarts", escaped.collect::<String>())
}

pub(super) fn read(said: &str) -> Result<(String, Restarts), LimitsError> {
    let mut lines = said
        .lines()
        .skip_while(|line| *line != "pilothouse-limits 1");
    let (mut now, mut times, mut word) = (None, Vec::new(), None);
    let wall = |text: &str| {
        text.parse()
            .ok()
            .map(|at: i64| Wall(at.saturating_mul(1000)))
    };
    lines.next();
    for line in lines {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("now", at) => now = wall(at),
            ("at", at) => times.extend(wall(at)),
            ("refused", why) => return Err(odd(&SafeText::new(why).to_string())),
            ("go" | "held" | "looked", _) => word = Some(line.to_owned()),
            ("end", _) => {
                let (Some(now), Some(word)) = (now, word) else {
                    break;
                };
                return Ok((word, Restarts { times, now }));
            }
            _ => {}
        }
    }
    Err(odd("the host did not say how often it was restarted"))
}

fn odd(what: &str) -> LimitsError {
    LimitsError {
        what: what.to_owned(),
        source: None,
    }
}
