//! What happens in a conversation, as plain data: stored, replayed to whoever attaches later, folded into a transcript.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{ActId, HostId, ProposalId, Wall};
use crate::text::SafeText;

/// One thing that happened. Numbers rise without a gap from 1; whoever attaches names the last one that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionEvent {
    /// Its number.
    pub number: u64,
    /// When.
    pub wall: Wall,
    /// What.
    pub kind: EventKind,
}

/// What a tool call, a command or a step of a runbook is known by within its conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub SafeText);

/// Whose wish a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The assistant called a tool.
    Assistant,
    /// A person started a runbook.
    Runbook,
}

/// What happened. Texts are lines: a line break is a new element, because a [`SafeText`] holds none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A person asked; it waits in the queue while the assistant still works. A question that waited is told a second time,
    /// no longer as queued, when its turn begins: it is the one that waited longest.
    Asked {
        /// Its lines.
        text: Vec<SafeText>,
        /// It waits for the turn before it.
        queued: bool,
    },
    /// A queued question, the newest, was taken back before its turn.
    Unqueued,
    /// The program began a turn and told what it is.
    Began {
        /// The model.
        model: SafeText,
        /// The program's version.
        version: SafeText,
        /// The program's own name of the conversation: what it is resumed by.
        program_session: SafeText,
    },
    /// More of a text that is being written. Never stored: [`EventKind::Text`] replaces it.
    Draft {
        /// Which message and block, so that an abandoned one can be dropped.
        block: SafeText,
        /// Thinking, not an answer.
        thinking: bool,
        /// What came since the last; line breaks are kept as `\n` here and nowhere else.
        delta: String,
    },
    /// A draft that will never be finished: its message was given up and is asked for again.
    DraftDropped {
        /// Which.
        block: SafeText,
    },
    /// A finished text.
    Text {
        /// The draft that it replaces.
        block: SafeText,
        /// Thinking, not an answer.
        thinking: bool,
        /// Its lines.
        lines: Vec<SafeText>,
    },
    /// A call began.
    CallBegan {
        /// Which.
        call: CallId,
        /// Whose.
        origin: Origin,
        /// The tool or step.
        tool: SafeText,
        /// Where.
        host: Option<HostId>,
        /// What, in a few words: the question, or a short command.
        what: SafeText,
        /// The exact command, where `what` and `tool` only name it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exact: Option<SafeText>,
        /// Why, where the assistant said.
        why: Option<SafeText>,
    },
    /// A call ended.
    CallEnded {
        /// Which.
        call: CallId,
        /// What it gave.
        result: StepResult,
    },
    /// Something waits for a person.
    Proposed(Proposal),
    /// A person has approved a proposal, and its act begins: from here on only whoever carries it out knows how it ends.
    Begun {
        /// Which.
        proposal: ProposalId,
    },
    /// A person, or time, decided.
    Decided {
        /// On what.
        proposal: ProposalId,
        /// How.
        decided: Decided,
    },
    /// The program refused a tool by itself.
    Denied {
        /// Which.
        tool: SafeText,
        /// Why.
        why: SafeText,
    },
    /// The program could not reach its API and tries again.
    Retrying {
        /// The how manyth attempt.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// After this pause.
        after: Duration,
        /// What failed.
        why: SafeText,
    },
    /// The assistant can't be had, or not now; what can be done without it is offered.
    Trouble {
        /// What kind.
        kind: TroubleKind,
        /// One sentence.
        sentence: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// A person started a runbook.
    RunbookBegan {
        /// On which host.
        host: HostId,
        /// Which.
        name: SafeText,
        /// How many steps it has.
        steps: usize,
    },
    /// A runbook ended.
    RunbookEnded {
        /// What its steps add up to, line by line.
        findings: Vec<SafeText>,
    },
    /// A turn ended: exactly one per turn.
    TurnEnded {
        /// How.
        ending: Ending,
        /// What it took.
        usage: Usage,
    },
    /// Older events were dropped to keep the conversation small.
    Cut {
        /// How many.
        events: u64,
    },
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// Its output, line by line; bounded.
    pub lines: Vec<SafeText>,
    /// How many bytes were left out at the end.
    pub cut: u64,
    /// The exit status, where there is one.
    pub exit: Option<i32>,
    /// In words, where it failed.
    pub failed: Option<SafeText>,
    /// How long it took.
    pub took: Duration,
}

