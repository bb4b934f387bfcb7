//! GPU readings: NVML here, vendor tools there, parsed by column name into [`crate::domain::GpuReport`].
