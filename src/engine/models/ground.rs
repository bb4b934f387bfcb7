//! What a host is to whoever launches a model there (pure): cards of its own, or a memory that they share with the rest.

use crate::domain::{GpuMemory, HostId};
use crate::engine::state::Fleet;
use crate::models::Ground;

/// What a host is to whoever suggests a recipe for it.
pub fn ground(fleet: &Fleet, host: &HostId) -> Ground {
    let report = fleet.host(host).and_then(|host| host.gpus.as_ref());
    let gpus = report.map_or(&[][..], |read| read.value.gpus.as_slice());
    let own = gpus.iter().find_map(|gpu| match &gpu.memory {
        GpuMemory::Dedicated { total, .. } => Some(*total),
        _ => None,
    });
    match own {
        Some(memory) => Ground::Server {
            gpus: u16::try_from(gpus.len()).unwrap_or(u16::MAX),
            memory,
        },
        None => Ground::Spark,
    }
}
