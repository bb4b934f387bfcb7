//! The fleet in words for the assistant (pure): every value with its age, every missing one with its reason. The names of things
//! on hosts are foreign; whoever hands this on marks it so.

use std::fmt::Write as _;

use crate::domain::{
    Age, Container, ContainerState, GpuHealth, GpuMemory, GpuReading, HealthWord, MachineReading,
    Metric,
};
use crate::engine::{DaemonState, Fleet, Host, Link, Outcome, Verdict};

/// Hosts, containers and processes beyond so many are only counted.
const MOST_HOSTS: usize = 60;
const MOST_CONTAINERS: usize = 30;
const MOST_PROCESSES: usize = 12;
const MOST_ALERTS: usize = 20;

/// The whole fleet, a paragraph per host.
pub(super) fn fleet(fleet: &Fleet) -> Vec<String> {
    let mut lines = vec![format!(
        "fleet {}, {} hosts{}",
        fleet.name,
        fleet.hosts.len(),
        if fleet.read_only {
            ", read-only: every change is refused"
        } else {
            ""
        }
    )];
    for shown in fleet.hosts.iter().take(MOST_HOSTS) {
        host(fleet, shown, &mut lines);
    }
    left_out("hosts", fleet.hosts.len(), MOST_HOSTS, &mut lines);
    let open = fleet.alerts.iter().filter(|alert| alert.until.is_none());
    for alert in open.take(MOST_ALERTS) {
        let since = fleet.at.since(alert.since).words();
        lines.push(format!(
            "alert for {since}: {} is {}: {}",
            alert.host,
            word(alert.word),
            alert.detail
        ));
    }
    lines
}

/// Why a host can't be asked anything now; `None` where it can.
pub(super) fn why_down(fleet: &Fleet, host: &Host) -> Option<Vec<String>> {
    if matches!(host.link, Link::Up { .. } | Link::Local) {
        return None;
    }
    let mut lines = vec![format!(
        "{} is {} for {}{}",
        host.id,
        word(host.word),
        fleet.at.since(host.since).words(),
        detail(host)
    )];
    lines.extend(failure(fleet, host));
    let seen = host.seen.map(|seen| fleet.at.since(seen).words());
    lines.push(seen.map_or_else(
        || "it has never answered in this session".to_owned(),
        |seen| format!("it last answered {seen} ago"),
    ));
    Some(lines)
}

fn host(fleet: &Fleet, host: &Host, lines: &mut Vec<String>) {
    let trip = host
        .round_trip
        .map(|trip| format!(", round trip {} ms", trip.as_millis()));
    lines.push(format!(
        "{}: {} for {}{}{}, {}",
        host.id,
        word(host.word),
        fleet.at.since(host.since).words(),
        detail(host),
        trip.unwrap_or_default(),
        link(fleet, &host.link),
    ));
    lines.extend(failure(fleet, host).map(|line| format!("  {line}")));
    match &host.machine {
        Some(machine) => {
            let age = aged(machine.age(fleet.at), fleet);
            lines.push(format!("  machine{age}: {}", of_machine(&machine.value)));
        }
        None => lines.push("  machine: not read yet".into()),
    }
    gpus(fleet, host, lines);
    if let Some(disks) = &host.disks {
        let age = aged(disks.age(fleet.at), fleet);
        let all: Vec<String> = disks
            .value
            .iter()
            .map(|disk| format!("{} {} %", disk.mount, share(disk.used.0, disk.total.0)))
            .collect();
        lines.push(format!("  disks{age}: {}", all.join(", ")));
    }
    containers(fleet, host, lines);
}

fn gpus(fleet: &Fleet, host: &Host, lines: &mut Vec<String>) {
    let Some(report) = &host.gpus else {
        lines.push("  gpus: not read yet".into());
        return;
    };
    let age = aged(report.age(fleet.at), fleet);
    let driver = match &report.value.driver {
        Metric::Is(version) => version.to_string(),
        Metric::Missing(why) => why.words().to_owned(),
    };
    lines.push(format!(
        "  gpu driver{age}: {}, version {driver}",
        report.value.condition.words()
    ));
    lines.extend(report.value.gpus.iter().map(of_gpu));
    let Some(processes) = &host.processes else {
        return;
    };
    for process in processes.value.iter().take(MOST_PROCESSES) {
        let memory = said(&process.memory, ToString::to_string);
        let within = process.container.value();
        let within = within.map(|name| format!(", container {name}"));
        lines.push(format!(
            "  gpu process pid {}: {memory}{}: {}",
            process.pid,
            within.unwrap_or_default(),
            process.command
        ));
    }
    left_out(
        "gpu processes",
        processes.value.len(),
        MOST_PROCESSES,
        lines,
    );
}

fn containers(fleet: &Fleet, host: &Host, lines: &mut Vec<String>) {
    let all = &host.containers;
    match &all.daemon {
        DaemonState::Unknown => return lines.push("  containers: not asked yet".into()),
        DaemonState::Absent { why, .. } => return lines.push(format!("  containers: {why}")),
        DaemonState::Lost { why, since, .. } => lines.push(format!(
            "  containers (as they were {} ago; {why}):",
            fleet.at.since(*since).words()
        )),
        DaemonState::Up { .. } => lines.push(format!("  containers, {}:", all.list.len())),
    }
    let mut list: Vec<&Container> = all.list.iter().map(AsRef::as_ref).collect();
    // What runs, and what should, before what has ended.
    list.sort_by_key(|container| matches!(container.state, ContainerState::Exited(0)));
    for container in list.iter().take(MOST_CONTAINERS) {
        let state = match container.state {
            ContainerState::Exited(status) => format!("exited with {status}"),
            state => state.word().to_owned(),
        };
        lines.push(format!(
            "    {}: {state}, image {}",
            container.name, container.image
        ));
    }
    left_out("containers", list.len(), MOST_CONTAINERS, lines);
}

