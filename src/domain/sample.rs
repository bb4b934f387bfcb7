//! One beat of one host: the parts that were read anew. What is `None` has not changed and keeps its age.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Disk, GpuProcess, GpuReport, MachineReading};

/// The parts of a host that one beat read anew.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The machine itself.
    pub machine: Option<Arc<MachineReading>>,
    /// Its GPUs.
    pub gpus: Option<Arc<GpuReport>>,
    /// Processes on its GPUs.
    pub processes: Option<Arc<Vec<GpuProcess>>>,
    /// Its disks.
    pub disks: Option<Arc<Vec<Disk>>>,
}

impl Sample {
    /// Lays a newer sample over this one: newest wins, part by part.
    pub fn absorb(&mut self, newer: Self) {
        self.machine = newer.machine.or_else(|| self.machine.take());
        self.gpus = newer.gpus.or_else(|| self.gpus.take());
        self.processes = newer.processes.or_else(|| self.processes.take());
        self.disks = newer.disks.or_else(|| self.disks.take());
    }
}
