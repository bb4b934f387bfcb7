//! The assistant in an emergency: conversations with the `claude` program of this machine, which can look at the fleet through
//! our tools and can change nothing. What it wishes to do it proposes, and a person decides.

mod broker;
mod conversation;
mod descendants;
mod drafts;
mod event;
mod fold;
#[cfg(test)]
mod fold_tests;
mod guard;
mod launch;
mod login;
mod own_tools;
mod pace;
mod private;
mod process;
mod prompt;
mod session;
mod session_line;
#[cfg(test)]
mod session_tests;
mod session_turn;
mod session_words;
mod stream;
#[cfg(test)]
mod stream_tests;
mod stream_wire;
mod tool_input;
mod tool_list;
mod tools;
mod transcript;
mod trouble;
mod wire;

pub(crate) use broker::accepted;
pub use broker::{Broker, BrokerError, BrokerEvent, PendingCall};
pub use conversation::{Conversation, Heard, Setup, WishRefused};
pub use event::{
    CallId, Decided, Ending, EventKind, Evidence, Origin, Proposal, SessionEvent, StepResult,
    TroubleKind, Usage, Went,
};
pub use fold::Fold;
pub use guard::{Boundary, Guarded, MOST_BYTES, clean_lines, guard};
pub use launch::McpServer;
pub use login::{Found, check};
pub(crate) use private::{Owner, check_private};
pub use prompt::system_prompt;
pub use session::Wish;
pub use session_words::LONGEST_QUESTION;
pub use tool_list::{ToolDefinition, definitions};
pub use tools::{
    Cited, LogWish, Measure, ProposedAct, ProposedSignal, SERVER, TOOLS, ToolCall, pinned,
    shown_name,
};
pub use transcript::{
    CallState, CallView, Entry, EntryId, Phase, SessionSummary, Transcript, TurnView,
};
pub use trouble::Trouble;
pub use wire::{
    ChildFrame, ConsoleFrame, LONGEST_ANSWER, LONGEST_CALL, LineReader, SOCKET_VARIABLE,
    TOKEN_VARIABLE, ToolAnswer, line,
};
