//! What a host says, line by line -> [`Sample`]s, and what to ask it with the next beat. Pure: lines and moments come in
//! from outside. Lines without our nonce are noise; nothing that a host can send stops the reader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::disks::DiskReader;
use super::frame::FrameReader;
use super::owners::Owners;
use super::wire::{Job, Request, Tool, VERSION, Wish};
use crate::domain::{
    At, Disk, GpuCondition, GpuProcess, GpuReport, GpuSourceChoice, GpuSourceKind, MachineReading,
    Metric, Sample,
};
use crate::gpu::{ProbeLine, SmiState, read_rocm};

/// Beats between two runs of df, between two tries of a tool that failed, and between two looks at whose a known
/// process is (its number may have been given anew).
const BEATS_BETWEEN: u64 = 30;
/// Beats between two runs of rocm-smi, each of which starts a Python.
const BEATS_BETWEEN_ROCM: u64 = 10;
/// Processes asked for at once.
const MOST_ASKED: usize = 64;

/// Reads one host from the start of its script to the end.
#[derive(Debug)]
pub struct Reader {
    nonce: String,
    choice: GpuSourceChoice,
    tools: Option<BTreeSet<Tool>>,
    seq: u64,
    running: BTreeSet<Job>,
    asked: BTreeMap<Job, u64>,
    frame: FrameReader,
    disks: DiskReader,
    smi: SmiState,
    owners: Owners,
    probe_failed: bool,
    /// Tools that said something readable since they were started.
    spoke: BTreeSet<Job>,
    machine: Option<MachineReading>,
    new_disks: Option<Vec<Disk>>,
    report: Option<GpuReport>,
    processes: Option<Vec<GpuProcess>>,
    told: Option<Arc<Vec<GpuProcess>>>,
}

/// What a line meant for the one who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The script stands and may be asked.
    Hello,
    /// The script speaks another version.
    WrongVersion,
    /// The frame of this beat is whole.
    End(u64),
    /// Nothing to wait for.
    Other,
}

impl Reader {
    /// A reader of lines with this nonce.
    pub fn new(nonce: String, choice: GpuSourceChoice) -> Self {
        Self {
            nonce,
            choice,
            tools: None,
            seq: 0,
            running: BTreeSet::new(),
            asked: BTreeMap::new(),
            frame: FrameReader::default(),
            disks: DiskReader::default(),
            smi: SmiState::default(),
            owners: Owners::default(),
            probe_failed: false,
            spoke: BTreeSet::new(),
            machine: None,
            new_disks: None,
            report: None,
            processes: None,
            told: None,
        }
    }

    /// One line from the host.
    pub fn line(&mut self, bytes: &[u8], at: At) -> Heard {
        let text = String::from_utf8_lossy(bytes);
        // Something without a newline may stand before our first line.
        let Some((_, ours)) = text.split_once(self.nonce.as_str()) else {
            return Heard::Other;
        };
        let Some((tag, rest)) = ours.strip_prefix(' ').map(split_word) else {
            return Heard::Other;
        };
        match tag {
            "hello" => return self.hello(rest),
            "beat" => self.frame.begin(at),
            "end" => {
                self.machine = Some(self.frame.end());
                return rest.parse().map_or(Heard::Other, Heard::End);
            }
            "exit" => {
                let (job, status) = split_word(rest);
                if let Some(job) = Job::parse(job) {
                    self.exit(job, status.parse().unwrap_or(u32::MAX));
                }
            }
            "stuck" => {
                self.running.remove(&Job::Gpu);
                self.smi.stuck();
            }
            tag => match Job::parse(tag) {
                Some(job) => self.job_line(job, rest),
                None => self.frame.line(tag, rest),
            },
        }
        Heard::Other
    }

    fn hello(&mut self, rest: &str) -> Heard {
        let (version, tools) = split_word(rest);
        if version != VERSION.to_string() {
            return Heard::WrongVersion;
        }
        self.tools = Some(tools.split(' ').filter_map(Tool::parse).collect());
        Heard::Hello
    }

