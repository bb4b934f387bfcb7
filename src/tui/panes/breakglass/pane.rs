//! The box of the pane, with what it is about in its borders, and its parts inside.

use ratatui::layout::Position;

use super::{card, composer, status, transcript};
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::talk::{TALK_GUTTER, dollars, tail, tokens};
use crate::tui::theme::Role;
use crate::tui::ui_breakglass::TalkView;
use crate::tui::widgets::{Borders, Canvas, clear, frame};

/// Draws the pane; tells where the terminal's cursor belongs, where it has the keys.
pub(in crate::tui) fn breakglass(canvas: &mut Canvas<'_>, scene: Scene<'_>) -> Option<Position> {
    let place = scene.layout.talk;
    let pane = &scene.ui.breakglass;
    let focused = pane.has_keys() && scene.ui.layers.is_empty();
    if place.framed {
        let role = if focused {
            Role::BorderFocus
        } else {
            Role::Border
        };
        frame(canvas, place.all, role);
        title(canvas, scene);
        foot(canvas, scene);
    } else {
        clear(canvas, place.all);
        canvas.paint(place.all, Role::Text);
    }
    let cursor = transcript::transcript(canvas, scene);
    status::status(canvas, scene);
    let on_card = card::card(canvas, scene);
    let caret = composer::composer(canvas, scene);
    focused.then(|| caret.or(on_card).or(cursor)).flatten()
}

fn title(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let pane = &scene.ui.breakglass;
    let transcript = &pane.transcript;
    let key = scene.keymap.label(Action::Breakglass);
    let mut end = Vec::new();
    let usage = &transcript.usage;
    if usage.context > 0 {
        let full = (usage.context * 100).checked_div(usage.window);
        let full = full.map_or_else(String::new, |part| format!(" {part} %"));
        end.push(format!("context {}{full}", tokens(usage.context)));
    }
    if usage.cost > 0.0 {
        end.push(dollars(usage.cost));
    }
    let area = Borders::of(scene.layout.talk.all).top;
    if area.width < 60 && end.len() > 1 {
        end.remove(0);
    }
    let end = format!(" {} ", end.join(" · "));
    let mut pen = canvas.pen(area);
    if end.trim() != "" {
        pen.at_end(&[(&end, Role::Dim)]);
    }
    pen.put(&format!(" {key} "), Role::Key)
        .put("Breakglass", Role::Title);
    if let Some(model) = &transcript.model {
        pen.put(" · ", Role::Faint).put(model.as_str(), Role::Dim);
    }
    if !transcript.title.is_empty() && pen.room() > 24 {
        pen.put(" · ", Role::Faint)
            .put(transcript.title.as_str(), Role::Dim);
    }
    pen.put(" ", Role::Dim);
}

/// Who else runs it, what is searched for, how much more there is.
fn foot(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let pane = &scene.ui.breakglass;
    let mut pen = canvas.pen(Borders::of(scene.layout.talk.all).bottom);
    let first = match pane.view {
        TalkView::Bottom => None,
        TalkView::Top => Some(0),
        TalkView::From { row, .. } => Some(row),
    };
    if let Some(first) = first {
        let rows = scene.layout.talk.rows;
        let cells = usize::from(rows.width.saturating_sub(TALK_GUTTER));
        let all = pane.rows.len() + tail(scene.ui, scene.fleet, cells).len();
        let below = all.saturating_sub(first + usize::from(rows.height));
        if below > 0 {
            pen.at_end(&[(&format!(" {below} more below ▾ "), Role::Dim)]);
        }
    }
    if pane.transcript.cut > 0 {
        let cut = format!(" {} older events were left out ", pane.transcript.cut);
        pen.put(&cut, Role::Dim);
    }
    if let Some(elsewhere) = &pane.transcript.elsewhere {
        pen.put(&format!(" watched: {elsewhere} "), Role::Mode);
    }
    if !pane.search.text.is_empty() {
        let hits = pane.rows.hits().len();
        let at = if hits == 0 { 0 } else { pane.hit + 1 };
        let words = format!(" /{} · {at} of {hits} ", pane.search.text);
        pen.put(&words, Role::Dim);
    }
}
