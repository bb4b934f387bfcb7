//! Carries a confirmed change out on its host and looks whether it happened. One function per kind of change; what is written
//! to the ledger before and after is the door's.

use std::sync::Arc;
use std::time::Duration;

use super::carry_container;
use super::command::{Actor, Refusal, Reply};
use super::host_actor::Shared;
use super::models;
use super::opened::ContainerTerminal;
use super::policy::Change;
use super::power;
use super::remote;
use super::services;
use crate::domain::{ActOutcome, TerminalId};
use crate::exec::RunLimits;
use crate::text::SafeText;

/// What sending a signal may take.
const SIGNAL: RunLimits = RunLimits {
    timeout: Duration::from_secs(10),
    output: 4096,
};

/// What a command of a person's may take.
const RUN: RunLimits = RunLimits {
    timeout: Duration::from_mins(2),
    output: 256 * 1024,
};

/// What became of a change.
#[derive(Debug)]
pub(super) struct Carried {
    /// The answer for whoever asked.
    pub(super) reply: Reply,
    /// What was looked at afterwards, and what was seen.
    pub(super) verification: Option<SafeText>,
}

impl Carried {
    /// An answer, and nothing was looked at.
    pub(super) fn unverified(reply: Reply) -> Self {
        Self {
            reply,
            verification: None,
        }
    }

    /// How the act went, as the ledger says it. `None`: it goes on, and its end is told later (a shell).
    pub(super) fn outcome(&self) -> Option<ActOutcome> {
        match &self.reply {
            Reply::Shell { .. } | Reply::Terminal(_) => None,
            Reply::Failed(refusal) | Reply::Refused(refusal) => {
                Some(ActOutcome::Failed(refusal.why.as_str().into()))
            }
            Reply::Ran { exit, .. } if *exit != Some(0) => {
                let seen = self.verification.clone();
                Some(ActOutcome::Failed(seen.unwrap_or_default()))
            }
            Reply::Unknown(refusal) => Some(ActOutcome::Unknown(refusal.why.as_str().into())),
            _ => Some(ActOutcome::Done),
        }
    }
}

/// Carries a change out. `terminal` is the id under which a shell or terminal is handed out.
pub(super) async fn carry(
    (actor, change): (Actor, Change),
    shared: Arc<Shared>,
    terminal: TerminalId,
) -> Carried {
    match change {
        Change::Power(change) => power::carry(change, actor, shared).await,
        Change::Service(change) => services::carry(change, shared).await,
        Change::Models(change) => models::carry(change, shared).await,
        Change::Shell { command } => Carried::unverified(Reply::Shell { terminal, command }),
        Change::Signal { host, pid, command } => {
            let Some(exec) = shared.links.exec(&host) else {
                return Carried::unverified(not_connected(&host));
            };
            let outcome = exec.run(&command, SIGNAL).await;
            Carried::unverified(remote::signal_outcome(pid, outcome))
        }
        Change::Run { host, command } => {
            let Some(exec) = shared.links.exec(&host) else {
                return Carried::unverified(not_connected(&host));
            };
            remote::ran(exec.run(&command, RUN).await)
        }
        Change::Container {
            host,
            id,
            name,
            act,
        } => match shared.links.docker(&host) {
            Ok(docker) => carry_container::act(&docker, &id, &name, act).await,
            Err(refusal) => Carried::unverified(Reply::Failed(refusal)),
        },
        Change::Prune { host, agreed } => match shared.links.docker(&host) {
            Ok(docker) => carry_container::prune(&docker, &agreed).await,
            Err(refusal) => Carried::unverified(Reply::Failed(refusal)),
        },
        Change::Terminal {
            host,
            id,
            argv,
            size,
        } => match shared.links.docker(&host) {
            Ok(docker) => {
                let opened =
                    carry_container::terminal(&docker, &id, &argv, size, &shared.tasks).await;
                hand_out(&shared, terminal, opened)
            }
            Err(refusal) => Carried::unverified(Reply::Failed(refusal)),
        },
    }
}

/// Leaves an open terminal where the face that asked for it fetches it.
fn hand_out(shared: &Shared, id: TerminalId, opened: Result<ContainerTerminal, Reply>) -> Carried {
    Carried::unverified(match opened {
        Ok(terminal) => {
            shared.opened.put_terminal(id, terminal);
            Reply::Terminal(id)
        }
        Err(reply) => reply,
    })
}

fn not_connected(host: &crate::domain::HostId) -> Reply {
    Reply::Failed(Refusal {
        why: format!("{host} is not connected"),
        hint: None,
    })
}
