//! One model: its tabs in the border, the open tab's lines inside.

use ratatui::layout::Rect;

use super::Scene;
use super::models::{chosen, title_of};
use crate::engine::Fleet;
use crate::text::{cut, width};
use crate::tui::action::{Action, Place};
use crate::tui::model_lines::{self, Line, Look};
use crate::tui::theme::Role;
use crate::tui::ui::Ui;
use crate::tui::ui_models::ModelTab;
use crate::tui::widgets::{Borders, Canvas, frame, more_rows};

/// Cells that all tabs take.
fn tab_cells() -> usize {
    let titles: usize = ModelTab::ALL.iter().map(|tab| width(tab.title()) + 3).sum();
    titles - 3
}

fn name_cells(room: u16, ui: &Ui) -> usize {
    let name = chosen(ui).map_or(0, |row| width(&title_of(row)));
    name.min(usize::from(room).saturating_sub(tab_cells() + 5))
}

/// Where the tabs stand in the upper border.
pub(in crate::tui) fn tabs(area: Rect, ui: &Ui) -> [Rect; ModelTab::ALL.len()] {
    let top = Borders::of(area).top;
    let name = name_cells(top.width, ui) as u16;
    let mut column = top.x + 1 + if name > 0 { name + 3 } else { 0 };
    ModelTab::ALL.map(|tab| {
        let cells = width(tab.title()) as u16;
        let place = Rect::new(column, top.y, cells, 1).intersection(top);
        column += cells + 3;
        place
    })
}

/// How many lines a box of this width would show.
pub(in crate::tui) fn length(ui: &Ui, fleet: &Fleet, inner: Rect) -> usize {
    lines(ui, fleet, inner, &|_| String::new()).len()
}

fn lines(ui: &Ui, fleet: &Fleet, inner: Rect, key: &dyn Fn(Action) -> String) -> Vec<Line> {
    let cells = usize::from(inner.width.saturating_sub(2));
    let look = Look {
        ui,
        fleet,
        cells,
        key,
    };
    chosen(ui).map_or_else(Vec::new, |row| model_lines::lines(row, look))
}

/// Draws the box.
pub(super) fn model(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let ui = scene.ui;
    let focused = ui.place_of_keys() == Place::Model && ui.body_has_keys();
    let role = if focused {
        Role::BorderFocus
    } else {
        Role::Border
    };
    let borders = frame(canvas, area, role);
    let Some(row) = chosen(ui) else {
        let words = "no model is chosen";
        canvas.pen(borders.inner).skip(1).put(words, Role::Dim);
        return;
    };
    let name = title_of(row);
    let name = cut(&name, name_cells(borders.top.width, ui));
    let mut pen = canvas.pen(borders.top);
    pen.put(" ", Role::Dim);
    let mut mark = "";
    if !name.is_empty() {
        pen.put(&name, Role::Title);
        mark = " › ";
    }
    for tab in ModelTab::ALL {
        let role = if tab == ui.models.tab {
            Role::Accent
        } else {
            Role::Dim
        };
        pen.put(mark, Role::Border).put(tab.title(), role);
        mark = " │ ";
    }
    pen.put(" ", Role::Dim);
    let key = |action| scene.keymap.label(action);
    let lines = lines(ui, scene.fleet, borders.inner, &key);
    let scroll = ui.models.detail_scroll;
    for (row, line) in (0..borders.inner.height).zip(lines.iter().skip(scroll)) {
        let mut pen = canvas.row(borders.inner, row);
        pen.skip(1);
        for (words, role) in line {
            pen.put(words, *role);
        }
    }
    let below = lines
        .len()
        .saturating_sub(scroll + usize::from(borders.inner.height));
    if below > 0 {
        let words = more_rows(below);
        canvas.pen(borders.bottom).at_end(&[(&words, Role::Dim)]);
    }
}
