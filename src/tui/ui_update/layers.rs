//! Acts on help, texts, the palette and the `:` line.

use super::body;
use super::effect::{Copied, Scene, UiEffect};
use super::fit::{follow, moved};
use super::{
    breakglass, describe, lens, lens_open, lens_picker, model_acts, power, route, screens, work,
};
use crate::domain::Severity;
use crate::engine::Command;
use crate::tui::action::Action;
use crate::tui::command_line::{self, Order};
use crate::tui::palette::{self, Target};
use crate::tui::reading;
use crate::tui::ui::{Dialog, Focus, Layer, LineEdit, Screen, Ui};

/// Lines of the `:` history that are kept.
const HISTORY: usize = 100;

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    match ui.layers.last_mut() {
        Some(Layer::Help { search, scroll }) => match action {
            Action::Filter => search.active = true,
            Action::Submit => search.active = false,
            Action::Back => {
                ui.layers.pop();
            }
            action => read(scroll, scene, action),
        },
        Some(Layer::Text { .. }) => return text(ui, scene, action),
        Some(Layer::Palette { search, selected }) => {
            let entries = palette::entries(&search.text, scene.fleet);
            if action == Action::Submit {
                let target = entries.get(*selected).map(|entry| entry.target.clone());
                return choose(ui, scene, target);
            }
            if let Some(to) = moved(walk(action), *selected, entries.len(), 10) {
                *selected = to;
            }
        }
        Some(Layer::CommandLine { .. }) => return command_line(ui, scene, action),
        Some(Layer::Sources(_)) => return lens_picker::act(ui, scene, action),
        Some(Layer::Sessions(_)) => return breakglass::sessions_act(ui, scene, action),
        Some(Layer::Work(_)) => return work::act(ui, scene, action),
        Some(Layer::Dialog(_)) | None => {}
    }
    Vec::new()
}

/// Tab walks down and Shift-Tab up where nothing is left to complete.
pub(super) fn walk(action: Action) -> Action {
    match action {
        Action::Complete => Action::Next,
        Action::CompleteBack => Action::Previous,
        other => other,
    }
}

fn read(scroll: &mut usize, scene: Scene<'_>, action: Action) {
    if let Some(to) = moved(action, *scroll, usize::MAX, scene.room.layer) {
        *scroll = to;
    }
}

fn text(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    let Some(Layer::Text {
        title,
        lines,
        scroll,
        search,
        hit,
    }) = ui.layers.last_mut()
    else {
        return Vec::new();
    };
    match action {
        Action::Copy => {
            return vec![UiEffect::Copy(Copied {
                what: title.clone(),
                text: lines.join("\n"),
            })];
        }
        Action::Filter => {
            search.active = true;
            search.cursor = search.text.len();
        }
        Action::Submit => search.active = false,
        Action::NextHit | Action::PreviousHit => {
            let count = reading::hits(lines, &search.text).len();
            let by = if action == Action::NextHit {
                1
            } else {
                count.saturating_sub(1)
            };
            *hit = (*hit + by).checked_rem(count).unwrap_or(0);
            show_hit(ui, scene);
        }
        Action::Back => {
            ui.layers.pop();
        }
        action => read(scroll, scene, action),
    }
    Vec::new()
}

/// Brings the present hit into view.
fn show_hit(ui: &mut Ui, scene: Scene<'_>) {
    if let Some(Layer::Text {
        lines,
        scroll,
        search,
        hit,
        ..
    }) = ui.layers.last_mut()
        && let Some(hit) = reading::hits(lines, &search.text).get(*hit)
    {
        let rows = reading::rows(lines, scene.room.layer_cells);
        let row = reading::row_of_hit(&rows, hit);
        *scroll = follow(*scroll, row, rows.len(), scene.room.layer);
    }
}

/// Opens a text to read.
pub(super) fn show(ui: &mut Ui, title: impl Into<String>, lines: Vec<String>) {
    ui.layers.push(Layer::Text {
        title: title.into(),
        lines,
        scroll: 0,
        search: LineEdit::default(),
        hit: 0,
    });
}

