//! Host keys that nobody knows yet, as one list: what to compare, what is marked, what the button would do.

use ratatui::layout::Rect;

use super::layers::{buttons, from_foot, from_head, surface};
use crate::domain::{HostKeyFacts, Question, QuestionId};
use crate::engine::{Fleet, PendingQuestion};
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui::{Button, Dialog};
use crate::tui::widgets::{Canvas, row_of, wrap};

/// What the person is to do.
const ADVICE: &str = "No known_hosts file has these keys. Compare each fingerprint with the machine's own \
    (ssh-keygen -lf there) and mark those that are right.";

/// Cells before a fingerprint.
const INDENT: u16 = 4;

/// Rows that one key takes.
pub(super) const ROWS: u16 = 3;

/// The keys that are asked about, oldest first.
pub(super) fn asked(fleet: &Fleet) -> impl Iterator<Item = (&PendingQuestion, &HostKeyFacts)> {
    fleet
        .questions
        .iter()
        .filter_map(|pending| match &pending.question {
            Question::UnknownHostKey(facts) => Some((pending, facts)),
            _ => None,
        })
}

fn seen(rows: Rect) -> usize {
    usize::from(rows.height / ROWS).max(1)
}

/// The first key shown: the selected one is always seen.
pub(super) fn first(fleet: &Fleet, selected: Option<QuestionId>, rows: Rect) -> usize {
    let place = asked(fleet)
        .position(|(pending, _)| Some(pending.id) == selected)
        .unwrap_or(0);
    (place + 1).saturating_sub(seen(rows))
}

/// Draws the dialog.
pub(super) fn host_keys(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) {
    let Dialog::HostKeys {
        selected,
        marked,
        button,
    } = dialog
    else {
        return;
    };
    surface(canvas, area, "Unknown host keys", Role::Danger);
    let keys: Vec<_> = asked(scene.fleet).collect();
    let cells = usize::from(from_head(area, 0).width);
    for (row, line) in (0..2).zip(wrap(ADVICE, cells)) {
        canvas.pen(from_head(area, row)).put(line, Role::Text);
    }
    let seen = seen(rows);
    let first = first(scene.fleet, *selected, rows);
    for (number, (pending, facts)) in keys.iter().enumerate().skip(first).take(seen) {
        let top = u16::try_from((number - first) * usize::from(ROWS)).unwrap_or(u16::MAX);
        let mark = marked.contains(&pending.id);
        let lines = [0, 1, 2].map(|down| row_of(rows, top.saturating_add(down)));
        key(canvas, lines, (pending, facts), mark);
        if *selected == Some(pending.id) && button.is_none() {
            canvas.paint(row_of(rows, top), Role::Selected);
        }
    }
    let hidden = keys.len().saturating_sub(seen);
    let note = if hidden > 0 {
        format!(
            "{} of {} marked, {hidden} not in sight",
            marked.len(),
            keys.len()
        )
    } else {
        format!("{} of {} marked", marked.len(), keys.len())
    };
    canvas
        .pen(from_foot(area, 2))
        .put(&note, Role::Dim)
        .put(" · space marks, tab to the buttons", Role::Dim);
    let yes = format!("Trust {} marked and write them down", marked.len());
    buttons(
        canvas,
        from_foot(area, 0),
        ("Refuse", &yes),
        Some(button.unwrap_or(Button::No)).filter(|_| button.is_some()),
    );
}

fn key(
    canvas: &mut Canvas<'_>,
    [head, first, second]: [Rect; 3],
    (pending, facts): (&PendingQuestion, &HostKeyFacts),
    marked: bool,
) {
    canvas
        .pen(head)
        .put(if marked { "[×] " } else { "[ ] " }, Role::Marked)
        .put(pending.host.as_str(), Role::Title)
        .put(" at ", Role::Dim)
        .put(&facts.endpoint.to_string(), Role::Text)
        .put(", into ", Role::Dim)
        .put(facts.file.as_str(), Role::Dim);
    // Half a fingerprint is no fingerprint: it goes on in the next row before it is cut.
    let cells = usize::from(first.width.saturating_sub(INDENT));
    for (line, text) in [first, second]
        .into_iter()
        .zip(wrap(facts.fingerprint.as_str(), cells))
    {
        let mut pen = canvas.pen(line);
        pen.skip(INDENT).put(text, Role::Accent);
        if text == facts.fingerprint.as_str() {
            pen.skip(2).put(facts.algorithm.as_str(), Role::Dim);
        }
    }
}
