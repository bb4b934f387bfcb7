//! What `nvidia-smi` is asked for: the fields of its queries and the names that its headers give them.

/// One field of `--query-gpu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmiField {
    /// Its name in the query.
    pub query: &'static str,
    /// Its name in the header of recent drivers, unit included.
    pub header: &'static str,
}

const fn field(query: &'static str, header: &'static str) -> SmiField {
    SmiField { query, header }
}

/// Every field we ask for. A driver that doesn't know one names it, and is asked again without it.
/// Names: `nvidia-smi --help-query-gpu`.
pub const SMI_FIELDS: &[SmiField] = &[
    field("index", "index"),
    field("uuid", "uuid"),
    field("name", "name"),
    field("pci.bus_id", "pci.bus_id"),
    field("driver_version", "driver_version"),
    field("utilization.gpu", "utilization.gpu [%]"),
    field("memory.used", "memory.used [MiB]"),
    field("memory.total", "memory.total [MiB]"),
    field("temperature.gpu", "temperature.gpu"),
    field("power.draw", "power.draw [W]"),
    field("power.limit", "power.limit [W]"),
    field("clocks.sm", "clocks.current.sm [MHz]"),
    field("clocks.mem", "clocks.current.memory [MHz]"),
    field("fan.speed", "fan.speed [%]"),
    field("pstate", "pstate"),
    field("clocks_event_reasons.active", "clocks_event_reasons.active"),
    field(
        "ecc.errors.corrected.volatile.total",
        "ecc.errors.corrected.volatile.total",
    ),
    field(
        "ecc.errors.uncorrected.volatile.total",
        "ecc.errors.uncorrected.volatile.total",
    ),
    field("mig.mode.current", "mig.mode.current"),
];
