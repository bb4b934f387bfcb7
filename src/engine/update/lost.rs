//! A GPU that fell off the bus makes nvidia-smi give up on all of them: those that we knew stay on the list. Pure.

use std::sync::Arc;

use crate::domain::{GpuCondition, GpuHealth, GpuMemory, GpuReading, GpuReport, Missing};

/// The report, with the GPUs of the last one where the tool gave up over a lost one.
pub(super) fn keep_known(last: Option<&GpuReport>, report: Arc<GpuReport>) -> Arc<GpuReport> {
    let GpuCondition::Lost { detail } = &report.condition else {
        return report;
    };
    let Some(last) = last.filter(|_| report.gpus.is_empty()) else {
        return report;
    };
    let gpus = last.gpus.iter().map(|gpu| unread(gpu, detail.as_str()));
    Arc::new(GpuReport {
        gpus: gpus.collect(),
        ..(*report).clone()
    })
}

/// What stays known of a GPU that is not read any more.
fn unread(gpu: &GpuReading, detail: &str) -> GpuReading {
    let why = if gpu.health == GpuHealth::Lost || names(detail, gpu) {
        Missing::Lost
    } else {
        Missing::NotReported
    };
    let unread = GpuReading::unread(gpu.id.clone(), gpu.index, gpu.name.clone(), &why);
    let memory = match &gpu.memory {
        GpuMemory::Unified => GpuMemory::Unified,
        _ => unread.memory,
    };
    // What does not change while it is silent stays known.
    GpuReading {
        memory,
        bus_id: gpu.bus_id.clone(),
        power_limit: gpu.power_limit.clone(),
        mig: gpu.mig.clone(),
        ..unread
    }
}

/// Whether nvidia-smi's complaint names this GPU: `GPU 0000:1B:00.0`, with four digits of the domain where its table
/// has eight.
fn names(detail: &str, gpu: &GpuReading) -> bool {
    let Some(bus) = gpu.bus_id.value() else {
        return false;
    };
    let bus = bus.as_str().to_ascii_lowercase();
    let short = bus.strip_prefix("0000").filter(|rest| rest.len() == 12);
    detail.to_ascii_lowercase().contains(short.unwrap_or(&bus))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Metric, Mib};
    use crate::engine::sim::{SimGpu, SimMachine};

    fn known(condition: GpuCondition) -> GpuReport {
        let total = Mib(143_771);
        let sample = SimMachine::new(1, SimGpu::Card { total }, 3).sample();
        let mut report = (*sample.gpus.unwrap()).clone();
        report.condition = condition;
        for (gpu, bus) in report.gpus.iter_mut().zip(["1B", "2b", "3B"]) {
            gpu.bus_id = Metric::Is(format!("00000000:{bus}:00.0").into());
        }
        report
    }

    fn gave_up(detail: &str) -> Arc<GpuReport> {
        let detail = detail.into();
        Arc::new(GpuReport {
            gpus: Vec::new(),
            ..known(GpuCondition::Lost { detail })
        })
    }

    #[test]
    fn the_list_stays_and_the_lost_one_is_named() {
        let last = known(GpuCondition::Working);
        let now =
            gave_up("Unable to determine the device handle for GPU 0000:2B:00.0: GPU is lost.");
        let kept = keep_known(Some(&last), Arc::clone(&now));
        let health: Vec<_> = kept.gpus.iter().map(|gpu| gpu.health.clone()).collect();
        assert_eq!(health, [GpuHealth::Ok, GpuHealth::Lost, GpuHealth::Ok]);
        assert!(
            kept.gpus
                .iter()
                .all(|gpu| gpu.utilisation.value().is_none())
        );
        assert_eq!(kept.condition, now.condition);
        // Told again, it is the same list.
        assert_eq!(keep_known(Some(&kept), Arc::clone(&now)), kept);
        // A complaint that names none blames none.
        let other = keep_known(Some(&last), gave_up("a GPU is lost."));
        assert!(other.gpus.iter().all(|gpu| gpu.health == GpuHealth::Ok));
        assert_eq!(keep_known(None, Arc::clone(&now)), now);
    }

    #[test]
    fn other_reports_stay_as_they_are() {
        let last = known(GpuCondition::Working);
        for condition in [
            GpuCondition::NoDriver,
            GpuCondition::Hung,
            GpuCondition::Working,
        ] {
            let bare = Arc::new(GpuReport {
                gpus: Vec::new(),
                ..known(condition)
            });
            assert_eq!(keep_known(Some(&last), Arc::clone(&bare)), bare);
        }
    }
}