fn of_machine(machine: &MachineReading) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "cpu {}",
        said(&machine.cpu, |cpu| format!("{:.0} %", cpu.0))
    );
    let load = said(&machine.load, |[one, five, fifteen]| {
        format!("{one:.1} {five:.1} {fifteen:.1}")
    });
    let _ = write!(text, ", load {load}");
    let memory = said(&machine.memory, |memory| {
        format!(
            "{} of {} used, {} available, swap {} of {}",
            memory.used(),
            memory.total,
            memory.available,
            memory.swap_used,
            memory.swap_total
        )
    });
    let _ = write!(text, ", memory {memory}");
    let pressure = said(&machine.pressure, |pressure| {
        format!(
            "cpu {:.0} %, memory {:.0} % (full {:.0} %), io full {:.0} %",
            pressure.cpu_some.0, pressure.memory_some.0, pressure.memory_full.0, pressure.io_full.0
        )
    });
    let _ = write!(text, ", pressure {pressure}");
    let uptime = said(&machine.uptime, |seconds| {
        Age(seconds.saturating_mul(1000)).words()
    });
    let _ = write!(text, ", up {uptime}");
    text
}

fn of_gpu(gpu: &GpuReading) -> String {
    if gpu.health == GpuHealth::Lost {
        return format!("  gpu {} {}: LOST, off the bus", gpu.index, gpu.name);
    }
    let memory = match &gpu.memory {
        GpuMemory::Dedicated { used, total } => format!("{used} of {total}"),
        GpuMemory::Unified => "unified with the machine's".into(),
        GpuMemory::Missing(why) => why.words().to_owned(),
    };
    let throttled = match &gpu.throttle {
        Metric::Is(throttle) => throttle.words().collect::<Vec<_>>().join(", "),
        Metric::Missing(_) => String::new(),
    };
    let throttled = if throttled.is_empty() {
        throttled
    } else {
        format!(", throttled by {throttled}")
    };
    format!(
        "  gpu {} {}: {} busy, memory {memory}, {}, {}{throttled}",
        gpu.index,
        gpu.name,
        said(&gpu.utilisation, |busy| format!("{:.0} %", busy.0)),
        said(&gpu.temperature, |heat| format!("{:.0} °C", heat.0)),
        said(&gpu.power, |power| format!("{:.0} W", power.0)),
    )
}

fn link(fleet: &Fleet, link: &Link) -> String {
    match link {
        Link::Local => "this machine".into(),
        Link::Dialing { attempt, .. } => format!("being dialled, attempt {attempt}"),
        Link::Up { .. } => "connected".into(),
        Link::Waiting { until, why } => {
            let wait = until.since(fleet.at).words();
            format!("dialled again in {wait}: {why}")
        }
        Link::Held { why } => format!("not dialled until a person acts: {why}"),
    }
}

/// The rung of the ladder that fails, and why.
fn failure(fleet: &Fleet, host: &Host) -> Option<String> {
    let (Verdict::Down { rung, since } | Verdict::Wedged { rung, since }) = host.ladder.verdict()
    else {
        return None;
    };
    let why = match host.ladder.outcome(rung) {
        Outcome::Failed { why, .. } => why.to_string(),
        Outcome::Untried | Outcome::Holds { .. } => String::new(),
    };
    let since = fleet.at.since(since).words();
    Some(format!("fails at {} for {since}: {why}", rung.word()))
}

fn detail(host: &Host) -> String {
    if host.detail.is_empty() {
        String::new()
    } else {
        format!(" ({})", host.detail)
    }
}

fn word(word: HealthWord) -> &'static str {
    match word {
        HealthWord::Ok => "ok",
        HealthWord::Connecting => "connecting",
        HealthWord::Asking => "waiting for a person's answer",
        HealthWord::Stale => "stale",
        HealthWord::Hot => "hot",
        HealthWord::Tight => "tight on memory",
        HealthWord::Driver => "without its gpu driver",
        HealthWord::Down => "DOWN",
        HealthWord::Wedged => "WEDGED",
    }
}

/// How old a value is, where it is older than two samples.
fn aged(age: Age, fleet: &Fleet) -> String {
    if age.duration() > 2 * fleet.period {
        format!(" ({} old)", age.words())
    } else {
        String::new()
    }
}

fn said<T>(metric: &Metric<T>, words: impl FnOnce(&T) -> String) -> String {
    match metric {
        Metric::Is(value) => words(value),
        Metric::Missing(why) => format!("({})", why.words()),
    }
}

fn share(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100)
        .checked_div(whole)
        .unwrap_or_default()
}

fn left_out(what: &str, all: usize, most: usize, lines: &mut Vec<String>) {
    if all > most {
        lines.push(format!("  {} more {what} are left out", all - most));
    }
}
