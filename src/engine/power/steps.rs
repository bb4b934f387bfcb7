//! The steps of a power act, one function each: what it does on its own, and the report that the plan is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, timeout};

use super::served::served;
use super::switch::Switch;
use crate::domain::{At, HostId, PowerVerb};
use crate::engine::command::{Actor, Command, Refusal};
use crate::engine::host_actor::Shared;
use crate::engine::host_state::{Host, Link};
use crate::exec::{Exec, ExecErrorKind, Exit, RunLimits};
use crate::power::{Carried, MachineState, PowerReport, StepKind, StepReport};
use crate::reach::Verdict;
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// What looking at the evidence may hold the verb up: it was asked for when the window began.
const EVIDENCE: Duration = Duration::from_millis(700);

/// What `sync` may take.
const DRAIN: RunLimits = RunLimits {
    timeout: Duration::from_secs(9),
    output: 4096,
};

/// What asking for a reboot may take.
const ASK: RunLimits = RunLimits {
    timeout: Duration::from_secs(15),
    output: 4096,
};

/// Between two looks at a host that should come back.
const PACE: Duration = Duration::from_secs(1);

/// Machines tell their uptime in whole seconds, and we read it a moment later.
const SLACK: Duration = Duration::from_secs(2);

/// Looks after which a closed link is dialled at once.
const NUDGE: u32 = 3;

/// Asks the machine to restart by itself, as root or by sudo without a question.
const REBOOT: &str = r#"root=
[ "$(id -u)" = 0 ] || root="sudo -n"
if command -v systemctl >/dev/null 2>&1; then $root systemctl reboot; else $root reboot; fi"#;

/// What the steps of one act share.
pub(super) struct Steps {
    pub(super) host: HostId,
    pub(super) verb: PowerVerb,
    pub(super) actor: Actor,
    pub(super) shared: Arc<Shared>,
    pub(super) switch: Switch,
    /// When a restart was last asked for or sent, in milliseconds of our clock: a boot after it is the new one.
    pub(super) restarts: AtomicU64,
    /// Words about the step at work.
    pub(super) seen: mpsc::Sender<SafeText>,
}

/// What the far side said of the machine before anything was done to it.
pub(super) type Forensics = oneshot::Receiver<Result<PowerReport, Refusal>>;

impl Steps {
    /// Does one step to its end.
    pub(super) async fn take(&self, step: StepKind, forensics: Option<Forensics>) -> StepReport {
        match step {
            StepKind::Window => StepReport::Done(SafeText::default()),
            StepKind::Evidence => self.evidence(forensics).await,
            StepKind::Drain => self.drain().await,
            StepKind::Graceful => self.graceful().await,
            StepKind::Hard => self.hard().await,
            StepKind::Verify => self.verify().await,
        }
    }

    async fn evidence(&self, forensics: Option<Forensics>) -> StepReport {
        let mut words = {
            let fleet = self.shared.handle.fleet();
            let fleet = fleet.borrow();
            let host = fleet.host(&self.host);
            host.map(|host| served(host, fleet.at)).unwrap_or_default()
        };
        if let Some(forensics) = forensics {
            words.push(match timeout(EVIDENCE, forensics).await {
                Ok(Ok(Ok(report))) => told(&report),
                Ok(Ok(Err(refusal))) => format!("no forensics: {}", refusal.why),
                Ok(Err(_)) | Err(_) => {
                    "the far side is still at its forensics; it keeps them in its log".to_owned()
                }
            });
        }
        StepReport::Done(words.join("; ").into())
    }

    async fn drain(&self) -> StepReport {
        let Some(exec) = self.shared.links.exec(&self.host) else {
            return StepReport::Skipped("it is not connected".into());
        };
        match exec.run(&ShellCommand::new("sync"), DRAIN).await {
            Ok(output) if output.exit.is_success() => {
                StepReport::Done("what was in memory is on its disks".into())
            }
            Ok(output) => StepReport::Failed(last_words(&output.stderr, "sync failed")),
            Err(error) => StepReport::Failed(error.to_string().into()),
        }
    }

    /// Asks for a reboot and waits for it. Never asks for a power-off: a console that dies must not leave it off.
    async fn graceful(&self) -> StepReport {
        let Some(exec) = self.shared.links.exec(&self.host) else {
            return StepReport::Skipped("it is not connected".into());
        };
        let asked = self.restarts_now();
        if let Err(why) = reboot(exec.as_ref()).await {
            return StepReport::Failed(why);
        }
        drop(exec);
        self.see("asked; waiting for a new boot".into());
        self.back(Some(asked)).await
    }

    async fn hard(&self) -> StepReport {
        self.restarts_now();
        let mut seen = |words| self.see(words);
        match self.switch.send(self.verb, &mut seen).await {
            Carried::Done(report) => StepReport::Done(told(&report).into()),
            Carried::Failed { why, hint } => StepReport::Failed(with_hint(&why, hint.as_ref())),
            Carried::Unknown { why, hint } => StepReport::Unknown(with_hint(&why, Some(&hint))),
        }
    }

    async fn verify(&self) -> StepReport {
        match self.verb {
            PowerVerb::Stop => self.stopped().await,
            PowerVerb::Start => self.back(None).await,
            // The link may still be the dead machine's: only a later boot counts.
            _ => {
                self.back(Some(At(self.restarts.load(Ordering::Relaxed))))
                    .await
            }
        }
    }

