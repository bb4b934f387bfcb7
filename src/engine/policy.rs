//! May this actor do this now? The only place that can make a [`Confirmed`], and so the only way to a change on a host.
//! Pure: what is pending lives here and is nobody else's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::command::{Actor, Challenge, Command, ConfirmationId, Plan, Refusal, Reply};
use super::host_state::{Host, Link};
use super::msg::{HostMsg, Msg};
use super::remote;
use super::stakes::{self, Target};
use super::state::Fleet;
use crate::domain::{At, ContainerAct, ContainerId, HostId, PrunePreview, TerminalId};
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// A confirmation that is not answered in this time is a No.
const EXPIRY: Duration = Duration::from_mins(1);

/// Confirmations that may be open at once; the oldest makes room.
const OPEN: usize = 16;

/// A change that may be carried out now. It can't be copied, recorded or made elsewhere: carrying it out uses it up.
#[derive(Debug)]
pub(super) struct Confirmed {
    /// Who asked for it.
    actor: Actor,
    /// What was asked for.
    proposal: Proposal,
    /// How it was confirmed, for the ledger.
    how: SafeText,
}

impl Confirmed {
    /// Who asked for it.
    pub(super) fn actor(&self) -> Actor {
        self.actor
    }

    /// The host it is for.
    pub(super) fn host(&self) -> &HostId {
        &self.proposal.host
    }

    /// What will be done, in words and exactly.
    pub(super) fn plan(&self) -> &Plan {
        &self.proposal.plan
    }

    /// How it was confirmed: `yes`, `typed spark-1`, `--yes spark-1`, or that nobody had to.
    pub(super) fn how(&self) -> &SafeText {
        &self.how
    }

