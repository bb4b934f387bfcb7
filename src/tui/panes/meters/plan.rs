//! Which rows the meters have (pure): what must be said first, then what there is room for, in a fixed order of worth.
//! It depends on the size and on what the host has, not on values that change from beat to beat: rows stand still.

use ratatui::layout::Rect;

use super::verdict;
use crate::domain::{GpuCondition, GpuMemory, GpuReading, HealthWord};
use crate::engine::{Host, SeriesKey};
use crate::tui::widgets::wrap;

/// One row of the meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Row {
    /// An empty row.
    Blank,
    /// What is wrong with the host, in a line.
    Verdict,
    /// Why, as the failing rung says; the line of its text.
    Why(usize),
    /// The mend; the line of its text.
    Mend(usize),
    /// When it was last seen.
    Seen,
    /// The GPU driver's own trouble.
    Condition,
    /// Heads a section.
    Rule(Section),
    /// The bar of memory; with its name and value, or bare under a rule that has both.
    MemoryBar(Dress),
    /// What the parts of the bar are.
    MemoryLegend(Dress),
    /// One GPU: how busy, how hot, how hungry.
    GpuFacts(usize, Dress),
    /// One GPU: its own memory.
    GpuMemory(usize),
    /// One GPU: clocks, fan, state, what holds it down.
    GpuMore(usize),
    /// Heads of the table of many GPUs, each of which has so many lines.
    TableHead(u16),
    /// One GPU of many; the line of so many.
    TableLine(usize, u16, u16),
    /// What is to be said of GPUs of the table: throttled, lost, memory errors.
    TableNotes,
    /// MIG instances of one GPU.
    Mig(usize),
    /// One row of a graph, of so many.
    Graph(Curve, u16, u16),
    /// The time axis.
    Ruler,
    /// Processors: busy, load, waiting.
    Cpu,
    /// Network and uptime.
    Network,
    /// One disk.
    Disk(usize),
    /// Heads of the processes.
    ProcessHead,
    /// One process, by its place in the order of memory.
    Process(usize),
}

/// Whether a row says what it is, or stands under a rule that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Dress {
    Named,
    Bare,
}

/// A section with a rule above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Section {
    Memory,
    Gpu(usize),
    Gpus,
    History,
    Machine,
    Processes,
}

/// A graph: what it measures, and of which GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct Curve {
    pub(in crate::tui) key: SeriesKey,
    pub(in crate::tui) gpu: Option<usize>,
}

/// More GPUs than this are a table.
const FEW: usize = 2;

/// From this height on sections have rules.
const ROOMY: u16 = 22;

/// Something that takes rows where there are some left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Use,
    Memory,
    Heat,
    Power,
    CpuGraph,
    Ruler,
    Cpu,
    Network,
    Disk,
    Processes,
    More,
    TableLine,
}

/// The order of worth. A wish that stands here twice may be granted twice.
const ORDER: [Wish; 44] = {
    use Wish::{
        Cpu, CpuGraph, Disk, Heat, Memory, More, Network, Power, Processes, Ruler, TableLine, Use,
    };
    [
        Cpu, Use, Memory, Ruler, Processes, Processes, Network, Heat, Power, Processes, Use,
        Memory, More, Processes, Disk, CpuGraph, TableLine, Use, Memory, Disk, Heat, Power,
        Processes, Processes, TableLine, Use, Memory, CpuGraph, Heat, Power, Processes, Processes,
        Processes, Use, Memory, Heat, Power, CpuGraph, Processes, Processes, Use, Memory,
        Processes, Processes,
    ]
};

/// What a host has, as far as rows depend on it.
struct Has<'a> {
    gpus: &'a [GpuReading],
    unified: bool,
    disks: usize,
    machine: bool,
    layout: Shape,
    aside: bool,
}

/// How GPUs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Each with its section and its graphs.
    Apart,
    /// As a table.
    Table,
}

/// What was granted.
#[derive(Default)]
struct Granted {
    wishes: Vec<Wish>,
}

impl Granted {
    fn count(&self, wish: Wish) -> u16 {
        self.wishes
            .iter()
            .filter(|granted| **granted == wish)
            .count() as u16
    }
}

