//! Acts on the list, the detail and the process table.

use std::sync::Arc;

use super::breakglass;
use super::container;
use super::describe;
use super::effect::{Copied, Scene, UiEffect};
use super::fit::moved;
use super::layers;
use super::lens;
use super::power;
use super::questions;
use super::route;
use super::screens;
use crate::domain::{HostId, Severity};
use crate::engine::{Command, Fleet, Host, READ_ONLY_MEND};
use crate::tui::action::{Action, Place};
use crate::tui::rows;
use crate::tui::ui::{Dialog, Focus, GraphSpan, Layer, LineEdit, Screen, SortKey, Tab, Ui};
use crate::tui::ui_tables::Chosen;

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    if let Some(effects) = breakglass::act(ui, scene, action) {
        return effects;
    }
    if let Some(effects) = lens::act(ui, scene, action) {
        return effects;
    }
    if ui.has_draft() {
        type_filter(ui, scene, action);
        return Vec::new();
    }
    if let Some(effects) = screens::act(ui, scene, action) {
        return effects;
    }
    if move_in(ui, scene, action) || look(ui, scene, action) {
        return Vec::new();
    }
    match action {
        Action::Open => open(ui, scene),
        Action::Back => back(ui),
        Action::Quit => route::quit(ui),
        Action::Mouse => set_mouse(ui, !ui.mouse),
        Action::Theme => next_theme(ui),
        Action::Copy => copy(ui, scene),
        Action::Shell => on_host(ui, scene, |host| Command::Shell { host }),
        Action::Stop => stop(ui, scene),
        Action::Reconnect => reconnect(ui, &[]),
        Action::Questions => questions::ask(ui, scene),
        Action::Arm => power::arm_selected(ui, scene),
        Action::Disarm => power::disarm(ui, None),
        Action::Power => power::open_selected(ui, scene),
        _ => Vec::new(),
    }
}

/// Movement moves, and only moves.
fn move_in(ui: &mut Ui, scene: Scene<'_>, action: Action) -> bool {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let action = match action {
        // With a filter on, every row that is left is a hit.
        Action::NextHit => Action::Down,
        Action::PreviousHit => Action::Up,
        other => other,
    };
    match ui.place() {
        Place::List => move_list(ui, &fleet, scene.room.list, action),
        Place::Processes => move_processes(ui, &fleet, scene.room.processes, action),
        _ => {
            let room = scene.room;
            let last = (room.detail_length + 1).saturating_sub(room.detail.max(1));
            let to = moved(action, ui.detail_scroll, last, room.detail);
            ui.detail_scroll = to.unwrap_or(ui.detail_scroll);
            to.is_some()
        }
    }
}

fn move_list(ui: &mut Ui, fleet: &Fleet, room: usize, action: Action) -> bool {
    let shown = rows::hosts(fleet, ui);
    let at = shown
        .iter()
        .position(|host| Some(&host.id) == ui.selected.as_ref())
        .unwrap_or_default();
    let Some(to) = moved(action, at, shown.len(), room) else {
        return false;
    };
    if let Some(host) = shown.get(to) {
        ui.selected = Some(host.id.clone());
    }
    true
}

fn move_processes(ui: &mut Ui, fleet: &Fleet, room: usize, action: Action) -> bool {
    // A process on two GPUs has two rows; it is passed once.
    let mut pids: Vec<u32> = Vec::new();
    for row in host(ui, fleet)
        .map(|host| rows::processes(host, &ui.processes))
        .unwrap_or_default()
    {
        if !pids.contains(&row.pid) {
            pids.push(row.pid);
        }
    }
    let at = pids
        .iter()
        .position(|pid| Some(*pid) == ui.processes.selected);
    let to = match at {
        Some(at) => moved(action, at, pids.len(), room),
        None => {
            moved(action, 0, pids.len(), room).map(|to| if action == Action::Down { 0 } else { to })
        }
    };
    if let Some(pid) = to.and_then(|to| pids.get(to)) {
        ui.processes.selected = Some(*pid);
    }
    to.is_some()
}

/// While a filter is typed, rows can still be walked through.
fn type_filter(ui: &mut Ui, scene: Scene<'_>, action: Action) {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    match action {
        Action::Submit | Action::Complete => stop_typing(ui),
        action if ui.list_filter.active => {
            move_list(ui, &fleet, scene.room.list, action);
        }
        action if ui.processes.filter.active => {
            move_processes(ui, &fleet, scene.room.processes, action);
        }
        action => {
            screens::walk(ui, &fleet, scene.room, action);
        }
    }
}

fn stop_typing(ui: &mut Ui) {
    for filter in ui.filters_mut() {
        filter.active = false;
    }
}

