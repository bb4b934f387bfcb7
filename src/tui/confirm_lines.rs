//! What a confirmation tells before it asks (pure): what would be done, what else one should know, the exact command. It
//! scrolls as a whole: nobody is to confirm what is beyond an edge.

use super::theme::Role;
use super::ui::Dialog;
use super::widgets::wrap;
use crate::engine::Plan;

/// Cells that text takes in the dialog.
pub(super) const TEXT: usize = 70;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfirmLine {
    /// Words, with their look.
    Words(String, Role),
    /// The head of the command, with the key that shows more or less of it.
    Head,
}

/// The rows in so many cells.
pub(super) fn lines(plan: &Plan, full: bool, cells: usize) -> Vec<ConfirmLine> {
    let cells = cells.min(TEXT);
    let blank = || ConfirmLine::Words(String::new(), Role::Text);
    let words = |text: &str, role| {
        wrap(text, cells)
            .into_iter()
            .map(|row| ConfirmLine::Words(row.to_owned(), role))
            .collect::<Vec<_>>()
    };
    let mut lines = vec![blank()];
    lines.extend(words(&plan.what, Role::Title));
    for note in &plan.notes {
        let rows = wrap(note, cells.saturating_sub(2));
        lines.extend(rows.into_iter().enumerate().map(|(place, row)| {
            let bullet = if place == 0 { "· " } else { "  " };
            ConfirmLine::Words(format!("{bullet}{row}"), Role::Warn)
        }));
    }
    lines.push(blank());
    lines.push(ConfirmLine::Head);
    if full {
        for line in plan.command.lines() {
            lines.extend(words(line, Role::Accent));
        }
    } else {
        let line = plan.command.lines().collect::<Vec<_>>().join(" ↵ ");
        lines.push(ConfirmLine::Words(line, Role::Accent));
    }
    lines
}

/// How many rows a confirmation has to tell.
pub(super) fn length(dialog: &Dialog, cells: usize) -> usize {
    match dialog {
        Dialog::Confirm { plan, full, .. } => lines(plan, *full, cells).len(),
        _ => 0,
    }
}
