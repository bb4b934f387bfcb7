//! `models`: from its words to what is asked of the engine.

use super::args::{LockArgs, ModelsArgs, ModelsVerb, SwapArgs, Token};
use super::follow::{self, Job};
use super::menu_shot::LockShot;
use super::{import, keep, look, place, status, token, wait};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::print;
use crate::cli::run as cli_run;
use crate::cli::session::{self, Kept, Session, Wanted, is_away, tell_away};
use crate::config::{Config, nearest, read_ssh_aliases};
use crate::domain::{Age, HostId, ModelKey, RepoId};
use crate::engine::{Command, LockOrder, ModelsCommand, Reply, SwapOrder};

/// Does what the words say.
pub(in crate::cli) fn run(args: &ModelsArgs, here: &Here) -> Result<Exit, CliError> {
    match &args.verb {
        ModelsVerb::List(args) => look::list(args, here),
        ModelsVerb::Show(args) => look::show(args, here),
        ModelsVerb::Preflight(args) => look::preflight(args, here),
        ModelsVerb::Status { place, now } => status::status(place.as_deref(), *now, here),
        ModelsVerb::Cancel { at, work } => status::cancel(&at.place, work.as_deref(), here),
        ModelsVerb::Swap(args) => swap(args, here),
        ModelsVerb::Stop { at, force, going } => {
            let stop = ModelsCommand::Stop {
                place: at.place.clone(),
                force: *force,
            };
            begin(stop, &at.place, going.detach, here)
        }
        ModelsVerb::Rollback { at, going } => {
            let back = ModelsCommand::Rollback(at.place.clone());
            begin(back, &at.place, going.detach, here)
        }
        ModelsVerb::Download { repo, on, going } => {
            let download = ModelsCommand::Download {
                repo: repo.clone(),
                place: on.place.clone(),
            };
            begin(download, &on.place, going.detach, here)
        }
        ModelsVerb::Lock(args) => lock(args, here),
        ModelsVerb::Unlock {
            at,
            token,
            force: taken,
        } => unlock(&at.place, token, *taken, here),
        ModelsVerb::Rm { repo, hosts } => remove(repo, hosts, here),
        ModelsVerb::Keep(args) => keep::keep(args, here),
        ModelsVerb::Import { files, keep } => import::import(files, *keep, here),
    }
}

/// The configuration with the hosts of a place. A name that is probably a mistyped place is refused before it is dialled.
pub(super) fn config(name: &str, here: &Here) -> Result<Config, CliError> {
    let all = cli_run::fleet(Vec::new(), here)?;
    let clusters = all.settings.models.clusters.iter();
    let mut places: Vec<&str> = clusters.map(|cluster| cluster.name.as_str()).collect();
    places.extend(all.hosts.iter().map(|host| host.id.as_str()));
    let known = places.contains(&name)
        || name == "local"
        || read_ssh_aliases(&here.paths).contains(name)
        || !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !known && let Some(meant) = nearest(name, places.iter().copied()) {
        return Err(CliError::Usage {
            what: format!("`{name}` is no host and no cluster"),
            hint: format!("did you mean `{meant}`? To dial it all the same: ssh://{name}"),
        });
    }
    hosts(place::hosts(name, &all), here)
}

/// The configuration with these hosts.
pub(super) fn hosts(names: Vec<String>, here: &Here) -> Result<Config, CliError> {
    cli_run::fleet(names, here)
}

fn swap(args: &SwapArgs, here: &Here) -> Result<Exit, CliError> {
    let order = SwapOrder {
        model: ModelKey::new(args.model.as_str()),
        place: args.on.place.clone(),
        force: args.force,
        token: token::read(args.token.token_file.as_deref())?,
    };
    let swap = ModelsCommand::Swap(order);
    begin(swap, &args.on.place, args.going.detach, here)
}

/// Asks for a job at a place, and goes along with it.
fn begin(command: ModelsCommand, name: &str, detach: bool, here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: config(name, here)?,
        kept: kept(here),
    };
    session::with(wanted, here, async |session| {
        let head = match at(session, name, wait_for(&command)).await {
            Ok(head) => head,
            Err(exit) => return Ok(exit),
        };
        // What is served and what is at work there: a change is judged by it. What can't be told is missed where it matters.
        let refresh = ModelsCommand::Refresh(Some(head.clone()));
        session.ask(Command::Models(refresh)).await;
        let command = Command::Models(command);
        let (exit, reply) = session.change(command, Some(&head)).await?;
        let Reply::Working { host, work } = reply else {
            return Ok(exit);
        };
        let job = Job {
            host,
            work,
            place: name.to_owned(),
        };
        if detach {
            follow::tell_begun(session, &job)
        } else {
            follow::to_the_end(session, &job).await
        }
    })
}

