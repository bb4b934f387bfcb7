//! Bars: one value against a whole, or the parts of a whole. Each part has a glyph of its own beside its colour.

use super::pen::Pen;
use crate::tui::theme::Role;

/// One part of a bar.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Part {
    /// How much of the whole, in the whole's unit.
    pub(in crate::tui) amount: u64,
    /// Its glyph, one cell.
    pub(in crate::tui) glyph: &'static str,
    /// Its look.
    pub(in crate::tui) role: Role,
}

/// The empty part of a bar.
const EMPTY: &str = "·";

/// Draws the parts of a whole in this many cells. A part that is there gets a cell, however small.
pub(in crate::tui) fn bar(pen: &mut Pen<'_>, cells: u16, whole: u64, parts: &[Part]) {
    let cells = cells.min(pen.room());
    let mut left = cells;
    let mut amount = 0_u64;
    let mut drawn = 0_u16;
    for part in parts {
        amount = amount.saturating_add(part.amount).min(whole);
        let upto = (u128::from(amount) * u128::from(cells) * 2 + u128::from(whole))
            .checked_div(2 * u128::from(whole))
            .unwrap_or(0) as u16;
        let mut take = upto.saturating_sub(drawn);
        if take == 0 && part.amount > 0 {
            take = 1;
        }
        let take = take.min(left);
        pen.fill(part.glyph, take, part.role);
        left -= take;
        drawn += take;
    }
    pen.fill(EMPTY, left, Role::Faint);
}

/// Draws one value from 0 to 1 as a thin line in this many cells, to half a cell.
pub(in crate::tui) fn gauge(pen: &mut Pen<'_>, cells: u16, value: f32, role: Role) {
    let cells = cells.min(pen.room());
    let mut halves = (value.clamp(0.0, 1.0) * f32::from(cells) * 2.0).round() as u16;
    // Little is not nothing.
    if halves == 0 && value > 0.0 {
        halves = 1;
    }
    let full = (halves / 2).min(cells);
    pen.fill("━", full, role);
    let half = u16::from(halves % 2 == 1 && full < cells);
    pen.fill("╸", half, role);
    pen.fill("─", cells - full - half, Role::Faint);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Theme;
    use crate::tui::widgets::Canvas;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    fn drawn(cells: u16, draw: impl Fn(&mut Pen<'_>)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, cells, 1));
        let theme = Theme::plain("plain");
        let mut canvas = Canvas {
            buffer: &mut buffer,
            theme: &theme,
        };
        draw(&mut canvas.pen(Rect::new(0, 0, cells, 1)));
        buffer
            .content()
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect()
    }

    fn part(amount: u64, glyph: &'static str) -> Part {
        Part {
            amount,
            glyph,
            role: Role::Text,
        }
    }

    #[test]
    fn parts_add_up_and_small_ones_are_seen() {
        let shown = drawn(10, |pen| {
            bar(pen, 10, 100, &[part(50, "█"), part(1, "▓"), part(20, "░")]);
        });
        assert_eq!(shown, "█████▓░···");
        assert_eq!(drawn(4, |pen| bar(pen, 4, 0, &[part(5, "█")])), "█···");
        assert_eq!(
            drawn(4, |pen| bar(pen, 4, 10, &[part(99, "█"), part(1, "▓")])),
            "████"
        );
    }

    #[test]
    fn a_gauge_counts_in_halves() {
        assert_eq!(drawn(4, |pen| gauge(pen, 4, 0.5, Role::Text)), "━━──");
        assert_eq!(drawn(4, |pen| gauge(pen, 4, 0.625, Role::Text)), "━━╸─");
        assert_eq!(drawn(4, |pen| gauge(pen, 4, 0.001, Role::Text)), "╸───");
        assert_eq!(drawn(4, |pen| gauge(pen, 4, 7.0, Role::Text)), "━━━━");
        assert_eq!(drawn(4, |pen| gauge(pen, 4, f32::NAN, Role::Text)), "────");
    }
}
