//! One container: its facts in a line, then what it takes over time, its environment, what it is made of, its processes.

use ratatui::layout::Rect;

use super::{Scene, containers};
use crate::engine::Series;
use crate::tui::action::Action;
use crate::tui::container_lines::{self, Line};
use crate::tui::container_rows;
use crate::tui::theme::Role;
use crate::tui::ui_tables::{ContainerTab, EnvShown, OpenContainer};
use crate::tui::widgets::{Axis, Canvas, Graph, Pen, Window, more_rows, row_of, rule, ruler};

/// Rates go from one byte to ten gigabytes a second: a scale of powers, which never has to be changed.
const RATE: Axis = Axis {
    foot: 0.0,
    head: 10.0,
};

/// Labels of facts are cut to this.
const LABEL: u16 = 14;

/// Writes ` name › Stats │ Env …` into a title.
pub(super) fn title(pen: &mut Pen<'_>, open: &OpenContainer) {
    pen.put(open.name.as_str(), Role::Title);
    let mut mark = " › ";
    for tab in ContainerTab::ALL {
        let role = if tab == open.tab {
            Role::Accent
        } else {
            Role::Dim
        };
        pen.put(mark, Role::Border).put(tab.title(), role);
        mark = " │ ";
    }
    pen.put(" ", Role::Dim);
}

/// Draws the container inside of a box; `foot` is its lower border.
pub(super) fn container(
    canvas: &mut Canvas<'_>,
    (head, body, foot): (Rect, Rect, Rect),
    scene: Scene<'_>,
    open: &OpenContainer,
) {
    facts(&mut canvas.pen(head), scene, open);
    if open.tab == ContainerTab::Stats {
        stats(canvas, body, scene, open);
        return;
    }
    let lines = container_lines::lines(open);
    for (row, line) in (0..body.height).zip(lines.iter().skip(open.scroll)) {
        draw(
            &mut canvas.row(body, row),
            line,
            open.tab,
            row == 0 && open.scroll == 0,
        );
    }
    let mut pen = canvas.pen(foot);
    let below = lines
        .len()
        .saturating_sub(open.scroll + usize::from(body.height));
    if below > 0 {
        pen.at_end(&[(&more_rows(below), Role::Dim)]);
    }
    let key = scene.keymap.label(Action::Reveal);
    let words = match (open.tab, open.env) {
        (ContainerTab::Env, EnvShown::Names) => "shows values",
        (ContainerTab::Env, EnvShown::Plain) => "shows secrets too",
        (ContainerTab::Env, EnvShown::All) => "hides values",
        _ => return,
    };
    pen.put(" ", Role::Dim)
        .put(&key, Role::Key)
        .skip(0)
        .put(&format!(" {words} "), Role::Dim);
}

/// `● healthy 3h 5m · vllm/vllm-openai:v0.11 · 8000`.
fn facts(pen: &mut Pen<'_>, scene: Scene<'_>, open: &OpenContainer) {
    let Some(container) = container_rows::find(scene.fleet, &open.of) else {
        return;
    };
    let (glyph, role) = containers::glyph(container);
    pen.skip(1)
        .put(glyph, role)
        .skip(1)
        .put(&container_rows::state_words(container), role)
        .skip(1)
        .put(
            &container_rows::since_words(container, scene.fleet.wall),
            Role::Text,
        );
    let ports = container_rows::ports(&container.ports);
    for words in [container.image.as_str(), ports.as_str()] {
        if !words.is_empty() {
            pen.put(" · ", Role::Faint).put(words, Role::Dim);
        }
    }
}

fn draw(pen: &mut Pen<'_>, line: &Line, tab: ContainerTab, first: bool) {
    pen.skip(1);
    if line.label.is_empty() {
        let head = tab == ContainerTab::Top && first;
        pen.put(&line.text, if head { Role::Dim } else { Role::Text });
        return;
    }
    if tab == ContainerTab::Env {
        pen.put(&line.label, Role::Title).put("=", Role::Faint);
    } else {
        pen.left(&line.label, LABEL, Role::Dim).skip(1);
    }
    let role = if line.masked { Role::Faint } else { Role::Text };
    pen.put(&line.text, role);
}

