//! A change that has to be confirmed: what, where, for whom, the exact command; No has the focus.

use ratatui::layout::{Position, Rect};

use super::layers::{buttons, from_foot, surface};
use crate::domain::Age;
use crate::engine::{Challenge, Plan};
use crate::text::width;
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::{Dialog, LineEdit};
use crate::tui::widgets::{Canvas, edit, wrap};

/// Cells that text takes in the dialog; the layout asks before there is a box.
const TEXT: usize = 70;

/// Rows that the challenge takes below the command, with the blank one above it.
const CHALLENGE: u16 = 3;

/// How high the dialog is.
pub(super) fn height(plan: &Plan, full: bool) -> u16 {
    let command = command_lines(&plan.command, full, TEXT).len();
    u16::try_from(wrap(&plan.what, TEXT).len() + command + 10).unwrap_or(u16::MAX)
}

/// The command as rows: in full line by line, else one row in which `↵` stands for each end of a line.
fn command_lines(command: &str, full: bool, cells: usize) -> Vec<String> {
    if full {
        let rows = command.lines().flat_map(|line| wrap(line, cells));
        return rows.map(str::to_owned).collect();
    }
    vec![command.lines().collect::<Vec<_>>().join(" ↵ ")]
}

/// Draws the dialog; tells where the caret is, if a name has to be typed.
pub(super) fn confirm(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) -> Option<Position> {
    let Dialog::Confirm {
        challenge,
        expires,
        plan,
        button,
        typed,
        full,
        ..
    } = dialog
    else {
        return None;
    };
    surface(canvas, area, "Confirm", Role::Danger);
    let row = what(canvas, rows, plan, (*full, typed.active));
    let caret = challenged(canvas, rows, row + 1, (challenge, typed));
    let left = Age(expires.0.saturating_sub(scene.ui.now.max(scene.fleet.at).0));
    let words = format!("lapses in {}", left.words());
    let foot = from_foot(area, 0);
    canvas.pen(foot).at_end(&[(&words, Role::Warn)]);
    let short = Rect {
        width: foot.width.saturating_sub(width(&words) as u16 + 1),
        ..foot
    };
    buttons(canvas, short, ("No", "Yes, do it"), Some(*button));
    caret
}

/// Draws what would be done and the command; gives the row below.
fn what(canvas: &mut Canvas<'_>, rows: Rect, plan: &Plan, (full, typing): (bool, bool)) -> u16 {
    let cells = usize::from(rows.width).min(TEXT);
    let mut row = 1;
    for line in wrap(&plan.what, cells) {
        canvas.row(rows, row).put(line, Role::Title);
        row += 1;
    }
    let more = if full {
        "shows less"
    } else {
        "shows it in full"
    };
    canvas
        .row(rows, row + 1)
        .put("runs   ", Role::Dim)
        // While a name is typed, letters belong to it.
        .put(if typing { "Tab c " } else { "c " }, Role::Key)
        .put(more, Role::Dim);
    row += 2;
    let command = command_lines(&plan.command, full, cells);
    let seen = usize::from(rows.height.saturating_sub(row + CHALLENGE)).max(1);
    let cut = command.len() > seen;
    let whole = if cut { seen - 1 } else { seen };
    for line in command.iter().take(whole) {
        canvas.row(rows, row).put(line, Role::Accent);
        row += 1;
    }
    if cut {
        let words = format!("… {} more rows; ", command.len() - whole);
        canvas
            .row(rows, row)
            .put(&words, Role::Dim)
            .put(if typing { "Tab y" } else { "y" }, Role::Key)
            .put(" copies all of it", Role::Dim);
        row += 1;
    }
    row
}

/// Draws what the person has to do; tells where the caret is, if a name has to be typed.
fn challenged(
    canvas: &mut Canvas<'_>,
    rows: Rect,
    row: u16,
    (challenge, typed): (&Challenge, &LineEdit),
) -> Option<Position> {
    let Challenge::TypeName(name) = challenge else {
        canvas
            .row(rows, row)
            .put("tab", Role::Key)
            .put(" to the other button, ", Role::Dim)
            .put("enter", Role::Key)
            .put(" presses the one in brackets", Role::Dim);
        return None;
    };
    let mut pen = canvas.row(rows, row);
    pen.put("type ", Role::Text)
        .put(name, Role::Title)
        .put(" to confirm: ", Role::Text);
    let room = pen.room();
    let caret = edit(&mut pen, typed, room, false);
    if typed.text == *name {
        canvas.row(rows, row + 1).put("✓ that is it", Role::Ok);
    }
    typed.active.then_some(caret)
}
