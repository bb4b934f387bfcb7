//! Changes on their way through the policy: wished, ruled on, confirmed. A confirmed one can't be made outside of this room.

use crate::assistant::Decided;
use crate::domain::{
    ActClass, ContainerAct, ContainerId, HostId, ProposalId, PrunePreview, SessionId, TerminalId,
    Wall,
};
use crate::engine::command::{Actor, Challenge, Plan, Reply};
use crate::engine::models::{ModelsChange, Unlooked};
use crate::engine::power::PowerChange;
use crate::engine::services::ServiceChange;
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// A change that may be carried out now. It can't be copied, recorded or made elsewhere: carrying it out uses it up.
#[derive(Debug)]
pub(in crate::engine) struct Confirmed {
    /// Who asked for it.
    pub(super) actor: Actor,
    /// What was asked for.
    pub(super) wish: Wish,
    /// How it was confirmed, for the ledger.
    pub(super) how: SafeText,
    /// Since when the host was armed for it, where it had to be.
    pub(super) armed: Option<Wall>,
    /// Who proposed it, where that was not the person.
    pub(super) proposed: Option<Proposed>,
}

/// The proposal that an approved change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Proposed {
    /// Which.
    pub(in crate::engine) proposal: ProposalId,
    /// The conversation in which it was made.
    pub(in crate::engine) session: SessionId,
}

impl Proposed {
    /// Who proposed it, for the ledger.
    pub(in crate::engine) fn words(self) -> SafeText {
        let Self { proposal, session } = self;
        format!("Claude, session {session}, proposal {proposal}").into()
    }
}

impl Confirmed {
    /// Who asked for it.
    pub(in crate::engine) fn actor(&self) -> Actor {
        self.actor
    }

    /// The host it is for.
    pub(in crate::engine) fn host(&self) -> &HostId {
        &self.wish.host
    }

    /// What will be done, in words and exactly.
    pub(in crate::engine) fn plan(&self) -> &Plan {
        &self.wish.plan
    }

    /// How it was confirmed: `yes`, `typed spark-1`, `--yes spark-1`, or that nobody had to.
    pub(in crate::engine) fn how(&self) -> &SafeText {
        &self.how
    }

    /// Since when the host was armed for it, where it had to be.
    pub(in crate::engine) fn armed(&self) -> Option<Wall> {
        self.armed
    }

    /// The proposal that it comes from, where it comes from one.
    pub(in crate::engine) fn proposed(&self) -> Option<Proposed> {
        self.proposed
    }

    /// The power verb that it is, where it is one.
    pub(in crate::engine) fn power(&self) -> Option<&PowerChange> {
        match &self.wish.change {
            Change::Power(change) => Some(change),
            _ => None,
        }
    }

    /// The change itself.
    pub(in crate::engine) fn into_change(self) -> Change {
        self.wish.change
    }
}

/// A change on a host, with the exact command.
#[derive(Debug)]
pub(in crate::engine) enum Change {
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
    /// A verb for the power switch.
    Power(PowerChange),
    /// Something with models.
    Models(ModelsChange),
    /// Something with a service.
    Service(ServiceChange),
    /// One command, without a shell around it.
    Run { host: HostId, command: ShellCommand },
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
pub(in crate::engine) enum Ruling {
    /// It changes nothing on any host: go on.
    Free,
    /// It changes nothing anywhere: hands look and answer.
    Look,
    /// Hands look first at what this swap would meet; then it is asked again.
    Prepare(Unlooked),
    /// The door stays shut, or a person has to confirm first.
    Answer(Reply),
    /// Do it.
    Do(Confirmed),
    /// A person, or the door, decided on a proposal without doing it.
    Decided {
        proposal: ProposalId,
        decided: Decided,
    },
    /// A shell or terminal that went through the door has ended.
    Ended {
        terminal: TerminalId,
        failed: Option<String>,
    },
}

/// A change that somebody wishes, before anybody has confirmed it.
#[derive(Debug)]
pub(in crate::engine) struct Wish {
    /// The host it is for.
    pub(in crate::engine) host: HostId,
    /// The class that the host may have to be armed for.
    pub(in crate::engine) class: ActClass,
    /// What has to be done to confirm it; `None`: it is undone as easily as it is done.
    pub(in crate::engine) challenge: Option<Challenge>,
    /// What would be done.
    pub(in crate::engine) plan: Plan,
    /// What it touches, by the name that a command line confirms it with.
    pub(in crate::engine) name: String,
    /// The change.
    pub(in crate::engine) change: Change,
}
