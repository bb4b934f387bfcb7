//! A change that has to be confirmed: what, where, for whom, the exact command; No has the focus.

use ratatui::layout::{Position, Rect};

use super::layers::{buttons, from_foot, surface};
use crate::domain::{Age, PowerVerb};
use crate::engine::{Challenge, Command, ConfirmationId, Plan};
use crate::text::width;
use crate::tui::confirm_lines::{self, ConfirmLine, TEXT};
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::{Dialog, LineEdit};
use crate::tui::widgets::{Canvas, edit, row_of};

/// Rows below what is told: a blank one, the challenge, what there is to say of it, a blank one, the buttons.
pub(super) const FOOT: u16 = 5;

/// How high the dialog is.
pub(super) fn height(plan: &Plan, full: bool) -> u16 {
    let told = confirm_lines::lines(plan, full, TEXT).len();
    u16::try_from(told)
        .unwrap_or(u16::MAX)
        .saturating_add(FOOT + 2)
}

/// Draws the dialog; tells where the caret is, if a name has to be typed.
pub(super) fn confirm(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) -> Option<Position> {
    let Dialog::Confirm {
        id,
        challenge,
        expires,
        plan,
        button,
        typed,
        full,
        scroll,
    } = dialog
    else {
        return None;
    };
    surface(canvas, area, "Confirm", Role::Danger);
    let told = confirm_lines::lines(plan, *full, usize::from(rows.width));
    tell(canvas, rows, &told, (*full, typed.active, *scroll));
    let hard = hard_verb(scene, *id);
    let caret = challenged(canvas, area, (challenge, typed), hard);
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

/// The hard verb that this confirmation lets go.
fn hard_verb(scene: Scene<'_>, id: ConfirmationId) -> Option<PowerVerb> {
    let (_, command) = scene.ui.asked.iter().find(|(of, _)| *of == id)?;
    match command {
        Command::Power { verb, .. } if verb.is_hard() => Some(*verb),
        _ => None,
    }
}

/// Draws what would be done and the command, from a row on.
fn tell(
    canvas: &mut Canvas<'_>,
    rows: Rect,
    told: &[ConfirmLine],
    (full, typing, scroll): (bool, bool, usize),
) {
    let height = usize::from(rows.height);
    let seen = if told.len() > height {
        height.saturating_sub(1)
    } else {
        height
    };
    for (row, line) in (0..rows.height).zip(told.iter().skip(scroll).take(seen)) {
        let mut pen = canvas.row(rows, row);
        match line {
            ConfirmLine::Words(words, role) => {
                pen.put(words, *role);
            }
            ConfirmLine::Head => {
                pen.put("runs   ", Role::Dim)
                    // While a name is typed, letters belong to it.
                    .put(if typing { "Tab c " } else { "c " }, Role::Key)
                    .put(
                        if full {
                            "shows less"
                        } else {
                            "shows it in full"
                        },
                        Role::Dim,
                    );
            }
        }
    }
    if told.len() > seen && rows.height > 0 {
        let last = (scroll + seen).min(told.len());
        let words = format!("rows {}–{last} of {}   ", scroll + 1, told.len());
        canvas
            .pen(row_of(rows, rows.height - 1))
            .put(&words, Role::Warn)
            .put("↑ ↓", Role::Key)
            .put(" scroll   ", Role::Dim)
            .put(if typing { "Tab y" } else { "y" }, Role::Key)
            .put(" copies the command", Role::Dim);
    }
}

/// Draws what the person has to do; tells where the caret is, if a name has to be typed.
fn challenged(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (challenge, typed): (&Challenge, &LineEdit),
    hard: Option<PowerVerb>,
) -> Option<Position> {
    let Challenge::TypeName(name) = challenge else {
        canvas
            .pen(from_foot(area, 3))
            .put("tab", Role::Key)
            .put(" to the other button, ", Role::Dim)
            .put("enter", Role::Key)
            .put(" presses the one in brackets", Role::Dim);
        return None;
    };
    let mut pen = canvas.pen(from_foot(area, 3));
    pen.put("type ", Role::Text)
        .put(name, Role::Title)
        .put(" to confirm: ", Role::Text);
    let room = pen.room();
    let caret = edit(&mut pen, typed, room, false);
    let mut below = canvas.pen(from_foot(area, 2));
    if let Some(more) = typed.text.strip_prefix(name.as_str())
        && (more.is_empty() || hard.is_some() && more.starts_with(" --"))
    {
        below.put("✓ that is it  ", Role::Ok);
    }
    // How long it waits otherwise stands in the plan.
    if let Some(verb) = hard
        && typed.text.ends_with(" --now")
    {
        let words = format!("the {verb} leaves at once, and the ledger says so");
        below.put(&words, Role::Dim);
    }
    typed.active.then_some(caret)
}
