//! The seam to the program behind a conversation: wishes go in, news come out. The program itself is the assistant's affair.

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::assistant::{EventKind, Phase, ToolAnswer};
use crate::domain::SessionId;
use crate::engine::AssistantCheck;

/// What is wished of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MindWish {
    /// Ask; while a turn runs it waits.
    Say(String),
    /// Take back the questions that wait.
    Unqueue,
    /// Stop the turn.
    Interrupt,
    /// So many proposals wait for a person: silence is nobody's fault meanwhile.
    Awaiting(usize),
    /// End it.
    Close,
}

/// What comes of the program.
#[derive(Debug)]
pub enum MindNews {
    /// Something happened.
    Event(EventKind),
    /// What it does now.
    Phase(Phase),
    /// It calls a tool, and waits for the answer.
    Called(MindCall),
}

/// A call of a tool, as it came.
#[derive(Debug)]
pub struct MindCall {
    /// The tool's own name; not checked.
    pub tool: String,
    /// Its input; not checked.
    pub input: Value,
    /// How the program names the call, where it says so.
    pub id: Option<String>,
    /// Where the answer goes. Closed once nobody wants it any more.
    pub answer: oneshot::Sender<ToolAnswer>,
}

/// How a program is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MindStart {
    /// The conversation.
    pub session: SessionId,
    /// What the program called it when it last ran; `None`: it has never run.
    pub program: Option<String>,
}

/// A program at work, or about to be. Dropping it ends the program.
#[derive(Debug)]
pub struct Mind {
    /// What is wished of it.
    pub wishes: mpsc::Sender<MindWish>,
    /// What comes of it; closed once it has ended.
    pub news: mpsc::Receiver<MindNews>,
}

/// Where programs come from.
pub trait Minds: Send + Sync {
    /// Begins one. It starts nothing before it is asked something.
    fn begin(&self, start: MindStart) -> Mind;

    /// Whether one could be had. Asks nothing of the API.
    fn check(&self) -> BoxFuture<'_, AssistantCheck>;
}
