//! Texts that are being written: each known by its message and its place in it, kept until the finished block replaces it or
//! its message is given up. Pure.

use super::event::EventKind;
use super::stream::{Block, BlockKind, MOST_TEXT};
use crate::text::SafeText;

/// Texts that one message may have open; no real one comes near.
const MOST_OPEN: usize = 64;

/// The texts of the message that is being written.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    message: String,
    open: Vec<Draft>,
    /// How many texts of this message were finished without a draft.
    bare: usize,
    /// Bytes of text that came for this message.
    bytes: usize,
}

#[derive(Debug)]
struct Draft {
    index: u64,
    block: SafeText,
    thinking: bool,
    text: String,
}

impl Drafts {
    /// A message begins. What is left of another one was given up.
    pub(super) fn message(&mut self, message: &str, out: &mut Vec<EventKind>) {
        if self.message != message {
            self.drop_all(out);
            message.clone_into(&mut self.message);
            self.bare = 0;
            self.bytes = 0;
        }
    }

    pub(super) fn begin(&mut self, index: u64, kind: BlockKind) {
        let thinking = match kind {
            BlockKind::Text => false,
            BlockKind::Thinking => true,
            BlockKind::Tool | BlockKind::Other => return,
        };
        if self.open.len() < MOST_OPEN && self.open.iter().all(|draft| draft.index != index) {
            self.open.push(Draft {
                index,
                block: SafeText::from(format!("{}:{index}", self.message)),
                thinking,
                text: String::new(),
            });
        }
    }

    /// More of a text. What goes beyond the bound of the message is dropped: the finished text replaces it anyway.
    pub(super) fn more(
        &mut self,
        index: u64,
        thinking: bool,
        delta: String,
        out: &mut Vec<EventKind>,
    ) {
        let kind = if thinking {
            BlockKind::Thinking
        } else {
            BlockKind::Text
        };
        self.begin(index, kind);
        let Some(draft) = self.open.iter_mut().find(|draft| draft.index == index) else {
            return;
        };
        self.bytes += delta.len();
        if delta.is_empty() || self.bytes > MOST_TEXT {
            return;
        }
        draft.text.push_str(&delta);
        out.push(EventKind::Draft {
            block: draft.block.clone(),
            thinking: draft.thinking,
            delta,
        });
    }

    /// Finished blocks of a message. Those of another message than the one being written mean that it was given up.
    pub(super) fn finished(&mut self, message: &str, blocks: Vec<Block>, out: &mut Vec<EventKind>) {
        self.message(message, out);
        for block in blocks {
            let (thinking, text) = match block {
                Block::Text(text) => (false, text),
                Block::Thinking(text) => (true, text),
                Block::Tool { .. } | Block::Other => continue,
            };
            let open = self
                .open
                .iter()
                .position(|draft| draft.thinking == thinking)
                .map(|at| self.open.remove(at).block);
            if text.trim().is_empty() {
                out.extend(open.map(|block| EventKind::DraftDropped { block }));
                continue;
            }
            let block = open.unwrap_or_else(|| {
                self.bare += 1;
                SafeText::from(format!("{}+{}", self.message, self.bare))
            });
            out.push(text_event(block, thinking, &text));
        }
    }

    /// The turn is over: what a person has read of an unfinished text stays.
    pub(super) fn keep_all(&mut self, out: &mut Vec<EventKind>) {
        for draft in self.open.drain(..) {
            if draft.text.trim().is_empty() {
                out.push(EventKind::DraftDropped { block: draft.block });
            } else {
                out.push(text_event(draft.block, draft.thinking, &draft.text));
            }
        }
        self.message.clear();
    }

    fn drop_all(&mut self, out: &mut Vec<EventKind>) {
        for draft in self.open.drain(..) {
            if !draft.text.is_empty() {
                out.push(EventKind::DraftDropped { block: draft.block });
            }
        }
    }
}

fn text_event(block: SafeText, thinking: bool, text: &str) -> EventKind {
    EventKind::Text {
        block,
        thinking,
        lines: lines(text),
    }
}

/// A text as lines, without the empty ones at its end.
pub(super) fn lines(text: &str) -> Vec<SafeText> {
    text.trim_end().lines().map(SafeText::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_holds_only_so_much_in_however_many_texts() {
        let (mut drafts, mut out) = (Drafts::default(), Vec::new());
        drafts.message("m", &mut out);
        for index in 0..1000 {
            for _ in 0..16 {
                drafts.more(index, false, "x".repeat(64 << 10), &mut out);
            }
        }
        assert!(drafts.open.len() <= MOST_OPEN);
        let bytes: usize = drafts.open.iter().map(|draft| draft.text.len()).sum();
        assert_eq!((bytes, out.len()), (MOST_TEXT, 16));
        drafts.message("n", &mut out);
        out.clear();
        drafts.more(0, false, "again".to_owned(), &mut out);
        assert_eq!(out.len(), 1);
    }
}
