//! Where the parts of the breakglass pane stand (pure).

use ratatui::layout::{Position, Rect};

use super::card;
use crate::engine::Fleet;
use crate::tui::layout::{split_columns, split_rows};
use crate::tui::talk::TALK_GUTTER;
use crate::tui::ui::Ui;
use crate::tui::ui_update::Spot;
use crate::tui::widgets::Borders;

/// From this width on the pane stands beside others.
const BESIDE: u16 = 120;

/// It has a third of the width, but no less than a line of text needs, and no more than the eye can follow.
const NARROWEST: u16 = 48;
const WIDEST: u16 = 90;

/// Below this a frame costs more than it says.
const FRAMED: (u16, u16) = (40, 12);

/// Rows of the draft that are shown at most.
const DRAFT: usize = 8;

/// The parts of the pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TalkPlace {
    /// All of it.
    pub all: Rect,
    /// Whether it has a frame.
    pub framed: bool,
    /// Rows of the conversation.
    pub rows: Rect,
    /// What Claude does now.
    pub status: Rect,
    /// The box of the proposal that waits.
    pub card: Rect,
    /// The rule above the draft.
    pub rule: Rect,
    /// The draft, behind its mark.
    pub draft: Rect,
}

/// How many columns the pane has beside others in a body of this width; `None`: it has the whole.
pub(in crate::tui) fn pane_columns(width: u16, full: bool) -> Option<u16> {
    (width >= BESIDE && !full).then(|| (width / 3).clamp(NARROWEST, WIDEST))
}

/// The parts of the pane in this area.
pub(in crate::tui) fn place(all: Rect, ui: &Ui, fleet: &Fleet) -> TalkPlace {
    let framed = all.width >= FRAMED.0 && all.height >= FRAMED.1;
    let inner = if framed { Borders::of(all).inner } else { all };
    let cells = usize::from(inner.width.saturating_sub(TALK_GUTTER + 1));
    let most = (usize::from(inner.height) / 3).clamp(1, DRAFT);
    let draft = ui.breakglass.composer.rows(cells, most) as u16;
    let [rest, below] = split_rows(inner, inner.height.saturating_sub(draft));
    let rule = u16::from(rest.height > 2);
    let [rest, rule] = split_rows(rest, rest.height - rule);
    let wanted = card::height(ui, fleet, inner.width);
    // The conversation keeps a few rows: what led to the proposal is read beside it.
    let room = rest.height.saturating_sub(4.min(rest.height / 3));
    let [rest, card] = split_rows(rest, rest.height - wanted.min(room));
    let status = u16::from(rest.height > 1);
    let [rows, status] = split_rows(rest, rest.height - status);
    TalkPlace {
        all,
        framed,
        rows: air(rows, framed),
        status,
        card,
        rule,
        draft: air(
            split_columns(below, TALK_GUTTER.min(below.width))[1],
            framed,
        ),
    }
}

/// The area with a cell of air before the border.
fn air(area: Rect, framed: bool) -> Rect {
    split_columns(area, area.width.saturating_sub(u16::from(framed)))[0]
}

/// What is at this place of the pane.
pub(in crate::tui) fn spot(place: &TalkPlace, at: Position) -> Spot {
    if place.rows.contains(at) {
        return Spot::TalkRow(usize::from(at.y - place.rows.y));
    }
    if place.card.contains(at) {
        return Spot::TalkCard;
    }
    if at.y >= place.rule.y && place.rule.height > 0 {
        return Spot::TalkDraft;
    }
    Spot::Talk
}
