//! Where the parts of the lens stand, and what is under the mouse there (pure).

use ratatui::layout::{Position, Rect};

use crate::engine::Fleet;
use crate::tui::layout::{split_columns, split_rows};
use crate::tui::lens_lines::{self, Columns, Fit, ScreenLine};
use crate::tui::panes::Scene;
use crate::tui::ui::Ui;
use crate::tui::ui_update::Spot;
use crate::tui::widgets::Borders;

/// From this size on the lens has a frame around it.
const FRAMED: (u16, u16) = (60, 9);

/// Where the parts of the lens stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LensPlace {
    /// All of it.
    pub all: Rect,
    /// Whether it has a frame.
    pub framed: bool,
    /// The line of sources.
    pub head: Rect,
    /// The lines.
    pub rows: Rect,
    /// The minimap.
    pub map: Rect,
    /// Where it says how things stand: the lower border, or the last line.
    pub foot: Rect,
}

/// The parts of a lens in this area.
pub(in crate::tui) fn place(all: Rect) -> LensPlace {
    let framed = all.width >= FRAMED.0 && all.height >= FRAMED.1;
    let borders = Borders::of(all);
    let (inner, foot) = if framed {
        (borders.inner, borders.bottom)
    } else {
        let [inner, foot] = split_rows(all, all.height.saturating_sub(1));
        (inner, foot)
    };
    let [head, rows] = split_rows(inner, u16::from(inner.height > 4));
    let [rows, map] = split_columns(rows, rows.width.saturating_sub(u16::from(rows.width > 24)));
    LensPlace {
        all,
        framed,
        head,
        rows,
        map,
        foot,
    }
}

/// The columns and the lines in view.
pub(super) fn in_view(place: &LensPlace, ui: &Ui, fleet: &Fleet) -> (Columns, Vec<ScreenLine>) {
    let picture = ui.lens.shown();
    let columns = lens_lines::columns(picture, place.rows.width);
    let fit = Fit {
        columns,
        height: usize::from(place.rows.height),
        long: ui.lens.long,
        zone: &ui.zone,
        now: fleet.wall,
    };
    (columns, lens_lines::lines(picture, fit))
}

/// What is at this place of the lens.
pub(in crate::tui) fn spot(place: &LensPlace, at: Position, ui: &Ui, fleet: &Fleet) -> Spot {
    let down = |area: Rect| at.y.saturating_sub(area.y);
    if place.map.contains(at) {
        return Spot::LensMap(down(place.map), place.map.height);
    }
    if !place.rows.contains(at) {
        return Spot::Lens;
    }
    let (_, lines) = in_view(place, ui, fleet);
    let line = lines.get(usize::from(down(place.rows)));
    line.map_or(Spot::Lens, |line| Spot::LensRow(line.row))
}

/// The first cell of the row under the cursor.
pub(in crate::tui) fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let place = &scene.layout.lens;
    let cursor = scene.ui.lens.shown().cursor?;
    let (_, lines) = in_view(place, scene.ui, scene.fleet);
    let down = lines.iter().position(|line| line.row == cursor)?;
    let down = u16::try_from(down).ok()?;
    Some(Position::new(place.rows.x, place.rows.y + down))
}
