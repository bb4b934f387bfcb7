//! One line of nvidia-smi -> what it says. Columns go by their name, never by their place; a line that is neither header,
//! row nor known trouble is noise. Pure.

use crate::domain::{
    Celsius, Ecc, GpuCondition, GpuHealth, GpuId, GpuReading, Metric, Mhz, Mib, Missing, Percent,
    Throttle, Watts,
};
use crate::text::SafeText;

use super::unified::memory_of;

/// The columns of a csv table, in the order that its header gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns(Vec<String>);

impl Columns {
    /// Reads a header such as `index, utilization.gpu [%]`; `None` where `key` is no column of it.
    pub(super) fn read(line: &str, key: &str) -> Option<Self> {
        let names: Vec<String> = line.split(',').map(column_name).collect();
        names.iter().any(|name| name == key).then_some(Self(names))
    }

    /// The cells of a row by column; `None` where it has fewer or more. The last column keeps its commas.
    pub(super) fn row<'a>(&'a self, line: &'a str) -> Option<Row<'a>> {
        let cells: Vec<&str> = line.splitn(self.0.len(), ',').map(str::trim).collect();
        (cells.len() == self.0.len()).then_some(Row {
            columns: self,
            cells,
        })
    }
}

/// A column's name without its unit, in today's spelling.
fn column_name(title: &str) -> String {
    let name = title.split('[').next().unwrap_or_default().trim();
    match name {
        "clocks.current.sm" => "clocks.sm",
        "clocks.current.memory" => "clocks.mem",
        "clocks_throttle_reasons.active" => "clocks_event_reasons.active",
        "used_memory" => "used_gpu_memory",
        "gpu_bus_id" | "gpu.bus_id" => "pci.bus_id",
        "gpu_name" => "name",
        "gpu.uuid" => "gpu_uuid",
        other => other,
    }
    .to_owned()
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row<'a> {
    columns: &'a Columns,
    cells: Vec<&'a str>,
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Option<&str> {
        let place = self.columns.0.iter().position(|name| name == column)?;
        self.cells.get(place).copied()
    }

    /// The text of a cell.
    pub(super) fn text(&self, column: &str) -> Metric<SafeText> {
        match self.cell(column) {
            None => Metric::Missing(Missing::NotReported),
            Some(cell) => missing(cell).map_or_else(|| Metric::Is(cell.into()), Metric::Missing),
        }
    }

    /// The number of a cell, with or without its unit behind it.
    pub(super) fn number(&self, column: &str) -> Metric<f64> {
        let Some(cell) = self.cell(column) else {
            return Metric::Missing(Missing::NotReported);
        };
        if let Some(why) = missing(cell) {
            return Metric::Missing(why);
        }
        let number = cell.split(' ').next().unwrap_or_default();
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Metric::Is(value),
            _ => Metric::Missing(Missing::Unreadable(cell.into())),
        }
    }

    fn whole(&self, column: &str) -> Metric<u64> {
        self.number(column).map(|value| value as u64)
    }

    fn real(&self, column: &str) -> Metric<f32> {
        self.number(column).map(|value| value as f32)
    }

    fn pstate(&self) -> Metric<u8> {
        let Metric::Is(cell) = self.text("pstate") else {
            return self.text("pstate").map(|_| 0);
        };
        match cell.as_str().strip_prefix('P').map(str::parse) {
            Some(Ok(state @ 0..=15)) => Metric::Is(state),
            _ => Metric::Missing(Missing::Unreadable(cell)),
        }
    }

    fn throttle(&self) -> Metric<Throttle> {
        let Metric::Is(cell) = self.text("clocks_event_reasons.active") else {
            return self
                .text("clocks_event_reasons.active")
                .map(|_| Throttle::default());
        };
        let digits = cell.as_str().strip_prefix("0x");
        match digits.map(|digits| u64::from_str_radix(digits, 16)) {
            Some(Ok(bits)) => Metric::Is(Throttle(bits)),
            _ => Metric::Missing(Missing::Unreadable(cell)),
        }
    }

    fn ecc(&self) -> Metric<Ecc> {
        let corrected = self.whole("ecc.errors.corrected.volatile.total");
        let uncorrected = self.whole("ecc.errors.uncorrected.volatile.total");
        match (corrected, uncorrected) {
            (Metric::Is(corrected), Metric::Is(uncorrected)) => Metric::Is(Ecc {
                corrected,
                uncorrected,
            }),
            (Metric::Missing(why), _) | (_, Metric::Missing(why)) => Metric::Missing(why),
        }
    }

    fn is_lost(&self) -> bool {
        self.cells
            .iter()
            .any(|cell| missing(cell) == Some(Missing::Lost))
    }

    /// The GPU of a `--query-gpu` row; `None` where its index is no number.
    pub(super) fn gpu(&self) -> Option<GpuReading> {
        let index: u32 = self.cell("index")?.parse().ok()?;
        let name = self.text("name").value().cloned().unwrap_or_default();
        let id = match self.text("uuid") {
            Metric::Is(uuid) => GpuId::new(uuid.as_str()),
            Metric::Missing(_) => GpuId::new(format!("index:{index}")),
        };
        let health = if self.is_lost() {
            GpuHealth::Lost
        } else {
            GpuHealth::Ok
        };
        Some(GpuReading {
            memory: memory_of(
                name.as_str(),
                self.whole("memory.used").map(Mib),
                self.whole("memory.total").map(Mib),
            ),
            id,
            index,
            name,
            bus_id: self.text("pci.bus_id"),
            health,
            utilisation: self.real("utilization.gpu").map(Percent),
            temperature: self.real("temperature.gpu").map(Celsius),
            power: self.real("power.draw").map(Watts),
            power_limit: self.real("power.limit").map(Watts),
            clock_sm: self.whole("clocks.sm").map(Mhz),
            clock_memory: self.whole("clocks.mem").map(Mhz),
            fan: self.real("fan.speed").map(Percent),
            pstate: self.pstate(),
            throttle: self.throttle(),
            ecc: self.ecc(),
            mig: Vec::new(),
        })
    }

    /// The process of a `--query-compute-apps` row: its id, the GPU it is on, the memory it holds there, its program.
    pub(super) fn app(&self) -> Option<App> {
        Some(App {
            pid: self.cell("pid")?.parse().ok()?,
            gpu: GpuId::new(self.text("gpu_uuid").value()?.as_str()),
            memory: self.whole("used_gpu_memory").map(Mib),
            program: self
                .text("process_name")
                .value()
                .cloned()
                .unwrap_or_default(),
        })
    }
}