    fn job_line(&mut self, job: Job, text: &str) {
        match job {
            Job::Gpu => self.smi.gpu_line(text),
            Job::App => self.smi.app_line(text),
            Job::List => self.smi.list_line(text),
            Job::Cuda => self.smi.cuda_line(text),
            Job::Disk => self.disks.line(text),
            Job::Who => self.owners.who_line(text),
            Job::Docker | Job::Podman => self.owners.name_line(text),
            Job::Probe => {
                if let Ok(probe) = serde_json::from_str::<ProbeLine>(text) {
                    self.spoke.insert(job);
                    self.report = Some(GpuReport {
                        source: GpuSourceKind::Probe,
                        ..probe.report
                    });
                    self.processes = Some(probe.processes);
                }
            }
            Job::Rocm => {
                if let Some((report, processes)) = read_rocm(text) {
                    self.spoke.insert(job);
                    self.report = Some(report);
                    self.processes = Some(processes);
                }
            }
        }
    }

    fn exit(&mut self, job: Job, status: u32) {
        self.running.remove(&job);
        match job {
            Job::Gpu => self.smi.gpu_exit(status),
            Job::Disk => self.new_disks = Some(self.disks.end()),
            Job::Probe => {
                // Older builds have no such command: the vendor's tool is asked instead.
                self.probe_failed = true;
                match self.source() {
                    None => self.report = Some(bare(GpuCondition::NoTool, GpuSourceKind::Probe)),
                    Some(Tool::Pilothouse) => self.mute(job, status, GpuSourceKind::Probe),
                    Some(_) => {}
                }
            }
            Job::Rocm => self.mute(job, status, GpuSourceKind::RocmSmi),
            _ => {}
        }
    }

    /// A tool that ended without a readable word has failed, and that is told.
    fn mute(&mut self, job: Job, status: u32, source: GpuSourceKind) {
        if !self.spoke.contains(&job) {
            let detail = format!("{source} ended with status {status} and said nothing readable");
            let detail = detail.into();
            self.report = Some(bare(GpuCondition::Failed { detail }, source));
        }
    }

    /// A report from beside the wire (NVML in this process).
    pub fn beside(&mut self, report: GpuReport, processes: Vec<GpuProcess>) {
        self.report = Some(report);
        self.processes = Some(processes);
    }

    /// The next beat's request.
    pub fn request(&mut self) -> Request {
        self.seq += 1;
        self.smi.beat();
        let mut wishes = Vec::new();
        if self.is_due(Job::Disk, BEATS_BETWEEN) {
            wishes.push(Wish::Start(Job::Disk));
        }
        self.wish_gpus(&mut wishes);
        self.wish_owners(&mut wishes);
        for wish in &wishes {
            self.running.insert(wish.job());
            self.spoke.remove(&wish.job());
            self.asked.insert(wish.job(), self.seq);
        }
        Request {
            seq: self.seq,
            wishes,
        }
    }

    /// Whether a job is not running and was last asked for long enough ago.
    fn is_due(&self, job: Job, beats: u64) -> bool {
        let long_ago = |asked: &u64| self.seq >= asked.saturating_add(beats);
        !self.running.contains(&job) && self.asked.get(&job).is_none_or(long_ago)
    }

    fn source(&self) -> Option<Tool> {
        let has = |tool: Tool| {
            self.tools
                .as_ref()
                .is_some_and(|tools| tools.contains(&tool))
        };
        match self.choice {
            GpuSourceChoice::None => None,
            GpuSourceChoice::Probe => Some(Tool::Pilothouse),
            GpuSourceChoice::NvidiaSmi => Some(Tool::NvidiaSmi),
            GpuSourceChoice::RocmSmi => Some(Tool::RocmSmi),
            GpuSourceChoice::Auto | GpuSourceChoice::Nvml => {
                let probe = !self.probe_failed && has(Tool::Pilothouse);
                let first = if probe {
                    Tool::Pilothouse
                } else {
                    Tool::NvidiaSmi
                };
                [first, Tool::RocmSmi].into_iter().find(|tool| has(*tool))
            }
        }
    }

