//! The text inside a block: emphasis, code, links with their address.

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::text::SafeText;
use crate::tui::theme::Role;
use crate::tui::widgets::flow::Piece;

/// Gathers the pieces of one block.
#[derive(Debug, Default)]
pub(super) struct Inline {
    pieces: Vec<Piece>,
    strong: usize,
    emphasis: usize,
    struck: usize,
    /// Addresses of the links that are open, and where their text began.
    links: Vec<(String, usize)>,
}

impl Inline {
    /// Takes an event that belongs inside a block; false: it does not.
    pub(super) fn take(&mut self, event: &Event<'_>, base: Role) -> bool {
        match event {
            Event::Text(text) => self.push(text, self.role(base)),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.push(text, Role::Code);
            }
            Event::InlineHtml(text) | Event::Html(text) => self.push(text.trim_end(), base),
            Event::SoftBreak => self.push(" ", self.role(base)),
            Event::TaskListMarker(done) => self.push(if *done { "☑ " } else { "☐ " }, Role::Key),
            Event::Start(tag) => return self.begin(tag),
            Event::End(tag) => return self.finish(*tag),
            _ => return false,
        }
        true
    }

    /// What was gathered.
    pub(super) fn take_pieces(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.pieces)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn begin(&mut self, tag: &Tag<'_>) -> bool {
        match tag {
            Tag::Strong => self.strong += 1,
            Tag::Emphasis => self.emphasis += 1,
            Tag::Strikethrough => self.struck += 1,
            Tag::Link { dest_url, .. } => {
                self.links.push((dest_url.to_string(), self.pieces.len()));
            }
            Tag::Image { dest_url, .. } => {
                self.push("image ", Role::Dim);
                self.links.push((dest_url.to_string(), self.pieces.len()));
            }
            _ => return false,
        }
        true
    }

    fn finish(&mut self, tag: TagEnd) -> bool {
        match tag {
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Strikethrough => self.struck = self.struck.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => return false,
        }
        true
    }

    /// The address stands behind the text, unless the text is the address: nobody is led elsewhere than they read.
    fn end_link(&mut self) {
        let Some((url, from)) = self.links.pop() else {
            return;
        };
        let shown = self.pieces.get(from..).unwrap_or_default();
        let text: String = shown.iter().map(|piece| piece.text.as_str()).collect();
        if text.is_empty() {
            self.push(&url, Role::Dim);
        } else if text != url {
            self.push(&format!(" ({url})"), Role::Dim);
        }
    }

    fn role(&self, base: Role) -> Role {
        if self.struck > 0 {
            Role::Dim
        } else if self.strong > 0 {
            Role::Title
        } else if self.emphasis > 0 {
            Role::Emphasis
        } else {
            base
        }
    }

    /// An entity such as `&#27;` becomes a character only here: it is cleaned after it was read.
    fn push(&mut self, text: &str, role: Role) {
        let one_row = text.replace(['\n', '\t'], " ");
        self.pieces.push(Piece::new(SafeText::new(&one_row), role));
    }
}
