//! Braille graphs on one time axis: the newest value at the right edge, fixed axes, the past never rescaled, gaps left blank.

use std::time::Duration;

use ratatui::layout::Rect;

use super::pen::{Canvas, Pen};
use crate::domain::{Age, At};
use crate::engine::Series;
use crate::tui::theme::{Role, SHADES};

/// The widest graph in dots; each cell has two.
const MOST_DOTS: usize = 512;

/// What part of time is shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Window {
    /// The right edge.
    pub(in crate::tui) now: At,
    /// The time across the whole width.
    pub(in crate::tui) span: Age,
    /// Time between two samples: two and a half of them without a value are a gap.
    pub(in crate::tui) period: Duration,
}

impl Window {
    /// Milliseconds that one dot stands for.
    fn dot(self, cells: u16) -> u64 {
        (self.span.0 / (u64::from(cells) * 2).max(1)).max(1)
    }

    /// The longest time that a value stands for the time after it.
    fn hold(self) -> u64 {
        u64::try_from(self.period.as_millis())
            .unwrap_or(u64::MAX)
            .saturating_mul(5)
            / 2
    }
}

/// What the foot and the head of a graph stand for.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Axis {
    /// The value at the foot.
    pub(in crate::tui) foot: f32,
    /// The value at the head.
    pub(in crate::tui) head: f32,
}

impl Axis {
    /// 0 to 100 %.
    pub(in crate::tui) const PERCENT: Self = Self {
        foot: 0.0,
        head: 100.0,
    };

    fn share(self, value: f32) -> f32 {
        ((value - self.foot) / (self.head - self.foot)).clamp(0.0, 1.0)
    }
}

/// A series as dots from the right edge to the left; `NaN` where nothing is known.
pub(in crate::tui) struct Graph {
    dots: [f32; MOST_DOTS],
    cells: u16,
}

impl Graph {
    /// Reads as much of a series as is seen. A dot shows the highest value of its time, so that a peak is never lost.
    ///
    /// Dots stand at whole multiples of their length on the clock: from frame to frame the graph moves by whole dots and
    /// keeps its shape.
    pub(in crate::tui) fn read(series: Option<&Series>, window: Window, cells: u16) -> Self {
        let cells = cells.min((MOST_DOTS / 2) as u16);
        let mut graph = Self {
            dots: [f32::NAN; MOST_DOTS],
            cells,
        };
        let dot = window.dot(cells);
        let edge = window.now.0 / dot;
        let seen = u64::from(cells) * 2;
        let mut newer = window.now;
        for point in series.into_iter().flat_map(Series::newest_first) {
            let place = edge.saturating_sub(point.at.0 / dot);
            let held = newer.0.saturating_sub(point.at.0) <= window.hold();
            let until = if held {
                edge.saturating_sub(newer.0 / dot)
            } else {
                place
            };
            for at in until..=place.min(seen) {
                graph.raise(at as usize, point.value, at == place);
            }
            if place >= seen {
                break;
            }
            newer = point.at;
        }
        graph
    }

    /// Puts a value at a dot: over what is carried there, or where it is higher than what was read there.
    fn raise(&mut self, at: usize, value: f32, own: bool) {
        if let Some(dot) = self.dots.get_mut(at)
            && (dot.is_nan() || (own && value > *dot))
        {
            *dot = value;
        }
    }

    /// Draws one row of the graph; row 0 of `rows` is the uppermost.
    pub(in crate::tui) fn draw(
        &self,
        pen: &mut Pen<'_>,
        axis: Axis,
        role: Role,
        (row, rows): (u16, u16),
    ) {
        let below = 4 * rows.saturating_sub(row + 1);
        for cell in (0..self.cells).rev() {
            let level = |dot: u16| {
                self.dots
                    .get(usize::from(dot))
                    .filter(|value| !value.is_nan())
                    .map(|value| ((axis.share(*value) * f32::from(4 * rows)).round() as u16).max(1))
            };
            let (right, left) = (level(cell * 2), level(cell * 2 + 1));
            let inside = |level: Option<u16>| level.unwrap_or(0).saturating_sub(below).min(4);
            let (left, right) = (inside(left), inside(right));
            if left == 0 && right == 0 {
                pen.skip(1);
            } else {
                let height = if rows == 1 {
                    usize::from(left.max(right)) - 1
                } else {
                    usize::from(rows - 1 - row) * (SHADES - 1) / usize::from(rows - 1)
                };
                pen.shaded(braille(left, right), role, height);
            }
        }
    }
}