    /// The change itself.
    pub(super) fn into_change(self) -> Change {
        self.proposal.change
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
    Shell {
        /// What opens it, run on this machine.
        command: ShellCommand,
    },
    /// Something with a container.
    Container {
        host: HostId,
        id: ContainerId,
        name: SafeText,
        act: ContainerAct,
    },
    /// What a person was shown of what nobody needs goes.
    Prune { host: HostId, agreed: PrunePreview },
    /// A terminal in a container; what is run there is never empty.
    Terminal {
        host: HostId,
        id: ContainerId,
        argv: Vec<String>,
        size: (u16, u16),
    },
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
    /// A shell or terminal that went through the door has ended.
    Ended {
        terminal: TerminalId,
        failed: Option<String>,
    },
}

/// A change that somebody wishes, before anybody has confirmed it.
#[derive(Debug)]
pub(super) struct Proposal {
    /// The host it is for.
    pub(super) host: HostId,
    /// What has to be done to confirm it; `None`: it is undone as easily as it is done.
    pub(super) challenge: Option<Challenge>,
    /// What would be done.
    pub(super) plan: Plan,
    /// What it touches, by the name that a command line confirms it with.
    pub(super) name: String,
    /// The change.
    pub(super) change: Change,
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
    expires: At,
    challenge: Challenge,
    proposal: Proposal,
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
            | Command::ReadLogs { .. }
            | Command::Assistant(_) => Ruling::Look,
            Command::Signal { .. }
            | Command::Shell { .. }
            | Command::Container { .. }
            | Command::Prune { .. }
            | Command::Terminal { .. } => match self.propose(fleet, command) {
                Ok(proposal) => self.ask(fleet, actor, proposal),
                Err(reply) => Ruling::Answer(reply),
            },
            Command::Power { .. }
            | Command::AbortPower { .. }
            | Command::Run { .. }
            | Command::Arm { .. }
            | Command::Disarm { .. }
            | Command::Present
            | Command::Decide { .. } => refuse("not known here yet", None),
            Command::Rehearse(command) => Ruling::Answer(self.rehearse(fleet, command)),
            Command::TerminalEnded { terminal, failed } => Ruling::Ended {
                terminal: *terminal,
                failed: failed.clone(),
            },
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
            HostMsg::LinkDown(_) => self
                .pending
                .retain(|pending| pending.proposal.host != *host),
            _ => {}
        }
    }

    /// What would be done, or why the door stays shut.
    fn propose(&self, fleet: &Fleet, command: &Command) -> Result<Proposal, Reply> {
        match command {
            Command::Signal {
                host,
                pid,
                started,
                signal,
            } => self.signal(fleet, host, Target::new(*pid, *started, *signal)),
            Command::Shell { host } => shell(fleet, host),
            Command::Container { host, id, act } => {
                let there = reachable(fleet, host, "changed")?;
                stakes::container(there, id, *act, self.logins.get(host))
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

    /// The same as asking, up to the point where something would happen or be waited for.
    fn rehearse(&self, fleet: &Fleet, command: &Command) -> Reply {
        match self.propose(fleet, command) {
            Ok(Proposal {
                plan, challenge, ..
            }) => Reply::WouldDo { plan, challenge },
            Err(reply) => reply,
        }
    }

    fn signal(&self, fleet: &Fleet, id: &HostId, target: Target) -> Result<Proposal, Reply> {
        let host = reachable(fleet, id, "sent")?;
        if target.pid <= 1 {
            return Err(closed("that is no process that may be signalled", None));
        }
        let process = target.find(host);
        let command = remote::signal(target.pid, target.started, target.signal);
        let challenge = if target.disturbs(process, self.logins.get(id)) {
            Challenge::TypeName(id.to_string())
        } else {
            Challenge::YesNo
        };
        Ok(Proposal {
            host: id.clone(),
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

    fn ask(&mut self, fleet: &Fleet, actor: Actor, proposal: Proposal) -> Ruling {
        let Some(challenge) = proposal.challenge.clone() else {
            return Ruling::Do(Confirmed {
                actor,
                proposal,
                how: "not asked: it is easily undone".into(),
            });
        };
        self.last += 1;
        let id = ConfirmationId(self.last);
        let expires = fleet.at.plus(EXPIRY);
        while self.pending.len() >= OPEN {
            self.pending.pop_front();
        }
        let plan = proposal.plan.clone();
        self.pending.push_back(Pending {
            id,
            actor,
            expires,
            challenge: challenge.clone(),
            proposal,
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
        let Pending {
            challenge,
            proposal,
            ..
        } = pending;
        let Some(how) = confirmed(actor, &challenge, &proposal.name, answer.trim()) else {
            return refuse("not confirmed", None);
        };
        Ruling::Do(Confirmed {
            actor,
            proposal,
            how: how.into(),
        })
    }
}

/// How an answer confirms; `None` where it does not. A command line names what it means also where Yes would do.
fn confirmed(actor: Actor, challenge: &Challenge, name: &str, answer: &str) -> Option<String> {
    let right = match challenge {
        Challenge::YesNo if actor == Actor::CommandLine => answer == name,
        Challenge::YesNo => answer == "yes",
        Challenge::TypeName(wanted) => answer == wanted,
    };
    let how = match (actor, challenge) {
        (Actor::CommandLine, _) => format!("--yes {answer}"),
        (Actor::Terminal, Challenge::YesNo) => "yes".to_owned(),
        (Actor::Terminal, Challenge::TypeName(_)) => format!("typed {answer}"),
    };
    right.then_some(how)
}

fn shell(fleet: &Fleet, id: &HostId) -> Result<Proposal, Reply> {
    if fleet.read_only {
        return Err(closed(
            "read-only: no shell is opened",
            Some(READ_ONLY_MEND),
        ));
    }
    let Some(host) = fleet.host(id) else {
        return Err(Reply::Failed(no_host(id)));
    };
    let command = remote::shell_command(&host.spec).map_err(|e| closed(&e.to_string(), None))?;
    Ok(Proposal {
        host: id.clone(),
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

fn no_host(id: &HostId) -> Refusal {
    Refusal {
        why: format!("no host is named {id}"),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_confirms_only_what_it_names() {
        use Actor::{CommandLine, Terminal};
        let typed = Challenge::TypeName("web".into());
        for (actor, challenge, answer, right) in [
            (Terminal, &Challenge::YesNo, "yes", true),
            (Terminal, &Challenge::YesNo, "web", false),
            (CommandLine, &Challenge::YesNo, "web", true),
            (CommandLine, &Challenge::YesNo, "yes", false),
            (CommandLine, &Challenge::YesNo, "", false),
            (CommandLine, &typed, "web", true),
            (CommandLine, &typed, "yes", false),
            (Terminal, &typed, "yes", false),
            (Terminal, &typed, "", false),
        ] {
            let how = confirmed(actor, challenge, "web", answer);
            assert_eq!(how.is_some(), right, "{actor:?} {challenge:?} {answer:?}");
        }
    }
}
