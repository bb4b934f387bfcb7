//! The assistant in an emergency: conversations with the `claude` program of this machine, which can look at the fleet through
//! our tools and can change nothing. What it wishes to do it proposes, and a person decides.

mod event;
mod fold;
mod transcript;

pub use event::{
    CallId, Decided, Ending, EventKind, Evidence, Origin, Proposal, SessionEvent, StepResult,
    TroubleKind, Usage,
};
pub use fold::Fold;
pub use transcript::{
    CallState, CallView, Entry, EntryId, Phase, SessionSummary, Transcript, TurnView,
};
