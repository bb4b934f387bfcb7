//! Texts that are being written, for those who watch from another console (pure): as they stand when one attaches, and what
//! came to them since the last picture.

use crate::assistant::{EventKind, SessionEvent};
use crate::text::SafeText;

/// Bytes of one draft that are kept; the finished text replaces it anyway.
const LONGEST: usize = 1 << 20;

/// Texts that are being written.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    open: Vec<Draft>,
    untold: Vec<SessionEvent>,
}

#[derive(Debug)]
struct Draft {
    block: SafeText,
    thinking: bool,
    text: String,
}

impl Drafts {
    /// An event has happened; what is to be told of a draft waits here when `watched`. Whether it began a text.
    pub(super) fn heed(&mut self, event: &SessionEvent, watched: bool) -> bool {
        let before = self.open.len();
        match &event.kind {
            EventKind::Draft {
                block,
                thinking,
                delta,
            } => self.more(block, *thinking, delta),
            EventKind::DraftDropped { block } | EventKind::Text { block, .. } => {
                self.open.retain(|draft| draft.block != *block);
            }
            EventKind::TurnEnded { .. } => self.open.clear(),
            _ => {}
        }
        if watched && is_live(&event.kind) {
            self.leave(event);
        }
        self.open.len() > before
    }

    /// What has not been told yet.
    pub(super) fn untold(&mut self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.untold)
    }

    /// All of them as they stand.
    pub(super) fn whole(&self) -> impl Iterator<Item = EventKind> + '_ {
        self.open.iter().map(|draft| EventKind::Draft {
            block: draft.block.clone(),
            thinking: draft.thinking,
            delta: draft.text.clone(),
        })
    }

    /// Nothing is being written here any more.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.untold.clear();
    }

    fn more(&mut self, block: &SafeText, thinking: bool, delta: &str) {
        let place = self.open.iter().position(|draft| draft.block == *block);
        let place = place.unwrap_or_else(|| {
            self.open.push(Draft {
                block: block.clone(),
                thinking,
                text: String::new(),
            });
            self.open.len() - 1
        });
        if let Some(draft) = self.open.get_mut(place)
            && draft.text.len() + delta.len() <= LONGEST
        {
            draft.text.push_str(delta);
        }
    }

    /// Pieces of one text become one piece.
    fn leave(&mut self, event: &SessionEvent) {
        if let EventKind::Draft { block, delta, .. } = &event.kind
            && let Some(last) = self.untold.last_mut()
            && let EventKind::Draft {
                block: of,
                delta: before,
                ..
            } = &mut last.kind
            && of == block
        {
            before.push_str(delta);
            last.number = event.number;
            return;
        }
        self.untold.push(event.clone());
    }
}

/// Whether it is only shown, and never kept.
pub(super) fn is_live(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Draft { .. } | EventKind::DraftDropped { .. }
    )
}
