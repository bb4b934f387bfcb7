//! How the person looks at a conversation in an emergency: which one, what of it has the keys, the draft, what is unfolded.
//! What is said and done there is in the engine's transcript; here is only its newest picture.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::talk::{Composer, TalkRows};
use super::ui::LineEdit;
use crate::domain::{HostId, ProposalId, SessionId};
use crate::engine::{
    AssistantCheck, EntryId, Phase, Refusal, RunbookSummary, SessionSummary, Transcript,
};

/// Everything about the looks of the breakglass pane.
#[derive(Debug, Clone, Default)]
pub struct BreakglassUi {
    /// Whether it is on the screen, and whether it has the keys.
    pub shown: Shown,
    /// It has the whole body, also where there is room for it beside others.
    pub full: bool,
    /// Which part of it has the keys.
    pub part: Part,
    /// Whether there is a conversation.
    pub state: TalkState,
    /// Its newest picture.
    pub transcript: Arc<Transcript>,
    /// The picture as rows of this width, made once per changed entry.
    pub rows: TalkRows,
    /// Where the rows stand in the pane.
    pub view: TalkView,
    /// What in the transcript is under the cursor; none: nothing, the newest is watched.
    pub stop: Option<Stop>,
    /// Entries that are shown in full.
    pub unfolded: BTreeSet<EntryId>,
    /// What is searched for in the transcript.
    pub search: LineEdit,
    /// The present hit, counted from the first.
    pub hit: usize,
    /// The draft.
    pub composer: Composer,
    /// The proposal card.
    pub card: CardUi,
    /// Whether the assistant could be had.
    pub check: Known<AssistantCheck>,
    /// The runbooks there are.
    pub runbooks: Known<Vec<RunbookSummary>>,
    /// A question that was asked before there was a conversation to ask it in.
    pub unsent: Option<Unsent>,
}

impl BreakglassUi {
    /// The conversation that is open.
    pub fn session(&self) -> Option<SessionId> {
        match self.state {
            TalkState::Open(id) => Some(id),
            _ => None,
        }
    }

    /// Whether Claude does something now.
    pub fn is_at_work(&self) -> bool {
        let phase = &self.transcript.phase;
        !matches!(phase, Phase::Asleep | Phase::Idle | Phase::Dead(_))
    }

    /// Whether the pane has the keys.
    pub fn has_keys(&self) -> bool {
        self.shown == Shown::Focused
    }
}

/// Whether the pane is on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// It is not; what goes on in it goes on.
    #[default]
    Hidden,
    /// It is, beside others that have the keys.
    Aside,
    /// It is, and has the keys.
    Focused,
}

/// A part of the pane that can have the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// What was said and done.
    Transcript,
    /// The draft.
    #[default]
    Composer,
    /// The proposal that waits.
    Card,
}

/// Whether there is a conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TalkState {
    /// None was asked for.
    #[default]
    None,
    /// Asked for.
    Opening,
    /// Open.
    Open(SessionId),
    /// It could not be had.
    Refused(Refusal),
}

/// Where the rows of the transcript stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TalkView {
    /// Nothing was said yet: what can be done is read from its first line.
    #[default]
    Top,
    /// At the newest; what comes moves the rest up.
    Bottom,
    /// From this row on, and the number of the newest event when the newest was last in view.
    From {
        /// The first row shown.
        row: usize,
        /// What had been seen.
        seen: u64,
    },
}

/// Something in the transcript that the cursor can stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// An entry.
    Entry(EntryId),
    /// One of the things that can be done without, or before, an answer.
    Offer(usize),
}

/// Something that the engine was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Known<T> {
    /// Not asked yet.
    #[default]
    Unasked,
    /// Asked; no answer yet.
    Asked,
    /// This is it.
    Is(T),
    /// It could not be told.
    Failed(Refusal),
}

/// Something that waits for its conversation to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// A question.
    Say(String),
    /// A runbook.
    Runbook(HostId, String),
}

/// The proposal card.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CardUi {
    /// Which proposal what was typed is for: it is void for any other.
    pub proposal: Option<ProposalId>,
    /// What of it has the keys.
    pub stop: CardStop,
    /// The first row of what it tells that is in view.
    pub first: usize,
    /// How much of what it tells was on the screen.
    pub seen: SeenRows,
    /// The word that approves, as far as it is typed.
    pub word: LineEdit,
    /// Why it is refused, as far as it is typed.
    pub reason: LineEdit,
}

/// Rows that were on the screen, from the first one on and without a gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeenRows {
    /// How many.
    pub rows: usize,
    /// Of so many cells: in other rows nothing was seen yet.
    pub cells: usize,
}

/// Something on the card that can have the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CardStop {
    /// One of the things it is based on.
    Evidence(usize),
    /// The field for the word that approves.
    #[default]
    Word,
    /// The field for the reason of a refusal.
    Refuse,
}

/// The layer that lists conversations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionsUi {
    /// The conversations.
    pub sessions: Known<Vec<SessionSummary>>,
    /// The row under the cursor; the first begins a new one.
    pub selected: usize,
    /// The one that is asked about before it is struck off, and whether the focus is on Yes.
    pub forgetting: Option<(SessionId, super::ui::Button)>,
}
