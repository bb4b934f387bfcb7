//! The far end of the sampler's exec (pure): reads our beats, answers with the machine's readings.

use std::mem;

use crate::domain::{GpuHealth, GpuReport};
use crate::machine::wire::{Job, Request, Tool, WireArgs, Wish};

use super::readings;
use super::world::World;

/// Longest line of ours that is read; a longer one is no beat.
const LONGEST_REQUEST: usize = 64 * 1024;

/// One running sampler.
#[derive(Debug)]
pub(super) struct Sampler {
    args: WireArgs,
    pending: Vec<u8>,
    gpu: Feed,
    app: Feed,
}

/// An `nvidia-smi -lms` of a running sampler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    /// Not asked for.
    Off,
    /// Asked for: its header is due.
    Starts,
    /// Its rows come.
    Runs,
}

impl Sampler {
    pub(super) fn new(args: WireArgs) -> Self {
        Self {
            args,
            pending: Vec::new(),
            gpu: Feed::Off,
            app: Feed::Off,
        }
    }

    /// What it says first.
    pub(super) fn hello(&self, world: &World) -> String {
        let tools: &[Tool] = match world.profile.gpus {
            Some(_) => &[Tool::NvidiaSmi],
            None => &[],
        };
        self.args.hello(tools)
    }

    /// Takes bytes of ours and answers every beat in them.
    pub(super) fn hear(&mut self, bytes: &[u8], name: &str, world: &World) -> String {
        self.pending.extend_from_slice(bytes);
        let mut answer = String::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let rest = self.pending.split_off(end + 1);
            let line = mem::replace(&mut self.pending, rest);
            if let Some(request) = Request::parse(&String::from_utf8_lossy(&line)) {
                answer += &self.beat(&request, name, world);
            }
        }
        if self.pending.len() > LONGEST_REQUEST {
            self.pending.clear();
        }
        answer
    }

    fn beat(&mut self, request: &Request, name: &str, world: &World) -> String {
        let mut answer = self
            .args
            .encode_beat(request.seq, &readings::counters(world));
        for wish in &request.wishes {
            answer += &self.grant(wish, name, world);
        }
        // The real tool prints by its own clock; a row each beat is the same to a reader.
        if let Some(report) = readings::report(name, world) {
            answer += &self.gpu_round(&report);
            answer += &self.app_round(name, world);
        }
        answer
    }

    fn grant(&mut self, wish: &Wish, name: &str, world: &World) -> String {
        let report = readings::report(name, world);
        match (wish.job(), report) {
            (Job::Disk, _) => self.args.disks(&readings::disks(world)),
            (Job::Gpu, Some(_)) => {
                self.gpu = self.gpu.asked();
                String::new()
            }
            (Job::App, Some(_)) => {
                self.app = self.app.asked();
                String::new()
            }
            (Job::List, Some(report)) => self.args.list(&report),
            (Job::Who, _) => {
                let pids = match wish {
                    Wish::Who(pids) => pids.as_slice(),
                    _ => &[],
                };
                self.args.who(pids, &readings::processes(name, world))
            }
            (Job::Box, _) => self.args.boxes(&readings::processes(name, world)),
            // What a shell says of a tool that is not there.
            (job, _) => self.args.exit(job, 127),
        }
    }

    fn gpu_round(&mut self, report: &GpuReport) -> String {
        let header = match self.gpu {
            Feed::Off => return String::new(),
            Feed::Starts => {
                // A tool that is started with a GPU off the bus gives up; one that runs already says so in its cells.
                if let Some(line) = gives_up(report) {
                    self.gpu = Feed::Off;
                    return self.args.line(Job::Gpu.tag(), &line) + &self.args.exit(Job::Gpu, 15);
                }
                self.args.gpu_header()
            }
            Feed::Runs => String::new(),
        };
        self.gpu = Feed::Runs;
        header + &self.args.gpu_rows(report)
    }

    fn app_round(&mut self, name: &str, world: &World) -> String {
        let header = match self.app {
            Feed::Off => return String::new(),
            Feed::Starts => self.args.app_header(),
            Feed::Runs => String::new(),
        };
        self.app = Feed::Runs;
        header + &self.args.app_rows(&readings::processes(name, world))
    }
}

impl Feed {
    fn asked(self) -> Self {
        match self {
            Self::Off | Self::Starts => Self::Starts,
            Self::Runs => Self::Runs,
        }
    }
}

/// The line with which nvidia-smi gives up over a lost GPU.
fn gives_up(report: &GpuReport) -> Option<String> {
    let lost = report
        .gpus
        .iter()
        .find(|gpu| gpu.health == GpuHealth::Lost)?;
    let bus = lost.bus_id.value()?.as_str();
    // The tool writes four digits of the domain here, and eight in its table.
    let bus = bus.strip_prefix("0000").unwrap_or(bus);
    Some(format!(
        "Unable to determine the device handle for GPU {bus}: GPU is lost.  Reboot the system to recover this GPU"
    ))
}
