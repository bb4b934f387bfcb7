//! GPU readings: NVML here, vendor tools there, parsed by column name into [`crate::domain::GpuReport`].

mod smi_fields;

pub use smi_fields::{SMI_FIELDS, SmiField};
