//! Everything that may be asked of the engine, by anyone, and what it answers.

use serde::{Deserialize, Serialize};

use crate::domain::{Answer, At, HostId, QuestionId, TaskId};
use crate::shell::ShellCommand;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person at the terminal.
    Terminal,
    /// A person's command line.
    CommandLine,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Confirmed: whoever has the terminal may run this in it, here.
    Shell(ShellCommand),
    /// Refused by policy: read-only, not confirmed, expired.
    Refused(Refusal),
    /// Tried and failed.
    Failed(Refusal),
    /// It may or may not have happened: the connection was lost meanwhile.
    Unknown(Refusal),
}
