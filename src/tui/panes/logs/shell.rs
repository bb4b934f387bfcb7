//! The box around the lens, and its minimap.

use super::place::LensPlace;
use super::{empty, foot, head, lines};
use crate::engine::{LensPicture, Level, MiniMark};
use crate::tui::panes::Scene;
use crate::tui::panes::screens::{digits_at_end, leads_to};
use crate::tui::theme::Role;
use crate::tui::ui::Screen;
use crate::tui::ui_lens::LensState;
use crate::tui::widgets::{Borders, Canvas, frame};

/// Draws the lens.
pub(in crate::tui) fn logs(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let place = scene.layout.lens;
    let picture = scene.ui.lens.shown();
    if place.framed {
        let role = if scene.ui.body_has_keys() {
            Role::BorderFocus
        } else {
            Role::Border
        };
        frame(canvas, place.all, role);
        title(canvas, place, scene);
    }
    let is_open = matches!(scene.ui.lens.state, LensState::Open(_));
    if !is_open || picture.rows.is_empty() {
        empty::empty(canvas, place, scene);
    }
    if is_open {
        head::head(canvas, place.head, picture);
        lines::lines(canvas, place, scene);
        minimap(canvas, place, picture);
        foot::foot(canvas, place, scene);
    }
}

fn title(canvas: &mut Canvas<'_>, place: LensPlace, scene: Scene<'_>) {
    let key = scene.keymap.label(leads_to(Screen::Logs));
    let mut pen = canvas.pen(Borders::of(place.all).top);
    if place.all.width >= 100 {
        digits_at_end(&mut pen, scene);
    }
    pen.put(&format!(" {key} "), Role::Key)
        .put("Logs", Role::Title)
        .put(" ", Role::Dim);
    if matches!(scene.ui.lens.state, LensState::Open(_)) {
        head::summary(&mut pen, scene.ui.lens.shown());
    }
}

/// Draws the errors, marks and hits of all that is shown, and beside them the part that is in view.
fn minimap(canvas: &mut Canvas<'_>, place: LensPlace, picture: &LensPicture) {
    let map = place.map;
    let cells = picture.minimap.len().max(1);
    for row in 0..map.height {
        // The picture may be older than the size of the screen.
        let at = usize::from(row) * cells / usize::from(map.height.max(1));
        let mark = picture.minimap.get(at).copied().unwrap_or_default();
        let (begin, end) = picture.window;
        let in_window =
            usize::from(begin) <= at && at < usize::from(end).max(usize::from(begin) + 1);
        let is_whole = picture.shown <= picture.rows.len() as u64;
        let (glyph, role) = match marked(mark) {
            Some(marked) => marked,
            None if in_window && !is_whole => ("┃", Role::Accent),
            None => ("│", Role::Faint),
        };
        canvas.row(map, row).put(glyph, role);
    }
}

/// The glyph of one cell of the minimap: the worst thing in it.
fn marked(mark: MiniMark) -> Option<(&'static str, Role)> {
    match mark.level {
        _ if mark.mark => Some(("◆", Role::Marked)),
        Some(Level::Error | Level::Critical) => Some(("■", Role::Bad)),
        _ if mark.hit => Some(("•", Role::Hit)),
        Some(Level::Warning) => Some(("▪", Role::Warn)),
        _ => None,
    }
}
