//! The box of the selected host: its tabs in the border, the open tab inside, what was asked and how old it is below.

use std::ops::Range;

use ratatui::layout::Rect;

use super::{Scene, container, containers, ledger, link, meters, processes, services, sources};
use crate::engine::{Fleet, Host};
use crate::text::{cut, width};
use crate::tui::layout::selected;
use crate::tui::theme::Role;
use crate::tui::ui::{Focus, Tab, Ui};
use crate::tui::widgets::{Borders, Canvas, frame, glyph, more_rows, role_of, state_words};

/// Names are cut to this in the border where the tabs would not fit otherwise.
const LONGEST_NAME: usize = 24;
const SHORTEST_NAME: usize = 12;

/// How many cells the name has in a border of this width.
fn name_cells(room: u16, host: &Host) -> usize {
    let all = tab_cells(&(0..Tab::ALL.len()));
    let left = usize::from(room).saturating_sub(all + 5);
    width(host.id.as_str()).min(left.clamp(SHORTEST_NAME, LONGEST_NAME))
}

/// Cells that these tabs take, with `‹ ` and ` ›` where others are left out.
fn tab_cells(shown: &Range<usize>) -> usize {
    let titles: usize = Tab::ALL
        .get(shown.clone())
        .unwrap_or_default()
        .iter()
        .map(|tab| width(tab.title()) + 3)
        .sum();
    let left_out = usize::from(shown.start > 0) + usize::from(shown.end < Tab::ALL.len());
    titles.saturating_sub(3) + 2 * left_out
}

/// The tabs that fit beside a name into a border of this width; the open one is always among them.
fn shown_tabs(room: u16, host: &Host, open: Tab) -> Range<usize> {
    let room = usize::from(room).saturating_sub(name_cells(room, host) + 5);
    let at = Tab::ALL.iter().position(|tab| *tab == open).unwrap_or(0);
    let mut shown = 0..Tab::ALL.len();
    while shown.len() > 1 && tab_cells(&shown) > room {
        if at - shown.start > shown.end - 1 - at {
            shown.start += 1;
        } else {
            shown.end -= 1;
        }
    }
    shown
}

/// Where the tabs stand in the upper border; those that do not fit stand nowhere.
pub(in crate::tui) fn tabs(top: Rect, host: &Host, open: Tab) -> [Rect; Tab::ALL.len()] {
    let shown = shown_tabs(top.width, host, open);
    // ` name › `, and `‹ ` where tabs are left out before the first.
    let mut column = top.x + 4 + name_cells(top.width, host) as u16;
    column += 2 * u16::from(shown.start > 0);
    let mut place = 0;
    Tab::ALL.map(|tab| {
        let stands = shown.contains(&place);
        place += 1;
        if !stands {
            return Rect::default();
        }
        let cells = width(tab.title()) as u16;
        let area = Rect::new(column, top.y, cells, 1).intersection(top);
        column += cells + 3;
        area
    })
}

/// Draws the box.
pub(in crate::tui) fn detail(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let focused = scene.ui.focus == Focus::Detail && scene.ui.body_has_keys();
    let role = if focused {
        Role::BorderFocus
    } else {
        Role::Border
    };
    let borders = frame(canvas, area, role);
    let Some(host) = selected(scene.fleet, scene.ui) else {
        canvas
            .pen(borders.inner)
            .skip(1)
            .put("no host is selected", Role::Dim);
        return;
    };
    title(canvas, borders.top, scene, host);
    if scene.ui.tab == Tab::Containers {
        containers::pane(canvas, borders.bottom, scene);
        return;
    }
    if scene.ui.tab == Tab::Services {
        services::pane(canvas, borders.bottom, scene);
        return;
    }
    match scene.ui.tab {
        Tab::Logs => sources::count(&mut canvas.pen(borders.bottom), scene, host),
        Tab::Actions => {}
        _ => foot(canvas, borders.bottom, scene, host),
    }
    let scroll = scene.ui.detail_scroll;
    content(canvas, borders.inner, scene, host, (scene.ui.tab, scroll));
}

/// Draws the boxes of the third pane: what the open tab leaves out.
pub(in crate::tui) fn third(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let Some(host) = selected(scene.fleet, scene.ui) else {
        return;
    };
    for (tab, area) in scene.layout.third {
        if area.height == 0 {
            continue;
        }
        let borders = frame(canvas, area, Role::Border);
        let mut pen = canvas.pen(borders.top);
        pen.put(" ", Role::Dim)
            .put(tab.title(), Role::Title)
            .put(" ", Role::Dim);
        if tab == Tab::Processes {
            processes::count(&mut pen, host, &scene.ui.processes, "");
        }
        content(canvas, borders.inner, scene, host, (tab, 0));
    }
}

