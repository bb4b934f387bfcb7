//! Where everything stands (pure): from size, looks and fleet to rectangles. The view draws into them, the mouse is looked
//! up in them, and scrolls are clamped by them. A rectangle of no size is not shown.

use ratatui::layout::{Position, Rect};

use super::container_notes::notes;
use super::dialogs;
use super::panes::{self, LensPlace, TalkPlace};
use super::rows;
use super::ui::{Focus, Screen, Tab, Ui};
use super::ui_breakglass::Shown;
use super::ui_models::ModelTab;
use super::ui_update::Spot;
use super::widgets::Borders;
use crate::engine::{Fleet, Host};

/// How much is shown at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// Too small for panes: one column of hosts and words.
    #[default]
    Summary,
    /// The list or the detail; below a short list the detail's head.
    One,
    /// The list, and the detail beside it.
    Two,
    /// The list, the detail, and beside it what its open tab leaves out.
    Three,
}

/// Where everything stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// How much is shown at once.
    pub shape: Shape,
    /// The line of identity.
    pub identity: Rect,
    /// The strip of hosts.
    pub strip: Rect,
    /// The box of the host list.
    pub list: Rect,
    /// Its column heads.
    pub list_head: Rect,
    /// Its rows of hosts.
    pub list_rows: Rect,
    /// The box of every host's recent past, under the list.
    pub activity: Rect,
    /// The box of alerts under the list.
    pub alerts: Rect,
    /// The box of the detail.
    pub detail: Rect,
    /// The tabs in its border, in the order of [`Tab::ALL`].
    pub tabs: [Rect; Tab::ALL.len()],
    /// Its rows; those of the meters and of the Link tab scroll by `Ui::detail_scroll`.
    pub detail_rows: Rect,
    /// How many rows the meters or the Link tab have in all.
    pub detail_length: usize,
    /// The third pane's boxes, from the top, with the tab that each stands for.
    pub third: [(Tab, Rect); 2],
    /// The heads of the process table, in the detail or the third pane.
    pub process_head: Rect,
    /// The rows of the process table.
    pub process_rows: Rect,
    /// The box of a screen other than the hosts'.
    pub screen: Rect,
    /// The box of one model, beside the models or in their place.
    pub model: Rect,
    /// The tabs in its border, in the order of [`ModelTab::ALL`].
    pub model_tabs: [Rect; ModelTab::ALL.len()],
    /// Who reserved a place, above the models.
    pub banner: Rect,
    /// The heads of the table of models, containers, services, log sources or acts, wherever it stands.
    pub table_head: Rect,
    /// Its rows.
    pub table_rows: Rect,
    /// What has to be said below it.
    pub table_notes: Rect,
    /// The parts of the log lens.
    pub lens: LensPlace,
    /// The parts of the breakglass pane.
    pub talk: TalkPlace,
    /// The line of events and the place.
    pub event: Rect,
    /// The line of hints, or of what is typed.
    pub hints: Rect,
    /// The top layer.
    pub layer: Rect,
    /// The rows in it that scroll or can be chosen.
    pub layer_rows: Rect,
    /// The first thing in those rows, and how many rows each takes.
    pub layer_things: (usize, u16),
}

/// Below this there is no room for panes.
const SMALLEST: (u16, u16) = (60, 15);

/// From these widths on there are two, then three panes.
const TWO: u16 = 100;
const THREE: u16 = 170;

/// From this height on a third pane is worth its room.
const THREE_ROWS: u16 = 30;

