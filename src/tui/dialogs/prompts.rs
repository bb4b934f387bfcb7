//! A passphrase, or the prompts of a server: a field for each, dots where nothing may be shown.

use ratatui::layout::{Position, Rect};

use super::layers::{from_foot, from_head, surface};
use crate::domain::{Prompt, Question};
use crate::engine::PendingQuestion;
use crate::text::SafeText;
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::{Dialog, LineEdit};
use crate::tui::widgets::{Canvas, edit, row_of};

/// Draws the dialog; tells where the caret is.
pub(super) fn prompts(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) -> Option<Position> {
    let Dialog::Prompts {
        question,
        fields,
        focused,
    } = dialog
    else {
        return None;
    };
    let asked = scene
        .fleet
        .questions
        .iter()
        .find(|pending| pending.id == *question);
    let Some(asked) = asked else {
        surface(canvas, area, "Question", Role::Border);
        canvas
            .pen(from_head(area, 0))
            .put("the connection that asked is gone", Role::Dim);
        return None;
    };
    let caret = match &asked.question {
        Question::Passphrase { key, again } => {
            surface(canvas, area, "Passphrase", Role::BorderFocus);
            passphrase(canvas, area, asked, (key, *again));
            let line = row_of(rows, 0);
            field(canvas, line, ("passphrase", true), fields.first(), true)
        }
        Question::Prompts {
            from,
            instructions,
            prompts,
        } => {
            surface(canvas, area, "The server asks", Role::BorderFocus);
            canvas
                .pen(from_head(area, 0))
                .put(asked.host.as_str(), Role::Title)
                .put(&format!(" at {from} asks:"), Role::Text);
            canvas
                .pen(from_head(area, 1))
                .put(instructions.as_str(), Role::Dim);
            server_prompts(canvas, rows, prompts, (fields, *focused))
        }
        Question::UnknownHostKey(_) => None,
    };
    canvas
        .pen(from_foot(area, 0))
        .put("enter", Role::Key)
        .put(" answers   ", Role::Dim)
        .put("esc", Role::Key)
        .put(" refuses   what you type is kept nowhere", Role::Dim);
    caret
}

fn passphrase(
    canvas: &mut Canvas<'_>,
    area: Rect,
    asked: &PendingQuestion,
    (key, again): (&SafeText, bool),
) {
    canvas
        .pen(from_head(area, 0))
        .put(asked.host.as_str(), Role::Title)
        .put(" wants the key ", Role::Text)
        .put(key.as_str(), Role::Title);
    if again {
        canvas
            .pen(from_head(area, 1))
            .put("✖ that was not its passphrase", Role::Bad);
    }
}

/// Draws a field for each prompt; tells where the caret is.
fn server_prompts(
    canvas: &mut Canvas<'_>,
    rows: Rect,
    prompts: &[Prompt],
    (fields, focused): (&[LineEdit], usize),
) -> Option<Position> {
    let mut caret = None;
    for (place, Prompt { text, echo }) in prompts.iter().enumerate() {
        let line = row_of(rows, u16::try_from(place * 2).unwrap_or(u16::MAX));
        let label = (text.as_str(), !echo);
        let here = field(canvas, line, label, fields.get(place), place == focused);
        caret = caret.or(here);
    }
    caret
}

/// Draws one field; tells where its caret is if it has the keys.
fn field(
    canvas: &mut Canvas<'_>,
    line: Rect,
    (label, hidden): (&str, bool),
    text: Option<&LineEdit>,
    focused: bool,
) -> Option<Position> {
    canvas.pen(line).left(label, 20, Role::Dim);
    let box_ = Rect {
        x: line.x + line.width.min(21),
        width: line.width.saturating_sub(21),
        ..line
    };
    let text = text?;
    let mut pen = canvas.pen(box_);
    let room = pen.room();
    let caret = edit(&mut pen, text, room, hidden);
    canvas.paint(
        box_,
        if focused {
            Role::Selected
        } else {
            Role::Button
        },
    );
    focused.then_some(caret)
}
