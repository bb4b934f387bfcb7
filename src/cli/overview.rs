//! The fleet at one moment as a table for people (pure), and below it what is wrong, each with its mend. Cells are short
//! and as wide from one look to the next: why a value is missing stands in the JSON, the whole trouble below the table.

use super::print::table;
use super::snapshot::{machine_memory, memory_of};
use crate::domain::{
    GpuCondition, GpuHealth, GpuMemory, GpuReading, HealthWord, Memory, Metric, Mib,
};
use crate::engine::{Fleet, Host, Outcome, Verdict};
use crate::text::cut;

const HEAD: [&str; 7] = ["HOST", "STATE", "GPU", "UTIL", "MEMORY", "TEMP", "POWER"];

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// Widest cell that names a GPU or says why there is none: the table then fits 80 columns beside hosts of nine letters.
const WIDEST: usize = 18;

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
            Some(other) => cut(&other.words(), WIDEST).into_owned(),
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
    let name = gpu_name(gpu);
    if gpu.health == GpuHealth::Lost {
        let nothing = || NOTHING.to_owned();
        return row(host, [name, "lost".into(), nothing(), nothing(), nothing()]);
    }
    let power = match (gpu.power.value(), gpu.power_limit.value()) {
        (Some(power), Some(limit)) => format!("{:.0}/{:.0} W", power.0, limit.0),
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

/// `0 H200`, `0 GB10 unified`: the vendor is no news to a person.
fn gpu_name(gpu: &GpuReading) -> String {
    let name = gpu.name.as_str();
    let name = name.strip_prefix("NVIDIA ").unwrap_or(name);
    let unified = match gpu.memory {
        GpuMemory::Unified => " unified",
        _ => "",
    };
    let name = format!("{} {name}", gpu.index);
    format!("{}{unified}", cut(&name, WIDEST - unified.len()))
}

fn memory_cell(memory: &GpuMemory, machine: Option<Memory>) -> String {
    match memory_of(memory, machine) {
        (Some(used), Some(total)) => of(Mib(used), Mib(total)),
        _ => NOTHING.to_owned(),
    }
}

/// Both in the unit of the whole.
fn of(used: Mib, total: Mib) -> String {
    let used = match (total.0, used.0) {
        (0..1024, mib) => format!("{mib}"),
        (_, 0..10_240) => format!("{:.1}", used.gib()),
        _ => format!("{:.0}", used.gib()),
    };
    format!("{used} of {total}")
}

fn cell<T>(metric: &Metric<T>, show: impl Fn(&T) -> String) -> String {
    metric.value().map_or_else(|| NOTHING.to_owned(), show)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GpuId, Missing};
    use crate::text::width;

    fn gpu(name: &str, memory: GpuMemory) -> GpuReading {
        GpuReading {
            id: GpuId::new("GPU-0"),
            index: 0,
            name: name.into(),
            bus_id: Metric::default(),
            health: GpuHealth::Ok,
            utilisation: Metric::default(),
            memory,
            temperature: Metric::default(),
            power: Metric::default(),
            power_limit: Metric::default(),
            clock_sm: Metric::default(),
            clock_memory: Metric::default(),
            fan: Metric::default(),
            pstate: Metric::default(),
            throttle: Metric::default(),
            ecc: Metric::default(),
            mig: Vec::new(),
        }
    }

    #[test]
    fn a_gpu_is_named_within_its_cell() {
        let dedicated = GpuMemory::Missing(Missing::NotReported);
        for (name, memory, shown) in [
            ("NVIDIA H200", dedicated.clone(), "0 H200"),
            ("NVIDIA GB10", GpuMemory::Unified, "0 GB10 unified"),
            (
                "NVIDIA GeForce RTX 4090",
                dedicated.clone(),
                "0 GeForce RTX 4090",
            ),
            (
                "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
                dedicated.clone(),
                "0 RTX PRO 6000 Bl…",
            ),
            ("AMD Radeon 8060S", GpuMemory::Unified, "0 AMD Rad… unified"),
        ] {
            let cell = gpu_name(&gpu(name, memory));
            assert_eq!(cell, shown);
            assert!(width(&cell) <= WIDEST);
        }
    }

    #[test]
    fn used_and_total_share_a_unit() {
        for (used, total, shown) in [
            (67_025, 124_610, "65 of 122 GiB"),
            (512, 24_576, "0.5 of 24 GiB"),
            (0, 143_771, "0.0 of 140 GiB"),
            (300, 900, "300 of 900 MiB"),
        ] {
            assert_eq!(of(Mib(used), Mib(total)), shown);
        }
    }
}
