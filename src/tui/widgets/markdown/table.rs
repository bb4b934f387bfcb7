//! Tables: columns as wide as they need to be, shrunk where the row is too narrow, one thing per row where that is not
//! enough.

use pulldown_cmark::Alignment;

use crate::tui::theme::Role;
use crate::tui::widgets::flow::{Break, Piece, TextRow, flow};

/// A column is not shrunk below this.
const NARROWEST: usize = 6;

/// Cells between two columns.
const GAP: usize = 2;

/// A table as it is read.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) alignments: Vec<Alignment>,
    /// Rows of cells; the first holds the heads.
    pub(super) rows: Vec<Vec<Vec<Piece>>>,
}

impl Table {
    /// The table in rows of so many cells.
    pub(super) fn draw(&self, cells: usize) -> Vec<TextRow> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let Some(widths) = fit(self.widths(columns), cells) else {
            return self.one_by_one(cells);
        };
        let mut rows = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            rows.extend(self.line(row, &widths));
            if place == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                rows.push(TextRow::of(rule.join(&" ".repeat(GAP)), Role::Faint));
            }
        }
        rows
    }

    fn widths(&self, columns: usize) -> Vec<usize> {
        let of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cells_of(cell)).max().unwrap_or(0).max(1)
        };
        (0..columns).map(of).collect()
    }

    /// One row of the table; its cells may need several rows of text.
    fn line(&self, row: &[Vec<Piece>], widths: &[usize]) -> Vec<TextRow> {
        let wrapped: Vec<Vec<TextRow>> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let cell = row.get(column).map(Vec::as_slice).unwrap_or_default();
                flow(cell, Break::Words, *width, (&[], &[]))
            })
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        let line = |at: usize| {
            let mut pieces = Vec::new();
            for (column, width) in widths.iter().enumerate() {
                if column > 0 {
                    pieces.push(Piece::new(" ".repeat(GAP), Role::Text));
                }
                let empty = TextRow::default();
                let text = wrapped.get(column).and_then(|rows| rows.get(at));
                pieces.extend(self.aligned(column, text.unwrap_or(&empty), *width));
            }
            TextRow(pieces)
        };
        (0..height).map(line).collect()
    }

    fn aligned(&self, column: usize, text: &TextRow, width: usize) -> Vec<Piece> {
        let left = width.saturating_sub(cells_of(&text.0));
        let before = match self.alignments.get(column) {
            Some(Alignment::Right) => left,
            Some(Alignment::Center) => left / 2,
            _ => 0,
        };
        let pad = |cells: usize| Piece::new(" ".repeat(cells), Role::Text);
        let mut pieces = vec![pad(before)];
        pieces.extend(text.0.iter().cloned());
        pieces.push(pad(left - before));
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }

    /// Where the columns can't stand beside each other: `head: value`, row by row.
    fn one_by_one(&self, cells: usize) -> Vec<TextRow> {
        let empty = Vec::new();
        let heads = self.rows.first().unwrap_or(&empty);
        let mut rows = Vec::new();
        for (place, row) in self.rows.iter().skip(1).enumerate() {
            if place > 0 {
                rows.push(TextRow::default());
            }
            for (column, cell) in row.iter().enumerate() {
                let mut pieces = heads.get(column).cloned().unwrap_or_default();
                pieces.push(Piece::new(": ", Role::Dim));
                pieces.extend(cell.iter().cloned());
                rows.extend(flow(&pieces, Break::Words, cells, (&[], &[])));
            }
        }
        rows
    }
}

fn cells_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(Piece::cells).sum()
}

/// The widths shrunk to fit, the widest first; `None` where they can't.
fn fit(mut widths: Vec<usize>, cells: usize) -> Option<Vec<usize>> {
    let gaps = GAP * widths.len().saturating_sub(1);
    let room = cells.checked_sub(gaps)?;
    let least: usize = widths.iter().map(|width| (*width).min(NARROWEST)).sum();
    if least > room {
        return None;
    }
    // Everything above a common limit is cut to it; the limit that just fits.
    let (mut low, mut high) = (NARROWEST, widths.iter().copied().max()?.max(NARROWEST));
    let taken = |limit: usize| -> usize { widths.iter().map(|width| (*width).min(limit)).sum() };
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if taken(middle) <= room {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let mut spare = room.saturating_sub(taken(low));
    for width in &mut widths {
        let wanted = *width;
        *width = wanted.min(low);
        if wanted > low && spare > 0 {
            *width += 1;
            spare -= 1;
        }
    }
    Some(widths)
}
