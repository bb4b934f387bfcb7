//! The fleet at one moment as a table for people (pure), and below it what is wrong, each with its mend.

use super::print::table;
use super::snapshot::{machine_memory, memory_of};
use crate::domain::{
    GpuCondition, GpuHealth, GpuMemory, GpuReading, HealthWord, Memory, Metric, Mib,
};
use crate::engine::{Fleet, Host, Outcome, Verdict};

const HEAD: [&str; 7] = ["HOST", "STATE", "GPU", "UTIL", "MEMORY", "TEMP", "POWER"];

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// The table and the troubles.
pub(super) fn overview(fleet: &Fleet) -> String {
    let rows: Vec<Vec<String>> = fleet.hosts.iter().flat_map(|host| rows(host)).collect();
    let mut text = table(&HEAD, &rows);
    let troubles: Vec<String> = fleet
        .hosts
        .iter()
        .filter(|host| host.word != HealthWord::Ok)
        .map(|host| trouble(host))
        .collect();
    if !troubles.is_empty() {
        text.push_str("\n\n");
        text.push_str(&troubles.join("\n"));
    }
    text
}

/// One row per GPU, or one for the host.
fn rows(host: &Host) -> Vec<Vec<String>> {
    let memory = machine_memory(host);
    let gpus = host.gpus.as_ref().map(|timed| timed.value.as_ref());
    let mut rows: Vec<Vec<String>> = gpus
        .iter()
        .flat_map(|report| &report.gpus)
        .map(|gpu| gpu_row(host, gpu, memory))
        .collect();
    if rows.is_empty() {
        let why = match gpus.map(|report| &report.condition) {
            None => NOTHING.to_owned(),
            Some(GpuCondition::NoTool | GpuCondition::NoDevices) => "none".to_owned(),
            Some(other) => other.words(),
        };
        let used = memory.map_or(NOTHING.into(), |memory| of(memory.used(), memory.total));
        rows.push(row(
            host,
            [why, NOTHING.into(), used, NOTHING.into(), NOTHING.into()],
        ));
    }
    // Only the first row of a host names it.
    for later in rows.iter_mut().skip(1) {
        for cell in later.iter_mut().take(2) {
            cell.clear();
        }
    }
    rows
}

fn row(host: &Host, cells: [String; 5]) -> Vec<String> {
    let mut row = vec![host.id.to_string(), host.word.word().to_owned()];
    row.extend(cells);
    row
}

fn gpu_row(host: &Host, gpu: &GpuReading, memory: Option<Memory>) -> Vec<String> {
    let name = format!("{} {}", gpu.index, gpu.name);
    if gpu.health == GpuHealth::Lost {
        let nothing = || NOTHING.to_owned();
        return row(
            host,
            [
                format!("{name}: off the bus"),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
            ],
        );
    }
    let power = match (gpu.power.value(), gpu.power_limit.value()) {
        (Some(power), Some(limit)) => format!("{:.0} / {:.0} W", power.0, limit.0),
        _ => cell(&gpu.power, |watts| format!("{:.0} W", watts.0)),
    };
    row(
        host,
        [
            name,
            cell(&gpu.utilisation, |percent| format!("{:.0} %", percent.0)),
            memory_cell(&gpu.memory, memory),
            cell(&gpu.temperature, |celsius| format!("{:.0} °C", celsius.0)),
            power,
        ],
    )
}

fn memory_cell(memory: &GpuMemory, machine: Option<Memory>) -> String {
    if let GpuMemory::Missing(why) = memory {
        return why.words().to_owned();
    }
    match memory_of(memory, machine) {
        (Some(used), Some(total)) if *memory == GpuMemory::Unified => {
            format!("{} unified", of(Mib(used), Mib(total)))
        }
        (Some(used), Some(total)) => of(Mib(used), Mib(total)),
        _ => NOTHING.to_owned(),
    }
}

fn of(used: Mib, total: Mib) -> String {
    format!("{used} of {total}")
}

fn cell<T>(metric: &Metric<T>, show: impl Fn(&T) -> String) -> String {
    match metric {
        Metric::Is(value) => show(value),
        Metric::Missing(why) => why.words().to_owned(),
    }
}

fn trouble(host: &Host) -> String {
    let head = format!("{} {}: {}", host.id, host.word.word(), host.detail);
    let head = head.trim_end_matches([':', ' ']).to_owned();
    let (Verdict::Down { rung, .. } | Verdict::Wedged { rung, .. }) = host.ladder.verdict() else {
        return head;
    };
    match host.ladder.outcome(rung) {
        Outcome::Failed {
            hint: Some(hint), ..
        } => format!("{head}\n    {hint}"),
        _ => head,
    }
}
