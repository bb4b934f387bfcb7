//! The terminal's end of a conversation: its newest picture comes in, nothing goes out.

use std::sync::Arc;

use tokio::sync::watch;

use super::event_loop::Console;
use super::face;
use super::frame::Reason;
use super::source::Source;
use super::ui_breakglass::{Shown, TalkState};
use super::ui_update::{self, Scene, UiEffect};
use crate::domain::{SessionId, Severity};
use crate::engine::Transcript;

type Pictures = watch::Receiver<Arc<Transcript>>;

/// The next picture of the open conversation; `None`: it has ended. Without one, nothing ever. Cancel-safe.
pub(super) async fn talk_says(talk: &mut Option<Pictures>) -> Option<Arc<Transcript>> {
    let Some(pictures) = talk else {
        return std::future::pending().await;
    };
    match pictures.changed().await {
        Ok(()) => Some(Arc::clone(&pictures.borrow_and_update())),
        Err(_) => None,
    }
}

impl Console {
    /// Looks at this conversation from now on.
    pub(super) fn watch_talk(&mut self, session: Option<SessionId>) {
        self.talk = session.and_then(|id| self.source.talk(id));
        if let Some(pictures) = &mut self.talk {
            // What is there already counts as news.
            pictures.mark_changed();
        } else if session.is_some() {
            let text = "the conversation was opened, and is gone already";
            self.ui.say(Severity::Error, text, None);
            self.ui.breakglass.state = TalkState::None;
        }
    }

    /// Takes what the conversation says.
    pub(super) fn talked(&mut self, picture: Option<Arc<Transcript>>) -> Vec<UiEffect> {
        let Some(picture) = picture else {
            self.talk = None;
            return Vec::new();
        };
        if self.ui.breakglass.shown != Shown::Hidden {
            self.pace.want(Reason::Talk);
        }
        self.update(ui_update::Input::Talk(picture))
    }

    /// Whether something is drawn of the conversation that moves with the time.
    pub(super) fn talk_moves(&self) -> bool {
        let pane = &self.ui.breakglass;
        pane.shown != Shown::Hidden && (pane.is_at_work() || !self.fleet.proposals.is_empty())
    }

    /// The rows of the conversation for the room that they have now.
    pub(super) fn fit_talk(&mut self) {
        if self.ui.breakglass.shown == Shown::Hidden {
            return;
        }
        let scene = Scene {
            fleet: &self.fleet,
            keymap: &self.keymap,
            room: face::room(&self.ui, self.ui.shown(&self.fleet)),
        };
        ui_update::fit_talk(&mut self.ui, scene);
    }
}

impl Source {
    /// A conversation that was opened; a recording has none.
    fn talk(&self, id: SessionId) -> Option<Pictures> {
        match self {
            Self::Live(handle) => handle.transcript(id),
            Self::Replay(_) => None,
        }
    }
}
