//! GPU readings: NVML here, vendor tools there, parsed by column name into [`crate::domain::GpuReport`].

mod nvml;
mod nvml_map;
mod probe;
mod rocm;
mod smi;
mod smi_fields;
mod smi_parse;
mod unified;

pub use nvml::{NvmlSource, NvmlThread};
pub use probe::ProbeLine;
pub use rocm::read_rocm;
pub use smi::SmiState;
pub use smi_fields::{SMI_FIELDS, SmiField};