/// A row of `--query-compute-apps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct App {
    /// Process id on the host.
    pub(super) pid: u32,
    /// The GPU.
    pub(super) gpu: GpuId,
    /// Memory it holds there.
    pub(super) memory: Metric<Mib>,
    /// Its program.
    pub(super) program: SafeText,
}

/// Why a cell holds no value, in nvidia-smi's words.
fn missing(cell: &str) -> Option<Missing> {
    let bare = cell.trim_start_matches('[').trim_end_matches(']');
    Some(match bare.to_ascii_lowercase().as_str() {
        "" => Missing::NotReported,
        "n/a" | "not supported" | "requested functionality has been deprecated" => {
            Missing::NotSupported
        }
        "gpu is lost" => Missing::Lost,
        "insufficient permissions" | "no permission" => Missing::NoPermission,
        _ if cell.starts_with('[') => Missing::Unreadable(bare.into()),
        _ => return None,
    })
}

/// What is wrong, where a line of nvidia-smi says so.
pub(super) fn trouble(line: &str) -> Option<GpuCondition> {
    let has = |words: &str| line.contains(words);
    if has("couldn't communicate with the NVIDIA driver") || has("NVML: Driver Not Loaded") {
        Some(GpuCondition::NoDriver)
    } else if has("Driver/library version mismatch") {
        Some(GpuCondition::VersionMismatch {
            detail: SafeText::default(),
        })
    } else if has("No devices were found") || has("No devices found") {
        Some(GpuCondition::NoDevices)
    } else if has("Unable to determine the device handle") || has("GPU is lost.") {
        Some(GpuCondition::Lost {
            detail: line.into(),
        })
    } else if has("Failed to initialize NVML") || has("NVIDIA-SMI has failed") {
        Some(GpuCondition::Failed {
            detail: line.into(),
        })
    } else {
        None
    }
}

/// The library's version in the line that follows a version mismatch.
pub(super) fn library_version(line: &str) -> Option<SafeText> {
    let version = line.strip_prefix("NVML library version:")?.trim();
    Some(format!("library {version}").into())
}

/// The field in `Field "x" is not a valid field to query.`
pub(super) fn refused_field(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("Field \"")?.split_once('"')?;
    rest.contains("not a valid field").then_some(name)
}

/// What an end with this status means where no line said it (nvidia-smi(1), "RETURN VALUE"; 127 is the shell's).
pub(super) fn trouble_of_status(status: u32, last_line: &SafeText) -> GpuCondition {
    match status {
        9 | 12 => GpuCondition::NoDriver,
        6 => GpuCondition::NoDevices,
        15 => GpuCondition::Lost {
            detail: last_line.clone(),
        },
        18 => GpuCondition::VersionMismatch {
            detail: SafeText::default(),
        },
        126 | 127 => GpuCondition::NoTool,
        _ if last_line.is_empty() => GpuCondition::Failed {
            detail: format!("it ended with status {status}").into(),
        },
        _ => GpuCondition::Failed {
            detail: last_line.clone(),
        },
    }
}