    fn wish_gpus(&mut self, wishes: &mut Vec<Wish>) {
        match self.source() {
            Some(Tool::NvidiaSmi) => self.wish_smi(wishes),
            Some(Tool::Pilothouse) if self.is_due(Job::Probe, BEATS_BETWEEN) => {
                wishes.push(Wish::Start(Job::Probe));
            }
            Some(Tool::RocmSmi) if self.is_due(Job::Rocm, BEATS_BETWEEN_ROCM) => {
                wishes.push(Wish::Start(Job::Rocm));
            }
            None if self.seq == 1 && self.choice != GpuSourceChoice::None => {
                self.report = Some(bare(GpuCondition::NoTool, GpuSourceKind::NvidiaSmi));
            }
            _ => {}
        }
    }

    /// The GPU table first: only when it flows, the other calls are made, so that a driver that hangs holds one process.
    fn wish_smi(&mut self, wishes: &mut Vec<Wish>) {
        let free = !self.running.contains(&Job::Gpu);
        let again = self.smi.ended().is_some() && self.is_due(Job::Gpu, BEATS_BETWEEN);
        if free && (self.smi.wants_start() || again) {
            wishes.push(Wish::Gpu(self.smi.fields().to_vec()));
            self.smi.started();
            self.asked.remove(&Job::List);
            self.asked.remove(&Job::Cuda);
        }
        if self.smi.is_flowing() {
            if self.is_due(Job::App, BEATS_BETWEEN) {
                wishes.push(Wish::Start(Job::App));
            }
            for once in [Job::List, Job::Cuda] {
                if self.is_due(once, u64::MAX) {
                    wishes.push(Wish::Start(once));
                }
            }
        }
    }

    fn wish_owners(&mut self, wishes: &mut Vec<Wish>) {
        let Some(processes) = self.told.clone() else {
            return;
        };
        self.owners.keep_only(&processes);
        let mut pids = self.owners.unknown(&processes);
        if pids.is_empty() && self.is_due(Job::Who, BEATS_BETWEEN) {
            pids = processes.iter().map(|process| process.pid).collect();
        }
        pids.truncate(MOST_ASKED);
        // A process that ended before it was looked at is asked for again, but not with every beat.
        if !pids.is_empty() && self.is_due(Job::Who, 2) {
            wishes.push(Wish::Who(pids));
        }
        let engines = [(Tool::Docker, Job::Docker), (Tool::Podman, Job::Podman)];
        let free = engines.iter().all(|(_, job)| !self.running.contains(job));
        if free && self.owners.ask_names() {
            for (tool, job) in engines {
                if self
                    .tools
                    .as_ref()
                    .is_some_and(|tools| tools.contains(&tool))
                {
                    wishes.push(Wish::Start(job));
                }
            }
        }
    }

    /// What has been read anew since the last call.
    pub fn take_sample(&mut self) -> Sample {
        if self.source() == Some(Tool::NvidiaSmi) {
            if let Some(report) = self.smi.take_report() {
                self.report = Some(report);
            }
            self.processes = self.smi.processes();
        }
        let processes = self.processes.take().map(|mut processes| {
            for process in &mut processes {
                self.owners.tell(process);
            }
            Arc::new(processes)
        });
        if processes.is_some() {
            self.told.clone_from(&processes);
        }
        Sample {
            machine: self.machine.take().map(Arc::new),
            gpus: self.report.take().map(Arc::new),
            processes,
            disks: self.new_disks.take().map(Arc::new),
        }
    }
}

