//! The assistant in an emergency: conversations with the `claude` program of this machine, which can look at the fleet through
//! our tools and can change nothing. What it wishes to do it proposes, and a person decides.

mod broker;
mod event;
mod guard;
mod tool_input;
mod tool_list;
mod tools;
mod transcript;
mod wire;

pub use broker::{Broker, BrokerError, BrokerEvent, PendingCall};
pub use event::{
    CallId, Decided, Ending, EventKind, Evidence, Origin, Proposal, SessionEvent, StepResult,
    TroubleKind, Usage,
};
pub use guard::{Boundary, Guarded, MOST_BYTES, clean_lines, guard};
pub use tool_list::{ToolDefinition, definitions};
pub use tools::{
    Cited, LogWish, Measure, ProposedAct, ProposedSignal, SERVER, TOOLS, ToolCall, pinned,
    shown_name,
};
pub use transcript::{
    CallState, CallView, Entry, EntryId, Phase, SessionSummary, Transcript, TurnView,
};
pub use wire::{
    ChildFrame, ConsoleFrame, LONGEST_ANSWER, LONGEST_CALL, LineReader, SOCKET_VARIABLE,
    TOKEN_VARIABLE, ToolAnswer, line,
};
