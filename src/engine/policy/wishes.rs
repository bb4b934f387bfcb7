//! A command that would change something, as the change that it would be: what is at stake, what confirms it, and what class of
//! acts it is. Pure.

use crate::domain::{ActClass, HostId};
use crate::engine::command::{Challenge, Command, Plan, Refusal, Reply};
use crate::engine::host_state::{Host, Link};
use crate::engine::models;
use crate::engine::power;
use crate::engine::remote;
use crate::engine::services;
use crate::engine::stakes::{self, Target};
use crate::engine::state::Fleet;
use crate::text::SafeText;

use super::confirmed::{Change, Wish};

/// How changes are allowed again.
pub const READ_ONLY_MEND: &str = "start without --read-only, and without read_only in the config";

/// What would be done, or why the door stays shut. `login` is our own name there: whose processes are our own.
pub(super) fn wish(
    fleet: &Fleet,
    command: &Command,
    login: Option<&SafeText>,
) -> Result<Wish, Reply> {
    match command {
        Command::Signal {
            host,
            pid,
            started,
            signal,
        } => send(fleet, host, Target::new(*pid, *started, *signal), login),
        Command::Shell { host } => shell(fleet, host),
        Command::Power { host, verb } => {
            let there = changeable(fleet, host, "no power is switched")?;
            power::wish(fleet, there, *verb).map_err(Reply::Refused)
        }
        Command::Models(command) => models::wish(fleet, command),
        Command::Service { host, service, act } => {
            services::wish(reachable(fleet, host, "changed")?, service, *act)
        }
        Command::Run { host, argv } => {
            stakes::run(reachable(fleet, host, "run")?, argv).map_err(Reply::Refused)
        }
        Command::Container { host, id, act } => {
            stakes::container(reachable(fleet, host, "changed")?, id, *act, login)
        }
        Command::Prune { host, agreed } => {
            stakes::prune(reachable(fleet, host, "removed")?, agreed)
        }
        Command::Terminal {
            host,
            id,
            argv,
            size,
        } => stakes::terminal(reachable(fleet, host, "opened")?, id, argv, *size),
        _ => Err(closed("that changes nothing on any host", None)),
    }
}

/// The host that a change would be on.
pub(super) fn host_of(command: &Command) -> Option<&HostId> {
    match command {
        Command::Signal { host, .. }
        | Command::Shell { host }
        | Command::Run { host, .. }
        | Command::Container { host, .. }
        | Command::Prune { host, .. }
        | Command::Terminal { host, .. }
        | Command::Power { host, .. }
        | Command::Service { host, .. } => Some(host),
        _ => None,
    }
}

fn send(
    fleet: &Fleet,
    id: &HostId,
    target: Target,
    login: Option<&SafeText>,
) -> Result<Wish, Reply> {
    let host = reachable(fleet, id, "sent")?;
    if target.pid <= 1 {
        return Err(closed("that is no process that may be signalled", None));
    }
    let process = target.find(host);
    let command = remote::signal(target.pid, target.started, target.signal);
    let challenge = if target.disturbs(process, login) {
        Challenge::TypeName(id.to_string())
    } else {
        Challenge::YesNo
    };
    Ok(Wish {
        host: id.clone(),
        class: ActClass::Restart,
        challenge: Some(challenge),
        plan: Plan {
            what: target.words(id, process),
            command: command.render(),
            notes: Vec::new(),
        },
        name: id.to_string(),
        change: Change::Signal {
            host: id.clone(),
            pid: target.pid,
            command,
        },
    })
}

fn shell(fleet: &Fleet, id: &HostId) -> Result<Wish, Reply> {
    let host = changeable(fleet, id, "no shell is opened")?;
    let command = remote::shell_command(&host.spec).map_err(|e| closed(&e.to_string(), None))?;
    Ok(Wish {
        host: id.clone(),
        class: ActClass::Restart,
        challenge: Some(Challenge::YesNo),
        plan: Plan {
            what: format!("open a shell on {id}"),
            command: command.render(),
            notes: Vec::new(),
        },
        name: id.to_string(),
        change: Change::Shell { command },
    })
}

/// A host that may be changed, whether or not it is connected.
fn changeable<'a>(fleet: &'a Fleet, id: &HostId, what: &str) -> Result<&'a Host, Reply> {
    if fleet.read_only {
        let why = format!("read-only: {what}");
        return Err(closed(&why, Some(READ_ONLY_MEND)));
    }
    let host = fleet.host(id).ok_or_else(|| Reply::Failed(no_host(id)))?;
    Ok(host)
}

fn reachable<'a>(fleet: &'a Fleet, id: &HostId, what: &str) -> Result<&'a Host, Reply> {
    let host = changeable(fleet, id, &format!("nothing is {what}"))?;
    match host.link {
        Link::Local | Link::Up { .. } => Ok(host),
        _ => Err(Reply::Failed(Refusal {
            why: format!("{id} is not connected"),
            hint: Some("wait for the connection, or reconnect".into()),
        })),
    }
}

/// The door stays shut.
pub(super) fn closed(why: &str, hint: Option<&str>) -> Reply {
    Reply::Refused(Refusal {
        why: why.to_owned(),
        hint: hint.map(str::to_owned),
    })
}

fn no_host(id: &HostId) -> Refusal {
    Refusal {
        why: format!("no host is named {id}"),
        hint: None,
    }
}