/// How many rows the open tab has in all, where it is one that scrolls by rows. `aside` says that a third pane is open.
pub(in crate::tui) fn length(
    fleet: &Fleet,
    ui: &Ui,
    host: &Host,
    (area, aside): (Rect, bool),
) -> usize {
    match ui.tab {
        Tab::Meters => meters::plan(host, area, aside).len(),
        Tab::Processes | Tab::Containers | Tab::Services | Tab::Logs | Tab::Actions => 0,
        Tab::Link => link::length(fleet, host, area.width),
    }
}

fn content(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
    host: &Host,
    (tab, scroll): (Tab, usize),
) {
    match tab {
        Tab::Meters => meters::meters(canvas, area, scene, host, scroll),
        Tab::Processes => processes::table(canvas, area, scene, host),
        Tab::Containers | Tab::Services => {}
        Tab::Logs => sources::table(canvas, scene, host),
        Tab::Actions => ledger::table(canvas, scene),
        Tab::Link => link::link(canvas, area, scene, host, scroll),
    }
}

fn title(canvas: &mut Canvas<'_>, top: Rect, scene: Scene<'_>, host: &Host) {
    if let (Some(open), Tab::Containers) = (&scene.ui.containers.open, scene.ui.tab) {
        let name = cut(host.id.as_str(), SHORTEST_NAME);
        let mut pen = canvas.pen(top);
        pen.put(" ", Role::Dim)
            .put(&name, Role::Dim)
            .put(" › ", Role::Border);
        container::title(&mut pen, open);
        return;
    }
    let words = state_words(host, scene.fleet.at);
    let role = role_of(host.word);
    let state = [
        (" ", Role::Dim),
        (glyph(host.word), role),
        (" ", role),
        (words.as_str(), role),
        (" ", Role::Dim),
    ];
    let name = cut(host.id.as_str(), name_cells(top.width, host));
    let shown = shown_tabs(top.width, host, scene.ui.tab);
    let tabs = width(&name) + tab_cells(&shown) + 5;
    let mut pen = canvas.pen(top);
    // Where both don't fit, the strip still tells the state.
    if tabs + width(&words) + 6 <= usize::from(top.width) {
        pen.at_end(&state);
    } else if tabs + width(host.word.word()) + 6 <= usize::from(top.width) {
        let mut short = state;
        short[3].0 = host.word.word();
        pen.at_end(&short);
    }
    pen.put(" ", Role::Dim).put(&name, Role::Title);
    let mut mark = if shown.start > 0 {
        " › ‹ "
    } else {
        " › "
    };
    for tab in Tab::ALL.get(shown.clone()).unwrap_or_default() {
        let role = if *tab == scene.ui.tab {
            Role::Accent
        } else {
            Role::Dim
        };
        pen.put(mark, Role::Border).put(tab.title(), role);
        mark = " │ ";
    }
    if shown.end < Tab::ALL.len() {
        pen.put(" ›", Role::Border);
    }
    pen.put(" ", Role::Dim);
    if scene.ui.tab == Tab::Processes && pen.room() > 16 {
        pen.put("── ", Role::Border);
        processes::count(&mut pen, host, &scene.ui.processes, " in all");
    }
}

/// Driver, CUDA version and who was asked, at the left; how much more there is to scroll at the right.
fn foot(canvas: &mut Canvas<'_>, bottom: Rect, scene: Scene<'_>, host: &Host) {
    let mut pen = canvas.pen(bottom);
    let rows = usize::from(Borders::of(scene.layout.detail).inner.height);
    let below = scene
        .layout
        .detail_length
        .saturating_sub(scene.ui.detail_scroll + rows);
    if below > 0 {
        pen.at_end(&[(&more_rows(below), Role::Dim)]);
    }
    let Some(read) = &host.gpus else { return };
    let report = &read.value;
    let parts = [
        report.driver.value().map(|v| format!("driver {v}")),
        report.cuda.value().map(|v| format!("cuda {v}")),
        (!report.gpus.is_empty()).then(|| format!("by {}", report.source)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        pen.put(&format!(" {} ", parts.join(" · ")), Role::Dim);
    }
}
