//! Acts on the table of containers: walking, marking, sorting, and what is done to the chosen or the marked ones.

use std::sync::Arc;

use super::container;
use super::effect::{Copied, Room, Scene, UiEffect};
use super::fit::{follow, moved};
use super::lens_open;
use crate::domain::{Age, Container, ContainerAct, ContainerState, HostId, Severity};
use crate::engine::{Command, DaemonState, Fleet, READ_ONLY_MEND, SourceAddress, SourceSpec};
use crate::tui::action::Action;
use crate::tui::container_rows::{self, has_ended};
use crate::tui::ui::{Dialog, Layer, Screen, Tab, Ui};
use crate::tui::ui_tables::{Chosen, ContainerRef, ContainerSort};

/// How often it is said that somebody looks at what containers take.
const WATCH: Age = Age(5_000);

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    match action {
        Action::Open | Action::Describe => return Some(container::open(ui, &fleet)),
        Action::Mark => mark(ui, &fleet, scene.room),
        Action::Sort => ui.containers.sort = next(ui.containers.sort),
        Action::Reverse => ui.containers.reverse = !ui.containers.reverse,
        Action::Ended => ui.containers.hide_ended = !ui.containers.hide_ended,
        Action::Filter => {
            let filter = &mut ui.containers.filter;
            filter.active = true;
            filter.cursor = filter.text.len();
        }
        Action::NextHit => {
            walk(ui, &fleet, scene.room.table, Action::Down);
        }
        Action::PreviousHit => {
            walk(ui, &fleet, scene.room.table, Action::Up);
        }
        Action::Copy | Action::OpenLogs | Action::Shell | Action::Stop | Action::Restart => {
            return Some(on_targets(ui, scene, &fleet, action));
        }
        action => return walk(ui, &fleet, scene.room.table, action).then(Vec::new),
    }
    Some(Vec::new())
}

/// Acts that mean the same in the table and inside of one container.
pub(super) fn on_targets(
    ui: &mut Ui,
    scene: Scene<'_>,
    fleet: &Fleet,
    action: Action,
) -> Vec<UiEffect> {
    let targets = targets(ui, fleet);
    let Some((of, first)) = targets.first().cloned() else {
        ui.say(Severity::Info, "no container is selected", None);
        return Vec::new();
    };
    match action {
        Action::Copy => {
            let names = targets.iter().map(|(_, container)| container.name.as_str());
            return vec![UiEffect::Copy(Copied {
                what: match targets.len() {
                    1 => format!("the name of {}", first.name),
                    many => format!("the names of {many} containers"),
                },
                text: names.collect::<Vec<_>>().join("\n"),
            })];
        }
        Action::OpenLogs => {
            let source = |(of, container): &(ContainerRef, Arc<Container>)| SourceAddress {
                host: Some(of.host.clone()),
                spec: SourceSpec::Container(container.name.to_string()),
            };
            return lens_open::named(ui, targets.iter().map(source).collect());
        }
        // The engine would refuse it in the end: nobody should choose and confirm for nothing.
        _ if scene.fleet.read_only => {
            let mend = Some(READ_ONLY_MEND.to_owned());
            ui.say(Severity::Warning, "read-only: nothing is changed", mend);
        }
        Action::Shell if first.state != ContainerState::Running => {
            let text = format!(
                "{} does not run: there is nothing to open a shell in",
                first.name
            );
            ui.say(Severity::Warning, text, None);
        }
        Action::Shell => {
            return vec![UiEffect::Ask(Command::Terminal {
                host: of.host,
                id: of.id,
                argv: Vec::new(),
                size: ui.size,
            })];
        }
        Action::Restart => return ask_for(ui, &targets, ContainerAct::Restart),
        _ => choose_act(ui, &targets),
    }
    Vec::new()
}

