//! The lines of the lens: time, host, source and level in columns, then the text with its colours.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::place::{LensPlace, in_view};
use crate::engine::{LensPicture, LensRow, Level, RowKind, StreamKind};
use crate::text::width;
use crate::tui::lens_lines::{Columns, Content, Look, Piece, time_of_day};
use crate::tui::panes::Scene;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::{Canvas, Pen, row_of};

/// Draws the lines that are in view.
pub(super) fn lines(canvas: &mut Canvas<'_>, place: LensPlace, scene: Scene<'_>) {
    let picture = scene.ui.lens.shown();
    let (columns, lines) = in_view(&place, scene.ui, scene.fleet);
    for (down, line) in (0..place.rows.height).zip(lines) {
        let area = row_of(place.rows, down);
        let Some(row) = picture.rows.get(line.row) else {
            continue;
        };
        match &line.content {
            Content::Day(words) => rule(canvas, area, words, Role::Title),
            Content::Gap(words) => gap(canvas, area, (picture, row), words),
            Content::Meaning(words) => meaning(canvas, area, columns, words),
            Content::Text { first, pieces, cut } => {
                if *first {
                    before(canvas, area, columns, (picture, row), scene);
                }
                text(canvas, area, columns, (row, pieces, *cut));
            }
        }
        if picture.cursor == Some(line.row) && !matches!(line.content, Content::Day(_)) {
            let has_keys = scene.ui.body_has_keys();
            let role = if has_keys {
                Role::Selected
            } else {
                Role::SelectedIdle
            };
            canvas.paint(area, role);
            present_hits(canvas, area, columns, &line.content);
        }
    }
}

/// Draws the hits of the row under the cursor once more, over its look.
fn present_hits(canvas: &mut Canvas<'_>, area: Rect, columns: Columns, content: &Content) {
    let Content::Text { pieces, .. } = content else {
        return;
    };
    let theme = canvas.theme;
    let mut pen = canvas.pen(area);
    pen.skip(indent(columns));
    for piece in pieces {
        if piece.look == Look::PresentHit {
            draw(&mut pen, piece, style(theme, piece.look));
        } else {
            pen.skip(width(&piece.text) as u16);
        }
    }
}

/// A rule across the whole width, with words near its left.
fn rule(canvas: &mut Canvas<'_>, area: Rect, words: &str, role: Role) {
    canvas.pen(area).fill("─", area.width, Role::Border);
    canvas
        .pen(area)
        .skip(2)
        .put(" ", Role::Dim)
        .put(words, role)
        .put(" ", Role::Dim);
}

/// Lines are missing here: of which source, where there are several.
fn gap(canvas: &mut Canvas<'_>, area: Rect, (picture, row): (&LensPicture, &LensRow), words: &str) {
    canvas.pen(area).fill("╌", area.width, Role::Warn);
    let theme = canvas.theme;
    let mut pen = canvas.pen(area);
    pen.skip(2).put(" ", Role::Dim);
    if picture.sources.len() > 1
        && let Some(source) = picture.sources.iter().find(|of| of.number == row.source)
    {
        let name = crate::tui::ui_update::lens_words::label(&source.label);
        pen.styled(&name, theme.source(row.source.0))
            .put(" ", Role::Dim);
    }
    pen.put(words, Role::Warn).put(" ", Role::Dim);
}

/// What the line above means, under its text.
fn meaning(canvas: &mut Canvas<'_>, area: Rect, columns: Columns, words: &str) {
    canvas
        .pen(area)
        .skip(indent(columns))
        .put("└ ", Role::Faint)
        .put(words, Role::Accent);
}

/// Cells before the text.
fn indent(columns: Columns) -> u16 {
    let of = |cells: u16| cells + u16::from(cells > 0);
    of(columns.time) + of(columns.host) + of(columns.source) + of(columns.level) + 3
}

/// The columns before the text.
fn before(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: Columns,
    (picture, row): (&LensPicture, &LensRow),
    scene: Scene<'_>,
) {
    let theme = canvas.theme;
    let mut pen = canvas.pen(area);
    let mark = if row.marked { "◆" } else { " " };
    pen.left(mark, 1, Role::Marked);
    if columns.time > 0 {
        let time = time_of_day(row.stamp, &scene.ui.zone, columns.time);
        pen.left(&time, columns.time, Role::Dim).skip(1);
    }
    let source = picture.sources.iter().find(|of| of.number == row.source);
    if columns.host > 0 {
        let host = source.map_or("", |of| of.label.host.as_str());
        pen.left(host, columns.host, Role::Dim).skip(1);
    }
    if columns.source > 0 {
        let name = source.map_or("", |of| of.label.name.as_str());
        pen.styled_left(name, columns.source, theme.source(row.source.0))
            .skip(1);
    }
    if columns.level > 0 {
        let (glyph, role) = level(row);
        pen.left(glyph, 1, role);
        if columns.level > 1 {
            let word = row.level.map_or("", Level::word);
            pen.skip(1).left(word, columns.level - 2, role);
        }
        pen.skip(1);
    }
}

fn level(row: &LensRow) -> (&'static str, Role) {
    match row.level {
        _ if row.kind == RowKind::Note => ("○", Role::Busy),
        None => (" ", Role::Dim),
        Some(Level::Trace | Level::Debug) => ("·", Role::Faint),
        Some(Level::Info) => ("·", Role::Dim),
        Some(Level::Notice) => ("○", Role::Text),
        Some(Level::Warning) => ("▲", Role::Warn),
        Some(Level::Error | Level::Critical) => ("✖", Role::Bad),
    }
}

/// The text with its looks. The rule before it tells the output: thin for standard output, heavy for standard error.
fn text(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: Columns,
    (row, pieces, (to_left, to_right)): (&LensRow, &[Piece], (bool, bool)),
) {
    let theme = canvas.theme;
    let mut pen = canvas.pen(area);
    pen.skip(indent(columns).saturating_sub(2));
    match row.stream {
        StreamKind::Out => pen.put("│", Role::Faint),
        StreamKind::Err => pen.put("┃", Role::Warn),
    };
    if to_left {
        pen.put("‹", Role::Key);
    } else {
        pen.skip(1);
    }
    let start = pen.column();
    for piece in pieces {
        let style = style(theme, piece.look);
        draw(&mut pen, piece, style);
    }
    if to_right {
        let last = Rect::new((start + columns.text).saturating_sub(1), area.y, 1, 1);
        canvas.pen(last).put("›", Role::Key);
    }
}

fn draw(pen: &mut Pen<'_>, piece: &Piece, style: Style) {
    // A piece was cut to fit; what does not fit here is a width that a terminal counts otherwise.
    if width(&piece.text) <= usize::from(pen.room()) {
        pen.styled(&piece.text, style);
    }
}

fn style(theme: &Theme, look: Look) -> Style {
    match look {
        Look::Written(sgr) => theme.foreign(sgr),
        Look::Hit => theme.style(Role::Hit),
        Look::PresentHit => theme.style(Role::ButtonFocus),
        Look::Count => theme.style(Role::Accent),
        Look::Key | Look::Note => theme.style(Role::Dim),
        Look::Value => theme.style(Role::Stale),
    }
}