/// The rows of the meters in an area.
///
/// `aside` says that another pane shows the processes.
pub(in crate::tui) fn plan(host: &Host, area: Rect, aside: bool) -> Vec<Row> {
    let has = Has::of(host, aside);
    let roomy = area.height >= ROOMY;
    let mut rows = trouble(host, verdict::room(area));
    if host.machine.is_none() && host.gpus.is_none() {
        return rows;
    }
    if !rows.is_empty() {
        rows.push(Row::Blank);
    }
    let fixed = rows.len() + must(&has, roomy).len();
    let granted = grant(&has, usize::from(area.height).saturating_sub(fixed), roomy);
    let rule = |rows: &mut Vec<Row>, section| {
        if roomy {
            rows.push(Row::Rule(section));
        }
    };
    if has.unified || has.gpus.is_empty() {
        rule(&mut rows, Section::Memory);
        rows.extend(memory_rows(roomy));
    }
    gpu_rows(&mut rows, &has, &granted, roomy);
    graph_rows(&mut rows, &has, &granted, roomy);
    machine_rows(&mut rows, &has, &granted, roomy);
    let processes = granted.count(Wish::Processes);
    if processes > 1 {
        rule(&mut rows, Section::Processes);
        rows.push(Row::ProcessHead);
        rows.extend((0..usize::from(processes) - 1).map(Row::Process));
    }
    rows
}

impl<'a> Has<'a> {
    fn of(host: &'a Host, aside: bool) -> Self {
        let gpus = host
            .gpus
            .as_ref()
            .map_or(&[][..], |read| &read.value.gpus[..]);
        Self {
            gpus,
            unified: gpus.iter().any(|gpu| gpu.memory == GpuMemory::Unified),
            disks: host.disks.as_ref().map_or(0, |read| read.value.len()),
            machine: host.machine.is_some(),
            layout: if gpus.len() > FEW {
                Shape::Table
            } else {
                Shape::Apart
            },
            aside,
        }
    }

    fn table(&self) -> bool {
        self.layout == Shape::Table
    }

    /// Whether the machine's memory is not that of its GPUs.
    fn has_ram_apart(&self) -> bool {
        self.machine && !self.unified && !self.gpus.is_empty()
    }

    /// Rows that one more of a wish takes; `None` where it is not to be had.
    fn cost(&self, wish: Wish, granted: &Granted, roomy: bool) -> Option<usize> {
        let again = granted.count(wish);
        let few = self.gpus.len();
        match wish {
            // Many GPUs have their past in the table, without rules and labels.
            Wish::Use | Wish::Heat | Wish::Power | Wish::More => {
                (!self.table() && few > 0).then_some(few)
            }
            Wish::Memory if self.table() => None,
            Wish::Memory => Some(if self.unified { 1 } else { few.max(1) }),
            Wish::CpuGraph => (!self.table() && self.machine).then_some(1),
            Wish::Ruler => Some(1 + usize::from(roomy && !self.table())),
            Wish::Cpu => self
                .machine
                .then_some(1 + usize::from(roomy) + usize::from(self.has_ram_apart())),
            Wish::Network => self.machine.then_some(1),
            Wish::Disk => (usize::from(again) < self.disks).then_some(1),
            // The first brings the head.
            Wish::Processes if few == 0 || self.aside => None,
            Wish::Processes => Some(if again == 0 {
                usize::from(roomy) + 1
            } else {
                1
            }),
            Wish::TableLine => (self.table() && again < MOST_LINES).then_some(few),
        }
    }
}

/// The bar of memory and its legend.
fn memory_rows(roomy: bool) -> [Row; 2] {
    let dress = if roomy { Dress::Bare } else { Dress::Named };
    [Row::MemoryBar(dress), Row::MemoryLegend(dress)]
}

/// Graphs grow with what is left when all wishes are granted, to this many rows each.
const TALLEST: u16 = 6;

/// Lines of a GPU in the table beside its first.
const MOST_LINES: u16 = 4;

/// Grants wishes in their order while rows are left.
fn grant(has: &Has<'_>, mut left: usize, roomy: bool) -> Granted {
    let mut granted = Granted::default();
    for wish in ORDER {
        if let Some(cost) = has.cost(wish, &granted, roomy)
            && cost <= left
        {
            left -= cost;
            granted.wishes.push(wish);
        }
    }
    let graphs = [
        Wish::TableLine,
        Wish::Use,
        Wish::Memory,
        Wish::Heat,
        Wish::Power,
        Wish::CpuGraph,
    ];
    for wish in graphs
        .into_iter()
        .cycle()
        .take(graphs.len() * usize::from(TALLEST))
    {
        if granted.count(wish) < TALLEST
            && let Some(cost) = has.cost(wish, &granted, roomy)
            && cost <= left
        {
            left -= cost;
            granted.wishes.push(wish);
        }
    }
    granted
}

