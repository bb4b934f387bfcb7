//! One document of `rocm-smi --json` -> report and processes. Keys go by what they begin with: they differ by version.
//! Pure; built from rocm-smi's source and threads, not from a recording.

use serde_json::{Map, Value};

use crate::domain::{
    Celsius, GpuCondition, GpuHealth, GpuId, GpuProcess, GpuReading, GpuReport, GpuSourceKind,
    Metric, Mhz, Mib, Missing, Percent, Watts,
};
use crate::text::SafeText;

use super::unified::memory_of;

/// Reads one document; `None` where it is none of rocm-smi's.
pub fn read_rocm(text: &str) -> Option<(GpuReport, Vec<GpuProcess>)> {
    let document: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut gpus: Vec<GpuReading> = document
        .iter()
        .filter_map(|(key, card)| {
            let index = key.strip_prefix("card")?.parse().ok()?;
            Some(reading(index, card.as_object()?))
        })
        .collect();
    gpus.sort_by_key(|gpu| gpu.index);
    let system = document.get("system").and_then(Value::as_object);
    if gpus.is_empty() && system.is_none() {
        return None;
    }
    let driver = system.map_or_else(Metric::default, |s| text_of(s, &["Driver version"]));
    let processes = system.map(|s| processes(s, &gpus)).unwrap_or_default();
    let condition = if gpus.is_empty() {
        GpuCondition::NoDevices
    } else {
        GpuCondition::Working
    };
    let report = GpuReport {
        condition,
        source: GpuSourceKind::RocmSmi,
        driver,
        cuda: Metric::Missing(Missing::NotSupported),
        gpus,
    };
    Some((report, processes))
}

fn reading(index: u32, card: &Map<String, Value>) -> GpuReading {
    let name = text_of(
        card,
        &["Card Series", "Card series", "Device Name", "Card model"],
    );
    let name = name.value().cloned().unwrap_or_else(|| "AMD GPU".into());
    let id = text_of(card, &["Unique ID"]);
    let used = number_of(card, &["VRAM Total Used Memory"]);
    let total = number_of(card, &["VRAM Total Memory"]);
    let mib = |bytes: f64| Mib::from_bytes(bytes as u64);
    GpuReading {
        id: GpuId::new(match id.value() {
            Some(id) => id.as_str().to_owned(),
            None => format!("index:{index}"),
        }),
        index,
        memory: memory_of(name.as_str(), used.map(mib), total.map(mib)),
        name,
        bus_id: text_of(card, &["PCI Bus"]),
        health: GpuHealth::Ok,
        utilisation: number_of(card, &["GPU use"]).map(|v| Percent(v as f32)),
        temperature: number_of(
            card,
            &["Temperature (Sensor junction)", "Temperature (Sensor edge)"],
        )
        .map(|v| Celsius(v as f32)),
        power: number_of(
            card,
            &[
                "Current Socket Graphics Package Power",
                "Average Graphics Package Power",
            ],
        )
        .map(|v| Watts(v as f32)),
        power_limit: number_of(card, &["Max Graphics Package Power"]).map(|v| Watts(v as f32)),
        clock_sm: number_of(card, &["sclk clock speed"]).map(|v| Mhz(v as u64)),
        clock_memory: number_of(card, &["mclk clock speed"]).map(|v| Mhz(v as u64)),
        fan: number_of(card, &["Fan speed (%)"]).map(|v| Percent(v as f32)),
        pstate: Metric::Missing(Missing::NotSupported),
        throttle: Metric::default(),
        ecc: Metric::default(),
        mig: Vec::new(),
    }
}

