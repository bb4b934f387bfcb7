//! The draft below its rule, and the questions that wait for their turn.

use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget as _;

use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::talk::TALK_GUTTER;
use crate::tui::theme::Role;
use crate::tui::ui_breakglass::Part;
use crate::tui::widgets::Canvas;

/// Draws it; tells where the caret is, where it has the keys.
pub(super) fn composer(canvas: &mut Canvas<'_>, scene: Scene<'_>) -> Option<Position> {
    let place = scene.layout.talk;
    let pane = &scene.ui.breakglass;
    let focused = pane.part == Part::Composer && pane.has_keys();
    rule(canvas, scene, focused);
    let role = if focused { Role::Accent } else { Role::Dim };
    let start = place.draft.x.saturating_sub(TALK_GUTTER);
    let mark = Rect::new(start, place.draft.y, TALK_GUTTER, place.draft.height.min(1));
    canvas.pen(mark).put("›", role);
    let area = place.draft.intersection(canvas.buffer.area);
    if area.height == 0 || area.width == 0 {
        return None;
    }
    canvas.paint(area, Role::Text);
    let draft = pane.composer.area();
    if draft.is_empty() {
        canvas.row(area, 0).put(placeholder(scene), Role::Faint);
        return focused.then_some(Position::new(area.x, area.y));
    }
    draft.render(area, canvas.buffer);
    let (top, side) = draft.scroll_offset();
    let caret = draft.screen_cursor();
    let down = (caret.row as u16).saturating_sub(top);
    let along = (caret.col as u16).saturating_sub(side);
    let at = Position::new(area.x + along, area.y + down);
    (focused && area.contains(at)).then_some(at)
}

fn placeholder(scene: Scene<'_>) -> &'static str {
    let transcript = &scene.ui.breakglass.transcript;
    if transcript.elsewhere.is_some() {
        "another console runs this conversation"
    } else if transcript.entries.is_empty() {
        "ask Claude, or Tab to go on without"
    } else {
        "ask on"
    }
}

/// A rule, with the questions that wait in it.
fn rule(canvas: &mut Canvas<'_>, scene: Scene<'_>, focused: bool) {
    let area = scene.layout.talk.rule;
    if area.height == 0 {
        return;
    }
    let role = if focused {
        Role::BorderFocus
    } else {
        Role::Border
    };
    canvas.row(area, 0).fill("─", area.width, role);
    let queued = &scene.ui.breakglass.transcript.queued;
    let Some(first) = queued.first() else {
        return;
    };
    let key = scene.keymap.label(Action::Close);
    let mut pen = canvas.row(area, 0);
    pen.skip(2);
    pen.at_end(&[
        (" ", Role::Dim),
        (&key, Role::Key),
        (" takes back ", Role::Dim),
    ]);
    let many = match queued.len() {
        1 => String::new(),
        many => format!(" (1 of {many})"),
    };
    pen.put(" waits for its turn", Role::Warn)
        .put(&many, Role::Dim)
        .put(": ", Role::Dim)
        .put(first.as_str(), Role::Text)
        .put(" ", Role::Dim);
}