/// What is wrong, before any number.
fn trouble(host: &Host, cells: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let read = host.machine.is_some() || host.gpus.is_some();
    let gone = matches!(
        host.word,
        HealthWord::Down | HealthWord::Wedged | HealthWord::Stale
    );
    if gone || !read {
        rows.push(Row::Verdict);
        let (why, mend) = verdict::texts(host);
        if !why.is_empty() {
            rows.extend((0..wrap(&why, cells).len()).map(Row::Why));
        }
        if !mend.is_empty() {
            rows.extend((0..wrap(&mend, cells).len()).map(Row::Mend));
        }
        rows.push(Row::Seen);
    }
    let condition = host.gpus.as_ref().map(|read| &read.value.condition);
    if condition.is_some_and(|condition| *condition != GpuCondition::Working) {
        rows.push(Row::Condition);
    }
    rows
}

/// Rows that are there whatever the room.
fn must(has: &Has<'_>, roomy: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    if has.unified || has.gpus.is_empty() {
        rows.extend(memory_rows(roomy));
        if roomy {
            rows.push(Row::Rule(Section::Memory));
        }
    }
    gpu_rows(&mut rows, has, &Granted::default(), roomy);
    rows
}

fn gpu_rows(rows: &mut Vec<Row>, has: &Has<'_>, granted: &Granted, roomy: bool) {
    if has.gpus.is_empty() {
        return;
    }
    if has.table() {
        if roomy {
            rows.push(Row::Rule(Section::Gpus));
        }
        let lines = 1 + granted.count(Wish::TableLine);
        rows.push(Row::TableHead(lines));
        for gpu in 0..has.gpus.len() {
            rows.extend((0..lines).map(|line| Row::TableLine(gpu, line, lines)));
        }
        if granted.count(Wish::Ruler) > 0 {
            rows.push(Row::Ruler);
        }
        rows.push(Row::TableNotes);
    } else {
        for (gpu, reading) in has.gpus.iter().enumerate() {
            if roomy {
                rows.push(Row::Rule(Section::Gpu(gpu)));
            }
            rows.push(Row::GpuFacts(
                gpu,
                if roomy { Dress::Bare } else { Dress::Named },
            ));
            if matches!(reading.memory, GpuMemory::Dedicated { .. }) {
                rows.push(Row::GpuMemory(gpu));
            }
            if granted.count(Wish::More) > 0 {
                rows.push(Row::GpuMore(gpu));
            }
        }
    }
    for (gpu, reading) in has.gpus.iter().enumerate() {
        if !reading.mig.is_empty() {
            rows.push(Row::Mig(gpu));
        }
    }
}

fn graph_rows(rows: &mut Vec<Row>, has: &Has<'_>, granted: &Granted, roomy: bool) {
    if has.table() || granted.count(Wish::Ruler) == 0 {
        return;
    }
    let start = rows.len();
    if roomy {
        rows.push(Row::Rule(Section::History));
    }
    let mut push = |key: SeriesKey, gpu: Option<usize>, height: u16| {
        rows.extend((0..height).map(|row| Row::Graph(Curve { key, gpu }, row, height)));
    };
    for gpu in 0..has.gpus.len() {
        let n = gpu as u32;
        push(
            SeriesKey::GpuUtilisation(n),
            Some(gpu),
            granted.count(Wish::Use),
        );
        if !has.unified {
            push(
                SeriesKey::GpuMemory(n),
                Some(gpu),
                granted.count(Wish::Memory),
            );
        }
    }
    if has.unified || has.gpus.is_empty() {
        push(SeriesKey::Memory, None, granted.count(Wish::Memory));
    }
    for gpu in 0..has.gpus.len() {
        let n = gpu as u32;
        push(
            SeriesKey::GpuTemperature(n),
            Some(gpu),
            granted.count(Wish::Heat),
        );
        push(
            SeriesKey::GpuPower(n),
            Some(gpu),
            granted.count(Wish::Power),
        );
    }
    push(SeriesKey::Cpu, None, granted.count(Wish::CpuGraph));
    if rows.len() == start + usize::from(roomy) {
        rows.truncate(start);
    } else {
        rows.push(Row::Ruler);
    }
}

fn machine_rows(rows: &mut Vec<Row>, has: &Has<'_>, granted: &Granted, roomy: bool) {
    if granted.count(Wish::Cpu) > 0 {
        if roomy {
            rows.push(Row::Rule(Section::Machine));
        }
        rows.push(Row::Cpu);
    }
    // Memory of the machine beside GPUs that have their own.
    if has.has_ram_apart() && granted.count(Wish::Cpu) > 0 {
        rows.push(Row::MemoryBar(Dress::Named));
    }
    if granted.count(Wish::Network) > 0 {
        rows.push(Row::Network);
    }
    rows.extend((0..usize::from(granted.count(Wish::Disk))).map(Row::Disk));
}
