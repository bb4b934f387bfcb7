//! The GPUs as `nvidia-smi` prints them in CSV (pure).

use std::fmt::Write as _;

use super::look::Said;
use super::scene::Scene;
use crate::demo::readings;
use crate::domain::{GpuCondition, GpuMemory, GpuReport, Metric};

/// `nvidia-smi`'s status when a GPU can't be reached.
const LOST: u32 = 15;

/// `nvidia-smi --query-gpu=…`
pub(super) fn gpus(scene: &Scene<'_>) -> Said {
    let report = match report(scene) {
        Ok(report) => report,
        Err(said) => return said,
    };
    let mut text = "index, name, utilization.gpu [%], memory.used [MiB], memory.total [MiB], temperature.gpu, power.draw [W], pstate, ecc.errors.uncorrected.volatile.total\n".to_owned();
    for gpu in &report.gpus {
        let (used, total) = match gpu.memory {
            GpuMemory::Dedicated { used, total } => {
                (format!("{} MiB", used.0), format!("{} MiB", total.0))
            }
            _ => ("[N/A]".into(), "[N/A]".into()),
        };
        let _ = writeln!(
            text,
            "{}, {}, {}, {used}, {total}, {}, {}, {}, {}",
            gpu.index,
            gpu.name,
            cell(&gpu.utilisation, |share| format!("{:.0} %", share.0)),
            cell(&gpu.temperature, |heat| format!("{:.0}", heat.0)),
            cell(&gpu.power, |power| format!("{:.2} W", power.0)),
            cell(&gpu.pstate, |state| format!("P{state}")),
            cell(&gpu.ecc, |_| "0".into()),
        );
    }
    text.into()
}

/// `nvidia-smi --query-compute-apps=…`
pub(super) fn tasks(scene: &Scene<'_>) -> Said {
    if let Err(said) = report(scene) {
        return said;
    }
    let mut text = "pid, process_name, used_gpu_memory [MiB], gpu_uuid\n".to_owned();
    for task in readings::now(scene.name, scene.world).processes {
        let program = task
            .command
            .as_str()
            .split_whitespace()
            .next()
            .unwrap_or_default();
        let memory = cell(&task.memory, |mib| format!("{} MiB", mib.0));
        let _ = writeln!(text, "{}, {program}, {memory}, {}", task.pid, task.gpu);
    }
    text.into()
}

/// What the driver knows, or what the tool says instead.
fn report(scene: &Scene<'_>) -> Result<GpuReport, Said> {
    let report = readings::now(scene.name, scene.world).gpus;
    match report {
        None => Err(Said::fails(
            127,
            "timeout: failed to run command 'nvidia-smi': No such file or directory\n",
        )),
        // The tool complains on its standard output.
        Some(GpuReport {
            condition: GpuCondition::Lost { detail },
            ..
        }) => Err(Said {
            out: format!("{detail}\n"),
            status: LOST,
            ..Said::default()
        }),
        Some(report) => Ok(report),
    }
}

fn cell<T>(metric: &Metric<T>, words: impl Fn(&T) -> String) -> String {
    match metric {
        Metric::Is(value) => words(value),
        Metric::Missing(_) => "[N/A]".to_owned(),
    }
}