/// What an act is about: the container that is looked into, else the marked ones, else the chosen one.
fn targets(ui: &Ui, fleet: &Fleet) -> Vec<(ContainerRef, Arc<Container>)> {
    let table = &ui.containers;
    let wanted: Vec<ContainerRef> = match (&table.open, &table.chosen) {
        (Some(open), _) => vec![open.of.clone()],
        (None, _) if !table.marked.is_empty() => table.marked.clone(),
        (None, Chosen::One(of)) => vec![of.clone()],
        (None, _) => Vec::new(),
    };
    let known = |of: ContainerRef| {
        let container = Arc::clone(container_rows::find(fleet, &of)?);
        Some((of, container))
    };
    wanted.into_iter().filter_map(known).collect()
}

/// Acts in the order in which they are offered, the gentlest first.
const ACTS: [ContainerAct; 7] = [
    ContainerAct::Start,
    ContainerAct::Stop,
    ContainerAct::Restart,
    ContainerAct::Pause,
    ContainerAct::Unpause,
    ContainerAct::Kill,
    ContainerAct::Remove,
];

/// Whether an act means anything to a container that does this.
fn applies(act: ContainerAct, state: ContainerState) -> bool {
    let runs = matches!(
        state,
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
    );
    match act {
        ContainerAct::Start | ContainerAct::Remove => has_ended(state),
        ContainerAct::Stop | ContainerAct::Kill => runs,
        ContainerAct::Restart => state != ContainerState::Removing,
        ContainerAct::Pause => state == ContainerState::Running,
        ContainerAct::Unpause => state == ContainerState::Paused,
    }
}

fn choose_act(ui: &mut Ui, targets: &[(ContainerRef, Arc<Container>)]) {
    let acts: Vec<ContainerAct> = ACTS
        .into_iter()
        .filter(|act| targets.iter().any(|(_, c)| applies(*act, c.state)))
        .collect();
    if acts.is_empty() {
        ui.say(Severity::Info, "nothing can be done to it now", None);
        return;
    }
    ui.layers.push(Layer::Dialog(Dialog::Container {
        targets: targets.to_vec(),
        acts,
        selected: 0,
    }));
}

/// Asks the engine for an act on each of these; for the second only when the first is settled.
pub(super) fn ask_for(
    ui: &mut Ui,
    targets: &[(ContainerRef, Arc<Container>)],
    act: ContainerAct,
) -> Vec<UiEffect> {
    let commands = targets
        .iter()
        .filter(|(_, container)| applies(act, container.state))
        .map(|(of, _)| Command::Container {
            host: of.host.clone(),
            id: of.id.clone(),
            act,
        });
    ui.containers.queue = commands.collect();
    next_of_queue(ui)
}

/// The next of several acts, if one waits.
pub(super) fn next_of_queue(ui: &mut Ui) -> Vec<UiEffect> {
    let next = ui.containers.queue.pop_front();
    next.map(UiEffect::Ask).into_iter().collect()
}

/// The person said no: what would have come after it is not asked for.
pub(super) fn give_up_queue(ui: &mut Ui) -> usize {
    let left = ui.containers.queue.len();
    ui.containers.queue.clear();
    left
}

fn next(sort: ContainerSort) -> ContainerSort {
    let all = ContainerSort::ALL;
    let at = all.iter().position(|of| *of == sort).unwrap_or_default();
    all.get((at + 1) % all.len()).copied().unwrap_or_default()
}

fn mark(ui: &mut Ui, fleet: &Fleet, room: Room) {
    let Chosen::One(of) = ui.containers.chosen.clone() else {
        return;
    };
    let marked = &mut ui.containers.marked;
    match marked.iter().position(|marked| *marked == of) {
        Some(at) => {
            marked.remove(at);
        }
        None => marked.push(of),
    }
    walk(ui, fleet, room.table, Action::Down);
}

