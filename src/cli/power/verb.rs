//! `pilothouse power HOST VERB`: asks the engine for it, tells its steps as they come, and stops it on Ctrl-C while that can be.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::args::{PowerArgs, PowerSetup};
use super::install;
use super::progress::{ActShot, Told};
use super::trust::{self, Asked};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::interrupts::Interrupts;
use crate::cli::{ask, print, run, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{HostId, PowerMethod, PowerVerb};
use crate::engine::{
    Acting, Actor, Assisting, Command, Engine, Fleet, Handle, Host, MachineState, NO_SWITCH,
    PendingQuestion, PowerReport, Reply, Setup, Verdict, Ways,
};
use crate::tasks::Tasks;

/// Longest wait for the host itself: what it serves is good to know, and its power is switched without it.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The same where the verb is to leave now.
const HASTE: Duration = Duration::from_millis(500);

/// Does what the words say.
pub(in crate::cli) fn run(args: &PowerArgs, here: &Here) -> Result<Exit, CliError> {
    if let Some(PowerSetup::Install(args)) = &args.install {
        return install::run(args, here);
    }
    let (Some(host), Some(verb)) = (&args.host, args.verb) else {
        return Ok(Exit::Usage);
    };
    let config = config(host, here)?;
    runtime::block_on(async {
        let tasks = Tasks::new();
        let recorded = verb.changes() && !here.common.dry_run;
        let engine = start(config, (here, recorded), &tasks)?;
        let session = Session {
            handle: engine.handle(),
            here,
            host: HostId::new(host.as_str()),
            verb,
            interrupts: OnceCell::new(),
        };
        let outcome = session.perform(args).await;
        engine.shutdown(runtime::FAREWELL).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

/// The configuration with this host and, where its switch is a command there, the host that runs it. No other is dialled.
fn config(host: &str, here: &Here) -> Result<Config, CliError> {
    let all = run::fleet(Vec::new(), here)?;
    let spec = all.hosts.iter().find(|spec| spec.id.as_str() == host);
    let on = spec.and_then(|spec| match spec.power.as_ref()?.method.as_ref()? {
        PowerMethod::Command { on, .. } => on.as_ref().map(ToString::to_string),
        PowerMethod::ForcedCommand(_) => None,
    });
    let mut names = vec![host.to_owned()];
    names.extend(on.filter(|on| on != host));
    let config = run::fleet(names, here)?;
    for problem in &config.problems {
        print::message(&print::problem(problem));
    }
    Ok(config)
}

fn start(
    config: Config,
    (here, recorded): (&Here, bool),
    tasks: &Tasks,
) -> Result<Engine, CliError> {
    let clock = Clock::system();
    let period = config.settings.period;
    Ok(Engine::start(Setup {
        config,
        connect: Arc::new(Ways::new(tasks, &clock, here.person()?, period)),
        clock,
        tasks: tasks.clone(),
        store: None,
        record: None,
        acting: if recorded {
            here.acting()?
        } else {
            Acting::unrecorded()
        },
        assisting: Assisting::default(),
    }))
}

/// One verb for one host.
struct Session<'a> {
    handle: Handle,
    here: &'a Here,
    host: HostId,
    verb: PowerVerb,
    /// Heard from the first question on: before it, Ctrl-C just ends the program.
    interrupts: OnceCell<Interrupts>,
}

impl Session<'_> {
    async fn perform(&self, args: &PowerArgs) -> Result<Exit, CliError> {
        if !self.verb.changes() {
            return self.look().await;
        }
        self.settled(if args.now { HASTE } else { PATIENCE }).await;
        if self.here.common.dry_run || self.here.common.yes.is_none() {
            let (exit, _) = ask::change(&self.handle, self.here, self.command()).await?;
            return Ok(exit);
        }
        let now = if args.now { " --now" } else { "" };
        let mut reply = self.change(now).await;
        if args.no_ledger && matches!(reply, Reply::Refused(_)) {
            // Accepted only where it was the ledger that refused.
            reply = self.change(&format!("{now} --no-ledger")).await;
        }
        self.tell(&reply)
    }

    fn command(&self) -> Command {
        Command::Power {
            host: self.host.clone(),
            verb: self.verb,
        }
    }

    async fn look(&self) -> Result<Exit, CliError> {
        let asked = self.handle.ask(Actor::CommandLine, self.command());
        match self.watched(asked).await {
            Reply::Power(report) => self.show(&report),
            reply => {
                let exit = ask::tell(self.here, &reply)?;
                Ok(if is_unreachable(&reply) {
                    Exit::Unreachable
                } else {
                    exit
                })
            }
        }
    }

    fn show(&self, report: &PowerReport) -> Result<Exit, CliError> {
        let (state, why) = match &report.state {
            MachineState::Running => ("running", None),
            MachineState::Stopped => ("stopped", None),
            MachineState::Unknown(why) => ("unknown", Some(why)),
        };
        if self.here.common.json {
            print::json(&serde_json::json!({
                "host": self.host,
                "verb": self.verb,
                "state": state,
                "why": why,
                "operation": report.operation,
                "lines": report.lines,
            }))?;
        } else {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let mut lines = vec![format!("{} {state}{why}", self.host)];
            if let Some(operation) = &report.operation {
                let how = format!("{:?}", operation.state).to_lowercase();
                lines.push(format!(
                    "last operation: {} {} {how}",
                    operation.verb, operation.id
                ));
            }
            lines.extend(report.lines.iter().map(ToString::to_string));
            print::data(&lines.join("\n"))?;
        }
        Ok(match why {
            Some(_) => Exit::Unknown,
            None => Exit::Done,
        })
    }

    /// Asks, confirms with the name of `--yes` and what stands behind it, and goes along to the end.
    async fn change(&self, suffix: &str) -> Reply {
        let reply = self.handle.ask(Actor::CommandLine, self.command()).await;
        let Reply::NeedsConfirmation { id, plan, .. } = reply else {
            return reply;
        };
        print::message(&plan.what);
        for note in &plan.notes {
            print::message(&format!("  {note}"));
        }
        let name = self.here.common.yes.clone().unwrap_or_default();
        let answer = format!("{name}{suffix}");
        let confirm = Command::Confirm { id, answer };
        self.watched(self.handle.ask(Actor::CommandLine, confirm))
            .await
    }

    /// Waits for an answer; meanwhile tells the steps, refuses what only a person could answer, and hears Ctrl-C.
    async fn watched(&self, asked: impl Future<Output = Reply>) -> Reply {
        let interrupts = self.interrupts.get_or_init(Interrupts::listen);
        let mut told = Told::default();
        let mut fleet = self.handle.fleet();
        let mut asked = std::pin::pin!(asked);
        loop {
            let seen = fleet.borrow_and_update().clone();
            self.picture(&seen, &mut told);
            // A look that was stopped there has its answer: the switch was not trusted.
            if self.answer_questions(&seen, interrupts).await
                && self.verb.changes()
                && !self.abort().await
            {
                return self.left();
            }
            tokio::select! {
                biased;
                reply = &mut asked => {
                    self.picture(&self.handle.fleet().borrow(), &mut told);
                    return reply;
                }
                () = interrupts.next() => {
                    if !self.abort().await {
                        return self.left();
                    }
                }
                changed = fleet.changed() => {
                    if changed.is_err() {
                        return asked.await;
                    }
                }
            }
        }
    }

    /// What is known of an act that was left.
    fn left(&self) -> Reply {
        Reply::Unknown(crate::engine::Refusal {
            why: "left while it was at work".into(),
            hint: Some(format!(
                "look first: `pilothouse power {} status`",
                self.host
            )),
        })
    }

    /// Stops what is at work; false where it can't be stopped any more.
    async fn abort(&self) -> bool {
        if !self.verb.changes() {
            return false;
        }
        let host = self.host.clone();
        let reply = self
            .handle
            .ask(Actor::CommandLine, Command::AbortPower { host })
            .await;
        match reply {
            Reply::Failed(refusal) => {
                print::message(&format!("pilothouse: {}", refusal.why));
                false
            }
            _ => {
                print::message("stopping");
                true
            }
        }
    }

    fn picture(&self, fleet: &Fleet, told: &mut Told) {
        let Some(act) = fleet.power.iter().find(|act| act.host == self.host) else {
            return;
        };
        if act.verb != self.verb {
            return;
        }
        for line in told.news(act, fleet.at) {
            print::message(&line);
        }
    }

    /// Answers what the switch asks: its own login, or the host that runs its commands. Whether the person asked to stop.
    async fn answer_questions(&self, fleet: &Fleet, interrupts: &Interrupts) -> bool {
        let power = fleet
            .host(&self.host)
            .and_then(|host| host.spec.power.as_ref());
        let on = power.and_then(|power| match power.method.as_ref()? {
            PowerMethod::Command { on, .. } => on.as_ref(),
            PowerMethod::ForcedCommand(_) => None,
        });
        let of_switch =
            |asked: &&PendingQuestion| fleet.host(&asked.host).is_none() || Some(&asked.host) == on;
        for asked in fleet.questions.iter().filter(of_switch) {
            if let Asked::Stop = trust::answer(&self.handle, &self.host, asked, interrupts).await {
                return true;
            }
        }
        false
    }

    /// Waits until something is known of the host and the ledger, or for a moment.
    async fn settled(&self, patience: Duration) {
        let mut fleet = self.handle.fleet();
        let known = fleet.wait_for(|fleet| {
            let answers = fleet.host(&self.host).is_none_or(|host| is_settled(host));
            fleet.ledger_read && answers
        });
        // Late, or the engine is gone: what is known has to do.
        drop(timeout(patience, known).await);
    }

    fn tell(&self, reply: &Reply) -> Result<Exit, CliError> {
        if self.here.common.json {
            let fleet = self.handle.fleet();
            let fleet = fleet.borrow();
            if let Some(act) = fleet.power.iter().find(|act| act.host == self.host) {
                print::json(&ActShot::of(act))?;
            }
        }
        let exit = ask::tell(self.here, reply)?;
        if exit == Exit::Done {
            print::message(&format!("the {} of {} is done", self.verb, self.host));
        }
        Ok(if is_unreachable(reply) {
            Exit::Unreachable
        } else {
            exit
        })
    }
}

fn is_unreachable(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed(refusal) if refusal.why.contains(NO_SWITCH))
}

fn is_settled(host: &Host) -> bool {
    match host.ladder.verdict() {
        Verdict::Down { .. } | Verdict::Wedged { .. } => true,
        Verdict::Unknown => false,
        Verdict::Up => host.machine.is_some(),
    }
}
