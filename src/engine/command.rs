//! Everything that may be asked of the engine, by anyone, and what it answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::models_command::ModelsCommand;
use crate::assistant::SessionSummary;
use crate::domain::{
    ActClass, Answer, At, ContainerAct, ContainerDetail, ContainerId, ContainerTop, HostId,
    LedgerEntry, LensId, PowerVerb, ProposalId, PrunePreview, QuestionId, Secret, ServiceAct,
    ServiceName, SessionId, TaskId, TerminalId,
};
use crate::follow::{SourceAddress, SourceOffer, Stamp};
use crate::models::{LockState, Preflight, WorkId};
use crate::power::PowerReport;
use crate::services::{Depth, Probed};
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person at the terminal.
    Terminal,
    /// A person's command line.
    CommandLine,
    /// The rule that mends wedged services. It may restart those whose config lets it, and nothing else.
    Rule,
    /// The assistant's tools. It may look, and rehearse what it is going to propose; nothing else.
    Assistant,
}

/// A wish. Those that change the world pass the policy; the others are about our own connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Dial this host now instead of at the end of its back-off.
    Reconnect(HostId),
    /// Answer a question that a connection has.
    Answer {
        /// Which question.
        question: QuestionId,
        /// The person's answer.
        answer: Answer,
    },
    /// Send a signal to one process of a host. A change: confirmed, and refused read-only.
    Signal {
        /// The host.
        host: HostId,
        /// The process.
        pid: u32,
        /// When it started (clock ticks since boot), so that a reused pid is not hit. Checked on the host.
        started: Option<u64>,
        /// The signal.
        signal: Signal,
    },
    /// Open a shell on a host. A change: confirmed by policy, and refused read-only.
    Shell {
        /// The host.
        host: HostId,
    },
    /// Do something with a container. A change.
    Container {
        /// The host.
        host: HostId,
        /// The container.
        id: ContainerId,
        /// What.
        act: ContainerAct,
    },
    /// Remove what has ended and what nothing uses: containers and dangling images. A change.
    Prune {
        /// The host.
        host: HostId,
        /// What a person was shown; nothing else goes.
        agreed: PrunePreview,
    },
    /// What a prune would take. Changes nothing.
    PrunePreview {
        /// The host.
        host: HostId,
    },
    /// Open a terminal inside a container. A change, as a shell is.
    Terminal {
        /// The host.
        host: HostId,
        /// The container.
        id: ContainerId,
        /// What is run there; empty: the best shell that is there.
        argv: Vec<String>,
        /// Columns and rows.
        size: (u16, u16),
    },
    /// A shell or terminal that was handed out has ended; with words where it failed.
    TerminalEnded {
        /// Which.
        terminal: TerminalId,
        /// Why it failed; `None`: it ended as it should.
        failed: Option<String>,
    },
    /// What a container is made of. Changes nothing.
    Inspect {
        /// The host.
        host: HostId,
        /// The container.
        id: ContainerId,
    },
    /// The processes of a container. Changes nothing.
    Top {
        /// The host.
        host: HostId,
        /// The container.
        id: ContainerId,
    },
    /// Somebody looks at what containers take: their stats are read for the next quarter of a minute. Renewed while they look.
    WatchStats {
        /// The host.
        host: HostId,
        /// One container, every second; `None`: all that run, every few seconds.
        only: Option<ContainerId>,
    },
    /// Which log sources a host offers. Changes nothing.
    Sources {
        /// The host.
        host: HostId,
    },
    /// Open a lens over these sources.
    OpenLens {
        /// The sources.
        sources: Vec<SourceAddress>,
        /// Where they begin.
        begin: LogBegin,
    },
    /// Look at these sources instead; those that stay keep their lines.
    SetSources {
        /// The lens.
        lens: LensId,
        /// The sources.
        sources: Vec<SourceAddress>,
    },
    /// Read sources from one end to the other, in the order of their stamps, without keeping their lines.
    ReadLogs {
        /// The sources.
        sources: Vec<SourceAddress>,
        /// Where they begin.
        begin: LogBegin,
        /// Nothing from this moment on is wanted.
        until: Option<Stamp>,
        /// Whether it goes on with what is written later.
        follow: bool,
    },
    /// Use the power switch of a host. `status` and `forensics` only look; the others are changes for which the host has
    /// to be armed. What is typed to confirm may end with ` --now` (a hard verb leaves without the cancel window) or
    /// ` --no-ledger` (it leaves although the ledger can't be written).
    Power {
        /// The host.
        host: HostId,
        /// The verb.
        verb: PowerVerb,
    },
    /// Give up what the power switch has not begun yet: in the cancel window nothing leaves, later the plan ends with the
    /// step that is at work.
    AbortPower {
        /// The host.
        host: HostId,
    },
    /// Run one command on a host, word by word, without a shell around it. A change: nobody knows what it does.
    Run {
        /// The host.
        host: HostId,
        /// Its words.
        argv: Vec<String>,
    },
    /// Arm a host for a class of acts.
    Arm {
        /// The host.
        host: HostId,
        /// The class.
        class: ActClass,
        /// For how long; `None`: as the config says.
        minutes: Option<u16>,
    },
    /// Disarm.
    Disarm {
        /// The host; `None`: all.
        host: Option<HostId>,
    },
    /// A person is still at the keys: what is armed stays armed.
    Present,
    /// Decide on what somebody proposed. Approving it is the only way from a proposal to a change.
    Decide {
        /// On what.
        proposal: ProposalId,
        /// How.
        decision: Decision,
    },
    /// Something of a conversation with the assistant. Changes nothing on any host.
    Assistant(AssistantCommand),
    /// Something with models.
    Models(ModelsCommand),
    /// Do something with a service. A change.
    Service {
        /// The host.
        host: HostId,
        /// The service.
        service: ServiceName,
        /// What.
        act: ServiceAct,
    },
    /// Look at a service now. Changes nothing.
    Probe {
        /// The host.
        host: HostId,
        /// The service.
        service: ServiceName,
        /// How deep.
        depth: Depth,
    },
    /// Tell how a service fared: it goes into its history. Changes nothing on any host.
    Report {
        /// The host.
        host: HostId,
        /// The service.
        service: ServiceName,
        /// Whether it worked.
        ok: bool,
        /// What was seen.
        words: String,
    },
    /// What this change would do and what it would take to confirm it. Changes nothing.
    Rehearse(Box<Command>),
    /// Answer a challenge.
    Confirm {
        /// The confirmation that [`Reply::NeedsConfirmation`] named.
        id: ConfirmationId,
        /// What was typed, or `yes` for a Yes/No challenge.
        answer: String,
    },
    /// Give up a pending confirmation.
    Withdraw(ConfirmationId),
}