/// Where everything stands in a terminal of this size.
pub fn layout(size: (u16, u16), ui: &Ui, fleet: &Fleet) -> Layout {
    let (width, height) = size;
    let mut layout = Layout::default();
    if width == 0 || height == 0 {
        return layout;
    }
    let line = |y: u16| Rect::new(0, y, width, 1);
    layout.identity = line(0);
    if width < SMALLEST.0 || height < SMALLEST.1 {
        if height > 1 {
            layout.list_rows = Rect::new(0, 1, width, height - 1);
        }
        if height > 2 && typing(ui) {
            layout.list_rows.height -= 1;
            layout.hints = line(height - 1);
        }
        if ui.breakglass.shown != Shown::Hidden {
            let all = std::mem::take(&mut layout.list_rows);
            layout.talk = panes::talk_place(all, ui, fleet);
        } else if ui.screen == Screen::Logs {
            layout.screen = std::mem::take(&mut layout.list_rows);
            layout.lens = panes::lens_place(layout.screen);
        }
        layer(&mut layout, size, ui, fleet);
        return layout;
    }
    layout.strip = line(1);
    layout.event = line(height - 2);
    layout.hints = line(height - 1);
    let mut body = Rect::new(0, 2, width, height - 4);
    if ui.breakglass.shown != Shown::Hidden {
        body = beside(&mut layout, body, ui, fleet);
        if body.width == 0 {
            layout.shape = Shape::One;
            layer(&mut layout, size, ui, fleet);
            return layout;
        }
    }
    if ui.screen != Screen::Hosts {
        layout.shape = Shape::One;
        layout.screen = body;
        match ui.screen {
            Screen::Models => models(&mut layout, body, ui, fleet),
            Screen::Logs => layout.lens = panes::lens_place(body),
            _ => table_inside(&mut layout, Borders::of(body).inner, ui, fleet),
        }
        layer(&mut layout, size, ui, fleet);
        return layout;
    }
    match body.width {
        THREE.. if height >= THREE_ROWS => three(&mut layout, body, ui, fleet),
        TWO.. => two(&mut layout, body, ui, fleet),
        _ => one(&mut layout, body, ui, fleet),
    }
    list_inside(&mut layout);
    detail_inside(&mut layout, ui, fleet);
    layer(&mut layout, size, ui, fleet);
    layout
}

/// Gives the breakglass pane its part of the body; what is left is for the others.
fn beside(layout: &mut Layout, body: Rect, ui: &Ui, fleet: &Fleet) -> Rect {
    let columns = panes::talk_columns(body.width, ui.breakglass.full);
    let left = columns.map_or(0, |columns| body.width.saturating_sub(columns));
    let [rest, pane] = split_columns(body, left);
    layout.talk = panes::talk_place(pane, ui, fleet);
    rest
}

/// Whether the last line is being typed into.
fn typing(ui: &Ui) -> bool {
    ui.types_filter()
        || match ui.layers.last() {
            Some(super::Layer::CommandLine { .. }) => true,
            Some(super::Layer::Text { search, .. }) => search.active,
            _ => false,
        }
}

/// Rows that the list's box takes for its hosts.
fn list_height(ui: &Ui, fleet: &Fleet) -> u16 {
    u16::try_from(rows::hosts(fleet, ui).len().max(1))
        .unwrap_or(u16::MAX)
        .saturating_add(3)
}

fn one(layout: &mut Layout, body: Rect, ui: &Ui, fleet: &Fleet) {
    layout.shape = Shape::One;
    if ui.focus == Focus::Detail {
        layout.detail = body;
        return;
    }
    let wanted = list_height(ui, fleet);
    // The head of the detail says something from ten rows on.
    if ui.zoom || wanted + 10 > body.height {
        layout.list = body;
    } else {
        [layout.list, layout.detail] = split_rows(body, wanted);
    }
}

fn two(layout: &mut Layout, body: Rect, ui: &Ui, fleet: &Fleet) {
    layout.shape = Shape::Two;
    if zoomed(layout, body, ui) {
        return;
    }
    let [left, right] = split_columns(body, (body.width / 3).clamp(34, 42));
    layout.detail = right;
    left_column(layout, left, ui, fleet);
}

fn three(layout: &mut Layout, body: Rect, ui: &Ui, fleet: &Fleet) {
    layout.shape = Shape::Three;
    if zoomed(layout, body, ui) {
        return;
    }
    let [left, rest] = split_columns(body, 44);
    left_column(layout, left, ui, fleet);
    let [first, second] = match ui.tab {
        Tab::Meters => [Tab::Processes, Tab::Link],
        Tab::Processes => [Tab::Meters, Tab::Link],
        Tab::Link => [Tab::Meters, Tab::Processes],
        // Wide tables: they say more in one piece.
        Tab::Containers | Tab::Services | Tab::Logs | Tab::Actions => {
            layout.detail = rest;
            return;
        }
    };
    let [middle, right] = split_columns(rest, rest.width * 3 / 5);
    layout.detail = middle;
    let [upper, lower] = split_rows(right, right.height / 2);
    layout.third = [(first, upper), (second, lower)];
}

fn zoomed(layout: &mut Layout, body: Rect, ui: &Ui) -> bool {
    if ui.zoom {
        match ui.focus {
            Focus::List => layout.list = body,
            Focus::Detail => layout.detail = body,
        }
    }
    ui.zoom
}

