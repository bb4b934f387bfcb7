//! The host's side of the wire, for a simulated host: readings written as the script would write them.
//! The demo answers with it, and tests hold the reader against it.

use std::fmt::{Display, Write as _};

use super::wire::{Job, Request, Tool, VERSION, WireArgs, Wish};
use crate::domain::{
    Disk, Ecc, GpuCondition, GpuHealth, GpuMemory, GpuProcess, GpuReading, GpuReport, Memory,
    Metric, Mib, Pressure,
};
use crate::gpu::SMI_FIELDS;
use crate::text::SafeText;

/// What a simulated machine shows in one beat. Processors and traffic are counters that only grow.
#[derive(Debug, Clone, PartialEq)]
pub struct Counters {
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f32; 3],
    /// Ticks (1/100 s of one processor) that all processors together were busy since boot.
    pub busy: u64,
    /// Ticks that they were idle since boot.
    pub idle: u64,
    /// Logical processors.
    pub processors: u32,
    /// Main memory and swap.
    pub memory: Memory,
    /// Pressure; none on a kernel without it.
    pub pressure: Option<Pressure>,
    /// Bytes received since boot.
    pub received: u64,
    /// Bytes sent since boot.
    pub sent: u64,
    /// Seconds since boot.
    pub uptime: u64,
}

/// A whole simulated machine at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The machine itself.
    pub counters: Counters,
    /// Its GPUs; none where it has no vendor tool.
    pub gpus: Option<GpuReport>,
    /// Processes on its GPUs.
    pub processes: Vec<GpuProcess>,
    /// Its disks.
    pub disks: Vec<Disk>,
}

/// The far end of one sampler: what the script would say.
#[derive(Debug)]
pub struct FarSide {
    args: WireArgs,
    gpu_rows: bool,
    app_rows: bool,
}

impl FarSide {
    /// The far end that these arguments started.
    pub fn new(args: WireArgs) -> Self {
        Self {
            args,
            gpu_rows: false,
            app_rows: false,
        }
    }

    /// What is said at the start, before the first beat is asked for.
    pub fn hello(&self, world: &World) -> String {
        match world.gpus {
            Some(_) => self.args.hello(&[Tool::NvidiaSmi, Tool::Docker]),
            None => self.args.hello(&[Tool::Docker]),
        }
    }

    /// Everything that is said after one line of input. A line that is no request is answered with nothing.
    pub fn answer(&mut self, line: &str, world: &World) -> String {
        let Some(request) = Request::parse(line) else {
            return String::new();
        };
        let mut all = self.args.encode_beat(request.seq, &world.counters);
        for wish in &request.wishes {
            all += &self.start(wish, world);
        }
        if let Some(report) = &world.gpus {
            if self.gpu_rows {
                all += &self.args.gpu_rows(report);
            }
            if self.app_rows {
                all += &self.args.app_rows(&world.processes);
            }
        }
        all
    }

    fn start(&mut self, wish: &Wish, world: &World) -> String {
        let args = &self.args;
        let Some(report) = &world.gpus else {
            return match wish {
                Wish::Start(Job::Disk) => args.disks(&world.disks),
                other => args.exit(other.job(), 127),
            };
        };
        match wish {
            Wish::Gpu(_) if report.condition == GpuCondition::Working => {
                self.gpu_rows = true;
                args.gpu_header()
            }
            Wish::Gpu(_) => args.refusal(&report.condition),
            Wish::Start(Job::App) => {
                self.app_rows = true;
                args.app_header()
            }
            Wish::Start(Job::List) => args.list(report),
            Wish::Start(Job::Cuda) => args.cuda(report),
            Wish::Start(Job::Disk) => args.disks(&world.disks),
            Wish::Start(Job::Docker) => args.containers(&world.processes),
            Wish::Who(pids) => args.who(pids, &world.processes),
            Wish::Start(other) => args.exit(*other, 127),
        }
    }
}

impl WireArgs {
    /// One line of a job, or of a beat, with its newline.
    pub fn line(&self, tag: &str, text: &str) -> String {
        format!("{} {tag} {text}\n", self.nonce)
    }