/// A person's decision on a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Do it; with what the person typed.
    Approve(String),
    /// Don't; with the reason that the assistant is told.
    Refuse(Option<String>),
}

/// Something of a conversation with the assistant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistantCommand {
    /// Which conversations there are.
    Sessions,
    /// Begin one. No program runs before its first question.
    Open,
    /// Go on with an old one, or watch one that another console runs.
    Resume(SessionId),
    /// Ask. While the assistant works the question waits in the queue.
    Say {
        /// Where.
        session: SessionId,
        /// What; lines parted by `\n`.
        text: String,
    },
    /// Take back the questions that wait.
    Unqueue(SessionId),
    /// Stop what it does now; the conversation stays usable.
    Interrupt(SessionId),
    /// End the program behind a conversation.
    Close(SessionId),
    /// Strike a conversation off the list, with its transcript.
    Forget(SessionId),
    /// Run a runbook and show its steps in a conversation; needs no assistant.
    Runbook {
        /// Where it is shown.
        session: SessionId,
        /// On which host.
        host: HostId,
        /// Which.
        name: String,
    },
    /// Which runbooks there are.
    Runbooks,
    /// Whether the assistant could be had: program, version, login. Asks nothing of the API.
    Check,
}

/// One runbook in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookSummary {
    /// The name to start it by.
    pub name: String,
    /// What it looks at, one line.
    pub what: String,
    /// Its steps, a line each.
    pub steps: Vec<String>,
}

/// Whether the assistant could be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssistantCheck {
    /// The program, with its path and version.
    pub program: Result<String, Refusal>,
    /// The login: where it comes from, never what it is.
    pub login: Result<String, Refusal>,
}

