//! Readings over time in numbers for the assistant (pure): times of the wall, few enough points to be read.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::assistant::Measure;
use crate::domain::{At, Wall};
use crate::engine::{Fleet, Host, Point, Series, SeriesKey};

/// Points of one series; more are put together.
const MOST_POINTS: usize = 40;

/// GPUs that are looked at.
const GPUS: RangeInclusive<u32> = 0..=63;

/// The series of a host over the last minutes, a paragraph each.
pub(super) fn metrics(
    fleet: &Fleet,
    host: &Host,
    measure: Option<Measure>,
    minutes: u32,
) -> Vec<String> {
    let from = At(fleet.at.0.saturating_sub(u64::from(minutes) * 60_000));
    let mut lines = Vec::new();
    for (key, name, unit) in keys(measure) {
        let Some(series) = host.history.series(key) else {
            continue;
        };
        one(fleet, (&name, unit), series, from, &mut lines);
    }
    if lines.is_empty() {
        lines.push(format!(
            "nothing was recorded of that on {} in the last {minutes} minutes; this session has watched it for {}",
            host.id,
            fleet.at.since(At::default()).words()
        ));
    }
    lines
}

fn one(
    fleet: &Fleet,
    (name, unit): (&str, &str),
    series: &Series,
    from: At,
    lines: &mut Vec<String>,
) {
    let mut points: Vec<Point> = series
        .newest_first()
        .take_while(|point| point.at >= from)
        .collect();
    points.reverse();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return;
    };
    let all = || points.iter().map(|point| point.value);
    let least = all().fold(f32::INFINITY, f32::min);
    let most = all().fold(f32::NEG_INFINITY, f32::max);
    let mean = all().sum::<f32>() / points.len() as f32;
    lines.push(format!(
        "{name} ({unit}): {} readings from {} to {}, least {least:.1}, mean {mean:.1}, most {most:.1}, last {:.1}",
        points.len(),
        moment(fleet, first.at),
        moment(fleet, last.at),
        last.value
    ));
    let run = points.len().div_ceil(MOST_POINTS).max(1);
    let parts = points.chunks(run).filter_map(|part| {
        let most = part
            .iter()
            .map(|point| point.value)
            .fold(f32::NEG_INFINITY, f32::max);
        let at = part.first()?.at;
        Some(format!("{} {most:.1}", clock(fleet, at)))
    });
    let head = if run > 1 {
        format!("  the most of every {run}: ")
    } else {
        "  ".to_owned()
    };
    lines.push(head + &parts.collect::<Vec<_>>().join(", "));
}

/// What is measured of every GPU: the series of one, its name and its unit.
type OfGpu = (Measure, fn(u32) -> SeriesKey, &'static str, &'static str);

fn keys(measure: Option<Measure>) -> Vec<(SeriesKey, String, &'static str)> {
    let wanted = |of| measure.is_none_or(|measure| measure == of);
    let mut keys = Vec::new();
    if wanted(Measure::Cpu) {
        keys.push((SeriesKey::Cpu, "cpu".to_owned(), "% of the machine"));
    }
    if wanted(Measure::Memory) {
        keys.push((SeriesKey::Memory, "memory".to_owned(), "% of total"));
    }
    let of_gpu: [OfGpu; 4] = [
        (
            Measure::GpuUtilisation,
            SeriesKey::GpuUtilisation,
            "utilisation",
            "%",
        ),
        (
            Measure::GpuMemory,
            SeriesKey::GpuMemory,
            "memory",
            "% of its total",
        ),
        (
            Measure::GpuTemperature,
            SeriesKey::GpuTemperature,
            "temperature",
            "°C",
        ),
        (Measure::GpuPower, SeriesKey::GpuPower, "power", "W"),
    ];
    for (_, key, name, unit) in of_gpu.into_iter().filter(|(of, ..)| wanted(*of)) {
        keys.extend(GPUS.map(|gpu| (key(gpu), format!("gpu {gpu} {name}"), unit)));
    }
    if wanted(Measure::Network) {
        keys.push((
            SeriesKey::Network,
            "network".to_owned(),
            "bytes per second, both ways",
        ));
    }
    keys
}

fn wall(fleet: &Fleet, at: At) -> Wall {
    let ago = i64::try_from(fleet.at.since(at).0).unwrap_or_default();
    Wall(fleet.wall.0.saturating_sub(ago))
}

fn moment(fleet: &Fleet, at: At) -> String {
    let at = Timestamp::from_millisecond(wall(fleet, at).0).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn clock(fleet: &Fleet, at: At) -> String {
    let at = Timestamp::from_millisecond(wall(fleet, at).0).unwrap_or_default();
    at.strftime("%H:%M:%S").to_string()
}
