//! Draws the whole screen from facts and looks. It reads and changes nothing; one call is one frame.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::action::Place;
use super::dialogs;
use super::keymap::Keymap;
use super::layout::{Layout, Shape, layout};
use super::panes::{self, Scene};
use super::theme::{Role, Theme};
use super::ui::{Focus, Ui};
use super::widgets::Canvas;
use crate::engine::Fleet;

/// Draws one frame. `fleet` is what is to be shown ([`Ui::shown`]); the terminal's cursor is put on the caret, or on the row
/// that has the keys.
pub fn view(frame: &mut Frame<'_>, fleet: &Fleet, ui: &Ui, keymap: &Keymap, theme: &Theme) {
    let area = frame.area();
    let layout = layout((area.width, area.height), ui, fleet);
    let mut canvas = Canvas {
        buffer: frame.buffer_mut(),
        theme,
    };
    canvas.paint(area, Role::Text);
    let scene = Scene {
        fleet,
        ui,
        keymap,
        layout: &layout,
    };
    let caret = body(&mut canvas, scene);
    let over = ui
        .layers
        .last()
        .and_then(|_| dialogs::layers(&mut canvas, scene));
    if let Some(at) = over.or(caret).or_else(|| row_cursor(scene)) {
        frame.set_cursor_position(at);
    }
}

fn body(canvas: &mut Canvas<'_>, scene: Scene<'_>) -> Option<Position> {
    let layout = scene.layout;
    panes::identity(canvas, layout.identity, scene);
    if layout.shape == Shape::Summary {
        if layout.talk.all.height > 0 {
            return panes::breakglass(canvas, scene);
        }
        if layout.lens.all.height > 0 {
            panes::logs(canvas, scene);
        } else {
            panes::summary(canvas, layout.list_rows, scene);
        }
        return (layout.hints.height > 0)
            .then(|| panes::hints(canvas, layout.hints, scene))
            .flatten();
    }
    panes::strip(canvas, layout.strip, scene);
    let caret = (layout.talk.all.height > 0)
        .then(|| panes::breakglass(canvas, scene))
        .flatten();
    if layout.talk.all.width == layout.strip.width {
    } else if scene.fleet.hosts.is_empty() {
        let top = layout.strip.bottom();
        let height = layout.event.y.saturating_sub(top);
        let width = layout.strip.width - layout.talk.all.width;
        panes::no_hosts(canvas, Rect::new(0, top, width, height));
    } else {
        boxes(canvas, scene, layout);
    }
    panes::event(canvas, layout.event, scene);
    panes::hints(canvas, layout.hints, scene).or(caret)
}

fn boxes(canvas: &mut Canvas<'_>, scene: Scene<'_>, layout: &Layout) {
    if layout.screen.height > 0 || layout.model.height > 0 {
        panes::screen(canvas, layout.screen, scene);
        return;
    }
    if layout.list.height > 0 {
        panes::host_list(canvas, layout.list, scene);
    }
    if layout.activity.height > 0 {
        panes::activity(canvas, layout.activity, scene);
    }
    if layout.alerts.height > 0 {
        panes::alerts(canvas, layout.alerts, scene);
    }
    if layout.detail.height > 0 {
        panes::detail(canvas, layout.detail, scene);
    }
    panes::third(canvas, scene);
}

/// The cell of the row that has the keys: a screen reader and a magnifier follow it.
fn row_cursor(scene: Scene<'_>) -> Option<Position> {
    let Scene {
        ui, fleet, layout, ..
    } = scene;
    match ui.place() {
        Place::Ledger => return panes::ledger_cursor(scene),
        Place::Models => return panes::model_cursor(scene),
        Place::Services => return panes::service_cursor(scene),
        Place::Containers => return panes::container_cursor(scene),
        Place::Sources => return panes::source_cursor(scene),
        Place::Logs => return panes::lens_cursor(scene),
        Place::Model | Place::Talk | Place::Card | Place::Composer => return None,
        _ => {}
    }
    let (area, row) = match ui.focus {
        Focus::List => {
            let place = super::rows::hosts(fleet, ui)
                .iter()
                .position(|host| Some(&host.id) == ui.selected.as_ref())?;
            (layout.list_rows, place.checked_sub(ui.list_scroll)?)
        }
        Focus::Detail => {
            let host = super::layout::selected(fleet, ui)?;
            let place = super::rows::processes(host, &ui.processes)
                .iter()
                .position(|process| Some(process.pid) == ui.processes.selected)?;
            (layout.process_rows, place.checked_sub(ui.processes.scroll)?)
        }
    };
    let row = u16::try_from(row).ok().filter(|row| *row < area.height)?;
    Some(Position::new(area.x, area.y + row))
}
