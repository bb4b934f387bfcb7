//! The program's output as it is written: mirrors of its lines, tolerant of whatever is missing or has another type than
//! expected. Becomes [`CliEvent`] here and nowhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::stream::{self, Block, BlockKind, CliEvent, Denial, bounded};

/// A value of another type than expected counts as missing.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    from: D,
) -> Result<T, D::Error> {
    Value::deserialize(from).map(|value| serde_json::from_value(value).unwrap_or_default())
}

/// Only what tells which mirror to use.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) subtype: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Init {
    #[serde(default, deserialize_with = "lenient")]
    session_id: String,
    #[serde(default, deserialize_with = "lenient")]
    model: String,
    #[serde(default, rename = "claude_code_version", deserialize_with = "lenient")]
    version: String,
    #[serde(default, deserialize_with = "lenient")]
    tools: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    mcp_servers: Option<Vec<Server>>,
    #[serde(default, rename = "permissionMode", deserialize_with = "lenient")]
    permission_mode: String,
    #[serde(default, deserialize_with = "lenient")]
    plugins: Vec<Value>,
}

#[derive(Deserialize)]
struct Server {
    name: String,
    status: String,
}

impl From<Init> for CliEvent {
    fn from(raw: Init) -> Self {
        Self::Init(stream::Init {
            session: raw.session_id,
            model: raw.model,
            version: raw.version,
            tools: raw.tools,
            servers: raw
                .mcp_servers
                .map(|all| all.into_iter().map(|s| (s.name, s.status)).collect()),
            mode: raw.permission_mode,
            plugins: raw.plugins.len(),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(default, rename = "status", deserialize_with = "lenient")]
    word: Option<String>,
}

impl From<Status> for CliEvent {
    fn from(raw: Status) -> Self {
        match raw.word.as_deref() {
            Some("requesting") => Self::Requesting,
            _ => Self::Alive,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Retry {
    #[serde(default, deserialize_with = "lenient")]
    attempt: u32,
    #[serde(default, rename = "max_retries", deserialize_with = "lenient")]
    of: u32,
    #[serde(default, rename = "retry_delay_ms", deserialize_with = "lenient")]
    milliseconds: f64,
    #[serde(default, deserialize_with = "lenient")]
    error_status: Option<u16>,
    #[serde(default, deserialize_with = "lenient")]
    error: String,
}

impl From<Retry> for CliEvent {
    fn from(raw: Retry) -> Self {
        // A cast from a float saturates, so nonsense becomes a long pause, never a panic.
        let pause = raw.milliseconds.clamp(0.0, 3_600_000.0) as u64;
        Self::Retry {
            attempt: raw.attempt,
            of: raw.of,
            after: Duration::from_millis(pause),
            status: raw.error_status,
            error: bounded(raw.error),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Denied {
    #[serde(default, deserialize_with = "lenient")]
    tool_name: String,
    #[serde(default, deserialize_with = "lenient")]
    tool_use_id: String,
    #[serde(default, alias = "decision_reason", alias = "message")]
    #[serde(deserialize_with = "lenient")]
    reason: String,
}

impl From<Denied> for Denial {
    fn from(raw: Denied) -> Self {
        Self {
            tool: raw.tool_name,
            call: raw.tool_use_id,
            reason: bounded(raw.reason),
        }
    }
}

impl From<Denied> for CliEvent {
    fn from(raw: Denied) -> Self {
        Self::Denied(raw.into())
    }
}

#[derive(Deserialize)]
pub(super) struct Stream {
    #[serde(default, deserialize_with = "lenient")]
    parent_tool_use_id: Option<String>,
    event: Option<Raw>,
}

/// One event of the Messages API.
#[derive(Deserialize)]
struct Raw {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "lenient")]
    index: u64,
    message: Option<MessageHead>,
    content_block: Option<BlockHead>,
    delta: Option<RawDelta>,
}

#[derive(Deserialize)]
struct MessageHead {
    #[serde(default)]
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    usage: Tokens,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    #[serde(rename = "input_tokens", deserialize_with = "lenient")]
    fresh: u64,
    #[serde(rename = "cache_creation_input_tokens", deserialize_with = "lenient")]
    cached_now: u64,
    #[serde(rename = "cache_read_input_tokens", deserialize_with = "lenient")]
    cached_before: u64,
}

impl Tokens {
    fn all(&self) -> u64 {
        self.fresh
            .saturating_add(self.cached_now)
            .saturating_add(self.cached_before)
    }
}

#[derive(Deserialize)]
struct BlockHead {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct RawDelta {
    #[serde(default, rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
}

impl From<Stream> for CliEvent {
    fn from(raw: Stream) -> Self {
        let Some(event) = raw.event.filter(|_| raw.parent_tool_use_id.is_none()) else {
            return Self::Alive;
        };
        let index = event.index;
        match event.kind.as_str() {
            "message_start" => event.message.map_or(Self::Bad, |m| Self::MessageBegan {
                context: m.usage.all(),
                message: m.id,
            }),
            "content_block_start" => Self::BlockBegan {
                index,
                kind: event
                    .content_block
                    .map_or(BlockKind::Other, |b| kind(&b.kind)),
            },
            "content_block_stop" => Self::BlockEnded { index },
            "content_block_delta" => event
                .delta
                .map_or(Self::Alive, |delta| delta_event(index, delta)),
            _ => Self::Alive,
        }
    }
}

fn delta_event(index: u64, delta: RawDelta) -> CliEvent {
    let (thinking, text) = match delta.kind.as_str() {
        "text_delta" => (false, delta.text),
        "thinking_delta" => (true, delta.thinking),
        _ => return CliEvent::Alive,
    };
    text.map_or(CliEvent::Alive, |text| CliEvent::Delta {
        index,
        thinking,
        text: bounded(text),
    })
}

fn kind(name: &str) -> BlockKind {
    match name {
        "text" => BlockKind::Text,
        "thinking" => BlockKind::Thinking,
        "tool_use" => BlockKind::Tool,
        _ => BlockKind::Other,
    }
}

#[derive(Deserialize)]
pub(super) struct Assistant {
    message: Option<Message>,
    #[serde(default, deserialize_with = "lenient")]
    parent_tool_use_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    content: Vec<RawBlock>,
}

#[derive(Deserialize)]
struct RawBlock {
    #[serde(default, rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

impl From<RawBlock> for Block {
    fn from(raw: RawBlock) -> Self {
        match kind(&raw.kind) {
            BlockKind::Text => Self::Text(bounded(raw.text.unwrap_or_default())),
            BlockKind::Thinking => Self::Thinking(bounded(raw.thinking.unwrap_or_default())),
            BlockKind::Tool => Self::Tool {
                call: raw.id,
                tool: raw.name,
            },
            BlockKind::Other => Self::Other,
        }
    }
}

impl From<Assistant> for CliEvent {
    fn from(raw: Assistant) -> Self {
        if raw.parent_tool_use_id.is_some() {
            return Self::Alive;
        }
        let Some(message) = raw.message else {
            return Self::Bad;
        };
        Self::Blocks {
            synthetic: message.model == "<synthetic>",
            message: message.id,
            blocks: message.content.into_iter().map(Into::into).collect(),
            error: raw.error,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct User {
    message: Option<UserMessage>,
}

#[derive(Deserialize)]
struct UserMessage {
    content: Option<UserContent>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum UserContent {
    Blocks(Vec<UserBlock>),
    Other(serde::de::IgnoredAny),
}

/// What a tool gave is not read here: the one who answered the call has it already.
#[derive(Deserialize)]
struct UserBlock {
    #[serde(default)]
    tool_use_id: Option<String>,
}

impl From<User> for CliEvent {
    fn from(raw: User) -> Self {
        let blocks = match raw.message.and_then(|message| message.content) {
            Some(UserContent::Blocks(blocks)) => blocks,
            Some(UserContent::Other(_)) | None => Vec::new(),
        };
        blocks
            .into_iter()
            .find_map(|block| block.tool_use_id)
            .map_or(Self::Alive, |call| Self::ToolResult { call })
    }
}

#[derive(Deserialize)]
pub(super) struct TurnResult {
    #[serde(default, deserialize_with = "lenient")]
    subtype: String,
    #[serde(default, deserialize_with = "lenient")]
    is_error: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    terminal_reason: String,
    #[serde(default, deserialize_with = "lenient")]
    result: String,
    #[serde(default, deserialize_with = "lenient")]
    errors: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    api_error_status: Option<u16>,
    #[serde(default, deserialize_with = "lenient")]
    session_id: String,
    #[serde(default, deserialize_with = "lenient")]
    total_cost_usd: f64,
    #[serde(default, deserialize_with = "lenient")]
    num_turns: u32,
    #[serde(default, rename = "modelUsage", deserialize_with = "lenient")]
    model_usage: BTreeMap<String, ModelUsage>,
    #[serde(default, deserialize_with = "lenient")]
    permission_denials: Vec<Denied>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ModelUsage {
    #[serde(deserialize_with = "lenient")]
    input_tokens: u64,
    #[serde(deserialize_with = "lenient")]
    output_tokens: u64,
    #[serde(deserialize_with = "lenient")]
    cache_read_input_tokens: u64,
    #[serde(deserialize_with = "lenient")]
    cache_creation_input_tokens: u64,
    #[serde(deserialize_with = "lenient")]
    context_window: u64,
}

impl From<TurnResult> for CliEvent {
    fn from(raw: TurnResult) -> Self {
        let used = raw.model_usage.values();
        let text = if raw.errors.is_empty() {
            raw.result
        } else {
            raw.errors.join("; ")
        };
        Self::Result(Box::new(stream::TurnResult {
            // A result that does not say whether it failed is none to rely on.
            failed: raw.is_error.unwrap_or(true),
            subtype: raw.subtype,
            reason: raw.terminal_reason,
            text: bounded(text),
            status: raw.api_error_status,
            session: raw.session_id,
            cost: raw.total_cost_usd.max(0.0),
            turns: raw.num_turns,
            input: used.clone().fold(0, |sum: u64, m| {
                sum.saturating_add(m.input_tokens)
                    .saturating_add(m.cache_read_input_tokens)
                    .saturating_add(m.cache_creation_input_tokens)
            }),
            output: used
                .clone()
                .fold(0, |sum: u64, m| sum.saturating_add(m.output_tokens)),
            window: used.map(|m| m.context_window).max().unwrap_or_default(),
            denials: raw.permission_denials.into_iter().map(Into::into).collect(),
        }))
    }
}

#[derive(Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    request_id: String,
    request: Option<Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    subtype: String,
    #[serde(default, deserialize_with = "lenient")]
    tool_name: String,
    #[serde(default, deserialize_with = "lenient")]
    tool_use_id: String,
    #[serde(default)]
    input: Value,
}

impl From<Request> for CliEvent {
    fn from(raw: Request) -> Self {
        let Some(wanted) = raw.request else {
            return Self::Bad;
        };
        if wanted.subtype == "can_use_tool" {
            Self::MayUse {
                request: raw.request_id,
                tool: wanted.tool_name,
                call: wanted.tool_use_id,
                input: wanted.input,
            }
        } else {
            Self::OtherRequest {
                request: raw.request_id,
                subtype: wanted.subtype,
            }
        }
    }
}