/// Where log sources begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogBegin {
    /// With the last lines of each.
    Tail(u32),
    /// With the first line at this moment or later.
    Since(Stamp),
}

/// A signal that a person may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// Interrupt.
    Int,
    /// Please end.
    Term,
    /// End now.
    Kill,
    /// Hang up: many daemons reload.
    Hup,
}

impl Signal {
    /// The name that `kill -s` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Hup => "HUP",
        }
    }
}

/// One pending confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfirmationId(pub u64);

/// What a person has to do to confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Challenge {
    /// Choose Yes in a dialog whose focus is on No.
    YesNo,
    /// Type this name.
    TypeName(String),
}

/// What would be done, in words and exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One sentence: what, where, to whom.
    pub what: String,
    /// The exact remote command.
    pub command: String,
    /// What else a person should know first, a line each: who is served, what will be lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Why the door stayed shut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// One sentence.
    pub why: String,
    /// The mend.
    pub hint: Option<String>,
}

/// The engine's answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done; nothing more follows.
    Done,
    /// Begun as a task whose progress is in the fleet.
    Begun(TaskId),
    /// A person has to confirm first.
    NeedsConfirmation {
        /// To be named in [`Command::Confirm`].
        id: ConfirmationId,
        /// What the person has to do.
        challenge: Challenge,
        /// After this moment the answer is No.
        expires: At,
        /// What would be done.
        plan: Plan,
    },
    /// Rehearsed: this would be done.
    WouldDo {
        /// What would be done.
        plan: Plan,
        /// What a person would have to do first; `None`: nothing, it is undone as easily.
        challenge: Option<Challenge>,
    },
    /// Confirmed: whoever has the terminal may run this in it, here, and tells [`Command::TerminalEnded`] afterwards.
    Shell {
        /// To be told by.
        terminal: TerminalId,
        /// The command of this machine.
        command: ShellCommand,
    },
    /// Confirmed: a terminal inside a container, to be had from [`super::Handle::terminal`]; its end is told likewise.
    Terminal(TerminalId),
    /// What a container is made of.
    Detail(Arc<ContainerDetail>),
    /// The processes of a container.
    Top(ContainerTop),
    /// What a prune would take.
    Preview(PrunePreview),
    /// What a prune took.
    Pruned(PrunePreview),
    /// Which log sources there are.
    Sources(Vec<SourceOffer>),
    /// What a swap would meet.
    Preflight(Box<Preflight>),
    /// A job was begun on a host; its report is in the fleet as soon as it is read.
    Working {
        /// The host.
        host: HostId,
        /// The job.
        work: WorkId,
    },
    /// A reservation as it is now, with its token where it was taken just now.
    Lock {
        /// How it stands; `None`: nobody holds it.
        state: Option<LockState>,
        /// Its token.
        token: Option<Secret<String>>,
    },
    /// What a look at a service found.
    Probed(Box<Probed>),
    /// A lens, to be had from [`super::Handle::lens`]. It is closed when its last handle is gone.
    Lens(LensId),
    /// A stream of log lines, to be had from [`super::Handle::log`]. It is closed when it is dropped.
    Log(LensId),
    /// What a power verb gave that only looks.
    Power(PowerReport),
    /// What a command printed, line by line, and its exit status.
    Ran {
        /// Standard output and errors.
        lines: Vec<SafeText>,
        /// Bytes that were left out at the end.
        cut: u64,
        /// The exit status.
        exit: Option<i32>,
    },
    /// A conversation, to be had from [`super::Handle::transcript`].
    Session(SessionId),
    /// The conversations there are, newest first.
    Sessions(Vec<SessionSummary>),
    /// The runbooks there are.
    Runbooks(Vec<RunbookSummary>),
    /// Whether the assistant could be had.
    Assistant(AssistantCheck),
    /// Lines of the ledger, newest last.
    Ledger(Vec<LedgerEntry>),
    /// Refused by policy: read-only, not confirmed, expired.
    Refused(Refusal),
    /// Tried and failed.
    Failed(Refusal),
    /// It may or may not have happened: the connection was lost meanwhile.
    Unknown(Refusal),
}