/// Acts that change what is shown and nothing else.
fn look(ui: &mut Ui, scene: Scene<'_>, action: Action) -> bool {
    match action {
        Action::NextPane | Action::PreviousPane => {
            set_focus(
                ui,
                match ui.focus {
                    Focus::List => Focus::Detail,
                    Focus::Detail => Focus::List,
                },
            );
        }
        Action::NextTab => turn_tab(ui, 1),
        Action::PreviousTab => turn_tab(ui, Tab::ALL.len() - 1),
        Action::Mark => mark(ui, scene),
        Action::Zoom => ui.zoom = !ui.zoom,
        Action::Pause => pause(ui, scene),
        Action::Span => {
            ui.span = match ui.span {
                GraphSpan::Short => GraphSpan::Middle,
                GraphSpan::Middle => GraphSpan::Long,
                GraphSpan::Long => GraphSpan::Short,
            }
        }
        Action::Sort => ui.processes.sort = next_sort(ui.processes.sort),
        Action::Reverse => ui.processes.reverse = !ui.processes.reverse,
        Action::Filter => filter(ui),
        Action::Describe => describe_selected(ui, scene),
        Action::Messages => layers::show(ui, "Messages", describe::messages(ui, scene.fleet)),
        Action::CommandLine => ui.layers.push(Layer::CommandLine {
            line: LineEdit::typing(""),
            completion: None,
            history: None,
        }),
        Action::Palette => ui.layers.push(Layer::Palette {
            search: LineEdit::typing(""),
            selected: 0,
        }),
        _ => return false,
    }
    true
}

fn turn_tab(ui: &mut Ui, by: usize) {
    let at = Tab::ALL
        .iter()
        .position(|tab| *tab == ui.tab)
        .unwrap_or_default();
    if let Some(tab) = Tab::ALL.get((at + by) % Tab::ALL.len()) {
        show_tab(ui, *tab);
    }
}

/// Opens a tab and gives it the keys.
pub(super) fn show_tab(ui: &mut Ui, tab: Tab) {
    ui.screen = Screen::Hosts;
    ui.tab = tab;
    container::close(ui);
    ui.detail_scroll = 0;
    set_focus(ui, Focus::Detail);
}

pub(super) fn set_focus(ui: &mut Ui, focus: Focus) {
    ui.focus = focus;
    stop_typing(ui);
}

fn next_sort(sort: SortKey) -> SortKey {
    match sort {
        SortKey::Memory => SortKey::Pid,
        SortKey::Pid => SortKey::User,
        SortKey::User => SortKey::Command,
        SortKey::Command => SortKey::Gpu,
        SortKey::Gpu => SortKey::Memory,
    }
}

fn mark(ui: &mut Ui, scene: Scene<'_>) {
    let Some(id) = ui.selected.clone() else {
        return;
    };
    match ui.marked.iter().position(|marked| *marked == id) {
        Some(at) => {
            ui.marked.remove(at);
        }
        None => ui.marked.push(id),
    }
    let fleet = Arc::clone(ui.shown(scene.fleet));
    move_list(ui, &fleet, scene.room.list, Action::Down);
}

fn pause(ui: &mut Ui, scene: Scene<'_>) {
    ui.lens.held = None;
    ui.paused = match ui.paused {
        Some(_) => None,
        None => Some(Arc::clone(scene.fleet)),
    };
}

fn filter(ui: &mut Ui) {
    if ui.place() == Place::Processes {
        ui.processes.filter.active = true;
        ui.processes.filter.cursor = ui.processes.filter.text.len();
    } else {
        set_focus(ui, Focus::List);
        ui.list_filter.active = true;
        ui.list_filter.cursor = ui.list_filter.text.len();
    }
}

/// Selects a host, and remembers the one before.
pub(super) fn go(ui: &mut Ui, id: HostId) {
    if ui.selected.as_ref() == Some(&id) {
        return;
    }
    ui.last = Some(screens::here(ui));
    select(ui, id);
}

/// Selects a host; what was looked at on the one before is looked at no more.
pub(super) fn select(ui: &mut Ui, id: HostId) {
    ui.selected = Some(id);
    container::close(ui);
    ui.containers.chosen = Chosen::First;
    ui.detail_scroll = 0;
    ui.processes.selected = None;
    ui.processes.scroll = 0;
}

fn open(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.place() {
        Place::List if ui.selected.is_some() => set_focus(ui, Focus::Detail),
        Place::Processes => describe_selected(ui, scene),
        Place::Detail => turn_tab(ui, 1),
        _ => {}
    }
    Vec::new()
}

fn back(ui: &mut Ui) -> Vec<UiEffect> {
    if screens::leave(ui) {
    } else if ui.zoom {
        ui.zoom = false;
    } else if ui.focus == Focus::Detail {
        set_focus(ui, Focus::List);
    } else {
        return route::quit(ui);
    }
    Vec::new()
}

