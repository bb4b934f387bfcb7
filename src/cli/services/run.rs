//! `services`: from its words to what is asked of the engine.

use std::sync::Arc;
use std::time::Duration;

use super::args::{Act, How, ServicesArgs, ServicesVerb};
use super::shot::{EventShot, FleetShot, ProbedShot, ServiceShot};
use super::{list, target};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::models::{Job, tell_begun, to_the_end};
use crate::cli::session::{self, Kept, Session, Wanted, is_away, is_given_up, tell_away};
use crate::cli::{print, run as cli_run};
use crate::domain::{ServiceAct, ServiceSpec};
use crate::engine::{
    Command, Depth, Fleet, Refusal, Reply, Service, ServiceEventKind, ServiceWord,
};

/// After this a fleet is shown as it is: a dial, and a quick look behind it.
const LIMIT: Duration = Duration::from_secs(25);
/// Longest wait for what earlier sessions saw.
const PAST: Duration = Duration::from_secs(2);

/// Does what the words say.
pub(in crate::cli) fn run(args: &ServicesArgs, here: &Here) -> Result<Exit, CliError> {
    let Some(one) = args.verb.one() else {
        let ServicesVerb::List { hosts } = &args.verb else {
            return Ok(Exit::Usage);
        };
        return all(hosts, here);
    };
    let config = cli_run::fleet(Vec::new(), here)?;
    let spec = match target::find(&one.service, &config) {
        Ok(spec) => spec,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    let changes = args.verb.act().is_some() && !here.common.dry_run;
    let past = matches!(
        args.verb,
        ServicesVerb::History(_) | ServicesVerb::Report { .. }
    );
    let wanted = Wanted {
        config: cli_run::fleet(vec![spec.host.to_string()], here)?,
        kept: match (changes, past) {
            (true, _) => Kept::Acts,
            (false, true) => Kept::Past,
            (false, false) => Kept::Nothing,
        },
    };
    session::with(wanted, here, async |session| {
        let one = Single { session, spec };
        one.perform(&args.verb).await
    })
}

fn refuse(refusal: &Refusal) -> Exit {
    print::message(&format!("pilothouse: {}", refusal.why));
    if let Some(hint) = &refusal.hint {
        print::message(&format!("  {hint}"));
    }
    Exit::Usage
}

/// Lists the services of these hosts.
fn all(hosts: &[String], here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: cli_run::fleet(hosts.to_vec(), here)?,
        kept: Kept::Nothing,
    };
    session::with(wanted, here, async |session| {
        let fleet = looked(session).await;
        if here.common.json {
            print::json(&FleetShot::of(&fleet))?;
        } else {
            print::data(&list::list(&fleet))?;
        }
        Ok(outcome(&fleet))
    })
}

/// The fleet as soon as each service has been looked at once, or can't be.
async fn looked(session: &Session<'_>) -> Arc<Fleet> {
    session
        .fleet_when(LIMIT, |fleet| {
            fleet.hosts.iter().all(|host| {
                let looked = |service: &Service| service.word != ServiceWord::Unknown;
                let told = host.machine.is_some() && host.services.iter().all(looked);
                told || is_given_up(fleet, host)
            })
        })
        .await
}

fn outcome(fleet: &Fleet) -> Exit {
    if fleet.hosts.iter().any(|host| is_away(fleet, host)) {
        return Exit::Unreachable;
    }
    let mut services = fleet.hosts.iter().flat_map(|host| host.services.iter());
    if services.any(|service| list::is_ill(service.word)) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// One service, with the engine that knows its host.
struct Single<'a> {
    session: &'a Session<'a>,
    spec: Arc<ServiceSpec>,
}