/// A report of a state alone.
fn bare(condition: GpuCondition, source: GpuSourceKind) -> GpuReport {
    GpuReport {
        condition,
        source,
        driver: Metric::default(),
        cuda: Metric::default(),
        gpus: Vec::new(),
    }
}

/// The first word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        BytesPerSecond, Celsius, Ecc, GpuHealth, GpuId, GpuMemory, GpuReading, Memory, Mhz, Mib,
        MigInstance, Missing, Percent, Throttle, Watts,
    };
    use crate::machine::wire::WireArgs;
    use crate::machine::{Counters, FarSide, World};
    use proptest::prelude::*;
    use std::time::Duration;

    const NONCE: &str = "00ff00ff00ff00ff";

    fn far() -> FarSide {
        FarSide::new(WireArgs {
            nonce: NONCE.into(),
            period: Duration::from_secs(1),
        })
    }

    fn world() -> World {
        let gpu = |index: u32| GpuReading {
            id: GpuId::new(format!("GPU-{index}")),
            index,
            name: "NVIDIA H200".into(),
            bus_id: Metric::Is("00000000:1B:00.0".into()),
            health: GpuHealth::Ok,
            utilisation: Metric::Is(Percent(87.0)),
            memory: GpuMemory::Dedicated {
                used: Mib(1000),
                total: Mib(143_771),
            },
            temperature: Metric::Is(Celsius(61.0)),
            power: Metric::Is(Watts(500.25)),
            power_limit: Metric::Is(Watts(700.0)),
            clock_sm: Metric::Is(Mhz(1980)),
            clock_memory: Metric::Is(Mhz(3201)),
            fan: Metric::Missing(Missing::NotSupported),
            pstate: Metric::Is(0),
            throttle: Metric::Is(Throttle(4)),
            ecc: Metric::Is(Ecc {
                corrected: 3,
                uncorrected: 0,
            }),
            mig: vec![MigInstance {
                id: GpuId::new(format!("MIG-{index}")),
                profile: "3g.71gb".into(),
                memory: GpuMemory::Missing(Missing::NotReported),
            }],
        };
        World {
            counters: Counters {
                load: [0.5, 0.25, 0.125],
                busy: 0,
                idle: 0,
                processors: 20,
                memory: Memory {
                    total: Mib(1000),
                    available: Mib(600),
                    free: Mib(400),
                    cache: Mib(150),
                    swap_total: Mib(100),
                    swap_used: Mib(10),
                },
                pressure: None,
                received: 0,
                sent: 0,
                uptime: 1000,
            },
            gpus: Some(GpuReport {
                condition: GpuCondition::Working,
                source: GpuSourceKind::NvidiaSmi,
                driver: Metric::Is("570.133.20".into()),
                cuda: Metric::Is("12.8".into()),
                gpus: vec![gpu(0), gpu(1)],
            }),
            processes: vec![GpuProcess {
                pid: 4121,
                gpu: GpuId::new("GPU-0"),
                memory: Metric::Is(Mib(900)),
                user: Metric::Is("ada".into()),
                command: "python3 -m vllm serve".into(),
                container: Metric::Is("vllm-70b".into()),
                started: Metric::Is(77),
            }],
            disks: vec![Disk {
                mount: "/".into(),
                device: "/dev/vda1".into(),
                total: crate::domain::Bytes(1024 * 1000),
                used: crate::domain::Bytes(1024 * 400),
                available: crate::domain::Bytes(1024 * 600),
            }],
        }
    }

    fn hear(reader: &mut Reader, text: &str) {
        for line in text.lines() {
            reader.line(line.as_bytes(), At(0));
        }
    }

    fn beat(reader: &mut Reader, far: &mut FarSide, world: &World) -> Sample {
        let answer = far.answer(&reader.request().encode(), world);
        hear(reader, &answer);
        reader.take_sample()
    }

    #[test]
    fn a_tool_that_ends_without_a_readable_word_has_failed() {
        let ended = |choice, tools: &str, lines: &[&str]| {
            let mut reader = Reader::new(NONCE.into(), choice);
            hear(&mut reader, &format!("{NONCE} hello {VERSION} {tools}"));
            reader.request();
            for line in lines {
                hear(&mut reader, &format!("{NONCE} {line}"));
            }
            let report = reader.take_sample().gpus.map(|gpus| gpus.condition.clone());
            (report, reader.request())
        };
        let failed = |report: &Option<GpuCondition>| match report {
            Some(GpuCondition::Failed { detail }) => detail.to_string(),
            other => format!("{other:?}"),
        };
        let (rocm, _) = ended(
            GpuSourceChoice::Auto,
            "rocm-smi",
            &["rocm Traceback (most recent call last):", "exit rocm 1"],
        );
        assert_eq!(
            failed(&rocm),
            "rocm-smi ended with status 1 and said nothing readable"
        );
        // It ends with 2 where one of the values could not be had, and still tells the others.
        let (rocm, _) = ended(
            GpuSourceChoice::Auto,
            "rocm-smi",
            &[
                "rocm WARNING: one value",
                "rocm {\"card0\": {\"GPU use (%)\": \"1\"}}",
                "exit rocm 2",
            ],
        );
        assert_eq!(rocm, Some(GpuCondition::Working));
        let (probe, _) = ended(GpuSourceChoice::Probe, "", &["exit probe 127"]);
        assert_eq!(
            failed(&probe),
            "probe ended with status 127 and said nothing readable"
        );
        let (probe, _) = ended(GpuSourceChoice::Auto, "pilothouse", &["exit probe 2"]);
        assert_eq!(probe, Some(GpuCondition::NoTool));
        let (probe, next) = ended(
            GpuSourceChoice::Auto,
            "pilothouse nvidia-smi",
            &["exit probe 2"],
        );
        assert_eq!(probe, None, "another tool is asked first");
        assert!(next.wishes.iter().any(|wish| wish.job() == Job::Gpu));
    }

    #[test]
    fn what_a_simulated_host_shows_is_what_is_read() {
        let (mut reader, mut far, mut world) = (
            Reader::new(NONCE.into(), GpuSourceChoice::Auto),
            far(),
            world(),
        );
        hear(&mut reader, &far.hello(&world));
        let mut seen = Sample::default();
        for _ in 0..6 {
            world.counters.busy += 75;
            world.counters.idle += 25;
            world.counters.received += 5000;
            world.counters.uptime += 1;
            seen.absorb(beat(&mut reader, &mut far, &world));
        }
        assert_eq!(seen.gpus.as_deref(), world.gpus.as_ref());
        assert_eq!(seen.processes.as_deref(), Some(&world.processes));
        assert_eq!(seen.disks.as_deref(), Some(&world.disks));
        let machine = seen.machine.clone().unwrap();
        assert_eq!(machine.memory, Metric::Is(world.counters.memory));
        assert_eq!(machine.cpu, Metric::Is(Percent(75.0)));
        assert_eq!(
            machine.network.value().unwrap().received,
            BytesPerSecond(5000)
        );
        // The process ends: after three rounds without it the list is empty, not stale.
        world.processes.clear();
        for _ in 0..5 {
            seen.absorb(beat(&mut reader, &mut far, &world));
        }
        assert_eq!(seen.processes.as_deref(), Some(&Vec::new()));
    }

    #[test]
    fn a_driver_in_trouble_and_a_host_without_one() {
        for condition in [
            GpuCondition::NoDriver,
            GpuCondition::NoDevices,
            GpuCondition::Lost {
                detail: "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost."
                    .into(),
            },
        ] {
            let (mut reader, mut far, mut world) = (
                Reader::new(NONCE.into(), GpuSourceChoice::Auto),
                far(),
                world(),
            );
            world.gpus.as_mut().unwrap().condition = condition.clone();
            hear(&mut reader, &far.hello(&world));
            let report = beat(&mut reader, &mut far, &world).gpus.unwrap();
            assert_eq!(report.condition, condition);
            let later = beat(&mut reader, &mut far, &world);
            assert_eq!(later.gpus, None, "it is told once");
        }
        let (mut reader, mut far, mut world) = (
            Reader::new(NONCE.into(), GpuSourceChoice::Auto),
            far(),
            world(),
        );
        world.gpus = None;
        hear(&mut reader, &far.hello(&world));
        let report = beat(&mut reader, &mut far, &world).gpus.unwrap();
        assert_eq!(report.condition, GpuCondition::NoTool);
    }

    #[test]
    fn a_silent_tool_is_called_hung_once_and_forgiven_when_it_speaks() {
        let (mut reader, mut far, mut world) = (
            Reader::new(NONCE.into(), GpuSourceChoice::Auto),
            far(),
            world(),
        );
        hear(&mut reader, &far.hello(&world));
        beat(&mut reader, &mut far, &world);
        let gpus = world.gpus.take();
        let told: Vec<GpuCondition> = (0..12)
            .filter_map(|_| beat(&mut reader, &mut far, &world).gpus)
            .map(|report| report.condition.clone())
            .collect();
        assert_eq!(told, [GpuCondition::Hung]);
        world.gpus = gpus;
        let report = beat(&mut reader, &mut far, &world).gpus.unwrap();
        assert_eq!(report.condition, GpuCondition::Working);
    }

    #[test]
    fn noise_and_other_versions() {
        let mut reader = Reader::new(NONCE.into(), GpuSourceChoice::None);
        for noise in [
            "",
            "Welcome to Ubuntu",
            "\u{1b}[2J end 1",
            "deadbeefdeadbeef end 1",
            NONCE,
        ] {
            assert_eq!(reader.line(noise.as_bytes(), At(0)), Heard::Other);
        }
        let glued = format!("no newline{NONCE} hello 1 docker");
        assert_eq!(reader.line(glued.as_bytes(), At(0)), Heard::Hello);
        let other = format!("{NONCE} hello 2");
        assert_eq!(reader.line(other.as_bytes(), At(0)), Heard::WrongVersion);
        let end = format!("{NONCE} end 7");
        assert_eq!(reader.line(end.as_bytes(), At(0)), Heard::End(7));
    }

    fn tag() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "hello", "beat", "end", "exit", "stuck", "load", "cpu", "cpus", "mem", "psi", "net",
            "up", "gpu", "app", "list", "cuda", "probe", "rocm", "disk", "who", "docker", "other",
        ])
    }

    proptest! {
        #[test]
        fn no_host_can_stop_it(lines in prop::collection::vec((tag(), prop::collection::vec(any::<u8>(), 0..60)), 0..40)) {
            let mut reader = Reader::new(NONCE.into(), GpuSourceChoice::Auto);
            for (tag, rest) in lines {
                let line = [NONCE.as_bytes(), b" ", tag.as_bytes(), b" ", &rest].concat();
                reader.line(&line, At(0));
                reader.line(&rest, At(0));
                reader.request();
                reader.take_sample();
            }
        }

        #[test]
        fn numbers_at_their_limits_stop_it_neither(lines in prop::collection::vec((tag(), prop::collection::vec(prop::sample::select(vec!["0", "1", "-1", "18446744073709551615", "1e308", "nan", "eth0", "MemTotal", "index, uuid", ", "]), 0..8)), 0..40)) {
            let mut reader = Reader::new(NONCE.into(), GpuSourceChoice::Auto);
            for (tag, words) in lines {
                reader.line(format!("{NONCE} {tag} {}", words.join(" ")).as_bytes(), At(u64::MAX));
                reader.request();
                reader.take_sample();
            }
        }
    }
}