    /// What is said first.
    pub fn hello(&self, tools: &[Tool]) -> String {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name()).collect();
        self.line("hello", &format!("{VERSION} {}", names.join(" ")))
    }

    /// That a job's tool ended with this status.
    pub fn exit(&self, job: Job, status: u32) -> String {
        self.line("exit", &format!("{} {status}", job.tag()))
    }

    /// The answer to one beat.
    pub fn encode_beat(&self, seq: u64, now: &Counters) -> String {
        let mut frame = self.line("beat", &seq.to_string());
        let [one, five, fifteen] = now.load;
        frame += &self.line("load", &format!("{one:.2} {five:.2} {fifteen:.2} 1/1 1"));
        frame += &self.line("cpu", &format!("{} 0 0 {} 0 0 0 0 0 0", now.busy, now.idle));
        frame += &self.line("cpus", &now.processors.to_string());
        frame += &self.line("mem", &meminfo(&now.memory));
        if let Some(pressure) = &now.pressure {
            for (what, share) in [
                ("cpu some", pressure.cpu_some),
                ("memory some", pressure.memory_some),
                ("memory full", pressure.memory_full),
                ("io full", pressure.io_full),
            ] {
                frame += &self.line("psi", &format!("{what} avg10={:.2}", share.0));
            }
        }
        frame += &self.line("net", &format!("eth0 {} {}", now.received, now.sent));
        frame += &self.line("up", &format!("{}.00 0.00", now.uptime));
        frame + &self.line("end", &seq.to_string())
    }

    /// The header of [`Job::Gpu`], which comes once before its rows.
    pub fn gpu_header(&self) -> String {
        let names: Vec<&str> = SMI_FIELDS.iter().map(|field| field.header).collect();
        self.line(Job::Gpu.tag(), &names.join(", "))
    }

    /// One round of [`Job::Gpu`]: a row for each GPU, in the columns of [`Self::gpu_header`].
    pub fn gpu_rows(&self, report: &GpuReport) -> String {
        let mut rows = String::new();
        for gpu in &report.gpus {
            let cells: Vec<String> = SMI_FIELDS
                .iter()
                .map(|field| gpu_cell(report, gpu, field.query))
                .collect();
            rows += &self.line(Job::Gpu.tag(), &cells.join(", "));
        }
        rows
    }

    /// The header of [`Job::App`], which comes once before its rows.
    pub fn app_header(&self) -> String {
        self.line(
            Job::App.tag(),
            "pid, gpu_uuid, used_gpu_memory [MiB], process_name",
        )
    }

    /// One round of [`Job::App`]: a row for each process on a GPU.
    pub fn app_rows(&self, processes: &[GpuProcess]) -> String {
        let mut rows = String::new();
        for process in processes {
            let program = process.command.as_str().split(' ').next();
            rows += &self.line(
                Job::App.tag(),
                &format!(
                    "{}, {}, {}, {}",
                    process.pid,
                    process.gpu,
                    cell(process.memory.value().map(|mib| mib.0)),
                    program.unwrap_or_default(),
                ),
            );
        }
        rows
    }

    /// The whole answer to [`Job::List`].
    pub fn list(&self, report: &GpuReport) -> String {
        let tag = Job::List.tag();
        let mut all = String::new();
        for gpu in &report.gpus {
            all += &self.line(
                tag,
                &format!("GPU {}: {} (UUID: {})", gpu.index, gpu.name, gpu.id),
            );
            for (n, mig) in gpu.mig.iter().enumerate() {
                all += &self.line(
                    tag,
                    &format!("  MIG {} Device {n}: (UUID: {})", mig.profile, mig.id),
                );
            }
        }
        all + &self.exit(Job::List, 0)
    }

    /// The whole answer to [`Job::Cuda`].
    pub fn cuda(&self, report: &GpuReport) -> String {
        let version = text(&report.cuda);
        self.line(Job::Cuda.tag(), &format!("CUDA Version        : {version}"))
            + &self.exit(Job::Cuda, 0)
    }

    /// What nvidia-smi says instead of rows when the driver is in this state; nothing at all where it hangs.
    pub fn refusal(&self, condition: &GpuCondition) -> String {
        let (words, status) = match condition {
            GpuCondition::Working | GpuCondition::Hung => return String::new(),
            GpuCondition::NoTool => ("not found", 127),
            GpuCondition::NoDriver => (
                "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
                9,
            ),
            GpuCondition::NoDevices => ("No devices were found", 6),
            GpuCondition::VersionMismatch { .. } => (
                "Failed to initialize NVML: Driver/library version mismatch",
                18,
            ),
            GpuCondition::Lost { detail } => (detail.as_str(), 15),
            GpuCondition::Failed { detail } => (detail.as_str(), 1),
        };
        self.line(Job::Gpu.tag(), words) + &self.exit(Job::Gpu, status)
    }

    /// The whole answer to [`Job::Disk`].
    pub fn disks(&self, disks: &[Disk]) -> String {
        let tag = Job::Disk.tag();
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on";
        let mut all = self.line(tag, head);
        for disk in disks {
            let mut row = format!(
                "{} {} {} {}",
                disk.device,
                disk.total.0 / 1024,
                disk.used.0 / 1024,
                disk.available.0 / 1024
            );
            let percent = disk.used.0 * 100 / disk.total.0.max(1);
            let _ = write!(row, " {percent}% {}", disk.mount);
            all += &self.line(tag, &row);
        }
        all + &self.exit(Job::Disk, 0)
    }

    /// The whole answer to [`Job::Who`]: the processes of these ids that exist.
    /// A container stands here by its id, as the kernel shows it; [`Self::containers`] names it.
    pub fn who(&self, pids: &[u32], processes: &[GpuProcess]) -> String {
        let mut all = String::new();
        for process in processes.iter().filter(|p| pids.contains(&p.pid)) {
            let started = process.started.value().copied().unwrap_or_default();
            let user = process.user.value().map_or("1000", SafeText::as_str);
            let group = process.container.value().map_or_else(
                || "-".to_owned(),
                |name| format!("0::/system.slice/docker-{}.scope", container_id(name)),
            );
            let row = format!(
                "{} {started} 1000 {user} {group} {}",
                process.pid, process.command
            );
            all += &self.line(Job::Who.tag(), &row);
        }
        all + &self.exit(Job::Who, 0)
    }

    /// The whole answer to [`Job::Docker`]: the names of the containers that these processes run in.
    pub fn containers(&self, processes: &[GpuProcess]) -> String {
        let mut all = String::new();
        for name in processes.iter().filter_map(|p| p.container.value()) {
            let row = format!("{} {name}", container_id(name));
            all += &self.line(Job::Docker.tag(), &row);
        }
        all + &self.exit(Job::Docker, 0)
    }
}