fn choose(ui: &mut Ui, scene: Scene<'_>, target: Option<Target>) -> Vec<UiEffect> {
    ui.layers.pop();
    match target {
        Some(Target::Act(action)) => route::act(ui, scene, action),
        Some(Target::Host(id)) => {
            screens::go(ui, Screen::Hosts);
            body::go(ui, id);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// What was typed changed: choices made before it are void.
pub(super) fn retyped(ui: &mut Ui, scene: Scene<'_>) {
    match ui.layers.last_mut() {
        Some(Layer::Palette { selected, .. }) => *selected = 0,
        Some(Layer::Sources(picker)) => picker.selected = 0,
        Some(Layer::Help { scroll, .. }) => *scroll = 0,
        Some(Layer::Text { hit, .. }) => {
            *hit = 0;
            show_hit(ui, scene);
        }
        Some(Layer::CommandLine {
            completion,
            history,
            ..
        }) => {
            *completion = None;
            *history = None;
        }
        _ => {}
    }
}

/// The next character belongs behind the completion that is chosen.
pub(super) fn accept_completion(ui: &mut Ui, scene: Scene<'_>) {
    let Some((line, Some(at))) = ui.layers.last().and_then(completing) else {
        return;
    };
    let chosen = command_line::completions(line, scene.fleet, ui)
        .into_iter()
        .nth(at);
    if let (
        Some(chosen),
        Some(Layer::CommandLine {
            line, completion, ..
        }),
    ) = (chosen, ui.layers.last_mut())
    {
        line.set(chosen);
        *completion = None;
    }
}

fn completing(layer: &Layer) -> Option<(&str, Option<usize>)> {
    match layer {
        Layer::CommandLine {
            line, completion, ..
        } => Some((&line.text, *completion)),
        _ => None,
    }
}

fn command_line(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    let Some((typed, chosen)) = ui.layers.last().and_then(completing) else {
        return Vec::new();
    };
    let offered = command_line::completions(typed, scene.fleet, ui).len();
    match (action, chosen) {
        (Action::Submit, _) => {
            accept_completion(ui, scene);
            return submit(ui, scene);
        }
        (Action::Complete, None) | (Action::Next | Action::Complete, Some(_)) => {
            complete(ui, chosen.map_or(0, |at| at + 1), offered);
        }
        (Action::CompleteBack, None) | (Action::Previous | Action::CompleteBack, Some(_)) => {
            complete(ui, chosen.unwrap_or(0) + offered.saturating_sub(1), offered);
        }
        (Action::Previous, None) => recall(ui, true),
        (Action::Next, None) => recall(ui, false),
        _ => {}
    }
    Vec::new()
}

/// Chooses a completion, round and round.
fn complete(ui: &mut Ui, to: usize, offered: usize) {
    if let Some(Layer::CommandLine { completion, .. }) = ui.layers.last_mut() {
        *completion = to.checked_rem(offered);
    }
}

/// Walks through the lines given before.
fn recall(ui: &mut Ui, back: bool) {
    let kept = ui.history.len();
    let Some(Layer::CommandLine { line, history, .. }) = ui.layers.last_mut() else {
        return;
    };
    let at = history.unwrap_or(kept);
    let to = if back {
        at.saturating_sub(1)
    } else {
        at.saturating_add(1).min(kept)
    };
    line.set(ui.history.get(to).cloned().unwrap_or_default());
    *history = (to < kept).then_some(to);
}

/// Takes the line. One that is not understood stays, to be mended.
fn submit(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let Some((typed, _)) = ui.layers.last().and_then(completing) else {
        return Vec::new();
    };
    let typed = typed.trim().to_owned();
    match command_line::parse(&typed, scene.fleet, ui) {
        Ok(order) => {
            ui.layers.pop();
            if !typed.is_empty() && ui.history.last() != Some(&typed) {
                ui.history.push(typed);
                let over = ui.history.len().saturating_sub(HISTORY);
                ui.history.drain(..over);
            }
            order.map_or_else(Vec::new, |order| obey(ui, scene, order))
        }
        Err(wrong) => {
            ui.say(Severity::Error, wrong.what, wrong.hint);
            Vec::new()
        }
    }
}

fn obey(ui: &mut Ui, scene: Scene<'_>, order: Order) -> Vec<UiEffect> {
    match order {
        Order::Act(action) => return route::act(ui, scene, action),
        Order::Go(id) => {
            screens::go(ui, Screen::Hosts);
            body::go(ui, id);
        }
        Order::Logs(sources) => return lens_open::named(ui, sources),
        Order::LogsOf(host) => return lens_open::host(ui, &fleet_of(ui, scene), &host),
        Order::Save(path, form) => return lens::save(ui, path, form),
        Order::Reconnect(hosts) => return body::reconnect(ui, &hosts),
        Order::Prune(host) => return vec![UiEffect::Ask(Command::PrunePreview { host })],
        Order::Power(host, verb) => return power::order(ui, host, verb),
        Order::Work(order) => return model_acts::obey(ui, scene, order),
        Order::Arm(host) => power::arm(ui, scene, host),
        Order::Runbook(host, name) => return breakglass::runbook(ui, scene, host, name),
        Order::Shell(host) => return vec![UiEffect::Ask(Command::Shell { host })],
        Order::Signal { pid, signal } => return signal_process(ui, scene, pid, signal),
        Order::Theme(name) => return vec![UiEffect::Theme(name)],
        Order::Sort(key) => ui.processes.sort = key,
        Order::Span(span) => ui.span = span,
        Order::Mouse(on) => return body::set_mouse(ui, on),
        Order::Tab(tab) => {
            screens::go(ui, Screen::Hosts);
            body::show_tab(ui, tab);
        }
        Order::Filter(text) if ui.screen == Screen::Logs => ui.lens.filter.set(text),
        Order::Filter(text) => {
            ui.focus = Focus::List;
            ui.list_filter = LineEdit {
                cursor: text.len(),
                text,
                active: false,
            };
        }
        Order::Alerts => show(ui, "Alerts", describe::alerts(scene.fleet)),
    }
    Vec::new()
}

fn fleet_of(ui: &Ui, scene: Scene<'_>) -> std::sync::Arc<crate::engine::Fleet> {
    std::sync::Arc::clone(ui.shown(scene.fleet))
}

fn signal_process(
    ui: &mut Ui,
    scene: Scene<'_>,
    pid: u32,
    signal: Option<crate::engine::Signal>,
) -> Vec<UiEffect> {
    body::choose_signal(ui, scene, pid);
    let Some(signal) = signal else {
        return Vec::new();
    };
    // The signal is named already: the dialog only found the process.
    match ui.layers.pop() {
        Some(Layer::Dialog(Dialog::Signal {
            host, pid, started, ..
        })) => vec![UiEffect::Ask(Command::Signal {
            host,
            pid,
            started,
            signal,
        })],
        other => {
            ui.layers.extend(other);
            Vec::new()
        }
    }
}

/// The line of a layer that keys go into.
pub(super) fn typed_line(layer: &mut Layer) -> Option<&mut LineEdit> {
    match layer {
        Layer::Help { search, .. } | Layer::Text { search, .. } if search.active => Some(search),
        Layer::Palette { search, .. } => Some(search),
        Layer::Sources(picker) => Some(&mut picker.search),
        Layer::CommandLine { line, .. } => Some(line),
        Layer::Work(layer) => work::typed_line(layer),
        Layer::Dialog(Dialog::Prompts {
            fields, focused, ..
        }) => fields.get_mut(*focused),
        Layer::Dialog(Dialog::Confirm { typed, .. }) if typed.active => Some(typed),
        _ => None,
    }
}