/// `"PID4121": "python, 1, 1234567, 0, 50"`: name, number of GPUs, VRAM bytes, … . It does not say on which GPU; with
/// one GPU that is no question.
fn processes(system: &Map<String, Value>, gpus: &[GpuReading]) -> Vec<GpuProcess> {
    let gpu = match gpus {
        [only] => only.id.clone(),
        _ => GpuId::new("unknown"),
    };
    system
        .iter()
        .filter_map(|(key, value)| {
            let pid = key.strip_prefix("PID")?.parse().ok()?;
            let mut parts = value.as_str()?.split(',').map(str::trim);
            let command = parts.next()?.into();
            let bytes = parts.nth(1).and_then(|bytes| bytes.parse().ok());
            Some(GpuProcess {
                pid,
                gpu: gpu.clone(),
                memory: bytes.map(Mib::from_bytes).into(),
                user: Metric::default(),
                command,
                container: Metric::default(),
                started: Metric::default(),
            })
        })
        .collect()
}

/// The text of the first of these keys that says something. `N/A (Secondary die)` says as little as `N/A`.
fn text_of(card: &Map<String, Value>, heads: &[&str]) -> Metric<SafeText> {
    let mut texts = heads
        .iter()
        .filter_map(|head| {
            let (_, value) = card.iter().find(|(key, _)| key.starts_with(head))?;
            value.as_str().map(str::trim)
        })
        .peekable();
    if texts.peek().is_none() {
        return Metric::Missing(Missing::NotReported);
    }
    texts
        .find(|text| !text.is_empty() && !text.starts_with("N/A"))
        .map_or(Metric::Missing(Missing::NotSupported), |text| {
            Metric::Is(text.into())
        })
}

/// The first number in the text: `(800Mhz)` is 800.
fn number_of(card: &Map<String, Value>, heads: &[&str]) -> Metric<f64> {
    match text_of(card, heads) {
        Metric::Missing(why) => Metric::Missing(why),
        Metric::Is(text) => {
            let digits: String = text
                .as_str()
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            digits
                .parse()
                .map_or_else(|_| Metric::Missing(Missing::Unreadable(text)), Metric::Is)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GpuMemory;

    #[test]
    fn a_document_of_one_card() {
        let built = include_str!("../../tests/it/fixtures/smi/rocm-mi300-built.json");
        let (report, processes) = read_rocm(built).unwrap();
        let gpu = &report.gpus[0];
        assert_eq!(gpu.name.as_str(), "AMD Instinct MI300X");
        assert_eq!(
            gpu.memory,
            GpuMemory::Dedicated {
                used: Mib(98_304),
                total: Mib(196_592)
            }
        );
        assert_eq!(gpu.temperature, Metric::Is(Celsius(58.0)));
        assert_eq!(gpu.clock_sm, Metric::Is(Mhz(2100)));
        assert_eq!(gpu.fan, Metric::Missing(Missing::NotReported));
        assert_eq!(report.driver, Metric::Is("6.8.5".into()));
        assert_eq!(processes[0].pid, 4121);
        assert_eq!(processes[0].memory, Metric::Is(Mib(94_208)));
        assert_eq!(processes[0].gpu, gpu.id);
    }

    #[test]
    fn two_dies_of_one_board() {
        let built = include_str!("../../tests/it/fixtures/smi/rocm-mi250-built.json");
        let (report, processes) = read_rocm(built).unwrap();
        let [first, second] = &report.gpus[..] else {
            panic!("{report:?}")
        };
        assert_eq!((first.index, second.index), (0, 1));
        assert_eq!(first.power, Metric::Is(Watts(235.0)));
        // The board's power stands with the first die.
        assert_eq!(second.power, Metric::Missing(Missing::NotSupported));
        // No junction sensor: the edge is what there is.
        assert_eq!(second.temperature, Metric::Is(Celsius(45.0)));
        assert_eq!(second.id.as_str(), "index:1");
        assert_eq!(processes[0].memory, Metric::default());
        assert_eq!(processes[0].gpu.as_str(), "unknown");
    }

    #[test]
    fn documents_that_are_none() {
        for text in ["", "{}", "[]", "{\"card0\": 3}", "not json"] {
            assert_eq!(read_rocm(text), None, "{text}");
        }
    }
}