/// Ends typing and clears the filter, then unzooms, then goes back to the list.
pub(super) fn close(ui: &mut Ui) {
    if ui.screen == Screen::Logs {
        return lens::close(ui);
    }
    let mine = match ui.place_of_keys() {
        Place::List => &mut ui.list_filter,
        Place::Ledger => &mut ui.ledger.filter,
        Place::Containers | Place::Container => &mut ui.containers.filter,
        Place::Models | Place::Model => &mut ui.models.filter,
        Place::Services => &mut ui.services.filter,
        Place::Sources => &mut ui.sources.filter,
        _ => &mut ui.processes.filter,
    };
    if mine.active || !mine.text.is_empty() {
        *mine = LineEdit::default();
    } else if screens::leave(ui) {
    } else if ui.zoom {
        ui.zoom = false;
    } else {
        set_focus(ui, Focus::List);
    }
}

pub(super) fn set_mouse(ui: &mut Ui, on: bool) -> Vec<UiEffect> {
    ui.mouse = on;
    let text = if on {
        "the mouse is ours; hold shift to select text"
    } else {
        "the mouse is the terminal's: select text as usual"
    };
    ui.say(Severity::Info, text, None);
    vec![UiEffect::Mouse(on)]
}

fn next_theme(ui: &mut Ui) -> Vec<UiEffect> {
    let at = ui
        .themes
        .iter()
        .position(|name| Some(name) == ui.theme.as_ref())
        .map_or(0, |at| at + 1);
    let next = ui.themes.get(at).or_else(|| ui.themes.first());
    next.cloned().map(UiEffect::Theme).into_iter().collect()
}

fn on_host(ui: &mut Ui, scene: Scene<'_>, command: fn(HostId) -> Command) -> Vec<UiEffect> {
    let known = ui
        .selected
        .clone()
        .filter(|id| scene.fleet.host(id).is_some());
    match known {
        Some(id) => vec![UiEffect::Ask(command(id))],
        None => {
            ui.say(Severity::Info, "no host is selected", None);
            Vec::new()
        }
    }
}

/// Dials these hosts; without any, the marked ones; without those, the selected one.
pub(super) fn reconnect(ui: &mut Ui, hosts: &[HostId]) -> Vec<UiEffect> {
    let hosts: Vec<HostId> = if !hosts.is_empty() {
        hosts.to_vec()
    } else if !ui.marked.is_empty() {
        ui.marked.clone()
    } else {
        ui.selected.iter().cloned().collect()
    };
    hosts
        .into_iter()
        .map(|id| UiEffect::Ask(Command::Reconnect(id)))
        .collect()
}

fn stop(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.processes.selected {
        // The engine would refuse it in the end: nobody should choose and confirm for nothing.
        _ if scene.fleet.read_only => ui.say(
            Severity::Warning,
            "read-only: no signal is sent",
            Some(READ_ONLY_MEND.to_owned()),
        ),
        Some(pid) => choose_signal(ui, scene, pid),
        None => ui.say(Severity::Info, "no process is selected", None),
    }
    Vec::new()
}

/// Opens the dialog that asks which signal a process gets.
pub(super) fn choose_signal(ui: &mut Ui, scene: Scene<'_>, pid: u32) {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let found = host(ui, &fleet).and_then(|host| {
        let read = host.processes.as_ref()?;
        let process = read.value.iter().find(|process| process.pid == pid)?;
        Some(Dialog::Signal {
            host: host.id.clone(),
            pid,
            started: process.started.value().copied(),
            command: process.command.to_string(),
            selected: 0,
        })
    });
    match found {
        Some(dialog) => ui.layers.push(Layer::Dialog(dialog)),
        None => ui.say(
            Severity::Warning,
            format!("no process {pid} is known on this host"),
            Some("only processes on its GPUs are listed".into()),
        ),
    }
}

fn describe_selected(ui: &mut Ui, scene: Scene<'_>) {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let Some(host) = host(ui, &fleet) else {
        return;
    };
    let process = (ui.place() == Place::Processes)
        .then_some(ui.processes.selected)
        .flatten()
        .and_then(|pid| {
            describe::process(host, pid).map(|lines| (format!("Process {pid}"), lines))
        });
    let (title, lines) =
        process.unwrap_or_else(|| (host.id.to_string(), describe::host(host, &fleet)));
    layers::show(ui, title, lines);
}

fn copy(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let Some(host) = host(ui, &fleet) else {
        return Vec::new();
    };
    let process = ui
        .processes
        .selected
        .and_then(|pid| describe::process_line(host, pid).map(|line| (pid, line)));
    let copied = match (ui.place(), process) {
        (Place::Processes, Some((pid, text))) => Copied {
            what: format!("process {pid}"),
            text,
        },
        (Place::List, _) => Copied {
            what: format!("the ssh command of {}", host.id),
            text: describe::ssh_command(&host.spec),
        },
        _ => Copied {
            what: format!("everything known of {}", host.id),
            text: describe::host(host, &fleet).join("\n"),
        },
    };
    vec![UiEffect::Copy(copied)]
}

fn host<'a>(ui: &Ui, fleet: &'a Fleet) -> Option<&'a Arc<Host>> {
    ui.selected.as_ref().and_then(|id| fleet.host(id))
}