/// Something that waits for a person's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// To decide on it by.
    pub id: ProposalId,
    /// The host that it is for.
    pub host: Option<HostId>,
    /// One sentence: what would be done.
    pub what: SafeText,
    /// The exact command or request.
    pub command: SafeText,
    /// What else is done, or should be known before it is approved, a line each, in our own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<SafeText>,
    /// Why, in the assistant's words.
    pub why: SafeText,
    /// What it is based on.
    pub evidence: Vec<Evidence>,
    /// What has to be typed to approve it.
    pub word: SafeText,
    /// No answer until then is a No.
    pub expires: Wall,
}

/// What a proposal is based on; each can be opened at its moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// In words.
    pub what: SafeText,
    /// The host.
    pub host: Option<HostId>,
    /// A log source as `pilothouse logs` takes it (`spark-1/unit:ssh`), or the name of a metric.
    pub source: SafeText,
    /// Its moment.
    pub at: Option<Wall>,
}

/// How a proposal ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// A person approved it; it went through the door.
    Approved {
        /// The act in the ledger.
        act: Option<ActId>,
        /// How it went, in words.
        outcome: SafeText,
        /// How it went. Versions before wrote `done`, which was false as well where nobody knew.
        #[serde(alias = "done", deserialize_with = "went", default = "nobody_knows")]
        went: Went,
    },
    /// A person refused it.
    Refused {
        /// Why, where they said.
        why: Option<SafeText>,
    },
    /// The door stayed shut: read-only, not armed, not confirmed.
    Shut {
        /// Why.
        why: SafeText,
    },
    /// Nobody decided in time.
    Expired,
    /// The conversation ended before.
    Withdrawn,
}

impl Decided {
    /// How an open proposal ended whose console is gone: one that nobody had approved is withdrawn; of one whose act had begun
    /// nobody knows.
    pub fn abandoned(is_begun: bool) -> Self {
        if !is_begun {
            return Self::Withdrawn;
        }
        let outcome = "the console that carried it out has ended, and nobody knows whether it happened: look at `status` and at \
                       the ledger before anything is sent again";
        Self::Approved {
            act: None,
            outcome: SafeText::new(outcome),
            went: Went::Unknown,
        }
    }
}

/// How an approved act went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Went {
    /// It was done.
    Done,
    /// It was not done, or it was tried and failed.
    Failed,
    /// It may or may not have happened.
    Unknown,
    /// It is a command that was run, and it did not end well.
    Ended {
        /// Its exit status; none: a signal ended it.
        status: Option<i32>,
    },
}

/// As it is written now, or as `done` was.
fn went<'de, D: Deserializer<'de>>(from: D) -> Result<Went, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Now(Went),
        Before(bool),
    }
    Ok(match Written::deserialize(from)? {
        Written::Now(went) => went,
        Written::Before(true) => Went::Done,
        Written::Before(false) => Went::Unknown,
    })
}

fn nobody_knows() -> Went {
    Went::Unknown
}

/// Why the assistant can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The program is not on this machine.
    Missing,
    /// It has no login, or the login is refused.
    LoggedOut,
    /// Its API can't be reached.
    Offline,
    /// The account's limit is used up.
    OverQuota,
    /// It says nothing.
    Silent,
    /// It offers other tools than ours, so it was ended.
    WrongTools,
    /// It ended by itself.
    Died,
    /// It could not be started, for another reason.
    Unusable,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The answer is complete.
    Done,
    /// It failed, for this reason.
    Failed(SafeText),
    /// A person stopped it.
    Interrupted,
    /// The program ended in its midst.
    Died(SafeText),
    /// It took longer than it may.
    TimedOut,
}

/// What a conversation has taken. Costs and tokens are the whole conversation's, as the program estimates them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// US dollars.
    pub cost: f64,
    /// Turns of the model within this question.
    pub turns: u32,
    /// Tokens that went in.
    pub input: u64,
    /// Tokens that came out.
    pub output: u64,
    /// Tokens in the context now.
    pub context: u64,
    /// Tokens that the context can hold; 0: not known.
    pub window: u64,
    /// How long the question took.
    pub took: Duration,
}
