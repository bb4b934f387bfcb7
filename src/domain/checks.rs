//! The names of the questions that a host may be asked without a person: what a configuration can name. What each asks is in
//! the catalogue.

/// The names, in the order in which they are shown.
pub const CHECKS: [&str; 21] = [
    "uptime",
    "memory",
    "pressure",
    "disk",
    "inodes",
    "block_devices",
    "mounts",
    "processes",
    "hung_tasks",
    "gpu",
    "gpu_processes",
    "containers",
    "sockets",
    "failed_units",
    "unit_status",
    "journal",
    "kernel",
    "oom_kills",
    "network",
    "time_sync",
    "log_file",
];
