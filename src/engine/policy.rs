//! May this actor do this now? The only place that can make a [`Confirmed`], and so the only way to a change on a host.
//! Pure: what is pending lives here and is nobody else's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::command::{Actor, Challenge, Command, ConfirmationId, Plan, Refusal, Reply, Signal};
use super::host_state::{Host, Link};
use super::msg::{HostMsg, Msg};
use super::remote;
use super::state::Fleet;
use crate::domain::{At, GpuProcess, HostId, Metric};
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// A confirmation that is not answered in this time is a No.
const EXPIRY: Duration = Duration::from_mins(1);

/// Confirmations that may be open at once; the oldest makes room.
const OPEN: usize = 16;

/// A change that a person has confirmed. It can't be copied, recorded or made elsewhere: carrying it out uses it up.
#[derive(Debug)]
pub(super) struct Confirmed {
    change: Change,
}

impl Confirmed {
    /// The change itself.
    pub(super) fn into_change(self) -> Change {
        self.change
    }
}

/// A change on a host, with the exact command.
#[derive(Debug)]
pub(super) enum Change {
    /// A signal to a process.
    Signal {
        host: HostId,
        pid: u32,
        command: ShellCommand,
    },
    /// A shell for a person.
    Shell { command: ShellCommand },
}

/// What the policy says to a wish.
#[derive(Debug)]
pub(super) enum Ruling {
    /// It changes nothing on any host: go on.
    Free,
    /// It changes nothing anywhere: hands look and answer.
    Look,
    /// The door stays shut, or a person has to confirm first.
    Answer(Reply),
    /// Do it.
    Do(Confirmed),
}

/// The desk at which changes are confirmed.
#[derive(Debug, Default)]
pub(super) struct Desk {
    last: u64,
    pending: VecDeque<Pending>,
    /// Under which name we are logged in: whose processes are our own.
    logins: HashMap<HostId, SafeText>,
}

#[derive(Debug)]
struct Pending {
    id: ConfirmationId,
    actor: Actor,
    host: HostId,
    challenge: Challenge,
    expires: At,
    change: Change,
}

impl Desk {
    /// Rules on a wish.
    pub(super) fn rule(&mut self, fleet: &Fleet, actor: Actor, command: &Command) -> Ruling {
        match command {
            Command::Reconnect(_) | Command::Answer { .. } => Ruling::Free,
            Command::PrunePreview { .. }
            | Command::Inspect { .. }
            | Command::Top { .. }
            | Command::WatchStats { .. }
            | Command::Sources { .. }
            | Command::OpenLens { .. }
            | Command::SetSources { .. }
            | Command::ReadLogs { .. } => Ruling::Look,
            Command::Container { .. }
            | Command::Prune { .. }
            | Command::Terminal { .. }
            | Command::TerminalEnded { .. } => refuse("containers can't be changed yet", None),
            Command::Signal {
                host,
                pid,
                started,
                signal,
            } => self.signal(fleet, actor, host, Target::new(*pid, *started, *signal)),
            Command::Shell { host } => self.shell(fleet, actor, host),
            Command::Confirm { id, answer } => self.confirm(fleet, actor, *id, answer),
            Command::Withdraw(id) => {
                self.pending.retain(|pending| pending.id != *id);
                Ruling::Answer(Reply::Done)
            }
        }
    }

    /// Learns from what happens: a lost connection is a No to whatever was asked there.
    pub(super) fn observe(&mut self, msg: &Msg) {
        let Msg::Host { host, msg, .. } = msg else {
            return;
        };
        match msg {
            HostMsg::LoggedIn { user } => {
                self.logins.insert(host.clone(), user.clone());
            }
            HostMsg::LinkDown(_) => self.pending.retain(|pending| pending.host != *host),
            _ => {}
        }
    }

    fn signal(&mut self, fleet: &Fleet, actor: Actor, id: &HostId, target: Target) -> Ruling {
        let host = match reachable(fleet, id, "sent") {
            Ok(host) => host,
            Err(reply) => return Ruling::Answer(reply),
        };
        if target.pid <= 1 {
            return refuse("that is no process that may be signalled", None);
        }
        let process = target.find(host);
        let command = remote::signal(target.pid, target.started, target.signal);
        let plan = Plan {
            what: target.words(id, process),
            command: command.render(),
        };
        let challenge = if target.disturbs(process, self.logins.get(id)) {
            Challenge::TypeName(id.to_string())
        } else {
            Challenge::YesNo
        };
        let change = Change::Signal {
            host: id.clone(),
            pid: target.pid,
            command,
        };
        self.ask(fleet, actor, id, challenge, (plan, change))
    }

