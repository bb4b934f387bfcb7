//! An engine for one question of the command line: started, asked, ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{ask, print, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{HealthWord, HostId};
use crate::engine::{
    Acting, Actor, Assisting, Command, Engine, Fleet, Handle, Host, Outcome, Refusal, Reply, Setup,
    Verdict, Ways,
};
use crate::store::Store;
use crate::tasks::Tasks;

/// What an engine of one question leaves behind, and remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Nothing: it only looks.
    Nothing,
    /// What is done is in the ledger.
    Acts,
    /// Nothing, but what earlier sessions saw is read.
    Past,
}

/// An engine for one question.
pub(super) struct Session<'a> {
    pub(super) engine: Engine,
    pub(super) handle: Handle,
    pub(super) here: &'a Here,
}

/// What an engine is started for: its configuration and what it keeps.
pub(super) struct Wanted {
    pub(super) config: Config,
    pub(super) kept: Kept,
}

/// Starts an engine, does this work with it, and ends it.
pub(super) fn with<T>(
    wanted: Wanted,
    here: &Here,
    work: impl AsyncFnOnce(&Session<'_>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    runtime::block_on(async {
        let tasks = Tasks::new();
        let session = Session::start(wanted, here, &tasks)?;
        let outcome = work(&session).await;
        session.engine.shutdown(runtime::FAREWELL).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

impl<'a> Session<'a> {
    fn start(wanted: Wanted, here: &'a Here, tasks: &Tasks) -> Result<Self, CliError> {
        let Wanted { config, kept } = wanted;
        for problem in &config.problems {
            print::message(&print::problem(problem));
        }
        let clock = Clock::system();
        let period = config.settings.period;
        let past = (kept == Kept::Past).then(|| here.paths.store()).flatten();
        let engine = Engine::start(Setup {
            config,
            connect: Arc::new(Ways::new(tasks, &clock, here.person()?, period)),
            clock,
            tasks: tasks.clone(),
            store: past.as_deref().map(Store::new),
            record: None,
            acting: if kept == Kept::Acts {
                here.acting()?
            } else {
                Acting::unrecorded()
            },
            assisting: Assisting::default(),
        });
        let handle = engine.handle();
        Ok(Self {
            engine,
            handle,
            here,
        })
    }

    /// The newest fleet.
    pub(super) fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.handle.fleet().borrow())
    }

    /// Asks for something that needs no confirmation.
    pub(super) async fn ask(&self, command: Command) -> Reply {
        self.handle.ask(Actor::CommandLine, command).await
    }

    /// The fleet as soon as this holds of it, or as it is after this time.
    pub(super) async fn fleet_when(
        &self,
        limit: Duration,
        holds: impl FnMut(&Arc<Fleet>) -> bool,
    ) -> Arc<Fleet> {
        let mut newest = self.handle.fleet();
        let found = timeout(limit, newest.wait_for(holds)).await;
        if let Ok(Ok(fleet)) = found {
            return Arc::clone(&fleet);
        }
        self.fleet()
    }

    /// Asks for a change; a failure behind which stands a host that can't be reached is told as that.
    pub(super) async fn change(
        &self,
        command: Command,
        host: Option<&HostId>,
    ) -> Result<(Exit, Reply), CliError> {
        let (exit, reply) = ask::change(&self.handle, self.here, command).await?;
        Ok((self.unless_unreachable(exit, host), reply))
    }

    /// Prints what an answer says; a failure behind which stands a host that can't be reached is told as that.
    pub(super) fn tell(&self, reply: &Reply, host: Option<&HostId>) -> Result<Exit, CliError> {
        let exit = ask::tell(self.here, reply)?;
        Ok(self.unless_unreachable(exit, host))
    }

    fn unless_unreachable(&self, exit: Exit, host: Option<&HostId>) -> Exit {
        let fleet = self.fleet();
        let away = host
            .and_then(|host| fleet.host(host))
            .is_some_and(|host| is_away(&fleet, host));
        if exit == Exit::Failed && away {
            Exit::Unreachable
        } else {
            exit
        }
    }
}

/// Whether waiting longer for a host is of no use: it can't be reached, or asks what only a person can answer.
pub(super) fn is_given_up(fleet: &Fleet, host: &Host) -> bool {
    is_down(host) || fleet.questions.iter().any(|asked| asked.host == host.id)
}

/// Whether nobody can say anything of a host, once it has been waited for.
pub(super) fn is_away(fleet: &Fleet, host: &Host) -> bool {
    is_given_up(fleet, host)
        || (host.seen.is_none()
            && matches!(
                host.word,
                HealthWord::Connecting | HealthWord::Asking | HealthWord::Down | HealthWord::Wedged
            ))
}

/// Whether the ladder says that a host can't be reached.
pub(super) fn is_down(host: &Host) -> bool {
    matches!(
        host.ladder.verdict(),
        Verdict::Down { .. } | Verdict::Wedged { .. }
    )
}

/// Why nobody can say anything of a host, and the mend.
pub(super) fn why_away(fleet: &Fleet, host: &Host) -> Refusal {
    let asks = fleet.questions.iter().any(|asked| asked.host == host.id);
    let (why, hint) = match host.ladder.verdict() {
        Verdict::Down { rung, .. } | Verdict::Wedged { rung, .. } => {
            match host.ladder.outcome(rung) {
                Outcome::Failed { why, hint, .. } => (
                    format!("unreachable ({}): {why}", rung.word()),
                    hint.as_ref().map(ToString::to_string),
                ),
                _ => (format!("unreachable ({})", rung.word()), None),
            }
        }
        _ if asks || host.word == HealthWord::Asking => (
            "it asks something that only a person can answer".to_owned(),
            Some(format!("open it with `pilothouse {}`", host.id)),
        ),
        _ => ("it has not answered in time".to_owned(), None),
    };
    Refusal {
        why: format!("{}: {why}", host.id),
        hint: hint.or_else(|| Some("see `pilothouse doctor`".into())),
    }
}

/// Tells of a host that can't be asked, and gives the exit code that goes with it.
pub(super) fn tell_away(fleet: &Fleet, host: &Host) -> Exit {
    let Refusal { why, hint } = why_away(fleet, host);
    print::message(&format!("pilothouse: {why}"));
    if let Some(hint) = hint {
        print::message(&format!("  {hint}"));
    }
    Exit::Unreachable
}
