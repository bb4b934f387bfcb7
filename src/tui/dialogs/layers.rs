//! Where the top layer stands, and who draws it.

use ratatui::layout::{Position, Rect};

use super::{
    arm, command_line, confirm, container, help, host_keys, palette, power, prompts, prune, reader,
    sessions, signal, sources, work,
};
use crate::domain::Question;
use crate::engine::Fleet;
use crate::tui::panes::Scene;
use crate::tui::reading;
use crate::tui::theme::Role;
use crate::tui::ui::{Button, Dialog, Layer};
use crate::tui::ui_work::WorkLayer;
use crate::tui::widgets::{Borders, Canvas, clear, frame};

/// Where a layer stands on a screen, and the rows in it that scroll or can be chosen.
pub(in crate::tui) fn place(layer: &Layer, screen: Rect, fleet: &Fleet) -> (Rect, Rect) {
    match layer {
        Layer::Help { .. } => boxed(middle(screen, 100, screen.height), 1, 0),
        Layer::Palette { .. } => boxed(upper(screen, 78, 22), 2, 0),
        Layer::Text { lines, .. } => {
            let (_, widest) = boxed(middle(screen, 100, screen.height), 0, 0);
            let length = reading::rows(lines, usize::from(widest.width)).len();
            let height = u16::try_from(length).unwrap_or(u16::MAX).saturating_add(2);
            boxed(middle(screen, 100, height), 0, 0)
        }
        Layer::CommandLine { .. } => command_line::place(screen),
        Layer::Sources(_) => boxed(upper(screen, 96, 30), 2, 2),
        Layer::Sessions(_) => boxed(upper(screen, 96, 24), 1, 2),
        Layer::Work(layer) => work_place(layer, screen),
        Layer::Dialog(dialog) => match dialog {
            Dialog::HostKeys { .. } => {
                let keys = host_keys::asked(fleet).count();
                let height = u16::try_from(keys * 3)
                    .unwrap_or(u16::MAX)
                    .saturating_add(8);
                boxed(middle(screen, 84, height), 3, 3)
            }
            Dialog::Prompts { question, .. } => {
                let fields = fleet
                    .questions
                    .iter()
                    .find(|asked| asked.id == *question)
                    .map_or(1, |asked| match &asked.question {
                        Question::Prompts { prompts, .. } => prompts.len(),
                        _ => 1,
                    });
                boxed(middle(screen, 66, (fields * 2 + 7) as u16), 3, 2)
            }
            Dialog::Confirm { plan, full, .. } => {
                let height = confirm::height(plan, *full);
                boxed(middle(screen, 76, height), 0, confirm::FOOT)
            }
            Dialog::Signal { .. } => boxed(middle(screen, 62, 11), 3, 2),
            Dialog::Arm { .. } => arm::place(screen),
            // As high whatever it shows: it does not jump while steps come and go.
            Dialog::Power { .. } => boxed(middle(screen, 96, 24), 0, 2),
            Dialog::Container { acts, .. } => {
                boxed(middle(screen, 66, acts.len() as u16 + 7), 3, 2)
            }
            Dialog::Prune { .. } => {
                let height = u16::try_from(prune::length(dialog)).unwrap_or(u16::MAX);
                boxed(middle(screen, 76, height.saturating_add(7)), 3, 2)
            }
        },
    }
}

/// As high whatever it shows where that changes under the person's eyes.
fn work_place(layer: &WorkLayer, screen: Rect) -> (Rect, Rect) {
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    match layer {
        WorkLayer::Swap(_) => boxed(middle(screen, 100, 30), 2, 4),
        WorkLayer::Choose(choose) => {
            let height = rows(choose.rows.len()).saturating_add(6);
            boxed(middle(screen, 72, height), 2, 2)
        }
        WorkLayer::Form(form) => {
            let height = rows(form.fields.len()).saturating_add(8);
            boxed(middle(screen, 84, height), 2, 4)
        }
        WorkLayer::Service { .. } => boxed(middle(screen, 96, 30), work::CARD_HEAD, 2),
    }
}

/// The first thing that a layer's rows show, and how many rows each thing takes.
pub(in crate::tui) fn things(layer: &Layer, rows: Rect, fleet: &Fleet) -> (usize, u16) {
    match layer {
        Layer::Palette { selected, .. } => (palette::first(*selected, rows), 1),
        Layer::Sources(picker) => (palette::first(picker.selected, rows), 1),
        Layer::Sessions(list) => (palette::first(list.selected, rows), 1),
        Layer::Help { scroll, .. } | Layer::Text { scroll, .. } => (*scroll, 1),
        Layer::Dialog(Dialog::HostKeys { selected, .. }) => {
            (host_keys::first(fleet, *selected, rows), host_keys::ROWS)
        }
        Layer::CommandLine { .. } | Layer::Dialog(_) | Layer::Work(_) => (0, 1),
    }
}

