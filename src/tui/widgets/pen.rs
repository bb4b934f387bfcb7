//! Writing along a row: left to right, cut at the edge, never outside of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text::{cut, width};
use crate::tui::theme::{Role, Theme};

/// What is drawn on, and how it looks.
pub(in crate::tui) struct Canvas<'a> {
    /// The screen.
    pub(in crate::tui) buffer: &'a mut Buffer,
    /// The looks.
    pub(in crate::tui) theme: &'a Theme,
}

impl Canvas<'_> {
    /// A pen at the start of the first row of an area.
    pub(in crate::tui) fn pen(&mut self, area: Rect) -> Pen<'_> {
        let inside = area.intersection(self.buffer.area);
        Pen {
            x: inside.x,
            end: if inside.height == 0 {
                inside.x
            } else {
                inside.right()
            },
            y: inside.y,
            buffer: self.buffer,
            theme: self.theme,
            stale: false,
        }
    }

    /// A pen at the start of a row of an area, counted from its top; one that writes nothing beyond its last row.
    pub(in crate::tui) fn row(&mut self, area: Rect, row: u16) -> Pen<'_> {
        self.pen(row_of(area, row))
    }

    /// Gives a whole area a look, over what is written there.
    pub(in crate::tui) fn paint(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        self.buffer.set_style(area, style);
    }
}

/// One row of an area, counted from its top; empty beyond its last row.
pub(in crate::tui) fn row_of(area: Rect, row: u16) -> Rect {
    if row < area.height {
        Rect::new(area.x, area.y + row, area.width, 1)
    } else {
        Rect::default()
    }
}

/// A place on a row. What does not fit is cut with `…` or left out, never written over the edge.
pub(in crate::tui) struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    x: u16,
    end: u16,
    y: u16,
    stale: bool,
}

impl Pen<'_> {
    /// From here on, values look too old to trust.
    pub(in crate::tui) fn stale(mut self, stale: bool) -> Self {
        self.stale = stale;
        self
    }

    /// Cells left on the row.
    pub(in crate::tui) fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// The column it stands at.
    pub(in crate::tui) fn column(&self) -> u16 {
        self.x
    }

    /// The row it writes on.
    pub(in crate::tui) fn line(&self) -> u16 {
        self.y
    }

    /// The look of a role here, with age in mind: labels stay as they are, values dim.
    fn style(&self, role: Role) -> ratatui::style::Style {
        let role = match role {
            Role::Dim
            | Role::Faint
            | Role::Border
            | Role::Title
            | Role::Stale
            | Role::PartCache => role,
            _ if self.stale => Role::Stale,
            role => role,
        };
        self.theme.style(role)
    }

    /// Writes a text; cut with `…` where the row ends.
    pub(in crate::tui) fn put(&mut self, text: &str, role: Role) -> &mut Self {
        let style = self.style(role);
        self.write(text, usize::from(self.room()), style);
        self
    }

    /// Writes a text into a column of this many cells, from its left.
    pub(in crate::tui) fn left(&mut self, text: &str, cells: u16, role: Role) -> &mut Self {
        let cells = cells.min(self.room());
        let start = self.x;
        let style = self.style(role);
        self.write(text, usize::from(cells), style);
        self.x = start + cells;
        self
    }

    /// Writes a text into a column of this many cells, against its right.
    pub(in crate::tui) fn right(&mut self, text: &str, cells: u16, role: Role) -> &mut Self {
        let cells = cells.min(self.room());
        let start = self.x;
        let pad = usize::from(cells).saturating_sub(width(text));
        self.x += pad as u16;
        let style = self.style(role);
        self.write(text, usize::from(cells) - pad, style);
        self.x = start + cells;
        self
    }

    /// Writes a text in a look that is no role's; cut with `…` where the row ends.
    pub(in crate::tui) fn styled(&mut self, text: &str, style: ratatui::style::Style) -> &mut Self {
        self.write(text, usize::from(self.room()), style);
        self
    }

    /// The same into a column of this many cells, from its left.
    pub(in crate::tui) fn styled_left(
        &mut self,
        text: &str,
        cells: u16,
        style: ratatui::style::Style,
    ) -> &mut Self {
        let cells = cells.min(self.room());
        let start = self.x;
        self.write(text, usize::from(cells), style);
        self.x = start + cells;
        self
    }

    /// Writes one symbol of one cell many times.
    pub(in crate::tui) fn fill(&mut self, symbol: &str, cells: u16, role: Role) -> &mut Self {
        let style = self.style(role);
        for _ in 0..cells.min(self.room()) {
            if let Some(cell) = self.buffer.cell_mut((self.x, self.y)) {
                cell.set_symbol(symbol).set_style(style);
            }
            self.x += 1;
        }
        self
    }

    /// Writes a character with the look that a graph's role has at a height.
    pub(in crate::tui) fn shaded(&mut self, symbol: char, role: Role, height: usize) -> &mut Self {
        if self.room() > 0 {
            let style = if self.stale {
                self.theme.style(Role::Stale)
            } else {
                self.theme.shade(role, height)
            };
            if let Some(cell) = self.buffer.cell_mut((self.x, self.y)) {
                cell.set_char(symbol).set_style(style);
            }
            self.x += 1;
        }
        self
    }

    /// Leaves cells as they are.
    pub(in crate::tui) fn skip(&mut self, cells: u16) -> &mut Self {
        self.x += cells.min(self.room());
        self
    }

    /// Goes to a column counted from the left edge of an area, if it lies ahead.
    pub(in crate::tui) fn to(&mut self, column: u16) -> &mut Self {
        self.x = column.clamp(self.x, self.end);
        self
    }

    /// Writes pieces against the right edge and shortens the row by them and one blank. Left out where they don't fit.
    pub(in crate::tui) fn at_end(&mut self, pieces: &[(&str, Role)]) -> &mut Self {
        let cells: usize = pieces.iter().map(|(text, _)| width(text)).sum();
        let Some(left) = usize::from(self.room()).checked_sub(cells) else {
            return self;
        };
        let (start, end) = (self.x, self.end);
        self.x += left as u16;
        let first = self.x;
        for (text, role) in pieces {
            self.put(text, *role);
        }
        self.x = start;
        self.end = first.saturating_sub(u16::from(cells > 0)).clamp(start, end);
        self
    }

    fn write(&mut self, text: &str, cells: usize, style: ratatui::style::Style) {
        if cells == 0 || text.is_empty() {
            return;
        }
        let shown = cut(text, cells);
        let (x, _) = self.buffer.set_stringn(self.x, self.y, shown, cells, style);
        self.x = x;
    }
}
