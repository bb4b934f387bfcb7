//! A conversation as it is shown: a fold over its events. Readers share it; a new one costs a copy of pointers.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{CallId, Decided, Ending, Origin, Proposal, StepResult, TroubleKind, Usage};
use super::fold::LINE;
use crate::domain::{At, HostId, SessionId, Wall};
use crate::text::SafeText;

/// A conversation as it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transcript {
    /// Whose; 0 before it is known.
    pub session: SessionId,
    /// A few words to find it by: its first question.
    pub title: SafeText,
    /// What the assistant does now.
    pub phase: Phase,
    /// What was said and done, oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Questions that wait for their turn.
    pub queued: Vec<SafeText>,
    /// Proposals that are not settled, oldest first: they wait for a person, or are being carried out.
    pub proposals: Vec<Arc<Proposal>>,
    /// What it has taken so far.
    pub usage: Usage,
    /// The model, once known.
    pub model: Option<SafeText>,
    /// Number of the newest event in it.
    pub number: u64,
    /// Another console runs this conversation: it is watched from here. In words who.
    pub elsewhere: Option<SafeText>,
    /// How many events were dropped at its beginning.
    pub cut: u64,
}

/// What an entry is known by while it changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// One entry. An entry that changes is replaced by a new one with the same id.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A person's question.
    Asked {
        /// Its id.
        id: EntryId,
        /// When.
        wall: Wall,
        /// Its lines.
        lines: Vec<SafeText>,
    },
    /// What the assistant says, as Markdown lines.
    Said {
        /// Its id.
        id: EntryId,
        /// Lines; while `draft`, the last may grow.
        lines: Vec<SafeText>,
        /// It is still being written.
        draft: bool,
    },
    /// What it thinks; shown folded.
    Thought {
        /// Its id.
        id: EntryId,
        /// Lines.
        lines: Vec<SafeText>,
        /// It is still being written.
        draft: bool,
        /// How long it took, from what came before it; zero while it is a draft.
        took: Duration,
    },
    /// A tool call, a command, a step of a runbook.
    Call(CallView),
    /// A proposal that a person approved, and that is being carried out; [`Entry::Decided`] takes its place.
    UnderWay {
        /// Its id.
        id: EntryId,
        /// Since when.
        wall: Wall,
        /// What was proposed.
        proposal: Arc<Proposal>,
    },
    /// A proposal that was decided on. Those that wait are in [`Transcript::proposals`].
    Decided {
        /// Its id.
        id: EntryId,
        /// When.
        wall: Wall,
        /// What was proposed.
        proposal: Arc<Proposal>,
        /// How it ended.
        decided: Decided,
    },
    /// A tool that the program refused by itself.
    Denied {
        /// Its id.
        id: EntryId,
        /// Which.
        tool: SafeText,
        /// Why.
        why: SafeText,
    },
    /// The assistant can't be had.
    Trouble {
        /// Its id.
        id: EntryId,
        /// When.
        wall: Wall,
        /// What kind.
        kind: TroubleKind,
        /// One sentence.
        sentence: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// A runbook began; its steps follow as calls.
    Runbook {
        /// Its id.
        id: EntryId,
        /// When.
        wall: Wall,
        /// Where.
        host: HostId,
        /// Which.
        name: SafeText,
        /// How many steps it has.
        steps: usize,
    },
    /// What a runbook found.
    Findings {
        /// Its id.
        id: EntryId,
        /// Line by line.
        lines: Vec<SafeText>,
    },
    /// A turn ended.
    Turn(TurnView),
}

impl Entry {
    /// What it is known by while it changes.
    pub fn id(&self) -> EntryId {
        match self {
            Self::Asked { id, .. }
            | Self::Said { id, .. }
            | Self::Thought { id, .. }
            | Self::UnderWay { id, .. }
            | Self::Decided { id, .. }
            | Self::Denied { id, .. }
            | Self::Trouble { id, .. }
            | Self::Runbook { id, .. }
            | Self::Findings { id, .. } => *id,
            Self::Call(call) => call.id,
            Self::Turn(turn) => turn.id,
        }
    }
}

/// A call as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct CallView {
    /// Its id.
    pub id: EntryId,
    /// Which call.
    pub call: CallId,
    /// Whose.
    pub origin: Origin,
    /// The tool or step.
    pub tool: SafeText,
    /// Where.
    pub host: Option<HostId>,
    /// What, in a few words: the question, or a short command.
    pub what: SafeText,
    /// The exact command, where `what` and `tool` only name it.
    pub exact: Option<SafeText>,
    /// Why.
    pub why: Option<SafeText>,
    /// How far it is.
    pub state: CallState,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq)]
pub enum CallState {
    /// It runs, since then.
    Running(Wall),
    /// It ended.
    Ended(StepResult),
}

/// The end of a turn as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnView {
    /// Its id.
    pub id: EntryId,
    /// How.
    pub ending: Ending,
    /// What the conversation has taken up to here.
    pub usage: Usage,
}

/// What the assistant does now. Times are moments of this session's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Phase {
    /// No program runs; a question starts it.
    #[default]
    Asleep,
    /// The program starts.
    Starting(At),
    /// It waits for a question.
    Idle,
    /// It works on a question.
    Working {
        /// Since when.
        since: At,
        /// When it last gave a sign of life.
        heard: At,
    },
    /// It could not reach its API and tries again at this moment.
    Retrying {
        /// The how manyth attempt.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// The next attempt is due then.
        due: At,
        /// What failed.
        why: SafeText,
    },
    /// It waits for a person's decision.
    Waiting(At),
    /// It is being stopped.
    Stopping(At),
    /// It ended and is not started again by itself.
    Dead(SafeText),
}

/// One conversation in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// Which.
    pub session: SessionId,
    /// A few words to find it by.
    pub title: SafeText,
    /// When it began.
    pub began: Wall,
    /// When something last happened in it.
    pub last: Wall,
    /// How many questions were asked.
    pub questions: u32,
    /// US dollars.
    pub cost: f64,
    /// How it can be opened, in words where it runs in another console.
    pub elsewhere: Option<SafeText>,
    /// How long ago, computed by whoever lists.
    pub age: Duration,
}

/// Bytes of text in an entry.
pub(super) fn weight(entry: &Entry) -> usize {
    let all = |lines: &[SafeText]| {
        lines
            .iter()
            .map(|line| line.as_str().len() + LINE)
            .sum::<usize>()
    };
    match entry {
        Entry::Asked { lines, .. }
        | Entry::Said { lines, .. }
        | Entry::Thought { lines, .. }
        | Entry::Findings { lines, .. } => all(lines),
        Entry::Call(call) => {
            let exact = call.exact.as_ref().map_or(0, |exact| exact.as_str().len());
            let output = match &call.state {
                CallState::Ended(result) => all(&result.lines),
                CallState::Running(_) => 0,
            };
            call.what.as_str().len() + exact + output
        }
        Entry::UnderWay { proposal, .. } | Entry::Decided { proposal, .. } => {
            proposal.command.as_str().len()
        }
        Entry::Denied { why, .. } => why.as_str().len(),
        Entry::Trouble { sentence, .. } => sentence.as_str().len(),
        Entry::Runbook { name, .. } => name.as_str().len(),
        Entry::Turn(_) => 64,
    }
}