    fn restarts_now(&self) -> At {
        let now = self.shared.lanes.now();
        self.restarts.store(now.0, Ordering::Relaxed);
        now
    }

    /// Waits until the ladder of the host holds, with a boot later than `asked`; `None`: with whatever boot.
    async fn back(&self, asked: Option<At>) -> StepReport {
        let mut pace = interval(PACE);
        let mut looks = 0;
        loop {
            pace.tick().await;
            looks += 1;
            let (found, closed) = {
                let fleet = self.shared.handle.fleet();
                let fleet = fleet.borrow();
                match fleet.host(&self.host) {
                    Some(host) => (arrived(host, asked), is_closed(host)),
                    None => return StepReport::Unknown("it left the configuration".into()),
                }
            };
            match found {
                Ok(words) => return StepReport::Done(words),
                Err(words) => self.see(words),
            }
            if closed && looks % NUDGE == 0 {
                let redial = Command::Reconnect(self.host.clone());
                // Whether it was dialled is seen on the ladder.
                drop(self.shared.handle.ask(self.actor, redial).await);
            }
        }
    }

    async fn stopped(&self) -> StepReport {
        if !self.switch.knows(PowerVerb::Status) {
            return StepReport::Done("the switch says done, and has no status to ask for".into());
        }
        let mut pace = interval(PACE);
        loop {
            pace.tick().await;
            match self.switch.look(PowerVerb::Status).await {
                Ok(report) if report.state == MachineState::Stopped => {
                    return StepReport::Done("the switch says that it is off".into());
                }
                Ok(report) => self.see(told(&report).into()),
                Err(refusal) => self.see(refusal.why.into()),
            }
        }
    }

    /// Nobody waits for these words where there are too many.
    fn see(&self, words: SafeText) {
        if self.seen.try_send(words).is_err() {
            tracing::debug!(host = %self.host, "a power step says more than can be shown");
        }
    }
}

/// Asks for a reboot. That the connection ends meanwhile is what was asked for.
async fn reboot(exec: &dyn Exec) -> Result<(), SafeText> {
    let command = ShellCommand::new("sh").arg("-c").arg(REBOOT);
    match exec.run(&command, ASK).await {
        Ok(output) => match output.exit {
            Exit::Status(0) | Exit::Signal(_) | Exit::Unknown => Ok(()),
            _ => Err(last_words(&output.stderr, "it refused to restart")),
        },
        Err(error) if matches!(error.kind, ExecErrorKind::Lost | ExecErrorKind::Timeout) => Ok(()),
        Err(error) => Err(error.to_string().into()),
    }
}

/// Whether a host is back since then; in words either way.
fn arrived(host: &Host, asked: Option<At>) -> Result<SafeText, SafeText> {
    match host.ladder.verdict() {
        Verdict::Up => {}
        Verdict::Wedged { rung, .. } => return Err(format!("{} is silent", rung.word()).into()),
        Verdict::Down { rung, .. } => return Err(format!("{} fails", rung.word()).into()),
        Verdict::Unknown => return Err("not heard of yet".into()),
    }
    let linked = match host.link {
        Link::Up { since } => Some(since) > asked,
        Link::Local => true,
        _ => return Err("not connected yet".into()),
    };
    match (boot(host), asked) {
        (Some(boot), None) => Ok(format!("up for {} s", boot.up).into()),
        (Some(boot), Some(asked)) if boot.is_after(asked) => {
            Ok(format!("up again, {} s after a new boot", boot.up).into())
        }
        (None, _) if linked => Ok("connected anew; it does not tell how long it is up".into()),
        _ => Err("it has not restarted yet".into()),
    }
}

/// The last boot of a host, as it last told of it.
struct Boot {
    /// When it told, on our own clock.
    told: At,
    /// How long it was up then, in seconds.
    up: u64,
}

impl Boot {
    /// Most machines booted before our clock began to count, so it is not asked when that was.
    fn is_after(&self, asked: At) -> bool {
        let since = self.told.since(asked).duration() + SLACK;
        self.told > asked && Duration::from_secs(self.up) < since
    }
}

fn boot(host: &Host) -> Option<Boot> {
    let machine = host.machine.as_ref()?;
    let up = *machine.value.uptime.value()?;
    Some(Boot {
        told: machine.at,
        up,
    })
}

fn is_closed(host: &Host) -> bool {
    matches!(host.link, Link::Waiting { .. } | Link::Held { .. })
}

/// A report in one line.
fn told(report: &PowerReport) -> String {
    let state = match &report.state {
        MachineState::Running => "the switch says that it runs".to_owned(),
        MachineState::Stopped => "the switch says that it is off".to_owned(),
        MachineState::Unknown(why) => why.to_string(),
    };
    match report.lines.len() {
        0 => state,
        1 => format!("{state}; 1 line of evidence"),
        lines => format!("{state}; {lines} lines of evidence"),
    }
}

fn with_hint(why: &SafeText, hint: Option<&SafeText>) -> SafeText {
    match hint {
        Some(hint) => format!("{why}; {hint}").into(),
        None => why.clone(),
    }
}

/// The last thing that a command complained of.
fn last_words(stderr: &[u8], otherwise: &str) -> SafeText {
    let mut lines = stderr.split(|byte| *byte == b'\n');
    let last = lines.rfind(|line| !line.is_empty());
    last.map_or_else(|| otherwise.into(), SafeText::from_bytes)
}
