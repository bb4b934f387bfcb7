//! Screens that have the whole body: their box, their title with its count, the other screens and their keys.

use ratatui::layout::Rect;

use super::{Scene, container, containers, ledger, logs, model, models, services};
use crate::text::width;
use crate::tui::action::{Action, Place};
use crate::tui::theme::Role;
use crate::tui::ui::Screen;
use crate::tui::widgets::{Canvas, Pen, frame};

/// The act that leads to a screen.
pub(super) fn leads_to(screen: Screen) -> Action {
    match screen {
        Screen::Hosts => Action::Hosts,
        Screen::Models => Action::Models,
        Screen::Containers => Action::Containers,
        Screen::Services => Action::Services,
        Screen::Logs => Action::Logs,
        Screen::Actions => Action::Actions,
    }
}

/// Draws the box of the screen that has the body.
pub(in crate::tui) fn screen(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let screen = scene.ui.screen;
    if screen == Screen::Logs {
        return logs(canvas, scene);
    }
    if screen == Screen::Models && scene.layout.model.height > 0 {
        model::model(canvas, scene.layout.model, scene);
    }
    if area.height == 0 {
        return;
    }
    let role = if scene.ui.body_has_keys() && scene.ui.place_of_keys() != Place::Model {
        Role::BorderFocus
    } else {
        Role::Border
    };
    let borders = frame(canvas, area, role);
    let key = scene.keymap.label(leads_to(screen));
    let mut pen = canvas.pen(borders.top);
    if area.width >= 100 {
        digits_at_end(&mut pen, scene);
    }
    pen.put(&format!(" {key} "), Role::Key)
        .put(screen.title(), Role::Title)
        .put(" ", Role::Dim);
    match screen {
        Screen::Actions => {
            ledger::count(&mut pen, scene);
            ledger::table(canvas, scene);
        }
        Screen::Containers => {
            if let Some(open) = &scene.ui.containers.open {
                pen.put("› ", Role::Border)
                    .put(open.of.host.as_str(), Role::Dim)
                    .put(" › ", Role::Border);
                container::title(&mut pen, open);
            }
            containers::pane(canvas, borders.bottom, scene);
        }
        Screen::Models => models::pane(canvas, borders.bottom, scene),
        Screen::Services => services::pane(canvas, borders.bottom, scene),
        Screen::Logs | Screen::Hosts => {}
    }
}

/// Writes the keys of the other screens, where they fit: `c Containers  5 Logs  6 Actions`.
pub(super) fn digits(pen: &mut Pen<'_>, scene: Scene<'_>) {
    for (key, title) in others(scene) {
        if width(&key) + 1 + width(title) > usize::from(pen.room()) {
            return;
        }
        pen.put(&key, Role::Key)
            .put(" ", Role::Dim)
            .put(title, Role::Dim)
            .put("  ", Role::Dim);
    }
}

fn others(scene: Scene<'_>) -> Vec<(String, &'static str)> {
    Screen::ALL
        .into_iter()
        .filter(|screen| *screen != scene.ui.screen)
        .map(|screen| (scene.keymap.label(leads_to(screen)), screen.title()))
        .collect()
}

pub(super) fn digits_at_end(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let others = others(scene);
    let mut pieces = vec![(" ", Role::Dim)];
    for (key, title) in &others {
        pieces.extend([
            (key.as_str(), Role::Key),
            (" ", Role::Dim),
            (*title, Role::Dim),
            ("  ", Role::Dim),
        ]);
    }
    pieces.pop();
    pieces.push((" ", Role::Dim));
    pen.at_end(&pieces);
}
