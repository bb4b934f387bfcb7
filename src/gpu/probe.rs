//! What `pilothouse probe` prints: one JSON object per line, the same words that the console keeps.

use serde::{Deserialize, Serialize};

use crate::domain::{GpuProcess, GpuReport};

/// One line of `pilothouse probe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeLine {
    /// The driver and its GPUs.
    pub report: GpuReport,
    /// Processes on the GPUs; whose they are, the host's `/proc` says.
    pub processes: Vec<GpuProcess>,
}