/// The list above, as high as it needs to be; below it, where there is room, the past of every host and the alerts.
fn left_column(layout: &mut Layout, left: Rect, ui: &Ui, fleet: &Fleet) {
    const ALERTS: u16 = 8;
    let wanted = list_height(ui, fleet).max(7);
    let past = wanted.saturating_sub(1);
    if wanted + past + ALERTS <= left.height {
        let rest;
        [layout.list, rest] = split_rows(left, wanted);
        // Two rows a host make a graph that says more, where there is room for it.
        let hosts = past - 2;
        let tall = past + hosts;
        let past = if tall + ALERTS <= rest.height {
            tall
        } else {
            past
        };
        [layout.activity, layout.alerts] = split_rows(rest, past);
    } else if wanted + ALERTS <= left.height {
        [layout.list, layout.alerts] = split_rows(left, wanted);
    } else {
        layout.list = left;
    }
}

fn list_inside(layout: &mut Layout) {
    let inner = Borders::of(layout.list).inner;
    if inner.height > 2 {
        [layout.list_head, layout.list_rows] = split_rows(inner, 1);
    } else {
        layout.list_rows = inner;
    }
}

fn detail_inside(layout: &mut Layout, ui: &Ui, fleet: &Fleet) {
    let borders = Borders::of(layout.detail);
    layout.detail_rows = borders.inner;
    let Some(host) = selected(fleet, ui) else {
        return;
    };
    layout.tabs = panes::tabs(borders.top, host, ui.tab);
    if matches!(
        ui.tab,
        Tab::Containers | Tab::Services | Tab::Logs | Tab::Actions
    ) {
        let inner = borders.inner;
        table_inside(layout, inner, ui, fleet);
    }
    let table = if ui.tab == Tab::Processes {
        borders.inner
    } else {
        layout
            .third
            .iter()
            .find(|(tab, _)| *tab == Tab::Processes)
            .map_or(Rect::default(), |(_, area)| Borders::of(*area).inner)
    };
    if table.height > 0 {
        [layout.process_head, layout.process_rows] = split_rows(table, 1);
    }
    layout.detail_length = panes::length(
        fleet,
        ui,
        host,
        (layout.detail_rows, layout.third[0].1.height > 0),
    );
}

/// From this width on a model stands beside the models.
const MODEL_BESIDE: u16 = 116;

/// Reservations that are told above the models.
const BANNER: usize = 3;

/// The models, and beside them the chosen one; where there is no room for both, the one that has the keys.
fn models(layout: &mut Layout, body: Rect, ui: &Ui, fleet: &Fleet) {
    let wide = body.width >= MODEL_BESIDE && !ui.zoom;
    let columns = match (wide, ui.models.focus) {
        (true, _) => (body.width * 4 / 7).clamp(69, 96),
        (false, Focus::List) => body.width,
        (false, Focus::Detail) => 0,
    };
    [layout.screen, layout.model] = split_columns(body, columns);
    if wide {
        layout.shape = Shape::Two;
    }
    if layout.model.width > 0 {
        let inner = Borders::of(layout.model).inner;
        layout.model_tabs = panes::model_tabs(layout.model, ui);
        layout.detail_rows = inner;
        layout.detail_length = panes::model_length(ui, fleet, inner);
    }
    if layout.screen.width == 0 {
        return;
    }
    let inner = Borders::of(layout.screen).inner;
    let held = panes::models_banner(fleet).len().min(BANNER) as u16;
    let table;
    [layout.banner, table] = split_rows(inner, held);
    let below = panes::schedule_rows(fleet);
    // A schedule that would leave the models no room waits for a larger screen.
    let below = if below * 3 > table.height { 0 } else { below };
    let above;
    [above, layout.table_notes] = split_rows(table, table.height - below);
    [layout.table_head, layout.table_rows] = split_rows(above, 1);
}

fn table_inside(layout: &mut Layout, inner: Rect, ui: &Ui, fleet: &Fleet) {
    const NOTES: usize = 3;
    [layout.table_head, layout.table_rows] = split_rows(inner, 1);
    if ui.screen == Screen::Services || ui.screen == Screen::Hosts && ui.tab == Tab::Services {
        let notes = panes::SERVICE_NOTES;
        let rows = layout.table_rows.height;
        let left = if rows > 3 * notes { rows - notes } else { rows };
        [layout.table_rows, layout.table_notes] = split_rows(layout.table_rows, left);
    }
    let is_table = ui.containers.open.is_none()
        && (ui.screen == Screen::Containers
            || ui.screen == Screen::Hosts && ui.tab == Tab::Containers);
    if is_table {
        let notes = notes(fleet, ui).len().min(NOTES) as u16;
        let rows = layout.table_rows.height.saturating_sub(notes);
        [layout.table_rows, layout.table_notes] = split_rows(layout.table_rows, rows);
    }
}

