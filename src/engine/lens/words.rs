//! What a lens says in its own words (pure): names of sources, gaps, missing lines.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::Clock;
use crate::domain::{Age, HostId, Wall};
use crate::follow::{self, SourceAddress, SourceSpec, Stamp};
use crate::logs::{Now, SourceLabel};
use crate::text::SafeText;

/// What this machine is called where no host is named.
const HERE: &str = "local";

/// What a source is called in the columns.
pub(super) fn label(address: &SourceAddress) -> SourceLabel {
    let host = address.host.as_ref().map_or(HERE, HostId::as_str);
    let name = match &address.spec {
        SourceSpec::Container(name) | SourceSpec::Unit(name) => name.as_str(),
        SourceSpec::File(path) => path.as_str().rsplit('/').next().unwrap_or_default(),
        SourceSpec::Kernel => "kernel",
        SourceSpec::Actions => "actions",
    };
    SourceLabel {
        host: host.into(),
        name: name.into(),
    }
}

/// What a line means, where we know more than it says.
pub(super) fn explain(line: &str) -> Option<String> {
    follow::explain(line.as_bytes()).map(str::to_owned)
}

/// Nothing was read for so long.
pub(super) fn gap(length: Age, now: Wall) -> SafeText {
    format!("gap {}, resumed at {}", length.words(), time(now)).into()
}

/// Lines are missing.
pub(super) fn missing(lines: Option<u64>, why: &SafeText) -> SafeText {
    match lines {
        Some(1) => format!("1 line is missing: {why}").into(),
        Some(lines) => format!("{lines} lines are missing: {why}").into(),
        None => format!("lines are missing: {why}").into(),
    }
}

/// What time it is, and where.
pub(super) fn now(clock: &Clock) -> Now {
    let wall = clock.wall();
    let moment = Timestamp::from_millisecond(wall.0).unwrap_or_default();
    Now {
        stamp: stamp(wall),
        zone: TimeZone::system().to_offset(moment).seconds(),
    }
}

/// A moment of our clock as lines are stamped.
pub(super) fn stamp(wall: Wall) -> Stamp {
    Stamp(wall.0.saturating_mul(1_000_000))
}

fn time(wall: Wall) -> String {
    Timestamp::from_millisecond(wall.0).map_or_else(
        |_| "--:--:--".into(),
        |moment| {
            moment
                .to_zoned(TimeZone::system())
                .strftime("%H:%M:%S")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_short_names() {
        for (address, host, name) in [
            ("spark-1/container:vllm", "spark-1", "vllm"),
            ("unit:docker.service", "local", "docker.service"),
            ("spark-1/file:/var/log/syslog", "spark-1", "syslog"),
            ("kernel", "local", "kernel"),
            ("actions", "local", "actions"),
        ] {
            let label = label(&address.parse().unwrap());
            assert_eq!((label.host.as_str(), label.name.as_str()), (host, name));
        }
    }

    #[test]
    fn what_is_missing_is_counted() {
        let why = "the reader was too slow".into();
        assert_eq!(
            missing(Some(1), &why).as_str(),
            "1 line is missing: the reader was too slow"
        );
        assert_eq!(
            missing(Some(7), &why).as_str(),
            "7 lines are missing: the reader was too slow"
        );
        assert_eq!(
            missing(None, &why).as_str(),
            "lines are missing: the reader was too slow"
        );
    }
}
