//! The door for faces: commands in, replies out, the newest fleet to look at, notices to show.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::command::{Actor, Command, Refusal, Reply};
use super::lens::{LensHandle, LogStream};
use super::notice::Notice;
use super::opened::{ContainerTerminal, Opened};
use super::state::Fleet;
use crate::assistant::Transcript;
use crate::domain::{LensId, SessionId, TerminalId};

/// One command on its way to the engine, with the way back.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub command: Command,
    /// Where the answer goes; a face that left is no error.
    pub reply: oneshot::Sender<Reply>,
}

/// A face's end of the engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::Sender<Request>,
    fleet: watch::Receiver<Arc<Fleet>>,
    notices: broadcast::Sender<Notice>,
    opened: Opened,
}

impl Handle {
    /// Joins the face's ends of the engine's lanes.
    pub fn new(
        commands: mpsc::Sender<Request>,
        fleet: watch::Receiver<Arc<Fleet>>,
        notices: broadcast::Sender<Notice>,
    ) -> Self {
        Self {
            commands,
            fleet,
            notices,
            opened: Opened::default(),
        }
    }

    /// The same with what the engine's hands open for faces.
    pub(super) fn with_opened(mut self, opened: Opened) -> Self {
        self.opened = opened;
        self
    }

    /// The lens that [`Reply::Lens`] named; each can be fetched once.
    pub fn lens(&self, id: LensId) -> Option<LensHandle> {
        self.opened.lens(id)
    }

    /// The stream of log lines that [`Reply::Log`] named; each can be fetched once.
    pub fn log(&self, id: LensId) -> Option<LogStream> {
        self.opened.log(id)
    }

    /// The conversation that [`Reply::Session`] named, and word when there is more of it. Any number may be had.
    pub fn transcript(&self, id: SessionId) -> Option<watch::Receiver<Arc<Transcript>>> {
        self.opened.transcript(id)
    }

    /// Leaves a conversation to be looked at, for whoever stands in for the engine.
    pub fn show_transcript(&self, id: SessionId, transcript: watch::Receiver<Arc<Transcript>>) {
        self.opened.put_transcript(id, transcript);
    }

    /// The terminal that [`Reply::Terminal`] named; each can be fetched once.
    pub fn terminal(&self, id: TerminalId) -> Option<ContainerTerminal> {
        self.opened.terminal(id)
    }

    /// Hands a terminal out under an id, for whoever stands in for the engine.
    pub fn hand_out(&self, id: TerminalId, terminal: ContainerTerminal) {
        self.opened.put_terminal(id, terminal);
    }

    /// Asks for something and waits for the answer.
    pub async fn ask(&self, actor: Actor, command: Command) -> Reply {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            actor,
            command,
            reply,
        };
        let gone = || {
            Reply::Failed(Refusal {
                why: "the engine has stopped".into(),
                hint: None,
            })
        };
        if self.commands.send(request).await.is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }

    /// The newest fleet, and word when there is a newer one.
    pub fn fleet(&self) -> watch::Receiver<Arc<Fleet>> {
        self.fleet.clone()
    }

    /// Notices from now on. A slow reader is told how many it missed.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}
