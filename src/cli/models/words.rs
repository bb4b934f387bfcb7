//! Numbers and moments of models as a person reads them (pure).

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Age, Bytes, BytesPerSecond, Mib, Wall};
use crate::engine::{EngineKind, Mode, ModelSource};

/// What stands where there is nothing to say.
pub(super) const NOTHING: &str = "–";

/// Bytes in the unit that has few digits.
pub(super) fn size(bytes: Bytes) -> String {
    match bytes.0 {
        0..1024 => format!("{} B", bytes.0),
        1024..1_048_576 => format!("{} KiB", bytes.0 / 1024),
        _ => Mib::from_bytes(bytes.0).to_string(),
    }
}

/// A rate in the unit that has few digits.
pub(super) fn rate(rate: BytesPerSecond) -> String {
    format!("{}/s", size(Bytes(rate.0)))
}

/// A length of time: tenths below a minute.
pub(super) fn length(length: Duration) -> String {
    if length < Duration::from_mins(1) {
        format!("{:.1} s", length.as_secs_f64())
    } else {
        Age::from(length).words()
    }
}

/// The time between two moments.
pub(super) fn between(from: Wall, to: Wall) -> Duration {
    Duration::from_millis(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or_default())
}

/// RFC 3339, UTC.
pub(super) fn moment(wall: Wall) -> Option<String> {
    let moment = Timestamp::from_millisecond(wall.0).ok()?;
    Some(moment.to_string())
}

/// Where weights come from, in one word.
pub(super) fn source(source: &ModelSource) -> &str {
    match source {
        ModelSource::Repo(repo) => repo.as_str(),
        ModelSource::Local(path) => path.as_str(),
    }
}

/// What runs a model, as the catalogue writes it.
pub(super) fn engine(engine: &EngineKind) -> &'static str {
    match engine {
        EngineKind::SparkLauncher { .. } => "spark-launcher",
        EngineKind::Vllm { .. } => "vllm",
        EngineKind::LlamaCpp { .. } => "llama.cpp",
        EngineKind::Container { .. } => "container",
    }
}

/// On how many hosts.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Solo => "solo",
        Mode::Cluster => "cluster",
        Mode::Either => "either",
    }
}