/// A braille cell with this many dots from the foot in its left and right half.
fn braille(left: u16, right: u16) -> char {
    const LEFT: [u32; 5] = [0, 0x40, 0x44, 0x46, 0x47];
    const RIGHT: [u32; 5] = [0, 0x80, 0xA0, 0xB0, 0xB8];
    let bits = |table: [u32; 5], dots: u16| table.get(usize::from(dots)).copied().unwrap_or(0);
    char::from_u32(0x2800 + bits(LEFT, left) + bits(RIGHT, right)).unwrap_or(' ')
}

/// Draws the time axis under graphs: how long ago, at even steps.
pub(in crate::tui) fn ruler(canvas: &mut Canvas<'_>, area: Rect, window: Window) {
    let even: [u64; 3] = match window.span.0 {
        0..=120_000 => [30_000, 60_000, 120_000],
        120_001..=900_000 => [180_000, 300_000, 900_000],
        _ => [600_000, 1_200_000, 3_600_000],
    };
    // The finest steps whose labels keep apart.
    let step = even
        .into_iter()
        .find(|step| u64::from(area.width) * step / window.span.0.max(1) >= 12)
        .unwrap_or(window.span.0.max(1));
    canvas.row(area, 0).at_end(&[("now", Role::Dim)]);
    let mut ago = step;
    while ago <= window.span.0 {
        let back = (u64::from(area.width) * ago / window.span.0.max(1)) as u16;
        let label = label(ago);
        let cells = label.len() as u16;
        if back < area.width + cells && u64::from(area.width) > 8 {
            let start = area.width.saturating_sub(back);
            let from = start.saturating_sub(if start == 0 { 0 } else { cells / 2 });
            if from + cells + 4 < area.width {
                canvas.row(area, 0).skip(from).put(&label, Role::Faint);
            }
        }
        ago += step;
    }
}

fn label(ago: u64) -> String {
    let seconds = ago / 1000;
    if seconds < 60 {
        format!("-{seconds} s")
    } else if seconds.is_multiple_of(60) {
        format!("-{} min", seconds / 60)
    } else {
        format!("-{}:{:02} min", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{History, SeriesKey};
    use crate::tui::theme::Theme;
    use ratatui::buffer::Buffer;

    fn row(points: &[(u64, f32)], now: u64, cells: u16) -> String {
        let mut history = History::default();
        for (at, value) in points {
            history.record(SeriesKey::Cpu, At(at * 1000), *value);
        }
        let window = Window {
            now: At(now * 1000),
            span: Age(2000 * u64::from(cells)),
            period: Duration::from_secs(1),
        };
        let graph = Graph::read(history.series(SeriesKey::Cpu), window, cells);
        let area = Rect::new(0, 0, cells, 1);
        let mut buffer = Buffer::empty(area);
        let theme = Theme::plain("plain");
        let mut canvas = Canvas {
            buffer: &mut buffer,
            theme: &theme,
        };
        graph.draw(&mut canvas.pen(area), Axis::PERCENT, Role::GraphUse, (0, 1));
        buffer
            .content()
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect()
    }

    #[test]
    fn the_newest_is_at_the_right_and_zero_is_seen() {
        let points: Vec<_> = (0..8)
            .map(|n| (n, if n < 4 { 0.0 } else { 100.0 }))
            .collect();
        assert_eq!(row(&points, 7, 4), "⣀⣀⣿⣿");
    }

    #[test]
    fn a_gap_is_a_gap_and_a_lost_host_leaves_the_right_blank() {
        assert_eq!(
            row(&[(0, 100.0), (1, 100.0), (6, 100.0), (7, 100.0)], 7, 4),
            "⣿  ⣿"
        );
        assert_eq!(row(&[(0, 100.0), (1, 100.0)], 7, 4), "⣿   ");
        assert_eq!(row(&[], 7, 4), "    ");
    }

    #[test]
    fn the_past_moves_and_never_changes_its_shape() {
        let points: Vec<_> = (0..40).map(|n| (n, (n * 37 % 100) as f32)).collect();
        let before = row(&points, 39, 10);
        let mut later = points.clone();
        later.extend([(40, 5.0), (41, 95.0)]);
        let after = row(&later, 41, 10);
        let tail: String = before.chars().skip(1).collect();
        assert!(after.starts_with(&tail), "{before} then {after}");
    }
}
