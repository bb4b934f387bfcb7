//! Which containers the table shows, in which order (pure). Made once per change of facts or wishes, not once per frame.

use std::cmp::{Ordering, Reverse};
use std::fmt::Write as _;
use std::sync::Arc;

use super::rows::Filter;
use super::ui::{Screen, Ui};
use super::ui_tables::{ContainerRef, ContainerSort, ContainersUi};
use crate::domain::{
    Age, Container, ContainerHealth, ContainerState, ContainerStats, GpuProcess, HostId, Mib,
    PortMap, Wall,
};
use crate::engine::{Containers, Fleet, GapChange, Host, Timed};

/// How long a change that was found afterwards is told.
const GAP_TOLD: Age = Age(600_000);

/// The rows of the table, and what they were made from.
#[derive(Debug, Clone, Default)]
pub struct ContainerRows {
    made_from: MadeFrom,
    rows: Vec<ContainerRow>,
    hidden: usize,
    all: usize,
    running: usize,
}

/// One container of the table.
#[derive(Debug, Clone)]
pub struct ContainerRow {
    /// Its host.
    pub host: HostId,
    /// The container.
    pub container: Arc<Container>,
}

impl ContainerRow {
    /// Which container it is.
    pub fn of(&self) -> ContainerRef {
        ContainerRef {
            host: self.host.clone(),
            id: self.container.id.clone(),
        }
    }

    /// Whether it is this container.
    pub fn is(&self, of: &ContainerRef) -> bool {
        self.container.id == of.id && self.host == of.host
    }
}

#[derive(Debug, Clone, Default)]
struct MadeFrom {
    hosts: Vec<Facts>,
    filter: String,
    order: (ContainerSort, bool),
    hide_ended: bool,
}

/// The facts of one host. Held, so that a pointer that is the same means that nothing has changed.
#[derive(Debug, Clone)]
struct Facts {
    host: HostId,
    containers: Arc<Containers>,
    /// Only where the order depends on it.
    processes: Option<Arc<Vec<GpuProcess>>>,
}

impl MadeFrom {
    fn now(fleet: &Fleet, ui: &Ui) -> Self {
        let table = &ui.containers;
        let by_gpu = table.sort == ContainerSort::Gpu;
        let facts = |host: &Arc<Host>| Facts {
            host: host.id.clone(),
            containers: Arc::clone(&host.containers),
            processes: host
                .processes
                .as_ref()
                .filter(|_| by_gpu)
                .map(|read| Arc::clone(&read.value)),
        };
        Self {
            hosts: scope(fleet, ui).map(facts).collect(),
            filter: table.filter.text.clone(),
            order: (table.sort, table.reverse),
            hide_ended: table.hide_ended,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let same_processes = |a: &Facts, b: &Facts| match (&a.processes, &b.processes) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.filter == other.filter
            && self.order == other.order
            && self.hide_ended == other.hide_ended
            && self.hosts.len() == other.hosts.len()
            && self.hosts.iter().zip(&other.hosts).all(|(a, b)| {
                a.host == b.host
                    && Arc::ptr_eq(&a.containers, &b.containers)
                    && same_processes(a, b)
            })
    }
}

/// The hosts whose containers are shown: all on their own screen, the selected one in a tab.
pub(super) fn scope<'a>(fleet: &'a Fleet, ui: &'a Ui) -> impl Iterator<Item = &'a Arc<Host>> {
    let fleet_wide = ui.screen == Screen::Containers;
    fleet
        .hosts
        .iter()
        .filter(move |host| fleet_wide || Some(&host.id) == ui.selected.as_ref())
}

impl ContainerRows {
    /// The rows, in their order.
    pub fn rows(&self) -> &[ContainerRow] {
        &self.rows
    }

    /// The row of a container.
    pub fn position(&self, of: &ContainerRef) -> Option<usize> {
        self.rows.iter().position(|row| row.is(of))
    }