/// A container id of 64 hexadecimal digits that stays the same for the same name.
pub fn container_id(name: &SafeText) -> String {
    let mut id = String::with_capacity(64);
    for byte in name.as_str().bytes().take(32) {
        let _ = write!(id, "{byte:02x}");
    }
    format!("{id:0<64}")
}

fn meminfo(memory: &Memory) -> String {
    let swap_free = memory.swap_total - memory.swap_used;
    let mut line = String::new();
    for (name, mib) in [
        ("MemTotal", memory.total),
        ("MemFree", memory.free),
        ("MemAvailable", memory.available),
        ("Buffers", Mib(0)),
        ("Cached", memory.cache),
        ("SwapTotal", memory.swap_total),
        ("SwapFree", swap_free),
        ("Shmem", Mib(0)),
        ("SReclaimable", Mib(0)),
    ] {
        let _ = write!(line, "{name} {} ", mib.0 * 1024);
    }
    line
}

fn cell(value: Option<impl Display>) -> String {
    value.map_or_else(|| "[N/A]".to_owned(), |value| value.to_string())
}

/// One cell as nvidia-smi would print it, by the name of the query field.
fn gpu_cell(report: &GpuReport, gpu: &GpuReading, field: &str) -> String {
    let memory = match &gpu.memory {
        GpuMemory::Dedicated { used, total } => Some((used.0, total.0)),
        GpuMemory::Unified | GpuMemory::Missing(_) => None,
    };
    let from_the_host = ["index", "uuid", "name", "pci.bus_id", "driver_version"];
    if gpu.health == GpuHealth::Lost && !from_the_host.contains(&field) {
        return "[GPU is lost]".into();
    }
    let ecc = |part: fn(&Ecc) -> u64| cell(gpu.ecc.value().map(part));
    match field {
        "index" => gpu.index.to_string(),
        "uuid" => gpu.id.to_string(),
        "name" => gpu.name.to_string(),
        "pci.bus_id" => text(&gpu.bus_id),
        "driver_version" => text(&report.driver),
        "utilization.gpu" => cell(gpu.utilisation.value().map(|v| v.0.round())),
        "memory.used" => cell(memory.map(|(used, _)| used)),
        "memory.total" => cell(memory.map(|(_, total)| total)),
        "temperature.gpu" => cell(gpu.temperature.value().map(|v| v.0.round())),
        "power.draw" => cell(gpu.power.value().map(|v| format!("{:.2}", v.0))),
        "power.limit" => cell(gpu.power_limit.value().map(|v| format!("{:.2}", v.0))),
        "clocks.sm" => cell(gpu.clock_sm.value().map(|v| v.0)),
        "clocks.mem" => cell(gpu.clock_memory.value().map(|v| v.0)),
        "fan.speed" => cell(gpu.fan.value().map(|v| v.0.round())),
        "pstate" => cell(gpu.pstate.value().map(|v| format!("P{v}"))),
        "clocks_event_reasons.active" => {
            cell(gpu.throttle.value().map(|v| format!("{:#018x}", v.0)))
        }
        "ecc.errors.corrected.volatile.total" => ecc(|ecc| ecc.corrected),
        "ecc.errors.uncorrected.volatile.total" => ecc(|ecc| ecc.uncorrected),
        "mig.mode.current" if gpu.mig.is_empty() => "[N/A]".into(),
        "mig.mode.current" => "Enabled".into(),
        _ => "[N/A]".into(),
    }
}

fn text(value: &Metric<SafeText>) -> String {
    cell(value.value())
}
