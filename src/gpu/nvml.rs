//! NVML in this process: loaded at run time, asked on a thread of its own, because a wedged driver never answers and a
//! thread that waits for it can only be left behind. What the answers mean is decided in `nvml_map`.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::nvml_map::{Answers, MigAnswers, condition, metric, reading, silent};
use super::probe::ProbeLine;
use crate::domain::{
    GpuCondition, GpuId, GpuProcess, GpuReport, GpuSourceKind, Metric, Mib, Missing,
};
use crate::text::SafeText;

/// After so many readings that did not come the driver is called hung.
const MISSED_TO_HUNG: u32 = 5;

/// NVML on this machine.
#[derive(Debug)]
pub struct NvmlSource;

impl NvmlSource {
    /// Loads the library and starts the thread that asks it; the reason in words where there is none.
    pub fn start() -> Result<NvmlThread, GpuCondition> {
        let nvml = Nvml::init().map_err(|error| condition(&error))?;
        let (questions, asked) = sync_channel(1);
        let (answers, lines) = mpsc::channel(2);
        std::thread::Builder::new()
            .name("nvml".into())
            .spawn(move || serve(&nvml, &asked, &answers))
            .map_err(|error| GpuCondition::Failed {
                detail: error.to_string().into(),
            })?;
        Ok(NvmlThread {
            state: State::Asking {
                questions,
                lines,
                missed: 0,
            },
        })
    }

    /// Starts it, or stands for its absence: every reading then tells the reason.
    pub fn start_or_say_why() -> NvmlThread {
        Self::start().unwrap_or_else(|condition| NvmlThread {
            state: State::Absent(condition),
        })
    }
}

/// The thread that asks NVML. Dropping this ends it as soon as NVML lets go.
#[derive(Debug)]
pub struct NvmlThread {
    state: State,
}

#[derive(Debug)]
enum State {
    Absent(GpuCondition),
    Asking {
        questions: SyncSender<()>,
        lines: mpsc::Receiver<ProbeLine>,
        /// Readings in a row that did not come in time.
        missed: u32,
    },
}

impl NvmlThread {
    /// A new reading, if one comes within `limit`. While an older question hangs nothing new is asked, and after five
    /// that did not come the driver's state is told instead.
    pub async fn read(&mut self, limit: Duration) -> Option<ProbeLine> {
        let (questions, lines, missed) = match &mut self.state {
            State::Absent(condition) => return Some(bare(condition.clone())),
            State::Asking {
                questions,
                lines,
                missed,
            } => (questions, lines, missed),
        };
        if let Err(TrySendError::Disconnected(())) = questions.try_send(()) {
            return Some(bare(GpuCondition::Failed {
                detail: "the thread that asks NVML has ended".into(),
            }));
        }
        // Once it hangs, a beat waits for it no longer.
        let limit = if *missed == 0 { limit } else { Duration::ZERO };
        match timeout(limit, lines.recv()).await {
            Ok(Some(line)) => {
                *missed = 0;
                Some(line)
            }
            _ => {
                *missed = missed.saturating_add(1);
                (*missed == MISSED_TO_HUNG).then(|| bare(GpuCondition::Hung))
            }
        }
    }
}

fn bare(condition: GpuCondition) -> ProbeLine {
    ProbeLine {
        report: GpuReport {
            condition,
            source: GpuSourceKind::Nvml,
            driver: Metric::default(),
            cuda: Metric::default(),
            gpus: Vec::new(),
        },
        processes: Vec::new(),
    }
}

fn serve(nvml: &Nvml, asked: &Receiver<()>, answers: &mpsc::Sender<ProbeLine>) {
    for () in asked {
        if answers.blocking_send(read_all(nvml)).is_err() {
            return;
        }
    }
}

fn read_all(nvml: &Nvml) -> ProbeLine {
    let count = match nvml.device_count() {
        Ok(0) => return bare(GpuCondition::NoDevices),
        Ok(count) => count,
        Err(error) => return bare(condition(&error)),
    };
    let mut line = bare(GpuCondition::Working);
    line.report.driver = metric(&nvml.sys_driver_version(), |v| v.as_str().into());
    line.report.cuda = metric(&nvml.sys_cuda_driver_version(), |v| {
        let (major, minor) = (cuda_driver_version_major(*v), cuda_driver_version_minor(*v));
        format!("{major}.{minor}").into()
    });
    for index in 0..count {
        match nvml.device_by_index(index) {
            Ok(device) => {
                let gpu = reading(index, &ask(&device));
                line.processes.extend(processes(&device, &gpu.id));
                line.report.gpus.push(gpu);
            }
            // The others still answer, and this one keeps its place.
            Err(error) => {
                line.report.condition = condition(&error);
                line.report.gpus.push(silent(index, &error));
            }
        }
    }
    line
}

fn ask(device: &Device<'_>) -> Answers {
    let memory = |device: &Device<'_>| device.memory_info().map(|m| (m.used, m.total));
    let ecc = |kind| device.total_ecc_errors(kind, EccCounter::Volatile);
    let instances = device.mig_device_count().unwrap_or(0);
    Answers {
        uuid: device.uuid(),
        name: device.name(),
        bus_id: device.pci_info().map(|pci| pci.bus_id),
        gpu_percent: device.utilization_rates().map(|rates| rates.gpu),
        memory: memory(device),
        celsius: device.temperature(TemperatureSensor::Gpu),
        milliwatts: device.power_usage(),
        limit_milliwatts: device.enforced_power_limit(),
        sm_mhz: device.clock_info(Clock::SM),
        memory_mhz: device.clock_info(Clock::Memory),
        fan_percent: device.fan_speed(0),
        pstate: device.performance_state().and_then(|state| {
            u8::try_from(state.as_c()).map_err(|_| nvml_wrapper::error::NvmlError::Unknown)
        }),
        throttle_bits: device.current_throttle_reasons().map(|bits| bits.bits()),
        ecc: ecc(MemoryError::Corrected)
            .and_then(|corrected| Ok((corrected, ecc(MemoryError::Uncorrected)?))),
        mig: (0..instances)
            .filter_map(|n| device.mig_device_by_index(n).ok())
            .map(|instance| MigAnswers {
                uuid: instance.uuid(),
                name: instance.name(),
                memory: memory(&instance),
            })
            .collect(),
    }
}

fn processes(device: &Device<'_>, gpu: &GpuId) -> Vec<GpuProcess> {
    let running = device.running_compute_processes().unwrap_or_default();
    let one = |process: nvml_wrapper::struct_wrappers::device::ProcessInfo| GpuProcess {
        pid: process.pid,
        gpu: gpu.clone(),
        memory: match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Metric::Is(Mib::from_bytes(bytes)),
            UsedGpuMemory::Unavailable => Metric::Missing(Missing::NotSupported),
        },
        user: Metric::default(),
        command: SafeText::default(),
        container: Metric::default(),
        started: Metric::default(),
    };
    running.into_iter().map(one).collect()
}