/// Moves the choice over the rows.
pub(super) fn walk(ui: &mut Ui, _fleet: &Fleet, room: usize, action: Action) -> bool {
    let table = &ui.containers;
    let at = match &table.chosen {
        Chosen::One(of) => table.rows.position(of),
        _ => None,
    };
    let length = table.rows.rows().len();
    let to = match at {
        Some(at) => moved(action, at, length, room),
        // Where the chosen one is gone, a movement begins at the first row that is seen.
        None => moved(action, table.scroll, length, room).map(|to| match action {
            Action::Up | Action::Down => table.scroll.min(length.saturating_sub(1)),
            _ => to,
        }),
    };
    let Some(to) = to else { return false };
    choose(ui, to);
    true
}

fn choose(ui: &mut Ui, row: usize) {
    if let Some(row) = ui.containers.rows.rows().get(row) {
        ui.containers.chosen = Chosen::One(row.of());
    }
}

/// Chooses a row by its place on the screen; tells whether it was chosen already.
pub(super) fn click(ui: &mut Ui, row: usize) -> bool {
    let at = ui.containers.scroll + row;
    let rows = ui.containers.rows.rows();
    let again = rows
        .get(at)
        .is_some_and(|row| ui.containers.chosen == Chosen::One(row.of()));
    choose(ui, at);
    again
}

/// Rows that are up to date, marks and a choice that exist, a scroll that shows it.
pub(super) fn fit(ui: &mut Ui, fleet: &Fleet, room: usize) {
    container::fit(ui, fleet, room);
    if !is_shown(ui) {
        return;
    }
    container_rows::refresh(ui, fleet);
    let known = |of: &ContainerRef| container_rows::find(fleet, of).is_some();
    ui.containers.marked.retain(known);
    let table = &mut ui.containers;
    let length = table.rows.rows().len();
    if table.chosen == Chosen::First
        && let Some(first) = table.rows.rows().first()
    {
        table.chosen = Chosen::One(first.of());
    }
    let at = match &table.chosen {
        Chosen::One(of) => table.rows.position(of),
        _ => None,
    };
    match at {
        Some(at) => table.scroll = follow(table.scroll, at, length, room),
        None => {
            // The filter hides it: the first that is left is meant. It was removed: nothing is, the next key may be `x`.
            let hidden = matches!(&table.chosen, Chosen::One(of) if known(of));
            table.chosen = match table.chosen {
                Chosen::One(_) if !hidden => Chosen::Gone,
                Chosen::Gone => Chosen::Gone,
                _ => Chosen::First,
            };
            table.scroll = table.scroll.min(length.saturating_sub(room));
            if let (Chosen::First, Some(first)) = (&table.chosen, table.rows.rows().first()) {
                table.chosen = Chosen::One(first.of());
                table.scroll = 0;
            }
        }
    }
}

/// Whether the table or one container is on the screen.
fn is_shown(ui: &Ui) -> bool {
    ui.screen == Screen::Containers || (ui.screen == Screen::Hosts && ui.tab == Tab::Containers)
}

/// While somebody looks, the engine reads what containers take. A recording tells what it has.
pub(super) fn watch(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if !is_shown(ui) || ui.replay.is_some() || ui.paused.is_some() {
        return Vec::new();
    }
    let due = ui
        .containers
        .watched
        .is_none_or(|at| ui.now.since(at) >= WATCH);
    if !due {
        return Vec::new();
    }
    ui.containers.watched = Some(ui.now);
    let mut effects = container::watch(ui, scene);
    if ui.containers.open.is_some() {
        return effects;
    }
    let hosts = container_rows::scope(scene.fleet, ui);
    let up = hosts.filter(|host| matches!(host.containers.daemon, DaemonState::Up { .. }));
    let ids: Vec<HostId> = up.map(|host| host.id.clone()).collect();
    effects.extend(
        ids.into_iter()
            .map(|host| UiEffect::Ask(Command::WatchStats { host, only: None })),
    );
    effects
}
