//! One line of the program's stream-json output as a typed event. Pure. What is not known is counted by the caller and has no
//! consequence: fields and types grow weekly, and the order of keys means nothing.

use std::time::Duration;

use serde_json::Value;

use super::stream_wire as wire;

/// Most bytes of one text, one reason or one tool input that are kept.
pub(super) const MOST_TEXT: usize = 1024 * 1024;

/// What one line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CliEvent {
    /// A turn begins; what the program is.
    Init(Init),
    /// A request to the API has left.
    Requesting,
    /// A message begins.
    MessageBegan {
        /// The API's name of it.
        message: String,
        /// Tokens that were sent for it.
        context: u64,
    },
    /// A block of the message that began last.
    BlockBegan {
        /// Its place in the message.
        index: u64,
        /// What it holds.
        kind: BlockKind,
    },
    /// More of a block.
    Delta {
        /// Its place in the message.
        index: u64,
        /// Thinking, not an answer.
        thinking: bool,
        /// What came.
        text: String,
    },
    /// A block is complete.
    BlockEnded {
        /// Its place in the message.
        index: u64,
    },
    /// Finished blocks of a message, as a rule one.
    Blocks {
        /// The API's name of the message.
        message: String,
        /// The blocks.
        blocks: Vec<Block>,
        /// What failed, where the message stands for an error.
        error: Option<String>,
        /// The program wrote it, not the model.
        synthetic: bool,
    },
    /// A tool gave its result.
    ToolResult {
        /// Of which call.
        call: String,
    },
    /// A turn ended.
    Result(Box<TurnResult>),
    /// The API could not be used and is asked again.
    Retry {
        /// The how manyth attempt.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// After this pause.
        after: Duration,
        /// The HTTP status; `None`: no answer at all.
        status: Option<u16>,
        /// What failed, in the program's word.
        error: String,
    },
    /// The program refused a tool by itself.
    Denied(Denial),
    /// The program asks whether a tool may run.
    MayUse {
        /// To answer by.
        request: String,
        /// Which tool.
        tool: String,
        /// Which call.
        call: String,
        /// With what.
        input: Value,
    },
    /// The program asks something that we don't know.
    OtherRequest {
        /// To answer by.
        request: String,
        /// What.
        subtype: String,
    },
    /// A sign of life and nothing else.
    Alive,
    /// A type that we don't know.
    Unknown,
    /// No event at all.
    Bad,
    /// A line that was too long to be kept, with its bytes.
    Oversize(u64),
}

/// What the program tells about itself at the beginning of a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Init {
    /// What the conversation is resumed by.
    pub(super) session: String,
    /// The model.
    pub(super) model: String,
    /// The program's version.
    pub(super) version: String,
    /// The tools that the model is offered; `None` where the list is missing or is no list of names.
    pub(super) tools: Option<Vec<String>>,
    /// The tool servers and their state; `None` likewise.
    pub(super) servers: Option<Vec<(String, String)>>,
    /// How permissions are decided.
    pub(super) mode: String,
    /// How many plugins are loaded.
    pub(super) plugins: usize,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// An answer.
    Text,
    /// Thinking.
    Thinking,
    /// A call of a tool.
    Tool,
    /// Something else.
    Other,
}

/// A finished block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// An answer.
    Text(String),
    /// Thinking.
    Thinking(String),
    /// A call of a tool.
    Tool {
        /// Which call.
        call: String,
        /// Which tool.
        tool: String,
    },
    /// Something else.
    Other,
}

/// A tool that the program refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denial {
    /// Which tool.
    pub(super) tool: String,
    /// Which call.
    pub(super) call: String,
    /// Why, where it says.
    pub(super) reason: String,
}

/// How a turn ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TurnResult {
    /// It failed, whatever its subtype says.
    pub(super) failed: bool,
    /// `success`, `error_max_turns`, …
    pub(super) subtype: String,
    /// `completed`, `aborted_streaming`, `api_error`, …
    pub(super) reason: String,
    /// The final text, or what failed.
    pub(super) text: String,
    /// The HTTP status of the API, where it failed.
    pub(super) status: Option<u16>,
    /// What the conversation is resumed by.
    pub(super) session: String,
    /// US dollars, the whole conversation.
    pub(super) cost: f64,
    /// Turns of the model.
    pub(super) turns: u32,
    /// Tokens in, the whole process.
    pub(super) input: u64,
    /// Tokens out, the whole process.
    pub(super) output: u64,
    /// Tokens that the context holds.
    pub(super) window: u64,
    /// Tools that were refused meanwhile.
    pub(super) denials: Vec<Denial>,
}

/// Reads one line.
pub(super) fn parse(line: &[u8]) -> CliEvent {
    if let Ok(text) = std::str::from_utf8(line) {
        return parse_text(text);
    }
    parse_text(&String::from_utf8_lossy(line))
}

fn parse_text(line: &str) -> CliEvent {
    let Ok(head) = serde_json::from_str::<wire::Head>(line) else {
        return CliEvent::Bad;
    };
    let subtype = head.subtype.as_deref().unwrap_or_default();
    match (head.kind.as_deref().unwrap_or_default(), subtype) {
        ("", _) => CliEvent::Bad,
        ("system", "init") => read::<wire::Init>(line),
        ("system", "status") => read::<wire::Status>(line),
        ("system", "api_retry") => read::<wire::Retry>(line),
        ("system", "permission_denied") => read::<wire::Denied>(line),
        ("stream_event", _) => read::<wire::Stream>(line),
        ("assistant", _) => read::<wire::Assistant>(line),
        ("user", _) => read::<wire::User>(line),
        ("result", _) => read::<wire::TurnResult>(line),
        ("control_request", _) => read::<wire::Request>(line),
        (
            "system"
            | "tool_progress"
            | "control_response"
            | "control_cancel_request"
            | "keep_alive"
            | "rate_limit_event"
            | "auth_status"
            | "conversation_reset",
            _,
        ) => CliEvent::Alive,
        _ => CliEvent::Unknown,
    }
}

fn read<'a, W: serde::Deserialize<'a> + Into<CliEvent>>(line: &'a str) -> CliEvent {
    serde_json::from_str::<W>(line).map_or(CliEvent::Bad, Into::into)
}

/// A text that is cut where it is too long.
pub(super) fn bounded(mut text: String) -> String {
    if text.len() > MOST_TEXT {
        text.truncate(text.floor_char_boundary(MOST_TEXT));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}
