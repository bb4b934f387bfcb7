//! The job that fills memory in a drill (pure).

use super::drills::Strain;
use super::work::Process;
use super::world::TICKS;

/// Its process id.
pub(super) const PID: u32 = 7_741;

/// The job that fills memory in a drill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Runaway {
    /// Not there.
    Absent,
    /// It fills memory.
    Holds {
        /// How much, MiB.
        mib: u64,
        /// When it started, in clock ticks since boot.
        started: u64,
    },
    /// A person ended it; it stays away until the drill comes round again.
    Ended,
}

impl Runaway {
    /// One second passes under this strain, on a machine that has been up for so long and has so much memory left
    /// without this job.
    pub(super) fn step(self, strain: Strain, uptime: u64, left_mib: u64) -> Self {
        let Strain::Filling { share } = strain else {
            return Self::Absent;
        };
        let started = match self {
            Self::Ended => return Self::Ended,
            Self::Holds { started, .. } => started,
            Self::Absent => uptime * TICKS,
        };
        // The kernel keeps its last reserves whatever a program wants.
        let mib = (left_mib as f32 * share.clamp(0.0, 1.0) * 0.99) as u64;
        Self::Holds { mib, started }
    }

    /// Memory that it holds, MiB.
    pub(super) fn mib(self) -> u64 {
        match self {
            Self::Holds { mib, .. } => mib,
            Self::Absent | Self::Ended => 0,
        }
    }

    /// It as a tool would list it. Where the GPU shares the machine's memory, most of it is the GPU's.
    pub(super) fn process(self, unified: bool) -> Option<Process> {
        let Self::Holds { mib, started } = self else {
            return None;
        };
        Some(Process {
            pid: PID,
            user: "maria",
            command: "python3 finetune.py --base gpt-oss-20b --rank 64",
            container: None,
            started,
            gpus: if unified { &[0] } else { &[] },
            gpu_mib: if unified { mib * 9 / 10 } else { 0 },
        })
    }
}