    fn shell(&mut self, fleet: &Fleet, actor: Actor, id: &HostId) -> Ruling {
        if fleet.read_only {
            return read_only("no shell is opened");
        }
        let Some(host) = fleet.host(id) else {
            return unknown_host(id);
        };
        let command = match remote::shell_command(&host.spec) {
            Ok(command) => command,
            Err(error) => return refuse(&error.to_string(), None),
        };
        let plan = Plan {
            what: format!("open a shell on {id}"),
            command: command.render(),
        };
        let change = Change::Shell { command };
        self.ask(fleet, actor, id, Challenge::YesNo, (plan, change))
    }

    fn ask(
        &mut self,
        fleet: &Fleet,
        actor: Actor,
        host: &HostId,
        challenge: Challenge,
        (plan, change): (Plan, Change),
    ) -> Ruling {
        self.last += 1;
        let id = ConfirmationId(self.last);
        let expires = fleet.at.plus(EXPIRY);
        while self.pending.len() >= OPEN {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending {
            id,
            actor,
            host: host.clone(),
            challenge: challenge.clone(),
            expires,
            change,
        });
        Ruling::Answer(Reply::NeedsConfirmation {
            id,
            challenge,
            expires,
            plan,
        })
    }

    /// One answer per confirmation: a wrong one is a No.
    fn confirm(&mut self, fleet: &Fleet, actor: Actor, id: ConfirmationId, answer: &str) -> Ruling {
        let place = self
            .pending
            .iter()
            .position(|pending| pending.id == id && pending.actor == actor);
        let Some(pending) = place.and_then(|place| self.pending.remove(place)) else {
            return refuse("nothing waits for this confirmation", Some("ask again"));
        };
        if fleet.read_only {
            return read_only("nothing is changed");
        }
        if fleet.at >= pending.expires {
            return refuse(
                "the confirmation came after its time",
                Some("ask again and answer within a minute"),
            );
        }
        let right = match &pending.challenge {
            Challenge::YesNo => answer == "yes",
            Challenge::TypeName(name) => answer.trim() == name,
        };
        if !right {
            return refuse("not confirmed", None);
        }
        Ruling::Do(Confirmed {
            change: pending.change,
        })
    }
}

/// What a signal is for.
#[derive(Debug, Clone, Copy)]
struct Target {
    pid: u32,
    started: Option<u64>,
    signal: Signal,
}

impl Target {
    fn new(pid: u32, started: Option<u64>, signal: Signal) -> Self {
        Self {
            pid,
            started,
            signal,
        }
    }

    fn find(self, host: &Host) -> Option<&GpuProcess> {
        let processes = &host.processes.as_ref()?.value;
        processes.iter().find(|process| process.pid == self.pid)
    }

    fn words(self, host: &HostId, process: Option<&GpuProcess>) -> String {
        let name = self.signal.name();
        let pid = self.pid;
        match process {
            Some(process) => {
                let owner = match &process.user {
                    Metric::Is(user) => format!("of {user}"),
                    Metric::Missing(_) => "of an unknown user".into(),
                };
                let command = crate::text::cut(process.command.as_str(), 60);
                format!("send {name} to process {pid} {owner} on {host}: {command}")
            }
            None => format!("send {name} to process {pid} on {host}"),
        }
    }

    /// Whether it destroys, or may hit somebody else: then a Yes is not enough.
    fn disturbs(self, process: Option<&GpuProcess>, login: Option<&SafeText>) -> bool {
        let own = match (process.map(|process| &process.user), login) {
            (Some(Metric::Is(owner)), Some(login)) => owner == login,
            _ => false,
        };
        self.signal == Signal::Kill || self.started.is_none() || !own
    }
}

fn reachable<'a>(fleet: &'a Fleet, id: &HostId, what: &str) -> Result<&'a Host, Reply> {
    if fleet.read_only {
        return Err(closed(
            &format!("read-only: nothing is {what}"),
            Some(READ_ONLY_MEND),
        ));
    }
    let Some(host) = fleet.host(id) else {
        return Err(Reply::Failed(no_host(id)));
    };
    match host.link {
        Link::Local | Link::Up { .. } => Ok(host),
        _ => Err(Reply::Failed(Refusal {
            why: format!("{id} is not connected"),
            hint: Some("wait for the connection, or reconnect".into()),
        })),
    }
}

/// How changes are allowed again.
pub const READ_ONLY_MEND: &str = "start without --read-only, and without read_only in the config";

fn read_only(what: &str) -> Ruling {
    refuse(&format!("read-only: {what}"), Some(READ_ONLY_MEND))
}

fn refuse(why: &str, hint: Option<&str>) -> Ruling {
    Ruling::Answer(closed(why, hint))
}

fn closed(why: &str, hint: Option<&str>) -> Reply {
    Reply::Refused(Refusal {
        why: why.to_owned(),
        hint: hint.map(str::to_owned),
    })
}

fn unknown_host(id: &HostId) -> Ruling {
    Ruling::Answer(Reply::Failed(no_host(id)))
}

fn no_host(id: &HostId) -> Refusal {
    Refusal {
        why: format!("no host is named {id}"),
        hint: None,
    }
}
