//! `containers`: the same engine as the console's, asked once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::args::{ContainersArgs, ContainersVerb, One};
use super::list::{self, Columns};
use super::shot::{ContainerShot, FleetShot};
use super::show::{self, Secrets};
use super::target::{Found, Target, Unfound};
use super::wait;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::{ask, lend, print, run, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ContainerState;
use crate::engine::{
    Acting, Actor, Assisting, Command, DaemonState, Engine, Fleet, Handle, Reply, Setup, Ways,
};
use crate::tasks::Tasks;
use crate::tui::{LEAVES, Left, terminal};

/// Longest wait for two readings of everything that runs.
const MEASURED: Duration = Duration::from_secs(12);

/// Does what the words say.
pub(in crate::cli) fn run(args: &ContainersArgs, here: &Here) -> Result<Exit, CliError> {
    let hosts = match &args.verb {
        None => args.hosts.clone(),
        Some(ContainersVerb::Prune { host }) => vec![host.clone()],
        Some(verb) => target(verb).host.into_iter().collect(),
    };
    let named = !hosts.is_empty();
    let config = run::fleet(hosts, here)?;
    runtime::block_on(async {
        let tasks = Tasks::new();
        let session = Session::start(config, here, &tasks, is_change(args))?;
        let outcome = session.perform(args, named).await;
        session.engine.shutdown(runtime::FAREWELL).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

/// Only what changes something is written down.
fn is_change(args: &ContainersArgs) -> bool {
    !matches!(
        args.verb,
        None | Some(ContainersVerb::Show { .. } | ContainersVerb::Top(_))
    )
}

fn target(verb: &ContainersVerb) -> Target {
    let One { container } = match verb {
        ContainersVerb::Show { of, .. }
        | ContainersVerb::Exec { of, .. }
        | ContainersVerb::Top(of)
        | ContainersVerb::Start(of)
        | ContainersVerb::Stop(of)
        | ContainersVerb::Restart(of)
        | ContainersVerb::Kill(of)
        | ContainersVerb::Pause(of)
        | ContainersVerb::Unpause(of)
        | ContainersVerb::Remove(of) => of,
        ContainersVerb::Prune { host } => {
            return Target {
                host: Some(host.clone()),
                name: String::new(),
            };
        }
    };
    Target::read(container)
}

/// An engine for one question.
struct Session<'a> {
    engine: Engine,
    handle: Handle,
    here: &'a Here,
}

impl<'a> Session<'a> {
    fn start(
        config: Config,
        here: &'a Here,
        tasks: &Tasks,
        recorded: bool,
    ) -> Result<Self, CliError> {
        for problem in &config.problems {
            print::message(&print::problem(problem));
        }
        let clock = Clock::system();
        let period = config.settings.period;
        let engine = Engine::start(Setup {
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
        });
        let handle = engine.handle();
        Ok(Self {
            engine,
            handle,
            here,
        })
    }

    async fn perform(&self, args: &ContainersArgs, named: bool) -> Result<Exit, CliError> {
        let Some(verb) = &args.verb else {
            return self.list(args, named).await;
        };
        let fleet = wait::settled(&self.handle).await;
        if let ContainersVerb::Prune { .. } = verb {
            return self.prune(&fleet).await;
        }
        let is_change = is_change(args);
        let found = match target(verb).find(&fleet, is_change) {
            Ok(found) => found,
            Err(unfound) => return Ok(tell(&unfound)),
        };
        match verb {
            ContainersVerb::Show { show_secrets, .. } => {
                let secrets = if *show_secrets {
                    Secrets::Shown
                } else {
                    Secrets::Masked
                };
                self.show(&fleet, found, secrets).await
            }
            ContainersVerb::Top(_) => self.top(found).await,
            ContainersVerb::Exec { argv, .. } => self.exec(found, argv.clone()).await,
            verb => match verb.act() {
                Some((_, act)) => {
                    let Found { host, id, .. } = found;
                    let command = Command::Container { host, id, act };
                    let (exit, _) = ask::change(&self.handle, self.here, command).await?;
                    Ok(exit)
                }
                None => Ok(Exit::Usage),
            },
        }
    }

    async fn list(&self, args: &ContainersArgs, named: bool) -> Result<Exit, CliError> {
        let columns = Columns {
            all: args.all,
            stats: args.stats,
        };
        let mut fleet = wait::settled(&self.handle).await;
        fleet = self.read(fleet, columns).await;
        if self.here.common.json {
            print::json(&FleetShot::of(&fleet, columns))?;
        } else {
            print::data(&list::list(&fleet, columns))?;
        }
        Ok(outcome(&fleet, named))
    }

    /// Waits until what is shown has been read, or for a while: starts come one by one, rates with the second reading.
    async fn read(&self, fleet: Arc<Fleet>, columns: Columns) -> Arc<Fleet> {
        let up: Vec<_> = fleet
            .hosts
            .iter()
            .filter(|host| matches!(host.containers.daemon, DaemonState::Up { .. }))
            .map(|host| host.id.clone())
            .collect();
        if columns.stats {
            for host in up {
                let watch = Command::WatchStats { host, only: None };
                self.handle.ask(Actor::CommandLine, watch).await;
            }
        }
        let mut newest = self.handle.fleet();
        let all = newest.wait_for(|fleet| is_read(fleet, columns));
        let limit = if columns.stats {
            MEASURED
        } else {
            MEASURED / 4
        };
        if let Ok(Ok(fleet)) = timeout(limit, all).await {
            return Arc::clone(&fleet);
        }
        Arc::clone(&self.handle.fleet().borrow())
    }

    async fn show(&self, fleet: &Fleet, found: Found, secrets: Secrets) -> Result<Exit, CliError> {
        let Found { host, id, .. } = found;
        let command = Command::Inspect {
            host: host.clone(),
            id,
        };
        let reply = self.handle.ask(Actor::CommandLine, command).await;
        let Reply::Detail(detail) = reply else {
            return ask::tell(self.here, &reply);
        };
        match fleet.host(&host).filter(|_| self.here.common.json) {
            Some(of) => print::json(&json!({
                "host": host,
                "container": ContainerShot::of(of, &detail.container, false),
                "command": show::command(&detail, secrets),
                "log_driver": detail.log_driver,
                "tty": detail.tty,
                "restart_policy": detail.restart_policy,
                "environment": show::env(&detail, secrets),
                "facts": detail.facts,
            }))?,
            None => print::data(&show::detail(&detail, secrets, fleet.wall))?,
        }
        Ok(Exit::Done)
    }

    async fn top(&self, found: Found) -> Result<Exit, CliError> {
        let Found { host, id, .. } = found;
        let reply = self
            .handle
            .ask(Actor::CommandLine, Command::Top { host, id })
            .await;
        let Reply::Top(top) = reply else {
            return ask::tell(self.here, &reply);
        };
        if self.here.common.json {
            print::json(&top)?;
        } else {
            print::data(&show::top(&top))?;
        }
        Ok(Exit::Done)
    }

    async fn prune(&self, fleet: &Fleet) -> Result<Exit, CliError> {
        let Some(host) = fleet.hosts.first().map(|host| host.id.clone()) else {
            return Ok(Exit::Usage);
        };
        let preview = Command::PrunePreview { host: host.clone() };
        let reply = self.handle.ask(Actor::CommandLine, preview).await;
        let Reply::Preview(preview) = reply else {
            let exit = ask::tell(self.here, &reply)?;
            return Ok(unless_unreachable(fleet, exit));
        };
        for (_, name) in &preview.containers {
            print::message(&format!("container {name}"));
        }
        for (name, size) in &preview.images {
            print::message(&format!("image {name}, {}", list::bytes(*size)));
        }
        print::message(&format!("{} would come back", list::bytes(preview.bytes)));
        let command = Command::Prune {
            host,
            agreed: preview,
        };
        let (exit, reply) = ask::change(&self.handle, self.here, command).await?;
        if let Reply::Pruned(took) = &reply {
            if self.here.common.json {
                print::json(took)?;
            } else {
                print::data(&format!(
                    "{} containers and {} images removed, {} came back",
                    took.containers.len(),
                    took.images.len(),
                    list::bytes(took.bytes)
                ))?;
            }
        }
        Ok(exit)
    }

    async fn exec(&self, found: Found, argv: Vec<String>) -> Result<Exit, CliError> {
        let Found { host, id, name } = found;
        let size = terminal::size();
        let command = Command::Terminal {
            host: host.clone(),
            id,
            argv,
            size,
        };
        let (exit, reply) = ask::change(&self.handle, self.here, command).await?;
        let Reply::Terminal(number) = reply else {
            return Ok(exit);
        };
        let Some(terminal) = self.handle.terminal(number) else {
            return Ok(Exit::Failed);
        };
        let notice =
            format!("inside of {name} on {host} · {LEAVES} leaves it and lets it run on\r\n");
        let lent = lend::lend(terminal, &notice).await;
        let failed = match &lent {
            Ok(Ok(_)) => None,
            Ok(Err(refusal)) => Some(refusal.why.clone()),
            Err(error) => Some(error.to_string()),
        };
        let told = Command::TerminalEnded {
            terminal: number,
            failed,
        };
        self.handle.ask(Actor::CommandLine, told).await;
        match lent? {
            Ok(Left::Ended(Some(status))) => Ok(Exit::of_program(status)),
            Ok(Left::Ended(None)) => {
                print::message("pilothouse: the program has ended, nobody could tell how");
                Ok(Exit::Unknown)
            }
            Ok(Left::Detached) => Ok(Exit::Done),
            Err(refusal) => ask::tell(self.here, &Reply::Failed(refusal)),
        }
    }
}

fn is_read(fleet: &Fleet, columns: Columns) -> bool {
    fleet.hosts.iter().all(|host| {
        let stats = &host.containers.stats;
        let is_up = matches!(host.containers.daemon, DaemonState::Up { .. });
        !is_up
            || host.containers.list.iter().all(|container| {
                let runs = container.state == ContainerState::Running;
                let read = !runs || container.restarts.value().is_some();
                let rates = || {
                    let stats = stats.get(&container.id);
                    stats.is_some_and(|stats| stats.value.cpu.value().is_some())
                };
                read && (!columns.stats || !runs || rates())
            })
    })
}

fn outcome(fleet: &Fleet, named: bool) -> Exit {
    if fleet.hosts.iter().any(|host| wait::is_unreachable(host)) {
        return Exit::Unreachable;
    }
    let is_up = |daemon: &DaemonState| matches!(daemon, DaemonState::Up { .. });
    let all_up = fleet
        .hosts
        .iter()
        .all(|host| is_up(&host.containers.daemon));
    if named && !all_up {
        Exit::Failed
    } else {
        Exit::Done
    }
}

fn unless_unreachable(fleet: &Fleet, exit: Exit) -> Exit {
    if fleet.hosts.iter().any(|host| wait::is_unreachable(host)) {
        Exit::Unreachable
    } else {
        exit
    }
}

fn tell(unfound: &Unfound) -> Exit {
    print::message(&format!("pilothouse: {}", unfound.why));
    print::message(&format!("  {}", unfound.hint));
    if unfound.unreachable {
        Exit::Unreachable
    } else {
        Exit::Usage
    }
}