/// What has to be known before it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Every host answers.
    Linked,
    /// And has told what is on its disk.
    Read,
}

fn wait_for(command: &ModelsCommand) -> Until {
    match command {
        ModelsCommand::Lock { .. } => Until::Linked,
        _ => Until::Read,
    }
}

/// The head of a place whose hosts all answer; otherwise who does not has been told.
pub(super) async fn at(session: &Session<'_>, name: &str, until: Until) -> Result<HostId, Exit> {
    let fleet = match until {
        Until::Linked => wait::links(session).await,
        Until::Read => wait::weights(session).await,
    };
    let place = place::named(name, &fleet).or_else(|| {
        // A destination that was written out is shown by a name of its own.
        let only = fleet.hosts.first().filter(|_| fleet.hosts.len() == 1)?;
        Some(crate::domain::Place::Solo(only.id.clone()))
    });
    let Some(place) = place else {
        print::message(&format!("pilothouse: `{name}` is no host and no cluster"));
        print::message(&format!("  {}", place::mend(name, &fleet)));
        return Err(Exit::Usage);
    };
    for host in place.hosts() {
        let found = fleet.host(host).filter(|host| is_away(&fleet, host));
        if let Some(host) = found {
            return Err(tell_away(&fleet, host));
        }
    }
    Ok(place.head().clone())
}

/// Only what changes something is written down.
pub(super) fn kept(here: &Here) -> Kept {
    if here.common.dry_run {
        Kept::Nothing
    } else {
        Kept::Acts
    }
}

fn lock(args: &LockArgs, here: &Here) -> Result<Exit, CliError> {
    if let Some(file) = args.token_file.as_ref().filter(|file| file.exists()) {
        return Err(CliError::Exists(file.clone()));
    }
    let holder = match &args.holder {
        Some(holder) => holder.clone(),
        None => here.person()?.user.to_string(),
    };
    let order = LockOrder::Take {
        holder,
        ttl: args.ttl,
        note: args.note.clone(),
        token: None,
    };
    let (exit, reply) = reserve(&args.at.place, order, here)?;
    if let Reply::Lock { state, token } = &reply {
        if let (Some(file), Some(token)) = (&args.token_file, token) {
            token::write(file, token)?;
        }
        if here.common.json {
            print::json(&state.as_ref().map(LockShot::of))?;
        } else if let Some(lock) = state {
            let left = Age::from(lock.left).words();
            let place = &args.at.place;
            print::message(&format!(
                "{place} is reserved by {} for {left}",
                lock.holder
            ));
        }
    }
    Ok(exit)
}

fn unlock(name: &str, token: &Token, taken: bool, here: &Here) -> Result<Exit, CliError> {
    let order = if taken {
        LockOrder::Break
    } else {
        LockOrder::Release {
            token: token::read(token.token_file.as_deref())?,
        }
    };
    let (exit, reply) = reserve(name, order, here)?;
    if exit == Exit::Done && matches!(reply, Reply::Lock { .. } | Reply::Done) {
        if here.common.json {
            print::json(&serde_json::Value::Null)?;
        } else {
            print::message(&format!("{name} is free"));
        }
    }
    Ok(exit)
}

/// Something with the reservation of a place.
fn reserve(name: &str, order: LockOrder, here: &Here) -> Result<(Exit, Reply), CliError> {
    let wanted = Wanted {
        config: config(name, here)?,
        kept: kept(here),
    };
    session::with(wanted, here, async |session| {
        let head = match at(session, name, Until::Linked).await {
            Ok(head) => head,
            Err(exit) => return Ok((exit, Reply::Done)),
        };
        let command = Command::Models(ModelsCommand::Lock {
            place: name.to_owned(),
            order,
        });
        session.change(command, Some(&head)).await
    })
}

fn remove(repo: &RepoId, names: &[String], here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: hosts(names.to_vec(), here)?,
        kept: kept(here),
    };
    session::with(wanted, here, async |session| {
        // What is served is refused before anything is begun.
        let fleet = wait::served(session).await;
        // Who can't be asked may have them: that must not look as if they were gone everywhere.
        let away = fleet.hosts.iter().find(|host| is_away(&fleet, host));
        if let Some(host) = away {
            return Ok(tell_away(&fleet, host));
        }
        let hosts = if names.is_empty() {
            Vec::new()
        } else {
            fleet.hosts.iter().map(|host| host.id.clone()).collect()
        };
        let command = Command::Models(ModelsCommand::Remove {
            repo: repo.clone(),
            hosts,
        });
        let (exit, reply) = session.change(command, None).await?;
        if exit == Exit::Done && matches!(reply, Reply::Done) {
            print::message(&format!("the weights of {repo} are gone"));
        }
        Ok(exit)
    })
}
