//! Looking into one container: what it takes over time, its environment, what it is made of, its processes.

use std::sync::Arc;

use super::containers;
use super::effect::{Copied, Scene, UiEffect};
use super::fit::moved;
use super::layers;
use crate::domain::{At, ContainerDetail, ContainerTop, Severity};
use crate::engine::{Command, Fleet, Point, Refusal, Series};
use crate::tui::action::Action;
use crate::tui::container_lines;
use crate::tui::container_rows;
use crate::tui::ui::Ui;
use crate::tui::ui_tables::{
    Awaited, Chosen, ContainerRef, ContainerTab, EnvShown, OpenContainer, StatsPast,
};

/// Opens the chosen container.
pub(super) fn open(ui: &mut Ui, fleet: &Fleet) -> Vec<UiEffect> {
    let found = match &ui.containers.chosen {
        Chosen::One(of) => container_rows::find(fleet, of).map(|found| (of.clone(), found)),
        _ => None,
    };
    let Some((of, container)) = found else {
        ui.say(Severity::Info, "no container is selected", None);
        return Vec::new();
    };
    ui.containers.open = Some(OpenContainer {
        of: of.clone(),
        name: container.name.clone(),
        tab: ContainerTab::default(),
        scroll: 0,
        detail: Awaited::Waiting,
        top: Awaited::Waiting,
        top_asked: None,
        past: StatsPast::default(),
        env: EnvShown::default(),
    });
    // The next tick says that somebody looks at this one.
    ui.containers.watched = None;
    vec![UiEffect::Ask(Command::Inspect {
        host: of.host,
        id: of.id,
    })]
}

/// Back to the table.
pub(super) fn close(ui: &mut Ui) {
    ui.containers.open = None;
    ui.containers.watched = None;
}

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    match action {
        Action::NextTab => return Some(turn(ui, 1)),
        Action::PreviousTab => return Some(turn(ui, ContainerTab::ALL.len() - 1)),
        Action::Open | Action::Describe => read_whole(ui, &fleet),
        Action::Reveal => reveal(ui),
        Action::Copy => return Some(copy(ui, &fleet)),
        Action::OpenLogs | Action::Shell | Action::Stop | Action::Restart => {
            return Some(containers::on_targets(ui, scene, &fleet, action));
        }
        action => {
            let open = ui.containers.open.as_mut()?;
            let room = scene.room.table;
            let length = container_lines::length(open);
            let last = (length + 1).saturating_sub(room.max(1));
            open.scroll = moved(action, open.scroll, last, room)?;
        }
    }
    Some(Vec::new())
}

fn turn(ui: &mut Ui, by: usize) -> Vec<UiEffect> {
    let Some(open) = &mut ui.containers.open else {
        return Vec::new();
    };
    let all = ContainerTab::ALL;
    let at = all.iter().position(|tab| *tab == open.tab).unwrap_or(0);
    show(open, all.get((at + by) % all.len()).copied(), ui.now)
}

/// Shows a part of the container.
fn show(open: &mut OpenContainer, tab: Option<ContainerTab>, now: At) -> Vec<UiEffect> {
    open.tab = tab.unwrap_or_default();
    open.scroll = 0;
    if open.tab == ContainerTab::Top {
        return ask_top(open, now);
    }
    Vec::new()
}

fn ask_top(open: &mut OpenContainer, now: At) -> Vec<UiEffect> {
    open.top_asked = Some(now);
    let ContainerRef { host, id } = open.of.clone();
    vec![UiEffect::Ask(Command::Top { host, id })]
}

/// What is asked anew while somebody looks.
pub(super) fn watch(ui: &mut Ui, _scene: Scene<'_>) -> Vec<UiEffect> {
    let now = ui.now;
    let Some(open) = &mut ui.containers.open else {
        return Vec::new();
    };
    let ContainerRef { host, id } = open.of.clone();
    let mut effects = vec![UiEffect::Ask(Command::WatchStats {
        host,
        only: Some(id),
    })];
    if open.tab == ContainerTab::Top && open.top_asked.is_none_or(|at| at != now) {
        effects.extend(ask_top(open, now));
    }
    effects
}

