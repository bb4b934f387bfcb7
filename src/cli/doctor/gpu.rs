//! This machine's own NVIDIA driver. Having none is no fault: the console may watch only others.

use std::time::Duration;

use super::check::Check;
use crate::domain::GpuCondition;
use crate::gpu::NvmlSource;

/// How long the driver may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What NVML says of itself.
pub(super) async fn driver() -> Check {
    const ID: &str = "gpu.driver";
    let mut nvml = NvmlSource::start_or_say_why();
    let Some(line) = nvml.read(PATIENCE).await else {
        return Check::fail(
            ID,
            "the driver does not answer",
            "it may be wedged in the kernel: look at `dmesg`; a reboot may be due",
        );
    };
    let report = line.report;
    match &report.condition {
        GpuCondition::Working => {
            let version = report
                .driver
                .value()
                .map_or("of unknown version", |version| version.as_str());
            Check::pass(ID, format!("{} gpus, driver {version}", report.gpus.len()))
        }
        GpuCondition::NoTool | GpuCondition::NoDriver | GpuCondition::NoDevices => {
            Check::pass(ID, format!("none here: {}", report.condition.words()))
        }
        other => Check::fail(
            ID,
            other.words(),
            "look at `nvidia-smi` and `dmesg`; a reboot may be due",
        ),
    }
}
