//! The conversations there are: a new one first, then the newest, each with its age, its questions and its cost.

use ratatui::layout::{Position, Rect};

use super::layers::{buttons, from_foot, from_head, surface};
use super::palette::first;
use crate::domain::Age;
use crate::engine::SessionSummary;
use crate::text::SafeText;
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::talk::dollars;
use crate::tui::theme::Role;
use crate::tui::ui_breakglass::{Known, SessionsUi};
use crate::tui::widgets::{Canvas, row_of};

/// Draws the list; tells where its row is.
pub(super) fn sessions(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    list: &SessionsUi,
) -> Position {
    surface(canvas, area, "Conversations", Role::BorderFocus);
    head(canvas, from_head(area, 0));
    let first = first(list.selected, rows);
    let known: &[SessionSummary] = match &list.sessions {
        Known::Is(sessions) => sessions,
        _ => &[],
    };
    for place in 0..rows.height {
        let number = first + usize::from(place);
        let line = row_of(rows, place);
        match number.checked_sub(1) {
            None => {
                canvas
                    .pen(line)
                    .put("+ ", Role::Accent)
                    .put("a new conversation", Role::Text);
            }
            Some(at) => {
                if let Some(of) = known.get(at) {
                    let open = scene.ui.breakglass.session() == Some(of.session);
                    draw(canvas, line, of, open);
                }
            }
        }
        if number == list.selected {
            canvas.paint(line, Role::Selected);
        }
    }
    told(canvas, row_of(rows, 1), list);
    foot(canvas, area, scene, list);
    let down = list.selected.saturating_sub(first) as u16;
    Position::new(rows.x, (rows.y + down).min(rows.bottom().saturating_sub(1)))
}

fn head(canvas: &mut Canvas<'_>, line: Rect) {
    let mut pen = canvas.pen(line);
    pen.at_end(&[("asked    cost      last", Role::Dim)]);
    pen.put("  about", Role::Dim);
}

fn told(canvas: &mut Canvas<'_>, line: Rect, list: &SessionsUi) {
    let mut pen = canvas.pen(line);
    match &list.sessions {
        Known::Unasked | Known::Asked => {
            pen.put("◌ asking which there are", Role::Busy);
        }
        Known::Failed(refusal) => {
            pen.put("✖ ", Role::Bad)
                .put(SafeText::new(&refusal.why).as_str(), Role::Bad);
        }
        Known::Is(sessions) if sessions.is_empty() => {
            pen.put("none yet", Role::Dim);
        }
        Known::Is(_) => {}
    }
}

fn draw(canvas: &mut Canvas<'_>, line: Rect, of: &SessionSummary, open: bool) {
    let mut pen = canvas.pen(line);
    let age = Age(u64::try_from(of.age.as_millis()).unwrap_or(u64::MAX)).words();
    let cost = if of.cost > 0.0 {
        dollars(of.cost)
    } else {
        "–".to_owned()
    };
    let end = format!("{:>5}  {cost:>6}  {age:>8}", of.questions);
    pen.at_end(&[(&end, Role::Dim)]);
    let mark = if open { "● " } else { "  " };
    pen.put(mark, Role::Ok);
    let title = if of.title.is_empty() {
        "(nothing asked yet)"
    } else {
        of.title.as_str()
    };
    pen.put(title, Role::Text);
    if let Some(elsewhere) = &of.elsewhere {
        pen.put(&format!("  {elsewhere}"), Role::Warn);
    }
}

fn foot(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>, list: &SessionsUi) {
    if let Some((_, button)) = list.forgetting {
        canvas
            .pen(from_foot(area, 1))
            .put("Strike it off, with all that was said in it?", Role::Warn);
        buttons(
            canvas,
            from_foot(area, 0),
            ("No", "Strike it off"),
            Some(button),
        );
        return;
    }
    let forget = scene.keymap.label(Action::Forget);
    canvas
        .pen(from_foot(area, 0))
        .put("enter", Role::Key)
        .put(" opens   ", Role::Dim)
        .put(&forget, Role::Key)
        .put(" strikes off…   ", Role::Dim)
        .put("esc", Role::Key)
        .put(" leaves", Role::Dim);
}
