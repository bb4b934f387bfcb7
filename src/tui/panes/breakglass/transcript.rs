//! The rows of the conversation that are in view, each behind the mark of its entry; below them what else can be done.

use ratatui::layout::{Position, Rect};

use crate::domain::Wall;
use crate::engine::{Decided, Entry, Went};
use crate::text::{SafeText, width};
use crate::tui::panes::Scene;
use crate::tui::talk::{Chip, Seen, TALK_GUTTER, TailRow, chip, id_of, spinner, tail, trouble};
use crate::tui::theme::Role;
use crate::tui::ui_breakglass::{Part, Stop, TalkView};
use crate::tui::widgets::{Canvas, Pen, clock, row_of};

/// Draws them; tells where the cursor's row is.
pub(super) fn transcript(canvas: &mut Canvas<'_>, scene: Scene<'_>) -> Option<Position> {
    let area = scene.layout.talk.rows;
    let pane = &scene.ui.breakglass;
    let cells = usize::from(area.width.saturating_sub(TALK_GUTTER));
    let tail = tail(scene.ui, scene.fleet, cells);
    let first = first(scene, tail.len());
    // A short conversation stands at the top.
    let mut cursor = None;
    for down in 0..area.height {
        let number = first + usize::from(down);
        let line = row_of(area, down);
        let here = match pane.rows.row(number) {
            Some(seen) => said(canvas, line, scene, seen),
            None => {
                let at = number.checked_sub(pane.rows.len());
                let row = at.and_then(|at| tail.get(at));
                row.is_some_and(|row| offered(canvas, line, scene, row))
            }
        };
        if here {
            cursor = cursor.or(Some(Position::new(line.x, line.y)));
        }
        mark_hits(canvas, line, scene, number);
    }
    cursor.filter(|_| pane.part == Part::Transcript)
}

/// The first row in view, with so many below the conversation.
fn first(scene: Scene<'_>, tail: usize) -> usize {
    let pane = &scene.ui.breakglass;
    let length = pane.rows.len() + tail;
    match pane.view {
        TalkView::Top => 0,
        TalkView::Bottom => length.saturating_sub(usize::from(scene.layout.talk.rows.height)),
        TalkView::From { row, .. } => row.min(length.saturating_sub(1)),
    }
}

/// What the trouble is, where what can be done about it has moved it out of view.
pub(super) fn trouble_above(scene: Scene<'_>) -> Option<&SafeText> {
    let area = scene.layout.talk.rows;
    let pane = &scene.ui.breakglass;
    let (id, sentence) = trouble(pane)?;
    let cells = usize::from(area.width.saturating_sub(TALK_GUTTER));
    let tail = tail(scene.ui, scene.fleet, cells);
    let (row, _) = pane.rows.span(id)?;
    (!tail.is_empty() && row < first(scene, tail.len())).then_some(sentence)
}

/// Draws a row of an entry; tells whether the cursor stands on it.
fn said(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, seen: Seen<'_>) -> bool {
    let Some(row) = seen.row else {
        return false;
    };
    let pane = &scene.ui.breakglass;
    let chosen = pane.stop == Some(Stop::Entry(id_of(seen.entry)));
    let first = seen.place == 0;
    let mut pen = canvas.row(line, 0);
    match seen.entry {
        Entry::Call(call) if first => {
            let chip = chip(call, scene.fleet.wall);
            pen.put(chip.glyph.0, chip.glyph.1).skip(1);
            draw_chip(&mut pen, &chip);
        }
        entry => {
            let (glyph, role) = match entry {
                Entry::UnderWay { .. } if first => spinner(scene.fleet.wall),
                entry => mark(entry, first),
            };
            pen.left(glyph, TALK_GUTTER, role);
            row.draw(&mut pen);
            if let Some(wall) = when(entry).filter(|_| first) {
                pen.skip(2);
                pen.at_end(&[(&clock(wall, &scene.ui.zone), Role::Faint)]);
            }
        }
    }
    if chosen {
        highlight(canvas, line, scene, first);
    }
    chosen && first
}

/// When it was: of what a person did, or has to know the moment of.
fn when(entry: &Entry) -> Option<Wall> {
    match entry {
        Entry::Asked { wall, .. }
        | Entry::UnderWay { wall, .. }
        | Entry::Decided { wall, .. }
        | Entry::Trouble { wall, .. }
        | Entry::Runbook { wall, .. } => Some(*wall),
        _ => None,
    }
}

fn highlight(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, first: bool) {
    let pane = &scene.ui.breakglass;
    let has_keys = pane.has_keys() && pane.part == Part::Transcript;
    if first {
        let role = if has_keys {
            Role::Selected
        } else {
            Role::SelectedIdle
        };
        canvas.paint(line, role);
    }
}

fn draw_chip(pen: &mut Pen<'_>, chip: &Chip) {
    pen.at_end(&[(&chip.end.0, chip.end.1), (" ", Role::Dim)]);
    for piece in &chip.pieces {
        pen.put(piece.text.as_str(), piece.role);
    }
}

/// The mark before an entry: who speaks, or how it went.
fn mark(entry: &Entry, first: bool) -> (&'static str, Role) {
    if !first {
        return ("", Role::Dim);
    }
    match entry {
        Entry::Asked { .. } => ("›", Role::Accent),
        Entry::Thought { .. } => ("∴", Role::Dim),
        Entry::Runbook { .. } => ("▶", Role::Busy),
        Entry::Findings { .. } => ("=", Role::Title),
        Entry::Denied { .. } => ("⊘", Role::Warn),
        Entry::Trouble { .. } => ("✖", Role::Bad),
        Entry::Decided { decided, .. } => match decided {
            Decided::Approved { went, .. } => match went {
                Went::Done => ("✓", Role::Ok),
                Went::Unknown => ("?", Role::Warn),
                Went::Failed | Went::Ended { .. } => ("✖", Role::Bad),
            },
            _ => ("⊘", Role::Warn),
        },
        // Drawn live.
        Entry::UnderWay { .. } | Entry::Call(_) | Entry::Said { .. } | Entry::Turn(_) => {
            ("", Role::Dim)
        }
    }
}

/// Draws a row of what else can be done; tells whether the cursor stands on it.
fn offered(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, row: &TailRow) -> bool {
    let chosen = row.offer.is_some() && scene.ui.breakglass.stop == row.offer.map(Stop::Offer);
    let mut pen = canvas.row(line, 0);
    pen.skip(TALK_GUTTER);
    row.row.draw(&mut pen);
    if chosen {
        highlight(canvas, line, scene, true);
    }
    chosen
}

/// Shows where the search hit.
fn mark_hits(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, number: usize) {
    let pane = &scene.ui.breakglass;
    if pane.rows.hits().binary_search(&number).is_err() {
        return;
    }
    let Some(row) = pane.rows.row(number).and_then(|seen| seen.row) else {
        return;
    };
    let text = row.text().to_lowercase();
    let wanted = pane.search.text.to_lowercase();
    for (at, hit) in text.match_indices(&wanted) {
        let before = text.get(..at).unwrap_or_default();
        let column = line.x + TALK_GUTTER + width(before) as u16;
        let area = Rect::new(column, line.y, width(hit) as u16, 1).intersection(line);
        canvas.paint(area, Role::Hit);
    }
}