fn layer(layout: &mut Layout, size: (u16, u16), ui: &Ui, fleet: &Fleet) {
    if let Some(top) = ui.layers.last() {
        (layout.layer, layout.layer_rows) =
            dialogs::place(top, Rect::new(0, 0, size.0, size.1), fleet);
        layout.layer_things = dialogs::things(top, layout.layer_rows, fleet);
    }
}

/// The selected host.
pub(super) fn selected<'a>(fleet: &'a Fleet, ui: &Ui) -> Option<&'a Host> {
    let id = ui.selected.as_ref()?;
    fleet.host(id).map(std::convert::AsRef::as_ref)
}

/// An area cut in two below this many rows.
pub(super) fn split_rows(area: Rect, rows: u16) -> [Rect; 2] {
    let rows = rows.min(area.height);
    [
        Rect::new(area.x, area.y, area.width, rows),
        Rect::new(area.x, area.y + rows, area.width, area.height - rows),
    ]
}

/// An area cut in two after this many columns.
pub(super) fn split_columns(area: Rect, columns: u16) -> [Rect; 2] {
    let columns = columns.min(area.width);
    [
        Rect::new(area.x, area.y, columns, area.height),
        Rect::new(area.x + columns, area.y, area.width - columns, area.height),
    ]
}

impl Layout {
    /// What is at this place.
    pub fn spot(&self, column: u16, row: u16, ui: &Ui, fleet: &Fleet) -> Spot {
        let at = Position::new(column, row);
        let down = |area: Rect| usize::from(row.saturating_sub(area.y));
        if !ui.layers.is_empty() {
            return if self.layer_rows.contains(at) {
                {
                    let (first, rows) = self.layer_things;
                    Spot::LayerRow(first + down(self.layer_rows) / usize::from(rows.max(1)))
                }
            } else {
                Spot::Elsewhere
            };
        }
        if self.talk.all.contains(at) {
            return panes::talk_spot(&self.talk, at);
        }
        if self.strip.contains(at) {
            return panes::strip_host(fleet, ui, self.strip, column)
                .map_or(Spot::Elsewhere, Spot::Strip);
        }
        if self.list_rows.contains(at) {
            return Spot::ListRow(down(self.list_rows));
        }
        if self.list.contains(at) {
            return Spot::List;
        }
        if let Some(tab) = self.tab_at(at) {
            return Spot::Tab(tab);
        }
        if self.process_head.contains(at) {
            return panes::column_at(self.process_head, column)
                .map_or(Spot::Detail, Spot::ProcessHead);
        }
        if self.process_rows.contains(at) {
            return Spot::ProcessRow(down(self.process_rows));
        }
        if ui.screen == Screen::Models && !self.table_rows.contains(at) {
            return self.model_spot(at);
        }
        if self.table_head.contains(at)
            && let Some(key) = panes::container_column_at(self.table_head, column, ui)
        {
            return Spot::ContainerHead(key);
        }
        if self.table_rows.contains(at) {
            return Spot::TableRow(down(self.table_rows));
        }
        if self.lens.all.contains(at) {
            return panes::lens_spot(&self.lens, at, ui, fleet);
        }
        if self.detail.contains(at) || self.screen.contains(at) {
            return Spot::Detail;
        }
        Spot::Elsewhere
    }

    fn model_spot(&self, at: Position) -> Spot {
        let tabs = ModelTab::ALL.into_iter().zip(self.model_tabs);
        if let Some((tab, _)) = tabs.into_iter().find(|(_, area)| area.contains(at)) {
            return Spot::ModelTab(tab);
        }
        if self.table_head.contains(at) {
            return panes::model_column_at(self.table_head, at.x)
                .map_or(Spot::ModelList, Spot::ModelHead);
        }
        if self.screen.contains(at) {
            return Spot::ModelList;
        }
        if self.model.contains(at) {
            return Spot::Model;
        }
        Spot::Elsewhere
    }

    fn tab_at(&self, at: Position) -> Option<Tab> {
        let open = Tab::ALL
            .into_iter()
            .zip(self.tabs)
            .find(|(_, area)| area.contains(at));
        let beside = self
            .third
            .into_iter()
            .find(|(tab, area)| area.contains(at) && (at.y == area.y || *tab != Tab::Processes));
        open.or(beside).map(|(tab, _)| tab)
    }
}