/// A box of at most this size in the middle of a screen.
pub(super) fn middle(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width
        .min(screen.width.saturating_sub(4))
        .max(screen.width.min(20));
    let height = height
        .min(screen.height.saturating_sub(2))
        .max(screen.height.min(3));
    Rect::new(
        screen.x + (screen.width - width) / 2,
        screen.y + (screen.height - height) / 2,
        width,
        height,
    )
}

/// A box of at most this size near the top of a screen.
fn upper(screen: Rect, width: u16, height: u16) -> Rect {
    let area = middle(screen, width, height);
    Rect {
        y: screen.y + ((screen.height - area.height) / 4),
        ..area
    }
}

/// A box and its rows, without so many lines at its top and bottom.
pub(super) fn boxed(area: Rect, head: u16, foot: u16) -> (Rect, Rect) {
    let inner = Borders::of(area).inner;
    let head = head.min(inner.height);
    let rows = Rect {
        x: inner.x + inner.width.min(1),
        y: inner.y + head,
        width: inner.width.saturating_sub(2),
        height: (inner.height - head).saturating_sub(foot),
    };
    (area, rows)
}

/// Draws the top layer; tells where its caret is.
pub(in crate::tui) fn layers(canvas: &mut Canvas<'_>, scene: Scene<'_>) -> Option<Position> {
    let top = scene.ui.layers.last()?;
    let area = scene.layout.layer;
    let rows = scene.layout.layer_rows;
    match top {
        Layer::Help { search, scroll } => {
            help::help(canvas, (area, rows), scene, (search, *scroll))
        }
        Layer::Palette { search, selected } => {
            let at = palette::palette(canvas, (area, rows), scene, (search, *selected));
            Some(at)
        }
        Layer::Sources(picker) => {
            let at = sources::sources(canvas, (area, rows), scene, picker);
            Some(at)
        }
        Layer::Sessions(list) => {
            let at = sessions::sessions(canvas, (area, rows), scene, list);
            Some(at)
        }
        Layer::Work(layer) => work::work(canvas, (area, rows), scene, layer),
        Layer::CommandLine {
            line, completion, ..
        } => {
            command_line::completions(canvas, area, scene, (line, *completion));
            None
        }
        Layer::Text { .. } => {
            reader::reader(canvas, (area, rows), top);
            None
        }
        Layer::Dialog(dialog) => draw_dialog(canvas, (area, rows), scene, dialog),
    }
}

fn draw_dialog(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) -> Option<Position> {
    match dialog {
        Dialog::HostKeys { .. } => {
            host_keys::host_keys(canvas, (area, rows), scene, dialog);
            None
        }
        Dialog::Prompts { .. } => prompts::prompts(canvas, (area, rows), scene, dialog),
        Dialog::Confirm { .. } => confirm::confirm(canvas, (area, rows), scene, dialog),
        Dialog::Container { .. } => {
            container::container(canvas, (area, rows), dialog);
            None
        }
        Dialog::Prune { .. } => {
            prune::prune(canvas, (area, rows), dialog);
            None
        }
        Dialog::Signal { .. } => {
            signal::signal(canvas, (area, rows), scene, dialog);
            None
        }
        Dialog::Arm { .. } => {
            arm::arm(canvas, (area, rows), scene, dialog);
            None
        }
        Dialog::Power { .. } => {
            power::power(canvas, (area, rows), scene, dialog);
            None
        }
    }
}

/// Empties a box, frames it and writes its title.
pub(super) fn surface(canvas: &mut Canvas<'_>, area: Rect, title: &str, border: Role) -> Borders {
    clear(canvas, area);
    let borders = frame(canvas, area, border);
    canvas
        .pen(borders.top)
        .put(" ", Role::Dim)
        .put(title, Role::Title)
        .put(" ", Role::Dim);
    borders
}

/// Draws the two buttons, No first; what Enter presses is focused, and says so with brackets too.
pub(super) fn buttons(
    canvas: &mut Canvas<'_>,
    line: Rect,
    (no, yes): (&str, &str),
    focused: Option<Button>,
) {
    let mut pen = canvas.pen(line);
    for (button, words) in [(Button::No, no), (Button::Yes, yes)] {
        if focused == Some(button) {
            pen.put(&format!("[ {words} ]"), Role::ButtonFocus);
        } else {
            pen.put(&format!("  {words}  "), Role::Button);
        }
        pen.skip(2);
    }
}

/// The row of a box that many rows above its lower border.
pub(super) fn from_foot(area: Rect, up: u16) -> Rect {
    let inner = Borders::of(area).inner;
    if up >= inner.height {
        return Rect::default();
    }
    Rect {
        x: inner.x + inner.width.min(1),
        y: inner.bottom() - 1 - up,
        width: inner.width.saturating_sub(2),
        height: 1,
    }
}

/// The row of a box that many rows below its upper border.
pub(super) fn from_head(area: Rect, down: u16) -> Rect {
    let inner = Borders::of(area).inner;
    if down >= inner.height {
        return Rect::default();
    }
    Rect {
        x: inner.x + inner.width.min(1),
        y: inner.y + down,
        width: inner.width.saturating_sub(2),
        height: 1,
    }
}