/// A graph with its title and its place in the past.
struct Plot<'a> {
    name: &'static str,
    value: String,
    series: Vec<(&'a Series, Role)>,
    axis: Axis,
}

fn stats(canvas: &mut Canvas<'_>, body: Rect, scene: Scene<'_>, open: &OpenContainer) {
    let read = container_rows::stats(scene.fleet, &open.of);
    let mut values = read.map_or_else(Vec::new, |read| {
        container_lines::measures(scene.fleet, &open.of, &read.value)
    });
    if values.is_empty() {
        let ended = container_rows::find(scene.fleet, &open.of)
            .is_some_and(|container| container_rows::has_ended(container.state));
        let words = if ended {
            "it does not run, so it takes nothing"
        } else {
            "measuring …"
        };
        canvas.row(body, 0).skip(1).put(words, Role::Dim);
        return;
    }
    let past = &open.past;
    let pids = values.pop().map(|(_, words)| words).unwrap_or_default();
    let both = |[one, two]: &'_ [Series; 2]| [one.clone(), two.clone()];
    let [received, sent] = both(&past.network);
    let [loaded, written] = both(&past.disk);
    let logs = [received, sent, loaded, written].map(|series| powers(&series));
    let [received, sent, loaded, written] = &logs;
    let series = [
        (vec![(&past.cpu, Role::GraphUse)], Axis::PERCENT),
        (vec![(&past.memory, Role::GraphMemory)], Axis::PERCENT),
        (
            vec![(received, Role::GraphHeat), (sent, Role::GraphPower)],
            RATE,
        ),
        (
            vec![(loaded, Role::GraphHeat), (written, Role::GraphPower)],
            RATE,
        ),
    ];
    let plots: Vec<Plot<'_>> = values
        .into_iter()
        .zip(series)
        .map(|((name, value), (series, axis))| Plot {
            name,
            value,
            series,
            axis,
        })
        .collect();
    let window = Window {
        now: scene.fleet.at,
        span: scene.ui.span.age(),
        period: std::time::Duration::from_secs(2),
    };
    let last = plots_in(canvas, body, window, &plots);
    canvas
        .row(body, last)
        .skip(1)
        .put(&format!("{pids} processes and threads"), Role::Dim);
}

/// Draws the graphs one below the other, each as high as there is room for; gives the row below them.
fn plots_in(canvas: &mut Canvas<'_>, body: Rect, window: Window, plots: &[Plot<'_>]) -> u16 {
    let all: u16 = plots.iter().map(|plot| plot.series.len() as u16).sum();
    // A rule for each graph, the axis of time, the line below.
    let room = body.height.saturating_sub(plots.len() as u16 + 2);
    let each = (room / all.max(1)).clamp(1, 6);
    let mut row = 0;
    for plot in plots {
        let line = row_of(body, row);
        rule(
            canvas,
            line,
            &format!(" {}", plot.name),
            &[(&plot.value, Role::Text), (" ", Role::Dim)],
        );
        row += 1;
        for (series, role) in &plot.series {
            for part in 0..each {
                let mut pen = canvas.row(body, row);
                pen.skip(1);
                let cells = pen.room().saturating_sub(1);
                let graph = Graph::read(Some(series), window, cells);
                graph.draw(&mut pen, plot.axis, *role, (part, each));
                row += 1;
            }
        }
    }
    let line = row_of(body, row);
    if line.width > 2 {
        ruler(
            canvas,
            Rect {
                x: line.x + 1,
                width: line.width - 2,
                ..line
            },
            window,
        );
    }
    row + 1
}

/// Rates as powers of ten.
fn powers(series: &Series) -> Series {
    let mut points: Vec<_> = series.newest_first().collect();
    points.reverse();
    let mut powers = Series::default();
    for mut point in points {
        point.value = (point.value + 1.0).log10();
        powers.push(point);
    }
    powers
}