/// The CUDA version in `nvidia-smi --version`, in `-q` and in the head of the table.
pub(super) fn cuda_version(line: &str) -> Option<SafeText> {
    let (_, rest) = line.split_once("CUDA Version")?;
    let version = rest.trim_start_matches([' ', ':']).split(' ').next()?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GpuMemory;
    use proptest::prelude::*;

    #[test]
    fn gb10_as_it_was_seen() {
        let recorded = include_str!("../../tests/it/fixtures/smi/gb10-nvitop-pr208.csv");
        let mut lines = recorded.lines();
        let columns = Columns::read(lines.next().unwrap(), "memory.total").unwrap();
        let row = columns.row(lines.next().unwrap()).unwrap();
        let none = Metric::Missing(Missing::NotSupported);
        assert_eq!(row.number("memory.total"), none);
        assert_eq!(row.number("utilization.gpu"), Metric::Is(0.0));
        assert_eq!(row.number("power.draw"), Metric::Is(11.17));
        assert_eq!(row.number("temperature.gpu"), Metric::Is(35.0));
        assert_eq!(
            row.number("fan.speed"),
            Metric::Missing(Missing::NotReported)
        );
        assert_eq!(row.gpu(), None, "it has no index");
    }

    #[test]
    fn columns_go_by_name() {
        let columns = Columns::read("name, index, fan.speed [%], uuid", "index").unwrap();
        let gpu = columns.row("NVIDIA H200, 3, 41 %, GPU-x").unwrap().gpu();
        let gpu = gpu.unwrap();
        assert_eq!(gpu.index, 3);
        assert_eq!(gpu.id, GpuId::new("GPU-x"));
        assert_eq!(gpu.fan, Metric::Is(Percent(41.0)));
        assert_eq!(gpu.memory, GpuMemory::Missing(Missing::NotReported));
        assert_eq!(columns.row("NVIDIA H200, 3"), None);
        assert_eq!(Columns::read("Tue Nov 21 12:00:00 2026", "index"), None);
    }

    #[test]
    fn cells_without_a_value() {
        for (cell, wanted) in [
            ("[N/A]", Missing::NotSupported),
            ("N/A", Missing::NotSupported),
            ("[Not Supported]", Missing::NotSupported),
            ("[GPU is lost]", Missing::Lost),
            ("[Insufficient Permissions]", Missing::NoPermission),
            ("", Missing::NotReported),
            (
                "[Unknown Error]",
                Missing::Unreadable("Unknown Error".into()),
            ),
            ("warm", Missing::Unreadable("warm".into())),
            ("-3", Missing::Unreadable("-3".into())),
            ("NaN", Missing::Unreadable("NaN".into())),
        ] {
            let columns = Columns::read("index, temperature.gpu", "index").unwrap();
            let line = format!("0, {cell}");
            let row = columns.row(&line).unwrap();
            assert_eq!(
                row.number("temperature.gpu"),
                Metric::Missing(wanted),
                "{cell}"
            );
        }
        let columns = Columns::read("index, name, temperature.gpu", "index").unwrap();
        let row = columns.row("1, [GPU is lost], [GPU is lost]").unwrap();
        assert_eq!(row.gpu().unwrap().health, GpuHealth::Lost);
    }

    #[test]
    fn what_a_status_means_where_no_line_says_it() {
        for (status, wanted) in [
            (9, GpuCondition::NoDriver),
            (6, GpuCondition::NoDevices),
            (127, GpuCondition::NoTool),
            (
                15,
                GpuCondition::Lost {
                    detail: "gone".into(),
                },
            ),
            (
                255,
                GpuCondition::Failed {
                    detail: "gone".into(),
                },
            ),
        ] {
            assert_eq!(trouble_of_status(status, &"gone".into()), wanted);
        }
        assert_eq!(
            trouble("Failed to initialize NVML: Unknown Error"),
            Some(GpuCondition::Failed {
                detail: "Failed to initialize NVML: Unknown Error".into()
            })
        );
        assert!(matches!(
            trouble("Unable to determine the device handle for GPU0000:07:00.0: Unknown Error"),
            Some(GpuCondition::Lost { .. })
        ));
        assert_eq!(
            cuda_version(
                "| NVIDIA-SMI 580.95.05    Driver Version: 580.95.05    CUDA Version: 13.0     |"
            ),
            Some("13.0".into())
        );
    }

    proptest! {
        #[test]
        fn no_line_stops_it(header in ".{0,80}", line in ".{0,80}") {
            for header in [header.as_str(), "index, pid, uuid, gpu_uuid, pstate, name"] {
                for key in ["index", "pid"] {
                    if let Some(columns) = Columns::read(header, key)
                        && let Some(row) = columns.row(&line)
                    {
                        let _ = (row.gpu(), row.app());
                    }
                }
            }
            let _ = (trouble(&line), refused_field(&line), cuda_version(&line), library_version(&line));
        }
    }
}