/// Names, then values, then also those that sound secret, then names again.
fn reveal(ui: &mut Ui) {
    let Some(open) = &mut ui.containers.open else {
        return;
    };
    open.env = match open.env {
        EnvShown::Names => EnvShown::Plain,
        EnvShown::Plain => EnvShown::All,
        EnvShown::All => EnvShown::Names,
    };
    let words = match open.env {
        EnvShown::Names => "values are hidden",
        EnvShown::Plain => {
            "values are shown, but for names that sound secret; once more shows those"
        }
        EnvShown::All => "all values are shown, also of names that sound secret",
    };
    ui.say(Severity::Info, words, None);
}

/// The tab as a text: long values go on in the next row, and it can be searched.
fn read_whole(ui: &mut Ui, fleet: &Fleet) {
    let Some(open) = &ui.containers.open else {
        return;
    };
    let title = format!("{} {}", open.name, open.tab.title());
    let lines = match open.tab {
        ContainerTab::Config => container_lines::raw(open),
        _ => container_lines::text(open, fleet),
    };
    layers::show(ui, title, lines);
}

/// What is seen is copied, and no more than that: hidden values stay hidden.
fn copy(ui: &Ui, fleet: &Fleet) -> Vec<UiEffect> {
    let copied = ui.containers.open.as_ref().map(|open| Copied {
        what: format!("{} of {}", open.tab.title(), open.name),
        text: container_lines::text(open, fleet).join("\n"),
    });
    copied.map(UiEffect::Copy).into_iter().collect()
}

/// Takes what the container is made of.
pub(super) fn detail(
    ui: &mut Ui,
    of: &ContainerRef,
    answer: Result<Arc<ContainerDetail>, Refusal>,
) {
    if let Some(open) = ui.containers.open.as_mut().filter(|open| open.of == *of) {
        open.detail = match answer {
            Ok(detail) => Awaited::Got(detail),
            Err(refusal) => Awaited::Failed(refusal),
        };
    }
}

/// Takes its processes.
pub(super) fn top(ui: &mut Ui, of: &ContainerRef, answer: Result<ContainerTop, Refusal>) {
    if let Some(open) = ui.containers.open.as_mut().filter(|open| open.of == *of) {
        open.top = match answer {
            Ok(top) => Awaited::Got(top),
            Err(refusal) => Awaited::Failed(refusal),
        };
    }
}

/// Takes in a new reading of what it takes; leaves it when it is gone or another host is looked at.
pub(super) fn fit(ui: &mut Ui, fleet: &Fleet, room: usize) {
    let Some(open) = &mut ui.containers.open else {
        return;
    };
    if container_rows::find(fleet, &open.of).is_none() {
        let text = format!("{} is gone", open.name);
        ui.containers.open = None;
        ui.say(Severity::Warning, text, None);
        return;
    }
    let past = container_lines::length(open).saturating_sub(room);
    open.scroll = open.scroll.min(past);
    let Some(read) = container_rows::stats(fleet, &open.of) else {
        return;
    };
    if open.past.last == Some(read.at) {
        return;
    }
    let (at, stats) = (read.at, &read.value);
    open.past.last = Some(at);
    let push = |series: &mut Series, value: Option<f32>| {
        if let Some(value) = value {
            series.push(Point { at, value });
        }
    };
    let past = &mut open.past;
    push(&mut past.cpu, stats.cpu.value().map(|cpu| cpu.0));
    let share = container_lines::memory_share(fleet, &open.of, stats);
    push(&mut past.memory, share);
    for (series, rates) in [
        (&mut past.network, &stats.network),
        (&mut past.disk, &stats.disk),
    ] {
        for (place, one) in series.iter_mut().enumerate() {
            let rate = rates.value().and_then(|rates| rates.get(place));
            push(one, rate.map(|rate| rate.0 as f32));
        }
    }
}