    /// How many there are beside those shown because they ended.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// How many there are in all, and how many of them run.
    pub fn counts(&self) -> (usize, usize) {
        (self.all, self.running)
    }
}

/// Makes the rows anew if anything about them has changed.
pub(super) fn refresh(ui: &mut Ui, fleet: &Fleet) {
    let now = MadeFrom::now(fleet, ui);
    if !now.is_same(&ui.containers.rows.made_from) {
        ui.containers.rows = make(now, &ui.containers);
    }
}

fn make(from: MadeFrom, table: &ContainersUi) -> ContainerRows {
    let filter = Filter::new(&table.filter.text);
    let mut made = ContainerRows::default();
    let mut keyed = Vec::new();
    for facts in &from.hosts {
        for container in &facts.containers.list {
            let ended = has_ended(container.state);
            made.all += 1;
            made.running += usize::from(!ended);
            if !is_wanted(&filter, &facts.host, container) {
                continue;
            }
            if ended && table.hide_ended {
                made.hidden += 1;
                continue;
            }
            let row = ContainerRow {
                host: facts.host.clone(),
                container: Arc::clone(container),
            };
            keyed.push((ended, amount(facts, container, table.sort), row));
        }
    }
    keyed.sort_by(|a, b| {
        let order =
            b.1.total_cmp(&a.1)
                .then_with(|| compare(&a.2, &b.2, table.sort));
        let order = if table.reverse {
            order.reverse()
        } else {
            order
        };
        let names = |row: &ContainerRow| row.container.name.clone();
        // Rows that are equal keep one order from beat to beat.
        (a.0.cmp(&b.0)).then(order).then_with(|| {
            (names(&a.2), &a.2.host, &a.2.container.id).cmp(&(
                names(&b.2),
                &b.2.host,
                &b.2.container.id,
            ))
        })
    });
    made.rows = keyed.into_iter().map(|(_, _, row)| row).collect();
    made.made_from = from;
    made
}

fn is_wanted(filter: &Filter, host: &HostId, container: &Container) -> bool {
    if *filter == Filter::default() {
        return true;
    }
    let (project, service) = match &container.project {
        Some(place) => (
            place.project.as_str(),
            place.service.as_ref().map_or("", |name| name.as_str()),
        ),
        None => ("", ""),
    };
    let words = state_words(container);
    let ports = ports(&container.ports);
    filter.matches([
        container.name.as_str(),
        container.image.as_str(),
        words.as_str(),
        container.state.word(),
        project,
        service,
        container.owner.as_ref().map_or("", |name| name.as_str()),
        ports.as_str(),
        host.as_str(),
        container.id.as_str().get(..12).unwrap_or_default(),
    ])
}

/// What is sorted by size, the biggest first; what is not measured stands last.
fn amount(facts: &Facts, container: &Container, sort: ContainerSort) -> f64 {
    let stats = facts.containers.stats.get(&container.id);
    let stats = stats.map(|read| &read.value);
    match sort {
        ContainerSort::Cpu => {
            let cpu = stats.and_then(|stats| stats.cpu.value());
            cpu.map_or(-1.0, |cpu| f64::from(cpu.0))
        }
        ContainerSort::Memory => {
            let memory = stats.and_then(|stats| stats.memory.value());
            memory.map_or(-1.0, |memory| memory.0 as f64)
        }
        ContainerSort::Gpu => {
            let processes = facts
                .processes
                .as_ref()
                .map_or(&[][..], |all| all.as_slice());
            gpu_memory(processes, container).map_or(-1.0, |memory| memory.0 as f64)
        }
        ContainerSort::Age => since(container).map_or(f64::MIN, |wall| wall.0 as f64),
        _ => 0.0,
    }
}

fn compare(a: &ContainerRow, b: &ContainerRow, sort: ContainerSort) -> Ordering {
    let project = |row: &ContainerRow| {
        let place = row.container.project.as_ref();
        place.map(|place| (place.project.clone(), place.service.clone()))
    };
    let health = |row: &ContainerRow| match row.container.health {
        Some(ContainerHealth::Unhealthy) => 0,
        Some(ContainerHealth::Starting) => 1,
        _ => 2,
    };
    match sort {
        ContainerSort::State => (health(a), a.container.state).cmp(&(health(b), b.container.state)),
        ContainerSort::Name => a.container.name.cmp(&b.container.name),
        ContainerSort::Image => a.container.image.cmp(&b.container.image),
        // Those without a project stand last.
        ContainerSort::Project => (Reverse(project(a).is_some()), project(a))
            .cmp(&(Reverse(project(b).is_some()), project(b))),
        _ => Ordering::Equal,
    }
}

/// Whether nothing of it runs.
pub(super) fn has_ended(state: ContainerState) -> bool {
    matches!(
        state,
        ContainerState::Created | ContainerState::Exited(_) | ContainerState::Dead
    )
}

/// Its state and health in one word or two: `running`, `unhealthy`, `exited 137`.
pub(super) fn state_words(container: &Container) -> String {
    match (container.state, container.health) {
        (ContainerState::Running, Some(ContainerHealth::Healthy)) => "healthy".into(),
        (ContainerState::Running, Some(ContainerHealth::Unhealthy)) => "unhealthy".into(),
        (ContainerState::Running, Some(ContainerHealth::Starting)) => "starting".into(),
        (ContainerState::Exited(status), _) => format!("exited {status}"),
        (state, _) => state.word().into(),
    }
}

/// Since when it has done what it does.
pub(super) fn since(container: &Container) -> Option<Wall> {
    match container.state {
        ContainerState::Created => Some(container.created),
        ContainerState::Exited(_) | ContainerState::Dead => container.finished,
        _ => container.started,
    }
}

/// How long that is, in words. A clock there that runs ahead of ours makes no negative time.
pub(super) fn since_words(container: &Container, now: Wall) -> String {
    since(container).map_or_else(
        || "–".to_owned(),
        |wall| {
            let ago = now.0.saturating_sub(wall.0);
            Age(u64::try_from(ago).unwrap_or(0)).words()
        },
    )
}

/// The published ports: `8080→80`, `443`, `127.0.0.1:5432`; each once, though it is published for two address families.
pub(super) fn ports(ports: &[PortMap]) -> String {
    let mut words: Vec<String> = Vec::new();
    for port in ports {
        let Some((address, outside)) = &port.published else {
            continue;
        };
        let everywhere = matches!(address.as_str(), "" | "0.0.0.0" | "::");
        let mut word = if everywhere {
            String::new()
        } else {
            format!("{address}:")
        };
        word.push_str(&outside.to_string());
        if *outside != port.inside {
            let _ = write!(word, "→{}", port.inside);
        }
        if port.protocol.as_str() != "tcp" {
            let _ = write!(word, "/{}", port.protocol);
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

/// GPU memory that the processes of a container hold.
pub(super) fn gpu_memory(processes: &[GpuProcess], container: &Container) -> Option<Mib> {
    processes
        .iter()
        .filter(|process| container.holds(process))
        .filter_map(|process| process.memory.value().copied())
        .reduce(|a, b| a + b)
}

/// What a container of a host took when it was last asked.
pub(super) fn stats<'a>(fleet: &'a Fleet, of: &ContainerRef) -> Option<&'a Timed<ContainerStats>> {
    fleet.host(&of.host)?.containers.stats.get(&of.id)
}

/// The container, as the fleet knows it now.
pub(super) fn find<'a>(fleet: &'a Fleet, of: &ContainerRef) -> Option<&'a Arc<Container>> {
    let list = &fleet.host(&of.host)?.containers.list;
    list.iter().find(|container| container.id == of.id)
}

/// Changes of a host that were found afterwards, and not long ago.
pub(super) fn gaps<'a>(host: &'a Host, fleet: &Fleet) -> impl Iterator<Item = &'a GapChange> {
    let now = fleet.at;
    let fresh = move |change: &&GapChange| now.since(change.at) < GAP_TOLD;
    host.containers.after_gap.iter().filter(fresh)
}