impl Single<'_> {
    async fn perform(&self, verb: &ServicesVerb) -> Result<Exit, CliError> {
        if let Some((args, act)) = verb.act() {
            return self.change(args, act).await;
        }
        match verb {
            ServicesVerb::Show(_) => self.show().await,
            ServicesVerb::Probe { deep, .. } => {
                let depth = if *deep { Depth::Deep } else { Depth::Shallow };
                self.probe(depth).await
            }
            ServicesVerb::History(_) => self.history().await,
            ServicesVerb::Report { how, words, .. } => {
                self.report(*how == How::Ok, &words.join(" ")).await
            }
            _ => Ok(Exit::Usage),
        }
    }

    /// The fleet as soon as the host answers; otherwise that it does not has been told.
    async fn reached(&self) -> Result<Arc<Fleet>, Exit> {
        let here = |fleet: &Arc<Fleet>| {
            fleet
                .host(&self.spec.host)
                .is_none_or(|host| host.machine.is_some() || is_given_up(fleet, host))
        };
        let fleet = self.session.fleet_when(LIMIT, here).await;
        match fleet.host(&self.spec.host) {
            Some(host) if is_away(&fleet, host) => Err(tell_away(&fleet, host)),
            _ => Ok(fleet),
        }
    }

    fn of<'f>(&self, fleet: &'f Fleet) -> Option<&'f Service> {
        let host = fleet.host(&self.spec.host)?;
        let mut services = host.services.iter();
        services.find(|service| service.spec.name == self.spec.name)
    }

    fn hidden(&self) -> Exit {
        refuse(&Refusal {
            why: format!(
                "{} is hidden: nobody looks at it",
                target::title(&self.spec)
            ),
            hint: Some("remove `hidden: true` from it in the configuration".into()),
        })
    }

    async fn show(&self) -> Result<Exit, CliError> {
        if let Err(exit) = self.reached().await {
            return Ok(exit);
        }
        let fleet = looked(self.session).await;
        let Some(service) = self.of(&fleet) else {
            return Ok(self.hidden());
        };
        if self.session.here.common.json {
            print::json(&ServiceShot::of(service, fleet.at))?;
        } else {
            print::data(&list::show(&fleet, service))?;
        }
        Ok(Exit::Done)
    }

    async fn probe(&self, depth: Depth) -> Result<Exit, CliError> {
        if depth == Depth::Deep && self.spec.deep.is_none() {
            return Ok(refuse(&Refusal {
                why: format!("{} has no deep look", target::title(&self.spec)),
                hint: Some("write `deep:` for it in the configuration".into()),
            }));
        }
        if let Err(exit) = self.reached().await {
            return Ok(exit);
        }
        let command = Command::Probe {
            host: self.spec.host.clone(),
            service: self.spec.name.clone(),
            depth,
        };
        match self.session.ask(command).await {
            Reply::Probed(probed) => {
                if self.session.here.common.json {
                    let now = self.session.fleet().at;
                    print::json(&ProbedShot::of(&probed, now))?;
                } else {
                    let title = target::title(&self.spec);
                    print::data(&format!("{title} {}", list::probed(&probed)))?;
                }
                Ok(if list::is_fine(&probed.outcome) {
                    Exit::Done
                } else {
                    Exit::Failed
                })
            }
            reply => self.session.tell(&reply, Some(&self.spec.host)),
        }
    }

    async fn history(&self) -> Result<Exit, CliError> {
        let known = |fleet: &Arc<Fleet>| {
            let service = self.of(fleet);
            service.is_some_and(|service| !service.events.is_empty())
        };
        let fleet = self.session.fleet_when(PAST, known).await;
        let Some(service) = self.of(&fleet) else {
            return Ok(self.hidden());
        };
        if self.session.here.common.json {
            let events: Vec<EventShot> = service.events.iter().map(EventShot::of).collect();
            print::json(&events)?;
        } else {
            print::data(&list::history(service, fleet.wall))?;
        }
        Ok(Exit::Done)
    }

    async fn report(&self, ok: bool, words: &str) -> Result<Exit, CliError> {
        let command = Command::Report {
            host: self.spec.host.clone(),
            service: self.spec.name.clone(),
            ok,
            words: words.to_owned(),
        };
        let named = |fleet: &Arc<Fleet>| self.of(fleet).is_some();
        self.session.fleet_when(PAST, named).await;
        let reply = self.session.ask(command).await;
        let exit = self.session.tell(&reply, None)?;
        if exit == Exit::Done {
            let told = ServiceEventKind::Report { ok };
            let written = |fleet: &Arc<Fleet>| {
                let last = self.of(fleet).and_then(|service| service.events.back());
                last.is_some_and(|event| event.kind == told)
            };
            self.session.fleet_when(PAST, written).await;
            let title = target::title(&self.spec);
            print::message(&format!("written into the history of {title}"));
        }
        Ok(exit)
    }

    async fn change(&self, args: &Act, act: ServiceAct) -> Result<Exit, CliError> {
        if let Err(exit) = self.reached().await {
            return Ok(exit);
        }
        let command = Command::Service {
            host: self.spec.host.clone(),
            service: self.spec.name.clone(),
            act,
        };
        let host = Some(&self.spec.host);
        let (exit, reply) = self.session.change(command, host).await?;
        match reply {
            Reply::Working { host, work } => {
                let place = host.to_string();
                let job = Job { host, work, place };
                if args.detach {
                    tell_begun(self.session, &job)
                } else {
                    to_the_end(self.session, &job).await
                }
            }
            _ => {
                if exit == Exit::Done && !self.session.here.common.dry_run {
                    let title = target::title(&self.spec);
                    print::message(&format!("the {} of {title} is done", act.word()));
                }
                Ok(exit)
            }
        }
    }
}
